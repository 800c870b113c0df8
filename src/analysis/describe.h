/*
 * What a wait is, in words. Private to analysis.
 */
#pragma once

#include "analysis.h"

/* Sets `awaiting->text` of every task and thread. */
void describe_waits(struct analysis *analysis);

/* What a wait is without what differs from task to task: "sleep", "gather of 10 tasks",
 * "Lock#1 'pool.sem'". Equal waits of one object give the same pointer mostly. */
const char *describe_wait(struct analysis *analysis, const struct snapshot_task *task,
                          const struct snapshot_wait *wait);

/* The same without what the wait is about: "a lock", "a socket (read)". */
const char *describe_wait_kind(const struct snapshot_wait *wait);
