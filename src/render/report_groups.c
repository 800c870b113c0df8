/* Tasks that are in the same place, folded: how many, what they wait for, where, who they are. */
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/text.h"
#include "frames.h"
#include "label.h"
#include "names.h"
#include "report_facts.h"
#include "report_stack.h"
#include "shorten.h"

#define COUNT_COLUMNS 8
#define STATE_COLUMN (COUNT_COLUMNS + 2)
#define GROUP_MARGIN (STATE_COLUMN - 4) /* frames stand below the state */
#define WAIT_COLUMN (STATE_COLUMN + 13)
#define WAIT_COLUMNS_LEAST 20
#define GROUPS_MAX 40 /* that are printed unless everything is told */

/* The groups, and the columns that what they wait for takes. */
struct block {
    struct report *report;
    int wait_columns;
};

static const struct snapshot_task *get_first(const struct report *report,
                                             const struct snapshot_group *group) {
    return &report->snapshot->tasks.items[group->tasks[0]];
}

/* The tasks that the members of a group wait for: "task Task-11", "tasks Task-11 .. Task-14". */
static const char *describe_awaited(struct report *report, const struct snapshot_group *group) {
    struct page *page = &report->page;
    struct id_table *seen = id_table_create(page->scratch, 0);
    struct names *names = names_create(page);
    size_t count = 0;
    for (size_t i = 0; i < group->task_count; i++) {
        const struct snapshot_wait *wait = report->snapshot->tasks.items[group->tasks[i]].awaiting;
        for (size_t j = 0; wait && j < wait->task_count; j++)
            if (id_table_add(seen, wait->tasks[j], &wait->tasks[j])) {
                names_add(names, label_task_id(report, wait->tasks[j]));
                count++;
            }
    }
    const char *text = names_describe(names, page->width);
    return arena_format(page->scratch, "%s %s", count == 1 ? "task" : "tasks", text);
}

const char *report_group_wait(struct report *report, const struct snapshot_group *group) {
    const struct snapshot_task *first = get_first(report, group);
    bool waits = first->state == SNAPSHOT_TASK_WAITING && first->awaiting;
    if (waits && first->awaiting->kind == SNAPSHOT_WAIT_TASK && first->awaiting->task_count)
        return describe_awaited(report, group);
    return waits && group->awaiting ? group->awaiting : label_wait(report, first);
}

/* As many as the longest wait takes, but not all of the line. */
static int measure_waits(struct report *report, const struct snapshot_group **groups,
                         size_t count) {
    struct page *page = &report->page;
    int columns = WAIT_COLUMNS_LEAST, most = page->width / 2 - 10;
    for (size_t i = 0; i < count; i++) {
        int width = text_width(page_escape(page, report_group_wait(report, groups[i])));
        columns = width > columns ? width : columns;
        arena_reset(page->scratch);
    }
    return columns < most ? columns : most;
}

static const char *describe_names(struct report *report, const struct snapshot_group *group,
                                  int columns) {
    struct names *names = names_create(&report->page);
    for (size_t i = 0; i < group->task_count; i++)
        names_add(names, report->snapshot->tasks.items[group->tasks[i]].name);
    return names_describe(names, columns);
}

static bool is_idle(const struct report *report, const struct snapshot_group *group) {
    const struct snapshot_task *first = get_first(report, group);
    return first->state == SNAPSHOT_TASK_WAITING && first->idle == SNAPSHOT_YES;
}

/* Where idle tasks are matters more than who they are. */
static const char *describe_place(struct report *report, const struct snapshot_group *group) {
    const struct snapshot_frame *frame = stack_find_user(&group->frames);
    if (!frame)
        return "";
    return arena_format(report->page.scratch, "%s  %s", frame_get_name(frame),
                        frame_get_place(&report->page, frame, false));
}

static const char *describe_who(struct report *report, const struct snapshot_group *group,
                                bool placed, int columns) {
    if (placed)
        return describe_place(report, group);
    return group->task_count == 1 ? label_task(report, get_first(report, group))
                                  : describe_names(report, group, columns);
}

/* A wait that needs more than its columns has those that the names do not need. */
static void print_heading(const struct block *block, const struct snapshot_group *group,
                          bool placed) {
    struct page *page = &block->report->page;
    int rest = page->width - WAIT_COLUMN - block->wait_columns - 2;
    const char *who = page_escape(page, describe_who(block->report, group, placed, rest));
    int spare = rest - text_width(who);
    const char *wait = report_group_wait(block->report, group);
    page_put_count(page, group->task_count, COUNT_COLUMNS);
    page_move(page, STATE_COLUMN);
    page_put_styled(page, PAGE_BOLD, label_task_state(get_first(block->report, group)));
    page_move(page, WAIT_COLUMN);
    page_put_head(page, wait, block->wait_columns + (spare > 0 ? spare : 0));
    page_move(page, WAIT_COLUMN + block->wait_columns + 2);
    page_put(page, shorten_text(page, who, page->width - page->column, 1));
    page_end_line(page);
}

/* Tasks that are idle by design take one line. */
static void print_group(const struct block *block, const struct snapshot_group *group) {
    struct report *report = block->report;
    bool verbose = report->options->verbose, brief = !verbose && is_idle(report, group);
    print_heading(block, group, brief && group->frames.count);
    if (!brief) {
        report_whole_wait(report, report_group_wait(report, group), block->wait_columns);
        report_stack(report, get_first(report, group), REPORT_BRIEF, group->task_count == 1);
        report_facts(report, group->tasks, group->task_count, !verbose);
    }
    arena_reset(report->page.scratch);
}

static void print_columns(const struct block *block) {
    struct page *page = &block->report->page;
    page->column = COUNT_COLUMNS - 5;
    page_put_styled(page, PAGE_DIM, "COUNT");
    page_move(page, STATE_COLUMN);
    page_put_styled(page, PAGE_DIM, "STATE");
    page_move(page, WAIT_COLUMN);
    page_put_styled(page, PAGE_DIM, "WAITS FOR");
    page_move(page, WAIT_COLUMN + block->wait_columns + 2);
    page_put_styled(page, PAGE_DIM, "WHO, OR WHERE");
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

static size_t count_tasks(const struct snapshot_group **groups, size_t count) {
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

static void print_groups(struct report *report, const struct snapshot_group **groups,
                         size_t count) {
    bool whole = report->options->verbose || count <= GROUPS_MAX + 1;
    size_t most = whole ? count : GROUPS_MAX;
    struct block block = {report, measure_waits(report, groups, most)};
    print_title(report, count, count_tasks(groups, count));
    print_columns(&block);
    report->page.margin = GROUP_MARGIN;
    for (size_t i = 0; i < most; i++)
        print_group(&block, groups[i]);
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
