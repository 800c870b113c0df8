/* Locks of threads and the place of the GIL, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_frames.h"
#include "../support/fake_functions.h"
#include "../support/fake_target.h"
#include "asyncspy/python/frame.h"
#include "asyncspy/python/function.h"

#define OWNER UINT64_C(0x7f0011223344)

static struct error *try_lock(struct fake_target *target, uint64_t address,
                              struct py_thread_lock *ret) {
    struct py_type *type;
    fake_expect_success(py_type_of(target->py, address, &type));
    return py_thread_lock_read(target->py, type, address, ret);
}

static struct py_thread_lock read_lock(struct fake_target *target, uint64_t address) {
    struct py_thread_lock lock;
    fake_expect_success(try_lock(target, address, &lock));
    return lock;
}

static bool is_awaited(struct fake_target *target, const struct py_thread_lock *lock,
                       uint64_t futex) {
    bool awaited;
    fake_expect_success(py_thread_lock_is_awaited(target->py, lock, futex, &awaited));
    return awaited;
}

/* Who waits for a lock, and who for another one. */
static void check_waiters(struct fake_target *target, const struct py_thread_lock *lock,
                          uint64_t semaphore, uint64_t mutex, bool has_mutex) {
    struct fake_python *fake = target->fake;
    assert_int_equal(lock->futex, has_mutex ? 0 : semaphore);
    assert_int_equal(lock->mutex, has_mutex ? mutex : 0);
    if (has_mutex) {
        assert_true(is_awaited(target, lock, fake_wait_entry(fake, mutex)));
        assert_false(is_awaited(target, lock, fake_wait_entry(fake, mutex + 64)));
    } else {
        assert_true(is_awaited(target, lock, semaphore));
        assert_false(is_awaited(target, lock, semaphore + 32));
        assert_false(is_awaited(target, lock, semaphore - 1));
    }
}

static void check_locks(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    bool has_mutex = PY_HAS(&fake->layout, thread_lock, mutex);
    for (unsigned bits = 0; bits < 4; bits++) {
        uint64_t semaphore, at = fake_thread_lock(fake, bits & 1, bits & 2, &semaphore);
        struct py_thread_lock lock = read_lock(target, at);
        assert_false(lock.is_recursive);
        assert_int_equal(lock.locked, bits & 1);
        assert_int_equal(lock.has_waiters, bits & 2 ? SNAPSHOT_YES : SNAPSHOT_NO);
        assert_int_equal(lock.owner, 0);
        uint64_t mutex =
            has_mutex ? at + (uint64_t)PY_OFFSET(&fake->layout, thread_lock, mutex) : 0;
        check_waiters(target, &lock, semaphore, mutex, has_mutex);
    }
}

static void test_locks(struct fake_target *target) {
    check_locks(target);
}

static void test_recursive_locks(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    bool has_mutex = PY_HAS(&fake->layout, thread_rlock, mutex);
    for (unsigned bits = 0; bits < 4; bits++) {
        uint64_t owner = bits & 1 ? OWNER : 0;
        uint64_t semaphore, at = fake_thread_rlock(fake, owner, bits & 2, &semaphore);
        struct py_thread_lock lock = read_lock(target, at);
        assert_true(lock.is_recursive);
        assert_int_equal(lock.locked, bits & 1);
        assert_int_equal(lock.owner, owner);
        assert_int_equal(lock.has_waiters, bits & 2 ? SNAPSHOT_YES : SNAPSHOT_NO);
        uint64_t mutex =
            has_mutex ? at + (uint64_t)PY_OFFSET(&fake->layout, thread_rlock, mutex) : 0;
        check_waiters(target, &lock, semaphore, mutex, has_mutex);
    }
}

/* 3.13 changed its locks between two releases; the size of the type tells which it is. */
static void test_lock_of_another_release(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    const struct py_table *variant =
        py_table_find_variant(fake->table, PY_FIELD_thread_lock_size, 24);
    if (!variant)
        return;
    py_layout_adopt_struct(&fake->layout, variant, PY_STRUCT_thread_lock); /* the fake is such */
    FAKE_SET(fake, fake->types[FAKE_LOCK], type, basicsize, 24);
    struct py_layout layout = fake->layout;
    py_layout_adopt_struct(&fake->layout, fake->table, PY_STRUCT_thread_lock);
    fake_target_open(target, 0); /* the reader knows only the table */
    fake->layout = layout;
    check_locks(target);
}

static void test_unknown_locks(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct py_thread_lock lock;
    uint64_t semaphore, address = fake_thread_lock(fake, true, false, &semaphore);
    FAKE_SET(fake, fake->types[FAKE_LOCK], type, basicsize, 104);
    fake_expect_error(try_lock(target, address, &lock), ERROR_INVALID);
    fake_expect_error(try_lock(target, fake->none, &lock), ERROR_INVALID);
    address = fake_thread_rlock(fake, OWNER, false, &semaphore);
    if (PY_HAS(&fake->layout, thread_rlock, semaphore)) {
        FAKE_SET(fake, address, thread_rlock, semaphore, 0);
        fake_expect_error(try_lock(target, address, &lock), ERROR_INVALID);
        FAKE_SET(fake, address, thread_rlock, semaphore, 0x1000);
        fake_target_open(target, 0);
        fake_expect_error(try_lock(target, address, &lock), ERROR_FAULT);
    }
}

static void test_gil(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t runtime = fake_runtime(fake), expected = 0;
    uint64_t interpreter = fake_interpreter(fake, runtime, 0);
    struct py_interpreter *items;
    size_t count;
    fake_target_open(target, runtime);
    fake_expect_success(py_interpreters_read(target->py, &items, &count));
    assert_int_equal(count, 1);
    if (PY_HAS(&fake->layout, interpreter, gil))
        expected = FAKE_GET(fake, interpreter, interpreter, gil);
    else if (PY_HAS(&fake->layout, runtime, gil))
        expected = runtime + (uint64_t)PY_OFFSET(&fake->layout, runtime, gil);
    assert_int_equal(items[0].gil, expected);
    assert_int_equal(items[0].gil_size, expected ? PY_OFFSET(&fake->layout, gil, size) : 0);
}

FAKE_EACH_VERSION(test_locks)
FAKE_EACH_VERSION(test_recursive_locks)
FAKE_EACH_VERSION(test_lock_of_another_release)
FAKE_EACH_VERSION(test_unknown_locks)
FAKE_EACH_VERSION(test_gil)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_locks),
        FAKE_TEST(test_recursive_locks),
        FAKE_TEST(test_lock_of_another_release),
        FAKE_TEST(test_unknown_locks),
        FAKE_TEST(test_gil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
