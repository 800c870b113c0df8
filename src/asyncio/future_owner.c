/*
 * Who will complete a future, told by its class and its callbacks: gather() and shield()
 * (asyncio/tasks.py), executors and other threads (asyncio/futures.py _chain_future()), sock_*()
 * (asyncio/selector_events.py); else by the timers and files of the loop.
 */
#include <string.h>

#include "asyncspy/base/text.h"
#include "wait.h"

#define SOCKET_READ_DONE "._sock_read_done"
#define SHIELDS_MAX 8 /* one inside another */
#define SOCKET_WRITE_DONE "._sock_write_done"

bool aio_is_gather(const struct py_type *type) {
    return text_ends_with(type->full_name, "._GatheringFuture");
}

static void decide(struct aio_waiting *waiting, enum snapshot_wait_kind kind) {
    waiting->wait->kind = kind;
    waiting->is_known = true;
}

/* A future that gather() made has what it gathers. */
static struct error *explain_gather(struct aio_waiting *waiting, enum snapshot_wait_kind kind) {
    const struct aio_task_list *list;
    uint64_t children = 0;
    struct error *err = aio_attribute_read(waiting->aio, waiting->future, "_children", &children);
    if (err || !children)
        return err;
    decide(waiting, kind);
    waiting->wait->any_task = SNAPSHOT_NO;
    err = aio_task_list_read(waiting->aio, children, &list);
    if (err)
        return err;
    waiting->wait->tasks = list->tasks;
    waiting->wait->task_count = list->count;
    waiting->wait->done = list->done;
    waiting->wait->total = list->total;
    return NULL;
}

void aio_waiting_set_task(struct aio_waiting *waiting, uint64_t task) {
    snapshot_id *tasks = arena_alloc(waiting->aio->snapshot->arena, sizeof *tasks);
    *tasks = task;
    waiting->wait->tasks = tasks;
    waiting->wait->task_count = 1;
    aio_queue_task(waiting->aio, task);
}

/* What shield() protects. */
static struct error *explain_shield(struct aio_waiting *waiting,
                                    const struct py_function *callback) {
    struct py_type *type;
    uint64_t inner = 0;
    enum aio_kind kind = AIO_KIND_OTHER;
    struct error *err = py_closure_find(waiting->aio->py, callback, "inner", &inner);
    decide(waiting, SNAPSHOT_WAIT_SHIELD);
    if (!err && inner)
        err = py_type_of(waiting->aio->py, inner, &type);
    if (!err && inner)
        err = aio_classify(waiting->aio, type, &kind);
    if (!err && aio_kind_is_task(kind))
        aio_waiting_set_task(waiting, inner);
    else if (!err && aio_kind_is_future(kind))
        waiting->shielded = inner;
    return err;
}

static struct error *explain_chain(struct aio_waiting *waiting,
                                   const struct py_function *callback) {
    uint64_t source = 0;
    struct error *err = py_closure_find(waiting->aio->py, callback, "source", &source);
    if (err || !source)
        return err;
    decide(waiting, SNAPSHOT_WAIT_THREAD);
    err = aio_work_is_done(waiting->aio, source, &waiting->is_over);
    return err || waiting->is_over ? err : aio_work_explain(waiting, source);
}

/* functools.partial(loop._sock_read_done, fd) */
static struct error *explain_partial(struct aio_waiting *waiting,
                                     const struct aio_callable *partial) {
    struct aio *aio = waiting->aio;
    struct aio_callable callee;
    uint64_t fd = 0;
    struct error *err = aio_callable_read(aio, partial->callee, &callee);
    if (err || callee.kind != PY_KIND_METHOD)
        return err;
    bool reads = text_ends_with(callee.name, SOCKET_READ_DONE);
    if (!reads && !text_ends_with(callee.name, SOCKET_WRITE_DONE))
        return NULL;
    decide(waiting, reads ? SNAPSHOT_WAIT_SOCKET_READ : SNAPSHOT_WAIT_SOCKET_WRITE);
    err = py_tuple_get(aio->py, partial->arguments, 0, &fd);
    return err || !fd ? err : py_integer_read(aio->py, fd, &waiting->wait->fd);
}

