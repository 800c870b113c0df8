#include "asyncspy/base/table.h"

#include <stdlib.h>

#include "asyncspy/base/arena.h"

#define uthash_fatal(message) memory_exhausted()
#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    void *value;
};

struct table {
    struct entry *entries;
    struct arena *arena; /* holds the entries */
};

struct table *table_create(void) {
    struct table *table = memory_alloc(sizeof *table);
    *table = (struct table){.arena = arena_create()};
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
