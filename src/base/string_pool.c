#include "asyncspy/base/string_pool.h"

#include <stdlib.h>
#include <uthash.h>

struct pooled {
    const char *text;
    UT_hash_handle hh;
};

struct string_pool {
    struct arena *arena;
    struct pooled *strings;
};

struct string_pool *string_pool_create(struct arena *arena) {
    struct string_pool *pool = memory_alloc(sizeof *pool);
    *pool = (struct string_pool){arena, NULL};
    return pool;
}

void string_pool_reset(struct string_pool *pool) {
    HASH_CLEAR(hh, pool->strings);
}

void string_pool_destroy(struct string_pool *pool) {
    if (!pool)
        return;
    string_pool_reset(pool);
    free(pool);
}

const char *string_pool_add(struct string_pool *pool, const char *text, size_t length) {
    struct pooled *entry;
    HASH_FIND(hh, pool->strings, text, length, entry);
    if (entry)
        return entry->text;
    entry = arena_alloc(pool->arena, sizeof *entry);
    entry->text = arena_copy_string(pool->arena, text, length);
    HASH_ADD_KEYPTR(hh, pool->strings, entry->text, length, entry);
    return entry->text;
}
