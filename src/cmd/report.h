/* Turning recordings into files. Private to cmd. */
#pragma once

#include "formats.h"

struct report_options {
    const char *recording;              /* its path */
    const char *output;                 /* "-": standard output; NULL: only the summary */
    const struct output_format *format; /* NULL only with that */
    int mode;                           /* -1: what suits the format */
    struct sample_filter *filter;       /* or NULL */
    bool force;                         /* overwrite the output */
    bool shows_progress;
    bool is_temporary; /* the summary does not name the recording */
};

/* Fails if the file is there and must not be overwritten. */
struct error *report_check_output(const char *path, bool force) ERROR_CHECK;

/* Writes the output, whole or not at all, and the summary to `summary` (or NULL: none). What a
 * damaged recording tells before the damage is shown, and the error returned in *ret_damage. */
struct error *report_write(const struct report_options *options, FILE *summary,
                           struct error **ret_damage) ERROR_CHECK;

/* "KIND:PATTERN" of --include and --exclude; false: it is none. */
bool report_parse_filter(struct sample_filter *filter, bool is_excluded, const char *text);

/* The number of a mode's name, -1 for none. */
int report_parse_mode(const char *name);
