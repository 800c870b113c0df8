/* DEADLOCK in all its forms, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"

/* t-ab holds lock 1 and waits for lock 2, t-ba the other way round; main gathers both. */
struct pair {
    struct snapshot *snapshot;
    struct snapshot_task *ab, *ba, *main;
    struct snapshot_object *first, *second;
};

static struct pair make_pair(void) {
    struct pair pair = {.snapshot = case_create(64)};
    struct snapshot *snapshot = pair.snapshot;
    pair.ab = case_task(snapshot, "t-ab");
    pair.ba = case_task(snapshot, "t-ba");
    pair.main = case_task(snapshot, "main");
    pair.first = case_object(snapshot, SNAPSHOT_OBJECT_LOCK, "Lock#1");
    pair.second = case_object(snapshot, SNAPSHOT_OBJECT_LOCK, "Lock#2");
    case_hold(snapshot, pair.first, pair.ab, SNAPSHOT_UNKNOWN);
    case_hold(snapshot, pair.second, pair.ba, SNAPSHOT_UNKNOWN);
    case_wait_object(snapshot, pair.ab, SNAPSHOT_WAIT_LOCK, pair.second);
    case_wait_object(snapshot, pair.ba, SNAPSHOT_WAIT_LOCK, pair.first);
    struct snapshot_wait *gather = case_wait(snapshot, pair.main, SNAPSHOT_WAIT_GATHER);
    case_await(snapshot, gather, pair.ab);
    case_await(snapshot, gather, pair.ba);
    return pair;
}

static void test_two_locks(void **state) {
    (void)state;
    struct pair pair = make_pair();
    struct snapshot *snapshot = pair.snapshot;
    pair.first->name = "pool.first";
    for (int i = 0; i < 40; i++)
        case_wait_object(snapshot, case_task(snapshot, "late"), SNAPSHOT_WAIT_LOCK, pair.first);
    for (int round = 0; round < 2; round++) { /* analysing again changes nothing */
        analyze(snapshot, NULL);
        const struct snapshot_finding *finding =
            case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
        assert_string_equal(finding->summary, "DEADLOCK - 2 tasks wait for each other's lock");
        assert_int_equal(finding->task_count, 2);
        assert_int_equal(finding->tasks[0], pair.ab->id);
        assert_int_equal(finding->tasks[1], pair.ba->id);
        assert_int_equal(finding->object_count, 2);
        assert_string_equal(finding->proof[0], "t-ab holds Lock#1 'pool.first', waits for "
                                               "Lock#2 in t-ab  app/main.py:7");
        assert_string_equal(finding->proof[2], "circle: t-ab -> Lock#2 -> t-ba -> Lock#1 -> t-ab");
        assert_string_equal(finding->cost[0], "40 tasks queue behind Lock#1 'pool.first'");
        assert_string_equal(finding->cost[1], "41 other tasks in all cannot go on because of it");
        assert_int_equal(pair.ab->idle, SNAPSHOT_NO);
    }
    snapshot_destroy(snapshot);
}

