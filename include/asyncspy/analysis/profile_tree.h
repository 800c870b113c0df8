/*
 * A profile as a tree: stacks that start with the same functions are one branch.
 */
#pragma once

#include "asyncspy/analysis/profile_functions.h"

struct profile_node {
    const struct profile_function *function; /* NULL: the root; or the children of one that were
                                              * left out, where together they are not light */
    size_t depth;                            /* 0: the root */
    size_t end;                              /* place behind its last descendant */
    double weight_s;                         /* of all stacks through it */
    double self_s;                           /* of those that end here */
    uint64_t samples;
};

struct profile_tree {
    const struct profile_node *nodes; /* a node before its children, the heaviest child first, what
                                       * was left out last */
    size_t node_count;                /* at least the root */
    size_t depth;                     /* of the deepest node */
    struct profile_functions functions;
    double least_s;     /* what is lighter is left out */
    size_t small_count; /* nodes that are, because they are light or too deep */
};

/* Leaves nodes out that are lighter than `least_share` of the profile, or so deep that nobody can
 * look at them; more where too many would be left. Lives in `arena`; points to the profile's
 * frames. Weights that make no sense count as 0. */
const struct profile_tree *profile_tree_create(struct arena *arena, const struct profile *profile,
                                               double least_share);
