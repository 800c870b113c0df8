/*
 * Tasks and loops that only the garbage collector knows, and tasks of classes that are not
 * asyncio's, of every version.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/capture/walk.h"
#include "../support/fake_asyncio.h"
#include "../support/fake_gc.h"
#include "../support/fake_target.h"

#define SECONDS 10

static const struct target_thread kernel_thread = {
    .tid = 4712, .namespace_tid = 4711, .name = "python3", .state = 'R', .syscall = -1};

/* A task that no registry has. */
static uint64_t make_unregistered(struct fake_target *target, struct fake_asyncio *aio) {
    size_t size = (size_t)PY_OFFSET(&target->fake->layout, task, size);
    uint64_t task = fake_object(target->fake, aio->task_type, size);
    FAKE_SET(target->fake, task, task, coroutine, fake_coroutine(aio, "lost", 10, FAKE_CREATED, 0));
    return task;
}

static void track(struct fake_target *target, struct fake_asyncio *aio, uint64_t object) {
    fake_gc_track(target->fake, fake_gc_head(target->fake, aio->interpreter, 1), object);
}

/* asyncio.AbstractEventLoop, a loop that derives from it, and one of them that does nothing. */
static uint64_t make_loop(struct fake_target *target, struct fake_asyncio *aio) {
    static const char *const keys[] = {"_closed", "_debug", NULL};
    struct fake_python *fake = target->fake;
    uint64_t values[2] = {fake->true_, fake->false_};
    uint64_t base = fake_class(
        fake, &(struct fake_class){.module = "asyncio.events", .name = "AbstractEventLoop"});
    fake_dict_set(fake, aio->events_module, "AbstractEventLoop", base);
    uint64_t type = fake_class(
        fake, &(struct fake_class){.module = "app", .name = "MyLoop", .base = base, .keys = keys});
    return fake_instance(fake, type, values);
}

static void search(struct fake_target *target, struct fake_asyncio *aio, struct walk_found *ret) {
    struct py_interpreter *interpreters;
    size_t count;
    fake_target_open(target, aio->runtime);
    fake_expect_success(py_interpreters_read(target->py, &interpreters, &count));
    *ret = (struct walk_found){.interpreter = interpreters[0].address};
    fake_expect_success(aio_search(target->py, &interpreters[0], SECONDS, &ret->found));
    assert_null(ret->found.why);
}

/* A walk with what was found before; returns what became of the registries. */
static enum aio_registry walk(struct fake_target *target, struct fake_asyncio *aio,
                              struct walk_found *found) {
    struct walk_search result = {.items = found, .count = found ? 1 : 0};
    fake_target_open(target, aio->runtime);
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel_thread, 1, NAN}, &result));
    walk_search_free(&result);
    return result.registry;
}

static const struct snapshot_task *find(struct fake_target *target, uint64_t id) {
    static const struct snapshot_task none;
    for (size_t i = 0; i < target->snapshot->tasks.count; i++)
        if (target->snapshot->tasks.items[i].id == id)
            return &target->snapshot->tasks.items[i];
    fail_msg("task 0x%llx is not there", (unsigned long long)id);
    return &none;
}

static void test_unregistered_task_and_loop(struct fake_target *target) {
    struct fake_asyncio aio;
    struct walk_found found;
    fake_asyncio_create(&aio, target->fake);
    uint64_t known = fake_task(&aio, &(struct fake_task){.name = fake_str(target->fake, "known")});
    uint64_t lost = make_unregistered(target, &aio), loop = make_loop(target, &aio);
    track(target, &aio, fake_instance(target->fake, aio.python_task_type, (uint64_t[9]){0}));
    track(target, &aio, fake_future(&aio, FAKE_PENDING));
    track(target, &aio, known);
    track(target, &aio, lost);
    track(target, &aio, loop);
    search(target, &aio, &found);
    assert_int_equal(found.found.tasks.count, 3);
    assert_int_equal(found.found.loops.count, 1);
    assert_int_equal(walk(target, &aio, &found), AIO_REGISTRY_READ);
    assert_int_equal(target->snapshot->tasks.count, 3);
    assert_int_equal(target->snapshot->event_loops.count, 2);
    const struct snapshot_loop *idle = &target->snapshot->event_loops.items[1];
    assert_int_equal(idle->id, loop);
    assert_int_equal(idle->state, SNAPSHOT_LOOP_CLOSED);
    const struct snapshot_task *task = find(target, lost);
    assert_string_equal(task->coroutine, "lost");
    assert_int_equal(task->note_count, 1);
    assert_non_null(strstr(task->notes[0], "no registry has it"));
    task = find(target, known);
    for (size_t i = 0; i < task->note_count; i++)
        assert_null(strstr(task->notes[i], "no registry has it"));
    assert_int_equal(walk(target, &aio, NULL), AIO_REGISTRY_READ);
    assert_int_equal(target->snapshot->tasks.count, 1);
}