static struct error *visit_callback(void *context, uint64_t address,
                                    const struct aio_callable *callable, bool *stop) {
    struct aio_waiting *waiting = context;
    struct error *err = NULL;
    (void)address;
    if (callable->kind == PY_KIND_PARTIAL)
        err = explain_partial(waiting, callable);
    else if (callable->kind != PY_KIND_FUNCTION)
        return NULL;
    else if (text_ends_with(callable->name, "shield.<locals>._outer_done_callback"))
        err = explain_shield(waiting, &callable->function);
    else if (text_ends_with(callable->name, "_chain_future.<locals>._call_check_cancel"))
        err = explain_chain(waiting, &callable->function);
    *stop = waiting->is_known;
    return err;
}

static struct error *ask_loop(struct aio_waiting *waiting) {
    uint64_t loop = waiting->fields->loop;
    const struct aio_timer *timer;
    const struct aio_watch *watch;
    struct error *err = aio_watch_find(waiting->aio, loop, waiting->future, &watch);
    if (!err && watch) {
        decide(waiting, watch->kind);
        waiting->wait->fd = watch->fd;
    }
    if (err || watch)
        return err;
    err = aio_timer_find(waiting->aio, loop, waiting->future, &timer);
    if (!err && timer && timer->is_sleep) {
        decide(waiting, SNAPSHOT_WAIT_SLEEP);
        waiting->wait->deadline_s = timer->when - waiting->aio->now;
    } else if (!err && timer && !isnan(timer->when)) {
        aio_wait_set_deadline(waiting, timer->when);
    }
    return err;
}

/* Reads its fields; the text of the type is there only of what the task itself is parked on. */
struct error *aio_waiting_set_future(struct aio_waiting *waiting, uint64_t future) {
    struct py_type *type;
    struct error *err = py_type_of(waiting->aio->py, future, &type);
    if (!err)
        err = aio_classify(waiting->aio, type, &waiting->future_kind);
    if (err)
        return err;
    waiting->future = future;
    waiting->is_gather = aio_is_gather(type);
    if (!waiting->wait->type)
        waiting->wait->type = type->full_name;
    if (aio_kind_is_task(waiting->future_kind))
        aio_waiting_set_task(waiting, future);
    if (!aio_kind_is_future(waiting->future_kind))
        return NULL;
    err = aio_fields_read(waiting->aio, waiting->future_kind, future, &waiting->future_fields);
    waiting->is_over =
        !err && (waiting->future_fields.state == 1 || waiting->future_fields.state == 2);
    return err;
}

static struct error *explain(struct aio_waiting *waiting, enum snapshot_wait_kind gather) {
    struct error *err = waiting->is_gather ? explain_gather(waiting, gather) : NULL;
    if (!err && !waiting->is_known)
        err = aio_callbacks_visit(waiting->aio, &waiting->future_fields, visit_callback, waiting);
    return err || waiting->is_known ? err : ask_loop(waiting);
}

/* A shield() of something else than a task stands for what that is; of that nothing known, it is a
 * shield all the same. */
static struct error *look_behind_shield(struct aio_waiting *waiting) {
    uint64_t inner = waiting->shielded;
    waiting->shielded = 0;
    waiting->is_known = false;
    struct error *err = aio_waiting_set_future(waiting, inner);
    if (!err)
        err = explain(waiting, SNAPSHOT_WAIT_SHIELD);
    if (!waiting->is_known)
        decide(waiting, SNAPSHOT_WAIT_SHIELD);
    return err;
}

struct error *aio_future_explain(struct aio_waiting *waiting) {
    if (waiting->is_known || !aio_kind_is_future(waiting->future_kind) ||
        aio_kind_is_task(waiting->future_kind))
        return NULL;
    struct error *err = explain(waiting, SNAPSHOT_WAIT_GATHER);
    for (int i = 0; !err && waiting->shielded && i < SHIELDS_MAX; i++)
        err = look_behind_shield(waiting);
    return err;
}
