#include "fake_waits.h"

#include <math.h>
#include <string.h>

uint64_t fake_tuple_of_one(struct fake_python *fake, uint64_t item) {
    return fake_tuple(fake, &item, 1);
}

/* --- tasks and futures --- */

uint64_t fake_waiting_task(struct fake_asyncio *aio, const char *name, uint64_t future,
                           const struct fake_body *bodies) {
    uint64_t awaited = fake_future_iter(aio, future);
    for (size_t i = 0; i < FAKE_BODIES_MAX && bodies[i].function; i++)
        awaited = fake_suspended(aio->fake, &bodies[i], awaited);
    return fake_task(aio, &(struct fake_task){.name = fake_str(aio->fake, name),
                                              .coroutine = awaited,
                                              .fut_waiter = future});
}

/* A TaskObj begins as a FutureObj does. From 3.7 on each callback stands beside its context, the
 * first one in fields of its own. */
void fake_set_callbacks(struct fake_asyncio *aio, uint64_t future, const uint64_t *callables,
                        size_t count) {
    struct fake_python *fake = aio->fake;
    uint64_t items[16];
    bool has_first = PY_HAS(&fake->layout, future, callback0);
    size_t first = has_first && count ? 1 : 0;
    if (first)
        FAKE_SET(fake, future, future, callback0, callables[0]);
    for (size_t i = first; i < count; i++) {
        const uint64_t pair[] = {callables[i], fake->none};
        items[i - first] = has_first ? fake_tuple(fake, pair, 2) : callables[i];
    }
    if (count > first)
        FAKE_SET(fake, future, future, callbacks, fake_list(fake, items, count - first));
}

static uint64_t make_wrapper(struct fake_asyncio *aio, const char *name, enum py_field field,
                             uint64_t task) {
    bool is_static = aio->fake->table->minor < 12;
    uint64_t type = fake_class(
        aio->fake,
        &(struct fake_class){.module = "_asyncio", .name = name, .size = 32, .static_ = is_static});
    uint64_t object = fake_object(aio->fake, type, 32);
    fake_put_field(aio->fake, object, field, task);
    return object;
}

uint64_t fake_wakeup(struct fake_asyncio *aio, uint64_t task) {
    if (!PY_HAS(&aio->fake->layout, task_wakeup, task))
        return fake_builtin(aio->fake, "task_wakeup", task);
    return make_wrapper(aio, "TaskWakeupMethWrapper", PY_FIELD_task_wakeup_task, task);
}

uint64_t fake_step(struct fake_asyncio *aio, uint64_t task) {
    return make_wrapper(aio, "TaskStepMethWrapper", PY_FIELD_task_step_task, task);
}

uint64_t fake_bound_method(struct fake_asyncio *aio, const char *qualname, uint64_t self) {
    return fake_method(aio->fake, fake_closure(aio->fake, qualname, FAKE_NAMED({NULL, 0})), self);
}

uint64_t fake_gather(struct fake_asyncio *aio, const uint64_t *children, size_t count) {
    struct fake_python *fake = aio->fake;
    uint64_t list = fake_list(fake, children, count);
    uint64_t future = fake_new_derived(fake, "asyncio.tasks._GatheringFuture", aio->future_type,
                                       (size_t)PY_OFFSET(&fake->layout, future, size),
                                       FAKE_NAMED({"_children", list}));
    FAKE_SET(fake, future, future, loop, aio->event_loop);
    return future;
}

/* --- handles --- */

static const char *const handle_slots[] = {"_callback",         "_args", "_cancelled", "_loop",
                                           "_source_traceback", "_repr", NULL};
static const char *const timer_slots[] = {"_scheduled", "_when", NULL};

uint64_t fake_handle(struct fake_asyncio *aio, uint64_t callback, uint64_t arguments,
                     bool cancelled, double when) {
    struct fake_python *fake = aio->fake;
    uint64_t type = fake_slotted_class(fake, "asyncio.events.Handle", 0, handle_slots);
    if (!isnan(when))
        type = fake_slotted_class(fake, "asyncio.events.TimerHandle", type, timer_slots);
    uint64_t object = fake_object(fake, type, FAKE_GET(fake, type, type, basicsize));
    const uint64_t values[] = {callback ? callback : fake->none, arguments ? arguments : fake->none,
                               cancelled ? fake->true_ : fake->false_, aio->event_loop};
    fake_put_bytes(fake, object + 16, values, sizeof values);
    if (!isnan(when))
        fake_put(fake, object + 72, fake_float(fake, when), 8);
    return object;
}

/* --- executors --- */

uint64_t fake_concurrent_future(struct fake_asyncio *aio, const uint64_t *callbacks, size_t count) {
    uint64_t list = fake_list(aio->fake, callbacks, count);
    return fake_new(
        aio->fake, "concurrent.futures._base.Future",
        FAKE_NAMED({"_state", fake_str(aio->fake, "PENDING")}, {"_done_callbacks", list}));
}

