/*
 * What anyio's own coroutines wait for, told by their frames. Up to 4.4 its locks are built on its
 * events, and those, as to this day its limiters and streams, on asyncio.Event: who stands further
 * out knows better.
 */
#include <string.h>

#include "anyio.h"
#include "executor.h"

#define BACKEND "_backends/_asyncio.py"
#define SYNCHRONIZATION "_core/_synchronization.py"

/* What an adapter stands for was waited for further in; the program knows the adapter. */
static void name_adapter(struct aio_waiting *waiting, uint64_t self, enum aio_kind kind) {
    if (kind == AIO_KIND_ANYIO_ADAPTER && waiting->object)
        waiting->known_as = self;
}

/* acquire() of Lock, Semaphore, CapacityLimiter, and the other ways to it. */
static struct error *apply_acquire(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t self;
    enum aio_kind kind;
    struct error *err = aio_waiting_get_self(waiting, link, &self, &kind);
    if (err)
        return err;
    name_adapter(waiting, self, kind);
    if (kind == AIO_KIND_ANYIO_LOCK)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_LOCK, self);
    else if (kind == AIO_KIND_ANYIO_SEMAPHORE || kind == AIO_KIND_ANYIO_LIMITER)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_SEMAPHORE, self);
    return NULL;
}

/* Process.wait() is around asyncio's process. */
static struct error *apply_process(struct aio_waiting *waiting, uint64_t self) {
    uint64_t process;
    struct error *err = aio_attribute_read(waiting->aio, self, "_process", &process);
    if (err || !process)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_SUBPROCESS, 0);
    return aio_attribute_read_integer(waiting->aio, process, "pid", &waiting->wait->pid);
}

/* wait() of Event and Condition, which takes its lock again before it comes back. */
static struct error *apply_wait(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t self;
    enum aio_kind kind;
    struct error *err = aio_waiting_get_self(waiting, link, &self, &kind);
    if (err)
        return err;
    name_adapter(waiting, self, kind);
    if (kind == AIO_KIND_ANYIO_EVENT)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_EVENT, self);
    else if (kind == AIO_KIND_ANYIO_CONDITION && waiting->wait->kind != SNAPSHOT_WAIT_LOCK)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_CONDITION, self);
    return self && kind == AIO_KIND_OTHER ? apply_process(waiting, self) : NULL;
}

/* In 3.x the tasks are the cancel scope's. */
static struct error *apply_group(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t self, scope = 0, tasks = 0;
    enum aio_kind kind;
    struct error *err = aio_waiting_get_self(waiting, link, &self, &kind);
    if (err || kind != AIO_KIND_ANYIO_TASK_GROUP)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_TASK_GROUP, self);
    waiting->wait->any_task = SNAPSHOT_NO;
    err = aio_attribute_read(waiting->aio, self, "_tasks", &tasks);
    if (!err && !tasks)
        err = aio_attribute_read(waiting->aio, self, "cancel_scope", &scope);
    if (!err && scope)
        err = aio_attribute_read(waiting->aio, scope, "_tasks", &tasks);
    if (!err && tasks)
        err = aio_waiting_take_tasks(waiting, tasks);
    waiting->wait->done = waiting->wait->total = SNAPSHOT_UNKNOWN;
    return err;
}

/* A TaskHandle knows its task by the cancel scope that the task is in, once it was started. */
static struct error *take_task_of_handle(struct aio_waiting *waiting, uint64_t handle) {
    uint64_t scope = 0, task = 0;
    struct error *err = aio_attribute_read(waiting->aio, handle, "_cancel_scope", &scope);
    if (!err && scope)
        err = aio_anyio_scope_get_task(waiting->aio, scope, &task);
    if (!err && task)
        aio_waiting_set_task(waiting, task);
    return err;
}

/* TaskGroup.start() waits until the new task calls started(), or ends. */
static struct error *apply_start(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t self, task, handle = 0;
    enum aio_kind kind;
    struct error *err = aio_waiting_get_self(waiting, link, &self, &kind);
    if (err || kind != AIO_KIND_ANYIO_TASK_GROUP)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_TASK_GROUP, self);
    waiting->wait->callee = "start";
    waiting->wait->any_task = SNAPSHOT_NO;
    err = aio_waiting_get_local(waiting, link, "task", &task);
    if (!err && task)
        aio_waiting_set_task(waiting, task);
    else if (!err)
        err = aio_waiting_get_local(waiting, link, "handle", &handle);
    return err || !handle ? err : take_task_of_handle(waiting, handle);
}

/* TaskHandle.wait(): the task sets an event at its end. */
static struct error *apply_handle(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t self;
    struct error *err = aio_waiting_get_local(waiting, link, "self", &self);
    if (!err && self)
        err = take_task_of_handle(waiting, self);
    if (!err && waiting->wait->task_count) {
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_WAIT, 0);
        waiting->wait->any_task = SNAPSHOT_NO;
    }
    return err;
}

/* A memory object stream is one end of what both ends share. */
static struct error *apply_stream(struct aio_waiting *waiting, const struct py_generator *link,
                                  enum snapshot_wait_kind kind) {
    uint64_t self, state = 0;
    struct error *err = aio_waiting_get_local(waiting, link, "self", &self);
    if (!err && self)
        err = aio_attribute_read(waiting->aio, self, "_state", &state);
    if (err || !state)
        return err;
    aio_waiting_decide(waiting, kind, state);
    waiting->known_as = self;
    return NULL;
}

static struct error *apply_memory_receive(struct aio_waiting *waiting,
                                          const struct py_generator *link) {
    return apply_stream(waiting, link, SNAPSHOT_WAIT_QUEUE_GET);
}

