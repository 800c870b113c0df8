/*
 * A table of `top` on the screen: which rows in which order, which columns, from where on.
 * Private to render.
 */
#pragma once

#include "top_parts.h"

/* A table and what its rows come from. */
struct top_source {
    struct top_table table;
    void (*get_row)(const struct top_table *table, size_t row,
                    struct top_cell ret[TOP_COLUMNS_MAX]);
    uint64_t (*get_key)(const struct top_table *table, size_t row);
    bool ascii; /* what is beyond ASCII is escaped */
};

/* All of what a cell says; and what there is room for in `columns` when it is escaped. */
const char *top_cell_join(struct arena *arena, const struct top_cell *cell);
const char *top_cell_fit(struct arena *arena, const struct top_cell *cell, int columns);

struct top_order {
    size_t sort; /* 0: the natural order, else a column from 1 on */
    bool is_reversed;
    const char *filter; /* only rows that hold it, in ASCII letters of either case; "": all */
};

/* Rows as they follow each other on the screen. */
struct top_list {
    size_t count;
    const size_t *items;
};

/* In `arena`. Numbers from the greatest on, what has none at the end; text from A on, numbers in it
 * by their value; equal ones in their natural order. */
struct top_list top_list_make(const struct top_source *source, const struct top_order *order,
                              struct arena *arena);

/* Where in the list the row with a key is; SIZE_MAX: it is not there. */
size_t top_list_find(const struct top_list *list, const struct top_source *source, uint64_t key);

/* What part of a list is shown where. */
struct top_window {
    int row, rows;    /* on the screen, without the heading */
    size_t first;     /* place in the list */
    size_t selected;  /* the same; SIZE_MAX: none */
    bool has_heading; /* in the row above */
};

/* Where to begin so that the selected place is shown, no room is wasted, and the screen moves as
 * little as can be. */
size_t top_window_scroll(const struct top_window *window, size_t count);

/* Columns of the screen. */
struct top_span {
    int start, end; /* behind the last one; both 0: it is not there */
};

/* Draws; `ret_spans` tells where each column of the table is. */
void top_rows_draw(const struct top_source *source, const struct top_list *list,
                   const struct top_order *order, const struct top_window *window,
                   struct screen *screen, struct arena *arena,
                   struct top_span ret_spans[TOP_COLUMNS_MAX]);
