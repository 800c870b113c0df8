/*
 * The stack of a task as a part of the report. Private to render.
 */
#pragma once

#include "report.h"

enum report_depth {
    REPORT_BRIEF,  /* the user's own frame */
    REPORT_FOLDED, /* library frames folded */
};

/* Tells what a task waits for below its heading where everything is told and it had no room there:
 * `columns` of them. */
void report_whole_wait(struct report *report, const char *wait, int columns);

/* Prints the await chain of a task, whole where the options say so. Where one task waits for a
 * thread of an executor (`splice`), what that thread does comes first, and a line between them. */
void report_stack(struct report *report, const struct snapshot_task *task, enum report_depth depth,
                  bool splice);
