/* What samples tell of loops: how busy they are, their iterations, what blocks them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "../support/case.h"
#include "../support/recorded.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/analysis/live.h"

#define LOOP 0x10
#define TID 100

static struct recorded *recorded;
static struct live_fold *fold;
static struct recording_loop loop;
static struct recording_thread thread;

static int create(void **state) {
    (void)state;
    recorded = recorded_create();
    fold = live_fold_create();
    loop = recorded_loop(LOOP);
    loop.tid = TID;
    thread = recorded_thread(recorded, TID, "MainThread");
    thread.event_loop = LOOP;
    return 0;
}

static int destroy(void **state) {
    (void)state;
    live_fold_destroy(fold);
    recorded_destroy(recorded);
    return 0;
}

static bool is_near(double a, double b) {
    return fabs(a - b) < 1e-6;
}

/* A sample of the loop: NaN: it is idle; else it runs since so long. */
static void take(double time_s, double blocked_s) {
    loop.state = isnan(blocked_s) ? SNAPSHOT_LOOP_IDLE : SNAPSHOT_LOOP_RUNNING;
    loop.blocked_s = blocked_s;
    if (isnan(blocked_s))
        loop.task = thread.task = 0;
    recorded_set_loops(recorded, &loop, 1);
    recorded_set_threads(recorded, &thread, 1);
    live_fold_add(fold, recorded_take(recorded, time_s));
}

static const struct live_loop *update(double time_s) {
    const struct live *live = live_fold_update(fold, time_s, 0.01);
    assert_int_equal(live->loop_count, 1);
    return &live->loops[0];
}

/* From now on the loop runs that task, in that stack. */
static void run_task(uint64_t number, const char *name, const char *stack) {
    struct recording_task task = recorded_task(recorded, number);
    task.state = SNAPSHOT_TASK_RUNNING;
    task.name = name;
    task.stack = recorded_stack(recorded, stack);
    recorded_set_task(recorded, &task);
    loop.task = thread.task = number;
}

static void test_nothing_yet(void **state) {
    (void)state;
    const struct live *live = live_fold_update(fold, 1, 0.02);
    assert_null(live->snapshot);
    assert_int_equal(live->loop_count, 0);
    assert_int_equal(live->group_count, 0);
    assert_int_equal(live->finding_count, 0);
    assert_int_equal(live->samples, 0);
    assert_true(live->watched_s == 1 && live->interval_s == 1);
    assert_true(isnan(live->gil) && isnan(live->gc) && isnan(live->picture_age_s));
    assert_true(live->births == 0 && live->deaths == 0 && live->paused == 0);
    assert_true(is_near(live->own_cpu, 0.02));
    assert_true(live->accept_queue == SNAPSHOT_UNKNOWN && live->accept_max == SNAPSHOT_UNKNOWN);
}

static void test_busy(void **state) {
    (void)state;
    loop.ready = 3;
    loop.overdue_s = 0.25;
    take(0.1, NAN);
    loop.overdue_s = NAN;
    take(0.2, 0.001);
    take(0.3, 0.002);
    loop.ready = 7;
    take(0.4, 0.001);
    const struct live_loop *row = update(1);
    assert_true(row->busy == 0.75);
    assert_int_equal(row->id, LOOP);
    assert_int_equal(row->tid, TID);
    assert_string_equal(row->thread, "MainThread");
    assert_string_equal(row->type, "asyncio.unix_events._UnixSelectorEventLoop");
    assert_int_equal(row->ready, 7);
    assert_true(row->lag_s == 0.25);
    assert_int_equal(row->state, SNAPSHOT_LOOP_RUNNING);
    assert_true(row->executor.max_workers == SNAPSHOT_UNKNOWN);
    row = update(2); /* no sample: it is still there */
    assert_true(isnan(row->busy) && isnan(row->iteration_median_s) && isnan(row->lag_s));
    assert_int_equal(row->ready, 7);
}

/* Of a loop that lived for a part of the interval the share is of all of it. */
static void test_short_life(void **state) {
    (void)state;
    recorded_set_threads(recorded, &thread, 1);
    for (int i = 0; i < 6; i++)
        live_fold_add(fold, recorded_take(recorded, 0.1 * i));
    take(0.6, 0.001);
    take(0.7, NAN);
    assert_true(update(1)->busy == 1.0 / 8);
}

/* Of a loop that was torn, or only seen in a picture, no lag is known, and none is told. */
static void test_unknown_lag(void **state) {
    (void)state;
    loop.timers = SNAPSHOT_UNKNOWN;
    take(0.1, NAN);
    assert_true(isnan(update(1)->lag_s));
    loop.timers = 0;
    take(1.1, NAN);
    assert_true(update(2)->lag_s == 0);
}