static uint64_t size_of_head(struct fake_target *target) {
    return (uint64_t)PY_OFFSET(&target->fake->layout, gc_head, size);
}

/* What the target freed since the search, or used for something else. */
static void test_found_and_gone(struct fake_target *target) {
    struct fake_asyncio aio;
    struct walk_found found;
    fake_asyncio_create(&aio, target->fake);
    uint64_t freed = make_unregistered(target, &aio), other = make_unregistered(target, &aio);
    uint64_t unmapped = make_unregistered(target, &aio), loop = make_loop(target, &aio);
    uint64_t stale = make_unregistered(target, &aio);
    track(target, &aio, stale);
    track(target, &aio, freed);
    track(target, &aio, other);
    track(target, &aio, unmapped);
    track(target, &aio, loop);
    search(target, &aio, &found);
    assert_int_equal(found.found.tasks.count, 4);
    FAKE_SET(target->fake, stale - size_of_head(target), gc_head, next, stale);
    FAKE_SET(target->fake, freed, object, refcount, 0);
    FAKE_SET(target->fake, other, object, type, aio.future_type);
    FAKE_SET(target->fake, loop, object, type, aio.future_type);
    fake_memory_unmap(target->fake->memory, unmapped);
    assert_int_equal(walk(target, &aio, &found), AIO_REGISTRY_READ);
    assert_int_equal(target->snapshot->tasks.count, 0);
    assert_int_equal(target->snapshot->event_loops.count, 1);
    assert_int_equal(target->snapshot->missing.count, 0);
}

static void expect_missing(struct fake_target *target, const char *what) {
    for (size_t i = 0; i < target->snapshot->missing.count; i++)
        if (strstr(target->snapshot->missing.items[i].what, what))
            return;
    fail_msg("no row of missing tells of %s", what);
}

/* asyncio.tasks without the name of its registry: the walk asks for a search. */
static void test_absent_registry(struct fake_target *target) {
    struct fake_asyncio aio;
    struct walk_found found;
    unsigned registry = target->fake->layout.traits.task_registry;
    if (!(registry & (PY_TASKS_ALL_TASKS | PY_TASKS_SCHEDULED_TASKS)))
        return;
    fake_asyncio_create(&aio, target->fake);
    uint64_t task = fake_python_task(&aio, &(struct fake_task){0});
    uint64_t other = fake_dict(target->fake, false);
    fake_dict_set(target->fake, other, "_PyTask", aio.python_task_type);
    FAKE_SET(target->fake, aio.tasks_module, dict, keys, FAKE_GET(target->fake, other, dict, keys));
    track(target, &aio, task);
    assert_int_equal(walk(target, &aio, NULL), AIO_REGISTRY_ABSENT);
    expect_missing(target, registry & PY_TASKS_ALL_TASKS ? "_all_tasks" : "_scheduled_tasks");
    assert_int_equal(target->snapshot->tasks.count, 0);
    search(target, &aio, &found);
    assert_int_equal(walk(target, &aio, &found), AIO_REGISTRY_ABSENT);
    find(target, task);
    assert_int_equal(find(target, task)->note_count, 1); /* it has no coroutine; nothing else */
}

/* 3.6: the static data of _asyncio, which only symbols or section headers lead to. */
static void test_absent_static_data(struct fake_target *target) {
    struct fake_asyncio aio;
    struct walk_found found;
    if (!(target->fake->layout.traits.task_registry & PY_TASKS_MODULE_DATA))
        return;
    fake_asyncio_create(&aio, target->fake);
    uint64_t task = fake_task(&aio, &(struct fake_task){0});
    target->fake->roots.asyncio_data_size = 0;
    track(target, &aio, task);
    assert_int_equal(walk(target, &aio, NULL), AIO_REGISTRY_ABSENT);
    expect_missing(target, "tasks written in C");
    search(target, &aio, &found);
    walk(target, &aio, &found);
    find(target, task);
}

static void test_torn_registry(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    fake_python_task(&aio, &(struct fake_task){0});
    FAKE_SET(target->fake, aio.python_weak_set, set, table, 0x10);
    assert_int_equal(walk(target, &aio, NULL), AIO_REGISTRY_TORN);
    assert_true(target->snapshot->missing.count > 0);
}

/* Searches with a fault at the n-th page (0: none); returns how many pages were read. */
static uint64_t search_with_fault(struct fake_target *target, struct fake_asyncio *aio,
                                  uint64_t n) {
    struct fake_memory *memory = target->fake->memory;
    struct py_interpreter *interpreters;
    struct aio_found found = {.why = NULL};
    size_t count;
    fake_target_open(target, aio->runtime);
    fake_expect_success(py_interpreters_read(target->py, &interpreters, &count));
    uint64_t before = fake_memory_get_page_reads(memory);
    fake_memory_fail_at(memory, n);
    fake_expect_success(aio_search(target->py, &interpreters[0], SECONDS, &found));
    fake_memory_fail_at(memory, 0);
    assert_true(found.tasks.count == 5 || found.why);
    aio_found_free(&found);
    return fake_memory_get_page_reads(memory) - before;
}

