#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/id_table.h"

#define PAGE_SHIFT 12
#define PAGE_BYTES ((size_t)1 << PAGE_SHIFT)
#define WORD_BYTES 8
#define WORDS (PAGE_BYTES / WORD_BYTES)
#define AROUND ((uint64_t)16 << 10) /* fetched at once around a page that is new */
#define BATCH_PAGES 64              /* fetched and compared at once: they fit into the cache */
#define MEMO_SIZE 1024
#define PAGES_MAX ((size_t)1 << 19) /* 2 GiB: no more is held */

struct page {
    uint64_t number;
    unsigned char *bytes; /* NULL: they could never be had */
    uint32_t *changes;    /* for each word the look that last found another one; NULL: none did */
    uint32_t last_change; /* the latest of these */
    uint32_t phase;       /* of the look that its bytes are of */
    uint32_t tracked;     /* the last look that something of it was tracked in */
    uint32_t read;        /* the last look that read it */
    bool valid;           /* its bytes could be had */
    bool wanted;          /* something of it was read; else it came along with its neighbours */
};

struct memo {
    uint64_t number;
    size_t index; /* of the page, plus 1; 0: unused */
};

struct watch {
    const struct memory_source *source;
    struct memory_statistics *statistics;
    struct arena *arena;
    struct id_table *table; /* index of a page plus 1, by its number */
    struct page *pages;
    size_t count, capacity;
    uint32_t *order; /* the wanted pages by ascending address */
    size_t order_count, order_capacity;
    bool order_is_stale;
    uint32_t phase;      /* looks, counted from 1 */
    uint32_t full_phase; /* the last one at everything */
    /* The last two of another kind. Of two in a row one may be for proof alone, and reads nothing.
     */
    uint32_t read_phase, read_before;
    struct memory_footprint *footprint;
    unsigned char *scratch;
    struct memo memo[MEMO_SIZE];
};

struct watch *watch_create(const struct memory_source *source,
                           struct memory_statistics *statistics) {
    struct watch *watch = memory_alloc(sizeof *watch);
    memset(watch, 0, sizeof *watch);
    watch->source = source;
    watch->statistics = statistics;
    watch->arena = arena_create();
    watch->table = id_table_create(watch->arena, 1024);
    watch->scratch = memory_alloc(BATCH_PAGES * PAGE_BYTES);
    watch->phase = watch->full_phase = 1;
    return watch;
}

void watch_destroy(struct watch *watch) {
    if (!watch)
        return;
    arena_destroy(watch->arena);
    free(watch->pages);
    free(watch->order);
    free(watch->scratch);
    free(watch);
}

size_t watch_get_size(const struct watch *watch) {
    return arena_get_size(watch->arena) + watch->capacity * sizeof *watch->pages;
}

/* --- pages --- */

/* Index of the page plus 1; 0: it is not there. */
static size_t find_page(struct watch *watch, uint64_t number) {
    struct memo *memo = &watch->memo[number % MEMO_SIZE];
    if (!watch->pages)
        return 0;
    if (memo->index && memo->number == number)
        return memo->index;
    size_t index = (uintptr_t)id_table_find(watch->table, number);
    if (index)
        *memo = (struct memo){number, index};
    return index;
}

static struct page *add_page(struct watch *watch, uint64_t number) {
    size_t found = find_page(watch, number);
    if (found)
        return &watch->pages[found - 1];
    if (watch->count >= PAGES_MAX)
        return NULL;
    if (!watch->pages || watch->count == watch->capacity) {
        watch->capacity = watch->capacity ? 2 * watch->capacity : 1024;
        watch->pages = memory_realloc(watch->pages, watch->capacity * sizeof *watch->pages);
    }
    struct page *page = &watch->pages[watch->count++];
    *page = (struct page){.number = number};
    id_table_add(watch->table, number, (void *)(uintptr_t)watch->count); /* no pointer: a number */
    return page;
}

static void want_page(struct watch *watch, struct page *page) {
    if (!page->wanted)
        watch->order_is_stale = true;
    page->wanted = true;
    page->read = watch->phase;
}

/* --- what changed --- */

