/*
 * Counts equal texts and tells the most frequent. Private to render.
 */
#pragma once

#include <stddef.h>

#include "asyncspy/base/arena.h"

struct tally_item {
    const void *key;
    size_t length;
    size_t count;
    size_t order; /* in which it came */
};

struct tally {
    struct arena *arena;
    struct table *table;
    struct tally_item **items; /* sorted by tally_sort */
    size_t count, capacity;
};

/* The tally's items live in `arena`. */
struct tally tally_create(struct arena *arena);
void tally_destroy(struct tally *tally);

/* Counts `length` bytes, which must stay where they are, `times` more times. */
void tally_add(struct tally *tally, const void *key, size_t length, size_t times);

/* The most frequent first; equal ones in the order in which they came. */
void tally_sort(struct tally *tally);
