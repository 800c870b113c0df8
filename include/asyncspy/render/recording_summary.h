/*
 * What a recording tells at first sight, as text for people.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/analysis/profile.h"
#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/recording.h"

struct recording_summary {
    const struct recording_info *info;
    const struct recording_end *end;
    const struct profile *running, *tasks; /* in these modes */
    const char *file;                      /* that was written, or NULL */
    const char *where;                     /* who opens it; NULL without a file */
};

/* Some fifteen lines of at most `width` columns, escaped as in render_text. ERROR_OS when writing
 * fails. */
struct error *render_recording_summary(const struct recording_summary *summary, int width,
                                       FILE *out) ERROR_CHECK;
