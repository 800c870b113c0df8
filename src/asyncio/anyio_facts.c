/* The state of anyio's locks, semaphores, limiters, events, task groups, memory object streams. */
#include <math.h>

#include "anyio.h"

struct fact_walk {
    struct aio *aio;
    uint64_t address;
    aio_anyio_visit_fact *visit;
    void *context;
};

static struct error *add_count(struct fact_walk *walk, const char *attribute, const char *key) {
    int64_t count;
    struct error *err = aio_attribute_read_count(walk->aio, walk->address, attribute, &count);
    if (!err)
        walk->visit(walk->context, key, count, false);
    return err;
}

static struct error *add_integer(struct fact_walk *walk, const char *attribute, const char *key) {
    int64_t value;
    struct error *err = aio_attribute_read_integer(walk->aio, walk->address, attribute, &value);
    if (!err)
        walk->visit(walk->context, key, value, false);
    return err;
}

/* A limiter of infinitely many tokens has no number of them. */
static struct error *read_limiter(struct fact_walk *walk) {
    int64_t total, borrowed = SNAPSHOT_UNKNOWN;
    struct error *err =
        aio_attribute_read_integer(walk->aio, walk->address, "_total_tokens", &total);
    if (!err)
        err = aio_attribute_read_count(walk->aio, walk->address, "_borrowers", &borrowed);
    if (err || total == SNAPSHOT_UNKNOWN || borrowed == SNAPSHOT_UNKNOWN)
        return err;
    walk->visit(walk->context, "value", total > borrowed ? total - borrowed : 0, false);
    walk->visit(walk->context, "bound", total, false);
    return NULL;
}

static struct error *read_event(struct fact_walk *walk) {
    uint64_t event;
    int64_t value = SNAPSHOT_UNKNOWN;
    struct error *err = aio_attribute_read(walk->aio, walk->address, "_event", &event);
    if (!err && event)
        err = aio_attribute_read_integer(walk->aio, event, "_value", &value);
    if (!err)
        walk->visit(walk->context, "set", value, true);
    return err;
}

static struct error *add_locked(struct fact_walk *walk, uint64_t lock) {
    uint64_t owner;
    struct error *err = aio_attribute_read(walk->aio, lock, "_owner_task", &owner);
    if (!err)
        walk->visit(walk->context, "locked", owner != 0, true);
    return err;
}

static struct error *read_condition(struct fact_walk *walk) {
    uint64_t lock;
    struct error *err = aio_attribute_read(walk->aio, walk->address, "_lock", &lock);
    if (!err && lock)
        err = aio_anyio_unwrap(walk->aio, &lock);
    return err || !lock ? err : add_locked(walk, lock);
}

/* Without a buffer an item goes straight from hand to hand: then those that are there are in the
 * hands of the senders. An infinite size is none. */
static struct error *read_stream(struct fact_walk *walk) {
    struct aio *aio = walk->aio;
    uint64_t limit;
    int64_t size, senders;
    double most = NAN;
    struct error *err = aio_attribute_read_count(aio, walk->address, "buffer", &size);
    if (!err)
        err = aio_attribute_read_count(aio, walk->address, "waiting_senders", &senders);
    if (!err)
        err = aio_attribute_read(aio, walk->address, "max_buffer_size", &limit);
    if (!err && limit)
        err = aio_number_read(aio, limit, &most);
    if (err)
        return err;
    if (most == 0 && size == 0)
        size = senders;
    walk->visit(walk->context, "size", size, false);
    if (most >= 1)
        walk->visit(walk->context, "max_size", most < 1e15 ? (int64_t)most : 0, false);
    walk->visit(walk->context, "putters", senders, false);
    return add_count(walk, "waiting_receivers", "getters");
}

/* In 3.x the tasks are those of its cancel scope, as long as that is active its own among them. */
static struct error *read_task_group(struct fact_walk *walk) {
    int64_t count, active = 0;
    uint64_t scope = 0;
    struct error *err = aio_attribute_read_count(walk->aio, walk->address, "_tasks", &count);
    if (!err && count == SNAPSHOT_UNKNOWN)
        err = aio_attribute_read(walk->aio, walk->address, "cancel_scope", &scope);
    if (!err && scope)
        err = aio_attribute_read_count(walk->aio, scope, "_tasks", &count);
    if (!err && scope)
        err = aio_attribute_read_integer(walk->aio, scope, "_active", &active);
    if (!err && count != SNAPSHOT_UNKNOWN)
        walk->visit(walk->context, "children", count - (active == 1 && count > 0), false);
    return err;
}

struct error *aio_anyio_facts_visit(struct aio *aio, enum aio_kind kind, uint64_t address,
                                    aio_anyio_visit_fact *visit, void *context) {
    struct fact_walk walk = {aio, address, visit, context};
    struct error *err = NULL;
    switch ((int)kind) {
    case AIO_KIND_ANYIO_LOCK:
        return add_locked(&walk, address);
    case AIO_KIND_ANYIO_SEMAPHORE:
        err = add_integer(&walk, "_value", "value");
        return err ? err : add_integer(&walk, "_max_value", "bound");
    case AIO_KIND_ANYIO_LIMITER:
        return read_limiter(&walk);
    case AIO_KIND_ANYIO_EVENT:
        return read_event(&walk);
    case AIO_KIND_ANYIO_CONDITION:
        return read_condition(&walk);
    case AIO_KIND_ANYIO_TASK_GROUP:
        return read_task_group(&walk);
    case AIO_KIND_ANYIO_STREAM:
        return read_stream(&walk);
    default:
        return NULL;
    }
}
