/* What a pending task waits for. */
#include "wait.h"

#include "asyncspy/python/gc.h"

void aio_wait_set_deadline(struct aio_waiting *waiting, double when) {
    struct snapshot_wait *wait = waiting->wait;
    double left = when - waiting->aio->now;
    wait->has_timeout = SNAPSHOT_YES;
    if (isnan(wait->deadline_s) || left < wait->deadline_s)
        wait->deadline_s = left;
}

/* The object that the task waits for, by the name that its own code has for it. */
static struct error *add_object(struct aio_waiting *waiting) {
    struct aio_object *object;
    if (!waiting->object)
        return NULL;
    struct error *err = aio_object_add(waiting->aio, waiting->object, &object);
    if (err)
        return err;
    waiting->wait->object = waiting->object;
    object->known_as = waiting->known_as;
    if (waiting->user_link >= waiting->chain->link_count)
        return NULL;
    return aio_object_find_name(waiting->aio, object,
                                waiting->chain->links[waiting->user_link].frame);
}

/* A selector's map tells the file where the frame and the callbacks do not. */
static struct error *find_file(struct aio_waiting *waiting) {
    struct snapshot_wait *wait = waiting->wait;
    const struct aio_watch *watch;
    if (wait->fd != SNAPSHOT_UNKNOWN || wait->kind < SNAPSHOT_WAIT_SOCKET_READ ||
        wait->kind > SNAPSHOT_WAIT_SOCKET_CONNECT)
        return NULL;
    struct error *err =
        aio_watch_find(waiting->aio, waiting->fields->loop, waiting->future, &watch);
    if (!err && watch)
        wait->fd = watch->fd;
    return err;
}

/* Up to 3.12 the queue of as_completed(), in 3.6 the future of shield(), knows no tasks. */
static void look_later(struct aio_waiting *waiting) {
    struct snapshot_wait *wait = waiting->wait;
    bool old_shield = !PY_HAS(py_get_layout(waiting->aio->py), future, callback0);
    if (waiting->queue && !wait->task_count)
        aio_wait_later(waiting->aio, waiting->queue, wait);
    else if (wait->kind == SNAPSHOT_WAIT_FUTURE && old_shield && !waiting->is_known)
        aio_wait_later(waiting->aio, waiting->future, wait);
}

static struct error *explain(struct aio_waiting *waiting) {
    struct snapshot_wait *wait = waiting->wait;
    struct error *err = aio_rules_apply(waiting);
    if (!err)
        err = aio_future_explain(waiting);
    if (!err)
        err = find_file(waiting);
    if (!err && waiting->host && wait->kind == SNAPSHOT_WAIT_EXECUTOR) {
        wait->kind = SNAPSHOT_WAIT_DNS;
        wait->callee = waiting->host;
    }
    if (!err && !waiting->aio->memo)
        look_later(waiting);
    return err ? err : add_object(waiting);
}

static struct error *start(struct aio_waiting *waiting, uint64_t fut_waiter) {
    struct snapshot_wait *wait = waiting->wait;
    wait->id = fut_waiter;
    wait->has_timeout = SNAPSHOT_NO;
    struct error *err = aio_waiting_set_future(waiting, fut_waiter);
    if (!err && !waiting->aio->memo)
        err = py_gc_links_read(waiting->aio->py, fut_waiter, &wait->links);
    if (aio_kind_is_task(waiting->future_kind))
        wait->kind = SNAPSHOT_WAIT_TASK;
    else if (aio_kind_is_future(waiting->future_kind))
        wait->kind = SNAPSHOT_WAIT_FUTURE;
    return err;
}

/* Without a wait only what it holds is of interest. */
static struct error *finish(struct aio_waiting *waiting, struct error *err) {
    waiting->task->awaiting = waiting->wait;
    struct error *noted = aio_task_note(waiting->aio, waiting->task, "what it waits for", err);
    return noted || waiting->aio->memo ? noted
                                       : aio_task_note(waiting->aio, waiting->task, "what it holds",
                                                       aio_holds_read(waiting));
}

struct error *aio_wait_read(struct aio *aio, const struct aio_fields *fields,
                            const struct aio_chain *chain, struct snapshot_task *task) {
    struct aio_waiting waiting = {.aio = aio, .chain = chain, .fields = fields, .task = task};
    uint64_t fut_waiter = fields->fut_waiter;
    struct error *err = aio_drop_none(aio, &fut_waiter);
    task->state = SNAPSHOT_TASK_READY; /* nothing to wait for: its next step is queued */
    if (!err && fut_waiter) {
        struct snapshot_wait *wait = arena_alloc(aio->snapshot->arena, sizeof *wait);
        *wait = snapshot_wait_blank;
        waiting.wait = wait;
        err = start(&waiting, fut_waiter);
        if (!err && !waiting.is_over)
            err = explain(&waiting);
        if (err || !waiting.is_over) /* what it is parked on cannot be read: so it is parked */
            task->state = SNAPSHOT_TASK_WAITING;
        else
            waiting.wait = NULL;
    }
    return finish(&waiting, err);
}
