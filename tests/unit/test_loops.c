/* What loops are doing and have to do: callbacks, timers, the iteration, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/syscall.h>

#include "../support/asyncio_walk.h"

static const struct snapshot_loop *get_loop(const struct fake_target *target) {
    assert_int_equal(target->snapshot->event_loops.count, 1);
    return target->snapshot->event_loops.items;
}

static uint64_t make_handle(struct fake_asyncio *aio, const char *callback) {
    return fake_handle(aio, fake_closure(aio->fake, callback, FAKE_NAMED({NULL, 0})), 0, false,
                       NAN);
}

static uint64_t make_timer(struct fake_asyncio *aio, double when, bool cancelled) {
    return fake_handle(aio, cancelled ? 0 : fake_builtin(aio->fake, "print", 0), 0, cancelled,
                       when);
}

/* --- what it has to do --- */

static void test_nothing_to_do(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    fake_loop_set(&aio, "_ready", fake_deque_of(target->fake, NULL, 0));
    fake_loop_set(&aio, "_scheduled", fake_list(target->fake, NULL, 0));
    fake_loop_set(&aio, "_default_executor", target->fake->none);
    asyncio_walk(target, &aio, true);
    const struct snapshot_loop *loop = get_loop(target);
    assert_int_equal(loop->state, SNAPSHOT_LOOP_IDLE);
    assert_int_equal(loop->ready, 0);
    assert_int_equal(loop->timers, 0);
    assert_int_equal(loop->overdue_timers, 0);
    assert_true(isnan(loop->overdue_s));
    assert_true(isnan(loop->next_timer_s));
    assert_true(isnan(loop->iteration_age_s));
    assert_int_equal(loop->executor.id, 0);
}

/* A loop without these attributes (uvloop). */
static void test_nothing_known(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    asyncio_walk(target, &aio, true);
    const struct snapshot_loop *loop = get_loop(target);
    assert_int_equal(loop->ready, SNAPSHOT_UNKNOWN);
    assert_int_equal(loop->timers, SNAPSHOT_UNKNOWN);
    assert_int_equal(loop->overdue_timers, SNAPSHOT_UNKNOWN);
    assert_true(isnan(loop->idle_s));
}

static void test_ready(struct fake_target *target) {
    struct fake_asyncio aio;
    uint64_t handles[3];
    fake_asyncio_create(&aio, target->fake);
    for (size_t i = 0; i < 3; i++)
        handles[i] = make_handle(&aio, "tick");
    fake_loop_set(&aio, "_ready", fake_deque_of(target->fake, handles, 3));
    asyncio_walk(target, &aio, false);
    assert_int_equal(get_loop(target)->ready, 3);
    assert_int_equal(get_loop(target)->state, SNAPSHOT_LOOP_RUNNING);
}

/* --- timers --- */

/* A heap of timers that are due so many seconds from now. */
static uint64_t make_heap(struct fake_asyncio *aio, const double *due, const bool *cancelled,
                          size_t count) {
    uint64_t items[16];
    for (size_t i = 0; i < count; i++)
        items[i] = make_timer(aio, ASYNCIO_NOW + due[i], cancelled && cancelled[i]);
    return fake_list(aio->fake, items, count);
}

static void test_timers(struct fake_target *target) {
    static const double due[] = {1.5, 2, 4, 3, 8};
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    fake_loop_set(&aio, "_scheduled", make_heap(&aio, due, NULL, 5));
    asyncio_walk(target, &aio, false);
    const struct snapshot_loop *loop = get_loop(target);
    assert_int_equal(loop->timers, 5);
    assert_int_equal(loop->overdue_timers, 0);
    assert_true(isnan(loop->overdue_s));
    assert_true(loop->next_timer_s == 1.5);
}

static void test_overdue_timers(struct fake_target *target) {
    static const double due[] = {-2, -1.25, -0.5, 3, -1, 6, 0.5};
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    fake_loop_set(&aio, "_scheduled", make_heap(&aio, due, NULL, 7));
    asyncio_walk(target, &aio, false);
    const struct snapshot_loop *loop = get_loop(target);
    assert_int_equal(loop->overdue_timers, 4);
    assert_true(loop->overdue_s == 2);
    assert_true(isnan(loop->next_timer_s));
}

