/* Reads of a target through the block cache. */
#include "asyncspy/target/memory.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/log.h"
#include "block_table.h"
#include "watch.h"

/* The end of user memory with five-level page tables; nothing of a process lies above. */
#define ADDRESS_END ((uint64_t)1 << 56)
/* No object is larger than this; a length that says so is torn or hostile. */
#define LARGEST_READ ((size_t)64 << 20)
#define LARGEST_FETCH ((size_t)1 << 20)
/* Bytes that a hostile target can make us hold; behind it the cache takes no more blocks. */
#define CACHE_LIMIT ((size_t)2 << 30)
#define MEMO_SIZE 256
/* What reads cost in units of work, besides one for 64 bytes: a call of the source is a system
 * call, a fault an error that somebody notes. */
#define UNIT_SHIFT 6
#define SOURCE_UNITS 150
#define FAULT_UNITS 100

/* Remembers whole blocks by the low bits of their number: most reads end here. */
struct memo {
    uint64_t number;
    const unsigned char *bytes;
};

#define PAGES (BLOCK_SIZE / PAGE_BYTES)

/* Which pieces of a block were read: a bit for each of a page. */
struct kept {
    uint64_t pieces[PAGES];
};

struct target_memory {
    struct memory_source source;
    struct block_table blocks;
    size_t fetch_size, window;
    bool frozen;
    bool keeps;
    struct arena *kept_arena;
    struct id_table *kept; /* from the number of a block to a struct kept */
    struct watch *watch;   /* NULL: blocks are read */
    uint64_t work;         /* units left */
    struct memory_statistics statistics;
    /* What one call of the source is to read; kept, so that a copy allocates little. */
    struct memory_range *ranges;
    size_t *done;
    size_t range_count, range_capacity;
    struct memo memo[MEMO_SIZE];
};

static void clear_memo(struct target_memory *memory) {
    for (size_t i = 0; i < MEMO_SIZE; i++)
        memory->memo[i] = (struct memo){UINT64_MAX, NULL};
}

struct target_memory *memory_create(const struct memory_source *source) {
    struct target_memory *memory = memory_alloc(sizeof *memory);
    *memory = (struct target_memory){
        .source = *source, .fetch_size = BLOCK_SIZE, .work = MEMORY_NO_LIMIT};
    clear_memo(memory);
    return memory;
}

void memory_destroy(struct target_memory *memory) {
    if (!memory)
        return;
    block_table_free(&memory->blocks);
    watch_destroy(memory->watch);
    arena_destroy(memory->kept_arena);
    free(memory->ranges);
    free(memory->done);
    free(memory);
}

/* ---- what was read ---- */

static void forget_kept(struct target_memory *memory) {
    if (!memory->keeps)
        return;
    arena_destroy(memory->kept_arena);
    memory->kept_arena = arena_create();
    memory->kept = id_table_create(memory->kept_arena, 0);
}

/* Marks bytes of one block. */
static void keep(struct target_memory *memory, uint64_t address, size_t size) {
    uint64_t number = address >> BLOCK_SHIFT, offset = address & (BLOCK_SIZE - 1);
    struct kept *kept = id_table_find(memory->kept, number);
    if (!kept) {
        kept = arena_alloc(memory->kept_arena, sizeof *kept);
        id_table_add(memory->kept, number, kept);
    }
    for (uint64_t piece = offset / MEMORY_PIECE; piece <= (offset + size - 1) / MEMORY_PIECE;
         piece++)
        kept->pieces[piece / 64] |= (uint64_t)1 << piece % 64;
}

/* ---- work ---- */

void memory_set_work(struct target_memory *memory, uint64_t units) {
    memory->work = units;
}

void memory_charge(struct target_memory *memory, uint64_t units) {
    memory->work -= units < memory->work ? units : memory->work; /* no limit: it never ends */
}

bool memory_is_exhausted(const struct target_memory *memory) {
    return memory->work == 0;
}

/* ---- fetching ---- */

static void add_range(struct target_memory *memory, uint64_t address, size_t size,
                      unsigned char *bytes) {
    if (memory->range_count) {
        struct memory_range *last = &memory->ranges[memory->range_count - 1];
        if (last->address + last->size == address &&
            (unsigned char *)last->buffer + last->size == bytes) {
            last->size += size;
            return;
        }
    }
    if (memory->range_count == memory->range_capacity) {
        size_t capacity = memory->range_capacity ? memory->range_capacity * 2 : 64;
        memory->ranges = memory_realloc(memory->ranges, capacity * sizeof *memory->ranges);
        memory->done = memory_realloc(memory->done, capacity * sizeof *memory->done);
        memory->range_capacity = capacity;
    }
    memory->ranges[memory->range_count++] = (struct memory_range){address, size, bytes};
}

