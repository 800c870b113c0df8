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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asyncspy/target/access.h"
#include "asyncspy/target/stop.h"

/* What a child tells through shared memory. */
struct shared {
    volatile unsigned long ticks, signals, step;
};

static struct shared *shared;

static void on_signal(int number) {
    (void)number;
    shared->signals++;
}

static void count_forever(void) {
    for (;;) {
        shared->ticks++;
        usleep(200);
    }
}

static void *pause_forever(void *unused) {
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static void *end_at_once(void *unused) {
    return unused;
}

static void run_many_threads(void) {
    pthread_t thread;
    for (int i = 0; i < 20; i++)
        pthread_create(&thread, NULL, pause_forever, NULL);
    count_forever();
}

static void churn_threads(void) {
    for (;; shared->ticks++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, end_at_once, NULL) == 0)
            pthread_join(thread, NULL);
    }
}

static void *count_in_thread(void *unused) {
    (void)unused;
    count_forever();
    return NULL;
}

/* The main thread ends and stays as a zombie; another thread lives on. */
static void end_main_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, count_in_thread, NULL);
    pthread_exit(NULL);
}

/* A parent in vfork(2) is in uninterruptible sleep until its child ends. */
static void sleep_in_vfork(void) {
    shared->step = 1;
    if (vfork() == 0) {
        usleep(500000);
        _exit(0);
    }
    count_forever();
}

static pid_t start(void (*body)(void)) {
    /* A page for each child: one that a failed test left behind must not count in another's. */
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGUSR1, on_signal);
        body();
        _exit(0);
    }
    usleep(50000);
    return pid;
}

static void finish(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, __WALL);
}

static char read_state(pid_t pid) {
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    const char *at = size ? strrchr(text, ')') : NULL;
    return at ? at[2] : '\0';
}

static bool is_running(void) {
    unsigned long before = shared->ticks;
    for (int i = 0; i < 100 && shared->ticks == before; i++)
        usleep(10000);
    return shared->ticks != before;
}

static struct target_process *open_child(pid_t pid) {
    struct target_process *process = NULL;
    struct error *err = process_open(pid, &process);
    if (err)
        fail_msg("%s", error_get_message(err));
    return process;
}

static struct target_stop *begin(struct target_process *process) {
    struct target_stop *stop = NULL;
    struct error *err = stop_begin(process, &stop);
    if (err)
        fail_msg("%s", error_get_message(err));
    return stop;
}

static void test_stands_still_and_goes_on(void **state) {
    (void)state;
    pid_t pid = start(run_many_threads);
    struct target_process *process = open_child(pid);
    struct target_stop *stop = begin(process);
    unsigned long before = shared->ticks;
    usleep(30000);
    assert_int_equal(shared->ticks, before);
    assert_int_equal(stop_get_unstopped(stop), 0);
    stop_end(stop);
    assert_true(is_running());
    process_close(process);
    finish(pid);
}

static void test_stopped_stays_stopped(void **state) {
    (void)state;
    pid_t pid = start(count_forever);
    struct target_process *process = open_child(pid);
    kill(pid, SIGSTOP);
    usleep(20000);
    assert_int_equal(read_state(pid), 'T');
    stop_end(begin(process));
    usleep(20000);
    assert_int_equal(read_state(pid), 'T');
    unsigned long before = shared->ticks;
    usleep(20000);
    assert_int_equal(shared->ticks, before);
    kill(pid, SIGCONT);
    assert_true(is_running());
    process_close(process);
    finish(pid);
}

static void test_signal_is_delivered_afterwards(void **state) {
    (void)state;
    pid_t pid = start(count_forever);
    struct target_process *process = open_child(pid);
    struct target_stop *stop = begin(process);
    kill(pid, SIGUSR1);
    usleep(20000);
    assert_int_equal(shared->signals, 0);
    stop_end(stop);
    usleep(50000);
    assert_int_equal(shared->signals, 1);
    process_close(process);
    finish(pid);
}

