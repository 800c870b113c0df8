/* Who waits for the objects that were met, in the order in which they will be woken. */
#include <stdlib.h>

#include "anyio.h"

#define WAITER_UNITS 30 /* of work */

/* The attributes that hold the futures of those who wait (asyncio/locks.py, queues.py). */
static const struct {
    enum aio_kind kind;
    const char *attribute;
} waiter_lists[] = {
    {AIO_KIND_LOCK, "_waiters"},  {AIO_KIND_SEMAPHORE, "_waiters"},
    {AIO_KIND_EVENT, "_waiters"}, {AIO_KIND_CONDITION, "_waiters"},
    {AIO_KIND_QUEUE, "_getters"}, {AIO_KIND_QUEUE, "_putters"},
};

/* A task that waits for an object. */
struct waiter {
    snapshot_id future; /* that it is parked on */
    snapshot_id task;
    struct aio_object *object;
    bool is_listed;
};

struct waiter_walk {
    struct aio *aio;
    struct waiter *waiters;
    size_t count;
    struct id_table *by_future;
    const struct aio_object *object; /* whose list is gone through */
};

static void list_waiter(struct aio *aio, struct waiter *waiter) {
    struct snapshot_object *object = &aio->snapshot->objects.items[waiter->object->index];
    object->waiters[object->waiter_count++] = waiter->task;
    waiter->is_listed = true;
}

static struct error *visit_future(void *context, uint64_t future) {
    struct waiter_walk *walk = context;
    struct waiter *waiter = id_table_find(walk->by_future, future);
    py_charge(walk->aio->py, WAITER_UNITS);
    if (waiter && waiter->object == walk->object && !waiter->is_listed)
        list_waiter(walk->aio, waiter);
    return NULL;
}

static struct error *visit_list(struct waiter_walk *walk, const char *attribute) {
    struct aio *aio = walk->aio;
    struct py_type *type;
    uint64_t list;
    struct error *err = aio_attribute_read(aio, walk->object->address, attribute, &list);
    if (!err && list)
        err = py_type_of(aio->py, list, &type);
    if (err || !list || type->kind != PY_KIND_DEQUE)
        return err;
    return py_deque_visit(aio->py, list, visit_future, walk);
}

/* Takes those who stand in the object's own lists. */
static struct error *take_in_order(struct waiter_walk *walk) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < sizeof waiter_lists / sizeof *waiter_lists; i++)
        if (waiter_lists[i].kind == walk->object->kind)
            err = visit_list(walk, waiter_lists[i].attribute);
    if (!err)
        err = aio_anyio_waiters_visit(walk->aio, walk->object->kind, walk->object->address,
                                      visit_future, walk);
    const char *label = walk->aio->snapshot->objects.items[walk->object->index].label;
    return aio_note_missing(walk->aio, arena_format(walk->aio->arena, "waiters of %s", label), err);
}

static void collect(struct waiter_walk *walk) {
    struct snapshot *snapshot = walk->aio->snapshot;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_wait *wait = snapshot->tasks.items[i].awaiting;
        struct aio_object *object =
            wait && wait->object ? id_table_find(walk->aio->objects, wait->object) : NULL;
        if (!object)
            continue;
        struct waiter *waiter = &walk->waiters[walk->count++];
        *waiter = (struct waiter){wait->id, snapshot->tasks.items[i].id, object, false};
        snapshot->objects.items[object->index].waiter_count++;
        id_table_add(walk->by_future, waiter->future, waiter);
    }
}

static struct error *sort_waiters(struct waiter_walk *walk) {
    struct snapshot *snapshot = walk->aio->snapshot;
    struct error *err = NULL;
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        struct snapshot_object *object = &snapshot->objects.items[i];
        object->waiters =
            arena_alloc_array(snapshot->arena, object->waiter_count, sizeof *object->waiters);
        size_t count = object->waiter_count;
        object->waiter_count = 0;
        walk->object = id_table_find(walk->aio->objects, object->id);
        if (count > 1 && !err)
            err = take_in_order(walk);
    }
    for (size_t i = 0; i < walk->count; i++)
        if (!walk->waiters[i].is_listed)
            list_waiter(walk->aio, &walk->waiters[i]);
    return err;
}

struct error *aio_objects_finish(struct aio *aio) {
    struct waiter_walk walk = {.aio = aio};
    if (!aio->snapshot->objects.count)
        return NULL;
    walk.by_future = id_table_create(aio->arena, 0);
    walk.waiters = arena_alloc_array(aio->arena, aio->snapshot->tasks.count, sizeof *walk.waiters);
    collect(&walk);
    return sort_waiters(&walk);
}
