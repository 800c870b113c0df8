#include "recording_encode_threads.h"

#include <stdlib.h>

#include "recording_format.h"

#define NO_NUMBER UINT32_MAX /* of anything defined */
#define THREADS_LOOKED_AT 64 /* for one that stood elsewhere in the last sample */

/* What the last sample said, in numbers of the dictionary. */
struct encoded_thread {
    int64_t tid;
    uint64_t ident, task;
    snapshot_id event_loop;
    int64_t cpu_us;
    uint32_t name, stack;
    unsigned flags;
};

struct encoded_loop {
    snapshot_id id;
    uint32_t type;
    enum snapshot_loop_state state;
    uint64_t task;
    int64_t tid, ready, timers, overdue_us, blocked_us;
};

struct thread_list {
    struct encoded_thread *items;
    size_t count, capacity;
};

struct recording_thread_encoder {
    struct recording_dictionary *dictionary;
    struct thread_list threads, last_threads;
    struct encoded_loop *loops;
    size_t loop_count, loop_capacity;
    struct pack part;
};

static const struct encoded_thread thread_blank = {.tid = SNAPSHOT_UNKNOWN,
                                                   .cpu_us = SNAPSHOT_UNKNOWN};
static const struct encoded_loop loop_blank = {.tid = SNAPSHOT_UNKNOWN,
                                               .ready = SNAPSHOT_UNKNOWN,
                                               .timers = SNAPSHOT_UNKNOWN,
                                               .overdue_us = SNAPSHOT_UNKNOWN,
                                               .blocked_us = SNAPSHOT_UNKNOWN};

struct recording_thread_encoder *
recording_thread_encoder_create(struct recording_dictionary *dictionary) {
    struct recording_thread_encoder *encoder = memory_alloc(sizeof *encoder);
    *encoder = (struct recording_thread_encoder){.dictionary = dictionary};
    return encoder;
}

void recording_thread_encoder_destroy(struct recording_thread_encoder *encoder) {
    if (!encoder)
        return;
    free(encoder->threads.items);
    free(encoder->last_threads.items);
    free(encoder->loops);
    free(encoder->part.bytes);
    free(encoder);
}

void recording_thread_encoder_forget(struct recording_thread_encoder *encoder) {
    for (size_t i = 0; i < encoder->threads.count; i++)
        encoder->threads.items[i].name = encoder->threads.items[i].stack = NO_NUMBER;
    for (size_t i = 0; i < encoder->loop_count; i++)
        encoder->loops[i].type = NO_NUMBER;
}

/* Ends a list of `count` where there were `last_count` of which `named` was the last one named. */
static bool end_list(const struct recording_thread_encoder *encoder, size_t count,
                     size_t last_count, size_t named, struct pack *body) {
    if (named == 0 && count == last_count)
        return false;
    pack_number(body, count);
    pack_bytes(body, encoder->part.bytes, encoder->part.size);
    pack_number(body, 0);
    return true;
}

/* From one time to another, either may be SNAPSHOT_UNKNOWN. */
static void pack_change(struct pack *pack, int64_t before_us, int64_t after_us) {
    if (after_us != SNAPSHOT_UNKNOWN && before_us != SNAPSHOT_UNKNOWN)
        after_us -= before_us;
    pack_optional(pack, after_us);
}

/* ---- threads ---- */

static unsigned tristate_bits(enum snapshot_tristate value) {
    return value == SNAPSHOT_MAYBE ? 2 : (unsigned)value;
}

static struct encoded_thread number_thread(struct recording_thread_encoder *encoder,
                                           const struct recording_thread *thread) {
    return (struct encoded_thread){
        .tid = thread->tid,
        .ident = thread->ident,
        .task = thread->task,
        .event_loop = thread->event_loop,
        .cpu_us = pack_to_us(thread->cpu_s),
        .name = recording_dictionary_string(encoder->dictionary, thread->name),
        .stack = recording_dictionary_stack(encoder->dictionary, thread->stack),
        .flags = tristate_bits(thread->on_cpu) | tristate_bits(thread->holds_gil) << 2 |
                 tristate_bits(thread->waits_for_gil) << 4,
    };
}

static unsigned compare_threads(const struct encoded_thread *old,
                                const struct encoded_thread *now) {
    return pack_flag(old->stack != now->stack, THREAD_STACK) |
           pack_flag(old->cpu_us != now->cpu_us, THREAD_CPU) |
           pack_flag(old->flags != now->flags, THREAD_FLAGS) |
           pack_flag(old->task != now->task, THREAD_TASK) |
           pack_flag(old->event_loop != now->event_loop, THREAD_LOOP) |
           pack_flag(old->tid != now->tid || old->ident != now->ident || old->name != now->name,
                     THREAD_WHO);
}

static void pack_thread(struct pack *pack, unsigned mask, const struct encoded_thread *old,
                        const struct encoded_thread *now) {
    if (mask & THREAD_STACK)
        pack_number(pack, now->stack);
    if (mask & THREAD_CPU)
        pack_change(pack, old->cpu_us, now->cpu_us);
    if (mask & THREAD_FLAGS)
        pack_number(pack, now->flags);
    if (mask & THREAD_TASK)
        pack_number(pack, now->task);
    if (mask & THREAD_LOOP)
        pack_number(pack, now->event_loop);
    if (mask & THREAD_WHO) {
        pack_optional(pack, now->tid);
        pack_number(pack, now->ident);
        pack_number(pack, now->name);
    }
}

