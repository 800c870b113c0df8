/*
 * Interned strings: equal texts are one pointer, so they can be compared by address and cost
 * memory once. They live in the pool's arena.
 */
#pragma once

#include <stddef.h>

#include "asyncspy/base/arena.h"

struct string_pool;

/* The pool's strings live in `arena`, which must outlive it (or be reset with it). */
struct string_pool *string_pool_create(struct arena *arena);
void string_pool_destroy(struct string_pool *pool); /* NULL-safe; the texts stay in the arena */

/* Forgets all strings; call it when the arena is reset. */
void string_pool_reset(struct string_pool *pool);

/* The one copy of these `length` bytes, NUL-terminated. `text` must not hold a NUL. */
const char *string_pool_add(struct string_pool *pool, const char *text, size_t length);
