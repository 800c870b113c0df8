/*
 * Events of the Trace Event format. `ph`, `ts`, `pid` and `tid` stand first in each, and no array
 * stands in one: older Perfettos read them up to what they look for, and know neither arrays nor
 * \uNNNN before that. Private to render.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "asyncspy/base/arena.h"

/* Where an event belongs. Perfetto names threads by `tid` alone: no two processes share one. */
struct trace_place {
    uint64_t pid, tid;
};

struct trace_events {
    FILE *out;
    int64_t now_us;        /* of the events that are written now; never goes back */
    bool has_some;         /* the next one is not the first */
    struct arena *scratch; /* forgotten after each sample */
};

/* A slice: all of it but what stands in "args": write that, members with commas between them, and
 * close it. */
void trace_open_slice(struct trace_events *events, struct trace_place place, const char *category,
                      const char *name);
void trace_close_slice(struct trace_events *events);

/* Ends the innermost slice of the place: the one of that name. Some readers go by the order alone,
 * others by the name too. */
void trace_end_slice(struct trace_events *events, struct trace_place place, const char *name);

/* A name of a process or thread ("process_name"), a number of one ("thread_sort_index"). */
void trace_name(struct trace_events *events, struct trace_place place, const char *what,
                const char *key, const char *text);
void trace_sort(struct trace_events *events, struct trace_place place, const char *what,
                uint64_t index);

/* Values of a counter of the process of `place`. */
struct trace_value {
    const char *key;
    double value;
};
void trace_count(struct trace_events *events, struct trace_place place, const char *name,
                 const struct trace_value *values, size_t count);
