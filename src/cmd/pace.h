/* When samples are due. Private to cmd. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* At random around their period, so that what the process does regularly is not always met at the
 * same point. */
struct pace {
    double due;      /* the next sample */
    bool catches_up; /* what was missed is made up for, at twice the rate; false at first */
    double behind_s; /* so much is still to be made up for */
    uint64_t random;
};

/* The first one is due at time 0. */
void pace_begin(struct pace *pace);

/* A sample is taken at `now`: makes the next one due. Returns how late the one of now is. */
double pace_step(struct pace *pace, double now, double period);

/* On a machine with more to do than it can, a process would stand still until it is our turn. Who
 * may not ask for this does without. */
void pace_prefer(bool is_preferred);
