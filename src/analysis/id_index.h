/*
 * From ids of any kind to places. Private to analysis.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"

#define ID_NONE SIZE_MAX

struct id_index;

/* An empty index with room for `count` ids. */
struct id_index *id_index_create(struct arena *arena, size_t count);

/* Of equal ids the first counts. Places are below UINT32_MAX. */
void id_index_add(struct id_index *index, uint64_t id, size_t place);

/* ID_NONE: not there. */
size_t id_index_find(const struct id_index *index, uint64_t id);
