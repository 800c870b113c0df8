/* Clocks and stamps. Times are seconds as a double. */
#pragma once

#include "asyncspy/base/arena.h"

/* CLOCK_MONOTONIC. */
double clock_monotonic(void);

/* Seconds since the epoch. */
double clock_realtime(void);

/* RFC 3339 in UTC with milliseconds, "2026-11-21T04:12:07.250Z". */
const char *clock_format_stamp(struct arena *arena, double seconds);
