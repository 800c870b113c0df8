/*
 * Where the time went: a recording folded to stacks with their weights, in one of several views.
 * A fold over many samples, fed one by one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/analysis/place.h"
#include "asyncspy/analysis/sample_filter.h"
#include "asyncspy/snapshot/recording.h"

enum profile_mode {
    PROFILE_TASKS,   /* every task that is not done, by wall time; the leaf is what it waits for */
    PROFILE_RUNNING, /* what the loops run, by wall time: the stack of the running task below those
                      * of the tasks that wait for it; or the thread's stack, for plain callbacks */
    PROFILE_CPU,     /* the same stacks, and those of threads without a loop, by CPU time */
    PROFILE_GIL,     /* stacks of the threads that hold the GIL, by wall time */
    PROFILE_THREADS, /* stacks of all threads, by wall time */
    PROFILE_MODE_COUNT
};

/* "tasks", "running", "cpu", "gil", "threads". */
const char *profile_mode_name(enum profile_mode mode);

/* What a line of a stack is. */
enum profile_frame_kind {
    PROFILE_FRAME_CODE, /* a function */
    PROFILE_FRAME_ROOT, /* the first of a stack where it is no function: a thread's name */
    PROFILE_FRAME_TASK, /* a task without a stack of its own: its coroutine */
    PROFILE_FRAME_WAIT, /* the leaf: what a task or a thread waits for; or why it does not run */
};

/* Interned: equal ones of a profile are one pointer, and `index` is its place in `frames`. */
struct profile_frame {
    size_t index;
    enum profile_frame_kind kind;
    const char *name;         /* "Pool.acquire"; "Lock#1 'pool.sem'", "sleep", "ready" */
    const char *file;         /* or NULL; of a library's the part from the library on */
    int32_t line;             /* that runs or awaits, -1 unknown */
    enum frame_origin origin; /* of code: whose it is, which `file` does not tell */
};

struct profile_stack {
    const struct profile_frame *const *frames; /* outermost first; at least one */
    size_t frame_count;
    double weight_s;
    uint64_t samples; /* that showed it, counted once for each task or thread */
};

/* Where more than a few different waits of a kind are in one place, those of little weight are one
 * without its object ("a lock"). There is a limit to the stacks: what does not fit is one stack
 * "(more stacks)", so that the sum is right. */
struct profile {
    enum profile_mode mode;
    double duration_s;
    double weight_s; /* of all stacks */
    uint64_t samples;
    const struct profile_stack *stacks; /* the heaviest first */
    size_t stack_count;
    const struct profile_frame *const *frames; /* by index */
    size_t frame_count;
};

struct profile_fold;

/* `filter` may be NULL; it has to live as long as the fold. */
struct profile_fold *profile_fold_create(enum profile_mode mode, struct sample_filter *filter);

/* What the sample points to (stacks, waits, strings, not the sample and its arrays) has to live as
 * long as the fold, as what a recording_reader hands out does. */
void profile_fold_add(struct profile_fold *fold, const struct recording_sample *sample);

/* After the last sample. The profile lives as long as the fold. */
const struct profile *profile_fold_end(struct profile_fold *fold, const struct recording_end *end);
void profile_fold_destroy(struct profile_fold *fold); /* NULL-safe */

/* --- what people ask first --- */

/* A function, or a wait, and the time in it. */
struct profile_top {
    const struct profile_frame *frame;
    double weight_s;
};

/* The heaviest leaves of one kind, the heaviest first: PROFILE_FRAME_CODE: functions by the time
 * spent in themselves (lines of a function together), PROFILE_FRAME_WAIT: waits. Fills up to `room`
 * rows and returns how many. */
size_t profile_find_top(const struct profile *profile, enum profile_frame_kind kind,
                        struct profile_top *ret, size_t room);
