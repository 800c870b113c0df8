/*
 * What the processes of a tree are called: "gunicorn app:app", and below it "worker 1". Private to
 * render.
 */
#pragma once

#include "asyncspy/snapshot/processes.h"

struct process_name {
    const char *text; /* not escaped */
    const char *kind; /* "worker": siblings of that kind are numbered; else NULL */
    size_t parent;    /* its number in the list from 1 on, 0: none */
    size_t depth;     /* below the first one */
    bool has_children;
};

/* One for each process of the list; all in `arena`. */
struct process_name *process_names_make(const struct snapshot_processes *processes,
                                        struct arena *arena);