static struct error *apply_memory_send(struct aio_waiting *waiting,
                                       const struct py_generator *link) {
    return apply_stream(waiting, link, SNAPSHOT_WAIT_QUEUE_PUT);
}

/* to_thread.run_sync() waits for a token of its limiter, then for the thread that it gave the
 * function and a future. */
static struct error *apply_worker(struct aio_waiting *waiting, const struct py_generator *link) {
    const struct aio_work *work;
    uint64_t function, future = 0;
    struct error *err = aio_waiting_get_local(waiting, link, "func", &function);
    if (!err && function)
        err = aio_callable_describe(waiting->aio, function, &waiting->wait->callee);
    if (!err)
        err = aio_waiting_get_local(waiting, link, "future", &future);
    if (err || future != waiting->future)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_EXECUTOR, 0);
    err = aio_work_find(waiting->aio, future, &work);
    if (!err && work && work->thread)
        waiting->wait->tid = work->thread->tid;
    return err;
}

/* The streams of transports. Those that watch a socket themselves are told by the selector. */
static struct error *apply_socket(struct aio_waiting *waiting, const struct py_generator *link,
                                  enum snapshot_wait_kind with_transport,
                                  enum snapshot_wait_kind without) {
    uint64_t self, transport = 0;
    struct error *err = aio_waiting_get_local(waiting, link, "self", &self);
    if (!err && self)
        err = aio_attribute_read(waiting->aio, self, "_transport", &transport);
    if (err || !self)
        return err;
    aio_waiting_decide(waiting, transport ? with_transport : without, 0);
    return transport ? aio_transport_read(waiting->aio, transport, &waiting->wait->fd) : NULL;
}

static struct error *apply_receive(struct aio_waiting *waiting, const struct py_generator *link) {
    return waiting->is_known && waiting->wait->kind != SNAPSHOT_WAIT_EVENT
               ? NULL /* a StreamReader of asyncio, behind the pipe of a process */
               : apply_socket(waiting, link, SNAPSHOT_WAIT_STREAM_READ, SNAPSHOT_WAIT_SOCKET_READ);
}

static struct error *apply_send(struct aio_waiting *waiting, const struct py_generator *link) {
    return waiting->is_known && waiting->wait->kind != SNAPSHOT_WAIT_EVENT
               ? NULL
               : apply_socket(waiting, link, SNAPSHOT_WAIT_STREAM_DRAIN,
                              SNAPSHOT_WAIT_SOCKET_WRITE);
}

static struct error *apply_accept(struct aio_waiting *waiting, const struct py_generator *link) {
    (void)link;
    if (!waiting->is_known)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_SOCKET_ACCEPT, 0);
    return NULL;
}

/* wait_readable(), in 3.x wait_socket_readable() with an event that the loop sets. */
static struct error *apply_ready(struct aio_waiting *waiting, const struct py_generator *link,
                                 enum snapshot_wait_kind kind) {
    const struct aio_watch *watch;
    uint64_t fd, event = 0;
    struct error *err = aio_waiting_get_local(waiting, link, "fd", &fd);
    if (!err)
        err = aio_waiting_get_local(waiting, link, "event", &event);
    if (err)
        return err;
    aio_waiting_decide(waiting, kind, 0);
    if (fd)
        return py_integer_read(waiting->aio->py, fd, &waiting->wait->fd);
    err = event ? aio_watch_find(waiting->aio, waiting->fields->loop, event, &watch) : NULL;
    if (!err && event && watch)
        waiting->wait->fd = watch->fd;
    return err;
}

static struct error *apply_readable(struct aio_waiting *waiting, const struct py_generator *link) {
    return apply_ready(waiting, link, SNAPSHOT_WAIT_SOCKET_READ);
}

static struct error *apply_writable(struct aio_waiting *waiting, const struct py_generator *link) {
    return apply_ready(waiting, link, SNAPSHOT_WAIT_SOCKET_WRITE);
}

static const struct aio_rule rules[] = {
    {BACKEND, "acquire", apply_acquire},
    {BACKEND, "acquire_on_behalf_of", apply_acquire},
    {SYNCHRONIZATION, "acquire", apply_acquire},
    {SYNCHRONIZATION, "acquire_on_behalf_of", apply_acquire},
    {SYNCHRONIZATION, "__aenter__", apply_acquire},
    {BACKEND, "wait", apply_wait},
    {SYNCHRONIZATION, "wait", apply_wait},
    {BACKEND, "__aexit__", apply_group},
    {BACKEND, "start", apply_start},
    {"_core/_tasks.py", "wait", apply_handle},
    {"_core/_tasks.py", "__await__", apply_handle},
    {"streams/memory.py", "receive", apply_memory_receive},
    {"streams/memory.py", "send", apply_memory_send},
    {BACKEND, "run_sync_in_worker_thread", apply_worker},
    {BACKEND, "receive", apply_receive},
    {BACKEND, "send", apply_send},
    {BACKEND, "accept", apply_accept},
    {BACKEND, "wait_readable", apply_readable},
    {BACKEND, "wait_socket_readable", apply_readable},
    {BACKEND, "wait_writable", apply_writable},
    {BACKEND, "wait_socket_writable", apply_writable},
};

static const struct aio_rule no_rule = {"", "", NULL};

const struct aio_rule *aio_anyio_rule_find(const struct snapshot_frame *frame) {
    const char *file = aio_anyio_get_file(frame->file);
    if (!file)
        return NULL;
    const struct aio_rule *rule =
        aio_rule_search(rules, sizeof rules / sizeof *rules, file, frame->function);
    return rule ? rule : &no_rule;
}

bool aio_anyio_rule_is_wait(const struct aio_rule *rule) {
    return rule->apply == apply_wait;
}
