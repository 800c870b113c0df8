/*
 * The inside of a Chrome trace, between its parts. Private to render.
 */
#pragma once

#include "asyncspy/render/recording_formats.h"
#include "trace_tracks.h"

/*
 * Numbers of threads and processes that are none of the kernel's (which are below 2^22), so that no
 * two tracks share one.
 */
#define TRACE_KERNEL_MAX 4194304
#define TRACE_LOOPS 10000000
#define TRACE_INTERPRETERS 20000000
#define TRACE_THREADS 30000000
#define TRACE_TASKS 100000000

struct chrome_trace {
    struct trace_events events;
    struct sample_filter *filter;       /* or NULL */
    uint64_t pid;                       /* threads, loops and counters stand below it */
    uint64_t sample;                    /* how many there were */
    struct trace_tracks *tasks;         /* all that are alive */
    struct trace_tracks *others;        /* threads, loops, GIL, garbage collectors */
    uint64_t tracks_made[TRACE_GC + 1]; /* of each kind */
    uint64_t states[SNAPSHOT_TASK_STATE_COUNT], written_states[SNAPSHOT_TASK_STATE_COUNT];
};

bool trace_wants(const struct chrome_trace *trace, const struct snapshot_stack *stack,
                 const char *task_name);

/* The place of a track that has none so far: the next one of its kind behind `first`. */
void trace_place_track(struct chrome_trace *trace, struct trace_track *track, enum trace_kind kind,
                       uint64_t first);

/* The name of a track, and its place among the others. */
void trace_name_track(struct chrome_trace *trace, const struct trace_track *track, const char *name,
                      uint64_t sort_index);

/* "Task-7 handler()" of the number of a task that is alive, else NULL. */
const char *trace_task_name(const struct chrome_trace *trace, uint64_t number);

/* What a sample says of tasks, threads, loops and interpreters. */
void trace_show_tasks(struct chrome_trace *trace, const struct recording_sample *sample);
void trace_show_threads(struct chrome_trace *trace, const struct recording_sample *sample);
void trace_show_loops(struct chrome_trace *trace, const struct recording_sample *sample);
void trace_show_collectors(struct chrome_trace *trace, const struct recording_sample *sample);

/* Counters are written when they change; these write them once more. */
void trace_count_tasks(struct chrome_trace *trace);
void trace_count_loops(struct chrome_trace *trace);

/* Writes that nothing is late in a loop that is gone. */
void trace_end_loop(struct chrome_trace *trace, struct trace_track *track);
