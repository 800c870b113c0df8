/* What moved between two pictures: tasks, loops, threads, sockets. The threads are those of a live
 * child: its main thread counts, another one sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "../../src/capture/second_look.h"
#include "../support/case.h"
#include "../support/child.h"

#define PASSED 0.2 /* s between the two */
#define NOBODY 1   /* a thread of which nothing is known: init's */

/* --- two pictures --- */

struct looks {
    struct snapshot *snapshots[2]; /* first, second; with one loop in a thread */
    struct target_process *process;
    struct target_runs *runs;
    int64_t busy, asleep; /* threads */
    pid_t pid;
};

static void *tell_and_pause(void *unused) {
    child_shared->step = (unsigned long)gettid();
    return child_pause_forever(unused);
}

static void count_beside_a_sleeper(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, tell_and_pause, NULL);
    child_count_forever();
}

static int set_up(void **state) {
    struct looks *looks = calloc(1, sizeof *looks);
    looks->pid = child_start(count_beside_a_sleeper);
    looks->process = child_open(looks->pid);
    assert_null(runs_begin(looks->process, &looks->runs));
    usleep(60000);
    runs_update(looks->runs);
    looks->busy = looks->pid;
    looks->asleep = (int64_t)child_shared->step;
    for (int i = 0; i < 2; i++)
        looks->snapshots[i] = case_create(16);
    *state = looks;
    return 0;
}

static int tear_down(void **state) {
    struct looks *looks = *state;
    for (int i = 0; i < 2; i++)
        snapshot_destroy(looks->snapshots[i]);
    runs_end(looks->runs);
    process_close(looks->process);
    child_finish(looks->pid);
    free(looks);
    return 0;
}

static void compare(const struct looks *looks) {
    second_look_compare(&(struct look_at){looks->snapshots[0], 1000},
                        &(struct look_at){looks->snapshots[1], 1000 + PASSED}, looks->runs, true);
}

/* The loop of both pictures runs in the thread `tid`. */
static void put_loop(struct looks *looks, int64_t tid) {
    for (int i = 0; i < 2; i++) {
        looks->snapshots[i]->event_loops.items[0].tid = tid;
        looks->snapshots[i]->event_loops.items[0].idle_s = NAN;
    }
}

/* --- threads --- */

static void test_threads(void **state) {
    struct looks *looks = *state;
    const int64_t tids[] = {looks->busy, looks->asleep, NOBODY, SNAPSHOT_UNKNOWN};
    static const enum snapshot_tristate moved[] = {SNAPSHOT_YES, SNAPSHOT_NO, SNAPSHOT_MAYBE,
                                                   SNAPSHOT_MAYBE};
    for (size_t i = 0; i < 4; i++)
        case_thread(looks->snapshots[0], tids[i], "t");
    compare(looks);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(looks->snapshots[0]->threads.items[1 + i].moved, moved[i]);
}

/* Where the first look cannot tell whether a thread waits for the GIL, the second one may. */
static void test_threads_that_wait_for_the_gil(void **state) {
    struct looks *looks = *state;
    for (uint64_t i = 0; i < 2; i++)
        for (uint64_t ident = 1; ident <= 3; ident++) {
            struct snapshot_thread *thread = case_thread(looks->snapshots[i], NOBODY, "t");
            thread->ident = ident + (i && ident == 3); /* the third one is another */
            thread->waits_for_gil = i ? SNAPSHOT_YES : ident == 1 ? SNAPSHOT_MAYBE : SNAPSHOT_NO;
        }
    looks->snapshots[0]->threads.items[3].waits_for_gil = SNAPSHOT_MAYBE;
    compare(looks);
    const struct snapshot_thread *threads = looks->snapshots[0]->threads.items;
    assert_int_equal(threads[1].waits_for_gil, SNAPSHOT_YES);
    assert_int_equal(threads[2].waits_for_gil, SNAPSHOT_NO);
    assert_int_equal(threads[3].waits_for_gil, SNAPSHOT_MAYBE);
}

/* --- loops --- */

#define NO_COUNT SNAPSHOT_UNKNOWN /* as a callback_index: the age is a bound */

struct loop_facts {
    enum snapshot_loop_state state;
    double iteration_age_s;
    int64_t callback_index;
    double idle_s;
};

