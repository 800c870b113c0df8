/* Pools, locks, executors and queues that are used up, and those that only are in use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"

/* `holding` tasks hold a semaphore and read from a database, `waiting` wait for it. */
static struct snapshot *make_pool(enum snapshot_object_kind kind, int holding, int waiting) {
    struct snapshot *snapshot = case_create(11000);
    struct snapshot_object *pool = case_object(snapshot, kind, "Pool#1");
    enum snapshot_wait_kind wait =
        kind == SNAPSHOT_OBJECT_LOCK ? SNAPSHOT_WAIT_LOCK : SNAPSHOT_WAIT_SEMAPHORE;
    for (int i = 0; i < holding; i++) {
        struct snapshot_task *task = case_task(snapshot, "query");
        case_socket(snapshot, 10 + i, "10.0.0.5:50000", "10.0.3.7:5432");
        case_read(snapshot, task, 10 + i);
        case_hold(snapshot, pool, task, SNAPSHOT_UNKNOWN);
    }
    for (int i = 0; i < waiting; i++)
        case_wait_object(snapshot, case_task(snapshot, "handler"), wait, pool);
    return snapshot;
}

/* How long the connections are silent. */
static void set_silence(struct snapshot *snapshot, double seconds) {
    for (size_t i = 0; i < snapshot->sockets.count; i++)
        snapshot->sockets.items[i].last_received_s = snapshot->sockets.items[i].last_sent_s =
            seconds;
}

static void test_exhausted(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 10, 9990);
    case_fact(snapshot, &snapshot->objects.items[0], "bound", 10);
    snapshot->objects.items[0].name = "Pool.sem";
    set_silence(snapshot, 41.2);
    snapshot->sockets.items[3].last_received_s = 40.5;
    snapshot->event_loops.items[0].moved = SNAPSHOT_YES; /* others are served */
    for (size_t i = 0; i < snapshot->tasks.count; i++)   /* equal stacks */
        snapshot->tasks.items[i].frames = snapshot->tasks.items[i < 10 ? 0 : 10].frames;
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary, "POOL EXHAUSTED - 9,990 of 10,000 tasks wait for Pool#1 "
                                          "'Pool.sem', 0 of 10 free");
    assert_string_equal(finding->proof[0], "held by 10 tasks, all in query  app/main.py:7");
    assert_string_equal(finding->proof[1], "root: 10.0.3.7:5432 is silent for 40.5 s: 10 sockets "
                                           "ESTABLISHED, 0 B unread, 0 B unacked");
    assert_string_equal(finding->proof[2], "none of the waiting tasks has a timeout");
    assert_int_equal(finding->task_count, 10000);
    assert_int_equal(snapshot->groups.count, 2);
    assert_string_equal(snapshot->groups.items[0].awaiting, "Pool#1 'Pool.sem', 0 of 10 free");
    assert_string_equal(snapshot->groups.items[1].awaiting, "socket 10.0.3.7:5432 (read)");
    snapshot_destroy(snapshot);
}

static void test_few_wait(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 2, 2);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_LIKELY);
    assert_string_equal(finding->proof[1], "root: 10.0.3.7:5432 is silent: 2 sockets ESTABLISHED, "
                                           "0 B unread, 0 B unacked");
    snapshot_destroy(snapshot);
    /* Fewer wait than hold it: it is the peer that is named. */
    snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 2, 1);
    set_silence(snapshot, 41.2);
    analyze(snapshot, NULL);
    assert_int_equal(case_find(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED)->confidence,
                     SNAPSHOT_POSSIBLE);
    assert_int_equal(snapshot->verdict.code, SNAPSHOT_FINDING_PEER_SILENT);
    snapshot_destroy(snapshot);
}

/* A pile whose holders ask a file or a path: how long they wait nobody knows. */
static void test_unknown_silence(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 2, 20);
    struct snapshot_loop *loop = &snapshot->event_loops.items[0];
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_CERTAIN);
    loop->idle_s = 0.7; /* a timer ran then */
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_LIKELY);
    loop->idle_s = 7;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_CERTAIN);
    loop->moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_LIKELY);
    snapshot_destroy(snapshot);
}

