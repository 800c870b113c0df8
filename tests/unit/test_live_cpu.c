/* CPU, the GIL, pauses: what samples tell of threads, and which tasks it was for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../support/case.h"
#include "../support/recorded.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/analysis/live.h"

static struct recorded *recorded;
static struct live_fold *fold;
static struct snapshot *snapshot;
static struct recording_thread threads[2]; /* one with the loop, one without */
static struct recording_loop loop;

static int create(void **state) {
    (void)state;
    recorded = recorded_create();
    fold = live_fold_create();
    snapshot = case_create(64);
    threads[0] = recorded_thread(recorded, CASE_TID, "MainThread");
    threads[0].event_loop = CASE_LOOP;
    threads[0].cpu_s = 100;
    threads[1] = recorded_thread(recorded, 101, "worker");
    threads[1].cpu_s = 7;
    case_thread(snapshot, 101, "worker");
    loop = recorded_loop(CASE_LOOP);
    loop.tid = CASE_TID;
    return 0;
}

static int destroy(void **state) {
    (void)state;
    live_fold_destroy(fold);
    recorded_destroy(recorded);
    snapshot_destroy(snapshot);
    return 0;
}

static bool is_near(double a, double b) {
    return fabs(a - b) < 1e-9;
}

static const struct recording_sample *sample(double time_s) {
    recorded_set_loops(recorded, &loop, 1);
    recorded_set_threads(recorded, threads, 2);
    return recorded_take(recorded, time_s);
}

/* A sample in which the loop's thread runs that task (0: callbacks), after so much CPU. */
static void run(double time_s, uint64_t task, double cpu_s) {
    loop.task = threads[0].task = task;
    loop.state = SNAPSHOT_LOOP_RUNNING;
    threads[0].on_cpu = SNAPSHOT_YES;
    threads[0].cpu_s = cpu_s;
    live_fold_add(fold, sample(time_s));
}

static void add_task(uint64_t number, const char *name, const char *coroutine) {
    struct recording_task task = recorded_task(recorded, number);
    task.name = name;
    task.coroutine = coroutine;
    recorded_set_task(recorded, &task);
}

/* The same one in the picture. */
static struct snapshot_task *picture_task(uint64_t number, const char *name) {
    struct snapshot_task *task = case_task(snapshot, name);
    task->id = 0x1000 * number;
    case_wait(snapshot, task, SNAPSHOT_WAIT_SLEEP);
    return task;
}

static const struct live *update(double picture_s, double time_s) {
    analyze(snapshot, NULL);
    live_fold_add_picture(fold, snapshot, picture_s);
    return live_fold_update(fold, time_s, 0);
}

static double sum_groups(const struct live *live) {
    double sum = 0;
    for (size_t i = 0; i < live->group_count; i++)
        sum += live->groups[i].cpu;
    return sum;
}

static void test_split(void **state) {
    (void)state;
    add_task(1, "one", "one");
    add_task(2, "two", "two");
    add_task(3, "old", "handle");
    picture_task(1, "one");
    picture_task(2, "two");
    run(0.0, 1, 100.0);
    run(0.25, 1, 100.2);
    run(0.5, 2, 100.4);
    run(0.75, 0, 100.5);
    run(1.0, 3, 100.6);
    const struct live *live = update(1, 1);
    assert_true(is_near(live->thread_rows[0].cpu, 0.6));
    assert_true(is_near(live->thread_rows[1].cpu, 0));
    assert_true(live->thread_rows[0].on_cpu == 1 && live->thread_rows[1].on_cpu == 0);
    assert_true(is_near(live->task_rows[0].cpu, 0.24));
    assert_true(is_near(live->task_rows[1].cpu, 0.12));
    assert_true(is_near(sum_groups(live), 0.6));
    assert_int_equal(live->group_count, 4);
    assert_int_equal(live->groups[0].kind, LIVE_GROUP_TASKS);
    assert_int_equal(live->groups[2].kind, LIVE_GROUP_ENDED);
    assert_string_equal(live->groups[2].coroutine, "handle");
    assert_int_equal(live->groups[2].index, SIZE_MAX);
    assert_int_equal(live->groups[2].count, 0);
    assert_true(isnan(live->groups[2].change) && isnan(live->groups[2].oldest.seconds));
    assert_int_equal(live->groups[3].kind, LIVE_GROUP_CALLBACKS);
    assert_null(live->groups[3].coroutine);
    assert_true(is_near(live->groups[3].cpu, 0.12));
    assert_true(live->groups[2].key != live->groups[3].key);
}