static enum snapshot_tristate compare_loops(struct looks *looks, const struct loop_facts facts[2]) {
    for (int i = 0; i < 2; i++) {
        struct snapshot_loop *loop = &looks->snapshots[i]->event_loops.items[0];
        loop->state = facts[i].state;
        loop->iteration_age_s = facts[i].iteration_age_s;
        loop->callback_index = facts[i].callback_index;
        loop->callback_count = facts[i].callback_index == NO_COUNT ? SNAPSHOT_UNKNOWN : 9;
        loop->idle_s = facts[i].idle_s;
    }
    compare(looks);
    return looks->snapshots[0]->event_loops.items[0].moved;
}

#define RUNS SNAPSHOT_LOOP_RUNNING
#define IDLE SNAPSHOT_LOOP_IDLE

static const struct loop_case {
    struct loop_facts looks[2];
    enum snapshot_tristate moved;
} loop_cases[] = {
    /* the same callback of the same iteration */
    {{{RUNS, 5, 2, NAN}, {RUNS, 5 + PASSED, 2, NAN}}, SNAPSHOT_NO},
    {{{RUNS, 5, 2, NAN}, {RUNS, 5 + PASSED, 3, NAN}}, SNAPSHOT_YES},
    {{{RUNS, 5, 2, NAN}, {RUNS, 0.1, 2, NAN}}, SNAPSHOT_YES},
    {{{RUNS, 5, 2, NAN}, {RUNS, NAN, 2, NAN}}, SNAPSHOT_YES},
    {{{RUNS, 5, NO_COUNT, NAN}, {RUNS, 5 + PASSED, NO_COUNT, NAN}}, SNAPSHOT_NO},
    {{{RUNS, 5, NO_COUNT, NAN}, {RUNS, 0.1, NO_COUNT, NAN}}, SNAPSHOT_MAYBE},
    /* the same select() */
    {{{IDLE, NAN, 0, 3}, {IDLE, NAN, 0, 3 + PASSED}}, SNAPSHOT_NO},
    {{{IDLE, NAN, 0, 3}, {IDLE, NAN, 0, 0.1}}, SNAPSHOT_YES},
    {{{IDLE, NAN, 0, 3}, {RUNS, NAN, 0, NAN}}, SNAPSHOT_YES},
    /* nothing that tells */
    {{{IDLE, NAN, 0, NAN}, {IDLE, NAN, 0, NAN}}, SNAPSHOT_MAYBE},
    /* one of them was analyzed */
    {{{RUNS, 5, 2, NAN}, {SNAPSHOT_LOOP_BLOCKED, 5 + PASSED, 2, NAN}}, SNAPSHOT_NO},
};

static void test_loops(void **state) {
    struct looks *looks = *state;
    put_loop(looks, NOBODY);
    for (size_t i = 0; i < sizeof loop_cases / sizeof *loop_cases; i++)
        assert_int_equal(compare_loops(looks, loop_cases[i].looks), loop_cases[i].moved);
}

/* Whatever else there is: a thread that did not run has moved no loop. */
static void test_loop_of_a_sleeper(void **state) {
    struct looks *looks = *state;
    put_loop(looks, looks->asleep);
    assert_int_equal(compare_loops(looks, loop_cases[2].looks), SNAPSHOT_NO);
    put_loop(looks, looks->busy);
    assert_int_equal(compare_loops(looks, loop_cases[2].looks), SNAPSHOT_YES);
}

static void test_loop_that_is_gone(void **state) {
    struct looks *looks = *state;
    put_loop(looks, looks->asleep);
    looks->snapshots[1]->event_loops.items[0].id++;
    compare(looks);
    assert_int_equal(looks->snapshots[0]->event_loops.items[0].moved, SNAPSHOT_YES);
}

/* --- what runs in a loop --- */

