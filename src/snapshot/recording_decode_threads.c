#include "recording_decode_threads.h"

#include <stdlib.h>

#include "recording_format.h"

/* A thread that shall stand at a place; those there now may be asked for by others. */
struct placed_thread {
    size_t place;
    struct recording_thread thread;
};

struct recording_thread_decoder {
    struct recording_definitions *definitions;
    struct recording_thread *threads;
    size_t thread_count, thread_capacity;
    struct placed_thread *placed;
    size_t placed_count, placed_capacity;
    struct recording_loop *loops;
    size_t loop_count, loop_capacity;
};

struct recording_thread_decoder *
recording_thread_decoder_create(struct recording_definitions *definitions) {
    struct recording_thread_decoder *decoder = memory_alloc(sizeof *decoder);
    *decoder = (struct recording_thread_decoder){.definitions = definitions};
    return decoder;
}

void recording_thread_decoder_destroy(struct recording_thread_decoder *decoder) {
    if (!decoder)
        return;
    free(decoder->threads);
    free(decoder->placed);
    free(decoder->loops);
    free(decoder);
}

void recording_thread_decoder_show(const struct recording_thread_decoder *decoder,
                                   struct recording_sample *sample) {
    sample->threads = decoder->threads;
    sample->thread_count = decoder->thread_count;
    sample->loops = decoder->loops;
    sample->loop_count = decoder->loop_count;
}

/* The next place of a list of `count`, given the last one from 1. False: the list ends, or it has
 * no such place. */
static bool unpack_place(struct unpack *payload, uint64_t count, uint64_t *named) {
    uint64_t step = unpack_number(payload);
    if (step > count - *named)
        unpack_fail(payload, "a thread or loop beyond the last one");
    *named += step;
    return step && !payload->wrong;
}

/* A time that differs so from what it was. */
static double unpack_change(struct unpack *payload, double before) {
    int64_t before_us = pack_to_us(before), change = unpack_optional(payload), us;
    if (change == SNAPSHOT_UNKNOWN)
        return NAN;
    if (__builtin_add_overflow(change, before_us == SNAPSHOT_UNKNOWN ? 0 : before_us, &us) ||
        us > RECORDING_US_MAX || us < -RECORDING_US_MAX) {
        unpack_fail(payload, "a time that cannot be");
        return NAN;
    }
    return pack_from_us(us);
}

/* ---- threads ---- */

static enum snapshot_tristate get_tristate(struct unpack *payload, uint64_t bits) {
    if (bits % 4 == 3)
        unpack_fail(payload, "what is neither yes nor no");
    return bits % 4 == 2 ? SNAPSHOT_MAYBE : (enum snapshot_tristate)(bits % 4 & 1);
}

static void unpack_flags(struct unpack *payload, struct recording_thread *thread) {
    uint64_t flags = unpack_below(payload, 64, "unknown facts of a thread");
    thread->on_cpu = get_tristate(payload, flags);
    thread->holds_gil = get_tristate(payload, flags >> 2);
    thread->waits_for_gil = get_tristate(payload, flags >> 4);
}

static void unpack_thread(struct recording_thread_decoder *decoder, struct unpack *payload,
                          uint64_t mask, struct recording_thread *thread) {
    if (mask & THREAD_STACK)
        thread->stack = recording_unpack_stack(decoder->definitions, payload);
    if (mask & THREAD_CPU)
        thread->cpu_s = unpack_change(payload, thread->cpu_s);
    if (mask & THREAD_FLAGS)
        unpack_flags(payload, thread);
    if (mask & THREAD_TASK)
        thread->task = unpack_number(payload);
    if (mask & THREAD_LOOP)
        thread->event_loop = unpack_number(payload);
    if (mask & THREAD_WHO) {
        thread->tid = unpack_optional(payload);
        thread->ident = unpack_number(payload);
        thread->name = recording_unpack_string(decoder->definitions, payload);
    }
}

/* What the thread at `place` is before it is changed. */
static struct recording_thread get_base(const struct recording_thread_decoder *decoder,
                                        struct unpack *payload, uint64_t mask, uint64_t place) {
    const struct recording_thread blank = {
        .tid = SNAPSHOT_UNKNOWN,
        .cpu_s = NAN,
        .stack = recording_definitions_get_empty(decoder->definitions)};
    if (mask & THREAD_MOVED) {
        place += (uint64_t)unpack_signed(payload);
        if (place >= decoder->thread_count)
            unpack_fail(payload, "a thread that was none");
    }
    return place < decoder->thread_count ? decoder->threads[place] : blank;
}

