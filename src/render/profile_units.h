/*
 * Weights as whole numbers, for formats that know no others. Private to render.
 */
#pragma once

#include <math.h>
#include <stdint.h>

/* `value` rounded; 0 of what is negative or no number, and never too big for what adds two. */
static inline int64_t profile_units_round(double value) {
    return value > 0 ? value < 4e18 ? llround(value) : INT64_C(4000000000000000000) : 0;
}
