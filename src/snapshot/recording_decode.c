#include "recording_decode.h"

#include <stdlib.h>

#include "asyncspy/base/id_table.h"
#include "recording_decode_threads.h"
#include "recording_format.h"

/* A task that is there. */
struct alive_task {
    struct recording_task *task; /* as it is now */
    size_t place;                /* in `tasks` and in `alive` */
    uint64_t changed;            /* in this sample */
    struct alive_task *next_free;
};

struct recording_decoder {
    struct recording_definitions *definitions;
    struct recording_thread_decoder *threads;
    struct arena *arena;
    struct id_table *by_number; /* struct alive_task */
    struct alive_task *free_tasks;
    const struct recording_task **tasks;
    struct alive_task **alive;
    size_t task_count, task_capacity, alive_capacity;
    struct recording_task **retired; /* that the last sample shows as `before` */
    size_t retired_count, retired_capacity;
    struct recording_change *changes;
    size_t change_count, change_capacity;
    uint64_t samples, number;
    int64_t time_us;
    uint64_t last_task;
    snapshot_id last_id, last_loop;
    struct recording_sample sample;
};

struct recording_decoder *recording_decoder_create(struct recording_definitions *definitions) {
    struct recording_decoder *decoder = memory_alloc(sizeof *decoder);
    *decoder = (struct recording_decoder){.definitions = definitions, .arena = arena_create()};
    decoder->threads = recording_thread_decoder_create(definitions);
    decoder->by_number = id_table_create(decoder->arena, 0);
    return decoder;
}

static void free_retired(struct recording_decoder *decoder) {
    for (size_t i = 0; i < decoder->retired_count; i++)
        free(decoder->retired[i]);
    decoder->retired_count = 0;
}

void recording_decoder_destroy(struct recording_decoder *decoder) {
    if (!decoder)
        return;
    free_retired(decoder);
    for (size_t i = 0; i < decoder->task_count; i++)
        free(decoder->alive[i]->task);
    recording_thread_decoder_destroy(decoder->threads);
    free(decoder->tasks);
    free(decoder->alive);
    free(decoder->retired);
    free(decoder->changes);
    arena_destroy(decoder->arena);
    free(decoder);
}

int64_t recording_decoder_get_us(const struct recording_decoder *decoder) {
    return decoder->time_us;
}

/* ---- which tasks there are ---- */

static struct alive_task *add_alive(struct recording_decoder *decoder, uint64_t number) {
    struct alive_task *alive = decoder->free_tasks;
    if (alive)
        decoder->free_tasks = alive->next_free;
    else
        alive = arena_alloc(decoder->arena, sizeof *alive);
    size_t place = decoder->task_count++;
    *alive = (struct alive_task){.place = place};
    id_table_add(decoder->by_number, number, alive);
    decoder->tasks = pack_reserve(decoder->tasks, &decoder->task_capacity, decoder->task_count,
                                  sizeof *decoder->tasks);
    decoder->alive = pack_reserve(decoder->alive, &decoder->alive_capacity, decoder->task_count,
                                  sizeof *decoder->alive);
    decoder->alive[place] = alive;
    return alive;
}

/* The last of them takes its place: however many tasks there are, it costs the same. */
static void drop_alive(struct recording_decoder *decoder, struct alive_task *alive) {
    size_t last = --decoder->task_count;
    id_table_remove(decoder->by_number, alive->task->number);
    decoder->tasks[alive->place] = decoder->tasks[last];
    decoder->alive[alive->place] = decoder->alive[last];
    decoder->alive[alive->place]->place = alive->place;
    alive->next_free = decoder->free_tasks;
    decoder->free_tasks = alive;
}

static void retire(struct recording_decoder *decoder, struct recording_task *task) {
    decoder->retired = pack_reserve(decoder->retired, &decoder->retired_capacity,
                                    decoder->retired_count + 1, sizeof *decoder->retired);
    decoder->retired[decoder->retired_count++] = task;
}

/* ---- changes ---- */

static void unpack_who(struct recording_decoder *decoder, struct unpack *payload,
                       struct recording_task *task) {
    decoder->last_id += (uint64_t)unpack_signed(payload);
    task->id = decoder->last_id;
    task->name = recording_unpack_string(decoder->definitions, payload);
    task->coroutine = recording_unpack_string(decoder->definitions, payload);
    decoder->last_loop += (uint64_t)unpack_signed(payload);
    task->event_loop = decoder->last_loop;
}

static uint64_t unpack_awaited_by(struct unpack *payload, uint64_t number) {
    int64_t difference = unpack_optional(payload);
    return difference == SNAPSHOT_UNKNOWN ? 0 : number + (uint64_t)difference;
}

static void unpack_task(struct recording_decoder *decoder, struct unpack *payload, uint64_t mask,
                        struct recording_task *task) {
    if (mask & TASK_STACK)
        task->stack = recording_unpack_stack(decoder->definitions, payload);
    if (mask & TASK_WAIT)
        task->wait = recording_unpack_wait(decoder->definitions, payload);
    if (mask & TASK_STATE)
        task->state = (enum snapshot_task_state)unpack_below(payload, SNAPSHOT_TASK_STATE_COUNT,
                                                             "an unknown state of a task");
    if (mask & TASK_AWAITED_BY)
        task->awaited_by = unpack_awaited_by(payload, task->number);
    if (mask & TASK_TID)
        task->tid = unpack_optional(payload);
    if (mask & TASK_WHO)
        unpack_who(decoder, payload, task);
    task->since_s = pack_from_us(decoder->time_us);
}

