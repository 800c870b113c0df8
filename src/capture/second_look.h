/* What moved between two looks at a target. Private to capture. */
#pragma once

#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/stop.h"

/* A picture, and the target's monotonic clock (s) when it was taken. */
struct look_at {
    struct snapshot *snapshot;
    double now;
};

/* Sets `moved` in the first picture, which may be the later one. `runs` tells which threads ran
 * between the two, or, unless `runs_cover`, in a part of that time; NULL: nobody knows. */
void second_look_compare(const struct look_at *first, const struct look_at *second,
                         const struct target_runs *runs, bool runs_cover);

/* The same where no thread ran: nothing moved but what the kernel does to the sockets. */
void second_look_stood_still(const struct look_at *looked_at, const struct look_at *second);
