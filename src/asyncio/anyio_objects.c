/*
 * Who has anyio's locks and limiters, who waits for its objects, in which order:
 * anyio/_backends/_asyncio.py, anyio/_core/_synchronization.py, anyio/streams/memory.py.
 */
#include "anyio.h"

/* --- owners --- */

/* Up to 4.4 an owner is a TaskInfo, which has the address of the task, later the task. */
static struct error *read_owner(struct aio *aio, uint64_t owner, uint64_t *ret) {
    enum aio_kind kind;
    int64_t id;
    *ret = 0;
    struct error *err = aio_kind_of(aio, owner, &kind);
    if (err)
        return err;
    if (aio_kind_is_task(kind)) {
        *ret = owner;
        return NULL;
    }
    err = aio_attribute_read_integer(aio, owner, "id", &id);
    if (!err && id > 0)
        *ret = (uint64_t)id;
    return err;
}

struct owner_walk {
    struct aio *aio;
    py_visit_item *visit;
    void *context;
};

static struct error *visit_borrower(void *context, uint64_t item) {
    struct owner_walk *walk = context;
    enum aio_kind kind = AIO_KIND_OTHER;
    struct error *err = aio_kind_of(walk->aio, item, &kind);
    return err || !item ? err : walk->visit(walk->context, aio_kind_is_task(kind) ? item : 0);
}

struct error *aio_anyio_owners_visit(struct aio *aio, enum aio_kind kind, uint64_t address,
                                     py_visit_item *visit, void *context) {
    struct owner_walk walk = {aio, visit, context};
    struct py_type *type;
    uint64_t owner = 0;
    struct error *err = NULL;
    if (kind == AIO_KIND_ANYIO_LOCK) {
        err = aio_attribute_read(aio, address, "_owner_task", &owner);
        if (!err && owner)
            err = read_owner(aio, owner, &owner);
        return err || !owner ? err : visit(context, owner);
    }
    if (kind != AIO_KIND_ANYIO_LIMITER)
        return NULL;
    err = aio_attribute_read(aio, address, "_borrowers", &owner);
    if (!err && owner)
        err = py_type_of(aio->py, owner, &type);
    return err || !owner || type->kind != PY_KIND_SET
               ? err
               : py_set_visit(aio->py, owner, visit_borrower, &walk);
}

/* An object whose owners are added. */
struct owners {
    struct aio *aio;
    struct aio_object *object;
};

static bool is_holder(const struct snapshot_object *object, uint64_t task) {
    for (size_t i = 0; i < object->holder_count; i++)
        if (object->holders[i].task == task)
            return true;
    return false;
}

/* A borrower that is no task may be anything, and whoever knows it can release it. */
static struct error *visit_owner(void *context, uint64_t task) {
    struct owners *owners = context;
    const struct snapshot_object *object =
        &owners->aio->snapshot->objects.items[owners->object->index];
    py_charge(owners->aio->py, 1 + object->holder_count / 8);
    if (!is_holder(object, task))
        aio_object_add_holder(
            owners->aio, owners->object,
            &(struct snapshot_holder){.task = task,
                                      .tid = SNAPSHOT_UNKNOWN,
                                      .frame = SNAPSHOT_UNKNOWN,
                                      .confidence = task ? SNAPSHOT_CERTAIN : SNAPSHOT_POSSIBLE});
    return NULL;
}

struct error *aio_anyio_owners_add(struct aio *aio) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < aio->snapshot->objects.count; i++) {
        const struct snapshot_object *it = &aio->snapshot->objects.items[i];
        struct owners owners = {aio, id_table_find(aio->objects, it->id)};
        if (owners.object)
            err = aio_anyio_owners_visit(aio, owners.object->kind, it->id, visit_owner, &owners);
        err = aio_note_missing(aio, it->label, err);
    }
    return err;
}

/* --- waiters --- */

struct waiter_walk {
    struct aio *aio;
    py_visit_item *visit;
    void *context;
};

/* The futures in an asyncio.Event. */
static struct error *visit_event(struct waiter_walk *walk, uint64_t event) {
    struct py_type *type;
    uint64_t waiters;
    struct error *err = aio_attribute_read(walk->aio, event, "_waiters", &waiters);
    if (!err && waiters)
        err = py_type_of(walk->aio->py, waiters, &type);
    return err || !waiters || type->kind != PY_KIND_DEQUE
               ? err
               : py_deque_visit(walk->aio->py, waiters, walk->visit, walk->context);
}

/* Somebody who waits: a future, or an event that is only his, anyio's or asyncio's. */
static struct error *visit_waiter(struct waiter_walk *walk, uint64_t waiter) {
    enum aio_kind kind;
    uint64_t event = 0;
    struct error *err = aio_anyio_unwrap(walk->aio, &waiter);
    if (!err)
        err = aio_kind_of(walk->aio, waiter, &kind);
    if (err || !waiter)
        return err;
    if (kind == AIO_KIND_EVENT)
        return visit_event(walk, waiter);
    if (kind != AIO_KIND_ANYIO_EVENT)
        return walk->visit(walk->context, waiter);
    err = aio_attribute_read(walk->aio, waiter, "_event", &event);
    return err || !event ? err : visit_event(walk, event);
}

/* An item of a deque: a waiter, or a pair (task, waiter). */
static struct error *visit_item(void *context, uint64_t item) {
    struct waiter_walk *walk = context;
    struct py_type *type;
    struct error *err = item ? py_type_of(walk->aio->py, item, &type) : NULL;
    if (!err && item && type->kind == PY_KIND_TUPLE)
        err = py_tuple_get(walk->aio->py, item, 1, &item);
    return err || !item ? err : visit_waiter(walk, item);
}

static struct error *visit_key(void *context, uint64_t key, uint64_t value, bool *stop) {
    (void)value;
    (void)stop;
    return visit_waiter(context, key);
}

static struct error *visit_container(struct waiter_walk *walk, uint64_t address,
                                     const char *attribute) {
    struct py_type *type;
    uint64_t container;
    struct error *err = aio_attribute_read(walk->aio, address, attribute, &container);
    if (!err && container)
        err = py_type_of(walk->aio->py, container, &type);
    if (err || !container)
        return err;
    if (type->kind == PY_KIND_DEQUE)
        return py_deque_visit(walk->aio->py, container, visit_item, walk);
    return type->kind == PY_KIND_DICT ? py_dict_visit(walk->aio->py, container, visit_key, walk)
                                      : NULL;
}

struct error *aio_anyio_waiters_visit(struct aio *aio, enum aio_kind kind, uint64_t address,
                                      py_visit_item *visit, void *context) {
    struct waiter_walk walk = {aio, visit, context};
    struct error *err = NULL;
    switch ((int)kind) {
    case AIO_KIND_ANYIO_LOCK:
    case AIO_KIND_ANYIO_SEMAPHORE:
    case AIO_KIND_ANYIO_CONDITION:
        return visit_container(&walk, address, "_waiters");
    case AIO_KIND_ANYIO_EVENT:
        return visit_waiter(&walk, address);
    case AIO_KIND_ANYIO_STREAM:
        err = visit_container(&walk, address, "waiting_receivers");
        return err ? err : visit_container(&walk, address, "waiting_senders");
    default: /* a limiter wakes the first or the last, as its version has it */
        return NULL;
    }
}