static void test_two_locks_doubtful(void **state) {
    (void)state;
    struct pair pair = make_pair();
    pair.first->holders[0].confidence = SNAPSHOT_LIKELY;
    analyze(pair.snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(pair.snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_LIKELY);
    assert_string_equal(finding->cost[0], "main (gather of 2 tasks) cannot finish");
    pair.first->holders[0].confidence = SNAPSHOT_CERTAIN;
    pair.ab->awaiting->has_timeout = SNAPSHOT_MAYBE;
    analyze(pair.snapshot, NULL);
    case_expect(pair.snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_LIKELY);
    snapshot_destroy(pair.snapshot);
}

/* Each of these lets somebody go on. */
static void test_healthy_locks(void **state) {
    (void)state;
    for (int which = 0; which < 6; which++) {
        struct pair pair = make_pair();
        if (which == 0)
            pair.ab->awaiting->has_timeout = SNAPSHOT_YES;
        else if (which == 1)
            pair.first->holders[0].confidence = SNAPSHOT_POSSIBLE;
        else if (which == 2)
            case_fact(pair.snapshot, pair.first, "locked", 0);
        else if (which == 3)
            pair.ab->state = SNAPSHOT_TASK_READY;
        else if (which == 4) /* a timeout above cancels both */
            pair.main->awaiting->has_timeout = SNAPSHOT_YES;
        else
            case_wait(pair.snapshot, pair.ab, SNAPSHOT_WAIT_SLEEP);
        analyze(pair.snapshot, NULL);
        assert_null(case_find(pair.snapshot, SNAPSHOT_FINDING_DEADLOCK));
        case_expect_ok(pair.snapshot);
        snapshot_destroy(pair.snapshot);
    }
}

static void test_shield_keeps_timeout_out(void **state) {
    (void)state;
    struct pair pair = make_pair();
    pair.main->awaiting->kind = SNAPSHOT_WAIT_SHIELD;
    pair.main->awaiting->has_timeout = SNAPSHOT_YES;
    analyze(pair.snapshot, NULL);
    case_expect(pair.snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
    snapshot_destroy(pair.snapshot);
}

static void test_self(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *task = case_task(snapshot, "job");
    struct snapshot_object *lock = case_object(snapshot, SNAPSHOT_OBJECT_LOCK, "Lock#1");
    case_hold(snapshot, lock, task, SNAPSHOT_UNKNOWN);
    case_wait_object(snapshot, task, SNAPSHOT_WAIT_LOCK, lock);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary, "DEADLOCK - job waits for Lock#1, which it holds itself");
    snapshot_destroy(snapshot);
}

static void test_awaits(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *a = case_task(snapshot, "a"), *b = case_task(snapshot, "b");
    case_await(snapshot, case_wait(snapshot, a, SNAPSHOT_WAIT_TASK), b);
    case_await(snapshot, case_wait(snapshot, b, SNAPSHOT_WAIT_TASK), a);
    analyze(snapshot, NULL);
    assert_string_equal(case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN)->summary,
                        "DEADLOCK - 2 tasks await each other");
    snapshot_destroy(snapshot);
}

/* wait(FIRST_COMPLETED) goes on with any; wait(ALL_COMPLETED) needs all. */
static void test_any(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *a = case_task(snapshot, "a"), *b = case_task(snapshot, "b");
    struct snapshot_task *live = case_task(snapshot, "live");
    case_wait(snapshot, live, SNAPSHOT_WAIT_SLEEP)->deadline_s = 1;
    case_await(snapshot, case_wait(snapshot, a, SNAPSHOT_WAIT_TASK), b);
    struct snapshot_wait *wait = case_wait(snapshot, b, SNAPSHOT_WAIT_WAIT);
    case_await(snapshot, wait, a);
    case_await(snapshot, wait, live);
    wait->any_task = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    wait->any_task = SNAPSHOT_NO;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
    wait->any_task = SNAPSHOT_YES; /* one that has ended, or that nobody knows, will wake it */
    live->state = SNAPSHOT_TASK_DONE;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    live->state = SNAPSHOT_TASK_WAITING;
    wait->tasks[1] = 0x77777;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    wait->task_count = 1; /* and so will a future that is no task */
    wait->total = 3;
    wait->done = 1;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    wait->done = 2;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
    snapshot_destroy(snapshot);
}

/* Each of two tasks has one of two places and wants a second one. */
static void test_semaphore(void **state) {
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct snapshot *snapshot = case_create(8);
        struct snapshot_task *a = case_task(snapshot, "a"), *b = case_task(snapshot, "b");
        struct snapshot_object *places =
            case_object(snapshot, SNAPSHOT_OBJECT_SEMAPHORE, "Semaphore#1");
        case_hold(snapshot, places, a, SNAPSHOT_UNKNOWN);
        case_hold(snapshot, places, b, SNAPSHOT_UNKNOWN);
        case_wait_object(snapshot, a, SNAPSHOT_WAIT_SEMAPHORE, places);
        case_wait_object(snapshot, b, SNAPSHOT_WAIT_SEMAPHORE, places);
        if (which == 0)
            case_fact(snapshot, places, "bound", 2);
        if (which == 2)
            case_wait(snapshot, b, SNAPSHOT_WAIT_EVENT);
        analyze(snapshot, NULL);
        if (which < 2)
            case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK,
                        which ? SNAPSHOT_LIKELY : SNAPSHOT_CERTAIN);
        else
            assert_null(case_find(snapshot, SNAPSHOT_FINDING_DEADLOCK));
        snapshot_destroy(snapshot);
    }
}

