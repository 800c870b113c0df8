/*
 * The snapshot as text for people: what is known of the target, what was found, who runs, which
 * tasks wait where, what the threads do, what could not be read. Groups, `awaited_by`, findings and
 * the verdict must have been filled by the analysis layer; without a verdict none is shown.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/snapshot.h"

#define TEXT_WIDTH_LEAST 80

struct text_options {
    int width;         /* columns; less than TEXT_WIDTH_LEAST is taken as that */
    bool color;        /* SGR sequences; nothing is told by colour alone */
    bool ascii;        /* characters of the target beyond ASCII are escaped */
    bool all_tasks;    /* every task on its own instead of groups */
    bool graph;        /* who waits for whom instead of groups */
    bool verbose;      /* everything: all frames with their whole paths, all objects and threads */
    bool verdict_only; /* nothing but what was found */
};

/* Nothing that was read from the target reaches `out` unescaped, and no line is longer than the
 * width. ERROR_OS when writing fails. */
struct error *render_text(const struct snapshot *snapshot, const struct text_options *options,
                          FILE *out) ERROR_CHECK;
