/* What a thread waits for in the kernel, as the walk joins it with what Python says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/syscall.h>

#include "../../src/capture/walk.h"
#include "../support/fake_asyncio.h"
#include "../support/fake_frames.h"
#include "../support/fake_target.h"

enum { HOLDER = 4711, OTHER = 4712, WAIT = 0 /* FUTEX_WAIT */ };

/* The thread that holds the GIL, and another one. */
static void create(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    fake_asyncio_create(&aio, target->fake);
    fake_program_create(&program, &aio);
    fake_thread(target->fake, aio.interpreter, 0x27f00, OTHER);
    fake_target_open(target, aio.runtime);
}

/* A walk with the thread `tid` in a system call. */
static const struct snapshot_thread *walk(struct fake_target *target, pid_t tid, int64_t number,
                                          uint64_t first, uint64_t second) {
    struct target_thread kernel = {
        .tid = tid, .namespace_tid = tid, .syscall = number, .arguments = {first, second}};
    struct walk_search search = {0};
    snapshot_reset(target->snapshot);
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel, 1, NAN}, &search));
    for (size_t i = 0; i < target->snapshot->threads.count; i++)
        if (target->snapshot->threads.items[i].tid == tid)
            return &target->snapshot->threads.items[i];
    fail_msg("no thread %d", (int)tid);
    return target->snapshot->threads.items;
}

static void test_file(struct fake_target *target) {
    uint64_t polled = fake_alloc(target->fake, 8), closed = fake_alloc(target->fake, 8);
    fake_put(target->fake, polled, 9 | UINT64_C(1) << 32, 8); /* .fd = 9, .events = POLLIN */
    fake_put(target->fake, closed, 0xffffffff, 8);            /* .fd = -1: none */
    create(target);
    assert_int_equal(walk(target, OTHER, SYS_recvfrom, 7, 0)->syscall_fd, 7);
    assert_int_equal(walk(target, OTHER, SYS_poll, polled, 1)->syscall_fd, 9);
    assert_int_equal(walk(target, OTHER, SYS_poll, closed, 1)->syscall_fd, SNAPSHOT_UNKNOWN);
    assert_int_equal(walk(target, OTHER, SYS_poll, polled, 2)->syscall_fd, SNAPSHOT_UNKNOWN);
    assert_int_equal(walk(target, OTHER, SYS_poll, 16, 1)->syscall_fd, SNAPSHOT_UNKNOWN);
    assert_int_equal(walk(target, OTHER, SYS_futex, 7, WAIT)->syscall_fd, SNAPSHOT_UNKNOWN);
    assert_int_equal(walk(target, OTHER, -1, 0, 0)->syscall_fd, SNAPSHOT_UNKNOWN);
}

static struct py_interpreter get_interpreter(struct fake_target *target) {
    struct py_interpreter *interpreters;
    size_t count;
    py_begin_walk(target->py, target->snapshot);
    fake_expect_success(py_interpreters_read(target->py, &interpreters, &count));
    assert_true(count > 0);
    return interpreters[0];
}

static enum snapshot_tristate waits(struct fake_target *target, int64_t number, uint64_t address) {
    return walk(target, OTHER, number, address, WAIT)->waits_for_gil;
}

static void test_gil(struct fake_target *target) {
    create(target);
    struct py_interpreter interpreter = get_interpreter(target);
    uint64_t gil = interpreter.gil, end = gil + interpreter.gil_size;
    assert_int_equal(waits(target, SYS_futex, gil ? gil : 64), gil ? SNAPSHOT_YES : SNAPSHOT_MAYBE);
    if (gil) {
        assert_int_equal(waits(target, SYS_futex, end - 4), SNAPSHOT_YES);
        assert_int_equal(waits(target, SYS_futex, end), SNAPSHOT_NO);
        assert_int_equal(waits(target, SYS_futex, gil - 4), SNAPSHOT_NO);
    }
    assert_int_equal(waits(target, SYS_epoll_wait, 5), SNAPSHOT_NO);
    assert_int_equal(waits(target, SYS_restart_syscall, 5), SNAPSHOT_MAYBE);
    assert_int_equal(waits(target, -1, 0), SNAPSHOT_MAYBE);
    assert_int_equal(walk(target, HOLDER, SYS_futex, gil, WAIT)->waits_for_gil, SNAPSHOT_NO);
}

FAKE_EACH_VERSION(test_file)
FAKE_EACH_VERSION(test_gil)

int main(void) {
    const struct CMUnitTest tests[] = {FAKE_TEST(test_file), FAKE_TEST(test_gil)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
