/*
 * A set of addresses that is asked about every word of a process. Private to the python layer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_entry {
    uint64_t address;
    uint32_t index; /* in the array that the set was made of */
};

struct address_set {
    struct address_entry *entries; /* sorted */
    size_t count;
    uint64_t low, span; /* all addresses are low ... low + span */
    uint64_t *bits;     /* of the hashes of all addresses: most words in that range end here */
    uint64_t mask;
};

struct address_set address_set_create(const uint64_t *addresses, size_t count);
void address_set_free(struct address_set *set);

/* Index of `address`; false when it is not in the set. */
bool address_set_find(const struct address_set *set, uint64_t address, uint32_t *ret);

static inline bool address_set_may_hold(const struct address_set *set, uint64_t word) {
    if (word - set->low > set->span)
        return false;
    uint64_t hash = word >> 4 & set->mask;
    return set->bits[hash >> 6] >> (hash & 63) & 1;
}
