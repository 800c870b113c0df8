/* The parts of dump: options, and the picture that they make. Private to cmd. */
#pragma once

#include <stdbool.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/processes.h"

enum dump_format { FORMAT_TEXT, FORMAT_JSON };

struct dump_options {
    int pid;
    const char *load;
    const char *core, *executable, *sysroot;
    const char *output, *save_core;
    enum dump_format format;
    const char *color;
    bool children, nonblocking, gc, context, once, all_tasks, graph, ascii, verbose, quiet,
        exit_code;
};

/* What a dump shows: one process, or one with its descendants. */
struct dump_picture {
    bool is_tree;
    struct snapshot *snapshot;
    struct snapshot_processes *tree;
    struct error *save_error; /* why it was not saved, or NULL: that does not keep it from view */
};

/* Reads what the options name into the empty picture. */
struct error *dump_picture_read(const struct dump_options *options,
                                struct dump_picture *picture) ERROR_CHECK;

/* One snapshot of the picture after the other, NULL behind the last. `*next` starts at 0. */
struct snapshot *dump_picture_next(const struct dump_picture *picture, size_t *next);

/* Writes it in the format and to the place that the options name. */
struct error *dump_picture_write(const struct dump_options *options,
                                 const struct dump_picture *picture) ERROR_CHECK;
