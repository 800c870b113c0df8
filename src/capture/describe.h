/* Which process or core it is. Private to capture. */
#pragma once

#include "asyncspy/python/discovery.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/process.h"

/* Fills all of `target` but what only cores have. Strings live in `arena`. */
void target_describe(const struct target_process *process, const struct py_discovery *discovery,
                     struct arena *arena, struct snapshot_target *target);
