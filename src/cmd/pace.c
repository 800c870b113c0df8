#include "pace.h"

#include <sys/random.h>
#include <sys/resource.h>

#define JITTER 0.5 /* an interval is longer or shorter by as much of itself at most */
#define PRIORITY (-15)

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

double pace_step(struct pace *pace, double now, double period) {
    double late = now > pace->due ? now - pace->due : 0;
    pace->due = (late > period ? now : pace->due) + period * (1 + get_jitter(pace));
    return late;
}

void pace_prefer(bool is_preferred) {
    (void)setpriority(PRIO_PROCESS, 0, is_preferred ? PRIORITY : 0);
}
