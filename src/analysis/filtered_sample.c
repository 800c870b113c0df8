#include "asyncspy/analysis/filtered_sample.h"

#include <stdlib.h>

#include "asyncspy/base/id_table.h"

struct filtered_samples {
    struct sample_filter *filter;
    struct arena *arena;
    struct id_table *shown; /* numbers of the tasks that were wanted last */
    uint64_t epoch;
    struct recording_sample sample;
    struct recording_change *changes;
    struct recording_thread *threads;
    size_t change_room, thread_room;
};

struct filtered_samples *filtered_samples_create(struct sample_filter *filter) {
    struct filtered_samples *samples = memory_alloc(sizeof *samples);
    *samples = (struct filtered_samples){.filter = filter, .arena = arena_create()};
    samples->shown = id_table_create(samples->arena, 0);
    return samples;
}

void filtered_samples_destroy(struct filtered_samples *samples) {
    if (!samples)
        return;
    arena_destroy(samples->arena);
    free(samples->changes);
    free(samples->threads);
    free(samples);
}

/* A task that does what nobody asked for is not there meanwhile. */
static bool filter_change(struct filtered_samples *samples, struct recording_change *change) {
    const struct recording_task *task = change->after ? change->after : change->before;
    bool was_shown = id_table_find(samples->shown, task->number) != NULL;
    bool is_shown = change->after && sample_filter_wants(samples->filter, task->stack, task->name);
    if (is_shown && !was_shown)
        id_table_add(samples->shown, task->number, samples); /* any value: that it is there */
    if (was_shown && !is_shown)
        id_table_remove(samples->shown, task->number);
    if (!was_shown)
        change->before = NULL;
    if (!is_shown)
        change->after = NULL;
    return was_shown || is_shown;
}

static void filter_changes(struct filtered_samples *samples,
                           const struct recording_sample *sample) {
    size_t count = 0;
    if (sample->change_count > samples->change_room) {
        samples->change_room = 2 * sample->change_count;
        samples->changes =
            memory_realloc(samples->changes, samples->change_room * sizeof *samples->changes);
    }
    for (size_t i = 0; i < sample->change_count; i++) {
        samples->changes[count] = sample->changes[i];
        count += filter_change(samples, &samples->changes[count]);
    }
    samples->sample.changes = samples->changes;
    samples->sample.change_count = count;
}

static void filter_threads(struct filtered_samples *samples,
                           const struct recording_sample *sample) {
    size_t count = 0;
    if (sample->thread_count > samples->thread_room) {
        samples->thread_room = 2 * sample->thread_count;
        samples->threads =
            memory_realloc(samples->threads, samples->thread_room * sizeof *samples->threads);
    }
    for (size_t i = 0; i < sample->thread_count; i++)
        if (sample->threads[i].task ||
            sample_filter_wants(samples->filter, sample->threads[i].stack, NULL))
            samples->threads[count++] = sample->threads[i];
    samples->sample.threads = samples->threads;
    samples->sample.thread_count = count;
}

const struct recording_sample *filtered_sample(struct filtered_samples *samples, uint64_t epoch,
                                               const struct recording_sample *sample) {
    if (sample_filter_is_empty(samples->filter))
        return sample;
    if (epoch != samples->epoch)
        sample_filter_forget(samples->filter);
    samples->epoch = epoch;
    samples->sample = *sample;
    filter_changes(samples, sample);
    filter_threads(samples, sample);
    return &samples->sample;
}
