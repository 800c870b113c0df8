/*
 * A terminal that shows a screen and tells of keys. Hides ncurses. Whatever ends the program, the
 * terminal is as it was before: signals that end it without asking included.
 */
#pragma once

#include <stdbool.h>

#include "asyncspy/base/error.h"
#include "asyncspy/render/screen.h"
#include "asyncspy/render/top.h"

struct terminal;

/* Takes over the terminal behind stdin and stdout. ERROR_USAGE: there is none, or it is not known
 * what it can do (TERM). At most one at a time. */
struct error *terminal_open(bool color, struct terminal **ret) ERROR_CHECK;
void terminal_close(struct terminal *terminal); /* NULL-safe */

/* Asks how large the terminal is now, after SIGWINCH too. */
void terminal_get_size(struct terminal *terminal, int *ret_rows, int *ret_columns);

/* Shows what has changed since the last time. */
void terminal_show(struct terminal *terminal, const struct screen *screen);

/* The next key that was pressed; false: there is none. Does not wait: poll(2) stdin for that. */
bool terminal_read_key(struct terminal *terminal, struct top_key *ret);

/* Gives the terminal back while the program is stopped (Ctrl-Z), and takes it again. */
void terminal_suspend(struct terminal *terminal);
void terminal_resume(struct terminal *terminal);
