/* Births and deaths of tasks; hostile samples; memory that does not grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../src/analysis/live_fold.h"
#include "../support/case.h"
#include "../support/recorded.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/analysis/live.h"

static struct recorded *recorded;
static struct live_fold *fold;
static struct snapshot *snapshot;

static int create(void **state) {
    (void)state;
    recorded = recorded_create();
    fold = live_fold_create();
    snapshot = case_create(256);
    return 0;
}

static int destroy(void **state) {
    (void)state;
    live_fold_destroy(fold);
    recorded_destroy(recorded);
    snapshot_destroy(snapshot);
    return 0;
}

static void set_task(uint64_t number, const char *name) {
    struct recording_task task = recorded_task(recorded, number);
    task.name = name;
    recorded_set_task(recorded, &task);
}

static void take(double time_s) {
    live_fold_add(fold, recorded_take(recorded, time_s));
}

static const struct live *update(double time_s) {
    return live_fold_update(fold, time_s, 0);
}

static void expect(double time_s, double births, double deaths) {
    const struct live *live = update(time_s);
    assert_true(fabs(live->births - births) < 1e-6);
    assert_true(fabs(live->deaths - deaths) < 1e-6);
}

/* --- births and deaths --- */

static void test_samples(void **state) {
    (void)state;
    set_task(1, "a");
    set_task(2, "b");
    take(0.5);
    expect(1, 0, 0); /* those were there */
    set_task(3, "c");
    set_task(4, "d");
    take(1.5);
    recorded_drop_task(recorded, 1);
    set_task(2, "renamed");
    take(2);
    expect(3, 2 / 1.5, 1 / 1.5); /* since the sample at 0.5 */
    take(4);
    expect(4, 0, 0);
}

static void take_running(double time_s) {
    struct recording_sample sample = *recorded_take(recorded, time_s);
    sample.is_whole = false;
    live_fold_add(fold, &sample);
}

/* What comes and goes is mostly seen by looks at all tasks. While there is none the rate stays, and
 * the next one tells of all the time since the one before. */
static void test_seldom_looks(void **state) {
    (void)state;
    take(0.5);
    expect(1, 0, 0);
    take_running(1.5);
    expect(2, 0, 0);
    set_task(1, "a");
    set_task(2, "b");
    take_running(2.4);
    expect(2.5, 0, 0);
    recorded_drop_task(recorded, 1);
    set_task(3, "c");
    take(2.5);
    expect(3, 1.5, 0.5);
    take_running(3.5);
    expect(4, 1.5, 0.5);
    take(4.5);
    expect(5, 0, 0);
}

static void add_picture_task(uint64_t id, const char *name) {
    struct snapshot_task *task = case_task(snapshot, name);
    task->id = id;
}

static void look(double time_s) {
    analyze(snapshot, NULL);
    live_fold_add_picture(fold, snapshot, time_s);
}

static void test_pictures(void **state) {
    (void)state;
    add_picture_task(1, "a");
    add_picture_task(2, "b");
    add_picture_task(3, "c");
    look(1);
    expect(1, 0, 0);
    snapshot_destroy(snapshot);
    snapshot = case_create(16);
    add_picture_task(1, "a");
    add_picture_task(2, "another");
    look(3);
    expect(3, 0.5, 1);
}

/* The numbers tell of tasks that nobody saw. */
static void test_numbers(void **state) {
    (void)state;
    set_task(1, "Task-1");
    take(0.5);
    expect(1, 0, 0);
    set_task(2, "Task-5001");
    take(1.5);
    expect(2, 1, 0); /* since when there are the others is not known */
    set_task(3, "Task-5101");
    take(2.5);
    expect(3, 100, 99);
    recorded_drop_task(recorded, 2);
    recorded_drop_task(recorded, 3);
    take(3.5);
    expect(4, 0, 2);
    set_task(4, "Task-5111");
    take(5.5);
    expect(6, 10.0 / 3, 10.0 / 3 - 0.5); /* in the three seconds since the last of them */
}

