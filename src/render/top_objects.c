/* Locks, queues and the like: those that tasks wait for first. */
#include <stdlib.h>
#include <string.h>

#include "label.h"
#include "report_details.h"
#include "top_cells.h"
#include "top_rows.h"

#define HELD "held by "

enum {
    OBJECT,
    STATE,
    WAITERS,
    CHANGE,
    OLDEST,
    HOLDERS,
    COLUMN_COUNT,
};

static const struct top_column columns[COLUMN_COUNT] = {
    [OBJECT] = {.title = "OBJECT", .columns = 20, .share = 2},
    [STATE] = {.title = "STATE", .columns = 13, .share = 1},
    [WAITERS] = {.title = "WAITERS", .columns = 7, .is_number = true},
    [CHANGE] = {.title = "+/-s", .columns = 4, .rank = 3, .is_number = true},
    [OLDEST] = {.title = "OLDEST", .columns = 6, .rank = 2, .is_number = true},
    [HOLDERS] = {.title = "HELD BY", .columns = 14, .share = 3, .rank = 1},
};

static const struct snapshot_object *get_object(const struct top_table *table, size_t row) {
    return &table->words->report.snapshot->objects.items[table->order[row]];
}

static int compare_waiters(const void *a, const void *b, void *objects) {
    const size_t *first = a, *second = b;
    size_t count = ((const struct snapshot_object *)objects)[*first].waiter_count;
    size_t other = ((const struct snapshot_object *)objects)[*second].waiter_count;
    if (count != other)
        return count > other ? -1 : 1;
    return *first < *second ? -1 : 1;
}

static void make(struct top_table *table) {
    struct snapshot_object *objects = table->words->report.snapshot->objects.items;
    size_t count = table->words->report.snapshot->objects.count;
    size_t *order = arena_alloc_array(table->words->report.page.scratch, count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    if (count)
        qsort_r(order, count, sizeof *order, compare_waiters, objects);
    table->row_count = count;
    table->order = order;
}

/* Without "held by", which is the title of the column. */
static const char *describe_holders(struct top_words *words, const struct snapshot_object *object) {
    const char *text = label_holders(&words->report, object, words->report.page.width / 2);
    return strncmp(text, HELD, strlen(HELD)) == 0 ? text + strlen(HELD) : text;
}

static void get_row(const struct top_table *table, size_t row, struct top_cell *ret) {
    struct top_words *words = table->words;
    const struct snapshot_object *object = get_object(table, row);
    const struct live_object *live = &words->input->live->object_rows[table->order[row]];
    ret[WAITERS] = top_cell_count(words, (int64_t)object->waiter_count);
    ret[CHANGE] = top_cell_rate(words, live->change);
    ret[OLDEST] = top_cell_age(words, live->oldest);
    if (table->orders_only)
        return;
    ret[OBJECT] = top_cell_text(label_object(&words->report, object));
    ret[STATE] = top_cell_text(label_object_state(&words->report, object));
    ret[HOLDERS] = top_cell_text(describe_holders(words, object));
    if (!object->waiter_count)
        top_cells_set_style(ret, COLUMN_COUNT, SCREEN_DIM);
}

static uint64_t get_key(const struct top_table *table, size_t row) {
    return get_object(table, row)->id;
}

static void print_details(const struct top_table *table, size_t row, struct report *report) {
    report_object_details(report, get_object(table, row));
}

const struct top_rows top_objects = {
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .nothing = "no locks, queues or other objects that tasks wait for or hold",
    .make = make,
    .get_row = get_row,
    .get_key = get_key,
    .print_details = print_details,
};
