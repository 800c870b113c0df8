/* Tasks that are in the same place, folded: how many, what they wait for, where, who they are. */
#include "frames.h"
#include "label.h"
#include "names.h"
#include "report_facts.h"
#include "report_stack.h"

#define COUNT_COLUMNS 8
#define STATE_COLUMN (COUNT_COLUMNS + 2)
#define GROUP_MARGIN (STATE_COLUMN - 4) /* frames stand below the state */
#define WAIT_COLUMN (STATE_COLUMN + 13)
#define GROUPS_MAX 40 /* that are printed unless everything is told */

static int get_wait_columns(const struct page *page) {
    return page->width < 100 ? 30 : page->width * 2 / 5 - 4;
}

static void print_names(struct report *report, const struct snapshot_group *group) {
    struct names *names = names_create(&report->page);
    for (size_t i = 0; i < group->task_count; i++)
        names_add(names, report->snapshot->tasks.items[group->tasks[i]].name);
    names_print(names, report->page.width - report->page.column);
}

static bool is_idle(const struct report *report, const struct snapshot_group *group) {
    const struct snapshot_task *first = &report->snapshot->tasks.items[group->tasks[0]];
    return first->state == SNAPSHOT_TASK_WAITING && first->idle == SNAPSHOT_YES;
}

/* Where idle tasks are matters more than who they are. */
static void print_place(struct report *report, const struct snapshot_group *group) {
    struct page *page = &report->page;
    const struct snapshot_frame *frame = stack_find_user(&group->frames);
    if (!frame)
        return;
    page_put_head(page, frame_get_name(frame), (page->width - page->column) / 2);
    page_put(page, "  ");
    page_put_tail(page, frame_get_place(page, frame, false), page->width);
}

static void print_heading(struct report *report, const struct snapshot_group *group, bool placed) {
    struct page *page = &report->page;
    const struct snapshot_task *first = &report->snapshot->tasks.items[group->tasks[0]];
    int columns = get_wait_columns(page);
    page_put_count(page, group->task_count, COUNT_COLUMNS);
    page_move(page, STATE_COLUMN);
    page_put_styled(page, PAGE_BOLD, label_task_state(first));
    page_move(page, WAIT_COLUMN);
    page_put_head(page, label_wait(report, first, group->awaiting), columns);
    page_move(page, WAIT_COLUMN + columns + 2);
    if (placed)
        print_place(report, group);
    else if (group->task_count == 1)
        page_put(page, label_task(report, first));
    else
        print_names(report, group);
    page_end_line(page);
}

/* Tasks that are idle by design take one line. */
static void print_group(struct report *report, const struct snapshot_group *group) {
    const struct snapshot_task *first = &report->snapshot->tasks.items[group->tasks[0]];
    bool verbose = report->options->verbose, brief = !verbose && is_idle(report, group);
    print_heading(report, group, brief && group->frames.count);
    if (!brief) {
        report_whole_wait(report, label_wait(report, first, group->awaiting),
                          get_wait_columns(&report->page));
        report_stack(report, first, REPORT_BRIEF, group->task_count == 1);
        report_facts(report, group->tasks, group->task_count, !verbose);
    }
    arena_reset(report->page.scratch);
}

static void print_columns(struct page *page) {
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

/* The groups that are not printed elsewhere: those that are idle by design come last. */
static size_t choose_groups(struct report *report, const struct snapshot_group **ret) {
    const struct snapshot *snapshot = report->snapshot;
    size_t count = 0;
    for (int idle = 0; idle < 2; idle++)
        for (size_t i = 0; i < snapshot->groups.count; i++) {
            const struct snapshot_group *group = &snapshot->groups.items[i];
            if (group->state != SNAPSHOT_TASK_RUNNING && is_idle(report, group) == (idle > 0))
                ret[count++] = group;
        }
    return count;
}

static size_t count_tasks(const struct snapshot_group *const *groups, size_t count) {
    size_t tasks = 0;
    for (size_t i = 0; i < count; i++)
        tasks += groups[i]->task_count;
    return tasks;
}

static void print_title(struct report *report, size_t groups, size_t tasks) {
    struct page *page = &report->page;
    report_title_with(report,
                      arena_format(page->scratch, "GROUPS   %s %s, %s %s", page_count(page, tasks),
                                   tasks == 1 ? "task" : "tasks", page_count(page, groups),
                                   groups == 1 ? "group" : "groups"),
                      report->options->verbose ? "-a every task   -g wait graph"
                                               : "-a every task   -g wait graph   -v all frames");
}

static void print_rest(struct report *report, size_t groups, size_t tasks) {
    struct page *page = &report->page;
    page->column = STATE_COLUMN;
    page_put_styled(page, PAGE_DIM,
                    arena_format(page->scratch, "... %s more groups, %s tasks (-v)",
                                 page_count(page, groups), page_count(page, tasks)));
    page_end_line(page);
}

static void print_groups(struct report *report, const struct snapshot_group *const *groups,
                         size_t count) {
    bool whole = report->options->verbose || count <= GROUPS_MAX + 1;
    size_t most = whole ? count : GROUPS_MAX;
    print_title(report, count, count_tasks(groups, count));
    print_columns(&report->page);
    report->page.margin = GROUP_MARGIN;
    for (size_t i = 0; i < most; i++)
        print_group(report, groups[i]);
    report->page.margin = 0;
    if (count > most)
        print_rest(report, count - most, count_tasks(groups + most, count - most));
}

void report_groups(struct report *report) {
    struct arena *arena = arena_create();
    const struct snapshot_group **groups =
        arena_alloc_array(arena, report->snapshot->groups.count, sizeof *groups);
    size_t count = choose_groups(report, groups);
    if (count)
        print_groups(report, groups, count);
    arena_destroy(arena);
}
