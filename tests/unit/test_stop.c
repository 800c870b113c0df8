/* Stopping live children and letting them go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../support/child.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/target/access.h"

#define SECONDS_MAX 30.0 /* nothing here takes as long, on whatever machine */

static void *end_at_once(void *unused) {
    return unused;
}

static void churn_threads(void) {
    for (;; child_shared->ticks++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, end_at_once, NULL) == 0)
            pthread_join(thread, NULL);
    }
}

/* The main thread ends and stays as a zombie; another thread lives on. */
static void end_main_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, child_count_in_thread, NULL);
    pthread_exit(NULL);
}

/* A parent in vfork(2) is in uninterruptible sleep until its child ends. */
static void sleep_in_vfork(void) {
    child_shared->step = 1;
    if (vfork() == 0) {
        usleep(500000);
        _exit(0);
    }
    child_count_forever();
}

static void test_stands_still_and_goes_on(void **state) {
    (void)state;
    pid_t pid = child_start(child_run_many_threads);
    struct target_process *process = child_open(pid);
    struct target_stop *stop = child_stop(process);
    unsigned long before = child_shared->ticks;
    usleep(30000);
    assert_int_equal(child_shared->ticks, before);
    assert_int_equal(stop_get_unstopped(stop), 0);
    stop_end(stop);
    assert_true(child_is_running());
    process_close(process);
    child_finish(pid);
}

/* A signal takes its time on a busy machine. */
static void wait_until_stopped(pid_t pid) {
    for (int i = 0; i < 500 && child_read_state(pid) != 'T'; i++)
        usleep(10000);
    assert_int_equal(child_read_state(pid), 'T');
}

static void test_stopped_stays_stopped(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever);
    struct target_process *process = child_open(pid);
    kill(pid, SIGSTOP);
    wait_until_stopped(pid);
    stop_end(child_stop(process));
    usleep(20000);
    assert_int_equal(child_read_state(pid), 'T');
    unsigned long before = child_shared->ticks;
    usleep(20000);
    assert_int_equal(child_shared->ticks, before);
    kill(pid, SIGCONT);
    assert_true(child_is_running());
    process_close(process);
    child_finish(pid);
}

static void test_killed_stopper_lets_go(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever), stopper = fork();
    if (stopper == 0) {
        struct target_process *process;
        struct target_stop *stop;
        if (process_open(pid, &process) || stop_begin(process, &stop))
            _exit(1);
        child_shared->step = 7;
        pause();
        _exit(0);
    }
    for (int i = 0; i < 100 && child_shared->step != 7; i++)
        usleep(10000);
    assert_int_equal(child_shared->step, 7);
    unsigned long before = child_shared->ticks;
    usleep(20000);
    assert_int_equal(child_shared->ticks, before);
    child_finish(stopper);
    assert_true(child_is_running());
    child_finish(pid);
}

static void test_threads_come_and_go(void **state) {
    (void)state;
    pid_t pid = child_start(churn_threads);
    struct target_process *process = child_open(pid);
    for (int i = 0; i < 300; i++) {
        struct target_stop *stop = child_stop(process);
        unsigned long before = child_shared->ticks;
        usleep(1000);
        assert_int_equal(child_shared->ticks, before);
        stop_end(stop);
        assert_true(child_is_running());
    }
    process_close(process);
    child_finish(pid);
}

static void test_ended_main_thread(void **state) {
    (void)state;
    pid_t pid = child_start(end_main_thread);
    struct target_process *process = NULL;
    struct error *err = process_open(pid, &process);
    if (err)
        fail_msg("open: %s", error_get_message(err));
    stop_end(child_stop(process));
    assert_true(child_is_running());
    process_close(process);
    child_finish(pid);
}

static void test_uninterruptible_thread_goes_on(void **state) {
    (void)state;
    pid_t pid = child_start(sleep_in_vfork);
    struct target_process *process = child_open(pid);
    assert_int_equal(child_read_state(pid), 'D');
    struct target_stop *stop = child_stop(process);
    assert_true(stop_get_unstopped(stop) > 0);
    stop_end(stop);
    assert_true(child_is_running());
    process_close(process);
    child_finish(pid);
}