/* The pages of the block at `number` that lie in [start, end). */
static uint8_t pages_in(uint64_t number, uint64_t start, uint64_t end) {
    uint64_t base = number << BLOCK_SHIFT;
    uint64_t first = start > base ? (start - base) >> PAGE_SHIFT : 0;
    uint64_t last = end < base + BLOCK_SIZE ? (end - 1 - base) >> PAGE_SHIFT : 3;
    return (uint8_t)((2u << last) - (1u << first));
}

/* Adds the blocks of [start, end) to the ranges; those that are there already only `again`. */
static void add_blocks(struct target_memory *memory, uint64_t start, uint64_t end, bool again) {
    for (uint64_t number = start >> BLOCK_SHIFT; number <= (end - 1) >> BLOCK_SHIFT; number++) {
        struct block *block = block_table_add(&memory->blocks, number);
        uint8_t pages = pages_in(number, start, end);
        if (!again && (block->valid & pages) == pages)
            continue;
        block_table_give_bytes(&memory->blocks, block);
        uint64_t base = number << BLOCK_SHIFT;
        uint64_t from = start > base ? start : base;
        uint64_t to = end < base + BLOCK_SIZE ? end : base + BLOCK_SIZE;
        add_range(memory, from, to - from, block->bytes + (from - base));
    }
}

static void mark_valid(struct target_memory *memory, uint64_t start, uint64_t end) {
    if (start >= end)
        return;
    for (uint64_t number = start >> BLOCK_SHIFT; number <= (end - 1) >> BLOCK_SHIFT; number++) {
        struct block *block = block_table_find(&memory->blocks, number);
        if (block)
            block->valid |= pages_in(number, start, end);
    }
}

static struct error *read_source(struct target_memory *memory, const struct memory_range *ranges,
                                 size_t count, size_t *done) {
    struct error *err = memory->source.read(memory->source.context, ranges, count, done);
    uint64_t bytes = 0;
    for (size_t i = 0; !err && i < count; i++)
        bytes += done[i];
    memory->statistics.reads++;
    memory->statistics.bytes_read += bytes;
    memory_charge(memory, SOURCE_UNITS + (bytes >> UNIT_SHIFT));
    return err;
}

/* Marks what was read of one range. Where a page failed, the rest behind it is tried again, so
 * that one bad page costs only itself. */
static struct error *finish_range(struct target_memory *memory, struct memory_range range,
                                  size_t done) {
    for (;;) {
        size_t good = done < range.size ? done & ~(size_t)(PAGE_BYTES - 1) : range.size;
        mark_valid(memory, range.address, range.address + good);
        size_t skip = good + PAGE_BYTES;
        if (skip >= range.size)
            return NULL;
        range.address += skip;
        range.size -= skip;
        range.buffer = (unsigned char *)range.buffer + skip;
        struct error *err = read_source(memory, &range, 1, &done);
        if (err)
            return err;
    }
}

static struct error *fetch_ranges(struct target_memory *memory) {
    struct error *err = NULL;
    if (memory->range_count)
        err = read_source(memory, memory->ranges, memory->range_count, memory->done);
    for (size_t i = 0; !err && i < memory->range_count; i++)
        err = finish_range(memory, memory->ranges[i], memory->done[i]);
    memory->range_count = 0;
    return err;
}

