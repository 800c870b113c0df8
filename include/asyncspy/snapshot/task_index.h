/*
 * Finds tasks of a snapshot by their id. Lives in the arena it is given.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

#define TASK_INDEX_NONE SIZE_MAX

struct task_index;

/* An index over the tasks that the snapshot holds now. Of equal ids the first counts. */
struct task_index *task_index_create(struct arena *arena, const struct snapshot *snapshot);

/* The task's place among the snapshot's tasks, or TASK_INDEX_NONE. */
size_t task_index_find(const struct task_index *index, snapshot_id id);
