/* What tasks wait for, told by the frames of asyncio's own coroutines, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/asyncio_walk.h"

/* --- locks and queues --- */

/* A class of asyncio, the coroutine function that waits in it, and what that is. */
struct own_wait {
    const char *class, *file, *function;
    enum snapshot_wait_kind kind;
};

static const struct own_wait own_waits[] = {
    {"asyncio.locks.Lock", "asyncio/locks.py", "acquire", SNAPSHOT_WAIT_LOCK},
    {"asyncio.locks.Semaphore", "asyncio/locks.py", "acquire", SNAPSHOT_WAIT_SEMAPHORE},
    {"asyncio.locks.Event", "asyncio/locks.py", "wait", SNAPSHOT_WAIT_EVENT},
    {"asyncio.locks.Condition", "asyncio/locks.py", "wait", SNAPSHOT_WAIT_CONDITION},
    {"asyncio.queues.Queue", "asyncio/queues.py", "get", SNAPSHOT_WAIT_QUEUE_GET},
    {"asyncio.queues.Queue", "asyncio/queues.py", "put", SNAPSHOT_WAIT_QUEUE_PUT},
    {"asyncio.queues.Queue", "asyncio/queues.py", "join", SNAPSHOT_WAIT_QUEUE_JOIN},
};
#define OWN_WAITS (sizeof own_waits / sizeof *own_waits)

static uint64_t make_own(struct fake_asyncio *aio, const struct own_wait *wait, uint64_t object,
                         uint64_t future) {
    return fake_waiting_task(
        aio, wait->function, future,
        FAKE_BODIES({.file = wait->file,
                     .function = wait->function,
                     .variables = FAKE_NAMED({"self", object}, {"fut", future})},
                    FAKE_USER("handle", {"it", object})));
}

static void test_objects_waited_for(struct fake_target *target) {
    struct fake_asyncio aio;
    uint64_t objects[OWN_WAITS], tasks[OWN_WAITS], futures[OWN_WAITS];
    fake_asyncio_create(&aio, target->fake);
    for (size_t i = 0; i < OWN_WAITS; i++) {
        objects[i] = fake_new(target->fake, own_waits[i].class, FAKE_NAMED({"_waiters", 0}));
        futures[i] = fake_future(&aio, FAKE_PENDING);
        tasks[i] = make_own(&aio, &own_waits[i], objects[i], futures[i]);
    }
    asyncio_walk(target, &aio, false);
    assert_int_equal(target->snapshot->objects.count, OWN_WAITS);
    for (size_t i = 0; i < OWN_WAITS; i++) {
        const struct snapshot_wait *wait = asyncio_walk_wait(target, tasks[i]);
        assert_int_equal(wait->kind, own_waits[i].kind);
        assert_int_equal(wait->id, futures[i]);
        assert_int_equal(wait->object, objects[i]);
        assert_string_equal(wait->type, "_asyncio.Future");
        assert_int_equal(wait->has_timeout, SNAPSHOT_NO);
        assert_true(isnan(wait->deadline_s));
        assert_int_equal(wait->task_count, 0);
        assert_int_equal(wait->any_task, SNAPSHOT_MAYBE);
    }
}

/* The frames of a class that only has the same names, or of a file that is not asyncio's. */
static void test_frames_of_others(struct fake_target *target) {
    struct fake_asyncio aio;
    uint64_t tasks[3], future;
    fake_asyncio_create(&aio, target->fake);
    future = fake_future(&aio, FAKE_PENDING);
    uint64_t mine = fake_new(target->fake, "mine.Lock", FAKE_NAMED({"_waiters", 0}));
    uint64_t lock = fake_new(target->fake, "asyncio.locks.Lock", FAKE_NAMED({"_waiters", 0}));
    tasks[0] = fake_waiting_task(&aio, "a", future,
                                 FAKE_BODIES(FAKE_OWN("locks.py", "acquire", {"self", mine})));
    tasks[1] = fake_waiting_task(&aio, "b", future,
                                 FAKE_BODIES({.file = "site-packages/notasyncio/locks.py",
                                              .function = "acquire",
                                              .variables = FAKE_NAMED({"self", lock})}));
    tasks[2] = fake_waiting_task(&aio, "c", future,
                                 FAKE_BODIES(FAKE_OWN("locks.py", "acquire", {"fut", future})));
    asyncio_walk(target, &aio, false);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(asyncio_walk_wait(target, tasks[i])->kind, SNAPSHOT_WAIT_FUTURE);
        assert_int_equal(asyncio_walk_wait(target, tasks[i])->object, 0);
    }
    assert_int_equal(target->snapshot->objects.count, 0);
}

/* A barrier waits with a condition of its own; that it cannot have the condition's lock is worth
 * more to know. Queue.join() waits with an event of its own. */