/* A thread that lived for a part of the interval used a share of all of it. */
static void test_short_life(void **state) {
    (void)state;
    add_task(1, "one", "one");
    threads[0].on_cpu = threads[1].on_cpu = SNAPSHOT_NO;
    threads[1].cpu_s = NAN;
    live_fold_add(fold, sample(0));
    threads[1] = recorded_thread(recorded, 102, "short");
    threads[1].on_cpu = SNAPSHOT_YES;
    threads[1].task = 1;
    threads[1].cpu_s = 0;
    live_fold_add(fold, sample(0.4));
    threads[1].cpu_s = 0.05;
    live_fold_add(fold, sample(0.45));
    threads[1] = recorded_thread(recorded, 101, "worker");
    live_fold_add(fold, sample(0.5));
    assert_true(is_near(sum_groups(update(1, 1)), 0.05));
}

/* From the last value of the interval before. */
static void test_intervals(void **state) {
    (void)state;
    add_task(1, "one", "one");
    picture_task(1, "one");
    run(0.5, 1, 100);
    assert_true(isnan(update(1, 1)->thread_rows[0].cpu)); /* one value tells nothing */
    run(1.5, 1, 100.25);
    const struct live *live = live_fold_update(fold, 2, 0);
    assert_true(is_near(live->thread_rows[0].cpu, 0.25));
    assert_true(is_near(live->task_rows[0].cpu, 0.25));
    live = live_fold_update(fold, 3, 0);
    assert_true(isnan(live->thread_rows[0].cpu) && isnan(live->thread_rows[0].gil));
    assert_true(isnan(live->task_rows[0].cpu) && isnan(live->groups[0].cpu));
    run(3.5, 1, 101.25);
    live = live_fold_update(fold, 4, 0);
    assert_true(is_near(live->thread_rows[0].cpu, 0.5));
    assert_true(is_near(live->task_rows[0].cpu, 0.5));
}

/* Another task has taken the address. */
static void test_reused_address(void **state) {
    (void)state;
    add_task(1, "one", "one");
    picture_task(1, "another");
    run(0, 1, 100);
    run(1, 1, 100.5);
    const struct live *live = update(1, 1);
    assert_true(live->task_rows[0].cpu == 0);
    assert_int_equal(live->group_count, 2);
    assert_string_equal(live->groups[1].coroutine, "one");
    assert_true(is_near(live->groups[1].cpu, 0.5));
}

/* What a thread used without being seen is nobody's; nor is what it used while its loop was idle.
 */
static void test_unassigned(void **state) {
    (void)state;
    live_fold_add(fold, sample(0));
    threads[0].cpu_s = 100.1;
    threads[0].on_cpu = SNAPSHOT_YES;
    threads[1].cpu_s = 7.75;
    threads[1].on_cpu = SNAPSHOT_YES;
    live_fold_add(fold, sample(1));
    const struct live *live = update(1, 1);
    assert_int_equal(live->group_count, 0);
    assert_true(is_near(live->thread_rows[0].cpu, 0.1));
    assert_true(is_near(live->thread_rows[1].cpu, 0.75));
    assert_true(live->thread_rows[1].on_cpu == 0.5);
}

static void test_little(void **state) {
    (void)state;
    add_task(1, "one", "one");
    run(0, 1, 100);
    run(1, 0, 100.0018);
    assert_int_equal(update(1, 1)->group_count, 0);
}

