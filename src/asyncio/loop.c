/* Event loops: asyncio/base_events.py. */
#include <string.h>

#include "loop_run.h"
#include "uvloop.h"

#define LOOP_UNITS 50 /* of work, besides the reads */

enum attribute {
    ATTRIBUTE_CLOSED,
    ATTRIBUTE_DEBUG,
    ATTRIBUTE_READY,
    ATTRIBUTE_SCHEDULED,
    ATTRIBUTE_TIMER_CANCELLED_COUNT,
    ATTRIBUTE_DEFAULT_EXECUTOR,
    ATTRIBUTE_COUNT
};

static const char *const attribute_names[ATTRIBUTE_COUNT] = {
    [ATTRIBUTE_CLOSED] = "_closed",
    [ATTRIBUTE_DEBUG] = "_debug",
    [ATTRIBUTE_READY] = "_ready",
    [ATTRIBUTE_SCHEDULED] = "_scheduled",
    [ATTRIBUTE_TIMER_CANCELLED_COUNT] = "_timer_cancelled_count",
    [ATTRIBUTE_DEFAULT_EXECUTOR] = "_default_executor",
};

struct loop_attributes {
    struct aio *aio;
    uint64_t values[ATTRIBUTE_COUNT];
};

static struct error *visit_attribute(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct loop_attributes *attributes = context;
    bool equal = false;
    (void)stop;
    for (int i = 0; i < ATTRIBUTE_COUNT && !equal; i++) {
        struct error *err = py_string_equals(attributes->aio->py, key, attribute_names[i], &equal);
        if (err)
            return err;
        if (equal)
            attributes->values[i] = value;
    }
    return NULL;
}

static struct error *read_flag(struct aio *aio, uint64_t value, enum snapshot_tristate *ret) {
    struct py_type *type;
    int64_t number = 0;
    struct error *err = value ? py_type_of(aio->py, value, &type) : NULL;
    if (err || !value || type->kind != PY_KIND_INTEGER)
        return err;
    err = py_integer_read(aio->py, value, &number);
    if (!err)
        *ret = number ? SNAPSHOT_YES : SNAPSHOT_NO;
    return err;
}

/* Where a loop runs. */
struct place {
    const struct aio_thread *thread; /* NULL: nowhere */
    bool has_running_task;
};

/* A thread names but its innermost loop; the outer ones have a running task under it. */
static struct place find_place(struct aio *aio, uint64_t loop) {
    struct place place = {NULL, false};
    for (size_t i = 0; i < aio->thread_count; i++)
        if (aio->threads[i].event_loop == loop)
            place.thread = &aio->threads[i];
    for (size_t i = 0; i < aio->running_task_count; i++)
        if (aio->running_tasks[i].event_loop == loop)
            place = (struct place){aio->running_tasks[i].thread, true};
    return place;
}

/* Idle: nothing of the loop runs, its thread waits for events in the kernel. */
static enum snapshot_loop_state running_state(const struct place *place) {
    if (place->has_running_task || place->thread->polls == SNAPSHOT_NO)
        return SNAPSHOT_LOOP_RUNNING;
    if (place->thread->polls == SNAPSHOT_YES)
        return SNAPSHOT_LOOP_IDLE;
    return SNAPSHOT_LOOP_STATE_UNKNOWN;
}

static struct error *read_flags(struct aio *aio, const struct loop_attributes *attributes,
                                const struct py_type *type, uint64_t loop,
                                struct aio_loop_flags *ret) {
    *ret = (struct aio_loop_flags){SNAPSHOT_MAYBE, SNAPSHOT_MAYBE};
    struct error *err = read_flag(aio, attributes->values[ATTRIBUTE_CLOSED], &ret->closed);
    if (!err)
        err = read_flag(aio, attributes->values[ATTRIBUTE_DEBUG], &ret->debug);
    if (!err && ret->closed == SNAPSHOT_MAYBE)
        err = aio_uvloop_flags_read(aio, type, loop, ret);
    return err;
}

static void take_uvloop(const struct aio_uvloop *uvloop, struct aio_loop_run *run) {
    run->ready = uvloop->ready;
    run->scheduled = uvloop->timers;
    run->default_executor = uvloop->executor;
}

