/*
 * Locks of threads. Modules/_threadmodule.c (lockobject, rlockobject), Python/thread_pthread.h
 * (a PyThread_type_lock is a sem_t), Include/cpython/lock.h (PyMutex), Python/lock.c.
 */
#include "asyncspy/python/function.h"
#include "py.h"

/* Bits of a PyMutex. */
#define MUTEX_LOCKED 1
#define MUTEX_HAS_PARKED 2

/* sem_t of libc: a word that is the value and what futex(2) waits on, then how many wait. So in
 * glibc since 2.21 (struct new_sem in nptl/sem_waitcommon.c, 64 bits) and in musl. */
#define SEMAPHORE_SIZE 32
struct semaphore {
    uint32_t value, waiters;
};

static struct error *read_semaphore(struct py *py, uint64_t address, struct py_thread_lock *ret) {
    struct semaphore semaphore;
    if (!address)
        return error_create(ERROR_INVALID, "a lock of a thread without its semaphore");
    struct error *err = memory_read(py->memory, address, &semaphore, sizeof semaphore);
    if (err)
        return err;
    ret->futex = address;
    ret->futex_size = SEMAPHORE_SIZE;
    ret->has_waiters = semaphore.waiters ? SNAPSHOT_YES : SNAPSHOT_NO;
    return NULL;
}

static void take_mutex(uint64_t address, uint8_t bits, struct py_thread_lock *ret) {
    ret->mutex = address;
    ret->locked = bits & MUTEX_LOCKED;
    ret->has_waiters = bits & MUTEX_HAS_PARKED ? SNAPSHOT_YES : SNAPSHOT_NO;
}

static struct error *read_lock(struct py *py, uint64_t address, struct py_thread_lock *ret) {
    struct py_record record;
    struct error *err = py_record_read(py, PY_STRUCT_thread_lock, address, &record);
    if (err)
        return err;
    if (PY_HAS(&py->layout, thread_lock, mutex)) {
        take_mutex(address + (uint64_t)PY_OFFSET(&py->layout, thread_lock, mutex),
                   PY_U8(&record, thread_lock, mutex), ret);
        return NULL;
    }
    ret->locked = PY_U8(&record, thread_lock, locked) != 0;
    return read_semaphore(py, PY_U64(&record, thread_lock, semaphore), ret);
}

static struct error *read_rlock(struct py *py, uint64_t address, struct py_thread_lock *ret) {
    struct py_record record;
    struct error *err = py_record_read(py, PY_STRUCT_thread_rlock, address, &record);
    if (err)
        return err;
    ret->is_recursive = true;
    if (PY_HAS(&py->layout, thread_rlock, mutex)) {
        take_mutex(address + (uint64_t)PY_OFFSET(&py->layout, thread_rlock, mutex),
                   PY_U8(&record, thread_rlock, mutex), ret);
    } else {
        ret->locked = PY_U64(&record, thread_rlock, count) != 0;
        err = read_semaphore(py, PY_U64(&record, thread_rlock, semaphore), ret);
    }
    ret->owner = ret->locked ? PY_U64(&record, thread_rlock, owner) : 0;
    return err;
}

/* Which layout it is, the size of its instances tells: releases of one minor differ. */
static struct error *select_layout(struct py *py, const struct py_type *type, enum py_field size,
                                   enum py_struct struct_) {
    int32_t known = py->layout.offset[size];
    if (known != PY_ABSENT && (uint64_t)known == type->basicsize)
        return NULL;
    const struct py_table *variant = py_table_find_variant(py->layout.table, size, type->basicsize);
    if (!variant)
        return error_create(ERROR_INVALID, "a %s of %llu bytes is not known", type->full_name,
                            (unsigned long long)type->basicsize);
    py_layout_adopt_struct(&py->layout, variant, struct_);
    return NULL;
}

struct error *py_thread_lock_read(struct py *py, const struct py_type *type, uint64_t address,
                                  struct py_thread_lock *ret) {
    *ret = (struct py_thread_lock){.has_waiters = SNAPSHOT_MAYBE};
    struct error *err = NULL;
    if (type->kind == PY_KIND_THREAD_LOCK) {
        err = select_layout(py, type, PY_FIELD_thread_lock_size, PY_STRUCT_thread_lock);
        return err ? err : read_lock(py, address, ret);
    }
    if (type->kind == PY_KIND_THREAD_RLOCK) {
        err = select_layout(py, type, PY_FIELD_thread_rlock_size, PY_STRUCT_thread_rlock);
        return err ? err : read_rlock(py, address, ret);
    }
    return error_create(ERROR_INVALID, "a %s is no lock of threads", type->full_name);
}

/* Who waits for a PyMutex sleeps on a semaphore of its own stack, in a wait_entry that names it. */
struct error *py_thread_lock_is_awaited(struct py *py, const struct py_thread_lock *lock,
                                        uint64_t futex, bool *ret) {
    uint64_t address = 0;
    *ret = lock->futex && futex >= lock->futex && futex - lock->futex < lock->futex_size;
    if (!lock->mutex || !PY_HAS(&py->layout, wait_entry, address))
        return NULL;
    uint64_t entry = futex - (uint64_t)PY_OFFSET(&py->layout, wait_entry, semaphore);
    struct error *err =
        py_read_u64(py, entry + (uint64_t)PY_OFFSET(&py->layout, wait_entry, address), &address);
    *ret = !err && address == lock->mutex;
    return err;
}
