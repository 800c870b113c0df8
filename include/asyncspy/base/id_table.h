/*
 * A hash table from 64-bit ids, most of them addresses of the target's objects, to pointers. Open
 * addressing: a lookup is one multiplication and nearly always one cache line, where `table` takes
 * three or four; of 100,000 tasks that is a quarter of the time that a dump takes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"

struct id_table;

/* An empty table, with room for `expected` ids; it grows when there are more. Lives in `arena`. */
struct id_table *id_table_create(struct arena *arena, size_t expected);

/* The value of `id`, NULL when it is not there. */
void *id_table_find(const struct id_table *table, uint64_t id);

/* Adds an id with a value that is not NULL. False, and nothing is changed: it is there already. */
bool id_table_add(struct id_table *table, uint64_t id, void *value);

/* Takes an id out; the value that it had, NULL: it was not there. */
void *id_table_remove(struct id_table *table, uint64_t id);