static void note_change(struct watch *watch, struct page *page) {
    if (!page->changes)
        page->changes = arena_alloc_array(watch->arena, WORDS, sizeof *page->changes);
    page->last_change = watch->phase;
}

static void mark_all(struct watch *watch, struct page *page) {
    note_change(watch, page);
    for (size_t i = 0; i < WORDS; i++)
        page->changes[i] = watch->phase;
}

/* Marks the words of a piece of 64 bytes that differ. Most pieces are the same, and a call of
 * memcmp() for each of them costs more than the comparison. */
static void mark_piece(const struct watch *watch, struct page *page, size_t piece,
                       const unsigned char *bytes) {
    uint64_t old[8], new[8], differences = 0;
    memcpy(old, page->bytes + piece * sizeof old, sizeof old);
    memcpy(new, bytes + piece * sizeof new, sizeof new);
    for (size_t i = 0; i < 8; i++)
        differences |= old[i] ^ new[i];
    for (size_t i = 0; differences && i < 8; i++)
        if (old[i] != new[i])
            page->changes[piece * 8 + i] = watch->phase;
}

/* Takes the new bytes of a page. */
static void take_bytes(struct watch *watch, struct page *page, const unsigned char *bytes) {
    page->phase = watch->phase;
    if (!page->valid) {
        page->valid = true;
        if (!page->bytes)
            page->bytes = arena_alloc(watch->arena, PAGE_BYTES);
        memcpy(page->bytes, bytes, PAGE_BYTES);
        return;
    }
    if (memcmp(page->bytes, bytes, PAGE_BYTES) == 0)
        return;
    note_change(watch, page);
    for (size_t piece = 0; piece < PAGE_BYTES / 64; piece++)
        mark_piece(watch, page, piece, bytes);
    memcpy(page->bytes, bytes, PAGE_BYTES);
}

/* It is not fetched again until it is read again: in a range it would cost the pages behind it a
 * call each. */
static void take_failure(struct watch *watch, struct page *page) {
    page->phase = watch->phase;
    if (page->valid)
        mark_all(watch, page);
    if (page->wanted)
        watch->order_is_stale = true;
    page->valid = page->wanted = false;
}

/* --- fetching --- */

static struct error *read_source(struct watch *watch, const struct memory_range *ranges,
                                 size_t count, size_t *done) {
    struct error *err = watch->source->read(watch->source->context, ranges, count, done);
    watch->statistics->reads++;
    for (size_t i = 0; !err && i < count; i++)
        watch->statistics->bytes_read += done[i];
    return err;
}

/* Behind a page that cannot be had the others of its range were not tried. */
static struct error *fetch_alone(struct watch *watch, struct page *page) {
    size_t done = 0;
    unsigned char bytes[PAGE_BYTES];
    struct memory_range range = {page->number << PAGE_SHIFT, PAGE_BYTES, bytes};
    struct error *err = read_source(watch, &range, 1, &done);
    if (err)
        return err;
    if (done == PAGE_BYTES)
        take_bytes(watch, page, bytes);
    else
        take_failure(watch, page);
    return NULL;
}

struct batch {
    size_t indexes[BATCH_PAGES];
    size_t count;
    struct memory_range ranges[BATCH_PAGES];
    size_t firsts[BATCH_PAGES]; /* of each range: the place of its first page */
    size_t range_count;
};

static void add_to_batch(struct watch *watch, struct batch *batch, size_t index) {
    uint64_t address = watch->pages[index].number << PAGE_SHIFT;
    unsigned char *bytes = watch->scratch + batch->count * PAGE_BYTES;
    struct memory_range *last = batch->range_count ? &batch->ranges[batch->range_count - 1] : NULL;
    if (last && last->address + last->size == address) {
        last->size += PAGE_BYTES;
    } else {
        batch->firsts[batch->range_count] = batch->count;
        batch->ranges[batch->range_count++] = (struct memory_range){address, PAGE_BYTES, bytes};
    }
    batch->indexes[batch->count++] = index;
}

