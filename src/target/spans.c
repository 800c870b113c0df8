/*
 * Which memory of a process is worth a scan. Most of what threads and allocators reserve is never
 * touched; reading it would take time and make the kernel build page tables for the target.
 * Documentation/admin-guide/mm/pagemap.rst of Linux.
 */
#include <fcntl.h>
#include <unistd.h>

#include "process_private.h"

#define PAGE_SHIFT 12
#define ENTRIES 4096 /* of a pagemap that are read at once */
#define PRESENT ((uint64_t)1 << 63)
#define SWAPPED ((uint64_t)1 << 62)
#define GUARD ((uint64_t)1 << 58) /* MADV_GUARD_INSTALL: looks swapped, and cannot be read */

void span_list_add(struct span_list *list, uint64_t start, uint64_t end) {
    if (list->count && list->items[list->count - 1].end == start) {
        list->items[list->count - 1].end = end;
        return;
    }
    if (list->count == list->capacity) {
        struct scan_span *old = list->items;
        list->capacity = list->capacity ? 2 * list->capacity : 256;
        list->items = arena_alloc_array(list->arena, list->capacity, sizeof *list->items);
        for (size_t i = 0; i < list->count; i++)
            list->items[i] = old[i];
    }
    list->items[list->count++] = (struct scan_span){start, end};
}

static bool is_touched(uint64_t entry) {
    return entry & (PRESENT | SWAPPED) && !(entry & GUARD);
}

/* Adds the touched pages of a mapping, from *at on, as far as the file tells. */
static void add_touched(struct span_list *list, int pagemap, uint64_t *at, uint64_t end) {
    uint64_t entries[ENTRIES];
    while (*at < end) {
        uint64_t pages = (end - *at) >> PAGE_SHIFT;
        size_t size = (pages < ENTRIES ? pages : ENTRIES) * sizeof *entries;
        ssize_t got = pread(pagemap, entries, size, (off_t)((*at >> PAGE_SHIFT) * sizeof *entries));
        if (got < (ssize_t)sizeof *entries)
            return;
        for (size_t i = 0; i < (size_t)got / sizeof *entries; i++) {
            if (is_touched(entries[i]))
                span_list_add(list, *at, *at + (1u << PAGE_SHIFT));
            *at += 1u << PAGE_SHIFT;
        }
    }
}

/* What is backed by a file and was never written to has no page of its own, but may be present; it
 * does no harm. What is shared with other processes holds no pointers of this one. */
static bool is_wanted(const struct target_mapping *mapping) {
    return mapping->readable && mapping->writable && !mapping->shared;
}

struct error *live_list_spans(struct target_process *process, struct span_list *list) {
    struct error *err = process_refresh_mappings(process);
    if (err)
        return err;
    int pagemap = openat(process->folder, "pagemap", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < process->mappings.count; i++) {
        const struct target_mapping *mapping = &process->mappings.items[i];
        uint64_t at = mapping->start;
        if (!is_wanted(mapping))
            continue;
        if (pagemap >= 0)
            add_touched(list, pagemap, &at, mapping->end);
        if (at < mapping->end)
            span_list_add(list, at, mapping->end);
    }
    if (pagemap >= 0)
        close(pagemap);
    return NULL;
}
