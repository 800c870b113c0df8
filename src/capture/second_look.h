/* What moved between two looks at a target. Private to capture. */
#pragma once

#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/stop.h"

#define SECOND_LOOK_S 0.2 /* after the first one */

/* A picture, and the target's monotonic clock (s) when it was taken. */
struct look_at {
    struct snapshot *snapshot;
    double now;
};

/* Sets `moved` in the first picture. `runs` tells which threads ran between the two. */
void second_look_compare(const struct look_at *first, const struct look_at *second,
                         const struct target_runs *runs);

/* The same where no thread ran: nothing moved but what the kernel does to the sockets. */
void second_look_stood_still(struct snapshot *first, const struct snapshot *second);