static struct error *take_range(struct watch *watch, const struct batch *batch, size_t range,
                                size_t done) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < batch->ranges[range].size / PAGE_BYTES; i++) {
        size_t place = batch->firsts[range] + i;
        struct page *page = &watch->pages[batch->indexes[place]];
        if ((i + 1) * PAGE_BYTES <= done)
            take_bytes(watch, page, watch->scratch + place * PAGE_BYTES);
        else
            err = fetch_alone(watch, page);
    }
    return err;
}

static struct error *fetch_batch(struct watch *watch, struct batch *batch) {
    size_t done[BATCH_PAGES];
    struct error *err =
        batch->count ? read_source(watch, batch->ranges, batch->range_count, done) : NULL;
    for (size_t i = 0; !err && i < batch->range_count; i++)
        err = take_range(watch, batch, i, done[i]);
    batch->count = batch->range_count = 0;
    return err;
}

/* What is mapped around a page that nobody asked for before. */
static void find_neighbours(struct watch *watch, uint64_t number, uint64_t *start, uint64_t *end) {
    uint64_t address = number << PAGE_SHIFT;
    *start = address & ~(AROUND - 1);
    *end = *start + AROUND;
    if (watch->source->clamp && !watch->source->clamp(watch->source->context, address, start, end))
        *start = *end = address; /* the read will tell */
    *start = *start >> PAGE_SHIFT;
    *end = (*end + PAGE_BYTES - 1) >> PAGE_SHIFT;
    if (number < *start || number >= *end) {
        *start = number;
        *end = number + 1;
    }
}

static struct error *fetch_around(struct watch *watch, uint64_t number) {
    struct batch batch = {.count = 0};
    uint64_t start, end;
    find_neighbours(watch, number, &start, &end);
    for (uint64_t it = start; it < end; it++) {
        const struct page *page = add_page(watch, it);
        if (page && page->phase != watch->phase)
            add_to_batch(watch, &batch, (size_t)(page - watch->pages));
    }
    return fetch_batch(watch, &batch);
}

/* --- reading --- */

static struct error *fault(uint64_t address) {
    return error_create(ERROR_FAULT, "cannot read memory at 0x%llx", (unsigned long long)address);
}

/* The page as it is at this look; *ret is NULL when it cannot be had. */
static struct error *get_page(struct watch *watch, uint64_t number, struct page **ret) {
    size_t index = find_page(watch, number);
    *ret = NULL;
    if (!index || watch->pages[index - 1].phase != watch->phase) {
        struct error *err = index && watch->pages[index - 1].wanted
                                ? fetch_alone(watch, &watch->pages[index - 1])
                                : fetch_around(watch, number);
        if (err)
            return err;
        index = find_page(watch, number);
    }
    if (index && watch->pages[index - 1].valid)
        *ret = &watch->pages[index - 1];
    return NULL;
}

static void add_span(struct memory_footprint *footprint, struct memory_span span) {
    struct memory_span *last = footprint->count ? &footprint->spans[footprint->count - 1] : NULL;
    if (last && last->page == span.page && last->look == span.look && span.word >= last->word &&
        span.word <= last->word + last->count) {
        unsigned end = (unsigned)span.word + span.count;
        if (end > (unsigned)last->word + last->count)
            last->count = (uint16_t)(end - last->word);
        return;
    }
    if (!footprint->spans || footprint->count == footprint->capacity) {
        footprint->capacity = footprint->capacity ? 2 * footprint->capacity : 16;
        footprint->spans =
            memory_realloc(footprint->spans, footprint->capacity * sizeof *footprint->spans);
    }
    footprint->spans[footprint->count++] = span;
}

static void track_bytes(struct watch *watch, struct page *page, size_t offset, size_t size) {
    size_t first = offset / WORD_BYTES, last = (offset + size - 1) / WORD_BYTES;
    page->tracked = watch->phase;
    add_span(watch->footprint, (struct memory_span){(uint32_t)(page - watch->pages), watch->phase,
                                                    (uint16_t)first, (uint16_t)(last - first + 1)});
}

