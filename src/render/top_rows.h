/*
 * The tables of the tabs, each in a file of its own. Private to render.
 */
#pragma once

#include "top_parts.h"

/* How a tab makes its table: `make` fills in row_count, and order and more where it needs them.
 * There is a picture. */
struct top_rows {
    const struct top_column *columns;
    size_t column_count;
    const char *nothing;
    void (*make)(struct top_table *table);
    void (*get_row)(const struct top_table *table, size_t row, struct top_cell *ret);
    uint64_t (*get_key)(const struct top_table *table, size_t row);
    void (*print_details)(const struct top_table *table, size_t row, struct report *report);
};

extern const struct top_rows top_groups, top_tasks, top_objects, top_sockets, top_threads;

/* That of a tab; NULL: the tab is not about a picture. */
const struct top_rows *top_rows_find(enum top_tab tab);

/* Orders `count` things by their rank, less than TOP_RANKS, and else as they come. Sorting 100,000
 * tasks anew for each screen would take longer than drawing it. */
#define TOP_RANKS 8
const size_t *top_order_by_rank(struct top_words *words, size_t count,
                                unsigned char (*get_rank)(struct top_words *words, size_t index));

/* A hash of several facts that together tell a row from others. */
uint64_t top_key_of_text(uint64_t key, const char *text); /* `text` may be NULL */
