#include "fake_server.h"

#include <math.h>

static uint64_t pending(struct fake_asyncio *aio) {
    return fake_future(aio, FAKE_PENDING);
}

static uint64_t make_lock(struct fake_asyncio *aio, const uint64_t *waiters, size_t count) {
    return fake_new(aio->fake, "asyncio.locks.Lock",
                    FAKE_NAMED({"_locked", aio->fake->true_},
                               {"_waiters", fake_deque_of(aio->fake, waiters, count)}));
}

static uint64_t make_timer(struct fake_asyncio *aio, double left, uint64_t future) {
    uint64_t callback = fake_closure(aio->fake, "_set_result", FAKE_NAMED({NULL, 0}));
    return fake_handle(aio, callback, fake_tuple_of_one(aio->fake, future), left == 0,
                       FAKE_SERVER_NOW + left);
}

static uint64_t make_child(struct fake_asyncio *aio) {
    return fake_waiting_task(aio, "child", pending(aio),
                             FAKE_BODIES({.function = "child", .variables = FAKE_NAMED({"x", 0})}));
}

/* --- locks, queues, managers --- */

/* async with timeout(3), pool.guarded(), stack: -- the lock behind two managers of contextlib. */
static void add_holder(struct fake_asyncio *aio, uint64_t lock, uint64_t condition) {
    struct fake_python *fake = aio->fake;
    struct fake_stack inner = {.count = 0}, outer = {.count = 0};
    const uint64_t pair[] = {fake->false_, fake_bound_method(aio, "Lock.__aexit__", lock)};
    uint64_t callback = fake_tuple(fake, pair, 2);
    uint64_t exits = fake_new(fake, "contextlib.AsyncExitStack",
                              FAKE_NAMED({"_exit_callbacks", fake_deque_of(fake, &callback, 1)}));
    fake_push_exit(fake, &inner, "__aexit__", exits);
    uint64_t generator =
        fake_suspended(fake, &(struct fake_body){.function = "guarded", .stack = &inner}, 0);
    uint64_t guarded =
        fake_new(fake, "contextlib._AsyncGeneratorContextManager", FAKE_NAMED({"gen", generator}));
    uint64_t timeout = fake_new(fake, "asyncio.timeouts.Timeout",
                                FAKE_NAMED({"_timeout_handler", fake->true_},
                                           {"_when", fake_float(fake, FAKE_SERVER_NOW + 3)}));
    fake_push_exit(fake, &outer, "__aexit__", timeout);
    fake_push_exit(fake, &outer, "__aexit__", guarded);
    fake_push_exit(fake, &outer, "__aexit__", condition);
    fake_waiting_task(aio, "holder", pending(aio),
                      FAKE_BODIES({.function = "handle",
                                   .variables = FAKE_NAMED({"lock", lock}),
                                   .stack = &outer,
                                   .use = PY_AWAIT_EXPRESSION}));
}

/* A worker's pool has the lock; it is just being entered. */
static void add_lock_waiter(struct fake_asyncio *aio, uint64_t lock, uint64_t future) {
    struct fake_python *fake = aio->fake;
    struct fake_stack stack = {.count = 0};
    uint64_t pool = fake_new(fake, "mine.Pool", FAKE_NAMED({"size", fake->none}, {"guard", lock}));
    fake_push_exit(fake, &stack, "__aexit__", lock);
    fake_waiting_task(aio, "waiter", future,
                      FAKE_BODIES(FAKE_OWN("locks.py", "acquire", {"self", lock}, {"fut", future}),
                                  {.function = "use",
                                   .variables = FAKE_NAMED({"self", pool}),
                                   .stack = &stack,
                                   .globals = fake_dict(fake, false),
                                   .use = PY_AWAIT_ENTER}));
}

/* A task that runs, with a lock of its own. */
static void add_running(struct fake_asyncio *aio) {
    struct fake_stack stack = {.count = 0};
    fake_push_exit(aio->fake, &stack, "__aexit__", make_lock(aio, NULL, 0));
    uint64_t coroutine =
        fake_executing(aio->fake, &(struct fake_body){.function = "busy", .stack = &stack});
    fake_run_task(aio, fake_task(aio, &(struct fake_task){.coroutine = coroutine}), coroutine);
}