/* Requests that wait for a slow answer, when nothing else happens. */
static void test_slow_answer(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 2, 1);
    set_silence(snapshot, 0.3);
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->findings.count, 0);
    snapshot_destroy(snapshot);
    snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 2, 2);
    set_silence(snapshot, 60); /* one is stuck, the other goes on */
    snapshot->sockets.items[1].last_sent_s = 0.3;
    analyze(snapshot, NULL);
    assert_null(case_find(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED));
    snapshot_destroy(snapshot);
    static const enum snapshot_object_kind kinds[] = {SNAPSHOT_OBJECT_SEMAPHORE,
                                                      SNAPSHOT_OBJECT_LOCK};
    for (size_t i = 0; i < 2; i++) {
        snapshot = make_pool(kinds[i], 1, 50);
        set_silence(snapshot, 1.9);
        analyze(snapshot, NULL);
        case_expect_ok(snapshot);
        assert_int_equal(snapshot->findings.items[0].confidence, SNAPSHOT_POSSIBLE);
        snapshot_destroy(snapshot);
    }
}

/* A batch that is bounded by a semaphore, while it goes on. */
static void test_healthy_pools(void **state) {
    (void)state;
    for (int which = 0; which < 6; which++) {
        struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 3, 100);
        struct snapshot_task *holder = &snapshot->tasks.items[1];
        if (which == 0)
            holder->moved = SNAPSHOT_YES;
        else if (which == 1)
            snapshot->tasks.items[50].moved = SNAPSHOT_YES;
        else if (which == 2) /* a rate limiter */
            case_wait(snapshot, holder, SNAPSHOT_WAIT_SLEEP)->deadline_s = 0.5;
        else if (which == 3)
            case_fact(snapshot, &snapshot->objects.items[0], "value", 1);
        else if (which == 4)
            holder->state = SNAPSHOT_TASK_READY;
        else
            holder->awaiting->has_timeout = SNAPSHOT_YES;
        analyze(snapshot, NULL);
        case_expect_ok(snapshot);
        snapshot_destroy(snapshot);
    }
}

static void test_one_look(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 3, 10);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        snapshot->tasks.items[i].moved = SNAPSHOT_MAYBE;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(case_find(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED)->confidence,
                     SNAPSHOT_POSSIBLE);
    snapshot_destroy(snapshot);
}

static void test_pileup(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_LOCK, 1, 10);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_LOCK_PILEUP, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary,
                        "LOCK PILEUP - 10 tasks queue behind Pool#1, held by query");
    snapshot->event_loops.items[0].moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_LOCK_PILEUP, SNAPSHOT_LIKELY);
    set_silence(snapshot, 2.1);
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_LOCK_PILEUP, SNAPSHOT_CERTAIN);
    snapshot->tasks.items[0].moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
    snapshot = make_pool(SNAPSHOT_OBJECT_LOCK, 1, 9);
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    snapshot_destroy(snapshot);
}

/* Without a holder it is a leak only if nobody is left who could have acquired it. */
static void test_leak(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_LOCK, 0, 2);
    struct snapshot_task *main = case_task(snapshot, "main");
    struct snapshot_wait *wait = case_wait(snapshot, main, SNAPSHOT_WAIT_GATHER);
    case_await(snapshot, wait, &snapshot->tasks.items[0]);
    case_await(snapshot, wait, &snapshot->tasks.items[1]);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_LEAKED_LOCK, SNAPSHOT_LIKELY);
    assert_int_equal(finding->task_count, 2);
    case_wait(snapshot, case_task(snapshot, "other"), SNAPSHOT_WAIT_EVENT);
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_LEAKED_LOCK, SNAPSHOT_POSSIBLE);
    case_expect_ok(snapshot);
    case_hold(snapshot, &snapshot->objects.items[0], &snapshot->tasks.items[3], SNAPSHOT_UNKNOWN)
        ->confidence = SNAPSHOT_POSSIBLE;
    analyze(snapshot, NULL);
    assert_null(case_find(snapshot, SNAPSHOT_FINDING_LEAKED_LOCK));
    snapshot_destroy(snapshot);
}

