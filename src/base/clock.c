#include "asyncspy/base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define YEAR_10000 253402300800.0
#define NOISE_S 1e-6 /* of differences of times: 1.2 s may be 1.1999999 */

static double read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double clock_monotonic(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double clock_realtime(void) {
    return read_clock(CLOCK_REALTIME);
}

void clock_sleep(double seconds) {
    struct timespec left = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    int status;
    do
        status = nanosleep(&left, &left);
    while (status != 0 && errno == EINTR);
}

char *clock_format_stamp(struct arena *arena, double epoch_s) {
    if (!(epoch_s >= 0 && epoch_s < YEAR_10000))
        return NULL;
    time_t seconds = (time_t)epoch_s;
    int milliseconds = (int)((epoch_s - (double)seconds) * 1000);
    struct tm parts;
    char text[32];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return arena_format(arena, "%s.%03dZ", text, milliseconds);
}

double clock_parse_stamp(const char *stamp) {
    struct tm parts = {0};
    if (!stamp)
        return NAN;
    const char *rest = strptime(stamp, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest)
        return NAN;
    double fraction = 0;
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        char text[32];
        if (digits == 0 || digits > 20)
            return NAN;
        snprintf(text, sizeof text, "0%.*s", (int)digits + 1, rest);
        fraction = strtod(text, NULL);
        rest += digits + 1;
    }
    return strcmp(rest, "Z") == 0 ? (double)timegm(&parts) + fraction : NAN;
}

const char *clock_format_seconds(struct arena *arena, double seconds) {
    double size = fabs(seconds);
    if (isnan(seconds) || size > 1e12)
        return "";
    if (size < 0.00995)
        return arena_format(arena, "%.1f ms", seconds * 1e3);
    if (size < 0.9995)
        return arena_format(arena, "%.0f ms", seconds * 1e3);
    if (size < 99.95)
        return arena_format(arena, "%.1f s", seconds);
    long long all = llround(size);
    const char *sign = seconds < 0 ? "-" : "";
    if (all < 3600)
        return arena_format(arena, "%s%lldm%02llds", sign, all / 60, all % 60);
    if (all < 86400)
        return arena_format(arena, "%s%lldh%02lldm", sign, all / 3600, all / 60 % 60);
    return arena_format(arena, "%s%lldd%02lldh", sign, all / 86400, all / 3600 % 24);
}

const char *clock_format_at_least(struct arena *arena, double seconds) {
    static const struct {
        double below, step;
    } steps[] = {{0.01, 1e-4}, {1, 1e-3}, {100, 0.1}, {3600, 1}, {86400, 60}, {INFINITY, 3600}};
    seconds += NOISE_S;
    size_t i = 0;
    while (seconds >= steps[i].below && i + 1 < sizeof steps / sizeof *steps)
        i++;
    return clock_format_seconds(arena, floor(seconds / steps[i].step) * steps[i].step);
}