/* Calls from the outermost on, in both pictures. */
static const struct common_case {
    const char *calls[2][4];
    int64_t common;
} common_cases[] = {
    {{{"main /a.py:1", "crunch /a.py:2", NULL}, {"main /a.py:1", "crunch /a.py:2", NULL}}, 2},
    {{{"main /a.py:1", "crunch /a.py:2", "beat /a.py:9"}, {"main /a.py:1", "crunch /a.py:3", NULL}},
     2},
    {{{"main /a.py:1", "crunch /a.py:2", NULL}, {"main /a.py:1", "crunch /a.py:2", "beat /a.py:9"}},
     2},
    /* another call of the same function */
    {{{"main /a.py:1", "crunch /a.py:2", "beat /a.py:9"},
      {"main /a.py:1", "crunch /a.py:3", "beat /a.py:9"}},
     2},
    {{{"main /a.py:1", "crunch /a.py:2", NULL}, {"main /a.py:1", "crunch /b.py:2", NULL}}, 1},
    {{{"main /a.py:1", NULL}, {"other /a.py:1", NULL}}, 0},
};

static void put_calls(struct snapshot *snapshot, struct snapshot_stack *stack,
                      const char *const calls[4]) {
    stack->count = 0;
    for (size_t i = 0; calls[i]; i++)
        case_call(snapshot, stack, calls[i]);
}

static int64_t compare_calls(struct looks *looks, const struct common_case *calls, bool in_task) {
    for (int i = 0; i < 2; i++) {
        struct snapshot *snapshot = looks->snapshots[i];
        struct snapshot_thread *thread = &snapshot->threads.items[0];
        struct snapshot_task *task = &snapshot->tasks.items[0];
        thread->tid = NOBODY;
        thread->current_task = in_task ? task->id : 0;
        put_calls(snapshot, in_task ? &task->frames : &thread->frames, calls->calls[i]);
    }
    static const struct loop_facts blocked[2] = {{RUNS, 5, 2, NAN}, {RUNS, 5 + PASSED, 2, NAN}};
    assert_int_equal(compare_loops(looks, blocked), SNAPSHOT_NO);
    return looks->snapshots[0]->event_loops.items[0].common_frames;
}

static void test_common_frames(void **state) {
    struct looks *looks = *state;
    put_loop(looks, NOBODY);
    for (int i = 0; i < 2; i++)
        case_task(looks->snapshots[i], "worker");
    for (size_t i = 0; i < sizeof common_cases / sizeof *common_cases; i++)
        for (int in_task = 0; in_task < 2; in_task++)
            assert_int_equal(compare_calls(looks, &common_cases[i], in_task),
                             common_cases[i].common);
}

/* Of a loop that went on, or runs another task, nothing is common. */
static void test_no_common_frames(void **state) {
    struct looks *looks = *state;
    put_loop(looks, NOBODY);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            case_task(looks->snapshots[i], "worker");
    assert_int_equal(compare_calls(looks, &common_cases[0], true), 2);
    const struct snapshot_loop *loop = &looks->snapshots[0]->event_loops.items[0];
    looks->snapshots[1]->threads.items[0].current_task = looks->snapshots[1]->tasks.items[1].id;
    compare(looks);
    assert_int_equal(loop->common_frames, SNAPSHOT_UNKNOWN);
    assert_int_equal(compare_loops(looks, loop_cases[1].looks), SNAPSHOT_YES);
    assert_int_equal(loop->common_frames, SNAPSHOT_UNKNOWN);
    assert_int_equal(compare_loops(looks, loop_cases[6].looks), SNAPSHOT_NO);
    assert_int_equal(loop->common_frames, SNAPSHOT_UNKNOWN);
}

/* --- tasks --- */

/* The same task in both pictures, waiting for the same future. */
static void add_task(struct looks *looks, struct snapshot_task *ret[2]) {
    for (int i = 0; i < 2; i++) {
        ret[i] = case_task(looks->snapshots[i], "worker");
        ret[i]->awaiting = case_wait(looks->snapshots[i], ret[i], SNAPSHOT_WAIT_FUTURE);
        ret[i]->awaiting->id = 0x5000;
        ret[i]->awaiting->links = 77;
    }
}

static enum snapshot_tristate compare_tasks(struct looks *looks) {
    compare(looks);
    return looks->snapshots[0]->tasks.items[0].moved;
}

