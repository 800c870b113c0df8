/* Blocked loops, and busy ones that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"

/* A task that runs in the loop's thread since `age` seconds. */
static struct snapshot *make_blocked(double age) {
    struct snapshot *snapshot = case_create(64);
    struct snapshot_loop *loop = &snapshot->event_loops.items[0];
    struct snapshot_thread *thread = &snapshot->threads.items[0];
    struct snapshot_task *task = case_task(snapshot, "export");
    case_call(snapshot, &task->frames, "backoff /app/report.py:57");
    task->state = SNAPSHOT_TASK_RUNNING;
    thread->current_task = task->id;
    thread->syscall = "clock_nanosleep";
    loop->state = SNAPSHOT_LOOP_RUNNING;
    loop->iteration_age_s = age;
    loop->callback_index = 0;
    loop->callback_count = 3;
    loop->idle_s = NAN;
    return snapshot;
}

static void test_blocked(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(41.2);
    snapshot->event_loops.items[0].overdue_s = 40.9;
    case_task(snapshot, "later")->state = SNAPSHOT_TASK_READY;
    case_task(snapshot, "new")->state = SNAPSHOT_TASK_NOT_STARTED;
    case_socket(snapshot, 5, "0.0.0.0:8000", NULL)->receive_queue = 37;
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary, "EVENT LOOP BLOCKED for 41.2 s - nothing else can run");
    assert_string_equal(finding->where, "backoff  app/report.py:57");
    assert_string_equal(finding->proof[0], "loop iteration began 41.2 s ago, at callback 1 of 3; "
                                           "oldest timer 40.9 s overdue; the same at both looks");
    assert_string_equal(finding->proof[1], "MainThread (tid 100) is asleep in clock_nanosleep");
    assert_string_equal(finding->cost[0],
                        "2 tasks ready but not run; 37 clients in the accept queue of "
                        "0.0.0.0:8000");
    assert_string_equal(finding->next,
                        "use await asyncio.sleep(), or run backoff() in an executor");
    assert_int_equal(finding->task_count, 1);
    assert_int_equal(finding->threads[0], CASE_TID);
    snapshot_destroy(snapshot);
}

/* Two looks at a loop that calls this and that: to blame is who makes the calls. */
static void test_blocked_by_a_caller(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(2);
    case_call(snapshot, &snapshot->tasks.items[0].frames, "beat /app/report.py:9");
    snapshot->threads.items[0].os_state = "R";
    snapshot->event_loops.items[0].common_frames = 2;
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->where, "beat <- backoff  app/report.py:57");
    assert_string_equal(finding->next,
                        "run backoff() in a process pool, or let others run in between");
    snapshot->event_loops.items[0].common_frames = 0; /* all of it has changed */
    analyze(snapshot, NULL);
    finding = case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->where, "beat  app/report.py:9");
    snapshot_destroy(snapshot);
}

static void test_peer_of_blocking_call(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(2);
    snapshot->threads.items[0].syscall = "recvfrom";
    snapshot->threads.items[0].syscall_fd = 7;
    case_socket(snapshot, 7, "10.0.0.5:51324", "10.1.2.3:443");
    analyze(snapshot, NULL);
    assert_string_equal(
        case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN)->proof[1],
        "MainThread (tid 100) is asleep in recvfrom on fd 7: 10.0.0.5:51324 -> 10.1.2.3:443");
    snapshot_destroy(snapshot);
}

static void test_ages(void **state) {
    (void)state;
    static const struct {
        double age;
        enum snapshot_tristate moved;
        int confidence; /* -1: healthy */
    } cases[] = {
        {0.11, SNAPSHOT_NO, SNAPSHOT_CERTAIN},  {0.09, SNAPSHOT_NO, -1},   {600, SNAPSHOT_YES, -1},
        {1.0, SNAPSHOT_MAYBE, SNAPSHOT_LIKELY}, {0.9, SNAPSHOT_MAYBE, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct snapshot *snapshot = make_blocked(cases[i].age);
        snapshot->event_loops.items[0].moved = cases[i].moved;
        analyze(snapshot, NULL);
        if (cases[i].confidence < 0)
            case_expect_ok(snapshot);
        else
            case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED,
                        (enum snapshot_confidence)cases[i].confidence);
        snapshot_destroy(snapshot);
    }
}

/* uvloop tells no age: timers that are late, or the same place at both looks. */
static void test_unknown_age(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(NAN);
    struct snapshot_loop *loop = &snapshot->event_loops.items[0];
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_LIKELY);
    loop->overdue_s = 12.06; /* a bound is rounded down */
    analyze(snapshot, NULL);
    assert_string_equal(
        case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN)->summary,
        "EVENT LOOP BLOCKED for >= 12.0 s - nothing else can run");
    loop->overdue_s = NAN;
    snapshot->threads.items[0].syscall = "epoll_wait";
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot->threads.items[0].syscall = "read";
    loop->moved = SNAPSHOT_MAYBE;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

static void test_idle(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    case_wait(snapshot, case_task(snapshot, "main"), SNAPSHOT_WAIT_EVENT);
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_string_equal(snapshot->verdict.text,
                        "no problem found: loop healthy, idle for 2.3 s, 0 ready, 1 waiting, all "
                        "on things that can still happen");
    snapshot_destroy(snapshot);
}

/* What is missing may be the problem. */
static void test_nothing_read(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    snapshot_add_missing(snapshot, "tasks", "the registry cannot be read");
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_string_equal(
        snapshot->verdict.text,
        "no problem found in what could be read: loop healthy, idle for 2.3 s, no tasks");
    snapshot_destroy(snapshot);
}

