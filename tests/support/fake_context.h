/*
 * Contexts and the trees of their variables in the fake Python; from 3.7 on.
 */
#pragma once

#include "fake_python.h"

uint64_t fake_context_variable(struct fake_python *fake, const char *name);
/* A context whose tree begins at the node `root`. */
uint64_t fake_context(struct fake_python *fake, uint64_t root);

/* Nodes of pairs: a variable and its value, or 0 and another node. */
uint64_t fake_bitmap_node(struct fake_python *fake, const uint64_t *words, size_t count);
uint64_t fake_collision_node(struct fake_python *fake, const uint64_t *words, size_t count);
/* A node of other nodes, which stand in places of their own. */
uint64_t fake_array_node(struct fake_python *fake, const uint64_t *nodes, size_t count);
