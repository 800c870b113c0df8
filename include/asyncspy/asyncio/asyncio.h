/*
 * asyncio in one interpreter: its tasks, their await chains, its event loops. Fills the tasks and
 * event_loops of the snapshot that the walk of `py` fills. Speaks to the target only through the
 * readers of the python layer. Facts: Modules/_asynciomodule.c, Lib/asyncio/.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/error.h"
#include "asyncspy/python/frame.h"
#include "asyncspy/python/object.h"

/* A thread of the interpreter, as capture found it. */
struct aio_thread {
    const struct py_thread *thread;
    int64_t tid;                   /* as in the snapshot, or SNAPSHOT_UNKNOWN */
    enum snapshot_tristate polls;  /* in a system call that waits for events */
    const struct py_frame *frames; /* innermost first */
    size_t frame_count;
    uint64_t event_loop;   /* out: the loop that runs in it, 0 none */
    uint64_t current_task; /* out: the task that runs in it, 0 none */
};

/* Finds all tasks and loops of `interpreter`. Objects that cannot be read cost notes and rows in
 * `missing`; an error ends the run. */
struct error *aio_walk(struct py *py, const struct py_interpreter *interpreter,
                       struct aio_thread *threads, size_t thread_count) ERROR_CHECK;
