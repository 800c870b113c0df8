/* Who will complete a future: what gather(), shield(), as_completed() and tasks leave on futures,
 * of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/asyncio_walk.h"

/* A task in a coroutine of the program that awaits `future`. */
static uint64_t make_task(struct fake_asyncio *aio, const char *name, uint64_t future) {
    return fake_waiting_task(aio, name, future,
                             FAKE_BODIES({.function = name, .variables = FAKE_NAMED({NULL, 0})}));
}

static uint64_t make_child(struct fake_asyncio *aio) {
    return make_task(aio, "child", fake_future(aio, FAKE_PENDING));
}

/* --- gather() --- */

static void test_gather(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    const uint64_t children[] = {make_child(&aio), fake_future(&aio, FAKE_FINISHED_STATE),
                                 make_child(&aio), fake_future(&aio, FAKE_PENDING)};
    uint64_t task = make_task(&aio, "main", fake_gather(&aio, children, 4));
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, task);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_GATHER);
    assert_string_equal(wait->type, "asyncio.tasks._GatheringFuture");
    assert_int_equal(wait->done, 1);
    assert_int_equal(wait->total, 4);
    assert_int_equal(wait->any_task, SNAPSHOT_NO);
    asyncio_walk_expect_tasks(wait, (const uint64_t[]){children[0], children[2]}, 2);
}

/* The tasks of a gather() inside are waited for; it counts as one. */
static void test_gather_in_gather(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    const uint64_t inner[] = {make_child(&aio), fake_future(&aio, FAKE_FINISHED_STATE)};
    const uint64_t outer[] = {make_child(&aio), fake_gather(&aio, inner, 2)};
    uint64_t task = make_task(&aio, "main", fake_gather(&aio, outer, 2));
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, task);
    assert_int_equal(wait->done, 0);
    assert_int_equal(wait->total, 2);
    asyncio_walk_expect_tasks(wait, (const uint64_t[]){outer[0], inner[0]}, 2);
}

/* A gathering future among its own children; the same container twice. */
static void test_gather_in_a_circle(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t items[] = {make_child(&aio), fake->none, fake->none};
    uint64_t future = fake_gather(&aio, items, 3);
    uint64_t list = fake_get(fake, fake_instance_values(fake, future), 8);
    uint64_t array = FAKE_GET(fake, list, list, items);
    fake_put(fake, array + 8, future, 8);
    fake_put(fake, array + 16, future, 8);
    uint64_t first = make_task(&aio, "first", future), second = make_task(&aio, "second", future);
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, first);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_GATHER);
    assert_int_equal(wait->total, 3);
    assert_true(wait->task_count >= 1 && wait->task_count <= 1003); /* NESTED_MAX */
    for (size_t i = 0; i < wait->task_count; i++)
        assert_int_equal(wait->tasks[i], items[0]);
    assert_ptr_equal(asyncio_walk_wait(target, second)->tasks, wait->tasks); /* read once */
}

/* What is no container at all costs the task a note. */
static void test_gather_of_nothing(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_gather(&aio, NULL, 0), task = make_task(&aio, "main", future);
    fake_put(fake, fake_instance_values(fake, future), fake->true_, 8);
    asyncio_walk_threads(target, &aio, NULL, 0);
    const struct snapshot_task *it = asyncio_walk_task(target, task);
    assert_int_equal(it->state, SNAPSHOT_TASK_WAITING);
    assert_int_equal(it->note_count, 1);
    assert_non_null(strstr(it->notes[0], "what it waits for is a bool"));
}

/* --- shield() --- */