static void add_queue(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t future = pending(aio);
    uint64_t queue = fake_new(fake, "asyncio.queues.Queue",
                              FAKE_NAMED({"_queue", fake_deque_of(fake, NULL, 0)},
                                         {"_getters", fake_deque_of(fake, &future, 1)},
                                         {"_maxsize", fake->false_}));
    fake_waiting_task(aio, "getter", future,
                      FAKE_BODIES(FAKE_OWN("queues.py", "get", {"self", queue})));
}

static void add_group(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t children = fake_set(fake, 7);
    uint64_t group = fake_new(fake, "asyncio.taskgroups.TaskGroup",
                              FAKE_NAMED({"_tasks", children}, {"_exiting", fake->true_}));
    fake_set_add(fake, children, make_child(aio));
    fake_waiting_task(aio, "parent", pending(aio),
                      FAKE_BODIES(FAKE_OWN("taskgroups.py", "_aexit", {"self", group})));
}

static void add_locks(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    const uint64_t futures[] = {pending(aio), pending(aio)};
    uint64_t lock = make_lock(aio, futures, 2), inner = make_lock(aio, NULL, 0);
    uint64_t condition =
        fake_new(fake, "asyncio.locks.Condition", FAKE_NAMED({"_lock", inner}, {"_waiters", 0}));
    add_holder(aio, lock, condition);
    add_lock_waiter(aio, lock, futures[1]);
    add_lock_waiter(aio, lock, futures[0]);
    add_queue(aio);
    add_group(aio);
    add_running(aio);
}

/* --- futures --- */

static void add_gather(struct fake_asyncio *aio) {
    const uint64_t inner[] = {make_child(aio), fake_future(aio, FAKE_FINISHED_STATE)};
    const uint64_t outer[] = {make_child(aio), fake_gather(aio, inner, 2)};
    uint64_t future = fake_gather(aio, outer, 2), child = outer[0];
    uint64_t task = fake_waiting_task(aio, "gather", future, FAKE_BODIES({.function = "main"}));
    FAKE_SET(aio->fake, child, task, awaited_by, task);
}

static void add_shield(struct fake_asyncio *aio) {
    uint64_t outer = pending(aio), child = make_child(aio);
    const uint64_t callbacks[] = {fake_wakeup(aio, child),
                                  fake_closure(aio->fake, "shield.<locals>._outer_done_callback",
                                               FAKE_NAMED({"inner", child}))};
    uint64_t old =
        fake_closure(aio->fake, "shield.<locals>._done_callback", FAKE_NAMED({"outer", outer}));
    fake_set_callbacks(aio, outer, callbacks, 2);
    fake_set_callbacks(aio, child, &old, 1);
    fake_waiting_task(aio, "shield", outer, FAKE_BODIES({.function = "main"}));
}

/* Up to 3.12 told by the children's callbacks. */
static void add_as_completed(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t queue = fake_new(fake, "asyncio.queues.Queue", FAKE_NAMED({"_getters", 0}));
    uint64_t child = make_child(aio), todo = fake_set(fake, 7);
    uint64_t callback =
        fake_closure(fake, "as_completed.<locals>._on_completion", FAKE_NAMED({"done", queue}));
    uint64_t iterator =
        fake_new(fake, "asyncio.tasks._AsCompletedIterator", FAKE_NAMED({"_todo", todo}));
    fake_set_add(fake, todo, child);
    fake_set_callbacks(aio, child, &callback, 1);
    for (int is_old = 0; is_old < 2; is_old++)
        fake_waiting_task(
            aio, "completed", pending(aio),
            FAKE_BODIES(FAKE_OWN("queues.py", "get", {"self", queue}),
                        FAKE_OWN("tasks.py", "_wait_for_one", {"self", is_old ? 0 : iterator})));
}

