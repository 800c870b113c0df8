#include "executor.h"

#include <stdlib.h>
#include <string.h>

#include "anyio.h"

#define THREAD_FILE "concurrent/futures/thread.py"
#define PROCESS_FILE "concurrent/futures/process.py"
#define ANYIO_FILE "anyio/_backends/_asyncio.py"

/* An executor of threads. */
struct pool {
    uint64_t executor;
    struct snapshot_executor facts;
};

struct aio_executors {
    struct id_table *works; /* struct aio_work by future */
    struct id_table *pools; /* struct pool by executor */
};

/* A queue that is gone through. */
struct queue_walk {
    struct aio *aio;
    struct pool *pool;
    uint64_t executor;
};

/* What an item of work calls and with what: `fn` and `args`, from 3.14 on the first two of `task`.
 */
static struct error *find_call(struct aio *aio, uint64_t item, uint64_t *ret_function,
                               uint64_t *ret_arguments) {
    struct py_type *type;
    uint64_t task = 0;
    struct error *err = aio_attribute_read(aio, item, "fn", ret_function);
    if (!err && *ret_function)
        return aio_attribute_read(aio, item, "args", ret_arguments);
    if (!err)
        err = aio_attribute_read(aio, item, "task", &task);
    if (!err && task)
        err = py_type_of(aio->py, task, &type);
    if (err || !task || type->kind != PY_KIND_TUPLE)
        return err;
    err = py_tuple_get(aio->py, task, 0, ret_function);
    return err ? err : py_tuple_get(aio->py, task, 1, ret_arguments);
}

/* loop.getaddrinfo() looks up its first argument (asyncio/base_events.py; in 3.6 it has no frame).
 */
static struct error *read_host(struct aio *aio, uint64_t arguments, struct aio_work *work) {
    struct py_type *type;
    uint64_t host = 0;
    if (!arguments || !work->callee || strcmp(work->callee, "getaddrinfo") != 0)
        return NULL;
    struct error *err = py_type_of(aio->py, arguments, &type);
    if (!err && type->kind == PY_KIND_TUPLE)
        err = py_tuple_get(aio->py, arguments, 0, &host);
    if (!err && host)
        err = py_type_of(aio->py, host, &type);
    return err || !host || type->kind != PY_KIND_STRING
               ? err
               : py_string_read(aio->py, host, &work->host);
}

static struct error *read_call(struct aio *aio, uint64_t item, struct aio_work *work) {
    uint64_t function = 0, arguments = 0;
    struct error *err = find_call(aio, item, &function, &arguments);
    if (!err && function)
        err = aio_callable_describe(aio, function, &work->callee);
    return err ? err : read_host(aio, arguments, work);
}

static struct error *add_work(struct aio *aio, uint64_t item, const struct aio_work *work) {
    struct id_table *works = aio->executors->works;
    uint64_t future = 0;
    struct error *err = aio_attribute_read(aio, item, "future", &future);
    if (err || !future || id_table_find(works, future))
        return err;
    struct aio_work *copy = arena_alloc(aio->arena, sizeof *copy);
    *copy = *work;
    copy->future = future;
    err = read_call(aio, item, copy);
    if (!err)
        id_table_add(works, copy->future, copy);
    return err;
}

static struct error *visit_queued(void *context, uint64_t item) {
    struct queue_walk *walk = context;
    struct aio *aio = walk->aio;
    struct py_type *type;
    enum aio_kind kind = AIO_KIND_OTHER;
    struct error *err = item ? py_type_of(aio->py, item, &type) : NULL;
    if (!err && item)
        err = aio_classify(aio, type, &kind);
    if (err || kind != AIO_KIND_WORK_ITEM) /* None tells a thread to end */
        return err;
    const struct aio_work work = {.position = ++walk->pool->facts.queued,
                                  .executor = walk->executor};
    return add_work(aio, item, &work);
}