static void test_no_signal_is_lost(void **state) {
    (void)state;
    pid_t pid = start(count_forever);
    struct target_process *process = open_child(pid);
    for (unsigned long i = 1; i <= 300; i++) {
        kill(pid, SIGUSR1); /* races with the stop: it may end in a signal-delivery-stop */
        stop_end(begin(process));
        for (int k = 0; k < 200 && shared->signals < i; k++)
            usleep(1000);
        assert_int_equal(shared->signals, i);
    }
    process_close(process);
    finish(pid);
}

static void test_killed_stopper_lets_go(void **state) {
    (void)state;
    pid_t pid = start(count_forever), stopper = fork();
    if (stopper == 0) {
        struct target_process *process;
        struct target_stop *stop;
        if (process_open(pid, &process) || stop_begin(process, &stop))
            _exit(1);
        shared->step = 7;
        pause();
        _exit(0);
    }
    for (int i = 0; i < 100 && shared->step != 7; i++)
        usleep(10000);
    assert_int_equal(shared->step, 7);
    unsigned long before = shared->ticks;
    usleep(20000);
    assert_int_equal(shared->ticks, before);
    finish(stopper);
    assert_true(is_running());
    finish(pid);
}

static void test_threads_come_and_go(void **state) {
    (void)state;
    pid_t pid = start(churn_threads);
    struct target_process *process = open_child(pid);
    for (int i = 0; i < 300; i++) {
        struct target_stop *stop = begin(process);
        unsigned long before = shared->ticks;
        usleep(1000);
        assert_int_equal(shared->ticks, before);
        stop_end(stop);
        assert_true(is_running());
    }
    process_close(process);
    finish(pid);
}

static void test_ended_main_thread(void **state) {
    (void)state;
    pid_t pid = start(end_main_thread);
    struct target_process *process = NULL;
    struct error *err = process_open(pid, &process);
    if (err)
        fail_msg("open: %s", error_get_message(err));
    stop_end(begin(process));
    assert_true(is_running());
    process_close(process);
    finish(pid);
}

static void test_uninterruptible_thread_goes_on(void **state) {
    (void)state;
    pid_t pid = start(sleep_in_vfork);
    struct target_process *process = open_child(pid);
    assert_int_equal(read_state(pid), 'D');
    struct target_stop *stop = begin(process);
    assert_true(stop_get_unstopped(stop) > 0);
    stop_end(stop);
    assert_true(is_running());
    process_close(process);
    finish(pid);
}

static void test_traced_by_another(void **state) {
    (void)state;
    pid_t pid = start(count_forever), tracer = fork();
    if (tracer == 0) {
        shared->step = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ? 7 : 8;
        pause();
        _exit(0);
    }
    for (int i = 0; i < 100 && !shared->step; i++)
        usleep(10000);
    assert_int_equal(shared->step, 7);
    assert_int_equal(access_get_tracer(pid), tracer);
    struct target_process *process = open_child(pid);
    struct target_stop *stop = NULL;
    struct error *err = stop_begin(process, &stop);
    char number[16];
    snprintf(number, sizeof number, "%d", (int)tracer);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_PERMISSION);
    assert_non_null(strstr(error_get_message(err), number));
    error_destroy(err);
    assert_true(is_running());
    process_close(process);
    finish(tracer);
    finish(pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stands_still_and_goes_on),
        cmocka_unit_test(test_stopped_stays_stopped),
        cmocka_unit_test(test_signal_is_delivered_afterwards),
        cmocka_unit_test(test_no_signal_is_lost),
        cmocka_unit_test(test_killed_stopper_lets_go),
        cmocka_unit_test(test_threads_come_and_go),
        cmocka_unit_test(test_ended_main_thread),
        cmocka_unit_test(test_uninterruptible_thread_goes_on),
        cmocka_unit_test(test_traced_by_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