static void place_thread(struct recording_thread_decoder *decoder, size_t place,
                         const struct recording_thread *thread) {
    decoder->placed = pack_reserve(decoder->placed, &decoder->placed_capacity,
                                   decoder->placed_count + 1, sizeof *decoder->placed);
    decoder->placed[decoder->placed_count++] =
        (struct placed_thread){.place = place, .thread = *thread};
}

/* Threads in the order of their places; the first that is new stands behind the last of before. */
static void take_threads(struct recording_thread_decoder *decoder, struct unpack *payload,
                         uint64_t count) {
    for (size_t i = 0; i < decoder->placed_count; i++) {
        const struct placed_thread *placed = &decoder->placed[i];
        if (placed->place > decoder->thread_count)
            break;
        decoder->thread_count += placed->place == decoder->thread_count;
        decoder->threads = pack_reserve(decoder->threads, &decoder->thread_capacity,
                                        decoder->thread_count, sizeof *decoder->threads);
        decoder->threads[placed->place] = placed->thread;
    }
    if (count > decoder->thread_count)
        unpack_fail(payload, "threads that nothing is said of");
    else
        decoder->thread_count = (size_t)count;
}

void recording_decode_threads(struct recording_thread_decoder *decoder, struct unpack *payload) {
    uint64_t count = unpack_number(payload), named = 0;
    decoder->placed_count = 0;
    while (unpack_place(payload, count, &named)) {
        uint64_t mask = unpack_below(payload, THREAD_ALL + 1, "unknown facts of a thread");
        struct recording_thread thread = get_base(decoder, payload, mask, named - 1);
        unpack_thread(decoder, payload, mask, &thread);
        if (!payload->wrong)
            place_thread(decoder, (size_t)named - 1, &thread);
    }
    if (!payload->wrong)
        take_threads(decoder, payload, count);
}

/* ---- loops ---- */

static void unpack_loop(struct recording_thread_decoder *decoder, struct unpack *payload,
                        uint64_t mask, struct recording_loop *loop) {
    if (mask & LOOP_STATE)
        loop->state = (enum snapshot_loop_state)unpack_below(
            payload, SNAPSHOT_LOOP_STATE_UNKNOWN + 1, "an unknown state of a loop");
    if (mask & LOOP_TASK)
        loop->task = unpack_number(payload);
    if (mask & LOOP_READY)
        loop->ready = unpack_optional(payload);
    if (mask & LOOP_TIMERS)
        loop->timers = unpack_optional(payload);
    if (mask & LOOP_OVERDUE)
        loop->overdue_s = unpack_change(payload, loop->overdue_s);
    if (mask & LOOP_BLOCKED)
        loop->blocked_s = unpack_change(payload, loop->blocked_s);
    if (mask & LOOP_WHO) {
        loop->id = unpack_number(payload);
        const char *type = recording_unpack_string(decoder->definitions, payload);
        loop->type = type ? type : "";
        loop->tid = unpack_optional(payload);
    }
}

/* The loop at that place, a new one behind the last one. NULL: between them nothing is. */
static struct recording_loop *get_loop(struct recording_thread_decoder *decoder, uint64_t place) {
    if (place > decoder->loop_count)
        return NULL;
    if (place == decoder->loop_count) {
        decoder->loops = pack_reserve(decoder->loops, &decoder->loop_capacity,
                                      ++decoder->loop_count, sizeof *decoder->loops);
        decoder->loops[place] = (struct recording_loop){.type = "",
                                                        .tid = SNAPSHOT_UNKNOWN,
                                                        .ready = SNAPSHOT_UNKNOWN,
                                                        .timers = SNAPSHOT_UNKNOWN,
                                                        .overdue_s = NAN,
                                                        .blocked_s = NAN};
    }
    return &decoder->loops[place];
}

void recording_decode_loops(struct recording_thread_decoder *decoder, struct unpack *payload) {
    uint64_t count = unpack_number(payload), named = 0;
    while (unpack_place(payload, count, &named)) {
        uint64_t mask = unpack_below(payload, LOOP_ALL + 1, "unknown facts of a loop");
        struct recording_loop *loop = get_loop(decoder, named - 1);
        if (!loop)
            break;
        unpack_loop(decoder, payload, mask, loop);
    }
    if (count > decoder->loop_count)
        unpack_fail(payload, "loops that nothing is said of");
    else
        decoder->loop_count = (size_t)count;
}
