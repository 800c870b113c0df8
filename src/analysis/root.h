/*
 * The root of a pile of tasks: the task, thread, peer or lock that the waits lead to. Private to
 * analysis.
 */
#pragma once

#include "analysis.h"

struct root {
    const struct snapshot_task *task; /* the last task on the way; NULL: there was none */
    const char *peer;                 /* it waits for this end of a connection, or NULL */
    double silent_s;                  /* for how long that end is; NaN unknown */
    int64_t tid;                      /* it waits for this thread, or SNAPSHOT_UNKNOWN */
};

/* Follows the waits from a task to the end. */
struct root root_follow(const struct analysis *analysis, const struct snapshot_task *task);

/* Where most holders of an object end, in one line; NULL: nobody is known to hold it. Also gives
 * that root. */
const char *root_describe(struct analysis *analysis, const struct snapshot_object *object,
                          struct root *ret);

/* "10.0.3.7:5432 is silent for 41.2 s: 10 sockets ESTABLISHED, 0 B unread, 0 B unacked". */
const char *root_describe_peer(const struct analysis *analysis, const char *peer);

/* The task whose hold of the object is known (likely at least), NULL: none. */
const struct snapshot_task *find_holder(const struct analysis *analysis,
                                        const struct snapshot_object *object);
