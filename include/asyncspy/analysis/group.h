/*
 * Tasks that are in the same place, folded.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

/* Sets the groups of the snapshot: tasks with the same state, the same await stack, the same kind
 * of wait on the same object or peer are one group. Where such tasks wait for more than a few
 * different objects or peers (each for one of its own), these are folded too. Tasks without a stack
 * are told apart by the name of their coroutine. Running tasks come first, then the biggest groups.
 * `awaiting` says what the members have in common, with ranges: "sleep, due in 3.0 s .. 58.1 s". */
void group_tasks(struct snapshot *snapshot);