/* queue.SimpleQueue, up to 3.6 queue.Queue with its deque. */
static struct error *read_queue(struct aio *aio, struct pool *pool) {
    struct queue_walk walk = {aio, pool, pool->executor};
    struct py_type *type;
    uint64_t queue;
    struct error *err = aio_attribute_read(aio, pool->executor, "_work_queue", &queue);
    if (!err && queue)
        err = py_type_of(aio->py, queue, &type);
    if (err || !queue)
        return err;
    pool->facts.queued = 0;
    if (type->kind == PY_KIND_SIMPLE_QUEUE)
        return py_simple_queue_visit(aio->py, queue, visit_queued, &walk);
    err = aio_attribute_read(aio, queue, "queue", &queue);
    if (!err && queue)
        err = py_type_of(aio->py, queue, &type);
    return err || !queue || type->kind != PY_KIND_DEQUE
               ? err
               : py_deque_visit(aio->py, queue, visit_queued, &walk);
}

static struct error *read_pool(struct aio *aio, struct pool *pool) {
    struct snapshot_executor *facts = &pool->facts;
    int64_t threads;
    struct error *err =
        aio_attribute_read_integer(aio, pool->executor, "_max_workers", &facts->max_workers);
    if (!err)
        err = aio_attribute_read_count(aio, pool->executor, "_threads", &threads);
    if (!err && threads != SNAPSHOT_UNKNOWN)
        facts->idle = threads; /* until they turn out to be busy */
    return err ? err : read_queue(aio, pool);
}

