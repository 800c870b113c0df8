/*
 * A hash table from byte strings to pointers. Hides uthash. Keys are not copied: they must stay
 * where they are as long as the table.
 */
#pragma once

#include <stddef.h>

struct table;

struct table *table_create(void);
void table_destroy(struct table *table); /* NULL-safe; keys and values are the caller's */

/* Forgets all entries. */
void table_reset(struct table *table);

/* The value of `key`, NULL when it is not there. */
void *table_find(const struct table *table, const void *key, size_t length);

/* Adds a key that is not there yet. */
void table_add(struct table *table, const void *key, size_t length, void *value);