static void test_names_that_do_not_count(void **state) {
    (void)state;
    static const char *const names[] = {
        "Task-",     "Task-007", "task-900", "Task-90x", "Task-9 ",
        "xTask-900", "Task--9",  "",         NULL,       "Task-18446744073709552516"};
    set_task(1, "Task-1");
    take(0.1);
    set_task(2, "Task-2");
    take(0.2);
    update(1);
    for (uint64_t i = 0; i < sizeof names / sizeof *names; i++) {
        set_task(10 + i, names[i]);
        take(1.2 + (double)i);
        expect(2 + (double)i, 1, 0);
    }
}

/* Somebody calls a task so. It counts once at most, and asyncio's numbers count soon again. */
static void test_wrong_number(void **state) {
    (void)state;
    set_task(1, "Task-1");
    take(0.1);
    set_task(2, "Task-100");
    take(0.2);
    update(1);
    set_task(3, "Task-99999999999");
    take(1.2);
    expect(2, 1, 0);
    set_task(4, "Task-110");
    take(2.2);
    expect(3, 5, 4); /* ten in two seconds */
    set_task(5, "Task-5000");
    take(3.2);
    expect(4, 4890, 4889);
    set_task(6, "Task-120"); /* so 5000 was one as well */
    take(4.2);
    expect(5, 1, 0);
    set_task(7, "Task-130");
    take(5.2);
    expect(6, 1, 0);
    set_task(8, "Task-140");
    take(6.2);
    expect(7, 10, 9);
}

/* --- hostile ones --- */

static const double odd[] = {NAN, -1, -1e300, 1e300, INFINITY, -INFINITY, 0, 1e9, 0.15};
#define ODD (sizeof odd / sizeof *odd)

static void expect_sane(const struct live *live) {
    assert_true(live->interval_s >= 0 && live->watched_s >= 0 && live->watched_s <= LIVE_TIME_MAX);
    assert_true(isnan(live->paused) || (live->paused >= 0 && live->paused <= 1));
    assert_true(isnan(live->own_cpu) || live->own_cpu >= 0);
    assert_true(live->births >= 0 && live->deaths >= 0);
    for (size_t i = 0; i < live->loop_count; i++) {
        const struct live_loop *loop = &live->loops[i];
        assert_true(isnan(loop->busy) || (loop->busy >= 0 && loop->busy <= 1));
        assert_true(isnan(loop->lag_s) || (loop->lag_s >= 0 && loop->lag_s < LIVE_TIME_MAX));
        assert_true(isnan(loop->iteration_worst_s) ||
                    (loop->iteration_worst_s >= 0 && loop->iteration_worst_s < LIVE_TIME_MAX));
        assert_true(isnan(loop->worst.length_s) || loop->worst.ended_s >= 0);
        assert_true(loop->ready == SNAPSHOT_UNKNOWN || loop->ready >= 0);
    }
    for (size_t i = 0; live->snapshot && i < live->snapshot->threads.count; i++)
        assert_true(isnan(live->thread_rows[i].cpu) || live->thread_rows[i].cpu >= 0);
}

static void test_odd_values(void **state) {
    (void)state;
    struct recording_loop loop = recorded_loop(CASE_LOOP);
    struct recording_thread thread = recorded_thread(recorded, CASE_TID, NULL);
    loop.tid = CASE_TID;
    loop.ready = -5;
    loop.type = NULL;
    thread.event_loop = CASE_LOOP;
    thread.on_cpu = SNAPSHOT_YES;
    look(0);
    for (size_t i = 0; i < ODD * ODD * ODD; i++) {
        loop.blocked_s = odd[i % ODD];
        loop.overdue_s = odd[i / ODD % ODD];
        loop.state = (enum snapshot_loop_state)(i % 8);
        loop.task = thread.task = i % 3 ? 0 : UINT64_MAX - i;
        thread.cpu_s = odd[i / ODD % ODD];
        recorded_set_loops(recorded, &loop, 1);
        recorded_set_threads(recorded, &thread, 1);
        struct recording_sample sample = *recorded_take(recorded, odd[i / ODD / ODD]);
        sample.pause_s = odd[i % ODD];
        live_fold_add(fold, &sample);
        if (i % 5 == 0)
            look(odd[i % ODD]);
        if (i % 7 == 0)
            expect_sane(live_fold_update(fold, odd[i % ODD], odd[i / ODD % ODD]));
    }
}

