/* Signals that reach a child while it is stopped, or just before: none is lost. Those that would
 * stop us have to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/child.h"

static void test_signal_is_delivered_afterwards(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever);
    struct target_process *process = child_open(pid);
    struct target_stop *stop = child_stop(process);
    kill(pid, SIGUSR1);
    usleep(20000);
    assert_int_equal(child_shared->signals, 0);
    stop_end(stop);
    usleep(50000);
    assert_int_equal(child_shared->signals, 1);
    process_close(process);
    child_finish(pid);
}

static void test_no_signal_is_lost(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever);
    struct target_process *process = child_open(pid);
    for (unsigned long i = 1; i <= 300; i++) {
        kill(pid, SIGUSR1); /* races with the stop: it may end in a signal-delivery-stop */
        stop_end(child_stop(process));
        for (int k = 0; k < 20000 && child_shared->signals < i; k++)
            usleep(1000);
        assert_int_equal(child_shared->signals, i);
    }
    process_close(process);
    child_finish(pid);
}

/* Each value that a real-time signal brings must be the next one. */
static void on_value(int number, siginfo_t *info, void *unused) {
    (void)number, (void)unused;
    if (info->si_value.sival_int == (int)child_shared->signals)
        child_shared->signals++;
}

static void send_values(void) {
    struct sigaction action = {.sa_sigaction = on_value, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    for (;; child_shared->ticks++) {
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = (int)child_shared->step});
        child_shared->step++;
    }
}

static void send_traps(void) {
    signal(SIGTRAP, child_on_signal);
    for (;; child_shared->ticks++) {
        raise(SIGTRAP);
        child_shared->step++;
    }
}

/* A child that sends itself signals all the time is often caught with one on its way to it: after
 * the thread was seized and before it was interrupted. */
static void assert_none_is_lost(void (*body)(void)) {
    pid_t pid = child_start(body);
    struct target_process *process = child_open(pid);
    for (int i = 0; i < 1000; i++)
        stop_end(child_stop(process));
    assert_true(child_is_running());
    struct target_stop *stop = child_stop(process);
    unsigned long sent = child_shared->step, arrived = child_shared->signals;
    stop_end(stop);
    assert_in_range(sent, arrived ? arrived - 1 : 0, arrived + 1);
    process_close(process);
    child_finish(pid);
}

static void test_real_time_signals_keep_their_values(void **state) {
    (void)state;
    assert_none_is_lost(send_values);
}

static void test_trap_signal_is_delivered(void **state) {
    (void)state;
    assert_none_is_lost(send_traps);
}

static void test_continued_while_stopped(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever);
    struct target_process *process = child_open(pid);
    for (int i = 0; i < 20; i++) {
        kill(pid, SIGSTOP);
        struct target_stop *stop = child_stop(process);
        kill(pid, SIGCONT);
        stop_end(stop);
        assert_true(child_is_running());
    }
    process_close(process);
    child_finish(pid);
}

static void test_stopped_while_stopped(void **state) {
    (void)state;
    pid_t pid = child_start(child_run_many_threads);
    struct target_process *process = child_open(pid);
    for (int i = 0; i < 20; i++) {
        if (i % 2)
            kill(pid, SIGSTOP);
        struct target_stop *stop = child_stop(process);
        if (i % 2 == 0)
            kill(pid, SIGSTOP);
        stop_end(stop);
        for (int k = 0; k < 20000 && child_read_state(pid) != 'T'; k++)
            usleep(1000);
        assert_int_equal(child_read_state(pid), 'T');
        kill(pid, SIGCONT);
        assert_true(child_is_running());
    }
    process_close(process);
    child_finish(pid);
}

/* Stops `pid` until it is killed itself; tells by child_shared->step. */
static void stop_until_killed(pid_t pid) {
    struct target_process *process;
    struct target_stop *stop;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (process_open(pid, &process) || stop_begin(process, &stop))
        _exit(1);
    child_shared->step = 7;
    for (;;)
        pause();
}

static void test_killed_stopper_loses_no_signal(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever);
    for (unsigned long i = 1; i <= 40; i++) {
        child_shared->step = 0;
        pid_t stopper = fork();
        if (stopper == 0) {
            kill(pid, SIGUSR1);
            stop_until_killed(pid);
        }
        for (int k = 0; k < 40000 && child_shared->step != 7; k++)
            usleep(500);
        assert_int_equal(child_shared->step, 7);
        child_finish(stopper);
        child_wait_for_signals(i);
    }
    child_finish(pid);
}

/* --- what stops the stopper --- */

enum { SIGNALLED = 7, MAY_END };

/* Stops `pid`, and then itself. */
static void stop_both(pid_t pid, int number) {
    struct target_process *process;
    struct target_stop *stop;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* one that is not orphaned: else these signals do nothing */
    if (process_open(pid, &process) || stop_begin(process, &stop))
        _exit(1);
    kill(getpid(), number);
    child_shared->step = SIGNALLED;
    while (child_shared->step != MAY_END)
        usleep(1000);
    stop_end(stop);
    process_close(process);
    _exit(0);
}

/* Ctrl-Z while the target stands still: first that goes on, then the stopper is stopped. */
static void assert_is_put_off(int number) {
    int status;
    pid_t pid = child_start(child_count_forever), stopper = fork();
    if (stopper == 0)
        stop_both(pid, number);
    for (int k = 0; k < 10000 && child_shared->step != SIGNALLED; k++)
        usleep(1000);
    assert_int_equal(child_shared->step, SIGNALLED);
    assert_int_equal(child_read_state(pid), 't');
    child_shared->step = MAY_END;
    assert_int_equal(waitpid(stopper, &status, WUNTRACED), stopper);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(WSTOPSIG(status), number);
    assert_true(child_is_running());
    kill(stopper, SIGCONT);
    assert_int_equal(waitpid(stopper, &status, 0), stopper);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    child_finish(pid);
}

static void test_terminal_stops_are_put_off(void **state) {
    (void)state;
    assert_is_put_off(SIGTSTP);
    assert_is_put_off(SIGTTIN);
    assert_is_put_off(SIGTTOU);
}

static void assert_mask_is(const sigset_t *expected) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < SIGRTMAX; number++)
        assert_int_equal(sigismember(&mask, number), sigismember(expected, number));
}

/* Also when the stop fails. */
static void test_mask_is_restored(void **state) {
    (void)state;
    sigset_t before;
    struct target_stop *stop;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    pid_t pid = child_start(child_count_forever);
    struct target_process *process = child_open(pid);
    stop_end(child_stop(process));
    assert_mask_is(&before);
    child_finish(pid);
    struct error *err = stop_begin(process, &stop);
    assert_non_null(err);
    error_destroy(err);
    assert_mask_is(&before);
    process_close(process);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signal_is_delivered_afterwards),
        cmocka_unit_test(test_no_signal_is_lost),
        cmocka_unit_test(test_real_time_signals_keep_their_values),
        cmocka_unit_test(test_trap_signal_is_delivered),
        cmocka_unit_test(test_continued_while_stopped),
        cmocka_unit_test(test_stopped_while_stopped),
        cmocka_unit_test(test_killed_stopper_loses_no_signal),
        cmocka_unit_test(test_terminal_stops_are_put_off),
        cmocka_unit_test(test_mask_is_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