/* Where a loop does not tell its state, the thread does, or the task. */
static void test_unknown_state(void **state) {
    (void)state;
    loop.state = SNAPSHOT_LOOP_STATE_UNKNOWN;
    recorded_set_loops(recorded, &loop, 1);
    recorded_set_threads(recorded, &thread, 1);
    live_fold_add(fold, recorded_take(recorded, 0.1));
    assert_true(isnan(update(1)->busy));
    thread.on_cpu = SNAPSHOT_YES;
    recorded_set_threads(recorded, &thread, 1);
    live_fold_add(fold, recorded_take(recorded, 1.1));
    assert_true(update(2)->busy == 1);
}

static void test_iterations(void **state) {
    (void)state;
    take(0.100, 0.010); /* from 0.09 */
    take(0.116, 0.0262);
    take(0.132, NAN);
    take(0.148, 0.002);
    take(0.164, 0.004); /* another one: from 0.16 */
    take(0.180, NAN);
    const struct live_loop *row = update(1);
    assert_int_equal(row->iterations, 3);
    assert_true(is_near(row->iteration_median_s, 0.004));
    assert_true(is_near(row->iteration_worst_s, 0.0262));
    assert_int_equal(row->blocks, 0);
    assert_true(isnan(row->worst.length_s));
}

/* Between two samples of one iteration times differ by what samples cannot tell. */
static void test_same_iteration(void **state) {
    (void)state;
    take(0.1, 0.0004);
    take(0.2, 0.0998);
    take(0.3, 0.215); /* the second sample was taken late */
    loop.state = SNAPSHOT_LOOP_RUNNING;
    loop.blocked_s = NAN; /* it could not be read */
    recorded_set_loops(recorded, &loop, 1);
    live_fold_add(fold, recorded_take(recorded, 0.4));
    take(0.5, 0.4);
    const struct live_loop *row = update(1);
    assert_int_equal(row->iterations, 1);
    assert_true(is_near(row->iteration_worst_s, 0.4));
    assert_int_equal(row->blocks, 1);
    assert_true(row->worst.ended_s == 0);
}

/* Then another one that took as long. */
static void test_idle_between(void **state) {
    (void)state;
    take(0.5, 0.4);
    take(0.501, NAN);
    take(1.0, 0.4);
    const struct live_loop *row = update(1);
    assert_int_equal(row->iterations, 2);
    assert_int_equal(row->blocks, 2);
    take(1.1, 0.0001);
    take(1.1004, NAN);
    take(1.1010, 0.0003);
    assert_int_equal(update(2)->iterations, 2);
}

static void test_block(void **state) {
    (void)state;
    run_task(1, "req-1", "sleep <frozen x>:1; wait /srv/shop/app/report.py:57; main a.py:3");
    take(0.2, 0.15);
    run_task(1, "req-1", "loads /usr/lib/python3.11/json/__init__.py:9; parse /srv/app/other.py:3");
    take(0.3, 0.25);
    run_task(1, "req-1", "sleep <frozen x>:1; wait /srv/shop/app/report.py:57; main a.py:3");
    take(0.4, 0.35);
    take(0.5, NAN);
    const struct live_loop *row = update(1);
    assert_int_equal(row->blocks, 1);
    assert_true(is_near(row->worst.length_s, 0.35));
    assert_true(is_near(row->worst.ended_s, 0.6));
    assert_string_equal(row->worst.task, "req-1");
    assert_string_equal(row->worst.frame, "wait");
    assert_string_equal(row->worst.file, "app/report.py");
    assert_int_equal(row->worst.line, 57);
    assert_string_equal(row->worst.callee, "sleep");
    assert_int_equal(update(60)->blocks, 1);
    row = update(61);
    assert_int_equal(row->blocks, 0);
    assert_true(isnan(row->worst.length_s) && !row->worst.task && !row->worst.frame);
    assert_int_equal(row->worst.line, -1);
}

/* It is one, and belongs to each of the intervals. */
static void test_long_block(void **state) {
    (void)state;
    run_task(1, "req-1", "burn /srv/app/a.py:5");
    for (int i = 1; i <= 9; i++)
        take(i * 0.1, i * 0.1);
    const struct live_loop *row = update(1);
    assert_int_equal(row->iterations, 1);
    assert_true(is_near(row->iteration_median_s, 0.9));
    for (int i = 10; i <= 19; i++)
        take(i * 0.1, i * 0.1);
    row = update(2);
    assert_int_equal(row->iterations, 1);
    assert_true(is_near(row->iteration_median_s, 1.9));
    assert_int_equal(row->blocks, 1);
    assert_true(row->worst.ended_s == 0 && is_near(row->worst.length_s, 1.9));
    assert_null(row->worst.callee);
    row = update(3); /* no samples: it may have lasted longer, but nobody saw it */
    assert_true(row->worst.ended_s == 0 && is_near(row->worst.length_s, 1.9));
    take(3.1, NAN);
    row = update(4);
    assert_int_equal(row->blocks, 1);
    assert_true(is_near(row->worst.ended_s, 2.1) && is_near(row->worst.length_s, 1.9));
    assert_int_equal(row->iterations, 0);
}