static void test_traced_by_another(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever), tracer = fork();
    if (tracer == 0) {
        child_shared->step = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ? 7 : 8;
        pause();
        _exit(0);
    }
    for (int i = 0; i < 100 && !child_shared->step; i++)
        usleep(10000);
    assert_int_equal(child_shared->step, 7);
    assert_int_equal(access_get_tracer(pid), tracer);
    struct target_process *process = child_open(pid);
    struct target_stop *stop = NULL;
    struct error *err = stop_begin(process, &stop);
    char number[16];
    snprintf(number, sizeof number, "%d", (int)tracer);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_PERMISSION);
    assert_non_null(strstr(error_get_message(err), number));
    error_destroy(err);
    assert_true(child_is_running());
    process_close(process);
    child_finish(tracer);
    child_finish(pid);
}

/* ---- ends ---- */

static void test_killed_stopper_at_any_moment(void **state) {
    (void)state;
    pid_t pid = child_start(child_run_many_threads);
    unsigned random = 12345;
    for (int i = 0; i < 30; i++) {
        pid_t stopper = fork();
        if (stopper == 0) {
            struct target_process *process;
            struct target_stop *stop;
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (process_open(pid, &process))
                _exit(1);
            while (!stop_begin(process, &stop))
                stop_end(stop);
            _exit(1);
        }
        random = random * 1103515245 + 12345;
        usleep(2000 + random / 65536 % 8000);
        child_finish(stopper);
        assert_true(child_is_running());
    }
    assert_int_equal(access_get_tracer(pid), 0);
    child_finish(pid);
}

static void test_target_killed_while_stopped(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) {
        int status;
        pid_t pid = child_start(child_run_many_threads);
        struct target_process *process = child_open(pid);
        struct target_stop *stop = child_stop(process);
        kill(pid, SIGKILL);
        usleep((unsigned)i * 500);
        stop_end(stop);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_false(process_is_alive(process));
        stop = NULL;
        struct error *err = stop_begin(process, &stop);
        assert_non_null(err);
        assert_int_equal(error_get_kind(err), ERROR_GONE);
        error_destroy(err);
        process_close(process);
    }
    stop_end(NULL);
    quiet_end(NULL);
}

static void *exit_later(void *unused) {
    usleep(1000 * (unsigned)(child_shared->step % 7));
    (void)unused;
    _exit(42);
}

static void exit_soon(void) {
    pthread_t thread;
    child_shared->ticks = 1;
    while (child_shared->step < 100)
        usleep(100);
    pthread_create(&thread, NULL, exit_later, NULL);
    child_count_forever();
}

/* The status of a child of our own is for whoever waits for it. */
static void test_exit_status_is_not_taken(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        int status;
        pid_t pid = child_start(exit_soon);
        struct target_process *process = child_open(pid);
        struct target_stop *stop = NULL;
        struct error *err = NULL;
        for (child_shared->step = 100 + i; !err; stop_end(stop))
            err = stop_begin(process, &stop), stop = err ? NULL : stop;
        assert_int_equal(error_get_kind(err), ERROR_GONE);
        error_destroy(err);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
        process_close(process);
    }
}

static void *exec_sleep(void *unused) {
    usleep(1000 * (unsigned)(child_shared->step % 7));
    execl("/bin/sleep", "sleep", "60", (char *)NULL);
    return unused;
}

static void exec_in_thread(void) {
    pthread_t thread;
    while (child_shared->step < 100)
        usleep(100);
    pthread_create(&thread, NULL, exec_sleep, NULL);
    child_run_many_threads();
}

/* The thread that calls exec becomes the main thread, all others vanish. */
static void test_exec_while_stopping(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        pid_t pid = child_start(exec_in_thread);
        struct target_process *process = child_open(pid);
        child_shared->step = 100 + i;
        double deadline = clock_monotonic() + SECONDS_MAX;
        while (process_is_alive(process) && clock_monotonic() < deadline) {
            struct target_stop *stop = NULL;
            struct error *err = stop_begin(process, &stop);
            if (!err)
                stop_end(stop);
            else
                assert_int_equal(error_get_kind(err), ERROR_GONE);
            error_destroy(err);
        }
        assert_false(process_is_alive(process));
        while (child_read_state(pid) != 'S') {
            assert_true(clock_monotonic() < deadline);
            usleep(1000);
        }
        assert_int_equal(access_get_tracer(pid), 0);
        process_close(process);
        child_finish(pid);
    }
}