static void add_waits(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t futures[] = {pending(aio), pending(aio), pending(aio), pending(aio)};
    uint64_t set = fake_set(fake, 7), timer = make_timer(aio, 5, futures[0]);
    fake_set_add(fake, set, make_child(aio));
    fake_waiting_task(aio, "wait", futures[0],
                      FAKE_BODIES(FAKE_OWN("tasks.py", "_wait", {"fs", set},
                                           {"return_when", fake_str(fake, "FIRST_COMPLETED")},
                                           {"timeout_handle", timer})));
    fake_waiting_task(aio, "wait_for", futures[1],
                      FAKE_BODIES(FAKE_OWN("tasks.py", "wait_for", {"fut", make_child(aio)},
                                           {"waiter", futures[1]}, {"timeout_handle", timer})));
    fake_waiting_task(aio, "sleep", futures[2],
                      FAKE_BODIES(FAKE_OWN("tasks.py", "sleep", {"h", timer})));
    fake_waiting_task(aio, "timer", futures[3], FAKE_BODIES({.function = "main"}));
    const uint64_t timers[] = {make_timer(aio, -2, futures[3]), make_timer(aio, 0, futures[2]),
                               make_timer(aio, 4, futures[1])};
    fake_loop_set(aio, "_scheduled", fake_list(fake, timers, 3));
    fake_loop_set(aio, "_timer_cancelled_count", fake_int(fake, 1));
}

static void add_futures(struct fake_asyncio *aio) {
    add_gather(aio);
    add_shield(aio);
    add_as_completed(aio);
    add_waits(aio);
}

/* --- files --- */

static void add_streams(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t transport = fake_new(fake, "asyncio.selector_events._SelectorSocketTransport",
                                  FAKE_NAMED({"_sock_fd", fake_int(fake, 7)}));
    uint64_t protocol =
        fake_new(fake, "asyncio.sslproto.SSLProtocol", FAKE_NAMED({"_transport", transport}));
    uint64_t tls = fake_new(fake, "asyncio.sslproto._SSLProtocolTransport",
                            FAKE_NAMED({"_ssl_protocol", protocol}));
    uint64_t reader =
        fake_new(fake, "asyncio.streams.StreamReader", FAKE_NAMED({"_transport", tls}));
    uint64_t process = fake_new(fake, "asyncio.unix_events._UnixSubprocessTransport",
                                FAKE_NAMED({"_pid", fake_int(fake, 4242)}));
    fake_waiting_task(aio, "read", pending(aio),
                      FAKE_BODIES(FAKE_OWN("streams.py", "_wait_for_data", {"self", reader})));
    fake_waiting_task(aio, "process", pending(aio),
                      FAKE_BODIES(FAKE_OWN("base_subprocess.py", "_wait", {"self", process})));
}

static void add_sockets(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t read = pending(aio), write = pending(aio), watched = pending(aio);
    uint64_t done = fake_partial(
        fake, fake_bound_method(aio, "BaseSelectorEventLoop._sock_write_done", aio->event_loop),
        fake_tuple_of_one(fake, fake_int(fake, 6)));
    uint64_t reader = fake_handle(aio, fake_bound_method(aio, "Loop._sock_recv", aio->event_loop),
                                  fake_tuple_of_one(fake, watched), false, NAN);
    fake_set_callbacks(aio, write, &done, 1);
    fake_loop_set(aio, "_selector", fake_selector(aio, 31, reader, 0));
    fake_waiting_task(
        aio, "recv", read,
        FAKE_BODIES(FAKE_OWN("selector_events.py", "sock_recv", {"fd", fake_int(fake, 5)})));
    fake_waiting_task(aio, "send", write, FAKE_BODIES({.function = "send"}));
    fake_waiting_task(aio, "watched", watched, FAKE_BODIES({.function = "watch"}));
}

static void add_files(struct fake_asyncio *aio) {
    add_streams(aio);
    add_sockets(aio);
}

/* --- executors, the iteration --- */

static uint64_t add_thread(struct fake_asyncio *aio, int64_t tid, uint64_t frame) {
    uint64_t ident = UINT64_C(0x100000) * (uint64_t)tid;
    fake_thread_set_frame(aio->fake, fake_thread(aio->fake, aio->interpreter, ident, tid), frame);
    return ident;
}

/* A task that waits for its work in an executor. */
static uint64_t add_work(struct fake_asyncio *aio, uint64_t function) {
    uint64_t concurrent = fake_concurrent_future(aio, NULL, 0);
    uint64_t host = fake_str(aio->fake, "db.example");
    fake_waiting_task(aio, "work", fake_chained_future(aio, concurrent),
                      FAKE_BODIES({.function = "main"}));
    return fake_work_item(aio, concurrent, function, fake_tuple_of_one(aio->fake, host));
}

