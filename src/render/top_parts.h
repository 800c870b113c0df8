/*
 * The parts of the screen of `top`, and what they share. Private to render.
 */
#pragma once

#include "asyncspy/render/top.h"
#include "report.h"

/* What the parts take their words from: the labels of label.h need a report. Its scratch arena
 * lives as long as one drawing; nothing is written to its page. `report.snapshot` is NULL where
 * there is no picture. */
struct top_words {
    struct report report;
    struct text_options options;
    const struct top_input *input;
};

/* Lives in `arena`. */
struct top_words *top_words_create(struct arena *arena, const struct top_input *input, int columns);

/* --- above the table; each draws at `row`, at most `most` rows, and returns how many --- */

int top_draw_header(struct top_words *words, struct screen *screen, int row, int most);
int top_draw_findings(struct top_words *words, struct screen *screen, int row, int most);

/* --- tables --- */

enum top_tab {
    TOP_TAB_GROUPS,
    TOP_TAB_TASKS,
    TOP_TAB_OBJECTS,
    TOP_TAB_SOCKETS,
    TOP_TAB_THREADS,
    TOP_TAB_COUNT,
    TOP_TAB_PROCESSES = TOP_TAB_COUNT, /* where no process is looked at */
};

#define TOP_COLUMNS_MAX 10

struct top_column {
    const char *title;
    int columns;     /* that it takes at least */
    int least;       /* that it takes rather than to go; 0: `columns` */
    int most;        /* that it takes rather than to cut a text; 0: `columns` */
    int share;       /* of the room that is left; 0: none */
    int rank;        /* 0: always there; those of the highest rank go first where room is short */
    bool is_number;  /* stands at the right of its column; sorted from the greatest */
    bool cuts_start; /* of what does not fit, the start is cut */
};

/* What a cell says, not yet escaped. Where there is no room for all of it, the parts but the text
 * and its place go, and then the text is cut. */
struct top_cell {
    const char *before; /* the text, or NULL */
    const char *text;
    const char *place; /* behind the text, and the last to be cut; or NULL */
    const char *rest;  /* what follows; it goes first; or NULL */
    int indent;        /* columns of the cell that stay blank before all of it */
    double order;      /* of a number; NaN: sorted last */
    enum screen_style style;
};

struct top_table {
    struct top_words *words;
    enum top_tab tab;
    const struct top_column *columns;
    size_t column_count;
    size_t row_count;
    const char *nothing; /* what to say where there are no rows */
    const size_t *order; /* of each row, which of the things that the tab shows it is */
    const void *more;    /* what else the tab needs for its rows, or NULL */
    bool orders_only;    /* of rows only the `order` of numbers is read: texts may be left out */
};

/* The rows in their natural order. Texts are made when they are asked for: of 100,000 tasks a
 * screen shows few. */
struct top_table top_table_make(struct top_words *words, enum top_tab tab);
void top_table_get_row(const struct top_table *table, size_t row,
                       struct top_cell ret[TOP_COLUMNS_MAX]);
/* Tells a row from others, in other pictures too. */
uint64_t top_table_get_key(const struct top_table *table, size_t row);

/* The same of TOP_TAB_PROCESSES. */
struct top_table top_processes_make(struct top_words *words, enum top_tab tab);
void top_processes_get_row(const struct top_table *table, size_t row,
                           struct top_cell ret[TOP_COLUMNS_MAX]);
uint64_t top_processes_get_key(const struct top_table *table, size_t row);

/* --- details --- */

struct top_lines {
    size_t count;
    const char **items;        /* escaped */
    enum screen_style *styles; /* of each; NULL: all are plain */
};

/* Everything that is known about a row, as the report says it: whole stacks, holders, waiters,
 * where it was created. At most `columns` wide. */
struct top_lines top_details(const struct top_table *table, size_t row, int columns);
/* The same of finding number `index` of the snapshot. */
struct top_lines top_finding_details(struct top_words *words, size_t index, int columns);
