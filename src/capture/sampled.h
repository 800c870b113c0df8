/*
 * Samples in the words of a recording: numbers tasks and objects, tells what became of each task.
 * Private to capture.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"
#include "peers.h"
#include "walk.h"

struct sampled;

struct sampled *sampled_create(void);
void sampled_destroy(struct sampled *sampled); /* NULL-safe */

/* What a sample is made of. */
struct sampled_input {
    struct arena *arena;             /* of its strings, stacks and tasks, from now on */
    const struct snapshot *snapshot; /* threads, event_loops, interpreters */
    const struct walk_looks *looks;  /* tasks */
    const struct walk_kernel *kernel;
    struct peers *peers;
    bool needs_proof; /* tasks are left as they were unless they are verified */
    bool has_threads; /* false: what runs in those on a CPU is not known */
    double time_s, pause_s;
};

/* The next sample; lives until the next call. */
const struct recording_sample *sampled_add(struct sampled *sampled,
                                           const struct sampled_input *input);

/* The same of a look at what runs: other tasks are as they were. */
const struct recording_sample *sampled_add_running(struct sampled *sampled,
                                                   const struct sampled_input *input);

/* The last one once more, at another time: nothing has changed. */
const struct recording_sample *sampled_repeat(struct sampled *sampled, double time_s);

/* From now on another arena is used: all tasks come anew, and those that are still the same are not
 * among the changes. What the last sample points to has to live until the next sampled_add(). */
void sampled_begin_epoch(struct sampled *sampled);
