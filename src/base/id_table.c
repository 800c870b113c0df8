/* Open addressing with linear probing, at most half full. */
#include "asyncspy/base/id_table.h"

#include "seed.h"

#define SIZE_FIRST 16
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

struct slot {
    uint64_t id;
    void *value; /* NULL: free */
};

struct id_table {
    struct arena *arena;
    struct slot *slots;
    size_t mask, count;
    unsigned shift; /* 64 - the bits of `mask` */
    uint64_t factor;
};

/* The upper bits of the product depend on all bits of the id. Growing keeps the order of the slots,
 * so that it goes through memory once. */
static size_t first_slot(const struct id_table *table, uint64_t id) {
    return (size_t)(id * table->factor >> table->shift);
}

/* The slot that holds `id`, or the free one where it belongs. */
static struct slot *find_slot(const struct id_table *table, uint64_t id) {
    size_t at = first_slot(table, id);
    while (table->slots[at].value && table->slots[at].id != id)
        at = (at + 1) & table->mask;
    return &table->slots[at];
}

static void set_size(struct id_table *table, size_t size) {
    table->mask = size - 1;
    table->shift = 64 - (unsigned)__builtin_ctzll(size);
    table->slots = arena_alloc_array(table->arena, size, sizeof *table->slots);
}

struct id_table *id_table_create(struct arena *arena, size_t expected) {
    struct id_table *table = arena_alloc(arena, sizeof *table);
    size_t size = SIZE_FIRST;
    while (size / 2 < expected)
        size *= 2;
    *table = (struct id_table){.arena = arena, .factor = (GOLDEN ^ seed_get() << 1)};
    set_size(table, size);
    return table;
}

static void grow(struct id_table *table) {
    const struct slot *old = table->slots;
    size_t old_size = table->mask + 1;
    set_size(table, 2 * old_size);
    for (size_t i = 0; i < old_size; i++)
        if (old[i].value)
            *find_slot(table, old[i].id) = old[i];
}

void *id_table_find(const struct id_table *table, uint64_t id) {
    return find_slot(table, id)->value;
}

bool id_table_add(struct id_table *table, uint64_t id, void *value) {
    struct slot *slot = find_slot(table, id);
    if (slot->value)
        return false;
    *slot = (struct slot){id, value};
    if (2 * ++table->count > table->mask + 1)
        grow(table);
    return true;
}

/* Those behind it move up, so that no search stops at the hole. */
static void close_hole(struct id_table *table, size_t hole) {
    for (size_t at = (hole + 1) & table->mask; table->slots[at].value;
         at = (at + 1) & table->mask) {
        size_t way = at - first_slot(table, table->slots[at].id);
        if ((way & table->mask) < ((at - hole) & table->mask))
            continue;
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole].value = NULL;
}

void *id_table_remove(struct id_table *table, uint64_t id) {
    struct slot *slot = find_slot(table, id);
    void *value = slot->value;
    if (!value)
        return NULL;
    table->count--;
    close_hole(table, (size_t)(slot - table->slots));
    return value;
}