/* From 3.7 on the outer future's callback has the inner one in its closure. */
static void test_shield(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t outer = fake_future(&aio, FAKE_PENDING), child = make_child(&aio);
    uint64_t other = fake_future(&aio, FAKE_PENDING);
    const uint64_t callbacks[] = {
        fake_closure(target->fake, "print", FAKE_NAMED({"inner", child})),
        fake_closure(target->fake, "shield.<locals>._outer_done_callback",
                     FAKE_NAMED({"_inner_done_callback", 0}, {"inner", child}))};
    uint64_t bare = fake_closure(target->fake, "shield.<locals>._outer_done_callback",
                                 FAKE_NAMED({"inner", fake_future(&aio, FAKE_PENDING)}));
    fake_set_callbacks(&aio, outer, callbacks, 2);
    fake_set_callbacks(&aio, other, &bare, 1);
    uint64_t task = make_task(&aio, "main", outer), second = make_task(&aio, "second", other);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, task)->kind, SNAPSHOT_WAIT_SHIELD);
    asyncio_walk_expect_tasks(asyncio_walk_wait(target, task), &child, 1);
    assert_int_equal(asyncio_walk_wait(target, second)->kind, SNAPSHOT_WAIT_SHIELD);
    assert_int_equal(asyncio_walk_wait(target, second)->task_count, 0);
}

static uint64_t make_shield(struct fake_asyncio *aio, uint64_t inner) {
    uint64_t outer = fake_future(aio, FAKE_PENDING);
    uint64_t callback = fake_closure(aio->fake, "shield.<locals>._outer_done_callback",
                                     FAKE_NAMED({"_inner_done_callback", 0}, {"inner", inner}));
    fake_set_callbacks(aio, outer, &callback, 1);
    return outer;
}

/* A shield of something else than a task stands for that. */
static void test_behind_shields(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t child = make_child(&aio), concurrent = fake_concurrent_future(&aio, NULL, 0);
    uint64_t circle = make_shield(&aio, child);
    uint64_t gathers = make_task(&aio, "g", make_shield(&aio, fake_gather(&aio, &child, 1)));
    uint64_t twice = make_task(&aio, "t", make_shield(&aio, make_shield(&aio, child)));
    uint64_t works = make_task(&aio, "w", make_shield(&aio, fake_chained_future(&aio, concurrent)));
    uint64_t over = make_task(&aio, "o", make_shield(&aio, fake_future(&aio, FAKE_FINISHED_STATE)));
    const uint64_t callbacks[] = {
        fake_closure(target->fake, "shield.<locals>._outer_done_callback",
                     FAKE_NAMED({"_inner_done_callback", 0}, {"inner", circle}))};
    fake_set_callbacks(&aio, circle, callbacks, 1);
    uint64_t round = make_task(&aio, "r", circle);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, gathers)->kind, SNAPSHOT_WAIT_SHIELD);
    assert_int_equal(asyncio_walk_wait(target, gathers)->total, 1);
    asyncio_walk_expect_tasks(asyncio_walk_wait(target, gathers), &child, 1);
    assert_int_equal(asyncio_walk_wait(target, twice)->kind, SNAPSHOT_WAIT_SHIELD);
    asyncio_walk_expect_tasks(asyncio_walk_wait(target, twice), &child, 1);
    assert_int_equal(asyncio_walk_wait(target, works)->kind, SNAPSHOT_WAIT_THREAD);
    assert_int_equal(asyncio_walk_wait(target, round)->kind, SNAPSHOT_WAIT_SHIELD);
    assert_int_equal(asyncio_walk_task(target, over)->state, SNAPSHOT_TASK_READY);
}

/* Work that has ended leaves the task to its loop. */
static void test_work_that_is_done(struct fake_target *target) {
    static const char *const states[] = {"FINISHED", "CANCELLED", "CANCELLED_AND_NOTIFIED",
                                         "RUNNING", "odd"};
    struct fake_asyncio aio;
    uint64_t tasks[5];
    fake_asyncio_create(&aio, target->fake);
    for (size_t i = 0; i < 5; i++) {
        uint64_t concurrent = fake_concurrent_future(&aio, NULL, 0);
        fake_set_attribute(target->fake, concurrent, "_state", fake_str(target->fake, states[i]));
        tasks[i] = make_task(&aio, "t", fake_chained_future(&aio, concurrent));
    }
    asyncio_walk(target, &aio, false);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(asyncio_walk_task(target, tasks[i])->state,
                         i < 3 ? SNAPSHOT_TASK_READY : SNAPSHOT_TASK_WAITING);
}

