/* A number of this process for hash functions, so that whoever writes the keys cannot make them all
 * collide. */
#pragma once

#include <stdint.h>

uint64_t seed_get(void);
