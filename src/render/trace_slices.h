/*
 * The slices of a track of a trace, nested: they follow what a task or a thread does. Private to
 * render.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"
#include "trace_events.h"

/* What there is inside of the functions. */
enum trace_leaf {
    TRACE_LEAF_NONE,
    TRACE_LEAF_WAIT,    /* for what `wait` says */
    TRACE_LEAF_WAITING, /* for what is not known */
    TRACE_LEAF_READY,
    TRACE_LEAF_NOT_STARTED,
    TRACE_LEAF_GIL,
    TRACE_LEAF_BLOCKED,
};

/* The slices of one moment, from the outermost on. */
struct trace_slices {
    uint64_t root; /* what stands around the functions; another number is another one; 0: nothing */
    const struct snapshot_stack *stack; /* may be NULL */
    enum trace_leaf leaf;
    const struct recording_wait *wait;
    char *root_name; /* what the root was called when it began; free it with trace_free_slices() */
};

/* What slices that begin are called. */
struct trace_words {
    const char *category; /* of the root and the functions */
    const char *root;
    const char *awaited_by; /* whoever waits for the task, or NULL */
};

/* Ends and begins the slices that differ. Functions are equal by name and file: going on to another
 * line does not end one. */
void trace_change_slices(struct trace_events *events, struct trace_place place,
                         struct trace_slices *slices, const struct trace_slices *after,
                         const struct trace_words *words);

void trace_free_slices(struct trace_slices *slices);
