/* Event loops: asyncio/base_events.py; the loop of a thread: Modules/_asynciomodule.c. */
#include "aio.h"

#define LOOP_UNITS 50 /* of work, besides the reads */
#define RUNNING_LOOP_KEY "__asyncio_running_event_loop__"

/* The loop that runs in `thread`. */
static struct error *read_running_loop(struct aio *aio, struct aio_thread *thread) {
    const struct py_layout *layout = py_get_layout(aio->py);
    uint64_t value = 0;
    struct error *err = NULL;
    switch (layout->traits.running_loop_kind) {
    case PY_RUNNING_LOOP_FIELD:
        value = thread->thread->asyncio_running_loop;
        break;
    case PY_RUNNING_LOOP_HOLDER:
    case PY_RUNNING_LOOP_DICT:
        if (thread->thread->dict)
            err = py_dict_find(aio->py, thread->thread->dict, RUNNING_LOOP_KEY, &value);
        break;
    }
    if (!err && value && layout->traits.running_loop_kind == PY_RUNNING_LOOP_HOLDER)
        err = py_read_u64(aio->py, value + (uint64_t)PY_OFFSET(layout, running_loop_holder, loop),
                          &value);
    if (!err)
        err = aio_drop_none(aio, &value);
    thread->event_loop = err ? 0 : value;
    return err;
}

struct error *aio_running_loops_read(struct aio *aio) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < aio->thread_count; i++)
        err = aio_note_missing(aio, "running loop of a thread",
                               read_running_loop(aio, &aio->threads[i]));
    return err;
}

enum { ATTRIBUTE_CLOSED, ATTRIBUTE_DEBUG, ATTRIBUTE_COUNT };

struct loop_attributes {
    struct aio *aio;
    enum snapshot_tristate values[ATTRIBUTE_COUNT];
};

static struct error *visit_attribute(void *context, uint64_t key, uint64_t value, bool *stop) {
    static const char *const names[ATTRIBUTE_COUNT] = {"_closed", "_debug"};
    struct loop_attributes *attributes = context;
    struct py *py = attributes->aio->py;
    struct py_type *type;
    bool equal = false;
    int64_t number = 0;
    (void)stop;
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
        struct error *err = py_string_equals(py, key, names[i], &equal);
        if (!err && equal)
            err = py_type_of(py, value, &type);
        if (!err && equal && type->kind == PY_KIND_INTEGER) {
            err = py_integer_read(py, value, &number);
            attributes->values[i] = number ? SNAPSHOT_YES : SNAPSHOT_NO;
        }
        if (err)
            return err;
    }
    return NULL;
}

static struct aio_thread *find_thread(struct aio *aio, uint64_t loop) {
    for (size_t i = 0; i < aio->thread_count; i++)
        if (aio->threads[i].event_loop == loop)
            return &aio->threads[i];
    return NULL;
}

/* Idle: nothing of the loop runs, its thread waits for events in the kernel. */
static enum snapshot_loop_state running_state(const struct aio_thread *thread) {
    if (thread->current_task || thread->polls == SNAPSHOT_NO)
        return SNAPSHOT_LOOP_RUNNING;
    if (thread->polls == SNAPSHOT_YES)
        return SNAPSHOT_LOOP_IDLE;
    return SNAPSHOT_LOOP_STATE_UNKNOWN;
}

static struct error *read_loop(struct aio *aio, struct snapshot_loop *loop) {
    struct loop_attributes attributes = {aio, {SNAPSHOT_MAYBE, SNAPSHOT_MAYBE}};
    const struct aio_thread *thread = find_thread(aio, loop->id);
    struct py_type *type;
    struct error *err = py_type_of(aio->py, loop->id, &type);
    if (!err) {
        loop->type = type->full_name;
        err = py_attributes_visit(aio->py, loop->id, visit_attribute, &attributes);
    }
    loop->debug = attributes.values[ATTRIBUTE_DEBUG];
    loop->tid = thread ? thread->tid : SNAPSHOT_UNKNOWN;
    if (attributes.values[ATTRIBUTE_CLOSED] == SNAPSHOT_YES)
        loop->state = SNAPSHOT_LOOP_CLOSED;
    else if (thread)
        loop->state = running_state(thread);
    else if (attributes.values[ATTRIBUTE_CLOSED] == SNAPSHOT_NO)
        loop->state = SNAPSHOT_LOOP_STOPPED;
    return err;
}

struct error *aio_loop_read(struct aio *aio, uint64_t address) {
    if (!aio_seen_add(aio, aio->seen_loops, address))
        return NULL;
    py_charge(aio->py, LOOP_UNITS + aio->thread_count / 8);
    struct snapshot_loop *loop = SNAPSHOT_APPEND(aio->snapshot, &aio->snapshot->event_loops);
    *loop = (struct snapshot_loop){.id = address,
                                   .state = SNAPSHOT_LOOP_STATE_UNKNOWN,
                                   .debug = SNAPSHOT_MAYBE,
                                   .tid = SNAPSHOT_UNKNOWN};
    return aio_note_missing(
        aio, arena_format(aio->arena, "event loop 0x%llx", (unsigned long long)address),
        read_loop(aio, loop));
}