static void test_time_goes_back(void **state) {
    (void)state;
    set_task(1, "a");
    take(5);
    look(5);
    expect_sane(update(6));
    take(1);
    look(2);
    const struct live *live = update(3);
    expect_sane(live);
    assert_true(live->watched_s == 6 && live->interval_s == 0 && isnan(live->paused));
}

/* Thousands of loops and threads: some are told of. Long names are cut between characters. */
static void test_many(void **state) {
    (void)state;
    enum { MANY = 6000 };
    static struct recording_loop loops[MANY];
    static struct recording_thread threads[MANY];
    char name[400];
    for (size_t i = 0; i + 1 < sizeof name; i++)
        name[i] = "\xe2\x82\xac"[i % 3];
    name[sizeof name - 1] = 0;
    for (int i = 0; i < MANY; i++) {
        loops[i] = recorded_loop((snapshot_id)(i / 2));
        loops[i].state = SNAPSHOT_LOOP_RUNNING;
        loops[i].blocked_s = 0.5;
        loops[i].type = name;
        loops[i].task = 1;
        threads[i] = recorded_thread(recorded, i, name);
        threads[i].on_cpu = threads[i].holds_gil = SNAPSHOT_YES;
        threads[i].task = (uint64_t)i;
    }
    struct recording_task task = recorded_task(recorded, 1);
    task.name = name;
    task.stack = recorded_stack(recorded, "f a.py:1");
    recorded_set_task(recorded, &task);
    recorded_set_loops(recorded, loops, MANY);
    recorded_set_threads(recorded, threads, MANY);
    take(1);
    take(2);
    look(2);
    const struct live *live = update(2);
    assert_int_equal(live->loop_count, 32);
    assert_int_equal(strlen(live->loops[0].type), 93);
    assert_int_equal(strlen(live->loops[0].worst.task), 93);
    assert_int_equal(fold->threads.count, 4096);
    recorded_set_threads(recorded, threads, 1);
    take(3);
    update(3);
    assert_int_equal(fold->threads.count, 1);
}

/* Tasks and groups of equal ids, references to nothing. */
static void test_odd_picture(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct snapshot_task *task = case_task(snapshot, "f");
        task->id = (snapshot_id)(i % 2);
        if (i % 3 == 0)
            task->name = task->coroutine = NULL;
        case_wait(snapshot, task, SNAPSHOT_WAIT_LOCK)->object = 0xdead;
        task->awaiting->fd = i;
    }
    struct snapshot_object *object = case_object(snapshot, SNAPSHOT_OBJECT_LOCK, NULL);
    static snapshot_id waiters[] = {0, 1, 0xdead};
    object->waiters = waiters;
    object->waiter_count = 3;
    case_socket(snapshot, 3, NULL, NULL)->state = NULL;
    for (int i = 0; i < 3; i++) {
        look(i);
        snapshot->groups.items[0].tasks[0] = SIZE_MAX;
        expect_sane(update(i));
    }
    set_task(1, NULL);
    take(4);
    expect_sane(update(5));
}

/* --- memory --- */

