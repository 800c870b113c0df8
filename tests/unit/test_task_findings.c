/* What is wrong with tasks by themselves, and a shutdown that waits for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"

static struct snapshot_task *add_lost(struct snapshot *snapshot, const char *name) {
    struct snapshot_task *task = case_task(snapshot, name);
    struct snapshot_wait *wait = case_wait(snapshot, task, SNAPSHOT_WAIT_FUTURE);
    wait->referrers = arena_alloc_array(snapshot->arena, 2, sizeof *wait->referrers);
    wait->referrers[0] = (struct snapshot_referrer){.id = task->id, .type = "_asyncio.Task"};
    wait->referrers[1] = (struct snapshot_referrer){.id = 0x9, .type = "_asyncio.FutureIter"};
    wait->referrer_count = 2;
    wait->referrers_complete = SNAPSHOT_YES;
    return task;
}

static void test_lost(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *task = add_lost(snapshot, "hook");
    add_lost(snapshot, "hook")->frames = task->frames;
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_LOST_FUTURE, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->summary,
                        "LOST FUTURE - 2 tasks: nothing is left that could wake them");
    snapshot->tasks.count = 1;
    task->moved = SNAPSHOT_MAYBE;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_LOST_FUTURE, SNAPSHOT_LIKELY);
    snapshot_destroy(snapshot);
}

static void test_not_lost(void **state) {
    (void)state;
    for (int which = 0; which < 5; which++) {
        struct snapshot *snapshot = case_create(8);
        struct snapshot_task *task = add_lost(snapshot, which == 4 ? "main" : "hook");
        if (which == 0)
            task->awaiting->referrers[0].id = 0x8;
        else if (which == 1)
            task->awaiting->referrers_complete = SNAPSHOT_MAYBE;
        else if (which == 2)
            task->awaiting->referrers_complete = SNAPSHOT_NO;
        else if (which == 3)
            task->awaiting->has_timeout = SNAPSHOT_YES;
        analyze(snapshot, NULL);
        case_expect_ok(snapshot);
        assert_int_equal(snapshot->findings.count, which == 4); /* a hint: main may wait for ever */
        snapshot_destroy(snapshot);
    }
}

static void test_cancel(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *task = case_task(snapshot, "worker");
    case_wait(snapshot, task, SNAPSHOT_WAIT_SLEEP)->deadline_s = 50;
    task->cancel_requests = 2;
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_CANCEL_SWALLOWED, SNAPSHOT_LIKELY);
    assert_string_equal(finding->proof[0], "worker: cancel() called 2 times, now it waits for "
                                           "sleep, due in 50.0 s");
    task->awaiting->deadline_s = 0.5; /* a cleanup */
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    task->awaiting->kind = SNAPSHOT_WAIT_STREAM_READ; /* a timeout of a library, perhaps */
    task->awaiting->deadline_s = NAN;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->findings.items[0].confidence, SNAPSHOT_POSSIBLE);
    task->awaiting->kind = SNAPSHOT_WAIT_SLEEP;
    task->awaiting->deadline_s = 50;
    task->must_cancel = SNAPSHOT_YES; /* will be told in a moment */
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    task->must_cancel = SNAPSHOT_NO;
    task->moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    task->moved = SNAPSHOT_NO;
    task->awaiting->kind = SNAPSHOT_WAIT_TASK_GROUP; /* its group cancels it to end the body */
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

static void test_flood(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(32);
    struct snapshot_stack stack = {0};
    for (int i = 0; i < 20; i++) {
        struct snapshot_task *task = case_task(snapshot, "fetch");
        case_call(snapshot, &task->frames, "inner /app/main.py:9");
        case_wait(snapshot, task, SNAPSHOT_WAIT_SLEEP)->deadline_s = 3 + i;
        stack = i ? stack : task->frames;
        task->frames = stack;
    }
    analyze(snapshot, &(struct analysis_options){.flood = 20});
    assert_string_equal(
        case_find(snapshot, SNAPSHOT_FINDING_TASK_FLOOD)->summary,
        "TASK FLOOD - 20 tasks in one place, waiting for sleep, due in 3.0 s .. 22.0 s");
    analyze(snapshot, &(struct analysis_options){.flood = 21});
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

static void test_exceptions(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *task = case_task(snapshot, "job");
    task->state = SNAPSHOT_TASK_DONE;
    analyze(snapshot, NULL);
    assert_int_equal(snapshot->findings.count, 0);
    task->exception = &(struct snapshot_exception){.type = "builtins.KeyError", .text = "'x'"};
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_EXC_UNRETRIEVED, SNAPSHOT_POSSIBLE);
    assert_string_equal(finding->proof[0], "job: builtins.KeyError: 'x'");
    case_expect_ok(snapshot);
    task->exception_retrieved = SNAPSHOT_NO;
    task->moved = SNAPSHOT_NO;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_EXC_UNRETRIEVED, SNAPSHOT_LIKELY);
    snapshot->event_loops.items[0].state = SNAPSHOT_LOOP_RUNNING; /* its awaiter comes next */
    snapshot->event_loops.items[0].moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_EXC_UNRETRIEVED, SNAPSHOT_POSSIBLE);
    task->exception_retrieved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    assert_int_equal(snapshot->findings.count, 0);
    snapshot_destroy(snapshot);
}

