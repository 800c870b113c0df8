/*
 * Everything that can be concluded from one snapshot, without looking at the target again: what
 * each task waits for in words, who awaits whom, who is idle by design, who can never go on, what
 * is wrong, and the verdict.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

#define ANALYSIS_FLOOD 10000 /* tasks of one group that are too many */

struct analysis_options {
    size_t flood; /* 0: ANALYSIS_FLOOD */
};

/* Fills what the analysis derives: awaiting.text, awaited_by, idle, groups, findings, verdict. It
 * recomputes them when they are there, so a loaded snapshot may be analysed again. `options` may be
 * NULL. The time is that of sorting the tasks; nothing recurses.
 *
 * The verdict is the first finding that is likely or certain, else OK: what is merely possible is
 * listed as a hint and alarms nobody. */
void analyze(struct snapshot *snapshot, const struct analysis_options *options);
