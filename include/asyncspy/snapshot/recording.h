/*
 * A recording: what a process did over time, as a sequence of samples, in the words of the
 * snapshot. Plain data; here is what one sample says, whoever made it: capture takes it of a
 * process, recording_read.h of a file.
 *
 * What a sample shows is taken to last until the next one, the last one until the end. All times
 * are seconds since the recording began. Strings are as in a snapshot: whoever shows them escapes
 * them. Frames, stacks, waits and strings are interned: equal ones are one pointer. How long
 * pointers live says whoever hands the sample out.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

/* What was recorded, and how. */
struct recording_info {
    const char *asyncspy;   /* version of the tool */
    const char *started_at; /* RFC 3339 UTC: time 0 */
    struct snapshot_target target;
    double rate; /* samples a second that were asked for */
};

/* What a task or thread waits for, without what changes while it waits. */
struct recording_wait {
    enum snapshot_wait_kind kind;
    const char *object; /* "Lock#1", numbered over the whole recording; or NULL */
    const char *name;   /* of that object: "pool.sem", or NULL */
    const char *type;   /* of what is awaited, where it is an object or future of unknown kind */
    const char *peer;   /* the other end of a socket (its own end where it accepts), or NULL */
    const char *callee; /* what the executor runs, the host of a DNS lookup, or NULL */
    const char *task;   /* name of the one task that is waited for, or NULL */
    int64_t tasks;      /* how many tasks are waited for, or SNAPSHOT_UNKNOWN */
    int64_t fd, pid;    /* or SNAPSHOT_UNKNOWN */
    bool is_client;     /* the socket is that of somebody who connected to this process */
};

/* A task as one sample or several in a row show it. Never changed: another state is another one
 * with the same number. */
struct recording_task {
    uint64_t number; /* of its own in the recording, from 1; an id may be used again */
    snapshot_id id;
    const char *name;      /* or NULL */
    const char *coroutine; /* or NULL */
    snapshot_id event_loop;
    enum snapshot_task_state state;
    int64_t tid;                        /* thread that runs it, or SNAPSHOT_UNKNOWN */
    const struct snapshot_stack *stack; /* whole await chain, for a running one with the sync
                                         * frames; innermost first; never NULL, may be empty */
    const struct recording_wait *wait;  /* or NULL */
    uint64_t awaited_by; /* number of the task that waits for it (the first of several), 0: none */
    double since_s;      /* time of the first sample that showed it so */
};

/* What became of a task between the last sample and this one: both: it changed; `before` is NULL:
 * it is new; `after` is NULL: it is gone. */
struct recording_change {
    const struct recording_task *before, *after;
};

struct recording_thread {
    int64_t tid; /* or SNAPSHOT_UNKNOWN */
    uint64_t ident;
    const char *name; /* or NULL */
    enum snapshot_tristate holds_gil, waits_for_gil;
    enum snapshot_tristate on_cpu;      /* it ran, or was ready to run */
    double cpu_s;                       /* that it has used so far, or NaN */
    snapshot_id event_loop;             /* that runs in it, 0 none */
    uint64_t task;                      /* number of the task that it runs, 0 none */
    const struct snapshot_stack *stack; /* innermost first; never NULL */
};

struct recording_loop {
    snapshot_id id;
    const char *type;
    int64_t tid; /* or SNAPSHOT_UNKNOWN */
    enum snapshot_loop_state state;
    uint64_t task;    /* number of the task that it runs, 0 none */
    int64_t ready;    /* callbacks that wait for their turn, or SNAPSHOT_UNKNOWN */
    int64_t timers;   /* or SNAPSHOT_UNKNOWN */
    double overdue_s; /* how late the oldest timer is: the lag of the loop; NaN: none is late */
    double blocked_s; /* since the iteration began that runs callbacks now, at least; NaN: none */
};

struct recording_sample {
    uint64_t number; /* from 1 */
    double time_s;
    double pause_s; /* that the target was stopped for it */
    double late_s;  /* after it was due */
    uint64_t torn;  /* tasks and threads that changed while they were read: tasks are shown as they
                     * were  before, if they were there, threads without their stacks */
    uint64_t reads_failed; /* of tasks and threads that could not be read */
    uint64_t gc;           /* bit i: interpreter i (of the first 64) was collecting garbage */
    bool is_whole;         /* all tasks were looked at, not only those that ran; not recorded */
    const struct recording_task *const *tasks; /* all of them */
    size_t task_count;
    const struct recording_change *changes;
    size_t change_count;
    const struct recording_thread *threads;
    size_t thread_count;
    const struct recording_loop *loops;
    size_t loop_count;
};

/* How a recording ended. */
struct recording_end {
    double time_s;      /* of the end */
    const char *reason; /* "the process ended", "interrupted", ...; NULL: it is cut off */
    uint64_t samples;
    uint64_t failed;                 /* samples that could not be had at all */
    double pause_s, longest_pause_s; /* that the target was stopped in all */
    double late_s;                   /* all samples together */
};