static void test_task(void **state) {
    struct looks *looks = *state;
    struct snapshot_task *tasks[2];
    put_loop(looks, looks->busy);
    add_task(looks, tasks);
    assert_int_equal(compare_tasks(looks), SNAPSHOT_NO);
    tasks[1]->awaiting->links = 78; /* another future at the same address */
    assert_int_equal(compare_tasks(looks), SNAPSHOT_MAYBE);
    tasks[1]->awaiting->links = 0; /* not known */
    assert_int_equal(compare_tasks(looks), SNAPSHOT_MAYBE);
    tasks[0]->awaiting->links = 0;
    tasks[1]->awaiting->links = 78;
    assert_int_equal(compare_tasks(looks), SNAPSHOT_MAYBE);
}

/* The end of a sleep tells more than addresses do. */
static void test_task_that_sleeps(void **state) {
    struct looks *looks = *state;
    struct snapshot_task *tasks[2];
    put_loop(looks, looks->busy);
    add_task(looks, tasks);
    for (int i = 0; i < 2; i++) {
        tasks[i]->awaiting->kind = SNAPSHOT_WAIT_SLEEP;
        tasks[i]->awaiting->deadline_s = 5 - i * PASSED;
    }
    tasks[1]->awaiting->links = 78;
    assert_int_equal(compare_tasks(looks), SNAPSHOT_NO);
    tasks[1]->awaiting->links = 77;
    tasks[1]->awaiting->deadline_s = 5;
    assert_int_equal(compare_tasks(looks), SNAPSHOT_YES);
    tasks[1]->awaiting->deadline_s = NAN; /* not known: its links tell */
    assert_int_equal(compare_tasks(looks), SNAPSHOT_NO);
    tasks[0]->awaiting->deadline_s = tasks[1]->awaiting->deadline_s = INFINITY;
    assert_int_equal(compare_tasks(looks), SNAPSHOT_NO);
    tasks[0]->awaiting->deadline_s = tasks[1]->awaiting->deadline_s = 5; /* of what is around it */
    tasks[0]->awaiting->has_timeout = SNAPSHOT_YES;
    assert_int_equal(compare_tasks(looks), SNAPSHOT_NO);
}

/* In a loop that stood still no task has moved; but one that looks different has. */
static void test_task_of_a_loop_that_stood_still(void **state) {
    struct looks *looks = *state;
    struct snapshot_task *tasks[2];
    put_loop(looks, looks->asleep);
    add_task(looks, tasks);
    tasks[1]->awaiting->links = 78;
    assert_int_equal(compare_tasks(looks), SNAPSHOT_NO);
    tasks[1]->state = SNAPSHOT_TASK_READY;
    assert_int_equal(compare_tasks(looks), SNAPSHOT_YES);
}

/* What differs in the second picture. */
static void change_state(struct snapshot *snapshot, struct snapshot_task *task) {
    (void)snapshot;
    task->state = SNAPSHOT_TASK_DONE;
}
static void change_wait(struct snapshot *snapshot, struct snapshot_task *task) {
    (void)snapshot;
    task->awaiting->id++;
}
static void change_kind(struct snapshot *snapshot, struct snapshot_task *task) {
    (void)snapshot;
    task->awaiting->kind = SNAPSHOT_WAIT_LOCK;
}
static void change_object(struct snapshot *snapshot, struct snapshot_task *task) {
    (void)snapshot;
    task->awaiting->object = 0x6000;
}
static void end_wait(struct snapshot *snapshot, struct snapshot_task *task) {
    (void)snapshot;
    task->awaiting = NULL;
}
static void change_line(struct snapshot *snapshot, struct snapshot_task *task) {
    task->frames.count = 0;
    case_call(snapshot, &task->frames, "worker /app/main.py:8");
}
static void change_function(struct snapshot *snapshot, struct snapshot_task *task) {
    task->frames.count = 0;
    case_call(snapshot, &task->frames, "other /app/main.py:7");
}
static void change_file(struct snapshot *snapshot, struct snapshot_task *task) {
    task->frames.count = 0;
    case_call(snapshot, &task->frames, "worker /app/other.py:7");
}
static void change_depth(struct snapshot *snapshot, struct snapshot_task *task) {
    case_call(snapshot, &task->frames, "read /app/main.py:9");
}
static void change_id(struct snapshot *snapshot, struct snapshot_task *task) {
    (void)snapshot;
    task->id++;
}