/* Narrows the fetch region of `address` to what is mapped around it, in whole pages. */
static bool clamp(const struct target_memory *memory, uint64_t address, uint64_t *start,
                  uint64_t *end) {
    *start = address & ~(uint64_t)(memory->fetch_size - 1);
    *end = *start + memory->fetch_size;
    if (!memory->source.clamp)
        return true;
    if (!memory->source.clamp(memory->source.context, address, start, end))
        return false;
    *start &= ~(PAGE_BYTES - 1);
    *end = (*end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    return *start <= address && address < *end;
}

/* Fetches what is mapped around `address`. That nothing is there is no error. */
static struct error *fetch_around(struct target_memory *memory, uint64_t address) {
    uint64_t start, end;
    if (!clamp(memory, address, &start, &end))
        return NULL;
    add_blocks(memory, start, end, false);
    return fetch_ranges(memory);
}

/* ---- reading ---- */

static struct error *fault(struct target_memory *memory, uint64_t address, size_t size) {
    memory_charge(memory, FAULT_UNITS);
    return error_create(ERROR_FAULT, "cannot read %zu bytes at 0x%llx", size,
                        (unsigned long long)address);
}

static struct error *exhausted(void) {
    return error_create(
        ERROR_EXHAUSTED,
        "it took more work than any real program needs: memory that is damaged or hostile");
}

static bool is_out_of_range(uint64_t address, size_t size) {
    return address >= ADDRESS_END || size > ADDRESS_END - address;
}

/* Whether the source has pages there, but not these bytes of them. */
static inline bool lacks(const struct target_memory *memory, uint64_t address, size_t size) {
    return memory->source.holds && !memory->source.holds(memory->source.context, address, size);
}

/* Frozen, and pages of the block are not there. Whether the copy could not get them; otherwise
 * nobody had asked for them before it was made, and they are missed. */
static bool copy_failed(struct target_memory *memory, uint64_t address, uint8_t pages) {
    struct block *block = block_table_add(&memory->blocks, address >> BLOCK_SHIFT);
    uint8_t absent = pages & (uint8_t)~block->valid;
    if ((block->failed & absent) == absent)
        return true;
    block->missed = true;
    memory->statistics.missed++;
    log_debug(LOG_TARGET, "0x%llx is not in the frozen copy", (unsigned long long)address);
    return false;
}

/* Fetches those of `pages` of a block that are not there. */
static struct error *fetch_pages(struct target_memory *memory, uint64_t number, uint8_t pages) {
    for (unsigned page = 0; page < BLOCK_SIZE / PAGE_BYTES; page++) {
        struct block *block = block_table_add(&memory->blocks, number);
        if (!(pages & (1u << page)) || (block->valid & (1u << page)))
            continue;
        block->asked |= (uint8_t)(1u << page);
        struct error *err =
            fetch_around(memory, (number << BLOCK_SHIFT) + ((uint64_t)page << PAGE_SHIFT));
        if (err)
            return err;
    }
    return NULL;
}

/* Whoever wants to know all that is read cannot have a memo. */
static void remember(struct target_memory *memory, struct block *block) {
    block->used = true;
    if (block->valid == BLOCK_ALL_PAGES && !memory->keeps)
        memory->memo[block->number % MEMO_SIZE] = (struct memo){block->number, block->bytes};
}

static struct error *read_past_cache(struct target_memory *memory, uint64_t address, void *buffer,
                                     size_t size) {
    size_t done = 0;
    struct memory_range range = {address, size, buffer};
    struct error *err = read_source(memory, &range, 1, &done);
    return !err && done < size ? fault(memory, address, size) : err;
}

/* Reads bytes of one block. */
static struct error *read_block(struct target_memory *memory, uint64_t address, void *buffer,
                                size_t size) {
    uint64_t number = address >> BLOCK_SHIFT;
    uint8_t pages = pages_in(number, address, address + size);
    struct block *block = block_table_find(&memory->blocks, number);
    if (!block || (block->valid & pages) != pages) {
        if (memory->frozen && copy_failed(memory, address, pages))
            return fault(memory, address, size);
        if (memory->window && memory->blocks.bytes_used >= memory->window)
            memory_forget(memory);
        if (memory->blocks.bytes_used >= CACHE_LIMIT)
            return read_past_cache(memory, address, buffer, size);
        struct error *err = fetch_pages(memory, number, pages);
        if (err)
            return err;
        block = block_table_find(&memory->blocks, number);
        if (!block || (block->valid & pages) != pages)
            return fault(memory, address, size);
    }
    memcpy(buffer, block->bytes + (address & (BLOCK_SIZE - 1)), size);
    remember(memory, block);
    if (memory->keeps)
        keep(memory, address, size);
    return NULL;
}

static struct error *read_blocks(struct target_memory *memory, uint64_t address,
                                 unsigned char *buffer, size_t size) {
    if (is_out_of_range(address, size))
        return fault(memory, address, size);
    if (size > LARGEST_READ)
        return error_create(ERROR_INVALID, "an object of %zu bytes at 0x%llx is too large", size,
                            (unsigned long long)address);
    while (size) {
        size_t piece = BLOCK_SIZE - (address & (BLOCK_SIZE - 1));
        if (piece > size)
            piece = size;
        struct error *err = read_block(memory, address, buffer, piece);
        if (err)
            return err;
        address += piece;
        buffer += piece;
        size -= piece;
    }
    return NULL;
}

static struct error *read_watched(struct target_memory *memory, uint64_t address, void *buffer,
                                  size_t size) {
    if (is_out_of_range(address, size) || size > LARGEST_READ)
        return fault(memory, address, size);
    struct error *err = watch_read(memory->watch, address, buffer, size);
    if (err && error_get_kind(err) == ERROR_FAULT)
        memory_charge(memory, FAULT_UNITS);
    return err;
}

/* Inlined, so that reading a word costs no call of memcpy. */
static inline struct error *read_memory(struct target_memory *memory, uint64_t address,
                                        void *buffer, size_t size) {
    uint64_t number = address >> BLOCK_SHIFT;
    uint64_t offset = address & (BLOCK_SIZE - 1);
    if (!memory->work)
        return exhausted();
    memory_charge(memory, 1 + (size >> UNIT_SHIFT));
    if (lacks(memory, address, size))
        return fault(memory, address, size);
    if (memory->watch)
        return read_watched(memory, address, buffer, size);
    const struct memo *memo = &memory->memo[number % MEMO_SIZE];
    if (memo->number != number || size > BLOCK_SIZE - offset)
        return read_blocks(memory, address, buffer, size);
    memcpy(buffer, memo->bytes + offset, size);
    return NULL;
}

struct error *memory_read(struct target_memory *memory, uint64_t address, void *buffer,
                          size_t size) {
    return read_memory(memory, address, buffer, size);
}

struct error *memory_read_word(struct target_memory *memory, uint64_t address, uint64_t *ret) {
    return read_memory(memory, address, ret, sizeof *ret);
}

struct error *memory_read_uncached(struct target_memory *memory, uint64_t address, void *buffer,
                                   size_t size) {
    if (memory->frozen || memory->keeps || memory->watch)
        return memory_read(memory, address, buffer, size);
    if (!size)
        return NULL;
    if (!memory->work)
        return exhausted();
    if (is_out_of_range(address, size) || lacks(memory, address, size))
        return fault(memory, address, size);
    return read_past_cache(memory, address, buffer, size);
}

/* ---- the copy ---- */

static bool is_wanted(const struct block *block) {
    return block->used || block->asked;
}

/* Objects are born beside others of their kind, so a region in which several blocks were wanted, or
 * a new one, is copied whole; one block on its own (the stack of a thread) is not worth its
 * neighbours. */
#define DENSE_BLOCKS 2

/* Of the blocks at `numbers`, all in one region of the fetch size. */
static bool is_dense(struct target_memory *memory, const uint64_t *numbers, size_t count) {
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++) {
        const struct block *block = block_table_find(&memory->blocks, numbers[i]);
        if (block->missed)
            return true;
        wanted += is_wanted(block);
    }
    return wanted >= DENSE_BLOCKS;
}

