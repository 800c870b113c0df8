/* Which threads of a live child ran between two moments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "../support/child.h"

#define LONG_ENOUGH 60000 /* µs: some ticks of the timer */

static struct target_runs *begin(struct target_process *process) {
    struct target_runs *runs = NULL;
    struct error *err = runs_begin(process, &runs);
    if (err)
        fail_msg("%s", error_get_message(err));
    return runs;
}

/* Looks at the child for a while. */
static struct target_runs *look(struct target_process *process) {
    struct target_runs *runs = begin(process);
    usleep(LONG_ENOUGH);
    runs_update(runs);
    return runs;
}

/* --- bodies of children --- */

static void sleep_forever(void) {
    child_pause_forever(NULL);
}

static void spin(void) {
    for (volatile unsigned long i = 0;; i++)
        continue;
}

static void *tell_and_pause(void *unused) {
    child_shared->step = (unsigned long)gettid();
    return child_pause_forever(unused);
}

/* The main thread counts, another one sleeps. */
static void count_beside_a_sleeper(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, tell_and_pause, NULL);
    child_count_forever();
}

static void *pause_until_signal(void *unused) {
    child_shared->step = (unsigned long)gettid();
    while (!child_shared->signals)
        usleep(1000);
    return unused;
}

static void end_thread_at_signal(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, pause_until_signal, NULL);
    child_pause_forever(NULL);
}

static void start_thread_at_signal(void) {
    pthread_t thread;
    while (!child_shared->signals)
        pause();
    pthread_create(&thread, NULL, tell_and_pause, NULL);
    child_pause_forever(NULL);
}

/* --- tests --- */

static void expect(void (*body)(void), int ran) {
    pid_t pid = child_start(body);
    struct target_process *process = child_open(pid);
    struct target_runs *runs = look(process);
    assert_int_equal(runs_get(runs, pid), ran);
    assert_int_equal(runs_are_none(runs), !ran);
    assert_int_equal(runs_get(runs, pid + 1), -1); /* no thread of it */
    runs_end(runs);
    process_close(process);
    child_finish(pid);
}

static void test_one_thread(void **state) {
    (void)state;
    expect(sleep_forever, 0);
    expect(child_count_forever, 1);
    expect(spin, 1);
}

static void test_two_threads(void **state) {
    (void)state;
    pid_t pid = child_start(count_beside_a_sleeper);
    struct target_process *process = child_open(pid);
    struct target_runs *runs = look(process);
    assert_int_equal(runs_get(runs, pid), 1);
    assert_int_equal(runs_get(runs, (pid_t)child_shared->step), 0);
    assert_false(runs_are_none(runs));
    runs_end(runs);
    process_close(process);
    child_finish(pid);
}

/* A spinning thread is counted at ticks only, but its state says that it runs. */
static void test_at_once(void **state) {
    (void)state;
    pid_t pid = child_start(spin);
    struct target_process *process = child_open(pid);
    for (int i = 0; i < 200; i++) {
        struct target_runs *runs = begin(process);
        runs_update(runs);
        assert_int_not_equal(runs_get(runs, pid), -1);
        runs_end(runs);
    }
    process_close(process);
    child_finish(pid);
}

static void test_thread_that_ends(void **state) {
    (void)state;
    pid_t pid = child_start(end_thread_at_signal);
    struct target_process *process = child_open(pid);
    pid_t tid = (pid_t)child_shared->step;
    struct target_runs *runs = begin(process);
    kill(pid, SIGUSR1);
    usleep(LONG_ENOUGH);
    runs_update(runs);
    assert_int_equal(runs_get(runs, tid), -1);
    assert_false(runs_are_none(runs));
    runs_end(runs);
    process_close(process);
    child_finish(pid);
}

static void test_thread_that_is_born(void **state) {
    (void)state;
    pid_t pid = child_start(start_thread_at_signal);
    struct target_process *process = child_open(pid);
    struct target_runs *runs = begin(process);
    kill(pid, SIGUSR1);
    for (int i = 0; i < 1000 && !child_shared->step; i++)
        usleep(1000);
    usleep(LONG_ENOUGH);
    runs_update(runs);
    assert_int_equal(runs_get(runs, pid), 1);
    assert_int_equal(runs_get(runs, (pid_t)child_shared->step), -1);
    assert_false(runs_are_none(runs));
    runs_end(runs);
    process_close(process);
    child_finish(pid);
}

static void test_process_that_ends(void **state) {
    (void)state;
    pid_t pid = child_start(sleep_forever);
    struct target_process *process = child_open(pid);
    struct target_runs *runs = begin(process), *none = NULL;
    child_finish(pid);
    runs_update(runs);
    assert_int_equal(runs_get(runs, pid), -1);
    assert_false(runs_are_none(runs));
    runs_end(runs);
    struct error *err = runs_begin(process, &none);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_GONE);
    error_destroy(err);
    runs_end(NULL);
    process_close(process);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),
        cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_thread_that_ends),
        cmocka_unit_test(test_thread_that_is_born),
        cmocka_unit_test(test_process_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
