/*
 * What tasks of the fake asyncio wait for: futures with callbacks, handles, gather(), executors.
 */
#pragma once

#include "fake_asyncio.h"
#include "fake_functions.h"
#include "fake_instances.h"

/* A task whose coroutines are these, innermost first, up to one without a function; the innermost
 * awaits `future`, on which the task is parked. */
#define FAKE_BODIES_MAX 6
#define FAKE_BODIES(...) ((const struct fake_body[FAKE_BODIES_MAX]){__VA_ARGS__})
uint64_t fake_waiting_task(struct fake_asyncio *aio, const char *name, uint64_t future,
                           const struct fake_body *bodies);
/* One of asyncio's own, with variables; one of the program. */
#define FAKE_OWN(file_, function_, ...)                                                            \
    { .file = "asyncio/" file_, .function = function_, .variables = FAKE_NAMED(__VA_ARGS__) }
#define FAKE_USER(function_, ...)                                                                  \
    { .function = function_, .variables = FAKE_NAMED(__VA_ARGS__) }

/* Sets what is called when a future or task is done, in the way of the version. */
void fake_set_callbacks(struct fake_asyncio *aio, uint64_t future, const uint64_t *callables,
                        size_t count);

/* What wakes a task up: a function or an object of C, by the version. */
uint64_t fake_wakeup(struct fake_asyncio *aio, uint64_t task);
/* What makes a task's next step. */
uint64_t fake_step(struct fake_asyncio *aio, uint64_t task);

/* A bound method of an object, of a function with that qualified name. */
uint64_t fake_bound_method(struct fake_asyncio *aio, const char *qualname, uint64_t self);

/* The future of a gather() of these. */
uint64_t fake_gather(struct fake_asyncio *aio, const uint64_t *children, size_t count);

/* An asyncio.Handle; a TimerHandle unless `when` is NaN. `arguments` is a tuple. */
uint64_t fake_handle(struct fake_asyncio *aio, uint64_t callback, uint64_t arguments,
                     bool cancelled, double when);
uint64_t fake_tuple_of_one(struct fake_python *fake, uint64_t item);

/* --- executors --- */

/* A concurrent.futures.Future with these callbacks. */
uint64_t fake_concurrent_future(struct fake_asyncio *aio, const uint64_t *callbacks, size_t count);
/* The future of an asyncio that waits for a concurrent one. */
uint64_t fake_chained_future(struct fake_asyncio *aio, uint64_t concurrent);
uint64_t fake_work_item(struct fake_asyncio *aio, uint64_t concurrent, uint64_t function,
                        uint64_t arguments);
/* A pool with `max_workers`, `threads` threads and these items in its queue. */
uint64_t fake_thread_pool(struct fake_asyncio *aio, int64_t max_workers, size_t threads,
                          const uint64_t *items, size_t count);
/* The frames of a thread of the pool that runs the item (0: it is idle); the innermost. */
uint64_t fake_worker_frames(struct fake_asyncio *aio, uint64_t pool, uint64_t item);

/* --- the loop --- */

/* An attribute of the event loop: "_ready", "_scheduled", "_timer_cancelled_count", "_selector",
 * "_default_executor". */
void fake_loop_set(struct fake_asyncio *aio, const char *name, uint64_t value);
/* Puts the frame of _run_once() where the loop has its Handle._run(); `selecting`: instead of
 * that, select() is what it called. */
void fake_run_once(struct fake_asyncio *aio, const struct fake_named *variables, bool selecting);
/* A selectors.EpollSelector whose file `fd` has these handles (0: none). */
uint64_t fake_selector(struct fake_asyncio *aio, int64_t fd, uint64_t reader, uint64_t writer);
