/*
 * The screen of `asyncspy top`: from what a process does and what the user looks at to a grid of
 * cells, and from keys to what the user looks at. Nothing here knows a terminal.
 */
#pragma once

#include "asyncspy/analysis/live.h"
#include "asyncspy/render/screen.h"

/* A row of `--children`. */
struct top_process {
    int64_t pid, parent; /* parent: SNAPSHOT_UNKNOWN: the first of the tree */
    const char *const *command_line;
    size_t command_line_count;
    const struct live *live; /* NULL: it is not watched, `why` says the reason */
    const char *why;
    double gone_s; /* since it ended; NaN: it has not */
};

/* What there is to show. */
struct top_input {
    const char *clock;       /* "04:12:07" */
    double refresh_s;        /* time between updates */
    const struct live *live; /* of the process that is looked at; NULL: the list of processes */
    const struct top_process *processes;
    size_t process_count; /* 0: without --children */
    const char *notice;   /* what just happened, or that the process ended; or NULL */
    bool is_notice_alarm;
    bool ascii;
    bool can_go_back; /* Escape leads from a process to the list of processes */
};

enum top_key_kind {
    TOP_KEY_CHARACTER,
    TOP_KEY_UP,
    TOP_KEY_DOWN,
    TOP_KEY_LEFT,
    TOP_KEY_RIGHT,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_HOME,
    TOP_KEY_END,
    TOP_KEY_ENTER,
    TOP_KEY_ESCAPE,
    TOP_KEY_TAB,
    TOP_KEY_BACK_TAB,
    TOP_KEY_BACKSPACE,
    TOP_KEY_WHEEL_UP,
    TOP_KEY_WHEEL_DOWN,
    TOP_KEY_CLICK, /* at `row`, `column` */
};

struct top_key {
    enum top_key_kind kind;
    uint32_t character; /* Unicode, of TOP_KEY_CHARACTER */
    int row, column;    /* from 0, of TOP_KEY_CLICK */
};

/* What the caller is to do. */
enum top_action {
    TOP_NOTHING, /* draw again */
    TOP_QUIT,
    TOP_WRITE_DUMP,    /* of the picture that is shown, if there is one */
    TOP_FREEZE,        /* top_view_is_frozen() has changed: the input stays as it is, or goes on */
    TOP_ENTER_PROCESS, /* top_view_get_process(), if it is watched */
    TOP_LEAVE_PROCESS,
};

/* What the user looks at: tab, row, filter, order, details, help. */
struct top_view;

struct top_view *top_view_create(void);
void top_view_destroy(struct top_view *view); /* NULL-safe */

/* What a key does, on a screen of `rows` and `columns` that shows `input`. */
enum top_action top_view_press(struct top_view *view, const struct top_input *input,
                               const struct top_key *key, int rows, int columns);

bool top_view_is_frozen(const struct top_view *view);

/* Process id of the row that Enter was pressed at. */
int64_t top_view_get_process(const struct top_view *view);

/* Draws the whole screen. Of the same view and input always the same; at any size. The view
 * remembers where the selected row was seen. */
void top_draw(struct top_view *view, const struct top_input *input, struct screen *screen);

/* The same for a reader instead of a terminal: as many lines as it takes, no keys, at most `most`
 * rows of the table. ERROR_OS when writing fails. */
struct error *top_print(const struct top_input *input, int columns, size_t most,
                        FILE *out) ERROR_CHECK;
