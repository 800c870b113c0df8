#include "tally.h"

#include <stdlib.h>

#include "asyncspy/base/table.h"
#include "asyncspy/snapshot/snapshot.h"

struct tally tally_create(struct arena *arena) {
    return (struct tally){.arena = arena, .table = table_create()};
}

void tally_destroy(struct tally *tally) {
    table_destroy(tally->table);
}

void tally_add(struct tally *tally, const void *key, size_t length, size_t times) {
    struct tally_item *item = table_find(tally->table, key, length);
    if (!item) {
        item = arena_alloc(tally->arena, sizeof *item);
        item->key = key;
        item->length = length;
        item->order = tally->count;
        table_add(tally->table, key, length, item);
        tally->items = snapshot_vector_grow(tally->arena, tally->items, &tally->count,
                                            &tally->capacity, sizeof *tally->items);
        tally->items[tally->count - 1] = item;
    }
    item->count += times;
}

static int compare_items(const void *a, const void *b) {
    const struct tally_item *first = *(struct tally_item *const *)a;
    const struct tally_item *second = *(struct tally_item *const *)b;
    if (first->count != second->count)
        return first->count > second->count ? -1 : 1;
    return first->order < second->order ? -1 : 1;
}

void tally_sort(struct tally *tally) {
    if (tally->count)
        qsort(tally->items, tally->count, sizeof *tally->items, compare_items);
}
