/*
 * What of a wait differs from task to task: how long it still lasts, how much of it is done, its
 * place in a queue. For one task a number, for many a range. Private to analysis.
 */
#pragma once

#include "analysis.h"

struct tails {
    size_t count;                  /* waits */
    size_t deadlines;              /* of them, that have one */
    double soonest, latest;        /* seconds left */
    size_t dones;                  /* that count what is done */
    int64_t least_done, most_done; /* of those */
    size_t children;               /* that wait for the children of a task group */
    int64_t least_children, most_children;
    size_t positions; /* that have a place in a queue */
    int64_t first_position, last_position, queued;
};

void tails_add(const struct analysis *analysis, struct tails *tails,
               const struct snapshot_wait *wait);

/* ", due in 3.0 s .. 58.1 s", ": 2nd of 5 in the queue"; "" where there is nothing to say. */
const char *tails_describe(const struct analysis *analysis, const struct tails *tails,
                           enum snapshot_wait_kind kind);
