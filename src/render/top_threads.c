/* The threads: those that run a loop first. */
#include <inttypes.h>
#include <string.h>

#include "label.h"
#include "report_details.h"
#include "top_cells.h"
#include "top_rows.h"

enum {
    TID,
    NAME,
    CPU,
    GIL,
    WAIT,
    STATE,
    RUNS,
    COLUMN_COUNT,
};

static const struct top_column columns[COLUMN_COUNT] = {
    [TID] = {.title = "TID", .columns = 7, .is_number = true},
    [NAME] = {.title = "NAME", .columns = 14, .share = 1, .cuts_start = true},
    [CPU] = {.title = "CPU%", .columns = 4, .is_number = true},
    [GIL] = {.title = "GIL%", .columns = 4, .rank = 2, .is_number = true},
    [WAIT] = {.title = "WAIT%", .columns = 5, .rank = 3, .is_number = true},
    [STATE] = {.title = "STATE", .columns = 14, .share = 2, .rank = 1},
    [RUNS] = {.title = "RUNS", .columns = 20, .share = 3},
};

static const struct snapshot_thread *get_thread(const struct top_table *table, size_t row) {
    return &table->words->report.snapshot->threads.items[table->order[row]];
}

static const struct live_thread *get_live(const struct top_table *table, size_t row) {
    return &table->words->input->live->thread_rows[table->order[row]];
}

static unsigned char get_rank(struct top_words *words, size_t index) {
    return words->report.snapshot->threads.items[index].event_loop ? 0 : 1;
}

static void make(struct top_table *table) {
    table->row_count = table->words->report.snapshot->threads.count;
    table->order = top_order_by_rank(table->words, table->row_count, get_rank);
}

/* The task that it runs, and where its own code is. */
static struct top_cell get_runs(struct top_words *words, const struct snapshot_thread *thread) {
    const char *task =
        thread->current_task ? label_task_id(&words->report, thread->current_task) : NULL;
    struct top_cell cell = top_cell_where(words, &thread->frames, task);
    if (thread->frames.count)
        cell.before = task;
    return cell;
}

/* A share as the number of percent: the title has the sign. */
static struct top_cell get_percent(struct top_words *words, double share) {
    struct top_cell cell = top_cell_share(words, share);
    size_t length = strlen(cell.text);
    if (cell.text[length - 1] == '%')
        cell.text = arena_copy_string(words->report.page.scratch, cell.text, length - 1);
    return cell;
}

static void get_row(const struct top_table *table, size_t row, struct top_cell *ret) {
    struct top_words *words = table->words;
    const struct snapshot_thread *thread = get_thread(table, row);
    const struct live_thread *live = get_live(table, row);
    ret[TID] = top_cell_count(words, thread->tid);
    ret[CPU] = top_cell_cpu(words, live->cpu);
    ret[GIL] = get_percent(words, live->gil);
    ret[WAIT] = get_percent(words, live->gil_wait);
    if (table->orders_only)
        return;
    ret[NAME] = top_cell_text(label_thread_name(thread));
    ret[STATE] = top_cell_text(label_thread_state(&words->report, thread));
    ret[RUNS] = get_runs(words, thread);
    if (thread->holds_gil == SNAPSHOT_YES)
        top_cells_set_style(ret, COLUMN_COUNT, SCREEN_BOLD);
}

/* Of one without a tid its place too: nothing says that its ident is its own. */
static uint64_t get_key(const struct top_table *table, size_t row) {
    const struct snapshot_thread *thread = get_thread(table, row);
    if (thread->tid != SNAPSHOT_UNKNOWN)
        return (uint64_t)thread->tid;
    return thread->ident ^ ((uint64_t)table->order[row] + 1) << 48;
}

static void print_details(const struct top_table *table, size_t row, struct report *report) {
    report_thread_details(report, get_thread(table, row));
}

const struct top_rows top_threads = {
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .nothing = "no threads",
    .make = make,
    .get_row = get_row,
    .get_key = get_key,
    .print_details = print_details,
};
