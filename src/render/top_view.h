/*
 * What the user of `top` looks at, and the screen that follows from it: keys need to know what
 * stands where. Private to render.
 */
#pragma once

#include "top_table.h"

#define TOP_FILTER_CHARACTERS 60

enum top_mode { TOP_MODE_TABLE, TOP_MODE_DETAILS, TOP_MODE_FINDINGS, TOP_MODE_HELP };

/* What is remembered of each tab. */
struct top_tab_view {
    size_t sort; /* as in struct top_order */
    bool is_reversed;
    bool is_chosen; /* the selected row was chosen by the user: it is followed */
    uint64_t key;   /* of it */
    size_t place;   /* of it in the list, where it was drawn last */
    size_t first;   /* place at the top of the screen */
    char filter[TOP_FILTER_CHARACTERS * 4 + 1];
};

struct top_view {
    enum top_tab tab; /* of a process */
    enum top_mode mode;
    bool is_frozen;
    bool is_typing; /* the filter */
    size_t scroll;  /* lines of details or help above the screen */
    int64_t process;
    struct top_tab_view tabs[TOP_TAB_COUNT + 1];
};

/* What stands on a screen. Lives in the arena that it was drawn with, but for the input. */
struct top_scene {
    enum top_tab tab;
    enum top_mode mode;
    struct top_words *words;
    struct top_source source;
    struct top_list list;
    struct top_window window;
    struct top_span columns[TOP_COLUMNS_MAX]; /* of the table */
    struct top_span tabs[TOP_TAB_COUNT];      /* their names in the last row */
    int last_row;
    struct top_lines lines; /* of details or help */
    size_t scroll;
    int line_rows; /* that they have on the screen */
};

void top_scene_draw(const struct top_view *view, const struct top_input *input,
                    struct screen *screen, struct arena *arena, struct top_scene *ret);

/* The last row: which keys there are, what is typed, or what just happened. Fills in where the
 * names of tabs are. */
void top_bar_draw(const struct top_view *view, const struct top_input *input,
                  struct top_scene *scene, struct screen *screen, struct arena *arena);

/* What all keys do, and what the columns and numbers mean. */
struct top_lines top_help_make(struct arena *arena, int columns);
