/* Which ELF files are mapped into a process. */
#include "asyncspy/target/module.h"

#include <stdlib.h>
#include <string.h>

#include "process_private.h"

#define SCAN_MAX ((uint64_t)256 << 20)

struct module_list {
    struct target_module *items;
    size_t count;
};

/* The module that a mapping belongs to: mappings of one file stand together, those of other files
 * may stand between them. */
static struct target_module *find_module(const struct module_list *list, const char *path) {
    for (size_t i = list->count; i-- > 0;)
        if (strcmp(list->items[i].path, path) == 0)
            return &list->items[i];
    return NULL;
}

static bool is_file(const struct target_mapping *mapping) {
    return mapping->path[0] == '/' && mapping->inode;
}

static void add_mapping(struct module_list *list, const struct target_process *process,
                        size_t index) {
    const struct target_mappings *mappings = &process->mappings;
    const struct target_mapping *mapping = &mappings->items[index];
    struct target_module *module = find_module(list, mapping->path);
    if (!module) {
        module = &list->items[list->count++];
        *module = (struct target_module){
            .path = mapping->path,
            .start = mapping->start,
            .is_executable = strcmp(mapping->path, process->executable) == 0,
        };
    }
    module->end = mapping->end;
    /* The .bss lies behind the last file mapping, in anonymous memory. */
    if (mapping->writable && index + 1 < mappings->count &&
        mappings->items[index + 1].start == mapping->end &&
        mappings->items[index + 1].path[0] == '\0' && mappings->items[index + 1].writable)
        module->end = mappings->items[index + 1].end;
}

/* Files of which nothing is executable (fonts, locales, archives) are no modules. */
static bool has_code(const struct target_process *process, const struct target_module *module) {
    for (size_t i = 0; i < process->mappings.count; i++) {
        const struct target_mapping *mapping = &process->mappings.items[i];
        if (mapping->executable && mapping->start >= module->start &&
            mapping->start < module->end && strcmp(mapping->path, module->path) == 0)
            return true;
    }
    return false;
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
        .items = arena_alloc_array(arena, process->mappings.count, sizeof *list.items)};
    for (size_t i = 0; i < process->mappings.count; i++)
        if (is_file(&process->mappings.items[i]))
            add_mapping(&list, process, i);
    size_t kept = 0;
    for (size_t i = 0; i < list.count; i++)
        if (has_code(process, &list.items[i]))
            list.items[kept++] = list.items[i];
    qsort(list.items, kept, sizeof *list.items, compare_modules);
    *ret = list.items;
    *ret_count = kept;
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

static size_t scan_mapping(struct target_process *process, const struct target_mapping *mapping,
                           const void *pattern, size_t size, size_t alignment, uint64_t *found,
                           size_t limit) {
    uint64_t length = mapping->end - mapping->start;
    length = length < SCAN_MAX ? length : SCAN_MAX;
    unsigned char *bytes = memory_alloc(length);
    struct error *err = memory_read_uncached(process->memory, mapping->start, bytes, length);
    size_t count =
        err ? 0 : scan_bytes(bytes, mapping->start, length, pattern, size, alignment, found, limit);
    error_destroy(err);
    free(bytes);
    return count;
}

size_t module_scan_writable(struct target_process *process, const struct target_module *module,
                            const void *pattern, size_t size, size_t alignment, uint64_t *found,
                            size_t limit) {
    size_t count = 0;
    for (size_t i = 0; i < process->mappings.count && count < limit; i++) {
        const struct target_mapping *mapping = &process->mappings.items[i];
        if (mapping->writable && mapping->readable && mapping->start >= module->start &&
            mapping->end <= module->end)
            count += scan_mapping(process, mapping, pattern, size, alignment, found + count,
                                  limit - count);
    }
    return count;
}
