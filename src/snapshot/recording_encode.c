#include "recording_encode.h"

#include <inttypes.h>
#include <stdlib.h>

#include "asyncspy/base/id_table.h"
#include "recording_dictionary.h"
#include "recording_encode_threads.h"
#include "recording_format.h"

/* What the last sample that named it said of a task, in numbers of the dictionary. */
struct encoded_task {
    uint64_t number, awaited_by;
    snapshot_id id, event_loop;
    int64_t tid;
    uint32_t name, coroutine, stack, wait;
    enum snapshot_task_state state;
    uint64_t resets;  /* of the dictionary until then: its numbers are void after another one */
    uint64_t changed; /* in this sample */
    struct encoded_task *next_free;
};

struct recording_encoder {
    struct recording_dictionary *dictionary;
    size_t memory_max;
    uint64_t resets;
    struct arena *arena;
    struct id_table *tasks;
    struct encoded_task *free_tasks;
    struct recording_thread_encoder *threads;
    uint64_t samples; /* so far */
    uint64_t number;  /* of the last one */
    int64_t time_us;
    uint64_t last_task;             /* number of the last change */
    snapshot_id last_id, last_loop; /* of the last task that said who it is */
    struct pack part, body, payload;
};

struct recording_encoder *recording_encoder_create(size_t memory_max) {
    struct recording_encoder *encoder = memory_alloc(sizeof *encoder);
    *encoder = (struct recording_encoder){.memory_max = memory_max, .arena = arena_create()};
    encoder->dictionary = recording_dictionary_create();
    encoder->threads = recording_thread_encoder_create(encoder->dictionary);
    encoder->tasks = id_table_create(encoder->arena, 0);
    return encoder;
}

void recording_encoder_destroy(struct recording_encoder *encoder) {
    if (!encoder)
        return;
    recording_dictionary_destroy(encoder->dictionary);
    arena_destroy(encoder->arena);
    recording_thread_encoder_destroy(encoder->threads);
    free(encoder->part.bytes);
    free(encoder->body.bytes);
    free(encoder->payload.bytes);
    free(encoder);
}

int64_t recording_encoder_get_us(const struct recording_encoder *encoder) {
    return encoder->time_us;
}

/* ---- tasks ---- */

static struct encoded_task *add_task(struct recording_encoder *encoder, uint64_t number) {
    struct encoded_task *task = encoder->free_tasks;
    if (task)
        encoder->free_tasks = task->next_free;
    else
        task = arena_alloc(encoder->arena, sizeof *task);
    *task =
        (struct encoded_task){.number = number, .tid = SNAPSHOT_UNKNOWN, .resets = encoder->resets};
    id_table_add(encoder->tasks, number, task);
    return task;
}

static void drop_task(struct recording_encoder *encoder, struct encoded_task *task) {
    id_table_remove(encoder->tasks, task->number);
    task->next_free = encoder->free_tasks;
    encoder->free_tasks = task;
}

static unsigned compare_tasks(const struct encoded_task *old, const struct encoded_task *now) {
    bool is_known = old->resets == now->resets;
    return pack_flag(!is_known || old->stack != now->stack, TASK_STACK) |
           pack_flag(!is_known || old->wait != now->wait, TASK_WAIT) |
           pack_flag(old->state != now->state, TASK_STATE) |
           pack_flag(old->awaited_by != now->awaited_by, TASK_AWAITED_BY) |
           pack_flag(old->tid != now->tid, TASK_TID) |
           pack_flag(!is_known || old->name != now->name || old->coroutine != now->coroutine ||
                         old->id != now->id || old->event_loop != now->event_loop,
                     TASK_WHO);
}

static void pack_task_who(struct recording_encoder *encoder, const struct encoded_task *task) {
    pack_signed(&encoder->part, (int64_t)(task->id - encoder->last_id));
    pack_number(&encoder->part, task->name);
    pack_number(&encoder->part, task->coroutine);
    pack_signed(&encoder->part, (int64_t)(task->event_loop - encoder->last_loop));
    encoder->last_id = task->id;
    encoder->last_loop = task->event_loop;
}

static void pack_task(struct recording_encoder *encoder, unsigned mask,
                      const struct encoded_task *task) {
    struct pack *pack = &encoder->part;
    pack_signed(pack, (int64_t)(task->number - encoder->last_task));
    encoder->last_task = task->number;
    pack_number(pack, mask);
    if (mask & TASK_STACK)
        pack_number(pack, task->stack);
    if (mask & TASK_WAIT)
        pack_number(pack, task->wait);
    if (mask & TASK_STATE)
        pack_number(pack, task->state);
    if (mask & TASK_AWAITED_BY)
        pack_optional(pack, task->awaited_by ? (int64_t)(task->awaited_by - task->number)
                                             : SNAPSHOT_UNKNOWN);
    if (mask & TASK_TID)
        pack_optional(pack, task->tid);
    if (mask & TASK_WHO)
        pack_task_who(encoder, task);
}

