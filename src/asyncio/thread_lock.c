/*
 * Threads that are blocked in a lock of threads: futex(2) tells at which address a thread sleeps.
 * The lock is looked for among what suspended tasks hold, and among what the innermost frame can
 * name; its holder among what tasks hold and what the frames of threads have entered.
 */
#include <string.h>

#include "thread_wait.h"

#define THREADS_MAX 64   /* whose locks, or whose frames, are looked at */
#define FRAMES_MAX 64    /* of a thread, from the innermost one out */
#define VARIABLES_MAX 64 /* of a frame, whose attributes are looked at */
#define LOCK_UNITS 50

struct lock_search {
    struct aio *aio;
    struct aio_thread *thread;
    uint64_t found; /* the lock that it waits for, 0 none */
    const struct py_type *type;
    size_t variables;
    struct error *first_error; /* of a variable that could not be read: it may have been the lock */
};

static struct error *try_lock(struct lock_search *search, uint64_t address,
                              const struct py_type *type) {
    struct py_thread_lock lock;
    bool is_awaited = false;
    py_charge(search->aio->py, LOCK_UNITS);
    struct error *err = py_thread_lock_read(search->aio->py, type, address, &lock);
    if (!err && lock.locked)
        err = py_thread_lock_is_awaited(search->aio->py, &lock, search->thread->futex, &is_awaited);
    if (!err && is_awaited) {
        search->found = address;
        search->type = type;
    }
    return err;
}

static bool is_lock(const struct py_type *type) {
    return type->kind == PY_KIND_THREAD_LOCK || type->kind == PY_KIND_THREAD_RLOCK;
}

static struct error *try_value(struct lock_search *search, uint64_t value,
                               struct py_type **ret_type) {
    *ret_type = NULL;
    if (!value)
        return NULL;
    struct error *err = py_type_of(search->aio->py, value, ret_type);
    return err || !is_lock(*ret_type) ? err : try_lock(search, value, *ret_type);
}

static struct error *visit_attribute(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct lock_search *search = context;
    struct py_type *type;
    (void)key;
    struct error *err = try_value(search, value, &type);
    *stop = search->found != 0;
    return err;
}

static struct error *visit_variable(void *context, const char *name, uint64_t value, bool *stop) {
    struct lock_search *search = context;
    struct py_type *type;
    (void)name;
    struct error *err = try_value(search, value, &type);
    if (!err && !search->found && type && py_type_is_heap_type(type) &&
        search->variables++ < VARIABLES_MAX)
        err = py_attributes_visit(search->aio->py, value, visit_attribute, search);
    *stop = search->found != 0;
    if (!err || error_is_fatal(err) || error_get_kind(err) == ERROR_MISSED)
        return err;
    if (search->first_error)
        error_destroy(err);
    else
        search->first_error = err;
    return NULL;
}

static struct error *search_frame(struct lock_search *search, uint64_t frame) {
    uint64_t globals = 0;
    struct error *err = py_locals_visit(search->aio->py, frame, visit_variable, search);
    if (!err && !search->found)
        err = py_globals_find(search->aio->py, frame, &globals);
    return err || !globals ? err : py_dict_visit(search->aio->py, globals, visit_attribute, search);
}

/* What suspended tasks hold is among the objects already. */
static struct error *search_objects(struct lock_search *search) {
    const struct snapshot *snapshot = search->aio->snapshot;
    struct error *err = NULL;
    struct py_type *type;
    for (size_t i = 0; !err && !search->found && i < snapshot->objects.count; i++)
        if (snapshot->objects.items[i].kind == SNAPSHOT_OBJECT_THREAD_LOCK)
            err = try_value(search, snapshot->objects.items[i].id, &type);
    return err;
}

/* Condition.wait() of threading sleeps on a lock of its own, which nobody ever holds. */
static bool waits_by_condition(const struct aio_thread *thread) {
    return aio_place_is(thread->frames[0].decoded, "threading.py", "wait");
}

/* --- holders --- */

struct holder_search {
    uint64_t lock;
    bool found;
};

static struct error *visit_open(void *context, uint64_t object, enum py_open_kind kind) {
    struct holder_search *search = context;
    search->found |= kind != PY_OPEN_LOOP && object == search->lock;
    return NULL;
}

static struct error *search_thread(struct aio *aio, const struct aio_thread *thread,
                                   struct aio_object *object) {
    struct holder_search search = {object->address, false};
    struct error *err = NULL;
    for (size_t i = 0; !err && i < thread->frame_count && i < FRAMES_MAX; i++) {
        err = py_running_managers_visit(aio->py, thread->frames[i].address, visit_open, &search);
        if (err || !search.found)
            continue;
        aio_object_add_holder(aio, object,
                              &(struct snapshot_holder){.tid = thread->tid,
                                                        .frame = (int64_t)i,
                                                        .confidence = SNAPSHOT_CERTAIN});
        break;
    }
    return aio_note_missing(aio, "what a thread holds", err);
}

/* An RLock knows the thread that has it. */
static bool add_owner(struct aio *aio, struct aio_object *object, uint64_t ident) {
    for (size_t i = 0; ident && i < aio->thread_count; i++) {
        if (aio->threads[i].thread->ident != ident)
            continue;
        aio_object_add_holder(aio, object,
                              &(struct snapshot_holder){.tid = aio->threads[i].tid,
                                                        .frame = SNAPSHOT_UNKNOWN,
                                                        .confidence = SNAPSHOT_CERTAIN});
        return true;
    }
    return false;
}

/* Of a lock that a suspended task holds the holder is known. */
static struct error *find_holder(struct aio *aio, struct aio_object *object,
                                 const struct py_type *type) {
    struct py_thread_lock lock;
    if (aio->snapshot->objects.items[object->index].holder_count)
        return NULL;
    struct error *err = py_thread_lock_read(aio->py, type, object->address, &lock);
    if (err || add_owner(aio, object, lock.owner))
        return err;
    for (size_t i = 0; !err && i < aio->thread_count && i < THREADS_MAX; i++)
        err = search_thread(aio, &aio->threads[i], object);
    return err;
}

static struct error *note_lock(const struct lock_search *search) {
    struct aio *aio = search->aio;
    struct aio_object *object;
    struct error *err = aio_object_add(aio, search->found, &object);
    if (!err)
        err = aio_object_find_name(aio, object, search->thread->frames[0].address);
    if (err)
        return err;
    struct snapshot_wait *wait =
        aio_thread_wait_start(aio, search->thread, SNAPSHOT_WAIT_LOCK, search->found);
    wait->type = search->type->full_name;
    wait->object = search->found;
    return find_holder(aio, object, search->type);
}

struct error *aio_thread_lock_read(struct aio *aio, struct aio_thread *thread) {
    struct lock_search search = {.aio = aio, .thread = thread};
    if (!thread->futex || !thread->frame_count || thread->awaiting || waits_by_condition(thread) ||
        aio->lock_searches++ >= THREADS_MAX)
        return NULL;
    struct error *err = search_objects(&search);
    if (!err && !search.found)
        err = search_frame(&search, thread->frames[0].address);
    if (!err && search.found)
        err = note_lock(&search);
    if (err || search.found)
        error_destroy(search.first_error);
    return err || search.found ? err : search.first_error;
}
