/* Samples folded to a profile: what each mode counts, as which stack, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/profile_text.h"
#include "../support/recorded.h"
#include "asyncspy/analysis/profile.h"

#define STACK(text) recorded_stack(recorded, text)

static struct recorded *recorded;
static struct profile_fold *fold;

static int create(void **state) {
    (void)state;
    recorded = recorded_create();
    return 0;
}

static int destroy(void **state) {
    (void)state;
    profile_fold_destroy(fold);
    fold = NULL;
    recorded_destroy(recorded);
    return 0;
}

static void begin(enum profile_mode mode, struct sample_filter *filter) {
    profile_fold_destroy(fold);
    fold = profile_fold_create(mode, filter);
}

static void take(double time_s) {
    profile_fold_add(fold, recorded_take(recorded, time_s));
}

/* Ends the fold; its stacks have to be these. */
static const struct profile *expect(double time_s, const char *expected) {
    struct recording_end end = recorded_end(recorded, time_s);
    const struct profile *profile = profile_fold_end(fold, &end);
    char *text = profile_text(profile);
    assert_string_equal(text, expected);
    free(text);
    double sum = 0;
    for (size_t i = 0; i < profile->stack_count; i++)
        sum += profile->stacks[i].weight_s;
    assert_true(fabs(sum - profile->weight_s) < 1e-9);
    for (size_t i = 0; i < profile->frame_count; i++)
        assert_int_equal(profile->frames[i]->index, i);
    return profile;
}

/* A task that waits for `wait` (NULL: nothing known) at `stack`. */
static void set_task(uint64_t number, enum snapshot_task_state state, const char *stack,
                     const struct recording_wait *wait) {
    struct recording_task task = recorded_task(recorded, number);
    task.state = state;
    task.stack = STACK(stack);
    task.wait = wait;
    recorded_set_task(recorded, &task);
}

static const struct recording_wait *sleep_wait(void) {
    return recorded_wait(recorded, SNAPSHOT_WAIT_SLEEP, NULL, NULL);
}

static void test_tasks(void **state) {
    (void)state;
    const struct recording_wait *lock =
        recorded_wait(recorded, SNAPSHOT_WAIT_LOCK, "Lock#1", "pool.sem");
    begin(PROFILE_TASKS, NULL);
    set_task(1, SNAPSHOT_TASK_WAITING, "sleep /usr/lib/python3.11/asyncio/tasks.py:9; main a.py:3",
             sleep_wait());
    set_task(2, SNAPSHOT_TASK_WAITING, "main.<locals>.Pool.get a.py:7", lock);
    set_task(3, SNAPSHOT_TASK_WAITING, "main.<locals>.Pool.get a.py:7", lock);
    take(1);
    set_task(3, SNAPSHOT_TASK_RUNNING, "loads json.py:1; main a.py:4", NULL);
    take(2);
    recorded_drop_task(recorded, 2);
    set_task(3, SNAPSHOT_TASK_WAITING, "main.<locals>.Pool.get a.py:7", NULL);
    take(4);
    set_task(3, SNAPSHOT_TASK_DONE, "", NULL);
    take(5);
    const struct profile *profile =
        expect(11, "main a.py:3;sleep asyncio/tasks.py:9;[sleep] 10.000 4\n"
                   "Pool.get a.py:7;[Lock#1 'pool.sem'] 4.000 3\n"
                   "main a.py:4;loads json.py:1 2.000 1\n"
                   "Pool.get a.py:7;[not known what for] 1.000 1\n");
    assert_int_equal(profile->samples, 4);
    assert_int_equal(profile->mode, PROFILE_TASKS);
    assert_true(profile->duration_s == 11);
    assert_ptr_equal(profile->stacks[1].frames[0], profile->stacks[3].frames[0]);
    assert_int_equal(profile->stacks[0].frames[0]->origin, FRAME_USER);
    assert_int_equal(profile->stacks[0].frames[1]->origin, FRAME_STDLIB);
}

static void test_task_states(void **state) {
    (void)state;
    begin(PROFILE_TASKS, NULL);
    set_task(1, SNAPSHOT_TASK_READY, "f a.py:1", sleep_wait());
    set_task(2, SNAPSHOT_TASK_NOT_STARTED, "", NULL);
    set_task(3, SNAPSHOT_TASK_WAITING, "", sleep_wait());
    set_task(4, SNAPSHOT_TASK_CANCELLED, "f a.py:1", NULL);
    set_task(5, SNAPSHOT_TASK_DONE, "f a.py:1", NULL);
    set_task(6, SNAPSHOT_TASK_RUNNING, "", NULL);
    struct recording_task nameless = recorded_task(recorded, 7);
    nameless.coroutine = NULL;
    recorded_set_task(recorded, &nameless);
    take(0);
    expect(1, "f a.py:1;[ready] 1.000 1\n"
              "<main> 1.000 1\n"
              "<main>;[not started] 1.000 1\n"
              "<main>;[sleep] 1.000 1\n"
              "<?>;[not known what for] 1.000 1\n");
}

