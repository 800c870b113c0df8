/* Open addressing with linear probing, at most half full. */
#include "asyncspy/snapshot/task_index.h"

struct task_index {
    const struct snapshot *snapshot;
    size_t mask;
    uint32_t *slots; /* place + 1; 0: free */
};

/* The slot of `id`: the one that holds it, or the free one where it belongs. */
static uint32_t *find_slot(const struct task_index *index, snapshot_id id) {
    size_t slot = (size_t)((id >> 4) * 0x9E3779B97F4A7C15U >> 20) & index->mask;
    while (index->slots[slot] && index->snapshot->tasks.items[index->slots[slot] - 1].id != id)
        slot = (slot + 1) & index->mask;
    return &index->slots[slot];
}

struct task_index *task_index_create(struct arena *arena, const struct snapshot *snapshot) {
    struct task_index *index = arena_alloc(arena, sizeof *index);
    size_t count = snapshot->tasks.count < UINT32_MAX ? snapshot->tasks.count : UINT32_MAX - 1;
    size_t size = 16;
    while (size < 2 * count)
        size *= 2;
    *index = (struct task_index){
        .snapshot = snapshot,
        .mask = size - 1,
        .slots = arena_alloc_array(arena, size, sizeof *index->slots),
    };
    for (size_t i = 0; i < count; i++) {
        uint32_t *slot = find_slot(index, snapshot->tasks.items[i].id);
        if (!*slot)
            *slot = (uint32_t)(i + 1);
    }
    return index;
}

size_t task_index_find(const struct task_index *index, snapshot_id id) {
    uint32_t slot = *find_slot(index, id);
    return slot ? slot - 1 : TASK_INDEX_NONE;
}