static struct recording_task *copy_task(const struct recording_decoder *decoder,
                                        const struct recording_task *before, uint64_t number) {
    struct recording_task *task = memory_alloc(sizeof *task);
    if (before)
        *task = *before;
    else
        *task =
            (struct recording_task){.number = number,
                                    .tid = SNAPSHOT_UNKNOWN,
                                    .stack = recording_definitions_get_empty(decoder->definitions)};
    return task;
}

static const char *find_wrong(const struct recording_decoder *decoder,
                              const struct alive_task *alive, uint64_t number, uint64_t mask) {
    if (number == 0)
        return "a task without a number";
    if (!alive != ((mask & TASK_NEW) != 0))
        return alive ? "a task that is there already" : "a task that is not there";
    if (alive && alive->changed == decoder->samples)
        return "a task that changes twice";
    return mask & TASK_GONE && mask != TASK_GONE ? "a task that is there and gone" : NULL;
}

static void decode_change(struct recording_decoder *decoder, struct unpack *payload,
                          struct recording_change *change) {
    uint64_t number = decoder->last_task += (uint64_t)unpack_signed(payload);
    uint64_t mask = unpack_below(payload, TASK_ALL + 1, "unknown facts of a task");
    struct alive_task *alive = id_table_find(decoder->by_number, number);
    const char *wrong = find_wrong(decoder, alive, number, mask);
    *change = (struct recording_change){.before = alive ? alive->task : NULL};
    if (wrong || payload->wrong) {
        unpack_fail(payload, wrong);
        return;
    }
    if (alive)
        retire(decoder, alive->task);
    if (mask & TASK_GONE) {
        drop_alive(decoder, alive);
        return;
    }
    struct recording_task *task = copy_task(decoder, change->before, number);
    alive = alive ? alive : add_alive(decoder, number);
    decoder->tasks[alive->place] = change->after = alive->task = task;
    alive->changed = decoder->samples;
    unpack_task(decoder, payload, mask, task);
}

static void decode_changes(struct recording_decoder *decoder, struct unpack *payload) {
    size_t count = unpack_count(payload);
    decoder->changes =
        pack_reserve(decoder->changes, &decoder->change_capacity, count, sizeof *decoder->changes);
    for (size_t i = 0; i < count && !payload->wrong; i++)
        decode_change(decoder, payload, &decoder->changes[decoder->change_count++]);
}

/* ---- the sample ---- */

static void decode_time(struct recording_decoder *decoder, struct unpack *payload) {
    uint64_t step = unpack_number(payload);
    int64_t us = unpack_us(payload);
    if (step == 0 || __builtin_add_overflow(decoder->number, step, &decoder->number))
        unpack_fail(payload, "a sample that does not follow the last one");
    decoder->time_us += us;
    if (decoder->time_us > RECORDING_US_MAX)
        unpack_fail(payload, "a time that cannot be");
}

static void decode_parts(struct recording_decoder *decoder, struct unpack *payload, uint64_t mask) {
    struct recording_sample *sample = &decoder->sample;
    if (mask & SAMPLE_PAUSE)
        sample->pause_s = pack_from_us(unpack_us(payload));
    if (mask & SAMPLE_LATE)
        sample->late_s = pack_from_us(unpack_us(payload));
    if (mask & SAMPLE_TORN)
        sample->torn = unpack_number(payload);
    if (mask & SAMPLE_FAILED)
        sample->reads_failed = unpack_number(payload);
    if (mask & SAMPLE_CHANGES)
        decode_changes(decoder, payload);
    if (mask & SAMPLE_THREADS)
        recording_decode_threads(decoder->threads, payload);
    if (mask & SAMPLE_LOOPS)
        recording_decode_loops(decoder->threads, payload);
    if (mask & SAMPLE_GC)
        sample->gc = unpack_number(payload);
}

static void show(struct recording_decoder *decoder) {
    struct recording_sample *sample = &decoder->sample;
    sample->number = decoder->number;
    sample->time_s = pack_from_us(decoder->time_us);
    sample->tasks = decoder->tasks;
    sample->task_count = decoder->task_count;
    sample->changes = decoder->changes;
    sample->change_count = decoder->change_count;
    recording_thread_decoder_show(decoder->threads, sample);
}

const struct recording_sample *recording_decode_sample(struct recording_decoder *decoder,
                                                       struct unpack *payload) {
    uint64_t mask = unpack_below(payload, SAMPLE_ALL + 1, "unknown facts of a sample");
    free_retired(decoder);
    decoder->samples++;
    decoder->change_count = 0;
    decoder->sample = (struct recording_sample){0};
    decode_time(decoder, payload);
    if (!payload->wrong)
        decode_parts(decoder, payload, mask);
    if (payload->at < payload->end)
        unpack_fail(payload, "more than a sample");
    show(decoder);
    return payload->wrong ? NULL : &decoder->sample;
}
