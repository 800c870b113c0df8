/*
 * A small asyncio server on a fake interpreter: one task in each state, so that a walk meets
 * every reader. And the walk over it.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"
#include "fake_interpreter.h"

/* The tasks, as they stand in fake_interpreter.tasks. */
enum fake_server_task {
    SERVER_WAITING,     /* "worker": outer() awaits inner() awaits a future */
    SERVER_NOT_STARTED, /* number 7 */
    SERVER_ON_TASK,     /* "waiter": awaits the worker */
    SERVER_READY,       /* its future is done */
    SERVER_RUNNING,     /* its frame is the thread's topmost */
    SERVER_DONE,
    SERVER_CANCELLED,
    SERVER_CYCLE,        /* its coroutines await each other */
    SERVER_NO_COROUTINE, /* task_coro is NULL */
    SERVER_IMPOSTOR,     /* awaits an instance of a class named like a builtin type */
    SERVER_TASK_COUNT
};

struct fake_interpreter *fake_server_create(const struct py_table *table);

/* One walk over the fake into `snapshot`; NULL or the error that ended it. */
struct error *fake_server_walk(struct fake_interpreter *fake,
                               struct snapshot *snapshot) ERROR_CHECK;

/* The task that stands at `which`, NULL when the walk did not find it. */
const struct snapshot_task *fake_server_find(const struct fake_interpreter *fake,
                                             const struct snapshot *snapshot,
                                             enum fake_server_task which);
