/* Which ELF files are mapped into a process. */
#include "asyncspy/target/module.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"
#include "process_private.h"

#define PAGE_SIZE ((uint64_t)4096)
#define SCAN_MAX ((uint64_t)256 << 20)
#define SCANNED_A_UNIT 16 /* bytes for a unit of work, see memory_set_work() */

/* Mappings of a file from its first bytes on: what the loader mapped, or what somebody has mapped
 * to read symbols in it. */
struct image {
    uint64_t start, end;
    uint64_t file_end;       /* how much of the file was mapped so far */
    bool has_code, has_data; /* files of which nothing is executable (fonts, archives) are none */
};

/* A module while its mappings are gathered. */
struct found_module {
    struct target_module module;
    struct image best, last;
};

struct module_list {
    struct found_module *items;
    size_t count;
    struct table *by_path; /* mappings of one file stand together, but others may lie between */
};

static bool is_file(const struct target_mapping *mapping) {
    return mapping->path[0] == '/' && mapping->inode;
}

/* The module that a mapping belongs to. */
static struct found_module *get_module(struct module_list *list,
                                       const struct target_process *process,
                                       const struct target_mapping *mapping) {
    size_t length = strlen(mapping->path);
    struct found_module *found = table_find(list->by_path, mapping->path, length);
    if (found)
        return found;
    found = &list->items[list->count++];
    found->module = (struct target_module){
        .path = mapping->path,
        .is_executable = strcmp(mapping->path, process->executable) == 0,
    };
    table_add(list->by_path, mapping->path, length, found);
    return found;
}

static int judge(const struct image *image) {
    return (image->has_code ? 2 : 0) + image->has_data;
}

static void end_image(struct found_module *found) {
    if (judge(&found->last) > judge(&found->best))
        found->best = found->last;
}

/* The image that a mapping belongs to. Two segments may share the first page of a small file. */
static struct image *get_image(struct found_module *found, const struct target_mapping *mapping) {
    struct image *image = &found->last;
    if (image->end && (mapping->file_offset || image->file_end <= PAGE_SIZE))
        return image;
    end_image(found);
    *image = (struct image){.start = mapping->start};
    return image;
}

static void add_mapping(struct module_list *list, const struct target_process *process,
                        size_t index) {
    const struct target_mappings *mappings = &process->mappings;
    const struct target_mapping *mapping = &mappings->items[index];
    struct image *image = get_image(get_module(list, process, mapping), mapping);
    uint64_t file_end = mapping->file_offset + (mapping->end - mapping->start);
    image->file_end = file_end > image->file_end ? file_end : image->file_end;
    image->has_code |= mapping->executable;
    image->has_data |= mapping->writable;
    image->end = mapping->end;
    /* The .bss lies behind the last file mapping, in anonymous memory. */
    if (mapping->writable && index + 1 < mappings->count &&
        mappings->items[index + 1].start == mapping->end &&
        mappings->items[index + 1].path[0] == '\0' && mappings->items[index + 1].writable)
        image->end = mappings->items[index + 1].end;
}

static int rank(const struct target_module *module) {
    const char *slash = strrchr(module->path, '/');
    if (module->is_executable)
        return 0;
    return slash && strncmp(slash + 1, "libpython", 9) == 0 ? 1 : 2;
}

static int compare_modules(const void *a, const void *b) {
    const struct target_module *x = a, *y = b;
    if (rank(x) != rank(y))
        return rank(x) - rank(y);
    return (x->start > y->start) - (x->start < y->start);
}

struct error *module_list(struct target_process *process, struct arena *arena,
                          struct target_module **ret, size_t *ret_count) {
    struct module_list list = {
        .items = arena_alloc_array(arena, process->mappings.count, sizeof *list.items),
        .by_path = table_create()};
    for (size_t i = 0; i < process->mappings.count; i++)
        if (is_file(&process->mappings.items[i]))
            add_mapping(&list, process, i);
    table_destroy(list.by_path);
    *ret = arena_alloc_array(arena, list.count, sizeof **ret);
    *ret_count = 0;
    for (size_t i = 0; i < list.count; i++) {
        struct found_module *found = &list.items[i];
        end_image(found);
        found->module.start = found->best.start;
        found->module.end = found->best.end;
        if (found->best.has_code)
            (*ret)[(*ret_count)++] = found->module;
    }
    qsort(*ret, *ret_count, sizeof **ret, compare_modules);
    return NULL;
}

static size_t scan_bytes(const unsigned char *bytes, uint64_t address, size_t size,
                         const void *pattern, size_t pattern_size, size_t alignment,
                         uint64_t *found, size_t limit) {
    size_t count = 0;
    for (const unsigned char *at = bytes; count < limit; at++) {
        at = memmem(at, size - (size_t)(at - bytes), pattern, pattern_size);
        if (!at)
            break;
        if ((address + (uint64_t)(at - bytes)) % alignment == 0)
            found[count++] = address + (uint64_t)(at - bytes);
    }
    return count;
}

static size_t scan_mapping(struct target_process *process, struct target_mapping mapping,
                           const void *pattern, size_t size, size_t alignment, uint64_t *found,
                           size_t limit) {
    uint64_t length = mapping.end - mapping.start;
    length = length < SCAN_MAX ? length : SCAN_MAX;
    unsigned char *bytes = memory_alloc(length);
    struct error *err = memory_read_uncached(process->memory, mapping.start, bytes, length);
    memory_charge(process->memory, length / SCANNED_A_UNIT);
    size_t count =
        err ? 0 : scan_bytes(bytes, mapping.start, length, pattern, size, alignment, found, limit);
    error_destroy(err);
    free(bytes);
    return count;
}

size_t module_scan_writable(struct target_process *process, const struct target_module *module,
                            const void *pattern, size_t size, size_t alignment, uint64_t *found,
                            size_t limit) {
    size_t count = 0;
    for (size_t i = 0; i < process->mappings.count && count < limit; i++) {
        struct target_mapping mapping = process->mappings.items[i];
        if (mapping.writable && mapping.readable && mapping.start >= module->start &&
            mapping.end <= module->end)
            count += scan_mapping(process, mapping, pattern, size, alignment, found + count,
                                  limit - count);
    }
    return count;
}
