/*
 * Clocks and time stamps (RFC 3339, UTC, milliseconds).
 */
#pragma once

#include "asyncspy/base/arena.h"

/* Seconds of a clock that never jumps; only differences mean something. */
double clock_monotonic(void);

/* Seconds since the epoch. */
double clock_realtime(void);

/* Sleeps that long; signals do not shorten it. */
void clock_sleep(double seconds);

/* "2026-11-21T04:12:07.250Z" of seconds since the epoch; NULL outside the years 1970 to 9999 and
 * for NaN. */
char *clock_format_stamp(struct arena *arena, double epoch_s);

/* Seconds since the epoch of a stamp that ends in Z; NaN when it is none (or NULL). */
double clock_parse_stamp(const char *stamp);

/* How long something took or takes, for people: "0.3 ms", "850 ms", "12.3 s", "3m05s", "2h05m",
 * "3d04h"; "" of NaN and of what cannot be true. */
const char *clock_format_seconds(struct arena *arena, double seconds);

/* The same rounded down, for what stands behind ">=": it took at least so long as the text says. */
const char *clock_format_at_least(struct arena *arena, double seconds);
