/*
 * What a thread waits for outside its event loop: a concurrent future
 * (concurrent/futures/_base.py), the end of another thread (threading.py), a lock of threads.
 */
#include <string.h>

#include "anyio.h"
#include "executor.h"
#include "thread_wait.h"
#include "uvloop.h"

#define FRAMES_MAX 16 /* how far out from the innermost one a wait is looked for */

struct snapshot_wait *aio_thread_wait_start(struct aio *aio, struct aio_thread *thread,
                                            enum snapshot_wait_kind kind, uint64_t id) {
    struct snapshot_wait *wait = arena_alloc(aio->snapshot->arena, sizeof *wait);
    *wait = snapshot_wait_blank;
    wait->kind = kind;
    wait->id = id;
    thread->awaiting = wait;
    return wait;
}

static struct error *read_timeout(struct aio *aio, uint64_t frame, struct snapshot_wait *wait) {
    uint64_t timeout;
    struct error *err = py_local_find(aio->py, frame, "timeout", &timeout);
    if (!err)
        err = aio_drop_none(aio, &timeout);
    if (!err)
        wait->has_timeout = timeout ? SNAPSHOT_YES : SNAPSHOT_NO;
    return err;
}

/* A callback that a loop has not come to yet. */
struct ready_walk {
    struct aio *aio;
    uint64_t future;
    bool found;
};

/* The variable of a callback that has the future a thread waits for; NULL: it is no such callback.
 */
static const char *get_variable(const struct aio_callable *callable) {
    if (callable->kind != PY_KIND_FUNCTION)
        return NULL;
    if (strstr(callable->name, "run_coroutine_threadsafe.<locals>.callback"))
        return "future";
    return aio_anyio_is_thread_call(&callable->function) ? "f" : NULL;
}

static struct error *visit_handle(void *context, uint64_t item) {
    struct ready_walk *walk = context;
    struct aio_handle handle;
    struct aio_callable callable;
    uint64_t future = 0;
    if (walk->found || !item)
        return NULL;
    struct error *err = aio_handle_read(walk->aio, item, &handle);
    if (!err && handle.callback)
        err = aio_callable_read(walk->aio, handle.callback, &callable);
    const char *variable = err || !handle.callback ? NULL : get_variable(&callable);
    if (!variable)
        return err;
    err = py_closure_find(walk->aio->py, &callable.function, variable, &future);
    walk->found = !err && future == walk->future;
    return err;
}

static struct error *find_ready(struct aio *aio, uint64_t loop, uint64_t *ret) {
    const struct aio_uvloop *uvloop;
    struct error *err = aio_uvloop_find(aio, loop, &uvloop);
    *ret = !err && uvloop ? uvloop->ready : 0;
    return err || uvloop ? err : aio_attribute_read(aio, loop, "_ready", ret);
}

/* run_coroutine_threadsafe() leaves it to the loop to make the task: in `object` is that loop. */
static struct error *find_loop(struct aio *aio, struct snapshot_wait *wait) {
    struct ready_walk walk = {aio, wait->id, false};
    struct error *err = NULL;
    for (size_t i = 0; !err && !walk.found && i < aio->snapshot->event_loops.count; i++) {
        uint64_t loop = aio->snapshot->event_loops.items[i].id, ready;
        struct py_type *type;
        err = find_ready(aio, loop, &ready);
        if (!err && ready)
            err = py_type_of(aio->py, ready, &type);
        if (!err && ready && type->kind == PY_KIND_DEQUE)
            err = py_deque_visit(aio->py, ready, visit_handle, &walk);
        if (walk.found)
            wait->object = loop;
    }
    return err;
}

static struct error *read_future(struct aio *aio, struct aio_thread *thread, uint64_t frame) {
    struct py_type *type;
    enum aio_kind kind = AIO_KIND_OTHER;
    uint64_t self;
    struct error *err = py_local_find(aio->py, frame, "self", &self);
    if (!err && self)
        err = py_type_of(aio->py, self, &type);
    if (!err && self)
        err = aio_classify(aio, type, &kind);
    if (err || kind != AIO_KIND_CONCURRENT_FUTURE)
        return err;
    struct snapshot_wait *wait = aio_thread_wait_start(aio, thread, SNAPSHOT_WAIT_THREAD, self);
    struct aio_waiting waiting = {.aio = aio, .wait = wait};
    wait->type = type->full_name;
    err = aio_work_explain(&waiting, self);
    wait->object = waiting.object;
    if (!err && !wait->task_count && wait->kind == SNAPSHOT_WAIT_THREAD)
        err = find_loop(aio, wait);
    return err ? err : read_timeout(aio, frame, wait);
}

/* Thread.join() of another thread. */
static struct error *read_join(struct aio *aio, struct aio_thread *thread, uint64_t frame) {
    int64_t ident;
    uint64_t self;
    struct error *err = py_local_find(aio->py, frame, "self", &self);
    if (!err && self)
        err = aio_attribute_read_integer(aio, self, "_ident", &ident);
    if (err || !self || ident == SNAPSHOT_UNKNOWN)
        return err;
    struct snapshot_wait *wait = aio_thread_wait_start(aio, thread, SNAPSHOT_WAIT_THREAD, self);
    for (size_t i = 0; i < aio->thread_count; i++)
        if (aio->threads[i].thread->ident == (uint64_t)ident)
            wait->tid = aio->threads[i].tid;
    return read_timeout(aio, frame, wait);
}

static struct error *read_frames(struct aio *aio, struct aio_thread *thread) {
    struct error *err = NULL;
    for (size_t i = 0; !err && !thread->awaiting && i < thread->frame_count && i < FRAMES_MAX;
         i++) {
        const struct py_frame *frame = &thread->frames[i];
        if (aio_place_is(frame->decoded, "concurrent/futures/_base.py", "result") ||
            aio_place_is(frame->decoded, "concurrent/futures/_base.py", "exception"))
            err = read_future(aio, thread, frame->address);
        else if (aio_place_is(frame->decoded, "threading.py", "join"))
            err = read_join(aio, thread, frame->address);
    }
    return err ? err : aio_thread_lock_read(aio, thread);
}

struct error *aio_thread_waits_read(struct aio *aio) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < aio->thread_count; i++)
        err = aio_note_missing(aio, "what a thread waits for", read_frames(aio, &aio->threads[i]));
    return err;
}
