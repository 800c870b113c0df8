/* Event loops: asyncio/base_events.py. */
#include <string.h>

#include "aio.h"

#define LOOP_UNITS 50 /* of work, besides the reads */

struct loop_attributes {
    struct aio *aio;
    struct aio_loop_flags flags;
};

static struct error *visit_attribute(void *context, uint64_t key, uint64_t value, bool *stop) {
    static const char *const names[] = {"_closed", "_debug"};
    struct loop_attributes *attributes = context;
    enum snapshot_tristate *values[] = {&attributes->flags.closed, &attributes->flags.debug};
    struct py *py = attributes->aio->py;
    struct py_type *type;
    bool equal = false;
    int64_t number = 0;
    (void)stop;
    for (int i = 0; i < 2; i++) {
        struct error *err = py_string_equals(py, key, names[i], &equal);
        if (!err && equal)
            err = py_type_of(py, value, &type);
        if (!err && equal && type->kind == PY_KIND_INTEGER) {
            err = py_integer_read(py, value, &number);
            *values[i] = number ? SNAPSHOT_YES : SNAPSHOT_NO;
        }
        if (err)
            return err;
    }
    return NULL;
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

static struct error *read_loop(struct aio *aio, struct snapshot_loop *loop) {
    struct loop_attributes attributes = {aio, {SNAPSHOT_MAYBE, SNAPSHOT_MAYBE}};
    const struct aio_loop_flags *flags = &attributes.flags;
    struct place place = find_place(aio, loop->id);
    struct py_type *type;
    struct error *err = py_type_of(aio->py, loop->id, &type);
    if (!err) {
        loop->type = type->full_name;
        err = py_attributes_visit(aio->py, loop->id, visit_attribute, &attributes);
    }
    if (!err && flags->closed == SNAPSHOT_MAYBE)
        err = aio_uvloop_read(aio, type, loop->id, &attributes.flags);
    loop->debug = flags->debug;
    loop->tid = place.thread ? place.thread->tid : SNAPSHOT_UNKNOWN;
    if (flags->closed == SNAPSHOT_YES)
        loop->state = SNAPSHOT_LOOP_CLOSED;
    else if (place.thread)
        loop->state = running_state(&place);
    else if (flags->closed == SNAPSHOT_NO)
        loop->state = SNAPSHOT_LOOP_STOPPED;
    return err;
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
    struct snapshot_loop *loop = SNAPSHOT_APPEND(aio->snapshot, &aio->snapshot->event_loops);
    *loop = snapshot_loop_blank;
    loop->id = address;
    return aio_note_missing(
        aio, arena_format(aio->arena, "event loop 0x%llx", (unsigned long long)address),
        read_loop(aio, loop));
}
