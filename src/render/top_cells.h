/*
 * What the cells of all tables have in common: numbers that may be unknown ("-"), what tasks do,
 * where they are. Private to render.
 */
#pragma once

#include "top_parts.h"

/* Texts live in the scratch arena and are not yet escaped. */

struct top_cell top_cell_text(const char *text); /* NULL or "": "-" */
struct top_cell top_cell_count(struct top_words *words, int64_t count);
struct top_cell top_cell_rate(struct top_words *words, double per_second); /* "+21", "-0.3", "0" */
struct top_cell top_cell_share(struct top_words *words, double share);     /* "96%" */
struct top_cell top_cell_cpu(struct top_words *words, double cpu);         /* "12.0" */
struct top_cell top_cell_age(struct top_words *words, struct live_age age);

/* ">=48.0 s", "4.1 s", "-"; "<1.0 s" of what the last picture shows for the first time. */
const char *top_age(struct top_words *words, struct live_age age);

/* "96%", "-". */
const char *top_share(struct top_words *words, double share);

/* "+21", "-0.3", "0"; "-" of NaN. */
const char *top_rate(struct top_words *words, double per_second);

/* "run", "ready", "new", "wait", "idle", "done". */
const char *top_task_state(const struct snapshot_task *task);

/* What a task waits for (`text`), an object with its state before its name:
 * "Semaphore#1 0/2 free 'pool.sem'". */
struct top_cell top_cell_wait(struct top_words *words, const struct snapshot_task *task,
                              const char *text);

/* "Connection.fetch db.py:71 < orders.list": the user's own frame, where it is, who called it;
 * `otherwise` (or NULL) of an empty stack. */
struct top_cell top_cell_where(struct top_words *words, const struct snapshot_stack *stack,
                               const char *otherwise);

/* Gives all cells of a row the style. */
void top_cells_set_style(struct top_cell *cells, size_t count, enum screen_style style);
