/* The memory that a core shows: its own bytes, and those of the files that were mapped. */
#include <string.h>
#include <unistd.h>

#include "core.h"

const struct core_segment *core_find_segment(const struct core *core, uint64_t address) {
    size_t low = 0, high = core->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct core_segment *segment = &core->segments[middle];
        if (address < segment->start)
            high = middle;
        else if (address >= segment->end)
            low = middle + 1;
        else
            return segment;
    }
    return NULL;
}

/* Bytes of a file, fewer where it ends. */
static size_t read_file(int file, uint64_t offset, void *buffer, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t got =
            pread(file, (unsigned char *)buffer + done, size - done, (off_t)(offset + done));
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

/* From one segment; 0: the core does not have the byte at `address`. */
static size_t read_segment(const struct core *core, uint64_t address, void *buffer, size_t size) {
    const struct core_segment *segment = core_find_segment(core, address);
    if (!segment || address - segment->start >= segment->stored)
        return 0;
    uint64_t at = address - segment->start, left = segment->stored - at;
    return read_file(core->descriptor, segment->offset + at, buffer, size < left ? size : left);
}

size_t core_read_stored(const struct core *core, uint64_t address, void *buffer, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t got =
            read_segment(core, address + done, (unsigned char *)buffer + done, size - done);
        if (!got)
            break;
        done += got;
    }
    return done;
}

/* Until where the core leaves [address, ...) to the file; what it holds itself may be newer. */
static uint64_t find_end_of_gap(const struct core *core, uint64_t address, uint64_t end) {
    const struct core_segment *segment = core_find_segment(core, address);
    if (segment)
        return segment->end < end ? segment->end : end;
    for (uint64_t at = address; at < end; at = (at | (CORE_PAGE - 1)) + 1)
        if (core_find_segment(core, at))
            return at;
    return end;
}

/* Whether the byte should stand in the core, and is cut off: what the file has may be older. */
static bool is_cut_off(const struct core *core, uint64_t address) {
    const struct core_segment *segment = core_find_segment(core, address);
    return segment && address - segment->start < segment->claimed;
}

/* From the file that was mapped there; behind its end the last page was zero. What asyncspy saved
 * is whole, and the same everywhere: nothing of it comes from files. */
static size_t read_mapped(struct core *core, uint64_t address, void *buffer, size_t size) {
    const struct core_name *name = core_find_name(core, address);
    if (!name || core->note || is_cut_off(core, address))
        return 0;
    int file = core_file_open(core, name->file);
    if (file < 0)
        return 0;
    uint64_t end = address + size < name->end ? address + size : name->end;
    size = find_end_of_gap(core, address, end) - address;
    size_t done = read_file(file, name->offset + (address - name->start), buffer, size);
    uint64_t rest = -(address + done) % CORE_PAGE;
    if (done && done < size) {
        rest = rest < size - done ? rest : size - done;
        memset((unsigned char *)buffer + done, 0, rest);
        done += rest;
    }
    return done;
}

size_t core_read(struct core *core, uint64_t address, void *buffer, size_t size) {
    size_t done = 0;
    while (done < size) {
        unsigned char *at = (unsigned char *)buffer + done;
        size_t got = read_segment(core, address + done, at, size - done);
        if (!got)
            got = read_mapped(core, address + done, at, size - done);
        if (!got)
            break;
        done += got;
    }
    return done;
}

static struct error *read_ranges(void *context, const struct memory_range *ranges, size_t count,
                                 size_t *done) {
    struct target_process *process = context;
    for (size_t i = 0; i < count; i++)
        done[i] = core_read(process->core, ranges[i].address, ranges[i].buffer, ranges[i].size);
    return NULL;
}

static bool clamp(void *context, uint64_t address, uint64_t *start, uint64_t *end) {
    const struct target_process *process = context;
    return mappings_clamp(&process->mappings, address, start, end);
}

static const struct core_page *find_page(const struct core *core, uint64_t address) {
    size_t low = 0, high = core->page_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (core->pages[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < core->page_count && core->pages[low].address == address ? &core->pages[low] : NULL;
}

/* Of a core that asyncspy saved. */
static bool holds(void *context, uint64_t address, size_t size) {
    const struct target_process *process = context;
    const struct core_page *page = NULL;
    uint64_t end = address + size;
    for (uint64_t at = address & ~(uint64_t)(MEMORY_PIECE - 1); size && at < end;
         at += MEMORY_PIECE) {
        uint64_t start = at & ~(CORE_PAGE - 1);
        if (!page || page->address != start)
            page = find_page(process->core, start);
        if (!page || !(page->pieces >> (at - start) / MEMORY_PIECE & 1))
            return false;
    }
    return true;
}

struct memory_source core_get_source(struct target_process *process) {
    struct memory_source source = {.context = process, .read = read_ranges, .clamp = clamp};
    if (process->core->note)
        source.holds = holds;
    return source;
}

/* Adds those of [offset, end) of the core that are no holes: the kernel leaves those where nothing
 * was ever touched. `shift` makes an address of an offset. */
static void add_data(struct span_list *list, int file, uint64_t offset, uint64_t end,
                     uint64_t shift) {
    while (offset < end) {
        off_t start = lseek(file, (off_t)offset, SEEK_DATA);
        off_t stop = start < 0 ? -1 : lseek(file, start, SEEK_HOLE);
        if (start < 0 || stop < 0 || (uint64_t)start >= end)
            return;
        uint64_t first = ((uint64_t)start + shift) & ~(CORE_PAGE - 1);
        uint64_t last = ((uint64_t)stop < end ? (uint64_t)stop : end) + shift;
        span_list_add(list, first, (last + CORE_PAGE - 1) & ~(CORE_PAGE - 1));
        offset = (uint64_t)stop;
    }
}

static bool is_wanted(const struct target_mapping *mapping) {
    return mapping->readable && mapping->writable && !mapping->shared;
}

struct error *core_list_spans(struct target_process *process, struct span_list *list) {
    const struct core *core = process->core;
    for (size_t i = 0; i < process->mappings.count; i++) {
        const struct target_mapping *mapping = &process->mappings.items[i];
        const struct core_segment *segment = core_find_segment(core, mapping->start);
        if (!segment || !is_wanted(mapping))
            continue;
        uint64_t shift = segment->start - segment->offset;
        uint64_t end = segment->offset + segment->stored;
        uint64_t last = mapping->end - shift;
        add_data(list, core->descriptor, mapping->start - shift, end < last ? end : last, shift);
    }
    return NULL;
}
