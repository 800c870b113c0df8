/*
 * The blocks of a memory cache: a hash table from block number (address / 16 KiB) to bytes, and
 * the huge-page arena that the bytes lie in. Internal to target/memory.
 *
 * An open-addressing table of its own instead of uthash, since a lookup stands in the path of
 * every read of an object: one multiplication and, nearly always, one cache line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_SHIFT 14
#define BLOCK_SIZE ((uint64_t)1 << BLOCK_SHIFT)
#define PAGE_SHIFT 12
#define PAGE_BYTES ((uint64_t)1 << PAGE_SHIFT)
#define BLOCK_ALL_PAGES 0xf

/* A bit per page of 4 KiB: mappings end at any page, and a page may fail alone. */
struct block {
    uint64_t number;
    unsigned char *bytes; /* NULL: nothing of it was ever readable */
    uint8_t valid;        /* pages whose bytes are there */
    uint8_t asked;        /* pages that somebody wanted to read and that were not there */
    uint8_t failed;       /* of those, the ones that the last copy could not get either */
    bool used;            /* an object was read from it; else it came along with its neighbours */
    bool missed;          /* a copy lacked it: the target makes new objects there */
};

struct block_chunk;

struct block_table {
    struct block *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
    struct block_chunk *chunks, *current;
    size_t bytes_used; /* of the arena, in blocks that were handed out */
};

/* NULL when there is none. Valid until the next block_table_add. */
struct block *block_table_find(const struct block_table *table, uint64_t number);

/* Finds the block or adds an empty one. */
struct block *block_table_add(struct block_table *table, uint64_t number);

/* Gives the block its bytes if it has none. */
void block_table_give_bytes(struct block_table *table, struct block *block);

/* Writes the numbers of all blocks, in ascending order, to `ret` (room for table->count). */
void block_table_list(const struct block_table *table, uint64_t *ret);

/* Forgets all blocks, keeps the memory. */
void block_table_clear(struct block_table *table);

void block_table_free(struct block_table *table);
