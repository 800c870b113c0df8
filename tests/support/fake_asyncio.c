#include "fake_asyncio.h"

#include <stdio.h>

#define TID 4711

/* --- modules --- */

static uint64_t add_module(struct fake_asyncio *aio, const char *name) {
    uint64_t dict = fake_dict(aio->fake, false);
    fake_dict_set(aio->fake, aio->modules, name, fake_module(aio->fake, dict));
    return dict;
}

static const char *const weak_set_keys[] = {"data", "_pending_removals", NULL};

uint64_t fake_weak_set(struct fake_asyncio *aio, uint64_t *ret_data) {
    uint64_t values[2] = {fake_set(aio->fake, 63), aio->fake->none};
    uint64_t type = fake_class(
        aio->fake,
        &(struct fake_class){.module = "_weakrefset", .name = "WeakSet", .keys = weak_set_keys});
    *ret_data = values[0];
    return fake_instance(aio->fake, type, values);
}

static void add_registries(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    bool all = fake->layout.traits.task_registry & PY_TASKS_ALL_TASKS;
    uint64_t weak_set = fake_weak_set(aio, &aio->weak_set);
    aio->python_weak_set = aio->weak_set;
    fake_dict_set(fake, aio->tasks_module, all ? "_all_tasks" : "_scheduled_tasks", weak_set);
    if (!all)
        fake_dict_set(fake, aio->tasks_module, "_eager_tasks", fake_set(fake, 7));
    aio->current_tasks = fake_dict(fake, true);
    fake_dict_set(fake, aio->tasks_module, "_current_tasks", aio->current_tasks);
}

#define STATIC_WORDS 16

/* 3.6: static variables of _asyncio for tasks of C, attributes of the class for those of Python. */
static void add_static_registries(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t weak_set = fake_weak_set(aio, &aio->weak_set);
    uint64_t data = fake_alloc(fake, 8 * STATIC_WORDS);
    uint64_t class_dict = FAKE_GET(fake, aio->python_task_type, type, dict);
    aio->current_tasks = fake_dict(fake, true);
    fake_put(fake, data, 0x1234567, 8); /* something else */
    fake_put(fake, data + 8, class_dict, 8);
    fake_put(fake, data + 16, weak_set, 8);
    fake_put(fake, data + 32, aio->current_tasks, 8);
    fake->roots.asyncio_data = data;
    fake->roots.asyncio_data_size = 8 * STATIC_WORDS;
    fake_dict_set(fake, add_module(aio, "weakref"), "WeakSet",
                  FAKE_GET(fake, weak_set, object, type));
    fake_dict_set(fake, class_dict, "_all_tasks", fake_weak_set(aio, &aio->python_weak_set));
    fake_dict_set(fake, class_dict, "_current_tasks", fake_dict(fake, true));
}

/* Types of C are heap types from 3.12 on. */
static uint64_t make_c_type(struct fake_asyncio *aio, const char *name, int32_t size) {
    bool is_static = aio->fake->table->minor < 12;
    return fake_class(aio->fake, &(struct fake_class){.module = "_asyncio",
                                                      .name = name,
                                                      .size = (size_t)size,
                                                      .static_ = is_static});
}

static const char *const python_task_keys[] = {"_loop",
                                               "_coro",
                                               "_fut_waiter",
                                               "_name",
                                               "_state",
                                               "_exception",
                                               "_must_cancel",
                                               "_num_cancels_requested",
                                               "_Future__log_traceback",
                                               NULL};

