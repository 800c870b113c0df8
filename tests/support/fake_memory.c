#include "fake_memory.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"

#define PAGE ((uint64_t)4096)
#define NOWHERE UINT64_MAX

struct region {
    uint64_t start, end; /* whole pages */
    unsigned char *bytes;
};

struct fake_memory {
    struct region *regions;
    size_t count;
    uint64_t reads, page_reads, fail_at, bad_page, seed;
};

struct fake_memory *fake_memory_create(void) {
    struct fake_memory *fake = memory_alloc(sizeof *fake);
    *fake = (struct fake_memory){.bad_page = NOWHERE};
    return fake;
}

void fake_memory_destroy(struct fake_memory *fake) {
    if (!fake)
        return;
    for (size_t i = 0; i < fake->count; i++)
        free(fake->regions[i].bytes);
    free(fake->regions);
    free(fake);
}

/* How many regions start at or below `address`; they are sorted. */
static size_t count_below(const struct fake_memory *fake, uint64_t address) {
    size_t low = 0, high = fake->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fake->regions[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

unsigned char *fake_memory_map(struct fake_memory *fake, uint64_t address, size_t size) {
    uint64_t start = address & ~(PAGE - 1), end = (address + size + PAGE - 1) & ~(PAGE - 1);
    unsigned char *bytes = memory_alloc(end - start);
    memset(bytes, 0, end - start);
    fake->regions = memory_realloc(fake->regions, (fake->count + 1) * sizeof *fake->regions);
    size_t at = count_below(fake, start);
    memmove(fake->regions + at + 1, fake->regions + at, (fake->count - at) * sizeof *fake->regions);
    fake->regions[at] = (struct region){start, end, bytes};
    fake->count++;
    return bytes + (address - start);
}

static const struct region *find(const struct fake_memory *fake, uint64_t address) {
    size_t below = count_below(fake, address);
    const struct region *region = below ? &fake->regions[below - 1] : NULL;
    return region && address < region->end ? region : NULL;
}

unsigned char *fake_memory_at(struct fake_memory *fake, uint64_t address) {
    const struct region *region = find(fake, address);
    return region ? region->bytes + (address - region->start) : NULL;
}

void fake_memory_unmap(struct fake_memory *fake, uint64_t address) {
    for (size_t i = 0; i < fake->count; i++)
        if (address >= fake->regions[i].start && address < fake->regions[i].end)
            fake->regions[i].end = fake->regions[i].start;
}

void fake_memory_fail_at(struct fake_memory *fake, uint64_t n) {
    fake->fail_at = n ? fake->page_reads + n : 0;
    fake->bad_page = NOWHERE;
}

void fake_memory_set_bad_page(struct fake_memory *fake, uint64_t address) {
    fake->bad_page = address & ~(PAGE - 1);
}

void fake_memory_randomize(struct fake_memory *fake, uint64_t seed) {
    fake->seed = seed;
}

uint64_t fake_memory_get_reads(const struct fake_memory *fake) {
    return fake->reads;
}

uint64_t fake_memory_get_page_reads(const struct fake_memory *fake) {
    return fake->page_reads;
}

static void fill(struct fake_memory *fake, unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        fake->seed = fake->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (unsigned char)(fake->seed >> 56);
    }
}

/* How much of a range can be read: the kernel, too, stops at the first bad page. */
static size_t read_range(struct fake_memory *fake, const struct memory_range *range) {
    size_t done = 0;
    while (done < range->size) {
        uint64_t address = range->address + done;
        const struct region *region = find(fake, address);
        size_t piece = PAGE - (address & (PAGE - 1));
        piece = piece < range->size - done ? piece : range->size - done;
        if (++fake->page_reads == fake->fail_at)
            fake->bad_page = address & ~(PAGE - 1); /* a retry does not mend it */
        if (!region || (address & ~(PAGE - 1)) == fake->bad_page)
            break;
        unsigned char *to = (unsigned char *)range->buffer + done;
        if (fake->seed)
            fill(fake, to, piece);
        else
            memcpy(to, region->bytes + (address - region->start), piece);
        done += piece;
    }
    return done;
}

static struct error *read_ranges(void *context, const struct memory_range *ranges, size_t count,
                                 size_t *done) {
    struct fake_memory *fake = context;
    fake->reads++;
    for (size_t i = 0; i < count; i++)
        done[i] = read_range(fake, &ranges[i]);
    return NULL;
}

static bool clamp(void *context, uint64_t address, uint64_t *start, uint64_t *end) {
    const struct region *region = find(context, address);
    if (!region)
        return false;
    *start = *start > region->start ? *start : region->start;
    *end = *end < region->end ? *end : region->end;
    return true;
}

struct memory_source fake_memory_source(struct fake_memory *fake) {
    return (struct memory_source){.context = fake, .read = read_ranges, .clamp = clamp};
}
