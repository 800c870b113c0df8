#include "asyncspy/base/clock.h"

#include <math.h>
#include <string.h>
#include <time.h>

static double read_clock(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double clock_monotonic(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double clock_realtime(void) {
    return read_clock(CLOCK_REALTIME);
}

const char *clock_format_stamp(struct arena *arena, double seconds) {
    char text[32];
    struct tm parts;
    double whole = floor(seconds);
    time_t time = (time_t)whole;
    gmtime_r(&time, &parts);
    if (!strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts))
        text[0] = '\0';
    return arena_format(arena, "%s.%03dZ", text, (int)((seconds - whole) * 1000));
}