/* In 3.6 only the inner task's callback knows the outer future. */
static void test_shield_of_old(struct fake_target *target) {
    struct fake_asyncio aio;
    bool is_old = !PY_HAS(&target->fake->layout, future, callback0);
    fake_asyncio_create(&aio, target->fake);
    uint64_t outer = fake_future(&aio, FAKE_PENDING), child = make_child(&aio);
    uint64_t callback =
        fake_closure(target->fake, "shield.<locals>._done_callback", FAKE_NAMED({"outer", outer}));
    fake_set_callbacks(&aio, child, &callback, 1);
    uint64_t task = make_task(&aio, "main", outer);
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, task);
    assert_int_equal(wait->kind, is_old ? SNAPSHOT_WAIT_SHIELD : SNAPSHOT_WAIT_FUTURE);
    asyncio_walk_expect_tasks(wait, &child, is_old ? 1 : 0);
}

/* --- as_completed() --- */

/* Up to 3.12 the tasks' callbacks have its queue, and nothing else does. */
static void test_as_completed(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t queue = fake_new(fake, "asyncio.queues.Queue", FAKE_NAMED({"_getters", 0}));
    uint64_t other = fake_new(fake, "asyncio.queues.Queue", FAKE_NAMED({"_getters", 0}));
    uint64_t future = fake_future(&aio, FAKE_PENDING);
    uint64_t children[2], stranger = make_child(&aio), waiting[2], todo = fake_set(fake, 7);
    const uint64_t callbacks[] = {fake_wakeup(&aio, stranger),
                                  fake_closure(fake, "as_completed.<locals>._on_completion",
                                               FAKE_NAMED({"done", queue}, {"todo", todo}))};
    uint64_t elsewhere =
        fake_closure(fake, "as_completed.<locals>._on_completion", FAKE_NAMED({"done", other}));
    for (size_t i = 0; i < 2; i++) {
        children[i] = make_child(&aio);
        fake_set_callbacks(&aio, children[i], callbacks, 2);
        fake_set_add(fake, todo, children[i]);
    }
    fake_set_add(fake, todo, fake_future(&aio, FAKE_PENDING));
    fake_set_callbacks(&aio, stranger, &elsewhere, 1);
    for (size_t i = 0; i < 2; i++) /* two that go through the same */
        waiting[i] =
            fake_waiting_task(&aio, "waiting", future,
                              FAKE_BODIES(FAKE_OWN("queues.py", "get", {"self", queue}),
                                          FAKE_OWN("tasks.py", "_wait_for_one", {"done", queue})));
    asyncio_walk(target, &aio, false);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(asyncio_walk_wait(target, waiting[i])->kind, SNAPSHOT_WAIT_WAIT);
        asyncio_walk_expect_tasks(asyncio_walk_wait(target, waiting[i]), children, 2);
        assert_int_equal(asyncio_walk_wait(target, waiting[i])->total, 3);
    }
}

/* --- tasks --- */

/* Tasks that only the wait of another leads to are read, too. */
static void test_task_behind_a_wait(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    size_t size = (size_t)PY_OFFSET(&fake->layout, task, size);
    uint64_t hidden = fake_object(fake, aio.task_type, size);
    FAKE_SET(fake, hidden, task, coroutine,
             fake_coroutine(&aio, "hidden", 10, FAKE_SUSPENDED_AWAIT, fake->none));
    uint64_t task = make_task(&aio, "main", fake_gather(&aio, &hidden, 1));
    asyncio_walk(target, &aio, false);
    asyncio_walk_expect_tasks(asyncio_walk_wait(target, task), &hidden, 1);
    asyncio_walk_task(target, hidden);
}

