/* What a thread waits for in the kernel, from the arguments of its system call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../support/child.h"

static struct target_thread call(int64_t number, uint64_t first, uint64_t second) {
    return (struct target_thread){.syscall = number, .arguments = {first, second}};
}

static void assert_file(int64_t number, uint64_t first, uint64_t second, int64_t expected) {
    struct target_thread thread = call(number, first, second);
    assert_int_equal(process_syscall_fd(&thread), expected);
}

static void test_files(void **state) {
    (void)state;
    static const long calls[] = {SYS_read,    SYS_write,    SYS_recvfrom, SYS_sendto,
                                 SYS_recvmsg, SYS_sendmsg,  SYS_accept,   SYS_accept4,
                                 SYS_connect, SYS_flock,    SYS_fsync,    SYS_epoll_wait,
                                 SYS_ioctl,   SYS_sendfile, SYS_fcntl,    441 /* epoll_pwait2 */};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        assert_file(calls[i], 7, 8, 7);
    assert_file(SYS_read, 0, 8, 0);
    assert_file(SYS_read, UINT64_C(0xdead000000000005), 8, 5); /* the kernel drops the upper half */
    assert_file(SYS_read, (uint64_t)-1, 8, -1);
    assert_file(SYS_read, 0xffffffff, 8, -1);
}

static void test_no_files(void **state) {
    (void)state;
    static const long calls[] = {SYS_futex, SYS_poll,        SYS_select, SYS_clock_nanosleep,
                                 SYS_wait4, SYS_openat,      SYS_pause,  SYS_restart_syscall,
                                 -1,        SYS_mmap,        INT64_MAX,  INT64_MIN,
                                 SYS_brk,   SYS_io_getevents};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        assert_file(calls[i], 7, 8, -1);
}

/* A child through its pidfd. */
static void test_waitid(void **state) {
    (void)state;
    assert_file(SYS_waitid, 3 /* P_PIDFD */, 9, 9);
    assert_file(SYS_waitid, 1 /* P_PID */, 9, -1);
}

static void test_poll(void **state) {
    (void)state;
    struct target_thread one = call(SYS_poll, 0x7000, 1), two = call(SYS_poll, 0x7000, 2);
    struct target_thread masked = call(SYS_ppoll, 0x7000, 1), other = call(SYS_select, 0x7000, 1);
    assert_int_equal(process_syscall_poll(&one), 0x7000);
    assert_int_equal(process_syscall_poll(&masked), 0x7000);
    assert_int_equal(process_syscall_poll(&two), 0);
    assert_int_equal(process_syscall_poll(&other), 0);
}

static void test_futex(void **state) {
    (void)state;
    static const struct {
        int64_t number;
        uint64_t operation;
        bool waits;
    } cases[] = {
        {SYS_futex, FUTEX_WAIT, true},
        {SYS_futex, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, true},
        {SYS_futex, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME, true},
        {SYS_futex, FUTEX_LOCK_PI, true},
        {SYS_futex, FUTEX_WAKE, false},
        {SYS_futex, UINT64_MAX, false},
        {455 /* futex_wait */, 0, true},
        {SYS_read, 0, false},
        {-1, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct target_thread thread = call(cases[i].number, 0x1234, cases[i].operation);
        assert_int_equal(process_syscall_futex(&thread), cases[i].waits ? 0x1234 : 0);
    }
}

/* ---- live threads; the main one waits for a lock ---- */

static pthread_mutex_t locked = PTHREAD_MUTEX_INITIALIZER;
static int ends[2];
static struct pollfd polled;

static void *receive(void *unused) {
    char byte;
    (void)unused;
    pthread_setname_np(pthread_self(), "receives");
    return recv(ends[0], &byte, 1, 0) < 0 ? unused : NULL;
}

static void *poll_one(void *unused) {
    (void)unused;
    pthread_setname_np(pthread_self(), "polls");
    polled = (struct pollfd){.fd = ends[1], .events = POLLPRI};
    return poll(&polled, 1, -1) < 0 ? unused : NULL;
}

static void wait_for_lock(void) {
    pthread_t thread;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return;
    pthread_create(&thread, NULL, receive, NULL);
    pthread_create(&thread, NULL, poll_one, NULL);
    pthread_mutex_lock(&locked);
    pthread_mutex_lock(&locked);
}

static void test_live(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    struct target_thread *threads;
    size_t count;
    pid_t pid = child_start(wait_for_lock);
    struct target_process *process = child_open(pid);
    assert_null(process_list_threads(process, arena, &threads, &count));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        bool receives = strcmp(threads[i].name, "receives") == 0;
        bool polls = strcmp(threads[i].name, "polls") == 0;
        int64_t fd = process_syscall_fd(&threads[i]);
        uint64_t at = process_syscall_poll(&threads[i]);
        assert_true(receives ? fd >= 0 : fd == -1);
        assert_int_equal(at, polls ? (uintptr_t)&polled : 0);
        assert_int_equal(process_syscall_futex(&threads[i]),
                         receives || polls ? 0 : (uintptr_t)&locked);
    }
    process_close(process);
    arena_destroy(arena);
    child_finish(pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),  cmocka_unit_test(test_no_files),
        cmocka_unit_test(test_waitid), cmocka_unit_test(test_poll),
        cmocka_unit_test(test_futex),  cmocka_unit_test(test_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
