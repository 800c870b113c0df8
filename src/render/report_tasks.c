/* The tasks one by one: those that run, and all others. */
#include "label.h"
#include "report_facts.h"
#include "report_stack.h"

static bool is_running(const struct snapshot_group *group) {
    return group->state == SNAPSHOT_TASK_RUNNING;
}

static void print_task(struct report *report, const struct snapshot_group *group, size_t place) {
    struct page *page = &report->page;
    const struct snapshot_task *task = &report->snapshot->tasks.items[place];
    int name_columns = page->width / 3;
    page_put_head_styled(page, PAGE_BOLD, label_task(report, task), name_columns);
    page_move(page, name_columns + 2);
    page_put_styled(page, PAGE_BOLD, label_task_state(task));
    page_move(page, name_columns + 15);
    int columns = page->width - page->column;
    const char *wait = label_wait(report, task, group->awaiting);
    page_put(page, wait);
    page_end_line(page);
    report_whole_wait(report, wait, columns);
    report_stack(report, task, REPORT_FOLDED, true);
    report_facts(report, &place, 1, false);
    arena_reset(page->scratch);
}

void report_all_tasks(struct report *report) {
    struct page *page = &report->page;
    const struct snapshot *snapshot = report->snapshot;
    size_t count = 0;
    for (size_t i = 0; i < snapshot->groups.count; i++)
        count += is_running(&snapshot->groups.items[i]) ? 0 : snapshot->groups.items[i].task_count;
    if (!count)
        return;
    report_title_with(report,
                      arena_format(page->scratch, "EVERY TASK   %s%s", page_count(page, count),
                                   count == snapshot->tasks.count ? "" : ", and the running above"),
                      report->options->verbose ? "" : "-v all frames");
    for (size_t i = 0; i < snapshot->groups.count; i++) {
        const struct snapshot_group *group = &snapshot->groups.items[i];
        for (size_t j = 0; !is_running(group) && j < group->task_count; j++)
            print_task(report, group, group->tasks[j]);
    }
}

static void print_running(struct report *report, size_t place) {
    struct page *page = &report->page;
    const struct snapshot_task *task = &report->snapshot->tasks.items[place];
    const struct snapshot_thread *thread = label_find_thread(report, task->tid);
    report_title(report, "RUNNING  ");
    page_put_head(page, label_task(report, task), page->width / 3);
    page_put(page, "  in ");
    page_put_head(page, label_thread(report, task->tid), page->width / 3);
    const char *state = thread ? label_thread_state(report, thread) : "";
    if (*state)
        page_format(page, ", %s", state);
    if (thread && thread->holds_gil == SNAPSHOT_YES)
        page_put(page, ", holds the GIL");
    page_end_line(page);
    report_stack(report, task, REPORT_FOLDED, false);
    report_facts(report, &place, 1, false);
    arena_reset(page->scratch);
}

void report_running(struct report *report) {
    for (size_t i = 0; i < report->snapshot->groups.count; i++) {
        const struct snapshot_group *group = &report->snapshot->groups.items[i];
        for (size_t j = 0; is_running(group) && j < group->task_count; j++)
            print_running(report, group->tasks[j]);
    }
}
