/*
 * Callables, cells, floats, deques, queues and locks of threads of the fake Python.
 */
#pragma once

#include "fake_python.h"

uint64_t fake_function(struct fake_python *fake, uint64_t code, const char *name,
                       const char *qualname, uint64_t closure);
uint64_t fake_method(struct fake_python *fake, uint64_t function, uint64_t self);
/* A function written in C, and the same before it is bound. */
uint64_t fake_builtin(struct fake_python *fake, const char *name, uint64_t self);
uint64_t fake_method_descriptor(struct fake_python *fake, const char *name);
uint64_t fake_partial(struct fake_python *fake, uint64_t function, uint64_t arguments);
uint64_t fake_cell(struct fake_python *fake, uint64_t content);
uint64_t fake_float(struct fake_python *fake, double value);

/* A deque of the items `first` ... `first` + `count` - 1, which begins at `index` of a block. */
uint64_t fake_deque(struct fake_python *fake, uint64_t first, size_t count, size_t index);
/* One of objects. */
uint64_t fake_deque_of(struct fake_python *fake, const uint64_t *items, size_t count);

/* A SimpleQueue of the same items from which `taken` were taken before; 3.7+. */
uint64_t fake_simple_queue(struct fake_python *fake, uint64_t first, size_t count, size_t taken);
uint64_t fake_simple_queue_of(struct fake_python *fake, const uint64_t *items, size_t count,
                              size_t taken);

/* A lock whose semaphore, where it has one, is at *ret_semaphore. */
uint64_t fake_thread_lock(struct fake_python *fake, bool locked, bool has_waiters,
                          uint64_t *ret_semaphore);
uint64_t fake_thread_rlock(struct fake_python *fake, uint64_t owner, bool has_waiters,
                           uint64_t *ret_semaphore);
/* Where a thread sleeps that waits for the PyMutex at `mutex`. */
uint64_t fake_wait_entry(struct fake_python *fake, uint64_t mutex);