static void test_waits_inside_waits(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = fake_new(fake, "asyncio.locks.Lock", FAKE_NAMED({"_locked", fake->true_}));
    uint64_t condition = fake_new(fake, "asyncio.locks.Condition", FAKE_NAMED({"_lock", lock}));
    uint64_t barrier =
        fake_new(fake, "asyncio.locks.Barrier",
                 FAKE_NAMED({"_parties", fake_int(fake, 3)}, {"_count", fake_int(fake, 2)}));
    uint64_t event = fake_new(fake, "asyncio.locks.Event", FAKE_NAMED({"_value", fake->false_}));
    uint64_t queue = fake_new(fake, "asyncio.queues.Queue", FAKE_NAMED({"_finished", event}));
    uint64_t future = fake_future(&aio, FAKE_PENDING);
    uint64_t at_barrier =
        fake_waiting_task(&aio, "barrier", future,
                          FAKE_BODIES(FAKE_OWN("locks.py", "wait", {"self", condition}),
                                      FAKE_OWN("locks.py", "_wait", {"self", barrier}),
                                      FAKE_OWN("locks.py", "wait", {"self", barrier})));
    uint64_t at_lock =
        fake_waiting_task(&aio, "lock", future,
                          FAKE_BODIES(FAKE_OWN("locks.py", "acquire", {"self", lock}),
                                      FAKE_OWN("locks.py", "wait", {"self", condition}),
                                      FAKE_OWN("locks.py", "_block", {"self", barrier})));
    uint64_t joining =
        fake_waiting_task(&aio, "join", future,
                          FAKE_BODIES(FAKE_OWN("locks.py", "wait", {"self", event}),
                                      FAKE_OWN("queues.py", "join", {"self", queue})));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, at_barrier)->kind, SNAPSHOT_WAIT_BARRIER);
    assert_int_equal(asyncio_walk_wait(target, at_barrier)->object, barrier);
    assert_int_equal(asyncio_walk_wait(target, at_lock)->kind, SNAPSHOT_WAIT_LOCK);
    assert_int_equal(asyncio_walk_wait(target, at_lock)->object, lock);
    assert_int_equal(asyncio_walk_wait(target, joining)->kind, SNAPSHOT_WAIT_QUEUE_JOIN);
    assert_int_equal(asyncio_walk_wait(target, joining)->object, queue);
}

/* --- time --- */

static uint64_t make_timer(struct fake_asyncio *aio, double when) {
    return fake_handle(aio, fake_builtin(aio->fake, "set_result", 0), 0, false, when);
}

static void test_sleep(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING);
    uint64_t early =
        fake_waiting_task(&aio, "early", future,
                          FAKE_BODIES(FAKE_OWN("tasks.py", "sleep", {"delay", target->fake->true_},
                                               {"h", make_timer(&aio, ASYNCIO_NOW + 12.5)})));
    uint64_t late = fake_waiting_task(
        &aio, "late", future,
        FAKE_BODIES(FAKE_OWN("tasks.py", "sleep", {"h", make_timer(&aio, ASYNCIO_NOW - 0.25)})));
    uint64_t entering = fake_waiting_task(&aio, "entering", future,
                                          FAKE_BODIES(FAKE_OWN("tasks.py", "sleep", {"h", 0})));
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, early);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_SLEEP);
    assert_true(wait->deadline_s == 12.5);
    assert_int_equal(wait->has_timeout, SNAPSHOT_NO); /* it is no limit to something else */
    assert_true(asyncio_walk_wait(target, late)->deadline_s == -0.25);
    assert_int_equal(asyncio_walk_wait(target, entering)->kind, SNAPSHOT_WAIT_FUTURE);
}

/* Up to 3.11 it parks on a future of its own. */
static void test_wait_for(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING), other = fake_future(&aio, FAKE_PENDING);
    uint64_t timer = make_timer(&aio, ASYNCIO_NOW + 3);
    uint64_t child =
        fake_waiting_task(&aio, "child", other, FAKE_BODIES(FAKE_USER("child", {"x", 0})));
    uint64_t task =
        fake_waiting_task(&aio, "task", future,
                          FAKE_BODIES(FAKE_OWN("tasks.py", "wait_for", {"fut", child},
                                               {"waiter", future}, {"timeout_handle", timer})));
    uint64_t gathered = fake_gather(&aio, &child, 1);
    uint64_t gathering =
        fake_waiting_task(&aio, "gathering", future,
                          FAKE_BODIES(FAKE_OWN("tasks.py", "wait_for", {"fut", gathered},
                                               {"waiter", future}, {"timeout_handle", timer})));
    uint64_t inner =
        fake_waiting_task(&aio, "inner", other,
                          FAKE_BODIES(FAKE_OWN("tasks.py", "wait_for", {"fut", child},
                                               {"waiter", future}, {"timeout_handle", timer})));
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, task);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_TIMEOUT);
    assert_int_equal(wait->id, future);
    assert_int_equal(wait->has_timeout, SNAPSHOT_YES);
    assert_true(wait->deadline_s == 3);
    asyncio_walk_expect_tasks(wait, &child, 1);
    wait = asyncio_walk_wait(target, gathering);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_GATHER);
    assert_true(wait->deadline_s == 3);
    asyncio_walk_expect_tasks(wait, &child, 1);
    assert_string_equal(wait->type, "_asyncio.Future"); /* of what it is parked on */
    wait = asyncio_walk_wait(target, inner);            /* it waits for something else meanwhile */
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_FUTURE);
    assert_int_equal(wait->has_timeout, SNAPSHOT_NO);
}