/* Two loops, each of whose threads waits for a task of the other. */
static void test_across_threads(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_thread *other = case_thread(snapshot, 101, "other");
    other->event_loop = 0x20;
    case_loop(snapshot, 0x20, 101);
    struct snapshot_task *here = case_task(snapshot, "here"), *there = case_task(snapshot, "there");
    there->event_loop = 0x20;
    case_wait(snapshot, here, SNAPSHOT_WAIT_SLEEP);
    case_wait(snapshot, there, SNAPSHOT_WAIT_SLEEP);
    case_await(snapshot,
               case_wait_thread(snapshot, &snapshot->threads.items[0], SNAPSHOT_WAIT_TASK), there);
    struct snapshot_wait *back = case_wait_thread(snapshot, other, SNAPSHOT_WAIT_TASK);
    case_await(snapshot, back, here);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
    assert_int_equal(finding->thread_count, 2);
    struct snapshot_wait *any = case_wait(snapshot, here, SNAPSHOT_WAIT_WAIT);
    any->any_task = SNAPSHOT_YES; /* two can wake it, but its thread runs nothing */
    for (int i = 0; i < 2; i++) {
        struct snapshot_task *live = case_task(snapshot, "live");
        live->state = SNAPSHOT_TASK_READY;
        live->event_loop = 0;
        case_await(snapshot, any, live);
    }
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
    back->has_timeout = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    assert_null(case_find(snapshot, SNAPSHOT_FINDING_DEADLOCK));
    snapshot_destroy(snapshot);
}

/* All threads of an executor wait for a task that waits for a free thread of it. */
static void test_executor(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_object *executor =
        case_object(snapshot, SNAPSHOT_OBJECT_EXECUTOR, "ThreadPoolExecutor#1");
    case_fact(snapshot, executor, "max_workers", 1);
    struct snapshot_thread *worker = case_thread(snapshot, 101, "worker");
    struct snapshot_task *caller = case_task(snapshot, "caller");
    struct snapshot_task *inner = case_task(snapshot, "inner");
    case_wait_object(snapshot, caller, SNAPSHOT_WAIT_EXECUTOR, executor);
    caller->awaiting->tid = 101;
    case_wait_object(snapshot, inner, SNAPSHOT_WAIT_EXECUTOR, executor);
    inner->awaiting->position = 1;
    case_await(snapshot, case_wait_thread(snapshot, worker, SNAPSHOT_WAIT_TASK), inner);
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
    case_fact(snapshot, executor, "max_workers", 2);
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

/* A chain as long as no stack of ours could be, with a circle at its end. */
static void test_long_chain(void **state) {
    (void)state;
    enum { COUNT = 200000 };
    struct snapshot *snapshot = case_create(COUNT);
    for (int i = 0; i < COUNT; i++)
        case_task(snapshot, "link");
    struct snapshot_task *tasks = snapshot->tasks.items;
    for (int i = 0; i < COUNT; i++)
        case_await(snapshot, case_wait(snapshot, &tasks[i], SNAPSHOT_WAIT_TASK),
                   &tasks[i + 1 < COUNT ? i + 1 : COUNT - 3]);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN);
    assert_int_equal(finding->task_count, 3);
    assert_string_equal(finding->cost[0], "199,997 other tasks in all cannot go on because of it");
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_locks),
        cmocka_unit_test(test_two_locks_doubtful),
        cmocka_unit_test(test_healthy_locks),
        cmocka_unit_test(test_shield_keeps_timeout_out),
        cmocka_unit_test(test_self),
        cmocka_unit_test(test_awaits),
        cmocka_unit_test(test_any),
        cmocka_unit_test(test_semaphore),
        cmocka_unit_test(test_across_threads),
        cmocka_unit_test(test_executor),
        cmocka_unit_test(test_long_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