/* Who holds it may stand in what could not be read. */
static void test_leak_with_something_missing(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_LOCK, 0, 2);
    snapshot_add_missing(snapshot, "the time of the core", "a core has no clock");
    analyze(snapshot, NULL);
    assert_non_null(case_find(snapshot, SNAPSHOT_FINDING_LEAKED_LOCK));
    snapshot_add_missing(snapshot, "a registered task", "cannot read 8 bytes at 0x7f00");
    analyze(snapshot, NULL);
    assert_null(case_find(snapshot, SNAPSHOT_FINDING_LEAKED_LOCK));
    snapshot_destroy(snapshot);
    snapshot = make_pool(SNAPSHOT_OBJECT_LOCK, 0, 2);
    snapshot_add_note(snapshot, case_task(snapshot, "main"), "what it holds: cannot read");
    analyze(snapshot, NULL);
    assert_null(case_find(snapshot, SNAPSHOT_FINDING_LEAKED_LOCK));
    snapshot_destroy(snapshot);
}

/* What the holders wait for could not be read: they may go on in a moment. */
static void test_pool_with_something_missing(void **state) {
    (void)state;
    struct snapshot *snapshot = make_pool(SNAPSHOT_OBJECT_SEMAPHORE, 2, 30);
    set_silence(snapshot, 41.2);
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_CERTAIN);
    snapshot_add_note(snapshot, &snapshot->tasks.items[0], "what it waits for: cannot read");
    analyze(snapshot, NULL);
    assert_int_equal(case_find(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED)->confidence,
                     SNAPSHOT_POSSIBLE);
    snapshot_destroy(snapshot);
}

/* Two threads, `queued` jobs behind them. */
static struct snapshot *make_executor(int queued) {
    struct snapshot *snapshot = case_create(64);
    struct snapshot_object *executor =
        case_object(snapshot, SNAPSHOT_OBJECT_EXECUTOR, "ThreadPoolExecutor#1");
    case_fact(snapshot, executor, "max_workers", 2);
    case_fact(snapshot, executor, "busy", 2);
    case_fact(snapshot, executor, "queued", queued);
    for (int i = 0; i < 2; i++) {
        struct snapshot_thread *thread = case_thread(snapshot, 101 + i, "Executor-0_0");
        struct snapshot_task *task = case_task(snapshot, "job");
        thread->syscall = "clock_nanosleep";
        case_call(snapshot, &thread->frames, "crunch /app/jobs.py:2");
        case_wait_object(snapshot, task, SNAPSHOT_WAIT_EXECUTOR, executor);
        task->awaiting->tid = 101 + i;
    }
    for (int i = 0; i < queued; i++) {
        struct snapshot_task *task = case_task(snapshot, "queued");
        case_wait_object(snapshot, task, SNAPSHOT_WAIT_EXECUTOR, executor);
        task->awaiting->position = i + 1;
    }
    return snapshot;
}

static void test_executor(void **state) {
    (void)state;
    struct snapshot *snapshot = make_executor(2);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_EXECUTOR_FULL, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary, "EXECUTOR FULL - 2 of 2 threads busy, 2 jobs queue "
                                          "behind them");
    assert_string_equal(finding->where, "crunch  app/jobs.py:2");
    assert_int_equal(finding->thread_count, 2);
    assert_string_equal(finding->cost[0],
                        "queued waits for a free executor thread: 1st of 2 queued");
    assert_string_equal(snapshot->tasks.items[0].awaiting->text, "executor thread Executor-0_0");
    snapshot->threads.items[1].moved = SNAPSHOT_YES; /* it computes, the same job */
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_EXECUTOR_FULL, SNAPSHOT_LIKELY);
    snapshot->tasks.items[0].moved = SNAPSHOT_YES; /* its job ended */
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
    snapshot = make_executor(0);
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