/* A fold may begin in the middle of a recording. Time that is none is not counted. */
static void test_odd_times(void **state) {
    (void)state;
    set_task(1, SNAPSHOT_TASK_READY, "f a.py:1", NULL);
    recorded_take(recorded, 0);
    begin(PROFILE_TASKS, NULL);
    take(10);
    take(NAN);
    take(INFINITY);
    take(3);
    take(11);
    take(-INFINITY);
    expect(9, "f a.py:1;[ready] 1.000 6\n");
    begin(PROFILE_TASKS, NULL);
    const struct profile *profile = expect(0, "");
    assert_int_equal(profile->frame_count, 0);
    assert_true(profile->weight_s == 0);
    profile_fold_destroy(NULL);
}

/* A task of which nobody has heard leaves nothing behind. */
static void test_unknown_before(void **state) {
    (void)state;
    begin(PROFILE_TASKS, NULL);
    struct recording_task task = recorded_task(recorded, 9);
    const struct recording_change change = {.before = &task};
    take(0);
    struct recording_sample sample = {.time_s = 1, .changes = &change, .change_count = 1};
    profile_fold_add(fold, &sample);
    expect(2, "");
}

static void set_main_thread(enum snapshot_tristate on_cpu, const char *stack, uint64_t task,
                            double cpu_s) {
    struct recording_thread threads[] = {recorded_thread(recorded, 7, "Main"),
                                         recorded_thread(recorded, 8, "worker")};
    threads[0].stack = STACK(stack);
    threads[0].on_cpu = on_cpu;
    threads[0].holds_gil = on_cpu;
    threads[0].cpu_s = cpu_s;
    threads[0].task = task;
    threads[1].waits_for_gil = on_cpu;
    threads[1].cpu_s = 2 * cpu_s;
    recorded_set_threads(recorded, threads, 2);
}

static void set_loop(enum snapshot_loop_state state, uint64_t task) {
    struct recording_loop loop = recorded_loop(0x10);
    loop.tid = 7;
    loop.state = state;
    loop.task = task;
    recorded_set_loops(recorded, &loop, 1);
}

static void set_waiting_for(uint64_t number, const char *stack, uint64_t awaited_by) {
    struct recording_task task = recorded_task(recorded, number);
    task.stack = STACK(stack);
    task.awaited_by = awaited_by;
    task.state = number == 1 ? SNAPSHOT_TASK_RUNNING : SNAPSHOT_TASK_WAITING;
    recorded_set_task(recorded, &task);
}

static void record_loop(void) {
    set_waiting_for(1, "loads j.py:1; job a.py:3", 2);
    set_waiting_for(2, "gather t.py:5; handler a.py:2", 3);
    set_waiting_for(3, "", 0);
    set_main_thread(SNAPSHOT_YES, "loads j.py:1; job a.py:3; run_forever b.py:9", 1, 1);
    set_loop(SNAPSHOT_LOOP_RUNNING, 1);
    take(1);
    recorded_drop_task(recorded, 1);
    set_main_thread(SNAPSHOT_YES, "callback a.py:8; run_forever b.py:9", 0, 1.5);
    set_loop(SNAPSHOT_LOOP_RUNNING, 0);
    take(2);
    set_main_thread(SNAPSHOT_NO, "select s.py:8; run_forever b.py:9", 0, 3.5);
    set_loop(SNAPSHOT_LOOP_IDLE, 0);
    take(5);
    set_waiting_for(2, "gather t.py:5; handler a.py:2", 1); /* a circle */
    set_waiting_for(1, "loads j.py:1; job a.py:3", 2);
    set_main_thread(SNAPSHOT_YES, "", 1, 3.75);
    set_loop(SNAPSHOT_LOOP_BLOCKED, 1);
    take(7);
}

static void test_running(void **state) {
    (void)state;
    begin(PROFILE_RUNNING, NULL);
    record_loop();
    expect(7.5, "run_forever b.py:9;callback a.py:8 3.000 1\n"
                "<main>;handler a.py:2;gather t.py:5;job a.py:3;loads j.py:1 1.000 1\n"
                "handler a.py:2;gather t.py:5;job a.py:3;loads j.py:1 0.500 1\n");
}