static struct error *find_pool(struct aio *aio, uint64_t executor, struct pool **ret) {
    struct id_table *pools = aio->executors->pools;
    struct py_type *type;
    enum aio_kind kind = AIO_KIND_OTHER;
    *ret = id_table_find(pools, executor);
    if (*ret)
        return NULL;
    struct error *err = py_type_of(aio->py, executor, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (err || kind != AIO_KIND_THREAD_EXECUTOR)
        return err;
    struct pool *pool = arena_alloc(aio->arena, sizeof *pool);
    *pool = (struct pool){executor,
                          {executor, SNAPSHOT_UNKNOWN, 0, SNAPSHOT_UNKNOWN, SNAPSHOT_UNKNOWN}};
    id_table_add(pools, pool->executor, pool);
    *ret = pool;
    return aio_note_missing(aio, "an executor of threads", read_pool(aio, pool));
}

/* The executor that a frame refers to weakly; 0 when it is gone. */
static struct error *find_executor(struct aio *aio, uint64_t frame, uint64_t *ret) {
    struct py_type *type;
    uint64_t reference;
    *ret = 0;
    struct error *err = py_local_find(aio->py, frame, "executor_reference", &reference);
    if (!err && reference)
        err = py_type_of(aio->py, reference, &type);
    return err || !reference || type->kind != PY_KIND_WEAKREF
               ? err
               : py_weakref_get(aio->py, reference, ret);
}

/* _WorkItem.run(), whose `self` is the item; the innermost counts, others have no `future`. */
static struct error *read_running(struct aio *aio, const struct aio_thread *thread,
                                  const struct py_frame *frame, struct pool *pool) {
    struct py_type *type;
    enum aio_kind kind = AIO_KIND_OTHER;
    uint64_t item;
    struct error *err = py_local_find(aio->py, frame->address, "self", &item);
    if (!err && item)
        err = py_type_of(aio->py, item, &type);
    if (!err && item)
        err = aio_classify(aio, type, &kind);
    if (err || kind != AIO_KIND_WORK_ITEM)
        return err;
    if (pool) {
        pool->facts.busy++;
        pool->facts.idle -= pool->facts.idle > 0;
    }
    const struct aio_work work = {
        .thread = thread, .position = SNAPSHOT_UNKNOWN, .executor = pool ? pool->executor : 0};
    return add_work(aio, item, &work);
}

static struct error *visit_pending(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct queue_walk *walk = context;
    const struct aio_work work = {.position = SNAPSHOT_UNKNOWN, .executor = walk->executor};
    (void)key;
    (void)stop;
    return add_work(walk->aio, value, &work);
}

/* The thread that manages an executor of processes knows all work that is not done. */
static struct error *read_processes(struct aio *aio, const struct py_frame *frame) {
    struct queue_walk walk = {aio, NULL, 0};
    struct py_type *type;
    uint64_t pending, self = 0;
    struct error *err = py_local_find(aio->py, frame->address, "pending_work_items", &pending);
    if (!err && !pending)
        err = py_local_find(aio->py, frame->address, "self", &self);
    if (!err && self)
        err = aio_attribute_read(aio, self, "pending_work_items", &pending);
    if (!err && pending)
        err = py_type_of(aio->py, pending, &type);
    return err || !pending || type->kind != PY_KIND_DICT
               ? err
               : py_dict_visit(aio->py, pending, visit_pending, &walk);
}

/* anyio's WorkerThread.run() takes a future of asyncio with the function; the last one's is still
 * in the variable while it has nothing to do, but is done then. */
static struct error *read_anyio_worker(struct aio *aio, const struct aio_thread *thread,
                                       const struct py_frame *frame) {
    struct id_table *works = aio->executors->works;
    uint64_t future;
    struct error *err = py_local_find(aio->py, frame->address, "future", &future);
    if (err || !future || id_table_find(works, future))
        return err;
    struct aio_work *work = arena_alloc(aio->arena, sizeof *work);
    *work = (struct aio_work){.future = future, .thread = thread, .position = SNAPSHOT_UNKNOWN};
    id_table_add(works, future, work);
    return NULL;
}

/* From the outermost frame inwards: first _worker(), that knows the executor. */
static struct error *read_thread(struct aio *aio, const struct aio_thread *thread) {
    struct pool *pool = NULL;
    struct error *err = NULL;
    uint64_t executor;
    for (size_t i = thread->frame_count; !err && i > 0; i--) {
        const struct py_frame *frame = &thread->frames[i - 1];
        if (aio_place_is(frame->decoded, THREAD_FILE, "_worker")) {
            err = find_executor(aio, frame->address, &executor);
            if (!err && executor)
                err = find_pool(aio, executor, &pool);
        } else if (aio_place_is(frame->decoded, THREAD_FILE, "run")) {
            err = read_running(aio, thread, frame, pool);
        } else if (aio_place_is(frame->decoded, ANYIO_FILE, "run")) {
            err = read_anyio_worker(aio, thread, frame);
        } else if (aio_place_is(frame->decoded, PROCESS_FILE, "run") ||
                   aio_place_is(frame->decoded, PROCESS_FILE, "_queue_management_worker")) {
            err = read_processes(aio, frame);
        }
    }
    return aio_note_missing(aio, "work of a thread", err);
}

struct error *aio_executors_read(struct aio *aio) {
    struct error *err = NULL;
    if (aio->executors)
        return NULL;
    aio->executors = arena_alloc(aio->arena, sizeof *aio->executors);
    *aio->executors =
        (struct aio_executors){id_table_create(aio->arena, 0), id_table_create(aio->arena, 0)};
    for (size_t i = 0; !err && i < aio->thread_count; i++)
        err = read_thread(aio, &aio->threads[i]);
    return err;
}

struct error *aio_work_find(struct aio *aio, uint64_t future, const struct aio_work **ret) {
    struct error *err = aio_executors_read(aio);
    *ret = err ? NULL : id_table_find(aio->executors->works, future);
    return err;
}

struct error *aio_executor_add(struct aio *aio, uint64_t executor, struct snapshot_executor *ret) {
    struct pool *pool = NULL;
    struct aio_object *object;
    struct error *err = aio_executors_read(aio);
    if (!err)
        err = find_pool(aio, executor, &pool);
    if (!err && ret && pool)
        *ret = pool->facts;
    bool is_new = !id_table_find(aio->objects, executor);
    if (!err)
        err = aio_object_add(aio, executor, &object);
    if (err || !is_new || !pool)
        return err;
    aio_object_add_fact(aio, object, "max_workers", pool->facts.max_workers);
    aio_object_add_fact(aio, object, "busy", pool->facts.busy);
    aio_object_add_fact(aio, object, "idle", pool->facts.idle);
    aio_object_add_fact(aio, object, "queued", pool->facts.queued);
    return NULL;
}

/* A concurrent future may stand for a task of another loop: run_coroutine_threadsafe(). */
static struct error *find_source(struct aio *aio, const struct aio_callable *callback,
                                 uint64_t *ret) {
    struct py_type *type;
    enum aio_kind kind = AIO_KIND_OTHER;
    *ret = 0;
    if (!strstr(callback->name, "_chain_future.<locals>._call_check_cancel"))
        return aio_anyio_portal_get_task(aio, callback, ret);
    struct error *err = py_closure_find(aio->py, &callback->function, "source", ret);
    if (!err && *ret)
        err = py_type_of(aio->py, *ret, &type);
    if (!err && *ret)
        err = aio_classify(aio, type, &kind);
    if (err || !aio_kind_is_task(kind))
        *ret = 0;
    return err;
}

static struct error *visit_concurrent_callback(void *context, uint64_t item) {
    struct aio_waiting *waiting = context;
    struct aio_callable callable;
    uint64_t task = 0;
    struct error *err = item ? aio_callable_read(waiting->aio, item, &callable) : NULL;
    if (!err && item && callable.kind == PY_KIND_FUNCTION)
        err = find_source(waiting->aio, &callable, &task);
    if (!err && task)
        aio_waiting_set_task(waiting, task);
    return err;
}

static struct error *find_task(struct aio_waiting *waiting, uint64_t concurrent) {
    struct py_type *type;
    uint64_t callbacks;
    struct error *err = aio_attribute_read(waiting->aio, concurrent, "_done_callbacks", &callbacks);
    if (!err && callbacks)
        err = py_type_of(waiting->aio->py, callbacks, &type);
    return err || !callbacks || type->kind != PY_KIND_LIST
               ? err
               : py_list_visit(waiting->aio->py, callbacks, visit_concurrent_callback, waiting);
}

/* concurrent/futures/_base.py: PENDING, RUNNING, CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED */
struct error *aio_work_is_done(struct aio *aio, uint64_t concurrent, bool *ret) {
    static const char *const states[] = {"FINISHED", "CANCELLED", "CANCELLED_AND_NOTIFIED"};
    struct py_type *type;
    uint64_t state;
    *ret = false;
    struct error *err = aio_attribute_read(aio, concurrent, "_state", &state);
    if (!err && state)
        err = py_type_of(aio->py, state, &type);
    if (err || !state || type->kind != PY_KIND_STRING)
        return err;
    for (size_t i = 0; !err && !*ret && i < sizeof states / sizeof *states; i++)
        err = py_string_equals(aio->py, state, states[i], ret);
    return err;
}

struct error *aio_work_explain(struct aio_waiting *waiting, uint64_t concurrent) {
    struct snapshot_wait *wait = waiting->wait;
    const struct aio_work *work;
    struct error *err = aio_work_find(waiting->aio, concurrent, &work);
    if (err)
        return err;
    if (!work)
        return find_task(waiting, concurrent);
    wait->kind = SNAPSHOT_WAIT_EXECUTOR;
    wait->callee = work->callee;
    wait->position = work->position;
    if (work->host && !waiting->host)
        waiting->host = work->host;
    if (work->thread)
        wait->tid = work->thread->tid;
    if (!work->executor)
        return NULL;
    waiting->object = work->executor;
    return aio_executor_add(waiting->aio, work->executor, NULL);
}
