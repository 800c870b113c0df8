#include "asyncspy/base/string_pool.h"

#include <stdlib.h>

#include "asyncspy/base/table.h"

struct string_pool {
    struct arena *arena;
    struct table *table;
};

struct string_pool *string_pool_create(struct arena *arena) {
    struct string_pool *pool = memory_alloc(sizeof *pool);
    *pool = (struct string_pool){.arena = arena, .table = table_create()};
    return pool;
}

void string_pool_destroy(struct string_pool *pool) {
    if (!pool)
        return;
    table_destroy(pool->table);
    free(pool);
}

void string_pool_reset(struct string_pool *pool) {
    table_reset(pool->table);
}

const char *string_pool_add(struct string_pool *pool, const char *text, size_t length) {
    char *known = table_find(pool->table, text, length);
    if (known)
        return known;
    char *copy = arena_copy_string(pool->arena, text, length);
    table_add(pool->table, copy, length, copy);
    return copy;
}
