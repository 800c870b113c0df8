#include "pace.h"

#include <math.h>
#include <sys/random.h>
#include <sys/resource.h>

#define JITTER 0.5 /* an interval is longer or shorter by as much of itself at most */
#define PRIORITY (-15)
#define BEHIND_MAX_S 0.5

void pace_begin(struct pace *pace) {
    *pace = (struct pace){.due = 0};
    if (getrandom(&pace->random, sizeof pace->random, 0) < 0 || !pace->random)
        pace->random = 88172645463325252u;
}

/* xorshift64: jitter needs no better numbers. */
static double get_jitter(struct pace *pace) {
    pace->random ^= pace->random << 13;
    pace->random ^= pace->random >> 7;
    pace->random ^= pace->random << 17;
    return ((double)(pace->random >> 11) / (double)(UINT64_C(1) << 53) * 2 - 1) * JITTER;
}

/* How much sooner than after `step` the next sample comes. */
static double catch_up(struct pace *pace, double step) {
    double sooner = pace->behind_s < step / 2 ? pace->behind_s : step / 2;
    pace->behind_s -= sooner;
    return sooner;
}

double pace_step(struct pace *pace, double now, double period) {
    double late = now > pace->due ? now - pace->due : 0;
    double step = period * (1 + get_jitter(pace));
    bool is_missed = late > period;
    if (is_missed && pace->catches_up)
        pace->behind_s = fmin(pace->behind_s + late, BEHIND_MAX_S);
    pace->due = (is_missed ? now : pace->due) + step - catch_up(pace, step);
    return late;
}

void pace_prefer(bool is_preferred) {
    (void)setpriority(PRIO_PROCESS, 0, is_preferred ? PRIORITY : 0);
}
