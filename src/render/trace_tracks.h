/*
 * The tracks of a trace: what each shows now. Only what is alive has one. Private to render.
 */
#pragma once

#include <stdbool.h>

#include "trace_slices.h"

enum trace_kind {
    TRACE_TASK,    /* by its number in the recording */
    TRACE_THREAD,  /* by its tid */
    TRACE_UNNAMED, /* a thread of unknown tid, by its ident */
    TRACE_LOOP,    /* by its id */
    TRACE_GIL,
    TRACE_GC, /* by the interpreter */
};

enum trace_lag { TRACE_LAG_READY, TRACE_LAG_OVERDUE, TRACE_LAG_BLOCKED, TRACE_LAG_COUNT };

struct trace_track {
    struct trace_place place; /* tid 0: it has shown nothing so far, and has no name */
    struct trace_slices slices;
    uint64_t seen;                  /* number of the last sample that had it */
    const char *name, *coroutine;   /* of a task */
    enum snapshot_task_state state; /* of a task */
    uint64_t index;                 /* of a loop, from 1 */
    double lag[TRACE_LAG_COUNT];    /* of a loop, as its counters were last written */
};

struct trace_tracks;

struct trace_tracks *trace_tracks_create(void);
void trace_tracks_destroy(struct trace_tracks *tracks); /* NULL-safe */

struct trace_track *trace_tracks_find(const struct trace_tracks *tracks, enum trace_kind kind,
                                      uint64_t number);
/* The same; one that is not there is made, blank. */
struct trace_track *trace_tracks_get(struct trace_tracks *tracks, enum trace_kind kind,
                                     uint64_t number);
void trace_tracks_remove(struct trace_tracks *tracks, struct trace_track *track);

/* All of them, in the order in which they were made: the one behind `track`, the first for NULL;
 * NULL at the end. That one may be removed then. */
struct trace_track *trace_tracks_next(const struct trace_tracks *tracks,
                                      const struct trace_track *track);
