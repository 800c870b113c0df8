/* Tasks: the running ones, then groups of equal ones, or all of them one by one. */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "frames.h"
#include "names.h"
#include "report.h"
#include "report_facts.h"

#define COUNT_COLUMNS 8
#define STATE_COLUMN (COUNT_COLUMNS + 2)
#define GROUP_MARGIN (STATE_COLUMN - 4) /* frames stand below the state */
#define WAIT_COLUMN (STATE_COLUMN + 13)

static int get_wait_columns(const struct page *page) {
    return page->width < 100 ? 24 : page->width / 4 + 5;
}

/* What one task waits for. */
static const char *describe_wait(struct report *report, const struct snapshot_task *task,
                                 const char *kind) {
    switch (task->state) {
    case SNAPSHOT_TASK_READY:
        return "its turn";
    case SNAPSHOT_TASK_NOT_STARTED:
        return "its first turn";
    case SNAPSHOT_TASK_WAITING:
        break;
    case SNAPSHOT_TASK_RUNNING:
    case SNAPSHOT_TASK_DONE:
    case SNAPSHOT_TASK_CANCELLED:
    case SNAPSHOT_TASK_STATE_COUNT:
    default:
        return "-";
    }
    if (!task->awaiting || task->awaiting->task_count != 1)
        return kind ? kind : "?";
    size_t place = task_index_find(report->index, task->awaiting->tasks[0]);
    if (place == TASK_INDEX_NONE)
        return kind ? kind : "a task";
    return arena_format(report->page.scratch, "task %s",
                        report_task_label(report, &report->snapshot->tasks.items[place]));
}

/* True when all tasks of a group are parked on the same object. */
static bool share_wait(const struct snapshot *snapshot, const struct snapshot_group *group) {
    const struct snapshot_wait *first = snapshot->tasks.items[group->tasks[0]].awaiting;
    for (size_t i = 1; first && i < group->task_count; i++) {
        const struct snapshot_wait *wait = snapshot->tasks.items[group->tasks[i]].awaiting;
        if (!wait || wait->id != first->id)
            return false;
    }
    return true;
}

static const char *describe_group_wait(struct report *report, const struct snapshot_group *group) {
    const struct snapshot_task *first = &report->snapshot->tasks.items[group->tasks[0]];
    if (group->task_count == 1 || first->state != SNAPSHOT_TASK_WAITING)
        return describe_wait(report, first, group->awaiting);
    if (!group->awaiting || !share_wait(report->snapshot, group))
        return group->awaiting ? group->awaiting : "?";
    if (first->awaiting->kind == SNAPSHOT_WAIT_TASK)
        return describe_wait(report, first, group->awaiting);
    return arena_format(report->page.scratch, "%s, all the same", group->awaiting);
}

static void print_stack(struct report *report, const struct snapshot_stack *stack,
                        const struct snapshot_task *task) {
    stack_print(&report->page, stack, report->options->verbose);
    if (!stack->count)
        stack_print_fact(&report->page, "coroutine", task->coroutine ? task->coroutine : "unknown",
                         NULL, 1);
}

static void print_group_names(struct report *report, const struct snapshot_group *group) {
    struct names *names = names_create(&report->page);
    for (size_t i = 0; i < group->task_count; i++)
        names_add(names, report->snapshot->tasks.items[group->tasks[i]].name);
    names_print(names, report->page.width - report->page.column);
}

static void print_group(struct report *report, const struct snapshot_group *group) {
    struct page *page = &report->page;
    const struct snapshot_task *first = &report->snapshot->tasks.items[group->tasks[0]];
    int wait_columns = get_wait_columns(page);
    page_put_count(page, group->task_count, COUNT_COLUMNS);
    page_move(page, STATE_COLUMN);
    page_put_styled(page, PAGE_BOLD, report_state_name(group->state));
    page_move(page, WAIT_COLUMN);
    page_put_head(page, describe_group_wait(report, group), wait_columns);
    page_move(page, WAIT_COLUMN + wait_columns + 2);
    if (group->task_count == 1)
        page_put(page, report_task_label(report, first));
    else
        print_group_names(report, group);
    page_end_line(page);
    print_stack(report, &group->frames, first);
    report_facts(report, group->tasks, group->task_count);
    arena_reset(page->scratch);
}