struct error *watch_read(struct watch *watch, uint64_t address, void *buffer, size_t size) {
    unsigned char *to = buffer;
    while (size) {
        size_t offset = address & (PAGE_BYTES - 1);
        size_t piece = PAGE_BYTES - offset < size ? PAGE_BYTES - offset : size;
        struct page *page;
        struct error *err = get_page(watch, address >> PAGE_SHIFT, &page);
        if (err || !page)
            return err ? err : fault(address);
        want_page(watch, page);
        memcpy(to, page->bytes + offset, piece);
        if (watch->footprint)
            track_bytes(watch, page, offset, piece);
        to += piece;
        address += piece;
        size -= piece;
    }
    return NULL;
}

struct memory_footprint *watch_track(struct watch *watch, struct memory_footprint *footprint) {
    struct memory_footprint *before = watch->footprint;
    watch->footprint = footprint;
    return before;
}

/* --- looks --- */

struct numbered {
    uint64_t number;
    uint32_t index;
};

static int compare_numbers(const void *left, const void *right) {
    const struct numbered *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static void sort_pages(struct watch *watch) {
    struct numbered *sorted = memory_alloc((watch->count + 1) * sizeof *sorted);
    size_t count = 0;
    for (size_t i = 0; i < watch->count; i++)
        if (watch->pages[i].wanted)
            sorted[count++] = (struct numbered){watch->pages[i].number, (uint32_t)i};
    qsort(sorted, count, sizeof *sorted, compare_numbers);
    if (count > watch->order_capacity) {
        watch->order_capacity = 2 * count;
        watch->order = memory_realloc(watch->order, watch->order_capacity * sizeof *watch->order);
    }
    for (size_t i = 0; i < count; i++)
        watch->order[i] = sorted[i].index;
    watch->order_count = count;
    watch->order_is_stale = false;
    free(sorted);
}

static bool is_read_again(const struct watch *watch, const struct page *page) {
    return page->read && (page->read == watch->read_phase || page->read == watch->read_before);
}

static bool is_fetched(const struct watch *watch, const struct page *page, enum memory_look look) {
    switch (look) {
    case MEMORY_LOOK_AT_ALL:
        return true;
    case MEMORY_LOOK_AT_RECENT:
        return page->tracked >= watch->full_phase || is_read_again(watch, page);
    case MEMORY_LOOK_AGAIN:
        return is_read_again(watch, page);
    }
    return false;
}

static struct error *fetch_pages(struct watch *watch, enum memory_look look) {
    struct batch batch = {.count = 0};
    struct error *err = NULL;
    for (size_t i = 0; !err && i < watch->order_count; i++) {
        if (is_fetched(watch, &watch->pages[watch->order[i]], look))
            add_to_batch(watch, &batch, watch->order[i]);
        if (batch.count == BATCH_PAGES)
            err = fetch_batch(watch, &batch);
    }
    return err ? err : fetch_batch(watch, &batch);
}

struct error *watch_refresh(struct watch *watch, enum memory_look look) {
    if (watch->order_is_stale)
        sort_pages(watch);
    watch->phase++;
    struct error *err = fetch_pages(watch, look);
    if (look == MEMORY_LOOK_AT_ALL) {
        watch->full_phase = watch->phase;
    } else {
        watch->read_before = watch->read_phase;
        watch->read_phase = watch->phase;
    }
    return err;
}

bool watch_has_changed(const struct watch *watch, const struct memory_footprint *footprint) {
    for (size_t i = 0; i < footprint->count; i++) {
        const struct memory_span *span = &footprint->spans[i];
        const struct page *page = &watch->pages[span->page];
        if (page->last_change <= span->look)
            continue;
        for (unsigned word = span->word; word < (unsigned)span->word + span->count; word++)
            if (page->changes[word] > span->look)
                return true;
    }
    return false;
}

/* The page was read in this look. */
void watch_note(struct watch *watch, uint64_t address, size_t size) {
    while (watch->footprint && size) {
        size_t offset = address & (PAGE_BYTES - 1);
        size_t piece = PAGE_BYTES - offset < size ? PAGE_BYTES - offset : size;
        size_t index = find_page(watch, address >> PAGE_SHIFT);
        if (index)
            track_bytes(watch, &watch->pages[index - 1], offset, piece);
        address += piece;
        size -= piece;
    }
}
