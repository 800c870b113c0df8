/*
 * Who awaits whom.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

#define EDGES_MAX 5000000

/* Adds to `awaited_by` of every task whoever awaits it by its own account. What the walk has put
 * there (3.14's field) stays; each awaiter is there once, and only tasks of the snapshot are. At
 * most EDGES_MAX edges are looked at, and `missing` tells of the rest. */
void edges_find(struct snapshot *snapshot);

/* The same with another limit. */
void edges_find_some(struct snapshot *snapshot, size_t edges_max);