/* The title with what the options would change, where there is room for it. */
static void print_title(struct report *report, const char *title, const char *hint) {
    report_title(report, title);
    page_put_right(&report->page, hint);
    page_end_line(&report->page);
}

static void print_group_columns(struct page *page) {
    page->column = COUNT_COLUMNS - 5;
    page_put_styled(page, PAGE_DIM, "COUNT");
    page_move(page, STATE_COLUMN);
    page_put_styled(page, PAGE_DIM, "STATE");
    page_move(page, WAIT_COLUMN);
    page_put_styled(page, PAGE_DIM, "WAITS FOR");
    page_move(page, WAIT_COLUMN + get_wait_columns(page) + 2);
    page_put_styled(page, PAGE_DIM, "NAMES");
    page_end_line(page);
}

static bool is_running(const struct snapshot_group *group) {
    return group->state == SNAPSHOT_TASK_RUNNING;
}

void report_groups(struct report *report) {
    struct page *page = &report->page;
    const struct snapshot *snapshot = report->snapshot;
    size_t groups = 0, tasks = 0;
    for (size_t i = 0; i < snapshot->groups.count; i++)
        if (!is_running(&snapshot->groups.items[i])) {
            groups++;
            tasks += snapshot->groups.items[i].task_count;
        }
    if (!groups)
        return;
    print_title(report,
                arena_format(page->scratch, "GROUPS   %s %s with %s", page_count(page, tasks),
                             tasks == 1 ? "task" : "tasks",
                             groups == 1 ? "one stack"
                                         : arena_format(page->scratch, "%s different stacks",
                                                        page_count(page, groups))),
                report->options->verbose ? "-a every task" : "-a every task   -v all frames");
    print_group_columns(page);
    page->margin = GROUP_MARGIN;
    for (size_t i = 0; i < snapshot->groups.count; i++) {
        const struct snapshot_group *group = &snapshot->groups.items[i];
        if (!is_running(group))
            print_group(report, group);
    }
    page->margin = 0;
}

static void print_task(struct report *report, const struct snapshot_group *group, size_t place) {
    struct page *page = &report->page;
    const struct snapshot_task *task = &report->snapshot->tasks.items[place];
    int name_columns = page->width / 3;
    page_put_head(page, report_task_label(report, task), name_columns);
    page_move(page, name_columns + 2);
    page_put_styled(page, PAGE_BOLD, report_state_name(task->state));
    page_move(page, name_columns + 15);
    page_put(page, describe_wait(report, task, group->awaiting));
    page_end_line(page);
    print_stack(report, &task->frames, task);
    report_facts(report, &place, 1);
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
    print_title(report,
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
    const struct snapshot_thread *thread = report_find_thread(report, task->tid);
    report_title(report, "RUNNING  ");
    page_put_head(page, report_task_label(report, task), page->width / 3);
    page_put(page, "  in ");
    page_put_head(page, report_thread_label(report, task->tid), page->width / 3);
    const char *state = thread ? report_thread_state(report, thread) : "";
    if (*state)
        page_format(page, ", %s", state);
    if (thread && thread->holds_gil == SNAPSHOT_YES)
        page_put(page, ", holds the GIL");
    page_end_line(page);
    print_stack(report, &task->frames, task);
    report_facts(report, &place, 1);
    arena_reset(page->scratch);
}

void report_running(struct report *report) {
    for (size_t i = 0; i < report->snapshot->groups.count; i++) {
        const struct snapshot_group *group = &report->snapshot->groups.items[i];
        for (size_t j = 0; is_running(group) && j < group->task_count; j++)
            print_running(report, group->tasks[j]);
    }
}
