/*
 * Coroutines that nobody awaited and exceptions that nobody looked at, searched for among all
 * objects of a target that stands still: while the second look is waited for. Private to capture.
 */
#pragma once

#include "asyncspy/base/error.h"
#include "asyncspy/python/object.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/process.h"

/* What a search found, to be added to the picture that it belongs to. Starts zeroed. */
struct forgotten {
    bool searched; /* to the end, and the target did not run meanwhile */
    struct snapshot_task *tasks;
    size_t task_count;
    struct snapshot_coroutine *coroutines;
    size_t coroutine_count;
};

struct forgotten_request {
    struct target_process *process;
    const struct py_layout *layout;
    const struct py_roots *roots;
    double seconds; /* for the search among all objects, at most about */
};

/* Searches; never stops the target. What `ret` has lives in the arena of `snapshot`, whose tasks it
 * knows, and which is otherwise left alone. */
struct error *forgotten_search(const struct forgotten_request *request, struct snapshot *snapshot,
                               struct forgotten *ret) ERROR_CHECK;

/* Puts what was found into the snapshot. */
void forgotten_add(const struct forgotten *forgotten, struct snapshot *snapshot);
