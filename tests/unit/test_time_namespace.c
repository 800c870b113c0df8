/* The monotonic clock of a process, as the process itself sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/target/process_private.h"
#include "../support/child.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static void assert_offset(const char *text, double expected) {
    double offset = process_parse_clock_offset(text);
    assert_true(isnan(expected) ? isnan(offset) : fabs(offset - expected) < 1e-6);
}

static void test_parse(void **state) {
    (void)state;
    assert_offset("monotonic           0         0\nboottime            0         0\n", 0);
    assert_offset("monotonic       86400 500000000\nboottime       604800         0\n", 86400.5);
    /* timens_offsets(5): nanoseconds are positive, also before zero. */
    assert_offset("monotonic          -5 250000000\nboottime            0         0\n", -4.75);
    assert_offset("boottime            9         0\nmonotonic           7         0\n", 7);
    assert_offset("monotonic           7", 7);
    assert_offset("", NAN);
    assert_offset("boottime            0         0\n", NAN);
    assert_offset("monotonic \n", NAN);
    assert_offset("monotonic x 0\n", NAN);
    assert_offset("notmonotonic 1 0\n", NAN);
}

static double read_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_same_namespace(void **state) {
    (void)state;
    pid_t pid = child_start(child_count_forever);
    struct target_process *process = child_open(pid);
    double before = read_clock(), clock = process_get_monotonic(process);
    assert_true(before <= clock && clock <= read_clock());
    process_close(process);
    child_finish(pid);
}

/* Of a process whose children to come have another clock: its own is the old one. */
static void expect_children_in_another(void) {
    child_shared->step = unshare(CLONE_NEWTIME) == 0 ? 1 : 2;
    child_count_forever();
}

/* A process with the clock 1,000,000 s ahead: a child, since a namespace is for children only. It
 * tells its clock and its pid through shared memory. */
static void live_in_the_future(void) {
    static const char offset[] = "monotonic 1000000 0\n";
    int file = -1;
    if (unshare(CLONE_NEWTIME) == 0)
        file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, offset, sizeof offset - 1) < 0) {
        child_shared->step = 2;
        return;
    }
    close(file);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_shared->signals = (unsigned long)getpid();
        for (;;) {
            child_shared->ticks = (unsigned long)(read_clock() * 1000);
            child_shared->step = 1;
            usleep(1000);
        }
    }
    waitpid(pid, NULL, 0);
}

/* False: this kernel or this user cannot have time namespaces. */
static bool wait_for_step(void) {
    for (int i = 0; i < 3000 && child_shared->step == 0; i++)
        usleep(1000);
    if (child_shared->step == 1)
        return true;
    print_message("no time namespaces\n");
    return false;
}

static void test_other_namespace(void **state) {
    (void)state;
    pid_t parent = child_start(live_in_the_future);
    if (!wait_for_step()) {
        child_finish(parent);
        skip();
    }
    struct target_process *process = child_open((pid_t)child_shared->signals);
    double clock = process_get_monotonic(process), theirs = (double)child_shared->ticks / 1000;
    assert_true(clock > read_clock() + 900000);
    assert_true(fabs(clock - theirs) < 1);
    process_close(process);
    child_finish(parent);
}

static void test_namespace_of_children(void **state) {
    (void)state;
    pid_t pid = child_start(expect_children_in_another);
    if (!wait_for_step()) {
        child_finish(pid);
        skip();
    }
    struct target_process *process = child_open(pid);
    double before = read_clock(), clock = process_get_monotonic(process);
    assert_true(before <= clock && clock <= read_clock());
    process_close(process);
    child_finish(pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_same_namespace),
        cmocka_unit_test(test_other_namespace),
        cmocka_unit_test(test_namespace_of_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