/* Adds what is mapped around each page of the block that was read or asked for, from *covered on:
 * the whole region where it is dense, else the block alone. */
static void add_known_block(struct target_memory *memory, uint64_t number, bool dense,
                            uint64_t *covered) {
    struct block *block = block_table_add(&memory->blocks, number);
    uint8_t known = block->valid | block->asked;
    uint64_t base = number << BLOCK_SHIFT;
    if (!dense && !is_wanted(block))
        return;
    block->asked = known;
    for (unsigned page = 0; page < BLOCK_SIZE / PAGE_BYTES; page++) {
        uint64_t address = base + ((uint64_t)page << PAGE_SHIFT);
        uint64_t start, end;
        if (!(known & (1u << page)) || address < *covered || !clamp(memory, address, &start, &end))
            continue;
        if (!dense) {
            start = start > base ? start : base;
            end = end < base + BLOCK_SIZE ? end : base + BLOCK_SIZE;
        }
        add_blocks(memory, start > *covered ? start : *covered, end, true);
        *covered = end;
    }
}

/* What was valid before the copy is not any more; what cannot be got now has failed. */
static void start_copy(struct target_memory *memory, const uint64_t *numbers, size_t count) {
    uint64_t covered = 0, blocks = memory->fetch_size >> BLOCK_SHIFT;
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first; next < count && numbers[next] / blocks == numbers[first] / blocks;)
            next++;
        bool dense = is_dense(memory, numbers + first, next - first);
        for (size_t i = first; i < next; i++)
            add_known_block(memory, numbers[i], dense, &covered);
    }
    for (size_t i = 0; i < count; i++)
        block_table_add(&memory->blocks, numbers[i])->valid = 0;
}

