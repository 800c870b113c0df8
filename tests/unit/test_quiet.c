/* The proof that a live child did not run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/child.h"
#include "asyncspy/target/access.h"
#include "asyncspy/target/stop.h"

static struct target_quiet *watch(struct target_process *process, bool *is_quiet) {
    struct target_quiet *quiet = NULL;
    assert_null(quiet_begin(process, &quiet, is_quiet));
    assert_non_null(quiet);
    return quiet;
}

static void sleep_forever(void) {
    child_pause_forever(NULL);
}

static void sleep_in_threads(void) {
    pthread_t thread;
    for (int i = 0; i < 20; i++)
        pthread_create(&thread, NULL, child_pause_forever, NULL);
    child_pause_forever(NULL);
}

static void spin(void) {
    for (volatile unsigned long i = 0;; i++)
        continue;
}

static void test_sleepers_are_quiet(void **state) {
    (void)state;
    void (*const bodies[])(void) = {sleep_forever, sleep_in_threads};
    for (size_t i = 0; i < 2; i++) {
        pid_t pid = child_start(bodies[i]);
        struct target_process *process = child_open(pid);
        bool is_quiet;
        struct target_quiet *quiet = watch(process, &is_quiet);
        assert_true(is_quiet);
        assert_true(quiet_check(quiet));
        usleep(20000);
        assert_true(quiet_check(quiet));
        kill(pid, SIGUSR1); /* it wakes, runs the handler and sleeps again */
        child_wait_for_signals(1);
        usleep(20000);
        assert_false(quiet_check(quiet));
        assert_false(quiet_check(quiet));
        quiet_end(quiet);
        process_close(process);
        child_finish(pid);
    }
}

static void test_spinner_is_never_quiet(void **state) {
    (void)state;
    pid_t pid = child_start(spin);
    struct target_process *process = child_open(pid);
    for (int i = 0; i < 500; i++) {
        bool is_quiet;
        struct target_quiet *quiet = watch(process, &is_quiet);
        assert_false(is_quiet && quiet_check(quiet));
        quiet_end(quiet);
    }
    process_close(process);
    child_finish(pid);
}

/* Quiet is said of a child that wakes every 0.2 ms only if it did not count. */
static void test_quiet_never_lies(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever);
    struct target_process *process = child_open(pid);
    int quiet_ones = 0;
    for (int i = 0; i < 3000; i++) {
        bool is_quiet;
        struct target_quiet *quiet = watch(process, &is_quiet);
        unsigned long before = child_shared->ticks;
        for (volatile int k = 0; k < i % 50 * 1000; k++)
            continue;
        unsigned long after = child_shared->ticks;
        is_quiet = is_quiet && quiet_check(quiet);
        assert_false(is_quiet && before != after);
        quiet_ones += is_quiet;
        quiet_end(quiet);
    }
    print_message("quiet %d times of 3000\n", quiet_ones);
    process_close(process);
    child_finish(pid);
}

static void *start_thread_later(void *unused) {
    pthread_t thread;
    while (!child_shared->step)
        usleep(1000);
    pthread_create(&thread, NULL, child_pause_forever, NULL);
    return child_pause_forever(unused);
}

static void grow_later(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, start_thread_later, NULL);
    child_pause_forever(NULL);
}

static void test_quiet_of_the_dead_and_the_newborn(void **state) {
    (void)state;
    bool is_quiet;
    pid_t pid = child_start(grow_later);
    struct target_process *process = child_open(pid);
    struct target_quiet *quiet = watch(process, &is_quiet);
    child_shared->step = 1;
    usleep(30000);
    assert_false(quiet_check(quiet));
    quiet_end(quiet);
    quiet = watch(process, &is_quiet);
    assert_true(is_quiet && quiet_check(quiet));
    child_finish(pid);
    assert_false(quiet_check(quiet));
    quiet_end(quiet);
    quiet = NULL;
    struct error *err = quiet_begin(process, &quiet, &is_quiet);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_GONE);
    error_destroy(err);
    process_close(process);
}

/* Where not enough files can be open nothing is proven, and none stays open. */
static void test_quiet_without_files(void **state) {
    (void)state;
    bool is_quiet;
    struct rlimit limit;
    pid_t pid = child_start(sleep_in_threads);
    struct target_process *process = child_open(pid);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){30, limit.rlim_max});
    for (int i = 0; i < 20; i++) {
        struct target_quiet *quiet = watch(process, &is_quiet);
        assert_false(is_quiet);
        quiet_end(quiet);
    }
    setrlimit(RLIMIT_NOFILE, &limit);
    struct target_quiet *quiet = watch(process, &is_quiet);
    assert_true(is_quiet && quiet_check(quiet));
    quiet_end(quiet);
    process_close(process);
    child_finish(pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleepers_are_quiet),
        cmocka_unit_test(test_spinner_is_never_quiet),
        cmocka_unit_test(test_quiet_never_lies),
        cmocka_unit_test(test_quiet_of_the_dead_and_the_newborn),
        cmocka_unit_test(test_quiet_without_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