static void add_asyncio_modules(struct fake_asyncio *aio) {
    const struct py_layout *layout = &aio->fake->layout;
    uint64_t futures = add_module(aio, "asyncio.futures"),
             accelerator = fake_dict(aio->fake, false);
    aio->accelerator = fake_module(aio->fake, accelerator);
    fake_dict_set(aio->fake, aio->modules, "_asyncio", aio->accelerator);
    uint64_t python_future =
        fake_class(aio->fake, &(struct fake_class){.module = "asyncio.futures", .name = "Future"});
    aio->tasks_module = add_module(aio, "asyncio.tasks");
    aio->task_type = make_c_type(aio, "Task", PY_OFFSET(layout, task, size));
    aio->future_type = make_c_type(aio, "Future", PY_OFFSET(layout, future, size));
    bool is_mixed = layout->traits.task_registry & PY_TASKS_TASK_CLASS;
    aio->python_task_type = fake_class(
        aio->fake,
        &(struct fake_class){.module = "asyncio.tasks",
                             .name = "Task",
                             .base = is_mixed ? aio->future_type : python_future,
                             .size = is_mixed ? (size_t)PY_OFFSET(layout, future, size) : 0,
                             .keys = python_task_keys});
    fake_dict_set(aio->fake, accelerator, "Task", aio->task_type);
    fake_dict_set(aio->fake, accelerator, "Future", aio->future_type);
    fake_dict_set(aio->fake, aio->tasks_module, "_PyTask", aio->python_task_type);
    fake_dict_set(aio->fake, futures, "_PyFuture", python_future);
    aio->events_module = add_module(aio, "asyncio.events");
    if (is_mixed)
        add_static_registries(aio);
    else
        add_registries(aio);
}

/* --- the thread and its loop --- */

static const char *const thread_keys[] = {"_target", "_name", NULL};

static void add_threading(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t values[2] = {fake->none, fake_str(fake, "MainThread")};
    uint64_t type = fake_class(
        fake,
        &(struct fake_class){.module = "threading", .name = "_MainThread", .keys = thread_keys});
    uint64_t active = fake_dict(fake, true);
    fake_dict_add(fake, active, fake_int(fake, 0x7f00), fake_instance(fake, type, values));
    fake_dict_set(fake, add_module(aio, "threading"), "_active", active);
}

static const char *const loop_keys[] = {
    "_closed",           "_debug", "_ready", "_scheduled", "_timer_cancelled_count", "_selector",
    "_default_executor", NULL};

/* The threading.local asyncio.events._running_loop. */
static void set_running_loop_local(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    char key[64];
    uint64_t local = fake_object(fake, fake->types[FAKE_OBJECT], 32), dict = fake_dict(fake, false);
    uint64_t dummy = fake_object(fake, fake->types[FAKE_OBJECT], 32);
    uint64_t pair[2] = {aio->event_loop, fake_int(fake, fake->roots.pid)};
    fake_dict_set(fake, aio->events_module, "_running_loop", local);
    fake_dict_set(fake, dict, "loop_pid", fake_tuple(fake, pair, 2));
    FAKE_SET(fake, dummy, local_dummy, dict, dict);
    snprintf(key, sizeof key, "thread.local.0x%llx", (unsigned long long)local);
    fake_dict_set(fake, FAKE_GET(fake, aio->thread, thread, dict), key, dummy);
}

static void set_running_loop(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t value = aio->event_loop;
    switch (fake->layout.traits.running_loop_kind) {
    case PY_RUNNING_LOOP_LOCAL:
        set_running_loop_local(aio);
        return;
    case PY_RUNNING_LOOP_FIELD:
        FAKE_SET(fake, aio->thread, thread, asyncio_running_loop, value);
        return;
    case PY_RUNNING_LOOP_HOLDER:
        value = fake_object(fake, fake->types[FAKE_OBJECT], 32);
        FAKE_SET(fake, value, running_loop_holder, loop, aio->event_loop);
        FAKE_SET(fake, value, running_loop_holder, pid, fake->roots.pid);
        break;
    case PY_RUNNING_LOOP_DICT:
        break;
    }
    fake_dict_set(fake, FAKE_GET(fake, aio->thread, thread, dict), "__asyncio_running_event_loop__",
                  value);
}

static void start_loop(struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t values[7] = {fake->false_, fake->true_};
    uint64_t type = fake_class(fake, &(struct fake_class){.module = "asyncio.unix_events",
                                                          .name = "_UnixSelectorEventLoop",
                                                          .keys = loop_keys});
    uint64_t main_code = fake_code(fake, "main", "main", "/srv/app.py", 200);
    uint64_t run_code =
        fake_code(fake, "_run", "Handle._run", "/usr/lib/python3/asyncio/events.py", 80);
    uint64_t shim = fake_shim_frame(fake, main_code);
    uint64_t frame = fake_frame(fake, main_code, FAKE_UNIT_CALL, shim, shim == 0);
    aio->step_frame = fake_frame(fake, run_code, FAKE_UNIT_CALL, frame, false);
    aio->event_loop = fake_instance(fake, type, values);
    fake_thread_set_frame(fake, aio->thread, aio->step_frame);
    fake_thread_set_gil(fake, aio->runtime, aio->thread);
    set_running_loop(aio);
}

