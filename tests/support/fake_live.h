/*
 * A process that is watched, made of a picture of it: samples in which its tasks stay where they
 * are while its loops and threads use time. What is made is the same every time.
 */
#pragma once

#include "asyncspy/analysis/live.h"

#define FAKE_LIVE_RATE 50 /* samples a second */

struct fake_live_course {
    double from_s, to_s;
    double busy; /* share of the samples in which loops run callbacks, where nobody knows better */
    double block_from_s, block_s; /* when a task of its own blocks the first loop; NaN: never */
};

/* Feeds the samples. An iteration of which the picture knows the age is that old at the end. */
void fake_live_add_samples(struct live_fold *fold, const struct snapshot *snapshot,
                           const struct fake_live_course *course);

/* Makes the picture an earlier one, before it is analyzed: some tasks are not there yet, others are
 * still there that are gone later. */
void fake_live_set_back(struct snapshot *snapshot);

/* Unless a loop is blocked: most tasks that had their turn, or wait only for the time, moved. */
void fake_live_set_moved(struct snapshot *snapshot);
