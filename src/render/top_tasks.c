/* Every task, one row each: what runs first, what is idle by design or done last. */
#include <string.h>

#include "label.h"
#include "report_details.h"
#include "top_cells.h"
#include "top_rows.h"

enum {
    NAME,
    STATE,
    WAITS,
    AGE,
    MOVED,
    CPU,
    WHERE,
    COLUMN_COUNT,
};

static const struct top_column columns[COLUMN_COUNT] = {
    [NAME] = {.title = "NAME", .columns = 12, .most = 16, .share = 1},
    [STATE] = {.title = "STATE", .columns = 5},
    [WAITS] = {.title = "WAITS FOR", .columns = 21, .share = 2},
    [AGE] = {.title = "AGE", .columns = 6, .rank = 2, .is_number = true},
    [MOVED] = {.title = "MOVED", .columns = 5, .rank = 4},
    [CPU] = {.title = "CPU%", .columns = 4, .rank = 3, .is_number = true},
    [WHERE] = {.title = "WHERE", .columns = 22, .least = 17, .share = 3, .rank = 1},
};

static const struct snapshot_task *get_task(const struct top_table *table, size_t row) {
    return &table->words->report.snapshot->tasks.items[table->order[row]];
}

static const struct live_task *get_live(const struct top_table *table, size_t row) {
    return &table->words->input->live->task_rows[table->order[row]];
}

static unsigned char get_rank(struct top_words *words, size_t index) {
    const struct snapshot_task *task = &words->report.snapshot->tasks.items[index];
    switch (task->state) {
    case SNAPSHOT_TASK_RUNNING:
        return 0;
    case SNAPSHOT_TASK_READY:
    case SNAPSHOT_TASK_NOT_STARTED:
        return 1;
    case SNAPSHOT_TASK_WAITING:
        return task->idle == SNAPSHOT_YES ? 3 : 2;
    case SNAPSHOT_TASK_DONE:
    case SNAPSHOT_TASK_CANCELLED:
    case SNAPSHOT_TASK_STATE_COUNT:
    default:
        return 4;
    }
}

static void make(struct top_table *table) {
    table->row_count = table->words->report.snapshot->tasks.count;
    table->order = top_order_by_rank(table->words, table->row_count, get_rank);
}

static const char *describe_moved(enum snapshot_tristate moved) {
    return moved == SNAPSHOT_YES ? "yes" : moved == SNAPSHOT_NO ? "no" : "-";
}

static void get_row(const struct top_table *table, size_t row, struct top_cell *ret) {
    struct top_words *words = table->words;
    const struct snapshot_task *task = get_task(table, row);
    const struct live_task *live = get_live(table, row);
    ret[AGE] = top_cell_age(words, live->age);
    ret[CPU] = top_cell_cpu(words, live->cpu);
    if (table->orders_only)
        return;
    ret[NAME] = top_cell_text(label_task(&words->report, task));
    ret[STATE] = top_cell_text(top_task_state(task));
    ret[WAITS] = top_cell_wait(words, task, label_wait(&words->report, task));
    ret[MOVED] = top_cell_text(describe_moved(live->moved));
    ret[WHERE] = top_cell_where(words, &task->frames, task->coroutine);
    if (task->state == SNAPSHOT_TASK_RUNNING)
        top_cells_set_style(ret, COLUMN_COUNT, SCREEN_BOLD);
    else if (task->state == SNAPSHOT_TASK_WAITING && task->idle == SNAPSHOT_YES)
        top_cells_set_style(ret, COLUMN_COUNT, SCREEN_DIM);
}

/* A new task may have the address of an old one. */
static uint64_t get_key(const struct top_table *table, size_t row) {
    const struct snapshot_task *task = get_task(table, row);
    return top_key_of_text(task->id, task->name);
}

static void print_details(const struct top_table *table, size_t row, struct report *report) {
    struct page *page = &report->page;
    const struct snapshot_task *task = get_task(table, row);
    const struct live_task *live = get_live(table, row);
    page_put_styled(page, PAGE_BOLD, label_task(report, task));
    page_format(page, "  %s, for %s, %s CPU", label_task_state(task),
                top_age(table->words, live->age), top_share(table->words, live->cpu));
    page_end_line(page);
    report_task_details(report, table->order[row]);
}

const struct top_rows top_tasks = {
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .nothing = "no tasks",
    .make = make,
    .get_row = get_row,
    .get_key = get_key,
    .print_details = print_details,
};