static void test_never_awaited(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    *SNAPSHOT_APPEND(snapshot, &snapshot->coroutines) =
        (struct snapshot_coroutine){.id = 0x77, .name = "kept", .holder = "app.Job"};
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_NEVER_AWAITED, SNAPSHOT_POSSIBLE);
    case_expect_ok(snapshot); /* that object may await it */
    *SNAPSHOT_APPEND(snapshot, &snapshot->coroutines) =
        (struct snapshot_coroutine){.id = 0x78, .name = "notify", .holder = "module"};
    analyze(snapshot, NULL);
    assert_string_equal(
        case_expect(snapshot, SNAPSHOT_FINDING_NEVER_AWAITED, SNAPSHOT_LIKELY)->summary,
        "NEVER AWAITED - 2 coroutines made and not awaited so far: notify(), ...");
    snapshot->event_loops.items[0].state = SNAPSHOT_LOOP_RUNNING;
    snapshot->event_loops.items[0].moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

static void test_shutdown(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *task = case_task(snapshot, "stubborn");
    task->cancel_requests = 1;
    case_wait(snapshot, task, SNAPSHOT_WAIT_EVENT);
    case_call(snapshot, &snapshot->threads.items[0].frames,
              "_cancel_all_tasks /usr/lib/python3.11/asyncio/runners.py:200");
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_SHUTDOWN_STUCK, SNAPSHOT_LIKELY);
    assert_string_equal(finding->summary, "SHUTDOWN STUCK - asyncio.run() has cancelled all tasks "
                                          "and stubborn does not end");
    assert_string_equal(finding->proof[0],
                        "MainThread (tid 100) stands in _cancel_all_tasks(), at both looks");
    assert_int_equal(finding->tasks[0], task->id);
    task->moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

/* wait_closed() of a server that still listens serves for ever. */
static void test_wait_closed(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *task = case_task(snapshot, "main");
    case_call(snapshot, &task->frames,
              "wait_closed /usr/lib/python3.12/asyncio/base_events.py:400");
    case_wait(snapshot, task, SNAPSHOT_WAIT_FUTURE);
    case_socket(snapshot, 3, "0.0.0.0:80", NULL);
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(task->idle, SNAPSHOT_YES);
    snapshot->sockets.items[0].state = NULL; /* nobody knows who listens */
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot->sockets.items[0].state = "ESTABLISHED";
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_SHUTDOWN_STUCK, SNAPSHOT_LIKELY);
    snapshot_destroy(snapshot);
}

/* What is worst comes first: certain before likely, then by the list. */
static void test_order(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(16);
    struct snapshot_task *swallower = case_task(snapshot, "swallower");
    swallower->cancel_requests = 1;
    case_wait(snapshot, swallower, SNAPSHOT_WAIT_EVENT);
    case_task(snapshot, "failed")->state = SNAPSHOT_TASK_DONE;
    snapshot->tasks.items[1].exception = &(struct snapshot_exception){.type = "E"};
    add_lost(snapshot, "hook");
    struct snapshot_task *job = case_task(snapshot, "job");
    case_await(snapshot, case_wait(snapshot, job, SNAPSHOT_WAIT_TASK), job);
    analyze(snapshot, NULL);
    assert_int_equal(snapshot->findings.count, 4);
    assert_int_equal(snapshot->findings.items[0].code, SNAPSHOT_FINDING_DEADLOCK);
    assert_int_equal(snapshot->findings.items[1].code, SNAPSHOT_FINDING_LOST_FUTURE);
    assert_int_equal(snapshot->findings.items[2].code, SNAPSHOT_FINDING_CANCEL_SWALLOWED);
    assert_int_equal(snapshot->findings.items[3].code, SNAPSHOT_FINDING_EXC_UNRETRIEVED);
    assert_int_equal(snapshot->verdict.code, SNAPSHOT_FINDING_DEADLOCK);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost),       cmocka_unit_test(test_not_lost),
        cmocka_unit_test(test_cancel),     cmocka_unit_test(test_flood),
        cmocka_unit_test(test_exceptions), cmocka_unit_test(test_never_awaited),
        cmocka_unit_test(test_shutdown),   cmocka_unit_test(test_wait_closed),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