/* A search that faults at each page in turn ends, and says so unless it found all the same. */
static void test_faults(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    for (int i = 0; i < 5; i++)
        track(target, &aio, make_unregistered(target, &aio));
    uint64_t reads = search_with_fault(target, &aio, 0);
    assert_true(reads > 20);
    for (uint64_t n = 1; n <= reads; n++)
        search_with_fault(target, &aio, n);
}

/* --- classes that do not derive from asyncio's --- */

static const char *const foreign_keys[] = {"_coro",       "_loop", "_state",
                                           "_fut_waiter", "_name", NULL};

static uint64_t make_foreign(struct fake_asyncio *aio, const uint64_t *values) {
    uint64_t type = fake_class(
        aio->fake, &(struct fake_class){.module = "app", .name = "Job", .keys = foreign_keys});
    uint64_t object = fake_instance(aio->fake, type, values);
    fake_set_add(aio->fake, aio->python_weak_set, fake_weakref(aio->fake, object));
    return object;
}

static void test_foreign_task(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING);
    uint64_t coroutine =
        fake_coroutine(&aio, "job", 20, FAKE_SUSPENDED_AWAIT, fake_future_iter(&aio, future));
    uint64_t full = make_foreign(&aio, (uint64_t[5]){coroutine, make_loop(target, &aio),
                                                     fake_str(fake, "PENDING"), future,
                                                     fake_str(fake, "nightly")});
    uint64_t bare =
        make_foreign(&aio, (uint64_t[5]){coroutine, fake->none, fake->true_, 0, fake_int(fake, 5)});
    uint64_t done = make_foreign(&aio, (uint64_t[5]){0, 0, fake_str(fake, "CANCELLED"), 0, 0});
    walk(target, &aio, NULL);
    const struct snapshot_task *task = find(target, full);
    assert_string_equal(task->type, "app.Job");
    assert_string_equal(task->name, "nightly");
    assert_int_equal(task->state, SNAPSHOT_TASK_WAITING);
    assert_int_equal(task->awaiting->id, future);
    assert_true(task->event_loop != 0);
    assert_int_equal(task->note_count, 0);
    assert_int_equal(task->cancel_requests, SNAPSHOT_UNKNOWN);
    task = find(target, bare);
    assert_null(task->name);
    assert_null(task->awaiting);
    assert_int_equal(task->event_loop, 0);
    assert_int_equal(task->frames.count, 1);
    assert_int_equal(task->note_count, 1);
    assert_non_null(strstr(task->notes[0], "it is no asyncio.Task"));
    assert_int_equal(find(target, done)->state, SNAPSHOT_TASK_CANCELLED);
}

/* From 3.14 on these are in the state of the module _asyncio. */
static void test_state_of_module(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    if (!PY_HAS(&fake->layout, asyncio_state, foreign_tasks))
        return;
    fake_asyncio_create(&aio, fake);
    uint64_t values[5] = {0}, set = fake_set(fake, 7), data = 0;
    uint64_t state = fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, asyncio_state, size));
    uint64_t weak_set = fake_weak_set(&aio, &data);
    aio.python_weak_set = data;
    uint64_t task = make_foreign(&aio, values);
    aio.python_weak_set = fake_set(fake, 7);
    uint64_t eager = make_foreign(&aio, values);
    fake_set_add(fake, set, eager);
    FAKE_SET(fake, state, asyncio_state, task_type, aio.task_type);
    FAKE_SET(fake, state, asyncio_state, foreign_tasks, weak_set);
    FAKE_SET(fake, state, asyncio_state, foreign_eager_tasks, set);
    FAKE_SET(fake, aio.accelerator, module, state, state);
    walk(target, &aio, NULL);
    find(target, task);
    find(target, eager);
    assert_int_equal(target->snapshot->missing.count, 0);
    FAKE_SET(fake, state, asyncio_state, task_type, aio.future_type);
    assert_int_equal(walk(target, &aio, NULL), AIO_REGISTRY_READ);
    expect_missing(target, "tasks that are no asyncio.Task");
}

FAKE_EACH_VERSION(test_unregistered_task_and_loop)
FAKE_EACH_VERSION(test_found_and_gone)
FAKE_EACH_VERSION(test_absent_registry)
FAKE_EACH_VERSION(test_faults)
FAKE_EACH_VERSION(test_absent_static_data)
FAKE_EACH_VERSION(test_torn_registry)
FAKE_EACH_VERSION(test_foreign_task)
FAKE_EACH_VERSION(test_state_of_module)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_unregistered_task_and_loop),
        FAKE_TEST(test_found_and_gone),
        FAKE_TEST(test_absent_registry),
        FAKE_TEST(test_torn_registry),
        FAKE_TEST(test_absent_static_data),
        FAKE_TEST(test_faults),
        FAKE_TEST(test_foreign_task),
        FAKE_TEST(test_state_of_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
