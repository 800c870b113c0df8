#include "asyncspy/base/table.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"
#include "seed.h"

/* uthash's own functions have no seed: a file could bring a million keys of one bucket. */
#define HASH_FUNCTION(key_, length_, ret_) ((ret_) = hash(table->seed, key_, length_))
#define uthash_fatal(message) memory_exhausted()
#include <uthash.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

struct entry {
    UT_hash_handle hh;
    void *value;
};

struct table {
    struct entry *entries;
    struct arena *arena; /* holds the entries */
    uint64_t seed;
};

/* Both halves of the product: each bit depends on all bits of both factors. */
static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static unsigned hash(uint64_t seed, const void *key, size_t length) {
    const unsigned char *at = key;
    uint64_t word, state = mix(seed ^ length, GOLDEN), factor = seed ^ GOLDEN;
    for (; length >= sizeof word; length -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        state = mix(state ^ word, factor);
    }
    word = 0;
    memcpy(&word, at, length);
    return (unsigned)mix(state ^ word, factor);
}

struct table *table_create(void) {
    struct table *table = memory_alloc(sizeof *table);
    *table = (struct table){.arena = arena_create(), .seed = seed_get()};
    return table;
}

void table_destroy(struct table *table) {
    if (!table)
        return;
    table_reset(table);
    arena_destroy(table->arena);
    free(table);
}

void table_reset(struct table *table) {
    HASH_CLEAR(hh, table->entries);
    arena_reset(table->arena);
}

void *table_find(const struct table *table, const void *key, size_t length) {
    struct entry *entry;
    HASH_FIND(hh, table->entries, key, length, entry);
    return entry ? entry->value : NULL;
}

void table_add(struct table *table, const void *key, size_t length, void *value) {
    struct entry *entry = arena_alloc(table->arena, sizeof *entry);
    entry->value = value;
    HASH_ADD_KEYPTR(hh, table->entries, key, length, entry);
}