/* A limiter of anyio's for two threads, with a function in each, `queued` more behind them. */
static struct snapshot *make_limiter(int queued) {
    struct snapshot *snapshot = case_create(64);
    struct snapshot_object *limiter =
        case_object(snapshot, SNAPSHOT_OBJECT_SEMAPHORE, "CapacityLimiter#1");
    case_fact(snapshot, limiter, "bound", 2);
    for (int i = 0; i < 2; i++) {
        struct snapshot_thread *thread = case_thread(snapshot, 101 + i, "AnyIO worker thread");
        struct snapshot_task *task = case_task(snapshot, "endpoint");
        thread->syscall = "clock_nanosleep";
        case_call(snapshot, &thread->frames, "crunch /app/jobs.py:2");
        case_wait(snapshot, task, SNAPSHOT_WAIT_EXECUTOR)->tid = 101 + i;
        case_hold(snapshot, limiter, task, SNAPSHOT_UNKNOWN);
    }
    for (int i = 0; i < queued; i++) {
        struct snapshot_task *task = case_task(snapshot, "queued");
        case_wait_object(snapshot, task, SNAPSHOT_WAIT_SEMAPHORE, limiter);
        task->awaiting->callee = "crunch";
    }
    return snapshot;
}

static void test_limiter(void **state) {
    (void)state;
    struct snapshot *snapshot = make_limiter(20);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_EXECUTOR_FULL, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary, "EXECUTOR FULL - 2 of 2 threads busy, 20 jobs queue "
                                          "behind them");
    assert_string_equal(finding->where, "crunch  app/jobs.py:2");
    assert_string_equal(finding->proof[1], "no job ended and no thread ran between two looks");
    assert_string_equal(finding->cost[0], "queued waits for CapacityLimiter#1, 0 of 2 free");
    assert_int_equal(finding->thread_count, 2);
    assert_int_equal(finding->task_count, 22);
    assert_int_equal(snapshot->findings.count, 1); /* the pool is not told too */
    snapshot->threads.items[1].moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_EXECUTOR_FULL, SNAPSHOT_LIKELY);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        snapshot->tasks.items[i].moved = SNAPSHOT_MAYBE; /* one look */
    analyze(snapshot, NULL);
    finding = case_expect(snapshot, SNAPSHOT_FINDING_EXECUTOR_FULL, SNAPSHOT_LIKELY);
    assert_string_equal(finding->proof[1],
                        "a call in a thread has each token of CapacityLimiter#1");
    snapshot_destroy(snapshot);
    snapshot = make_limiter(1);
    snapshot->tasks.items[1].moved = SNAPSHOT_MAYBE;
    analyze(snapshot, NULL);
    assert_int_equal(case_find(snapshot, SNAPSHOT_FINDING_EXECUTOR_FULL)->confidence,
                     SNAPSHOT_POSSIBLE);
    snapshot_destroy(snapshot);
}

static void test_healthy_limiters(void **state) {
    (void)state;
    for (int which = 0; which < 6; which++) {
        struct snapshot *snapshot = make_limiter(which ? 20 : 0);
        struct snapshot_task *holder = &snapshot->tasks.items[1];
        if (which == 1) /* its call ended */
            holder->moved = SNAPSHOT_YES;
        else if (which == 2) /* it is about to give its token back */
            holder->state = SNAPSHOT_TASK_READY;
        else if (which == 3) /* more tokens than calls */
            snapshot->objects.items[0].facts[1].value = 3;
        else if (which == 4) /* a semaphore around what runs in threads is no executor */
            for (size_t i = 2; i < snapshot->tasks.count; i++)
                snapshot->tasks.items[i].awaiting->callee = NULL;
        else if (which == 5) { /* what thread calls is not known; one of them ended */
            snapshot->threads.count = 1;
            holder->moved = SNAPSHOT_YES;
        }
        analyze(snapshot, NULL);
        case_expect_ok(snapshot);
        assert_null(case_find(snapshot, SNAPSHOT_FINDING_EXECUTOR_FULL));
        snapshot_destroy(snapshot);
    }
}