/* What is used between two samples belongs to what the first of them shows. */
static void test_cpu(void **state) {
    (void)state;
    begin(PROFILE_CPU, NULL);
    record_loop();
    expect(9, "{Thread worker (8)} 5.500 3\n"
              "run_forever b.py:9;callback a.py:8 2.000 1\n"
              "<main>;handler a.py:2;gather t.py:5;job a.py:3;loads j.py:1 0.500 1\n"
              "run_forever b.py:9;select s.py:8 0.250 1\n");
}

static void test_gil(void **state) {
    (void)state;
    begin(PROFILE_GIL, NULL);
    record_loop();
    expect(9, "run_forever b.py:9;callback a.py:8 3.000 1\n"
              "{Thread Main (7)} 2.000 1\n"
              "run_forever b.py:9;job a.py:3;loads j.py:1 1.000 1\n");
}

static void test_threads(void **state) {
    (void)state;
    begin(PROFILE_THREADS, NULL);
    record_loop();
    expect(9, "{Thread worker (8)};[waits for the GIL] 6.000 3\n"
              "{Thread Main (7)};run_forever b.py:9;callback a.py:8 3.000 1\n"
              "{Thread worker (8)};[idle] 2.000 1\n"
              "{Thread Main (7)} 2.000 1\n"
              "{Thread Main (7)};run_forever b.py:9;select s.py:8;[idle] 2.000 1\n"
              "{Thread Main (7)};run_forever b.py:9;job a.py:3;loads j.py:1 1.000 1\n");
}

static void test_nameless_threads(void **state) {
    (void)state;
    struct recording_thread threads[] = {recorded_thread(recorded, 5, NULL),
                                         recorded_thread(recorded, SNAPSHOT_UNKNOWN, "x"),
                                         recorded_thread(recorded, SNAPSHOT_UNKNOWN, NULL)};
    for (size_t i = 0; i < 3; i++)
        threads[i].on_cpu = SNAPSHOT_MAYBE;
    recorded_set_threads(recorded, threads, 3);
    begin(PROFILE_THREADS, NULL);
    take(0);
    expect(1, "{Thread (5)} 1.000 1\n{Thread x} 1.000 1\n{Thread} 1.000 1\n");
}

/* Of threads that are not known there is still the time. */
static void test_loops_of_unknown_threads(void **state) {
    (void)state;
    struct recording_loop loops[4];
    for (size_t i = 0; i < 4; i++)
        loops[i] = recorded_loop(0x10 + i);
    loops[0].state = SNAPSHOT_LOOP_BLOCKED;
    loops[1].state = SNAPSHOT_LOOP_RUNNING;
    loops[1].tid = 99;
    loops[2].state = SNAPSHOT_LOOP_STATE_UNKNOWN;
    loops[3].task = 1234; /* could not be read */
    loops[3].tid = 7;
    recorded_set_loops(recorded, loops, 4);
    set_main_thread(SNAPSHOT_YES, "f a.py:1", 1234, 1);
    begin(PROFILE_RUNNING, NULL);
    take(0);
    loops[2].tid = 7;
    recorded_set_loops(recorded, loops + 2, 1);
    take(1);
    expect(3, "f a.py:1 3.000 2\n{an event loop} 2.000 2\n");
}

static void test_long_chains(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 200; i++)
        set_waiting_for(i, "f a.py:1", i + 1);
    set_loop(SNAPSHOT_LOOP_RUNNING, 1);
    begin(PROFILE_RUNNING, NULL);
    take(0);
    struct recording_end end = recorded_end(recorded, 1);
    const struct profile *profile = profile_fold_end(fold, &end);
    assert_int_equal(profile->stack_count, 1);
    assert_int_equal(profile->stacks[0].frame_count, 128);
}

static void test_filters(void **state) {
    (void)state;
    struct sample_filter *filter = sample_filter_create();
    sample_filter_add(filter, FILTER_FUNCTION, true, "get");
    sample_filter_add(filter, FILTER_TASK, true, "Task-3");
    begin(PROFILE_TASKS, filter);
    set_task(1, SNAPSHOT_TASK_READY, "f a.py:1", NULL);
    set_task(2, SNAPSHOT_TASK_READY, "get a.py:1", NULL);
    set_task(3, SNAPSHOT_TASK_READY, "f a.py:1", NULL);
    take(0);
    set_task(1, SNAPSHOT_TASK_READY, "get a.py:1", NULL);
    set_task(2, SNAPSHOT_TASK_READY, "f a.py:1", NULL);
    take(2);
    expect(5, "f a.py:1;[ready] 5.000 2\n");
    sample_filter_destroy(filter);
    static const enum profile_mode modes[] = {PROFILE_RUNNING, PROFILE_CPU, PROFILE_THREADS};
    static const char *const expected[] = {
        "<main>;handler a.py:2;gather t.py:5;job a.py:3;loads j.py:1 1.000 1\n"
        "handler a.py:2;gather t.py:5;job a.py:3;loads j.py:1 0.500 1\n",
        "<main>;handler a.py:2;gather t.py:5;job a.py:3;loads j.py:1 0.500 1\n",
        "{Thread Main (7)};run_forever b.py:9;job a.py:3;loads j.py:1 1.000 1\n"
        "{Thread Main (7)} 0.500 1\n"};
    for (size_t i = 0; i < 3; i++) {
        recorded_destroy(recorded);
        recorded = recorded_create();
        filter = sample_filter_create();
        sample_filter_add(filter, FILTER_TASK, false, "Task-*");
        begin(modes[i], filter);
        record_loop();
        expect(7.5, expected[i]);
        sample_filter_destroy(filter);
    }
}