/* Parked on a future that is done: it would run, if its loop came to it. */
static void test_future_that_is_done(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t task = make_task(&aio, "main", fake_future(&aio, FAKE_FINISHED_STATE));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_task(target, task)->state, SNAPSHOT_TASK_READY);
    assert_null(asyncio_walk_task(target, task)->awaiting);
}

static void test_no_future(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t odd = fake_new(target->fake, "mine.Odd", FAKE_NAMED({"x", 0}));
    uint64_t task = make_task(&aio, "main", odd);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, task)->kind, SNAPSHOT_WAIT_UNKNOWN);
    assert_string_equal(asyncio_walk_wait(target, task)->type, "mine.Odd");
}

/* Another future at the same address has other links in the garbage collector's lists. */
static void test_links(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING), task = make_task(&aio, "main", future);
    uint64_t head = future - (uint64_t)PY_OFFSET(&target->fake->layout, gc_head, size);
    asyncio_walk(target, &aio, false);
    uint64_t links = asyncio_walk_wait(target, task)->links;
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, task)->links, links);
    FAKE_SET(target->fake, head, gc_head, next, 0x1230);
    asyncio_walk(target, &aio, false);
    assert_int_not_equal(asyncio_walk_wait(target, task)->links, links);
}

/* From 3.14 on a task knows who awaits it: one, or a set of them; futures are left out. */
static void test_awaited_by(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t one = make_child(&aio), many = make_child(&aio), set = fake_set(fake, 7);
    uint64_t parents[] = {make_child(&aio), make_child(&aio)};
    bool has_awaiters = PY_HAS(&fake->layout, task, awaited_by);
    fake_set_add(fake, set, parents[0]);
    fake_set_add(fake, set, fake_future(&aio, FAKE_PENDING));
    fake_set_add(fake, set, parents[1]);
    FAKE_SET(fake, one, task, awaited_by, parents[0]);
    FAKE_SET(fake, many, task, awaited_by, set);
    FAKE_SET(fake, many, task, awaited_by_is_set, 1);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_task(target, one)->awaited_by_count, has_awaiters ? 1 : 0);
    assert_int_equal(asyncio_walk_task(target, many)->awaited_by_count, has_awaiters ? 2 : 0);
    if (has_awaiters)
        assert_int_equal(asyncio_walk_task(target, one)->awaited_by[0], parents[0]);
}

FAKE_EACH_VERSION(test_gather)
FAKE_EACH_VERSION(test_gather_in_gather)
FAKE_EACH_VERSION(test_gather_in_a_circle)
FAKE_EACH_VERSION(test_gather_of_nothing)
FAKE_EACH_VERSION(test_shield)
FAKE_EACH_VERSION(test_behind_shields)
FAKE_EACH_VERSION(test_work_that_is_done)
FAKE_EACH_VERSION(test_shield_of_old)
FAKE_EACH_VERSION(test_as_completed)
FAKE_EACH_VERSION(test_task_behind_a_wait)
FAKE_EACH_VERSION(test_future_that_is_done)
FAKE_EACH_VERSION(test_no_future)
FAKE_EACH_VERSION(test_links)
FAKE_EACH_VERSION(test_awaited_by)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_gather),
        FAKE_TEST(test_gather_in_gather),
        FAKE_TEST(test_gather_in_a_circle),
        FAKE_TEST(test_gather_of_nothing),
        FAKE_TEST(test_shield),
        FAKE_TEST(test_behind_shields),
        FAKE_TEST(test_work_that_is_done),
        FAKE_TEST(test_shield_of_old),
        FAKE_TEST(test_as_completed),
        FAKE_TEST(test_task_behind_a_wait),
        FAKE_TEST(test_future_that_is_done),
        FAKE_TEST(test_no_future),
        FAKE_TEST(test_links),
        FAKE_TEST(test_awaited_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
