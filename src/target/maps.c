/* /proc/PID/maps. Documentation/filesystems/proc.rst of Linux. */
#include <stdlib.h>
#include <string.h>

#include "process_private.h"

/* A hexadecimal number; *at steps behind it and the character that follows. */
static uint64_t parse_hex(const char **at) {
    char *end;
    uint64_t value = strtoull(*at, &end, 16);
    *at = *end ? end + 1 : end;
    return value;
}

static const char *skip_spaces(const char *at) {
    while (*at == ' ')
        at++;
    return at;
}

static void parse_path(struct arena *arena, const char *at, const char *end,
                       struct target_mapping *ret) {
    static const char mark[] = " (deleted)";
    size_t length = (size_t)(end - at), mark_length = sizeof mark - 1;
    if (length > mark_length && memcmp(end - mark_length, mark, mark_length) == 0) {
        ret->deleted = true;
        length -= mark_length;
    }
    ret->path = arena_copy_string(arena, at, length);
}

/* "start-end rwxp offset major:minor inode   path" */
static struct target_mapping parse_line(struct arena *arena, const char *at, const char *end) {
    struct target_mapping mapping = {.path = ""};
    char *rest;
    mapping.start = parse_hex(&at);
    mapping.end = parse_hex(&at);
    if (end - at < 5)
        return (struct target_mapping){.path = ""};
    mapping.readable = at[0] == 'r';
    mapping.writable = at[1] == 'w';
    mapping.executable = at[2] == 'x';
    mapping.shared = at[3] == 's';
    at += 5;
    mapping.file_offset = parse_hex(&at);
    (void)parse_hex(&at); /* device */
    (void)parse_hex(&at);
    mapping.inode = strtoull(at, &rest, 10);
    at = skip_spaces(rest);
    if (at < end)
        parse_path(arena, at, end, &mapping);
    return mapping;
}

static size_t count_lines(const char *text) {
    size_t count = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        count++;
    return count;
}

struct target_mappings mappings_parse(struct arena *arena, const char *text) {
    struct target_mapping *items = arena_alloc_array(arena, count_lines(text), sizeof *items);
    size_t count = 0;
    for (const char *at = text, *end; (end = strchr(at, '\n')); at = end + 1) {
        items[count] = parse_line(arena, at, end);
        count += items[count].end > items[count].start;
    }
    return (struct target_mappings){count, items};
}

const struct target_mapping *mappings_find(const struct target_mappings *mappings,
                                           uint64_t address) {
    size_t low = 0, high = mappings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct target_mapping *item = &mappings->items[middle];
        if (address < item->start)
            high = middle;
        else if (address >= item->end)
            low = middle + 1;
        else
            return item;
    }
    return NULL;
}

bool mappings_clamp(const struct target_mappings *mappings, uint64_t address, uint64_t *start,
                    uint64_t *end) {
    const struct target_mapping *mapping = mappings_find(mappings, address);
    if (!mapping || !mapping->readable)
        return false;
    const struct target_mapping *items = mappings->items, *first = mapping, *last = mapping;
    while (first > items && first->start > *start && first[-1].end == first->start &&
           first[-1].readable)
        first--;
    while (last + 1 < items + mappings->count && last->end < *end && last[1].start == last->end &&
           last[1].readable)
        last++;
    *start = *start < first->start ? first->start : *start;
    *end = *end > last->end ? last->end : *end;
    return true;
}