/* Calls that ended have their tokens until the loop runs: then it is the loop that hangs. */
static void test_limiter_of_halted_loop(void **state) {
    (void)state;
    struct snapshot *snapshot = make_limiter(20);
    snapshot->event_loops.items[0].state = SNAPSHOT_LOOP_STOPPED;
    analyze(snapshot, NULL);
    assert_null(case_find(snapshot, SNAPSHOT_FINDING_EXECUTOR_FULL));
    assert_null(case_find(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED));
    snapshot_destroy(snapshot);
}

static struct snapshot *make_queue(int64_t size, enum snapshot_wait_kind kind, int users) {
    struct snapshot *snapshot = case_create(64);
    struct snapshot_object *queue = case_object(snapshot, SNAPSHOT_OBJECT_QUEUE, "Queue#1");
    case_fact(snapshot, queue, "size", size);
    case_fact(snapshot, queue, "max_size", 10);
    case_fact(snapshot, queue, "unfinished", size);
    queue->name = "jobs";
    for (int i = 0; i < users; i++)
        case_wait_object(snapshot, case_task(snapshot, "user"), kind, queue);
    return snapshot;
}

static void test_no_consumer(void **state) {
    (void)state;
    struct snapshot *snapshot = make_queue(10, SNAPSHOT_WAIT_QUEUE_PUT, 2);
    analyze(snapshot, NULL);
    assert_string_equal(
        case_expect(snapshot, SNAPSHOT_FINDING_QUEUE_NO_CONSUMER, SNAPSHOT_LIKELY)->summary,
        "QUEUE NO CONSUMER - 2 tasks put into full Queue#1 'jobs', nobody is left to get");
    assert_string_equal(snapshot->tasks.items[0].awaiting->text, "Queue#1 'jobs' full (10 of 10)");
    struct snapshot_task *worker = case_task(snapshot, "worker"); /* busy with an item */
    case_wait(snapshot, worker, SNAPSHOT_WAIT_SUBPROCESS);
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->findings.count, 0);
    snapshot_destroy(snapshot);
    snapshot = make_queue(3, SNAPSHOT_WAIT_QUEUE_JOIN, 1);
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_QUEUE_NO_CONSUMER, SNAPSHOT_LIKELY);
    snapshot->event_loops.items[0].timers = 1;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

static void test_no_producer(void **state) {
    (void)state;
    struct snapshot *snapshot = make_queue(0, SNAPSHOT_WAIT_QUEUE_GET, 3);
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_QUEUE_NO_PRODUCER, SNAPSHOT_LIKELY);
    assert_int_equal(snapshot->tasks.items[0].idle, SNAPSHOT_NO);
    case_socket(snapshot, 5, "0.0.0.0:80", NULL); /* a client may bring work */
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->tasks.items[0].idle, SNAPSHOT_YES);
    snapshot->sockets.count = 0;
    case_thread(snapshot, 101, "producer");
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot->threads.count = 1;
    case_wait(snapshot, case_task(snapshot, "producer"), SNAPSHOT_WAIT_SLEEP)->deadline_s = 1;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exhausted),
        cmocka_unit_test(test_few_wait),
        cmocka_unit_test(test_unknown_silence),
        cmocka_unit_test(test_slow_answer),
        cmocka_unit_test(test_healthy_pools),
        cmocka_unit_test(test_one_look),
        cmocka_unit_test(test_pileup),
        cmocka_unit_test(test_leak),
        cmocka_unit_test(test_leak_with_something_missing),
        cmocka_unit_test(test_pool_with_something_missing),
        cmocka_unit_test(test_executor),
        cmocka_unit_test(test_limiter),
        cmocka_unit_test(test_healthy_limiters),
        cmocka_unit_test(test_limiter_of_halted_loop),
        cmocka_unit_test(test_no_consumer),
        cmocka_unit_test(test_no_producer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
