#include "address_set.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"

#define BITS_MIN 4096
#define BITS_AN_ADDRESS 64 /* so few words pass that a search of all addresses costs nothing */

static int compare(const void *a, const void *b) {
    uint64_t x = ((const struct address_entry *)a)->address;
    uint64_t y = ((const struct address_entry *)b)->address;
    return (x > y) - (x < y);
}

struct address_set address_set_create(const uint64_t *addresses, size_t count) {
    uint64_t bits = BITS_MIN;
    while (bits < count * BITS_AN_ADDRESS)
        bits *= 2;
    struct address_set set = {.entries = memory_alloc((count + 1) * sizeof *set.entries),
                              .count = count,
                              .low = UINT64_MAX, /* an empty set holds no word but this */
                              .bits = memory_alloc(bits / 8),
                              .mask = bits - 1};
    memset(set.bits, 0, bits / 8);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = addresses[i] >> 4 & set.mask;
        set.entries[i] = (struct address_entry){addresses[i], (uint32_t)i};
        set.bits[hash >> 6] |= UINT64_C(1) << (hash & 63);
    }
    if (!count)
        return set;
    qsort(set.entries, count, sizeof *set.entries, compare);
    set.low = set.entries[0].address;
    set.span = set.entries[count - 1].address - set.low;
    return set;
}

void address_set_free(struct address_set *set) {
    free(set->entries);
    free(set->bits);
}

bool address_set_find(const struct address_set *set, uint64_t address, uint32_t *ret) {
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->entries[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == set->count || set->entries[low].address != address)
        return false;
    *ret = set->entries[low].index;
    return true;
}