/* Where it stood in the last sample: not far from `*first` on, which becomes the place behind it;
 * or `otherwise`. */
static size_t find_last_place(const struct thread_list *last, size_t *first, size_t otherwise,
                              const struct encoded_thread *thread) {
    for (size_t i = *first; i < last->count && i - *first < THREADS_LOOKED_AT; i++)
        if (last->items[i].tid == thread->tid && last->items[i].ident == thread->ident) {
            *first = i + 1;
            return i;
        }
    return otherwise;
}

/* Appends what is not as at the same place in the last sample. `*first` is the place there that is
 * expected for it, `*named` the last one that something was said of, from 1. */
static void encode_thread(struct recording_thread_encoder *encoder, size_t place, size_t *first,
                          size_t *named) {
    const struct thread_list *last = &encoder->last_threads;
    const struct encoded_thread *now = &encoder->threads.items[place];
    size_t from = find_last_place(last, first, place, now);
    const struct encoded_thread *old = from < last->count ? &last->items[from] : &thread_blank;
    unsigned mask = pack_flag(from != place, THREAD_MOVED) | compare_threads(old, now);
    if (mask == 0 && place < last->count)
        return;
    pack_number(&encoder->part, place + 1 - *named);
    *named = place + 1;
    pack_number(&encoder->part, mask);
    if (mask & THREAD_MOVED)
        pack_signed(&encoder->part, (int64_t)(from - place));
    pack_thread(&encoder->part, mask, old, now);
}

bool recording_encode_threads(struct recording_thread_encoder *encoder,
                              const struct recording_sample *sample, struct pack *body) {
    struct thread_list old = encoder->last_threads, *list = &encoder->threads;
    size_t first = 0, named = 0;
    encoder->last_threads = *list;
    *list = old;
    list->count = sample->thread_count;
    list->items = pack_reserve(list->items, &list->capacity, list->count, sizeof *list->items);
    encoder->part.size = 0;
    for (size_t i = 0; i < list->count; i++) {
        list->items[i] = number_thread(encoder, &sample->threads[i]);
        encode_thread(encoder, i, &first, &named);
    }
    return end_list(encoder, list->count, encoder->last_threads.count, named, body);
}

/* ---- loops ---- */

static struct encoded_loop number_loop(struct recording_thread_encoder *encoder,
                                       const struct recording_loop *loop) {
    return (struct encoded_loop){
        .id = loop->id,
        .type = recording_dictionary_string(encoder->dictionary, loop->type),
        .state = loop->state,
        .task = loop->task,
        .tid = loop->tid,
        .ready = loop->ready,
        .timers = loop->timers,
        .overdue_us = pack_to_us(loop->overdue_s),
        .blocked_us = pack_to_us(loop->blocked_s),
    };
}

static unsigned compare_loops(const struct encoded_loop *old, const struct encoded_loop *now) {
    return pack_flag(old->state != now->state, LOOP_STATE) |
           pack_flag(old->task != now->task, LOOP_TASK) |
           pack_flag(old->ready != now->ready, LOOP_READY) |
           pack_flag(old->timers != now->timers, LOOP_TIMERS) |
           pack_flag(old->overdue_us != now->overdue_us, LOOP_OVERDUE) |
           pack_flag(old->blocked_us != now->blocked_us, LOOP_BLOCKED) |
           pack_flag(old->id != now->id || old->type != now->type || old->tid != now->tid,
                     LOOP_WHO);
}

static void pack_loop(struct pack *pack, unsigned mask, const struct encoded_loop *old,
                      const struct encoded_loop *now) {
    if (mask & LOOP_STATE)
        pack_number(pack, now->state);
    if (mask & LOOP_TASK)
        pack_number(pack, now->task);
    if (mask & LOOP_READY)
        pack_optional(pack, now->ready);
    if (mask & LOOP_TIMERS)
        pack_optional(pack, now->timers);
    if (mask & LOOP_OVERDUE)
        pack_change(pack, old->overdue_us, now->overdue_us);
    if (mask & LOOP_BLOCKED)
        pack_change(pack, old->blocked_us, now->blocked_us);
    if (mask & LOOP_WHO) {
        pack_number(pack, now->id);
        pack_number(pack, now->type);
        pack_optional(pack, now->tid);
    }
}

bool recording_encode_loops(struct recording_thread_encoder *encoder,
                            const struct recording_sample *sample, struct pack *body) {
    size_t last_count = encoder->loop_count, named = 0;
    encoder->loop_count = sample->loop_count;
    encoder->loops = pack_reserve(encoder->loops, &encoder->loop_capacity, sample->loop_count,
                                  sizeof *encoder->loops);
    encoder->part.size = 0;
    for (size_t i = 0; i < sample->loop_count; i++) {
        const struct encoded_loop *old = i < last_count ? &encoder->loops[i] : &loop_blank;
        struct encoded_loop now = number_loop(encoder, &sample->loops[i]);
        unsigned mask = compare_loops(old, &now);
        if (mask || i >= last_count) {
            pack_number(&encoder->part, i + 1 - named);
            named = i + 1;
            pack_number(&encoder->part, mask);
            pack_loop(&encoder->part, mask, old, &now);
        }
        encoder->loops[i] = now;
    }
    return end_list(encoder, encoder->loop_count, last_count, named, body);
}