static void test_many_ended(void **state) {
    (void)state;
    char names[60][16];
    for (uint64_t i = 0; i < 60; i++) {
        snprintf(names[i], sizeof names[i], "coro_%02d", (int)i);
        add_task(i + 1, names[i], names[i]);
    }
    add_task(61, "x", NULL);
    run(0, 60, 100);
    for (uint64_t i = 0; i < 61; i++)
        run(0.5 + (double)i / 200, i + 1, 100.5);
    const struct live *live = update(1, 1);
    assert_int_equal(live->group_count, 32);
    assert_string_equal(live->groups[0].coroutine, "coro_59");
    assert_null(live->groups[31].coroutine);
    assert_true(is_near(sum_groups(live), live->thread_rows[0].cpu));
}

static void test_gil(void **state) {
    (void)state;
    threads[0].holds_gil = SNAPSHOT_YES;
    live_fold_add(fold, sample(0.1));
    threads[0].holds_gil = SNAPSHOT_NO;
    threads[0].waits_for_gil = SNAPSHOT_YES;
    threads[1].holds_gil = SNAPSHOT_YES;
    live_fold_add(fold, sample(0.2));
    threads[1].holds_gil = SNAPSHOT_NO;
    live_fold_add(fold, sample(0.3));
    threads[1].holds_gil = threads[0].holds_gil = SNAPSHOT_MAYBE;
    threads[0].waits_for_gil = SNAPSHOT_MAYBE;
    struct recording_sample last = *sample(0.4);
    last.gc = 4;
    live_fold_add(fold, &last);
    const struct live *live = update(1, 1);
    assert_true(is_near(live->gil, 2.0 / 3) && is_near(live->gil_others, 1.0 / 3));
    assert_true(live->gc == 0.25);
    assert_true(is_near(live->thread_rows[0].gil, 1.0 / 3));
    assert_true(is_near(live->thread_rows[0].gil_wait, 2.0 / 3));
    live_fold_add(fold, sample(1.1)); /* a free-threaded one has none */
    live = live_fold_update(fold, 2, 0);
    assert_true(isnan(live->gil) && isnan(live->gil_others) && live->gc == 0);
    assert_true(isnan(live->thread_rows[0].gil));
}

static void test_totals(void **state) {
    (void)state;
    struct recording_sample one = *sample(0.5);
    one.pause_s = 0.002;
    one.torn = 3;
    live_fold_add(fold, &one);
    one.pause_s = NAN;
    live_fold_add(fold, &one);
    live_fold_add_failed(fold);
    snapshot->capture.pause_s = 0.008;
    const struct live *live = update(1.5, 2);
    assert_true(is_near(live->paused, 0.005) && is_near(live->longest_pause_s, 0.008));
    assert_int_equal(live->samples, 2);
    assert_int_equal(live->failed, 1);
    assert_int_equal(live->torn, 6);
    assert_ptr_equal(live->snapshot, snapshot);
    assert_true(is_near(live->picture_age_s, 0.5));
    live = live_fold_update(fold, 3, 0.05);
    assert_true(live->paused == 0 && is_near(live->longest_pause_s, 0.008));
    assert_true(is_near(live->picture_age_s, 1.5) && live->interval_s == 1 && live->watched_s == 3);
    assert_true(is_near(live->own_cpu, 0.05));
    assert_int_equal(live->samples + live->failed + live->torn, 0);
}

/* Threads without a number of the kernel are known by their own. */
static void test_thread_without_tid(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        threads[i].tid = snapshot->threads.items[i].tid = SNAPSHOT_UNKNOWN;
        threads[i].ident = snapshot->threads.items[i].ident = 77 + i;
    }
    live_fold_add(fold, sample(0));
    threads[1].cpu_s += 0.5;
    live_fold_add(fold, sample(1));
    const struct live *live = update(1, 1);
    assert_true(is_near(live->thread_rows[0].cpu, 0) && is_near(live->thread_rows[1].cpu, 0.5));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
    const struct CMUnitTest tests[] = {
        TEST(test_split),      TEST(test_short_life),
        TEST(test_intervals),  TEST(test_reused_address),
        TEST(test_unassigned), TEST(test_little),
        TEST(test_many_ended), TEST(test_gil),
        TEST(test_totals),     TEST(test_thread_without_tid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
