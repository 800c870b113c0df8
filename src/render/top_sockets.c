/* The sockets of the process: those that tasks wait for first. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "label.h"
#include "report_details.h"
#include "top_cells.h"
#include "top_rows.h"

enum {
    FD,
    STATE,
    LOCAL,
    PEER,
    UNREAD,
    UNSENT,
    SILENT,
    TASKS,
    WATCHED,
    COLUMN_COUNT,
};

static const struct top_column columns[COLUMN_COUNT] = {
    [FD] = {.title = "FD", .columns = 4, .is_number = true},
    [STATE] = {.title = "STATE", .columns = 11},
    [LOCAL] = {.title = "LOCAL", .columns = 15, .share = 1, .rank = 4, .cuts_start = true},
    [PEER] = {.title = "PEER", .columns = 15, .share = 1, .cuts_start = true},
    [UNREAD] = {.title = "UNREAD", .columns = 6, .rank = 2, .is_number = true},
    [UNSENT] = {.title = "UNSENT", .columns = 6, .rank = 3, .is_number = true},
    [SILENT] = {.title = "SILENT", .columns = 6, .rank = 1, .is_number = true},
    [TASKS] = {.title = "TASKS", .columns = 5, .is_number = true},
    [WATCHED] = {.title = "WATCHED", .columns = 7, .rank = 5},
};

static const struct snapshot_socket *get_socket(const struct top_table *table, size_t row) {
    return &table->words->report.snapshot->sockets.items[table->order[row]];
}

/* How many tasks wait for each socket. */
static const size_t *count_tasks(struct top_words *words) {
    struct report *report = &words->report;
    const struct snapshot *snapshot = report->snapshot;
    size_t *counts =
        arena_alloc_array(report->page.scratch, snapshot->sockets.count, sizeof *counts);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (task->state != SNAPSHOT_TASK_WAITING || !task->awaiting)
            continue;
        const struct snapshot_socket *socket = label_find_socket(report, task->awaiting->fd);
        if (socket)
            counts[socket - snapshot->sockets.items]++;
    }
    return counts;
}

static int compare_tasks(const void *a, const void *b, void *counts) {
    const size_t *first = a, *second = b;
    size_t count = ((const size_t *)counts)[*first], other = ((const size_t *)counts)[*second];
    if (count != other)
        return count > other ? -1 : 1;
    return *first < *second ? -1 : 1;
}

static void make(struct top_table *table) {
    struct arena *arena = table->words->report.page.scratch;
    size_t count = table->words->report.snapshot->sockets.count;
    size_t *order = arena_alloc_array(arena, count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    table->more = count_tasks(table->words);
    if (count)
        qsort_r(order, count, sizeof *order, compare_tasks, (void *)(uintptr_t)table->more);
    table->row_count = count;
    table->order = order;
}

/* Bytes; of a listening socket connections, and how many may wait. */
static struct top_cell get_unread(struct top_words *words, const struct snapshot_socket *socket) {
    struct top_cell cell = top_cell_count(words, socket->receive_queue);
    bool listens = socket->state && strcmp(socket->state, "LISTEN") == 0;
    if (listens && socket->receive_queue != SNAPSHOT_UNKNOWN &&
        socket->backlog_max != SNAPSHOT_UNKNOWN)
        cell.text = arena_format(words->report.page.scratch, "%" PRId64 "/%" PRId64,
                                 socket->receive_queue, socket->backlog_max);
    return cell;
}

static const char *describe_watched(enum snapshot_registered registered) {
    return registered == SNAPSHOT_REGISTERED_NONE ? "no" : snapshot_registered_name(registered);
}

static struct top_cell get_silence(struct top_words *words, const struct snapshot_socket *socket) {
    double seconds = snapshot_socket_get_silence(socket);
    struct top_cell cell = top_cell_text(label_duration(&words->report, seconds));
    cell.order = seconds;
    return cell;
}

static void get_row(const struct top_table *table, size_t row, struct top_cell *ret) {
    struct top_words *words = table->words;
    const struct snapshot_socket *socket = get_socket(table, row);
    size_t tasks = ((const size_t *)table->more)[table->order[row]];
    ret[FD] = top_cell_count(words, socket->fd);
    ret[STATE] = top_cell_text(socket->state);
    ret[LOCAL] = top_cell_text(socket->local);
    ret[PEER] = top_cell_text(socket->peer);
    ret[UNREAD] = get_unread(words, socket);
    ret[UNSENT] = top_cell_count(words, socket->send_queue);
    ret[SILENT] = get_silence(words, socket);
    ret[TASKS] = top_cell_count(words, (int64_t)tasks);
    ret[WATCHED] = top_cell_text(describe_watched(socket->registered));
    if (!tasks)
        top_cells_set_style(ret, COLUMN_COUNT, SCREEN_DIM);
    if (tasks && socket->registered == SNAPSHOT_REGISTERED_NONE)
        ret[WATCHED].style = SCREEN_WARNING;
}

/* Another connection may have the number of an old one. */
static uint64_t get_key(const struct top_table *table, size_t row) {
    const struct snapshot_socket *socket = get_socket(table, row);
    return top_key_of_text(top_key_of_text((uint64_t)socket->fd, socket->local), socket->peer);
}

static void print_details(const struct top_table *table, size_t row, struct report *report) {
    report_socket_details(report, get_socket(table, row));
}

const struct top_rows top_sockets = {
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .nothing = "no sockets",
    .make = make,
    .get_row = get_row,
    .get_key = get_key,
    .print_details = print_details,
};