uint64_t fake_chained_future(struct fake_asyncio *aio, uint64_t concurrent) {
    uint64_t future = fake_future(aio, FAKE_PENDING);
    uint64_t callback =
        fake_closure(aio->fake, "_chain_future.<locals>._call_check_cancel",
                     FAKE_NAMED({"dest_loop", aio->fake->none}, {"source", concurrent}));
    fake_set_callbacks(aio, future, &callback, 1);
    return future;
}

/* From 3.14 on function and arguments stand in a tuple. */
uint64_t fake_work_item(struct fake_asyncio *aio, uint64_t concurrent, uint64_t function,
                        uint64_t arguments) {
    struct fake_python *fake = aio->fake;
    const uint64_t task[] = {function, arguments, fake_dict(fake, false)};
    if (fake->table->minor >= 14)
        return fake_new(fake, "concurrent.futures.thread._WorkItem",
                        FAKE_NAMED({"future", concurrent}, {"task", fake_tuple(fake, task, 3)}));
    return fake_new(fake, "concurrent.futures.thread._WorkItem",
                    FAKE_NAMED({"future", concurrent}, {"fn", function}, {"args", arguments},
                               {"kwargs", task[2]}));
}

/* queue.Queue up to 3.6. */
static uint64_t make_queue(struct fake_asyncio *aio, const uint64_t *items, size_t count) {
    struct fake_python *fake = aio->fake;
    if (PY_HAS(&fake->layout, simple_queue, size))
        return fake_simple_queue_of(fake, items, count, 1);
    return fake_new(
        fake, "queue.Queue",
        FAKE_NAMED({"maxsize", fake->false_}, {"queue", fake_deque_of(fake, items, count)}));
}

uint64_t fake_thread_pool(struct fake_asyncio *aio, int64_t max_workers, size_t threads,
                          const uint64_t *items, size_t count) {
    struct fake_python *fake = aio->fake;
    uint64_t set = fake_set(fake, 15);
    for (size_t i = 0; i < threads; i++)
        fake_set_add(fake, set, fake_str(fake, "a thread"));
    return fake_new(fake, "concurrent.futures.thread.ThreadPoolExecutor",
                    FAKE_NAMED({"_max_workers", fake_int(fake, max_workers)},
                               {"_work_queue", make_queue(aio, items, count)}, {"_threads", set}));
}

uint64_t fake_worker_frames(struct fake_asyncio *aio, uint64_t pool, uint64_t item) {
    struct fake_python *fake = aio->fake;
    const struct fake_body run = {.file = "threading.py", .function = "run"};
    const struct fake_body worker = {
        .file = "concurrent/futures/thread.py",
        .function = "_worker",
        .variables = FAKE_NAMED({"executor_reference", fake_weakref(fake, pool)})};
    uint64_t frame = fake_called(fake, &worker, fake_called(fake, &run, 0));
    const struct fake_body work = {.file = "concurrent/futures/thread.py",
                                   .function = "run",
                                   .variables = FAKE_NAMED({"self", item})};
    const struct fake_body callee = {.function = "read_file"};
    return item ? fake_called(fake, &callee, fake_called(fake, &work, frame)) : frame;
}

/* --- the loop --- */

void fake_loop_set(struct fake_asyncio *aio, const char *name, uint64_t value) {
    fake_set_attribute(aio->fake, aio->event_loop, name, value);
}

void fake_run_once(struct fake_asyncio *aio, const struct fake_named *variables, bool selecting) {
    struct fake_python *fake = aio->fake;
    const struct fake_body run_once = {
        .file = "asyncio/base_events.py", .function = "_run_once", .variables = variables};
    uint64_t main_frame = FAKE_GET(fake, aio->step_frame, frame, previous);
    uint64_t frame = fake_called(fake, &run_once, main_frame);
    const struct fake_body select = {.file = "selectors.py", .function = "select"};
    FAKE_SET(fake, aio->step_frame, frame, previous, frame);
    if (selecting)
        fake_thread_set_frame(fake, aio->thread, fake_called(fake, &select, frame));
}

uint64_t fake_selector(struct fake_asyncio *aio, int64_t fd, uint64_t reader, uint64_t writer) {
    struct fake_python *fake = aio->fake;
    uint64_t number = fake_int(fake, fd), files = fake_dict(fake, true);
    const uint64_t data[] = {reader ? reader : fake->none, writer ? writer : fake->none};
    const uint64_t key[] = {number, number, number, fake_tuple(fake, data, 2)};
    fake_dict_add(fake, files, number, fake_tuple(fake, key, 4));
    return fake_new(fake, "selectors.EpollSelector", FAKE_NAMED({"_fd_to_key", files}));
}
