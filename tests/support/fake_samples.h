/* Samples of a fake program: the looks of a sampler without its process. */
#pragma once

#include "../../src/capture/sampled.h"
#include "fake_asyncio.h"
#include "fake_target.h"

struct fake_samples {
    struct fake_target *target;
    struct snapshot *snapshot, *previous; /* of this epoch and the one before */
    struct walk_looks looks;
    struct sampled *sampled;
    unsigned epochs;
    double now; /* a second later at each sample */
};

/* Reads the runtime at that address of the fake. */
void fake_samples_open(struct fake_samples *samples, struct fake_target *target, uint64_t runtime);
void fake_samples_close(struct fake_samples *samples);

/* What is read from now on is read anew, and so it is forgotten where all was read. */
void fake_samples_begin_epoch(struct fake_samples *samples);

/* A look at all tasks; at what is recent; at what runs. Fails on errors. */
void fake_samples_look(struct fake_samples *samples);
void fake_samples_look_again(struct fake_samples *samples);
void fake_samples_look_running(struct fake_samples *samples);

/* The sample that the looks since the last one make. */
const struct recording_sample *fake_samples_add(struct fake_samples *samples, bool needs_proof);
const struct recording_sample *fake_samples_add_running(struct fake_samples *samples,
                                                        bool needs_proof);

/* The task as the last look has it; fails where there is none. */
const struct aio_sampled_task *fake_samples_task(const struct fake_samples *samples, uint64_t id);
/* NULL: there is none. */
const struct aio_sampled_task *fake_samples_find(const struct fake_samples *samples, uint64_t id);