/* A cancelled one stays in the heap; what is behind it may be due all the same. */
static void test_cancelled_timers(struct fake_target *target) {
    static const double due[] = {-3, -2, 2, -1, 5};
    static const bool cancelled[] = {true, true, true, false, false};
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    fake_loop_set(&aio, "_scheduled", make_heap(&aio, due, cancelled, 5));
    fake_loop_set(&aio, "_timer_cancelled_count", fake_int(target->fake, 3));
    asyncio_walk(target, &aio, false);
    const struct snapshot_loop *loop = get_loop(target);
    assert_int_equal(loop->timers, 2);
    assert_int_equal(loop->overdue_timers, 1);
    assert_true(loop->overdue_s == 1);
}

/* Something that is no handle ends the list, with a word. */
static void test_no_handle_in_heap(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    fake_loop_set(&aio, "_scheduled", fake_list(target->fake, &target->fake->true_, 1));
    asyncio_walk_threads(target, &aio, NULL, 0);
    asyncio_walk_expect_missing(target, "event loop", "a bool is no handle");
    assert_int_equal(get_loop(target)->state, SNAPSHOT_LOOP_STATE_UNKNOWN);
    assert_non_null(get_loop(target)->type);
}

/* --- the iteration --- */

static void run_callback(struct fake_target *target, uint64_t callback, const char *expected) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t handle = fake_handle(&aio, callback, 0, false, NAN);
    fake_run_once(
        &aio,
        FAKE_NAMED({"self", aio.event_loop}, {"end_time", fake_float(fake, ASYNCIO_NOW - 7.5)},
                   {"i", fake_int(fake, 1)}, {"ntodo", fake_int(fake, 3)}, {"handle", handle}),
        false);
    asyncio_walk(target, &aio, false);
    const struct snapshot_loop *loop = get_loop(target);
    assert_int_equal(loop->state, SNAPSHOT_LOOP_RUNNING);
    assert_true(loop->iteration_age_s == 7.5);
    assert_int_equal(loop->callback_index, 1);
    assert_int_equal(loop->callback_count, 3);
    if (expected)
        assert_string_equal(loop->callback, expected);
    else
        assert_null(loop->callback);
}

/* contextvars.Context.run(read, ...), as asyncio.to_thread() has it. */
static uint64_t make_context_partial(struct fake_python *fake, uint64_t function) {
    return fake_partial(fake, fake_builtin(fake, "run", fake->none),
                        fake_tuple_of_one(fake, function));
}

static void test_callbacks(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t function = fake_closure(fake, "Pool._refill", FAKE_NAMED({NULL, 0}));
    uint64_t task = fake_task(&aio, &(struct fake_task){.name = fake->none});
    uint64_t method = fake_method(fake, function, fake->none);
    uint64_t partial = fake_partial(fake, method, fake_tuple(fake, NULL, 0));
    uint64_t endless = fake_partial(fake, 0, fake_tuple(fake, NULL, 0));
    FAKE_SET(fake, endless, partial, function, endless);
    run_callback(target, function, "Pool._refill");
    run_callback(target, method, "Pool._refill");
    run_callback(target, fake_builtin(fake, "print", 0), "print");
    run_callback(target, partial, "Pool._refill");
    run_callback(target, make_context_partial(fake, partial), "Pool._refill");
    run_callback(target, fake_new(fake, "mine.Callable", FAKE_NAMED({"x", 0})), "mine.Callable");
    run_callback(target, endless, NULL);
    run_callback(target, fake_method(fake, fake->none, fake->none), "method");
    /* steps of tasks are no callbacks of the program */
    run_callback(target, fake_step(&aio, task), NULL);
    run_callback(target, fake_wakeup(&aio, task), NULL);
    run_callback(target, fake_bound_method(&aio, "Task.__step", task), NULL);
    run_callback(target, fake_bound_method(&aio, "Task._wakeup", task), NULL);
}

/* The frame of another loop's _run_once(), and one of the name in another file. */
static void test_frames_of_other_loops(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    fake_run_once(&aio,
                  FAKE_NAMED({"self", fake->none}, {"end_time", fake_float(fake, ASYNCIO_NOW - 1)}),
                  false);
    asyncio_walk(target, &aio, false);
    assert_true(isnan(get_loop(target)->iteration_age_s));
    assert_int_equal(get_loop(target)->callback_index, SNAPSHOT_UNKNOWN);
}

