#include "seed.h"

#include <string.h>
#include <sys/auxv.h>

uint64_t seed_get(void) {
    const void *random = (const void *)getauxval(AT_RANDOM);
    uint64_t seed = 0;
    if (random)
        memcpy(&seed, random, sizeof seed);
    return seed;
}
