/*
 * Callables and what they carry: closures, bound methods, partial objects. And the small C objects
 * that hang on asyncio's waits: deques, cells, floats, locks of threads, the queue of an executor.
 * All reads are bounded; ERROR_INVALID when an object makes no sense.
 */
#pragma once

#include "asyncspy/python/object.h"

/* --- callables --- */

/* A function written in Python (Objects/funcobject.c). */
struct py_function {
    uint64_t code, closure, globals; /* objects, 0 none */
    const char *name;                /* co_name */
    const char *qualified_name;      /* __qualname__ */
    const char *file;                /* co_filename */
};
struct error *py_function_read(struct py *py, uint64_t address,
                               struct py_function *ret) ERROR_CHECK;

/* What the free variable `name` of a function holds now; *ret is 0 when it has no such variable or
 * that is empty. */
struct error *py_closure_find(struct py *py, const struct py_function *function, const char *name,
                              uint64_t *ret) ERROR_CHECK;

/* A bound method: what it calls, and its `self`. */
struct error *py_method_read(struct py *py, uint64_t address, uint64_t *ret_function,
                             uint64_t *ret_self) ERROR_CHECK;

/* A function or method written in C: its name, interned, and its `self` (0 none). */
struct error *py_builtin_read(struct py *py, uint64_t address, const char **ret_name,
                              uint64_t *ret_self) ERROR_CHECK;

/* A functools.partial: what it calls, and the tuple of its first arguments. */
struct error *py_partial_read(struct py *py, uint64_t address, uint64_t *ret_function,
                              uint64_t *ret_arguments) ERROR_CHECK;

/* --- values --- */

struct error *py_float_read(struct py *py, uint64_t address, double *ret) ERROR_CHECK;

/* len() of a list, tuple, set, dict or collections.deque, or a subclass; ERROR_INVALID of others.
 */
struct error *py_count_read(struct py *py, uint64_t address, int64_t *ret) ERROR_CHECK;

/* Item `index` of a tuple, 0 when it is shorter. */
struct error *py_tuple_get(struct py *py, uint64_t address, size_t index,
                           uint64_t *ret) ERROR_CHECK;

/* The same of a list. */
struct error *py_list_get(struct py *py, uint64_t address, size_t index, uint64_t *ret) ERROR_CHECK;

/* Items of a collections.deque, first to last (Modules/_collectionsmodule.c). */
struct error *py_deque_visit(struct py *py, uint64_t address, py_visit_item *visit,
                             void *context) ERROR_CHECK;

/* Items of a queue.SimpleQueue, next to be taken first (Modules/_queuemodule.c; 3.7+). */
struct error *py_simple_queue_visit(struct py *py, uint64_t address, py_visit_item *visit,
                                    void *context) ERROR_CHECK;

/* --- locks of threads (Modules/_threadmodule.c, Python/thread_pthread.h, Python/lock.c) --- */

/* threading.Lock and RLock as they are written in C. What threading builds of them in Python
 * (Condition, Semaphore, Event, the RLock of threading._PyRLock) is an object with attributes. */

struct py_thread_lock {
    bool is_recursive; /* RLock */
    bool locked;
    uint64_t owner;                     /* ident of the thread that has an RLock, 0 none */
    enum snapshot_tristate has_waiters; /* some thread sleeps on it */
    uint64_t futex;      /* address that futex(2) is called with by who waits for it, 0 not known */
    uint64_t futex_size; /* bytes from there that belong to the lock */
    uint64_t mutex;      /* address of its PyMutex (later 3.13 on), where futex is 0; else 0 */
};
struct error *py_thread_lock_read(struct py *py, const struct py_type *type, uint64_t address,
                                  struct py_thread_lock *ret) ERROR_CHECK;

/* Whether a thread that sleeps in futex(2) at the address `futex` waits for `lock`. */
struct error *py_thread_lock_is_awaited(struct py *py, const struct py_thread_lock *lock,
                                        uint64_t futex, bool *ret) ERROR_CHECK;