/* Values that make no sense: a time in the future, numbers that are none. */
static void test_odd_variables(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    fake_run_once(
        &aio,
        FAKE_NAMED({"self", aio.event_loop}, {"end_time", fake_float(fake, ASYNCIO_NOW + 5)},
                   {"i", fake_int(fake, -1)}, {"ntodo", fake_str(fake, "many")}, {"handle", 0}),
        false);
    asyncio_walk(target, &aio, false);
    assert_true(isnan(get_loop(target)->iteration_age_s));
    assert_int_equal(get_loop(target)->callback_index, SNAPSHOT_UNKNOWN);
    assert_int_equal(get_loop(target)->callback_count, SNAPSHOT_UNKNOWN);
    assert_null(get_loop(target)->callback);
}

/* select() was called with the time until the first timer. */
static void wait_in_select(struct fake_target *target, double timeout, double first, double idle) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    fake_loop_set(&aio, "_scheduled", make_heap(&aio, &first, NULL, 1));
    fake_run_once(
        &aio, FAKE_NAMED({"self", aio.event_loop}, {"timeout", fake_float(target->fake, timeout)}),
        true);
    asyncio_walk(target, &aio, true);
    assert_int_equal(get_loop(target)->state, SNAPSHOT_LOOP_IDLE);
    assert_true(isnan(get_loop(target)->iteration_age_s));
    assert_true(isnan(idle) ? isnan(get_loop(target)->idle_s) : get_loop(target)->idle_s == idle);
}

static void test_idle(struct fake_target *target) {
    wait_in_select(target, 10, 4, 6);
    wait_in_select(target, 10, 12, NAN); /* a timer that came later is not what it waits for */
    wait_in_select(target, 0, 4, NAN);
    wait_in_select(target, 86400, 4, NAN);
}

/* --- the executor --- */

static void test_executor(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t items[2];
    for (size_t i = 0; i < 2; i++)
        items[i] = fake_work_item(&aio, fake_concurrent_future(&aio, NULL, 0),
                                  fake_builtin(fake, "read", 0), fake_tuple(fake, NULL, 0));
    uint64_t pool = fake_thread_pool(&aio, 8, 3, items, 2);
    fake_loop_set(&aio, "_default_executor", pool);
    asyncio_walk(target, &aio, true);
    const struct snapshot_loop *loop = get_loop(target);
    assert_int_equal(loop->executor.id, pool);
    assert_int_equal(loop->executor.max_workers, 8);
    assert_int_equal(loop->executor.busy, 0);
    assert_int_equal(loop->executor.idle, 3);
    assert_int_equal(loop->executor.queued, 2);
    assert_int_equal(asyncio_walk_object(target, pool)->kind, SNAPSHOT_OBJECT_EXECUTOR);
    assert_int_equal(asyncio_walk_fact(target, pool, "max_workers"), 8);
}

/* An executor of another kind is listed, and nothing is said of it. */
static void test_executor_of_another_kind(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t pool = fake_new(target->fake, "mine.Executor", FAKE_NAMED({"_max_workers", 0}));
    fake_loop_set(&aio, "_default_executor", pool);
    asyncio_walk(target, &aio, true);
    assert_int_equal(get_loop(target)->executor.id, pool);
    assert_int_equal(get_loop(target)->executor.max_workers, SNAPSHOT_UNKNOWN);
    assert_int_equal(asyncio_walk_object(target, pool)->fact_count, 0);
}

FAKE_EACH_VERSION(test_nothing_to_do)
FAKE_EACH_VERSION(test_nothing_known)
FAKE_EACH_VERSION(test_ready)
FAKE_EACH_VERSION(test_timers)
FAKE_EACH_VERSION(test_overdue_timers)
FAKE_EACH_VERSION(test_cancelled_timers)
FAKE_EACH_VERSION(test_no_handle_in_heap)
FAKE_EACH_VERSION(test_callbacks)
FAKE_EACH_VERSION(test_frames_of_other_loops)
FAKE_EACH_VERSION(test_odd_variables)
FAKE_EACH_VERSION(test_idle)
FAKE_EACH_VERSION(test_executor)
FAKE_EACH_VERSION(test_executor_of_another_kind)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_nothing_to_do),
        FAKE_TEST(test_nothing_known),
        FAKE_TEST(test_ready),
        FAKE_TEST(test_timers),
        FAKE_TEST(test_overdue_timers),
        FAKE_TEST(test_cancelled_timers),
        FAKE_TEST(test_no_handle_in_heap),
        FAKE_TEST(test_callbacks),
        FAKE_TEST(test_frames_of_other_loops),
        FAKE_TEST(test_odd_variables),
        FAKE_TEST(test_idle),
        FAKE_TEST(test_executor),
        FAKE_TEST(test_executor_of_another_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