/* Of many blocks those of the last minute are told, and the worst of them. */
static void test_many_blocks(void **state) {
    (void)state;
    for (int i = 0; i < 2000; i++) { /* one each 0.2 s */
        thread.stack =
            recorded_stack(recorded, i == 1800 ? "worst /srv/app/a.py:1" : "bad /srv/app/a.py:2");
        take(i * 0.2 + 0.15, i == 1800 ? 0.16 : 0.12);
        take(i * 0.2 + 0.19, NAN);
    }
    const struct live_loop *row = update(400);
    assert_in_range(row->blocks, 298, 302);
    assert_true(is_near(row->worst.length_s, 0.16));
    assert_string_equal(row->worst.frame, "worst");
    assert_null(row->worst.task);
    assert_int_equal(row->iterations, 2000);
}

/* What called the loop is not what it runs. */
static void test_callback(void **state) {
    (void)state;
    thread.stack = recorded_stack(
        recorded, "_run /usr/lib/python3.11/asyncio/events.py:80; main /srv/app/a.py:2");
    take(0.2, 0.15);
    const struct live_loop *row = update(1);
    assert_int_equal(row->blocks, 1);
    assert_null(row->worst.frame);
    thread.stack = recorded_stack(
        recorded, "dump /usr/lib/python3.11/json/__init__.py:80; tick /srv/app/a.py:9; "
                  "_run /usr/lib/python3.11/asyncio/events.py:80; main /srv/app/a.py:2");
    take(1.2, 1.15);
    row = update(2);
    assert_string_equal(row->worst.frame, "tick");
    assert_string_equal(row->worst.callee, "dump");
}

/* The task's own stack could not be read, or it has none. */
static void test_without_task_stack(void **state) {
    (void)state;
    run_task(1, NULL, "");
    thread.stack = recorded_stack(recorded, "burn /srv/app/a.py:5");
    take(0.2, 0.15);
    const struct live_loop *row = update(1);
    assert_string_equal(row->worst.frame, "burn");
    assert_null(row->worst.task);
}

/* What it ran most of the time, and there the line that was seen most. */
static void test_lines(void **state) {
    (void)state;
    static const char *const stacks[] = {"burn /srv/app/a.py:5", "burn /srv/app/a.py:6",
                                         "burn /srv/app/a.py:6", "other /srv/app/a.py:9"};
    for (int i = 0; i < 12; i++) {
        run_task(1, "t", stacks[i % 4]);
        take(0.1 + i * 0.1, 0.05 + i * 0.1);
    }
    const struct live_loop *row = update(2);
    assert_string_equal(row->worst.frame, "burn");
    assert_int_equal(row->worst.line, 6);
}

static void test_loops_come_and_go(void **state) {
    (void)state;
    struct recording_loop loops[2] = {loop, recorded_loop(0x20)};
    loops[1].state = SNAPSHOT_LOOP_RUNNING;
    recorded_set_loops(recorded, loops, 2);
    live_fold_add(fold, recorded_take(recorded, 0.1));
    const struct live *live = live_fold_update(fold, 1, 0);
    assert_int_equal(live->loop_count, 2);
    assert_int_equal(live->loops[0].id, 0x20); /* the busiest first */
    take(1.1, NAN);
    assert_int_equal(update(2)->id, LOOP);
}

static void test_picture(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(4);
    snapshot->event_loops.items[0].executor.max_workers = 6;
    snapshot->event_loops.items[0].ready = 2;
    analyze(snapshot, NULL);
    live_fold_add_picture(fold, snapshot, 0.5);
    const struct live_loop *row = update(1);
    assert_true(isnan(row->busy));
    assert_string_equal(row->thread, "MainThread");
    assert_int_equal(row->ready, 2);
    assert_int_equal(row->executor.max_workers, 6);
    take(1.1, 0.01);
    row = update(2);
    assert_true(row->busy == 1);
    assert_int_equal(row->executor.max_workers, 6);
    take(2.1, 0.01);
    live_fold_add_picture(fold, snapshot, 2.2);
    row = update(3); /* the samples of the interval count */
    assert_int_equal(row->state, SNAPSHOT_LOOP_RUNNING);
    assert_int_equal(row->ready, 0);
    snapshot_destroy(snapshot);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_yet),
        TEST(test_busy),
        TEST(test_short_life),
        TEST(test_unknown_lag),
        TEST(test_unknown_state),
        TEST(test_iterations),
        TEST(test_same_iteration),
        TEST(test_idle_between),
        TEST(test_block),
        TEST(test_long_block),
        TEST(test_many_blocks),
        TEST(test_callback),
        TEST(test_without_task_stack),
        TEST(test_lines),
        TEST(test_loops_come_and_go),
        TEST(test_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