static void test_tasks_that_changed(void **state) {
    static void (*const changes[])(struct snapshot *, struct snapshot_task *) = {
        change_state, change_wait,     change_kind, change_object, end_wait,
        change_line,  change_function, change_file, change_depth,  change_id,
    };
    struct looks *looks = *state;
    put_loop(looks, looks->busy);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct snapshot_task *tasks[2];
        for (int k = 0; k < 2; k++)
            looks->snapshots[k]->tasks.count = 0;
        add_task(looks, tasks);
        assert_int_equal(compare_tasks(looks), SNAPSHOT_NO);
        changes[i](looks->snapshots[1], tasks[1]);
        assert_int_equal(compare_tasks(looks), SNAPSHOT_YES);
    }
}

/* Equal frames of two pictures are two objects. A task that waits for nothing may have moved. */
static void test_task_that_is_ready(void **state) {
    struct looks *looks = *state;
    struct snapshot_task *tasks[2];
    put_loop(looks, looks->busy);
    add_task(looks, tasks);
    tasks[0]->awaiting = tasks[1]->awaiting = NULL;
    assert_ptr_not_equal(tasks[0]->frames.frames[0], tasks[1]->frames.frames[0]);
    assert_int_equal(compare_tasks(looks), SNAPSHOT_MAYBE);
}

/* --- sockets --- */

static void test_sockets(void **state) {
    struct looks *looks = *state;
    for (int i = 0; i < 2; i++)
        for (int64_t fd = 3; fd < 11; fd++) /* the second picture has them in another order */
            case_socket(looks->snapshots[i], i ? 13 - fd : fd, "10.0.0.1:80", "10.0.0.2:90");
    struct snapshot_socket *second = looks->snapshots[1]->sockets.items;
    struct snapshot_socket *first = looks->snapshots[0]->sockets.items;
    second[7].receive_queue = 17;   /* fd 3 */
    second[6].send_queue = 17;      /* fd 4 */
    second[5].state = "CLOSE_WAIT"; /* fd 5 */
    second[4].peer = "10.0.0.3:90"; /* fd 6 */
    second[3].fd = 99;              /* fd 7 is gone */
    first[5].last_received_s = 7;   /* fd 8: bytes came and were read */
    second[2].last_received_s = 0.1;
    first[6].last_received_s = first[6].last_sent_s = 7; /* fd 9: some were sent again */
    second[1].last_received_s = 7 + PASSED;
    second[1].last_sent_s = 0.1;
    compare(looks);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(first[i].moved, SNAPSHOT_YES);
    assert_int_equal(first[6].moved, SNAPSHOT_NO);
    assert_int_equal(first[7].moved, SNAPSHOT_NO);
}

/* Where no thread ran only the kernel can have moved something. */
static void test_stood_still(void **state) {
    struct looks *looks = *state;
    struct snapshot_task *tasks[2];
    add_task(looks, tasks);
    for (int i = 0; i < 2; i++)
        case_socket(looks->snapshots[i], 3, "a", "b")->receive_queue = i;
    struct snapshot *first = looks->snapshots[0];
    first->threads.items[0].moved = first->event_loops.items[0].moved = SNAPSHOT_MAYBE;
    tasks[0]->moved = SNAPSHOT_MAYBE;
    second_look_stood_still(&(struct look_at){first, 1000},
                            &(struct look_at){looks->snapshots[1], 1000 + PASSED});
    assert_int_equal(first->threads.items[0].moved, SNAPSHOT_NO);
    assert_int_equal(first->event_loops.items[0].moved, SNAPSHOT_NO);
    assert_int_equal(first->tasks.items[0].moved, SNAPSHOT_NO);
    assert_int_equal(first->sockets.items[0].moved, SNAPSHOT_YES);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_threads),
        TEST(test_threads_that_wait_for_the_gil),
        TEST(test_loops),
        TEST(test_loop_of_a_sleeper),
        TEST(test_loop_that_is_gone),
        TEST(test_common_frames),
        TEST(test_no_common_frames),
        TEST(test_task),
        TEST(test_task_that_sleeps),
        TEST(test_task_of_a_loop_that_stood_still),
        TEST(test_tasks_that_changed),
        TEST(test_task_that_is_ready),
        TEST(test_sockets),
        TEST(test_stood_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
