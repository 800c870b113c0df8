/* Tasks in the same place, one row each: what runs first, what is idle by design or done last. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "label.h"
#include "report_details.h"
#include "top_cells.h"
#include "top_rows.h"

enum {
    COUNT,
    CHANGE,
    STATE,
    WAITS,
    OLDEST,
    MOVED,
    CPU,
    WHERE,
    COLUMN_COUNT,
};

static const struct top_column columns[COLUMN_COUNT] = {
    [COUNT] = {.title = "COUNT", .columns = 5, .is_number = true},
    [CHANGE] = {.title = "+/-s", .columns = 4, .rank = 5, .is_number = true},
    [STATE] = {.title = "STATE", .columns = 5},
    [WAITS] = {.title = "WAITS FOR", .columns = 21, .share = 2},
    [OLDEST] = {.title = "OLDEST", .columns = 6, .rank = 2, .is_number = true},
    [MOVED] = {.title = "MOVED", .columns = 5, .rank = 4, .is_number = true},
    [CPU] = {.title = "CPU%", .columns = 4, .rank = 3, .is_number = true},
    [WHERE] = {.title = "WHERE", .columns = 24, .least = 17, .share = 3, .rank = 1},
};

static const struct live_group *get_group(const struct top_table *table, size_t row) {
    return &table->words->input->live->groups[table->order[row]];
}

/* Those of the picture; NULL of the other kinds. */
static const struct snapshot_group *get_members(const struct top_words *words,
                                                const struct live_group *group) {
    const struct snapshot *snapshot = words->report.snapshot;
    if (group->kind != LIVE_GROUP_TASKS || group->index >= snapshot->groups.count ||
        !snapshot->groups.items[group->index].task_count)
        return NULL;
    return &snapshot->groups.items[group->index];
}

static const struct snapshot_task *get_first(const struct top_words *words,
                                             const struct snapshot_group *members) {
    return &words->report.snapshot->tasks.items[members->tasks[0]];
}

enum rank { RANK_RUNNING, RANK_OTHER, RANK_IDLE, RANK_DONE, RANK_GONE };

static unsigned char get_rank(struct top_words *words, size_t index) {
    const struct snapshot_group *members = get_members(words, &words->input->live->groups[index]);
    if (!members)
        return RANK_GONE;
    const struct snapshot_task *first = get_first(words, members);
    switch (first->state) {
    case SNAPSHOT_TASK_RUNNING:
        return RANK_RUNNING;
    case SNAPSHOT_TASK_WAITING:
        return first->idle == SNAPSHOT_YES ? RANK_IDLE : RANK_OTHER;
    case SNAPSHOT_TASK_DONE:
    case SNAPSHOT_TASK_CANCELLED:
        return RANK_DONE;
    case SNAPSHOT_TASK_READY:
    case SNAPSHOT_TASK_NOT_STARTED:
    case SNAPSHOT_TASK_STATE_COUNT:
    default:
        return RANK_OTHER;
    }
}

/* The analysis has sorted the others by their count. */
static void make(struct top_table *table) {
    const struct live *live = table->words->input->live;
    table->row_count = live->group_count;
    table->order = top_order_by_rank(table->words, live->group_count, get_rank);
}

/* Of a single running task its name too: it is what people look for. */
static struct top_cell get_where(struct top_words *words, const struct snapshot_group *members,
                                 const struct snapshot_task *first) {
    struct top_cell cell = top_cell_where(words, &members->frames, first->coroutine);
    if (first->state == SNAPSHOT_TASK_RUNNING && members->task_count == 1)
        cell.before = label_task(&words->report, first);
    return cell;
}

static void get_tasks(struct top_words *words, const struct snapshot_group *members,
                      struct top_cell *ret) {
    const struct snapshot_task *first = get_first(words, members);
    ret[STATE] = top_cell_text(top_task_state(first));
    ret[WAITS] = top_cell_wait(words, first, report_group_wait(&words->report, members));
    ret[WHERE] = get_where(words, members, first);
    if (first->state == SNAPSHOT_TASK_RUNNING)
        top_cells_set_style(ret, COLUMN_COUNT, SCREEN_BOLD);
    else if (first->state == SNAPSHOT_TASK_WAITING && first->idle == SNAPSHOT_YES)
        top_cells_set_style(ret, COLUMN_COUNT, SCREEN_DIM);
}

/* What is there for its CPU only: no other number of it is known. */
static void get_other(const struct live_group *group, struct top_cell *ret) {
    bool is_ended = group->kind == LIVE_GROUP_ENDED;
    ret[WAITS] = top_cell_text(NULL);
    ret[STATE] = top_cell_text(is_ended ? "ended" : NULL);
    ret[WHERE] = top_cell_text(is_ended ? group->coroutine : "callbacks of the loop, not of tasks");
    top_cells_set_style(ret, COLUMN_COUNT, SCREEN_DIM);
}

static void get_row(const struct top_table *table, size_t row, struct top_cell *ret) {
    struct top_words *words = table->words;
    const struct live_group *group = get_group(table, row);
    const struct snapshot_group *members = get_members(words, group);
    ret[COUNT] = members ? top_cell_count(words, (int64_t)group->count) : top_cell_text(NULL);
    ret[CHANGE] = top_cell_rate(words, group->change);
    ret[OLDEST] = top_cell_age(words, group->oldest);
    ret[MOVED] = top_cell_share(words, group->moved);
    ret[CPU] = top_cell_cpu(words, group->cpu);
    if (table->orders_only)
        return;
    if (members)
        get_tasks(words, members, ret);
    else
        get_other(group, ret);
}

static uint64_t get_key(const struct top_table *table, size_t row) {
    return get_group(table, row)->key;
}

static void print_heading(struct top_words *words, struct report *report,
                          const struct live_group *group, const struct snapshot_group *members) {
    struct page *page = &report->page;
    const struct snapshot_task *first = get_first(words, members);
    page_put_styled(page, PAGE_BOLD,
                    arena_format(page->scratch, "%s %s, %s", page_count(page, members->task_count),
                                 members->task_count == 1 ? "task" : "tasks",
                                 label_task_state(first)));
    page_format(page, "  oldest %s, %s moved, %s/s, %s CPU", top_age(words, group->oldest),
                top_share(words, group->moved), top_rate(words, group->change),
                top_share(words, group->cpu));
    page_end_line(page);
}

static void print_details(const struct top_table *table, size_t row, struct report *report) {
    const struct live_group *group = get_group(table, row);
    const struct snapshot_group *members = get_members(table->words, group);
    if (members) {
        print_heading(table->words, report, group, members);
        report_group_details(report, members);
        return;
    }
    page_put_lines(&report->page,
                   group->kind == LIVE_GROUP_CALLBACKS
                       ? "What loops ran outside of any task: call_soon(), timers, transports and "
                         "protocols. It is listed for the CPU that it used."
                       : "Tasks of this coroutine that have ended since the last update. They are "
                         "listed for the CPU that they used.",
                   SIZE_MAX);
}

const struct top_rows top_groups = {
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .nothing = "no tasks",
    .make = make,
    .get_row = get_row,
    .get_key = get_key,
    .print_details = print_details,
};