/* What it was for has been cancelled, and does not end. */
static void test_wait_for_that_is_over(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING), other = fake_future(&aio, FAKE_PENDING);
    uint64_t child =
        fake_waiting_task(&aio, "child", other, FAKE_BODIES(FAKE_USER("child", {"x", 0})));
    uint64_t task = fake_waiting_task(
        &aio, "task", future,
        FAKE_BODIES(FAKE_OWN("tasks.py", "_cancel_and_wait", {"fut", child}, {"waiter", future}),
                    FAKE_OWN("tasks.py", "wait_for", {"fut", child}, {"waiter", other})));
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, task);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_TIMEOUT);
    assert_int_equal(wait->has_timeout, SNAPSHOT_NO);
    asyncio_walk_expect_tasks(wait, &child, 1);
}

/* What it is for has ended; the loop has not come to it. */
static void test_wait_for_that_is_done(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING);
    uint64_t done = fake_future(&aio, FAKE_FINISHED_STATE);
    uint64_t task = fake_waiting_task(
        &aio, "task", future,
        FAKE_BODIES(FAKE_OWN("tasks.py", "wait_for", {"fut", done}, {"waiter", future})));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_task(target, task)->state, SNAPSHOT_TASK_READY);
    assert_null(asyncio_walk_task(target, task)->awaiting);
}

/* --- several futures --- */

/* The first of staggered_race()'s tasks that succeeds ends it. */
static void test_staggered(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING), running = fake_set(fake, 7);
    uint64_t child =
        fake_waiting_task(&aio, "child", future, FAKE_BODIES(FAKE_USER("child", {"x", 0})));
    fake_set_add(fake, running, child);
    uint64_t task = fake_waiting_task(
        &aio, "task", future,
        FAKE_BODIES(FAKE_OWN("staggered.py", "staggered_race", {"on_completed_fut", future},
                             {"running_tasks", running})));
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, task);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_WAIT);
    assert_int_equal(wait->any_task, SNAPSHOT_YES);
    asyncio_walk_expect_tasks(wait, &child, 1);
}

static void test_wait_function(struct fake_target *target) {
    static const struct {
        const char *return_when;
        enum snapshot_tristate any;
    } cases[] = {{"FIRST_COMPLETED", SNAPSHOT_YES}, {"ALL_COMPLETED", SNAPSHOT_NO}};
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t waiting[2];
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING), set = fake_set(fake, 15);
    uint64_t child =
        fake_waiting_task(&aio, "child", future, FAKE_BODIES(FAKE_USER("child", {"x", 0})));
    uint64_t timer = make_timer(&aio, ASYNCIO_NOW + 1.5);
    uint64_t gathered =
        fake_waiting_task(&aio, "gathered", future, FAKE_BODIES(FAKE_USER("child", {"x", 0})));
    const uint64_t members[] = {
        child, fake_future(&aio, FAKE_PENDING), fake_future(&aio, FAKE_CANCELLED),
        fake_future(&aio, FAKE_FINISHED_STATE), fake_gather(&aio, &gathered, 1)};
    for (size_t i = 0; i < 5; i++)
        fake_set_add(fake, set, members[i]);
    for (size_t i = 0; i < 2; i++)
        waiting[i] = fake_waiting_task(
            &aio, "waiting", future,
            FAKE_BODIES(FAKE_OWN("tasks.py", "_wait", {"fs", set},
                                 {"return_when", fake_str(fake, cases[i].return_when)},
                                 {"timeout_handle", i ? timer : fake->none})));
    asyncio_walk(target, &aio, false);
    for (size_t i = 0; i < 2; i++) {
        const struct snapshot_wait *wait = asyncio_walk_wait(target, waiting[i]);
        assert_int_equal(wait->kind, SNAPSHOT_WAIT_WAIT);
        assert_int_equal(wait->any_task, cases[i].any);
        assert_int_equal(wait->done, 2);
        assert_int_equal(wait->total, 5);
        /* no task behind a gather() is enough for who waits for any */
        asyncio_walk_expect_tasks(wait, (const uint64_t[]){child, gathered}, i ? 2 : 1);
        assert_int_equal(wait->has_timeout, i ? SNAPSHOT_YES : SNAPSHOT_NO);
    }
    assert_true(asyncio_walk_wait(target, waiting[1])->deadline_s == 1.5);
}

