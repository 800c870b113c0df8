/*
 * Tasks that are in the same place, folded.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

/* Sets the groups of the snapshot: tasks with the same state, the same await stack and the same
 * kind of wait (without the ids of what they wait for) are one group. Tasks without a stack are
 * told apart by the name of their coroutine. Running tasks come first, then the biggest groups. */
void group_tasks(struct snapshot *snapshot);
