/* The block table and its huge-page arena. */
#include "block_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "asyncspy/base/arena.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define LARGEST_CHUNK ((size_t)32 << 20)
#define FIRST_SLOTS 256
#define NO_BLOCK UINT64_MAX

struct block_chunk {
    struct block_chunk *next;
    unsigned char *bytes;
    size_t size, used;
};

static size_t first_slot(const struct block_table *table, uint64_t number) {
    /* Fibonacci hashing: the upper bits of the product depend on all bits of the number. */
    uint64_t hash = number * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 32) & (table->slot_count - 1);
}

/* The slot that holds `number`, or the empty one where it belongs. */
static struct block *probe(const struct block_table *table, uint64_t number) {
    size_t slot = first_slot(table, number);
    while (table->slots[slot].number != number && table->slots[slot].number != NO_BLOCK)
        slot = (slot + 1) & (table->slot_count - 1);
    return &table->slots[slot];
}

struct block *block_table_find(const struct block_table *table, uint64_t number) {
    if (!table->slot_count)
        return NULL;
    struct block *block = probe(table, number);
    return block->number == number ? block : NULL;
}

static void set_slots(struct block_table *table, size_t slot_count) {
    table->slots = memory_alloc(slot_count * sizeof *table->slots);
    table->slot_count = slot_count;
    for (size_t i = 0; i < slot_count; i++)
        table->slots[i] = (struct block){.number = NO_BLOCK};
}

static void grow(struct block_table *table) {
    struct block *old = table->slots;
    size_t old_count = table->slot_count;
    set_slots(table, old_count ? old_count * 4 : FIRST_SLOTS);
    for (size_t i = 0; i < old_count; i++)
        if (old[i].number != NO_BLOCK)
            *probe(table, old[i].number) = old[i];
    free(old);
}

struct block *block_table_add(struct block_table *table, uint64_t number) {
    if (table->count * 2 >= table->slot_count)
        grow(table);
    struct block *block = probe(table, number);
    if (block->number != number) {
        *block = (struct block){.number = number};
        table->count++;
    }
    return block;
}

/* `size` bytes (a multiple of a huge page) at a multiple of a huge page. */
static unsigned char *map_aligned(size_t size) {
    unsigned char *bytes = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED)
        memory_exhausted();
    size_t before = (HUGE_PAGE - ((uintptr_t)bytes & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
    if (before)
        munmap(bytes, before);
    munmap(bytes + before + size, HUGE_PAGE - before);
    madvise(bytes + before, size, MADV_HUGEPAGE);
    return bytes + before;
}

static struct block_chunk *add_chunk(struct block_table *table) {
    size_t size = table->current ? table->current->size * 2 : HUGE_PAGE;
    struct block_chunk *chunk = memory_alloc(sizeof *chunk);
    *chunk = (struct block_chunk){.size = size > LARGEST_CHUNK ? LARGEST_CHUNK : size};
    chunk->bytes = map_aligned(chunk->size);
    if (table->current)
        table->current->next = chunk;
    else
        table->chunks = chunk;
    return chunk;
}

void block_table_give_bytes(struct block_table *table, struct block *block) {
    if (block->bytes)
        return;
    struct block_chunk *chunk = table->current;
    if (!chunk || chunk->used == chunk->size)
        chunk = table->current = chunk && chunk->next ? chunk->next : add_chunk(table);
    block->bytes = chunk->bytes + chunk->used;
    chunk->used += BLOCK_SIZE;
    table->bytes_used += BLOCK_SIZE;
}

static int compare_numbers(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

void block_table_list(const struct block_table *table, uint64_t *ret) {
    size_t count = 0;
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i].number != NO_BLOCK)
            ret[count++] = table->slots[i].number;
    qsort(ret, count, sizeof *ret, compare_numbers);
}

void block_table_clear(struct block_table *table) {
    for (size_t i = 0; i < table->slot_count; i++)
        table->slots[i] = (struct block){.number = NO_BLOCK};
    table->count = 0;
    table->bytes_used = 0;
    for (struct block_chunk *chunk = table->chunks; chunk; chunk = chunk->next)
        chunk->used = 0;
    table->current = table->chunks;
}

void block_table_free(struct block_table *table) {
    for (struct block_chunk *chunk = table->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        munmap(chunk->bytes, chunk->size);
        free(chunk);
    }
    free(table->slots);
    *table = (struct block_table){.slots = NULL};
}