/* Each of many tasks waits for an object of its own: that is one place. */
static void test_many_objects(void **state) {
    (void)state;
    begin(PROFILE_TASKS, NULL);
    const struct recording_wait *hot = recorded_wait(recorded, SNAPSHOT_WAIT_LOCK, "Lock#1", "hot");
    set_task(1, SNAPSHOT_TASK_WAITING, "f a.py:1", hot);
    set_task(2, SNAPSHOT_TASK_WAITING, "g a.py:2", hot);
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "Lock#%d", i + 2);
        for (size_t j = 0; j < 2; j++) /* at first a few, then more and more */
            set_task(10 + j, SNAPSHOT_TASK_WAITING, "f a.py:1",
                     recorded_wait(recorded, SNAPSHOT_WAIT_LOCK, name, NULL));
        take(i * 0.01);
    }
    expect(10, "f a.py:1;[a lock] 20.000 2000\n"
               "f a.py:1;[Lock#1 'hot'] 10.000 1000\n"
               "g a.py:2;[Lock#1 'hot'] 10.000 1000\n");
}

/* Waits that differ only in what words do not say are one. */
static void test_same_words(void **state) {
    (void)state;
    struct recording_wait waits[100];
    begin(PROFILE_TASKS, NULL);
    for (uint64_t i = 0; i < 100; i++) {
        waits[i] = (struct recording_wait){
            .kind = SNAPSHOT_WAIT_STREAM_READ, .peer = "10.0.0.3:5432", .fd = (int64_t)i};
        set_task(i + 1, SNAPSHOT_TASK_WAITING, "f a.py:1", &waits[i]);
    }
    take(0);
    expect(1, "f a.py:1;[socket 10.0.0.3:5432 (read)] 100.000 100\n");
}

static void test_top(void **state) {
    (void)state;
    begin(PROFILE_TASKS, NULL);
    set_task(1, SNAPSHOT_TASK_RUNNING, "f a.py:1; main a.py:9", NULL);
    set_task(2, SNAPSHOT_TASK_RUNNING, "f a.py:2; main a.py:9", NULL);
    set_task(3, SNAPSHOT_TASK_RUNNING, "f b.py:1; main a.py:9", NULL);
    set_task(4, SNAPSHOT_TASK_WAITING, "f a.py:1", sleep_wait());
    set_task(5, SNAPSHOT_TASK_WAITING, "g a.py:1", sleep_wait());
    set_task(6, SNAPSHOT_TASK_READY, "g a.py:1", NULL);
    take(0);
    recorded_drop_task(recorded, 3);
    recorded_drop_task(recorded, 6);
    take(1);
    struct recording_end end = recorded_end(recorded, 2);
    const struct profile *profile = profile_fold_end(fold, &end);
    struct profile_top tops[3];
    assert_int_equal(profile_find_top(profile, PROFILE_FRAME_CODE, tops, 3), 2);
    assert_string_equal(tops[0].frame->name, "f");
    assert_string_equal(tops[0].frame->file, "a.py");
    assert_true(tops[0].weight_s == 4);
    assert_string_equal(tops[1].frame->file, "b.py");
    assert_int_equal(profile_find_top(profile, PROFILE_FRAME_WAIT, tops, 1), 1);
    assert_string_equal(tops[0].frame->name, "sleep");
    assert_true(tops[0].weight_s == 4);
    assert_int_equal(profile_find_top(profile, PROFILE_FRAME_ROOT, tops, 1), 0);
    assert_int_equal(profile_find_top(profile, PROFILE_FRAME_WAIT, NULL, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_tasks),
        TEST(test_task_states),
        TEST(test_odd_times),
        TEST(test_unknown_before),
        TEST(test_running),
        TEST(test_cpu),
        TEST(test_gil),
        TEST(test_threads),
        TEST(test_nameless_threads),
        TEST(test_loops_of_unknown_threads),
        TEST(test_long_chains),
        TEST(test_filters),
        TEST(test_many_objects),
        TEST(test_same_words),
        TEST(test_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