static struct error *read_run(struct aio *aio, const struct loop_attributes *attributes,
                              const struct place *place, struct snapshot_loop *loop) {
    struct aio_loop_run run = {
        .loop = loop,
        .thread = place->thread,
        .ready = attributes->values[ATTRIBUTE_READY],
        .scheduled = attributes->values[ATTRIBUTE_SCHEDULED],
        .timer_cancelled_count = attributes->values[ATTRIBUTE_TIMER_CANCELLED_COUNT],
        .default_executor = attributes->values[ATTRIBUTE_DEFAULT_EXECUTOR],
    };
    const struct aio_uvloop *uvloop;
    struct error *err = aio_drop_none(aio, &run.default_executor);
    if (!err)
        err = aio_uvloop_find(aio, loop->id, &uvloop);
    if (!err && uvloop)
        take_uvloop(uvloop, &run);
    if (!err)
        err = aio_loop_run_read(aio, &run);
    /* The clock is looked at when select() returns, and whenever a timer is made. */
    if (!err && uvloop && loop->state == SNAPSHOT_LOOP_RUNNING && aio->now >= uvloop->time)
        loop->iteration_age_s = aio->now - uvloop->time;
    return err;
}

static struct error *read_loop(struct aio *aio, struct snapshot_loop *loop) {
    struct loop_attributes attributes = {.aio = aio};
    struct aio_loop_flags flags;
    struct place place = find_place(aio, loop->id);
    struct py_type *type;
    struct error *err = py_type_of(aio->py, loop->id, &type);
    if (err)
        return err;
    loop->type = type->full_name;
    err = py_attributes_visit(aio->py, loop->id, visit_attribute, &attributes);
    if (!err)
        err = read_flags(aio, &attributes, type, loop->id, &flags);
    if (err)
        return err;
    loop->debug = flags.debug;
    loop->tid = place.thread ? place.thread->tid : SNAPSHOT_UNKNOWN;
    if (flags.closed == SNAPSHOT_YES)
        loop->state = SNAPSHOT_LOOP_CLOSED;
    else if (place.thread)
        loop->state = running_state(&place);
    else if (flags.closed == SNAPSHOT_NO)
        loop->state = SNAPSHOT_LOOP_STOPPED;
    return read_run(aio, &attributes, &place, loop);
}

/* The class asyncio.events.AbstractEventLoop among the ancestors of a loop's class. */
struct loop_base {
    uint64_t own; /* that of the interpreter that is walked */
    bool is_own, is_other;
};

static struct error *visit_loop_base(void *context, struct py_type *type, bool *stop) {
    struct loop_base *base = context;
    base->is_own |= type->address == base->own;
    base->is_other |= type->address != base->own &&
                      strcmp(type->full_name, "asyncio.events.AbstractEventLoop") == 0;
    *stop = base->is_own;
    return NULL;
}

/* Up to 3.11 the extension _asyncio is one for all interpreters, and so is its registry; classes
 * written in Python are the interpreter's own. */
static struct error *is_of_another_interpreter(struct aio *aio, uint64_t loop, bool *ret) {
    struct loop_base base = {0};
    struct py_type *type = NULL;
    *ret = false;
    if (!loop || !aio->modules.events)
        return NULL;
    struct error *err = py_dict_find(aio->py, aio->modules.events, "AbstractEventLoop", &base.own);
    if (!err && base.own)
        err = py_type_of(aio->py, loop, &type);
    if (!err && base.own)
        err = py_type_visit_mro(aio->py, type, visit_loop_base, &base);
    *ret = !err && base.is_other && !base.is_own;
    return err;
}

struct error *aio_loop_is_foreign(struct aio *aio, uint64_t loop, bool *ret) {
    struct error *err = NULL;
    if (loop != aio->judged_loop) { /* most tasks have the same */
        err = is_of_another_interpreter(aio, loop, &aio->judged_foreign);
        aio->judged_loop = err ? 0 : loop;
        if (err && !error_is_fatal(err)) { /* the loop itself will tell */
            error_destroy(err);
            err = NULL;
        }
    }
    *ret = !err && aio->judged_loop && aio->judged_foreign;
    return err;
}

struct error *aio_loop_read(struct aio *aio, uint64_t address) {
    if (!aio_seen_add(aio, aio->seen_loops, address))
        return NULL;
    py_charge(aio->py, LOOP_UNITS + aio->thread_count / 8);
    struct snapshot_loop loop = snapshot_loop_blank;
    loop.id = address;
    struct error *err = aio_note_missing(
        aio, arena_format(aio->arena, "event loop 0x%llx", (unsigned long long)address),
        read_loop(aio, &loop));
    if (loop.type) /* else there is no object: a torn task named it */
        *SNAPSHOT_APPEND(aio->snapshot, &aio->snapshot->event_loops) = loop;
    return err;
}
