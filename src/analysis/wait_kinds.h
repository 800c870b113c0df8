/*
 * What the waits of a snapshot and those of a recording are called alike. Texts live in `arena`;
 * long names of the target are shortened, nothing is escaped. Private to analysis.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

/* What a wait is without what it is about: "a lock", "a socket (read)". */
const char *wait_kind_describe(enum snapshot_wait_kind kind);

/* "Queue#1 'jobs' (get)", "join of Queue#1", of a queue called so. */
const char *wait_kind_describe_queue(struct arena *arena, enum snapshot_wait_kind kind,
                                     const char *queue);

/* "gather of 10 tasks", "wait for any of 2 tasks"; 0: it is not known how many. */
const char *wait_kind_describe_tasks(struct arena *arena, enum snapshot_wait_kind kind,
                                     int64_t count, bool is_any);

/* Of the kinds that wait for a file: "socket 10.0.0.3:5432 (read)" with its `end`, "fd 12 (read)"
 * without (NULL or ""), "a socket (read)" where that is SNAPSHOT_UNKNOWN too. */
bool wait_kind_is_file(enum snapshot_wait_kind kind);
const char *wait_kind_describe_file(struct arena *arena, enum snapshot_wait_kind kind,
                                    const char *end, int64_t fd);
const char *wait_kind_get_direction(enum snapshot_wait_kind kind); /* "read" */

/* "DNS lookup of db.example"; `host` may be NULL or "". */
const char *wait_kind_describe_lookup(struct arena *arena, const char *host);

/* "process 4711", "a child process". */
const char *wait_kind_describe_process(struct arena *arena, int64_t pid);

/* "a future of unknown owner (MyFuture)", "an object of type Odd"; `type` may be NULL. */
const char *wait_kind_describe_type(struct arena *arena, enum snapshot_wait_kind kind,
                                    const char *type);