/* From 3.13 on the iterator has what is left, before that its queue tells nothing. */
static void test_as_completed(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING), todo = fake_set(fake, 7);
    uint64_t queue = fake_new(fake, "asyncio.queues.Queue", FAKE_NAMED({"_getters", 0}));
    uint64_t child =
        fake_waiting_task(&aio, "child", future, FAKE_BODIES(FAKE_USER("child", {"x", 0})));
    uint64_t iterator = fake_new(fake, "asyncio.tasks._AsCompletedIterator",
                                 FAKE_NAMED({"_done", queue}, {"_todo", todo}));
    fake_set_add(fake, todo, child);
    fake_set_add(fake, todo, fake_future(&aio, FAKE_PENDING));
    fake_set_add(fake, todo, fake_future(&aio, FAKE_FINISHED_STATE));
    uint64_t task =
        fake_waiting_task(&aio, "waiting", future,
                          FAKE_BODIES(FAKE_OWN("queues.py", "get", {"self", queue}),
                                      FAKE_OWN("tasks.py", "_wait_for_one", {"self", iterator})));
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, task);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_WAIT);
    assert_int_equal(wait->any_task, SNAPSHOT_YES);
    assert_int_equal(wait->object, 0);
    assert_int_equal(wait->total, 2); /* those that are left */
    assert_int_equal(wait->done, SNAPSHOT_UNKNOWN);
    asyncio_walk_expect_tasks(wait, &child, 1);
}

/* Who leaves a task group waits for the tasks in it, from 3.14 on one frame deeper. */
static void test_task_group(struct fake_target *target) {
    static const char *const functions[] = {"__aexit__", "_aexit"};
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING), children = fake_set(fake, 7);
    uint64_t child =
        fake_waiting_task(&aio, "child", future, FAKE_BODIES(FAKE_USER("child", {"x", 0})));
    uint64_t group = fake_new(fake, "asyncio.taskgroups.TaskGroup",
                              FAKE_NAMED({"_tasks", children}, {"_exiting", fake->true_}));
    uint64_t waiting[2];
    fake_set_add(fake, children, child);
    for (size_t i = 0; i < 2; i++)
        waiting[i] = fake_waiting_task(&aio, "parent", future,
                                       FAKE_BODIES({.file = "asyncio/taskgroups.py",
                                                    .function = functions[i],
                                                    .variables = FAKE_NAMED({"self", group})}));
    asyncio_walk(target, &aio, false);
    for (size_t i = 0; i < 2; i++) {
        const struct snapshot_wait *wait = asyncio_walk_wait(target, waiting[i]);
        assert_int_equal(wait->kind, SNAPSHOT_WAIT_TASK_GROUP);
        assert_int_equal(wait->object, group);
        assert_int_equal(wait->any_task, SNAPSHOT_NO);
        asyncio_walk_expect_tasks(wait, &child, 1);
    }
    assert_int_equal(asyncio_walk_fact(target, group, "children"), 1);
    assert_int_equal(asyncio_walk_fact(target, group, "exiting"), 1);
}

FAKE_EACH_VERSION(test_objects_waited_for)
FAKE_EACH_VERSION(test_frames_of_others)
FAKE_EACH_VERSION(test_waits_inside_waits)
FAKE_EACH_VERSION(test_sleep)
FAKE_EACH_VERSION(test_wait_for)
FAKE_EACH_VERSION(test_wait_for_that_is_over)
FAKE_EACH_VERSION(test_wait_for_that_is_done)
FAKE_EACH_VERSION(test_staggered)
FAKE_EACH_VERSION(test_wait_function)
FAKE_EACH_VERSION(test_as_completed)
FAKE_EACH_VERSION(test_task_group)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_objects_waited_for),
        FAKE_TEST(test_frames_of_others),
        FAKE_TEST(test_waits_inside_waits),
        FAKE_TEST(test_sleep),
        FAKE_TEST(test_wait_for),
        FAKE_TEST(test_wait_function),
        FAKE_TEST(test_as_completed),
        FAKE_TEST(test_task_group),
        FAKE_TEST(test_wait_for_that_is_over),
        FAKE_TEST(test_wait_for_that_is_done),
        FAKE_TEST(test_staggered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