void fake_asyncio_create(struct fake_asyncio *aio, struct fake_python *fake) {
    *aio = (struct fake_asyncio){.fake = fake, .runtime = fake_runtime(fake)};
    fake->roots.pid = TID;
    aio->interpreter = fake_interpreter(fake, aio->runtime, 0);
    aio->thread = fake_thread(fake, aio->interpreter, 0x7f00, TID);
    aio->modules = fake_dict(fake, false);
    FAKE_SET(fake, aio->interpreter, interpreter, modules, aio->modules);
    add_threading(aio);
    add_asyncio_modules(aio);
    start_loop(aio);
}

/* --- futures and tasks --- */

uint64_t fake_future(struct fake_asyncio *aio, int state) {
    struct fake_python *fake = aio->fake;
    uint64_t future =
        fake_object(fake, aio->future_type, (size_t)PY_OFFSET(&fake->layout, future, size));
    FAKE_SET(fake, future, future, loop, aio->event_loop);
    FAKE_SET(fake, future, future, state, state);
    return future;
}

/* Puts the task at the end of the list of its thread. */
static void link_task(struct fake_asyncio *aio, uint64_t task) {
    struct fake_python *fake = aio->fake;
    uint64_t head = aio->thread + (uint64_t)PY_OFFSET(&fake->layout, thread, asyncio_tasks_head);
    uint64_t node = task + (uint64_t)PY_OFFSET(&fake->layout, task, node);
    uint64_t last = fake_get(fake, head + 8, 8);
    fake_put(fake, node, head, 8);
    fake_put(fake, node + 8, last, 8);
    fake_put(fake, last, node, 8);
    fake_put(fake, head + 8, node, 8);
}

static void register_in_weak_set(struct fake_asyncio *aio, uint64_t set, uint64_t task) {
    fake_set_add(aio->fake, set, fake_weakref(aio->fake, task));
}

/* A flag beside others, which are set where they mean something else. */
static void set_flag(struct fake_python *fake, uint64_t object, enum py_field field, uint8_t mask,
                     bool value) {
    uint64_t at = object + (uint64_t)fake->layout.offset[field];
    uint64_t others = (fake_get(fake, at, 1) | 0x80) & (uint8_t)~mask;
    fake_put(fake, at, value ? others | mask : others, 1);
}

uint64_t fake_task(struct fake_asyncio *aio, const struct fake_task *it) {
    struct fake_python *fake = aio->fake;
    uint64_t task = fake_object(fake, aio->task_type, (size_t)PY_OFFSET(&fake->layout, task, size));
    FAKE_SET(fake, task, task, loop, aio->event_loop);
    FAKE_SET(fake, task, task, exception, it->exception);
    FAKE_SET(fake, task, task, source_traceback, it->source_traceback);
    FAKE_SET(fake, task, task, state, it->state);
    set_flag(fake, task, PY_FIELD_task_must_cancel, fake->layout.traits.must_cancel_mask,
             it->must_cancel);
    set_flag(fake, task, PY_FIELD_task_log_traceback, fake->layout.traits.log_traceback_mask,
             it->log_traceback);
    FAKE_SET(fake, task, task, cancel_requests, it->cancel_requests);
    FAKE_SET(fake, task, task, fut_waiter, it->fut_waiter);
    FAKE_SET(fake, task, task, coroutine, it->coroutine);
    FAKE_SET(fake, task, task, name, it->name);
    FAKE_SET(fake, task, task, context, it->context);
    if (fake->layout.traits.task_registry & PY_TASKS_LINKED_LISTS)
        link_task(aio, task);
    else
        register_in_weak_set(aio, aio->weak_set, task);
    return task;
}

static uint64_t or_none(struct fake_asyncio *aio, uint64_t object) {
    return object ? object : aio->fake->none;
}

