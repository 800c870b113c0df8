/*
 * What tasks have open with `with` and `async with`. Private to render.
 */
#pragma once

#include "report.h"

/* From the task to the pools that it has taken something from: queues that have holders. In
 * `arena`. */
const struct id_table *report_index_pools(struct arena *arena, const struct snapshot *snapshot);

/* Prints the locks and the like that the tasks hold, the pools they took from, in a line each, and
 * the kinds of the other managers that they are in, in one line; those of libraries' own plumbing
 * only where everything is told. The tasks are given by their places in the snapshot. */
void report_holds(struct report *report, const size_t *tasks, size_t count);
