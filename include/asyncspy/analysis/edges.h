/*
 * Who awaits whom.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

/* Sets `awaited_by` of every task from what the tasks await. */
void edges_find(struct snapshot *snapshot);