static void live_long(int from, int to) {
    struct recording_loop loop = recorded_loop(CASE_LOOP);
    struct recording_thread threads[2] = {recorded_thread(recorded, CASE_TID, "MainThread")};
    struct recording_task running = recorded_task(recorded, 7);
    struct recording_change changes[2];
    const struct recording_task *tasks[] = {&running};
    struct recording_sample sample = {.is_whole = true,
                                      .loops = &loop,
                                      .loop_count = 1,
                                      .threads = threads,
                                      .thread_count = 2,
                                      .tasks = tasks,
                                      .task_count = 1,
                                      .changes = changes,
                                      .change_count = 2};
    threads[0].on_cpu = SNAPSHOT_YES;
    loop.tid = CASE_TID;
    loop.task = threads[0].task = 7;
    for (int i = from; i < to; i++) {
        char name[32];
        snprintf(name, sizeof name, "Task-%d", i + 1);
        running.name = running.coroutine = name;
        running.id = (snapshot_id)i;
        changes[0] = (struct recording_change){NULL, &running};
        changes[1] = (struct recording_change){&running, NULL};
        threads[1] = threads[0];
        threads[1].tid = 1000 + i;
        threads[0].cpu_s = i;
        loop.id = (snapshot_id)(CASE_LOOP + i % 3);
        loop.state = i % 2 ? SNAPSHOT_LOOP_RUNNING : SNAPSHOT_LOOP_IDLE;
        loop.blocked_s = 0.3;
        sample.time_s = i;
        live_fold_add(fold, &sample);
        snapshot->tasks.items[0].id = (snapshot_id)i;
        snapshot->findings.count = (size_t)(i % 2);
        live_fold_add_picture(fold, snapshot, i + 0.2);
        live_fold_update(fold, i + 0.5, 0);
    }
}

static size_t get_size(void) {
    return arena_get_size(fold->interval) + arena_get_size(fold->shown) +
           arena_get_size(fold->pictures[0].arena) + arena_get_size(fold->pictures[1].arena);
}

static void test_memory(void **state) {
    (void)state;
    case_task(snapshot, "a");
    case_task(snapshot, "b");
    analyze(snapshot, NULL);
    *SNAPSHOT_APPEND(snapshot, &snapshot->findings) =
        (struct snapshot_finding){.code = SNAPSHOT_FINDING_BACKLOG, .summary = "BACKLOG"};
    live_long(0, 1000);
    size_t heap = mallinfo2().uordblks, arenas = get_size();
    live_long(1000, 100000);
    assert_int_equal(mallinfo2().uordblks, heap);
    assert_in_range(get_size(), 0, arenas + 1000);
    assert_in_range(fold->loops.count, 1, 3);
    assert_in_range(fold->threads.count, 1, 3);
}

/* Samples without end, and no update. */
static void test_no_update(void **state) {
    (void)state;
    struct recording_loop loop = recorded_loop(CASE_LOOP);
    struct recording_thread thread = recorded_thread(recorded, CASE_TID, NULL);
    thread.on_cpu = SNAPSHOT_YES;
    struct recording_task running = recorded_task(recorded, 7);
    struct recording_change change = {NULL, &running};
    struct recording_sample sample = {.is_whole = true,
                                      .loops = &loop,
                                      .loop_count = 1,
                                      .threads = &thread,
                                      .thread_count = 1,
                                      .changes = &change,
                                      .change_count = 1};
    look(0);
    for (int i = 0; i < 300000; i++) {
        running.number = thread.task = loop.task = (uint64_t)i + 1;
        running.id = (snapshot_id)i * 16;
        loop.state = SNAPSHOT_LOOP_RUNNING;
        loop.blocked_s = 0.0001;
        thread.cpu_s = sample.time_s = i / 100.0;
        live_fold_add(fold, &sample);
    }
    assert_in_range(get_size(), 0, 40 << 20);
    const struct live *live = update(3000);
    assert_int_equal(live->loops[0].iterations, 300000);
    assert_true(fabs(live->groups[live->group_count - 1].cpu - 1) < 1e-3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
    const struct CMUnitTest tests[] = {
        TEST(test_samples),
        TEST(test_seldom_looks),
        TEST(test_pictures),
        TEST(test_numbers),
        TEST(test_names_that_do_not_count),
        TEST(test_wrong_number),
        TEST(test_odd_values),
        TEST(test_time_goes_back),
        TEST(test_many),
        TEST(test_odd_picture),
        TEST(test_memory),
        TEST(test_no_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