static void test_gil(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(5);
    struct snapshot_thread *hog = case_thread(snapshot, 101, "hog");
    case_call(snapshot, &hog->frames, "spin /app/native.py:3");
    snapshot->interpreters.items[0].gil_holder = 101;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN);
    snapshot->threads.items[0].waits_for_gil = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_GIL_STARVED, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary,
                        "EVENT LOOP STARVED for 5.0 s - hog (tid 101) holds the GIL");
    assert_string_equal(finding->where, "spin  app/native.py:3");
    assert_int_equal(finding->thread_count, 2);
    snapshot->event_loops.items[0].moved = SNAPSHOT_YES; /* it gets its turns */
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

/* An idle loop that waits for the GIL just now is healthy, unless its timers are late. */
static void test_gil_idle(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    snapshot->threads.items[0].waits_for_gil = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot->event_loops.items[0].overdue_s = 3;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_GIL_STARVED, SNAPSHOT_LIKELY);
    snapshot_destroy(snapshot);
}

static void test_gc(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(1.5);
    snapshot->interpreters.items[0].gc_collecting = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_GC_PAUSE, SNAPSHOT_CERTAIN);
    snapshot->event_loops.items[0].iteration_age_s = 0.01;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

static void test_sync_over_async(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(4);
    struct snapshot_task *fetch = case_task(snapshot, "fetch");
    struct snapshot_loop *loop = &snapshot->event_loops.items[0];
    fetch->state = SNAPSHOT_TASK_NOT_STARTED;
    struct snapshot_wait *wait =
        case_wait_thread(snapshot, &snapshot->threads.items[0], SNAPSHOT_WAIT_TASK);
    case_await(snapshot, wait, fetch);
    for (int round = 0; round < 2; round++) { /* one look is enough: it cannot go on */
        analyze(snapshot, NULL);
        const struct snapshot_finding *finding =
            case_expect(snapshot, SNAPSHOT_FINDING_SYNC_OVER_ASYNC, SNAPSHOT_CERTAIN);
        assert_int_equal(finding->task_count, 2);
        assert_int_equal(finding->tasks[1], fetch->id);
        loop->moved = SNAPSHOT_MAYBE;
    }
    wait->has_timeout = SNAPSHOT_MAYBE;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_SYNC_OVER_ASYNC, SNAPSHOT_LIKELY);
    wait->has_timeout = SNAPSHOT_YES; /* a short result(timeout) may be a habit */
    loop->moved = SNAPSHOT_NO;
    loop->iteration_age_s = 0.05;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    wait->has_timeout = SNAPSHOT_NO;
    fetch->event_loop = 0x20; /* of a loop in another thread, which runs it */
    case_thread(snapshot, 101, "other")->event_loop = 0x20;
    case_loop(snapshot, 0x20, 101);
    analyze(snapshot, NULL);
    assert_null(case_find(snapshot, SNAPSHOT_FINDING_SYNC_OVER_ASYNC));
    snapshot_destroy(snapshot);
}

static void test_lock_across_await(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(4);
    struct snapshot_task *holder = case_task(snapshot, "holder");
    struct snapshot_object *lock = case_object(snapshot, SNAPSHOT_OBJECT_THREAD_LOCK, "lock#1");
    case_wait(snapshot, holder, SNAPSHOT_WAIT_SLEEP)->deadline_s = -3.8;
    case_hold(snapshot, lock, holder, SNAPSHOT_UNKNOWN);
    case_wait_thread(snapshot, &snapshot->threads.items[0], SNAPSHOT_WAIT_LOCK)->object = lock->id;
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_THREAD_LOCK_ACROSS_AWAIT, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary,
                        "EVENT LOOP BLOCKED for 4.0 s by lock#1, which suspended holder holds");
    assert_string_equal(holder->awaiting->text, "sleep, 3.8 s overdue");
    lock->holders[0] =
        (struct snapshot_holder){.tid = 101, .frame = 0, .confidence = SNAPSHOT_CERTAIN};
    case_thread(snapshot, 101, "worker");
    analyze(snapshot, NULL);
    finding = case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->proof[2], "it waits for lock#1, held by worker (tid 101)");
    snapshot->event_loops.items[0].iteration_age_s = 0.05;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

/* What stands still because the loop is blocked is no finding of its own. */
static void test_consequences(void **state) {
    (void)state;
    struct snapshot *snapshot = make_blocked(5);
    struct snapshot_task *reader = case_task(snapshot, "reader");
    struct snapshot_object *places =
        case_object(snapshot, SNAPSHOT_OBJECT_SEMAPHORE, "Semaphore#1");
    case_socket(snapshot, 9, "10.0.0.5:51324", "10.1.2.3:443")->retransmits = 1;
    snapshot->sockets.items[0].send_queue = 10;
    case_read(snapshot, reader, 9);
    case_hold(snapshot, places, reader, SNAPSHOT_UNKNOWN);
    for (int i = 0; i < 20; i++)
        case_wait_object(snapshot, case_task(snapshot, "waiting"), SNAPSHOT_WAIT_SEMAPHORE, places);
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocked),
        cmocka_unit_test(test_blocked_by_a_caller),
        cmocka_unit_test(test_peer_of_blocking_call),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_unknown_age),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_nothing_read),
        cmocka_unit_test(test_gil),
        cmocka_unit_test(test_gil_idle),
        cmocka_unit_test(test_gc),
        cmocka_unit_test(test_sync_over_async),
        cmocka_unit_test(test_lock_across_await),
        cmocka_unit_test(test_consequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