uint64_t fake_python_task(struct fake_asyncio *aio, const struct fake_task *it) {
    static const char *const states[] = {"PENDING", "CANCELLED", "FINISHED"};
    struct fake_python *fake = aio->fake;
    uint64_t values[] = {aio->event_loop,
                         or_none(aio, it->coroutine),
                         or_none(aio, it->fut_waiter),
                         or_none(aio, it->name),
                         it->state ? fake_str(fake, states[it->state]) : 0,
                         it->exception,
                         it->must_cancel ? fake->true_ : fake->false_,
                         fake_int(fake, it->cancel_requests),
                         it->log_traceback ? fake->true_ : 0};
    uint64_t task = fake_instance(fake, aio->python_task_type, values);
    if (fake->layout.traits.task_registry & PY_TASKS_TASK_CLASS) { /* a Future of C inside */
        FAKE_SET(fake, task, future, loop, aio->event_loop);
        FAKE_SET(fake, task, future, state, it->state);
        FAKE_SET(fake, task, future, exception, it->exception);
        set_flag(fake, task, PY_FIELD_future_log_traceback, fake->layout.traits.log_traceback_mask,
                 it->log_traceback);
    }
    register_in_weak_set(aio, aio->python_weak_set, task);
    return task;
}

void fake_run_task(struct fake_asyncio *aio, uint64_t task, uint64_t coroutine) {
    uint64_t frame = fake_generator_frame(aio->fake, coroutine, aio->step_frame, false);
    fake_thread_set_frame(aio->fake, aio->thread, frame);
    if (PY_HAS(&aio->fake->layout, thread, asyncio_running_task))
        FAKE_SET(aio->fake, aio->thread, thread, asyncio_running_task, task);
    else
        fake_dict_add(aio->fake, aio->current_tasks, aio->event_loop, task);
}

/* --- what tasks hold --- */

uint64_t fake_coroutine(struct fake_asyncio *aio, const char *name, int first_line,
                        enum fake_state state, uint64_t awaited) {
    uint64_t code = fake_code(aio->fake, name, name, "/srv/app.py", first_line);
    return fake_generator(aio->fake, FAKE_COROUTINE, code, state, awaited);
}

uint64_t fake_future_iter(struct fake_asyncio *aio, uint64_t future) {
    uint64_t type = make_c_type(aio, "FutureIter", 24);
    uint64_t object = fake_object(aio->fake, type, 32);
    FAKE_SET(aio->fake, object, future_iter, future, future);
    return object;
}

uint64_t fake_exception(struct fake_asyncio *aio, const char *type, const char *text) {
    struct fake_python *fake = aio->fake;
    uint64_t class = fake_class(fake, &(struct fake_class){.module = "builtins", .name = type});
    uint64_t object = fake_object(fake, class, (size_t)PY_OFFSET(&fake->layout, exception, size));
    uint64_t argument = fake_str(fake, text);
    FAKE_SET(fake, object, exception, args, fake_tuple(fake, &argument, 1));
    return object;
}

static const char *const summary_slots[] = {"filename",   "lineno", "name",
                                            "end_lineno", "colno",  "end_colno"};

static uint64_t make_summary(struct fake_asyncio *aio, uint64_t type, const char *function,
                             int line) {
    struct fake_python *fake = aio->fake;
    uint64_t values[] = {
        fake_str(fake, "/srv/app.py"), fake_int(fake, line), fake_str(fake, function),
        fake_int(fake, line),          fake_int(fake, 4),    fake->none};
    uint64_t summary = fake_object(fake, type, 72);
    fake_put_bytes(fake, summary + 16, values, sizeof values);
    return summary;
}

uint64_t fake_source_traceback(struct fake_asyncio *aio, const char *function, int line) {
    uint64_t type = fake_class(
        aio->fake, &(struct fake_class){.module = "traceback", .name = "FrameSummary", .size = 72});
    for (size_t i = 0; i < 6; i++)
        fake_class_add_slot(aio->fake, type, summary_slots[i], 16 + 8 * i);
    uint64_t summaries[] = {make_summary(aio, type, "<module>", 300),
                            make_summary(aio, type, function, line)};
    return fake_list(aio->fake, summaries, 2);
}
