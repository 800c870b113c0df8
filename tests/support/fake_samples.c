#include "fake_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TID 4711 /* fake_asyncio_create() */

void fake_samples_open(struct fake_samples *samples, struct fake_target *target, uint64_t runtime) {
    *samples = (struct fake_samples){.target = target,
                                     .snapshot = snapshot_create(),
                                     .previous = snapshot_create(),
                                     .sampled = sampled_create()};
    fake_target_open(target, runtime);
    fake_samples_begin_epoch(samples);
}

void fake_samples_close(struct fake_samples *samples) {
    walk_looks_free(&samples->looks);
    sampled_destroy(samples->sampled);
    snapshot_destroy(samples->snapshot);
    snapshot_destroy(samples->previous);
}

void fake_samples_begin_epoch(struct fake_samples *samples) {
    struct snapshot *snapshot = samples->previous;
    samples->previous = samples->snapshot;
    samples->snapshot = snapshot;
    snapshot_reset(snapshot);
    walk_looks_free(&samples->looks);
    sampled_begin_epoch(samples->sampled);
    *py_get_layout(samples->target->py) = samples->target->fake->layout;
    py_begin_looks(samples->target->py, snapshot);
    samples->epochs++;
}

static const struct target_thread thread = {
    .tid = TID, .namespace_tid = TID, .name = "python3", .state = 'R', .syscall = -1};
static const struct walk_kernel kernel = {&thread, 1, 1000};

static void walk(struct fake_samples *samples, enum memory_look look, walk_sample *sample) {
    fake_expect_success(py_look(samples->target->py, look));
    fake_expect_success(
        walk_look(samples->target->py, samples->snapshot, &kernel, &samples->looks, sample));
}

void fake_samples_look(struct fake_samples *samples) {
    walk(samples, MEMORY_LOOK_AT_ALL, aio_sample);
}

void fake_samples_look_again(struct fake_samples *samples) {
    walk(samples, MEMORY_LOOK_AT_RECENT, aio_sample_again);
}

void fake_samples_look_running(struct fake_samples *samples) {
    walk(samples, MEMORY_LOOK_AGAIN, aio_sample_running);
}

static struct sampled_input make_input(struct fake_samples *samples, bool needs_proof) {
    return (struct sampled_input){.arena = samples->snapshot->arena,
                                  .snapshot = samples->snapshot,
                                  .looks = &samples->looks,
                                  .kernel = &kernel,
                                  .needs_proof = needs_proof,
                                  .has_threads = true,
                                  .time_s = ++samples->now};
}

const struct recording_sample *fake_samples_add(struct fake_samples *samples, bool needs_proof) {
    struct sampled_input input = make_input(samples, needs_proof);
    return sampled_add(samples->sampled, &input);
}

const struct recording_sample *fake_samples_add_running(struct fake_samples *samples,
                                                        bool needs_proof) {
    struct sampled_input input = make_input(samples, needs_proof);
    return sampled_add_running(samples->sampled, &input);
}

const struct aio_sampled_task *fake_samples_find(const struct fake_samples *samples, uint64_t id) {
    for (size_t i = 0; i < samples->looks.count; i++) {
        uint64_t failed;
        const struct aio_sampled_tasks *tasks =
            aio_memo_get_tasks(samples->looks.items[i].memo, &failed);
        for (size_t j = 0; j < tasks->count; j++)
            if (tasks->items[j]->task.id == id && tasks->items[j]->is_valid)
                return tasks->items[j];
    }
    return NULL;
}

const struct aio_sampled_task *fake_samples_task(const struct fake_samples *samples, uint64_t id) {
    const struct aio_sampled_task *task = fake_samples_find(samples, id);
    if (!task)
        fail_msg("there is no task 0x%llx", (unsigned long long)id);
    return task;
}
