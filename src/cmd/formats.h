/*
 * The forms that a recording can be shown in. Private to cmd.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/analysis/profile.h"
#include "asyncspy/base/error.h"

enum output_form {
    OUTPUT_RAW,
    OUTPUT_TRACE,
    OUTPUT_SPEEDSCOPE,
    OUTPUT_COLLAPSED,
    OUTPUT_HTML,
    OUTPUT_SVG,
    OUTPUT_PPROF,
    OUTPUT_LINES,
};

struct output_format {
    enum output_form form;
    const char *name;      /* of --format */
    const char *extension; /* that files of it mostly have */
    const char *where;     /* who opens it */
};

/* The format of that name; NULL: there is none. */
const struct output_format *output_format_find(const char *name);

/* The one that a file's name ends like; NULL: none. */
const struct output_format *output_format_guess(const char *path);

/* "raw, trace, ...", for messages. */
const char *output_format_list(void);

/* A recording that is being turned into one format, sample by sample; and into what its summary
 * says. */
struct output;

struct output_options {
    const struct output_format *format; /* NULL: only the summary */
    int mode;                           /* enum profile_mode; -1: what suits the format */
    struct sample_filter *filter;       /* or NULL */
    FILE *out;
};

struct error *output_begin(const struct output_options *options, const struct recording_info *info,
                           struct output **ret) ERROR_CHECK;
struct error *output_add(struct output *output, const struct recording_sample *sample) ERROR_CHECK;
struct error *output_end(struct output *output, const struct recording_info *info,
                         const struct recording_end *end) ERROR_CHECK;

/* After the end: what the loops ran, and what tasks waited for. */
const struct profile *output_get_running(const struct output *output);
const struct profile *output_get_tasks(const struct output *output);

void output_destroy(struct output *output); /* NULL-safe */