static void end_main_thread_often(void) {
    pthread_t thread;
    while (child_shared->step < 100)
        usleep(100);
    pthread_create(&thread, NULL, child_count_in_thread, NULL);
    usleep(1000 * (unsigned)(child_shared->step % 7));
    pthread_exit(NULL);
}

/* Of a seized main thread that ends before the others nothing is ever to be waited for. */
static void test_main_thread_ends_while_stopping(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        pid_t pid = child_start(end_main_thread_often);
        struct target_process *process = child_open(pid);
        child_shared->step = 100 + i;
        for (int k = 0; k < 100; k++)
            stop_end(child_stop(process));
        assert_true(child_is_running());
        process_close(process);
        child_finish(pid);
    }
}

/* ---- time ---- */

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* A thread in uninterruptible sleep runs nothing; waiting for it would only hold the others. */
static void test_uninterruptible_thread_costs_little(void **state) {
    (void)state;
    pid_t pid = child_start(sleep_in_vfork);
    struct target_process *process = child_open(pid);
    for (int i = 0; i < 5; i++) { /* one after the other: the last tracer has let go */
        double before = now_ms();
        struct target_stop *stop = child_stop(process);
        assert_int_equal(stop_get_unstopped(stop), 1);
        stop_end(stop);
        assert_true(now_ms() - before < 50);
    }
    assert_int_equal(access_get_tracer(pid), 0);
    assert_true(child_is_running());
    process_close(process);
    child_finish(pid);
}

static void run_200_threads(void) {
    pthread_t thread;
    for (int i = 0; i < 199; i++)
        pthread_create(&thread, NULL, child_pause_forever, NULL);
    child_count_forever();
}

static void assert_state_of_all(pid_t pid, size_t count, char state) {
    struct target_process *process = child_open(pid);
    struct arena *arena = arena_create();
    struct target_thread *threads;
    size_t found;
    assert_null(process_list_threads(process, arena, &threads, &found));
    assert_int_equal(found, count);
    for (size_t i = 0; i < found; i++)
        assert_int_equal(threads[i].state, state);
    arena_destroy(arena);
    process_close(process);
}

static void test_200_threads(void **state) {
    (void)state;
    pid_t pid = child_start(run_200_threads);
    usleep(100000);
    struct target_process *process = child_open(pid);
    double best = 1e9;
    struct target_stop *stop = child_stop(process);
    assert_int_equal(stop_get_unstopped(stop), 0);
    assert_state_of_all(pid, 200, 't');
    stop_end(stop);
    for (int i = 0; i < 20; i++) {
        double before = now_ms();
        stop_end(child_stop(process));
        double took = now_ms() - before;
        best = took < best ? took : best;
    }
    print_message("200 threads: %.2f ms\n", best);
    assert_true(best < 60);
    assert_true(child_is_running());
    assert_int_equal(access_get_tracer(pid), 0);
    process_close(process);
    child_finish(pid);
}

static void test_two_stops_in_a_row(void **state) {
    (void)state;
    pid_t pid = child_start(child_run_many_threads);
    struct target_process *process = child_open(pid);
    for (int i = 0; i < 200; i++)
        stop_end(child_stop(process));
    assert_true(child_is_running());
    process_close(process);
    child_finish(pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stands_still_and_goes_on),
        cmocka_unit_test(test_stopped_stays_stopped),
        cmocka_unit_test(test_killed_stopper_lets_go),
        cmocka_unit_test(test_threads_come_and_go),
        cmocka_unit_test(test_ended_main_thread),
        cmocka_unit_test(test_uninterruptible_thread_goes_on),
        cmocka_unit_test(test_traced_by_another),
        cmocka_unit_test(test_killed_stopper_at_any_moment),
        cmocka_unit_test(test_target_killed_while_stopped),
        cmocka_unit_test(test_exit_status_is_not_taken),
        cmocka_unit_test(test_exec_while_stopping),
        cmocka_unit_test(test_main_thread_ends_while_stopping),
        cmocka_unit_test(test_uninterruptible_thread_costs_little),
        cmocka_unit_test(test_200_threads),
        cmocka_unit_test(test_two_stops_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