static void add_processes(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t dict = fake_dict(fake, true);
    fake_dict_add(fake, dict, fake_int(fake, 3), add_work(aio, fake_builtin(fake, "square", 0)));
    uint64_t manager = fake_new(fake, "concurrent.futures.process._ExecutorManagerThread",
                                FAKE_NAMED({"pending_work_items", dict}));
    const struct fake_body body = {.file = "concurrent/futures/process.py",
                                   .function = "run",
                                   .variables = FAKE_NAMED({"self", manager})};
    add_thread(aio, FAKE_SERVER_JOINER, fake_called(fake, &body, 0));
}

static void add_pools(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t partial = fake_partial(fake, fake_builtin(fake, "run", fake->none),
                                    fake_tuple_of_one(fake, fake_builtin(fake, "read", 0)));
    uint64_t running = add_work(aio, fake_builtin(fake, "getaddrinfo", 0));
    uint64_t queued = add_work(aio, partial), ready[2];
    uint64_t pool = fake_thread_pool(aio, 4, 1, &queued, 1);
    for (size_t i = 0; i < 2; i++)
        ready[i] = fake_handle(aio, fake_builtin(fake, "print", 0), 0, false, NAN);
    add_thread(aio, FAKE_SERVER_WORKER, fake_worker_frames(aio, pool, running));
    add_processes(aio);
    fake_loop_set(aio, "_default_executor", pool);
    fake_loop_set(aio, "_ready", fake_deque_of(fake, ready, 2));
    fake_run_once(
        aio,
        FAKE_NAMED({"self", aio->event_loop}, {"end_time", fake_float(fake, FAKE_SERVER_NOW - 7)},
                   {"i", fake_int(fake, 1)}, {"ntodo", fake_int(fake, 3)}, {"handle", ready[0]}),
        false);
}

/* --- threads --- */

/* The loop has yet to make the task that a thread waits for. */
static void add_result(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t future = fake_concurrent_future(aio, NULL, 0);
    uint64_t callback = fake_closure(fake, "run_coroutine_threadsafe.<locals>.callback",
                                     FAKE_NAMED({"future", future}));
    uint64_t handle = fake_handle(aio, callback, 0, false, NAN);
    const struct fake_body body = {.file = "concurrent/futures/_base.py",
                                   .function = "result",
                                   .variables = FAKE_NAMED({"self", future}, {"timeout", 0})};
    fake_loop_set(aio, "_ready", fake_deque_of(fake, &handle, 1));
    add_thread(aio, FAKE_SERVER_JOINER, fake_called(fake, &body, 0));
}

static uint64_t add_threads(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t futex, lock = fake_thread_lock(fake, true, true, &futex), other;
    struct fake_stack stack = {.count = 0}, held = {.count = 0};
    fake_push_builtin(fake, &stack, "__exit__", lock);
    fake_push_builtin(fake, &held, "__exit__", fake_thread_lock(fake, true, false, &other));
    uint64_t pool = fake_new(fake, "mine.Pool", FAKE_NAMED({"x", 0}, {"guard", lock}));
    const struct fake_body owner = {.function = "owner", .stack = &stack};
    const struct fake_body waiter = {.function = "work",
                                     .variables = FAKE_NAMED({"self", pool}),
                                     .globals = fake_dict(fake, false)};
    add_thread(aio, FAKE_SERVER_WORKER, fake_called(fake, &owner, 0));
    add_thread(aio, FAKE_SERVER_WAITER, fake_called(fake, &waiter, 0));
    add_result(aio);
    fake_waiting_task(
        aio, "sync", pending(aio),
        FAKE_BODIES({.function = "sync", .stack = &held, .use = PY_AWAIT_EXPRESSION}));
    if (PY_HAS(&fake->layout, thread_lock, mutex))
        return fake_wait_entry(fake, lock + (uint64_t)PY_OFFSET(&fake->layout, thread_lock, mutex));
    return futex;
}

uint64_t fake_server_create(struct fake_asyncio *aio, enum fake_server_part part) {
    switch (part) {
    case FAKE_SERVER_LOCKS:
        add_locks(aio);
        break;
    case FAKE_SERVER_FUTURES:
        add_futures(aio);
        break;
    case FAKE_SERVER_FILES:
        add_files(aio);
        break;
    case FAKE_SERVER_POOLS:
        add_pools(aio);
        break;
    case FAKE_SERVER_THREADS:
        return add_threads(aio);
    case FAKE_SERVER_PART_COUNT:
        break;
    }
    return 0;
}