static void finish_copy(struct target_memory *memory, const uint64_t *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct block *block = block_table_add(&memory->blocks, numbers[i]);
        block->failed = block->asked & (uint8_t)~block->valid;
        block->asked = block->failed;
    }
}

struct error *memory_recopy(struct target_memory *memory) {
    size_t count = memory->blocks.count;
    uint64_t *numbers = memory_alloc(count * sizeof *numbers);
    block_table_list(&memory->blocks, numbers);
    clear_memo(memory);
    forget_kept(memory);
    start_copy(memory, numbers, count);
    size_t range_count = memory->range_count;
    struct error *err = fetch_ranges(memory);
    finish_copy(memory, numbers, count);
    free(numbers);
    log_debug(LOG_TARGET, "copied %zu blocks (%zu before) in %zu ranges", memory->blocks.count,
              count, range_count);
    return err;
}

void memory_freeze(struct target_memory *memory, bool frozen) {
    memory->frozen = frozen;
}

void memory_forget(struct target_memory *memory) {
    block_table_clear(&memory->blocks);
    clear_memo(memory);
    forget_kept(memory);
}

void memory_release(struct target_memory *memory) {
    block_table_free(&memory->blocks);
    clear_memo(memory);
}

void memory_set_fetch_size(struct target_memory *memory, size_t size) {
    memory->fetch_size = BLOCK_SIZE;
    while (memory->fetch_size * 2 <= size && memory->fetch_size < LARGEST_FETCH)
        memory->fetch_size *= 2;
}

void memory_keep(struct target_memory *memory, bool keeps) {
    memory->keeps = keeps;
    clear_memo(memory);
    forget_kept(memory);
}

struct error *memory_visit_kept(struct target_memory *memory, memory_visit *visit, void *context) {
    size_t count = memory->blocks.count;
    uint64_t *numbers = memory_alloc(count * sizeof *numbers);
    struct error *err = NULL;
    block_table_list(&memory->blocks, numbers);
    for (size_t i = 0; !err && memory->keeps && i < count; i++) {
        const struct block *block = block_table_find(&memory->blocks, numbers[i]);
        const struct kept *kept = id_table_find(memory->kept, numbers[i]);
        for (size_t page = 0; !err && kept && page < PAGES; page++)
            if (kept->pieces[page] && block->valid >> page & 1)
                err = visit(context, (numbers[i] << BLOCK_SHIFT) + page * PAGE_BYTES,
                            block->bytes + page * PAGE_BYTES, kept->pieces[page]);
    }
    free(numbers);
    return err;
}

void memory_set_window(struct target_memory *memory, size_t size) {
    memory->window = size;
}

struct memory_statistics memory_get_statistics(const struct target_memory *memory) {
    return memory->statistics;
}

void memory_reset_missed(struct target_memory *memory) {
    memory->statistics.missed = 0;
}

/* ---- looks ---- */

void memory_footprint_free(struct memory_footprint *footprint) {
    free(footprint->spans);
    *footprint = (struct memory_footprint){0};
}

void memory_watch(struct target_memory *memory, bool watches) {
    watch_destroy(memory->watch);
    memory->watch = watches ? watch_create(&memory->source, &memory->statistics) : NULL;
    memory_forget(memory);
}

size_t memory_get_watched_size(const struct target_memory *memory) {
    return memory->watch ? watch_get_size(memory->watch) : 0;
}

struct error *memory_refresh(struct target_memory *memory, enum memory_look look) {
    return watch_refresh(memory->watch, look);
}

struct memory_footprint *memory_track(struct target_memory *memory,
                                      struct memory_footprint *footprint) {
    return memory->watch ? watch_track(memory->watch, footprint) : NULL;
}

bool memory_has_changed(const struct target_memory *memory,
                        const struct memory_footprint *footprint) {
    return watch_has_changed(memory->watch, footprint);
}

void memory_note(struct target_memory *memory, uint64_t address, size_t size) {
    watch_note(memory->watch, address, size);
}