static struct encoded_task number_task(struct recording_encoder *encoder,
                                       const struct recording_task *task) {
    struct recording_dictionary *dictionary = encoder->dictionary;
    return (struct encoded_task){
        .number = task->number,
        .awaited_by = task->awaited_by,
        .id = task->id,
        .event_loop = task->event_loop,
        .tid = task->tid,
        .name = recording_dictionary_string(dictionary, task->name),
        .coroutine = recording_dictionary_string(dictionary, task->coroutine),
        .stack = recording_dictionary_stack(dictionary, task->stack),
        .wait = recording_dictionary_wait(dictionary, task->wait),
        .state = task->state,
        .resets = encoder->resets,
        .changed = encoder->samples,
    };
}

/* Appends a change. False: there is nothing to say of it, the task was never named. */
static bool encode_change(struct recording_encoder *encoder, const struct recording_change *change,
                          struct encoded_task *task) {
    if (!change->after) {
        if (!task)
            return false;
        pack_task(encoder, TASK_GONE, task);
        drop_task(encoder, task);
        return true;
    }
    unsigned is_new = pack_flag(!task, TASK_NEW);
    if (!task)
        task = add_task(encoder, change->after->number);
    struct encoded_task now = number_task(encoder, change->after);
    pack_task(encoder, is_new | compare_tasks(task, &now), &now);
    *task = now;
    return true;
}

static struct error *encode_changes(struct recording_encoder *encoder,
                                    const struct recording_sample *sample, unsigned *parts) {
    uint64_t count = 0;
    encoder->part.size = 0;
    for (size_t i = 0; i < sample->change_count; i++) {
        const struct recording_change *change = &sample->changes[i];
        uint64_t number = (change->after ? change->after : change->before)->number;
        struct encoded_task *task = id_table_find(encoder->tasks, number);
        if (number == 0 || (task && task->changed == encoder->samples))
            return error_create(ERROR_INVALID, "task %" PRIu64 " is named twice in sample %" PRIu64,
                                number, sample->number);
        count += encode_change(encoder, change, task);
    }
    if (count == 0)
        return NULL;
    *parts |= SAMPLE_CHANGES;
    pack_number(&encoder->body, count);
    pack_bytes(&encoder->body, encoder->part.bytes, encoder->part.size);
    return NULL;
}

/* ---- the sample ---- */

static unsigned encode_if(struct recording_encoder *encoder, uint64_t value, unsigned part) {
    if (value)
        pack_number(&encoder->body, value);
    return value ? part : 0;
}

static struct error *encode_body(struct recording_encoder *encoder,
                                 const struct recording_sample *sample, unsigned *parts) {
    encoder->body.size = 0;
    *parts = encode_if(encoder, pack_to_duration(sample->pause_s), SAMPLE_PAUSE);
    *parts |= encode_if(encoder, pack_to_duration(sample->late_s), SAMPLE_LATE);
    *parts |= encode_if(encoder, sample->torn, SAMPLE_TORN);
    *parts |= encode_if(encoder, sample->reads_failed, SAMPLE_FAILED);
    struct error *err = encode_changes(encoder, sample, parts);
    if (err)
        return err;
    if (recording_encode_threads(encoder->threads, sample, &encoder->body))
        *parts |= SAMPLE_THREADS;
    if (recording_encode_loops(encoder->threads, sample, &encoder->body))
        *parts |= SAMPLE_LOOPS;
    *parts |= encode_if(encoder, sample->gc, SAMPLE_GC);
    return NULL;
}

static void pack_sample(struct recording_encoder *encoder, const struct recording_sample *sample,
                        unsigned parts, struct pack *out) {
    struct pack *payload = &encoder->payload;
    const struct pack *definitions = recording_dictionary_get_new(encoder->dictionary);
    int64_t time_us = pack_to_us(sample->time_s);
    if (time_us < encoder->time_us)
        time_us = encoder->time_us;
    payload->size = 0;
    pack_number(payload, parts);
    pack_number(payload, sample->number - encoder->number);
    pack_number(payload, (uint64_t)(time_us - encoder->time_us));
    pack_bytes(payload, encoder->body.bytes, encoder->body.size);
    encoder->number = sample->number;
    encoder->time_us = time_us;
    if (definitions->size)
        pack_chunk(out, RECORDING_DEFINITIONS, definitions);
    pack_chunk(out, RECORDING_SAMPLE, payload);
}

struct error *recording_encode_sample(struct recording_encoder *encoder, uint64_t epoch,
                                      const struct recording_sample *sample, struct pack *out) {
    unsigned parts;
    if (sample->number <= encoder->number)
        return error_create(ERROR_INVALID, "sample %" PRIu64 " does not follow sample %" PRIu64,
                            sample->number, encoder->number);
    encoder->samples++;
    if (recording_dictionary_begin(encoder->dictionary, epoch, encoder->memory_max)) {
        encoder->resets++;
        recording_thread_encoder_forget(encoder->threads);
        pack_chunk(out, RECORDING_RESET, &(struct pack){0});
    }
    struct error *err = encode_body(encoder, sample, &parts);
    if (!err)
        pack_sample(encoder, sample, parts, out);
    return err;
}
