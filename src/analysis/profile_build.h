/*
 * From nodes to stacks of frames. Private to analysis.
 */
#pragma once

#include "asyncspy/analysis/profile.h"
#include "profile_nodes.h"

/* The stacks, frames and weights of a profile, of nodes that are finished. They live in `arena`.
 * When the heaviest stacks have `most` frames together, the rest becomes one stack. */
void profile_build(struct arena *arena, struct profile_nodes *nodes, size_t most,
                   struct profile *ret);
