/* Tasks that are in the same place, folded: how many, what they wait for, where, who they are. */
#include "names.h"
#include "report_facts.h"
#include "report_stack.h"
#include "words.h"

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

static void print_heading(struct report *report, const struct snapshot_group *group) {
    struct page *page = &report->page;
    const struct snapshot_task *first = &report->snapshot->tasks.items[group->tasks[0]];
    int columns = get_wait_columns(page);
    page_put_count(page, group->task_count, COUNT_COLUMNS);
    page_move(page, STATE_COLUMN);
    page_put_styled(page, PAGE_BOLD, words_task_state(first));
    page_move(page, WAIT_COLUMN);
    page_put_head(page, words_wait(report, first, group->awaiting), columns);
    page_move(page, WAIT_COLUMN + columns + 2);
    if (group->task_count == 1)
        page_put(page, words_task(report, first));
    else
        print_names(report, group);
    page_end_line(page);
}

static void print_group(struct report *report, const struct snapshot_group *group) {
    const struct snapshot_task *first = &report->snapshot->tasks.items[group->tasks[0]];
    print_heading(report, group);
    report_stack(report, first, REPORT_BRIEF, group->task_count == 1);
    report_facts(report, group->tasks, group->task_count, !report->options->verbose);
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

/* Groups that are not printed elsewhere, and how many tasks they hold. */
static size_t count_groups(const struct snapshot *snapshot, size_t first, size_t *ret_tasks) {
    size_t count = 0;
    *ret_tasks = 0;
    for (size_t i = first; i < snapshot->groups.count; i++)
        if (snapshot->groups.items[i].state != SNAPSHOT_TASK_RUNNING) {
            count++;
            *ret_tasks += snapshot->groups.items[i].task_count;
        }
    return count;
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

static void print_rest(struct report *report, size_t first) {
    struct page *page = &report->page;
    size_t tasks, groups = count_groups(report->snapshot, first, &tasks);
    page->column = STATE_COLUMN;
    page_put_styled(page, PAGE_DIM,
                    arena_format(page->scratch, "... %s more groups, %s tasks (-v)",
                                 page_count(page, groups), page_count(page, tasks)));
    page_end_line(page);
}

void report_groups(struct report *report) {
    const struct snapshot *snapshot = report->snapshot;
    size_t tasks, groups = count_groups(snapshot, 0, &tasks), printed = 0;
    if (!groups)
        return;
    print_title(report, groups, tasks);
    print_columns(&report->page);
    report->page.margin = GROUP_MARGIN;
    for (size_t i = 0; i < snapshot->groups.count; i++) {
        if (snapshot->groups.items[i].state == SNAPSHOT_TASK_RUNNING)
            continue;
        if (printed++ == GROUPS_MAX && groups > GROUPS_MAX + 1 && !report->options->verbose) {
            print_rest(report, i);
            break;
        }
        print_group(report, &snapshot->groups.items[i]);
    }
    report->page.margin = 0;
}
