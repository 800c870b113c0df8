/* One walk over a target: everything that is read from its memory. Private to capture. */
#pragma once

#include "asyncspy/base/error.h"
#include "asyncspy/python/object.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/process.h"

/* Reads the stacks of all threads and throws them away, so that the copy holds them: what a busy
 * thread runs now it may not have run when the blocks were learnt. */
struct error *walk_stacks(struct py *py, struct snapshot *snapshot) ERROR_CHECK;

/* Fills threads, interpreters, tasks and event_loops of `snapshot` from the memory of `py`.
 * `kernel` are the threads as the kernel sees them. */
struct error *walk_interpreters(struct py *py, struct snapshot *snapshot,
                                const struct target_thread *kernel,
                                size_t kernel_count) ERROR_CHECK;
