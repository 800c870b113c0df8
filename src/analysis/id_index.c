/* Open addressing with linear probing, at most half full. */
#include "id_index.h"

struct slot {
    uint64_t id;
    size_t place; /* + 1; 0: free */
};

struct id_index {
    size_t mask;
    struct slot *slots;
};

struct id_index *id_index_create(struct arena *arena, size_t count) {
    struct id_index *index = arena_alloc(arena, sizeof *index);
    size_t size = 16;
    while (size / 2 < count)
        size *= 2;
    index->mask = size - 1;
    index->slots = arena_alloc_array(arena, size, sizeof *index->slots);
    return index;
}

static struct slot *find_slot(const struct id_index *index, uint64_t id) {
    size_t at = (size_t)((id ^ id >> 32) * 0x9E3779B97F4A7C15U >> 20) & index->mask;
    while (index->slots[at].place && index->slots[at].id != id)
        at = (at + 1) & index->mask;
    return &index->slots[at];
}

void id_index_add(struct id_index *index, uint64_t id, size_t place) {
    struct slot *slot = find_slot(index, id);
    if (!slot->place)
        *slot = (struct slot){.id = id, .place = place + 1};
}

size_t id_index_find(const struct id_index *index, uint64_t id) {
    const struct slot *slot = find_slot(index, id);
    return slot->place ? slot->place - 1 : ID_NONE;
}
