/*
 * Which files were mapped where: NT_FILE, and the mappings that it makes together with the
 * segments. gcore has no segments for what it leaves out.
 */
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"
#include "core.h"

/* "long count -- how many files are mapped; long page_size; count times long start, end, file_ofs;
 * followed by count filenames in ASCII, NUL separated" (fill_files_note of fs/binfmt_elf.c). */
struct file_note {
    uint64_t count, page_size;
};
struct file_row {
    uint64_t start, end, page;
};

static int compare_names(const void *a, const void *b) {
    const struct core_name *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* The file of a name; `length` bytes of it. */
static struct core_file *get_file(struct core *core, struct table *by_path, const char *path,
                                  size_t length) {
    static const char mark[] = " (deleted)";
    size_t mark_length = sizeof mark - 1;
    bool is_deleted =
        length > mark_length && memcmp(path + length - mark_length, mark, mark_length) == 0;
    struct core_file *file = table_find(by_path, path, length);
    if (file)
        return file;
    file = &core->files[core->file_count++];
    *file = (struct core_file){
        .path = arena_copy_string(core->arena, path, is_deleted ? length - mark_length : length),
        .is_deleted = is_deleted,
        .descriptor = -1};
    table_add(by_path, path, length, file);
    return file;
}

static bool is_sane(const struct file_row *row, uint64_t page_size) {
    return row->start < row->end && row->end <= CORE_ADDRESS_END && row->start % CORE_PAGE == 0 &&
           row->page <= INT64_MAX / page_size - CORE_ADDRESS_END / page_size;
}

/* Overlaps go: what comes first stays. */
static size_t sort_names(struct core_name *names, size_t count) {
    size_t kept = 0;
    uint64_t end = 0;
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        if (names[i].start < end)
            continue;
        end = names[i].end;
        names[kept++] = names[i];
    }
    return kept;
}

/* Whether the core has bytes of it: not of what is shared with other processes. */
static bool is_stored(const struct core *core, const struct core_name *name) {
    const struct core_segment *segment = core_find_segment(core, name->start);
    return segment && name->start - segment->start < segment->stored;
}

static void note_starts(const struct core *core) {
    for (size_t i = 0; i < core->name_count; i++) {
        const struct core_name *name = &core->names[i];
        struct core_file *file = name->file;
        if (name->offset == 0 && !file->is_stored) {
            file->start = name->start;
            file->size = name->end - name->start;
            file->is_stored = is_stored(core, name);
        }
    }
}

/* Takes the rows, whose names stand from `path` to `end`. */
static bool take_rows(struct core *core, const struct file_note *note, const char *rows,
                      const char *path, const char *end) {
    struct table *by_path = table_create();
    bool is_whole = true;
    for (uint64_t i = 0; is_whole && i < note->count; i++) {
        struct file_row row;
        const char *stop = memchr(path, '\0', (size_t)(end - path));
        is_whole = stop != NULL;
        if (!is_whole)
            break;
        memcpy(&row, rows + i * sizeof row, sizeof row);
        if (is_sane(&row, note->page_size))
            core->names[core->name_count++] =
                (struct core_name){.start = row.start,
                                   .end = row.end,
                                   .offset = row.page * note->page_size,
                                   .file = get_file(core, by_path, path, (size_t)(stop - path))};
        path = stop + 1;
    }
    table_destroy(by_path);
    return is_whole;
}

bool core_take_names(struct core *core, const void *bytes, size_t size) {
    struct file_note note;
    if (core->names || size < sizeof note)
        return core->names != NULL; /* one is enough */
    memcpy(&note, bytes, sizeof note);
    if (note.count > (size - sizeof note) / sizeof(struct file_row) || note.page_size == 0 ||
        note.page_size > ((uint64_t)1 << 30))
        return false;
    const char *rows = (const char *)bytes + sizeof note;
    core->names = arena_alloc_array(core->arena, note.count + 1, sizeof *core->names);
    core->files = arena_alloc_array(core->arena, note.count + 1, sizeof *core->files);
    bool is_whole = take_rows(core, &note, rows, rows + note.count * sizeof(struct file_row),
                              (const char *)bytes + size);
    core->name_count = sort_names(core->names, core->name_count);
    note_starts(core);
    return is_whole;
}

const struct core_name *core_find_name(const struct core *core, uint64_t address) {
    size_t low = 0, high = core->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct core_name *name = &core->names[middle];
        if (address < name->start)
            high = middle;
        else if (address >= name->end)
            low = middle + 1;
        else
            return name;
    }
    return NULL;
}

/* ---- mappings ---- */

/* Shared memory without a file that others could open: mm/shmem.c, ipc/shm.c. */
static bool is_shared(const struct core_file *file) {
    return file->is_deleted &&
           (strcmp(file->path, "/dev/zero") == 0 || strncmp(file->path, "/SYSV", 5) == 0);
}

/* Memory of [start, end), in a segment, with a name, or both. */
static struct target_mapping make_mapping(const struct core_segment *segment,
                                          const struct core_name *name, uint64_t start,
                                          uint64_t end) {
    struct target_mapping mapping = {.start = start, .end = end, .path = ""};
    /* What gcore leaves out is read-only; whether it was code is not told. */
    mapping.readable = segment ? segment->readable : true;
    mapping.writable = segment && segment->writable;
    mapping.executable = segment ? segment->executable : true;
    if (name) {
        mapping.file_offset = name->offset + (start - name->start);
        mapping.path = name->file->path;
        mapping.deleted = name->file->is_deleted;
        mapping.shared = is_shared(name->file);
        mapping.inode = 1;
    }
    return mapping;
}

/* What is mapped from `at` on: the first segment and the first name that end behind it. */
struct sweep {
    const struct core_segment *segment, *last_segment;
    const struct core_name *name, *last_name;
    uint64_t at;
};

/* Steps over what ends at `at`; false: nothing is left. */
static bool step(struct sweep *sweep) {
    while (sweep->segment < sweep->last_segment && sweep->segment->end <= sweep->at)
        sweep->segment++;
    while (sweep->name < sweep->last_name && sweep->name->end <= sweep->at)
        sweep->name++;
    return sweep->segment < sweep->last_segment || sweep->name < sweep->last_name;
}

/* The segment that holds `at`, NULL none; *end is lowered to where it ends, or one begins. */
static const struct core_segment *get_segment(const struct sweep *sweep, uint64_t *end) {
    const struct core_segment *segment = sweep->segment;
    if (segment == sweep->last_segment)
        return NULL;
    bool is_in = segment->start <= sweep->at;
    uint64_t limit = is_in ? segment->end : segment->start;
    *end = limit < *end ? limit : *end;
    return is_in ? segment : NULL;
}

static const struct core_name *get_name(const struct sweep *sweep, uint64_t *end) {
    const struct core_name *name = sweep->name;
    if (name == sweep->last_name)
        return NULL;
    bool is_in = name->start <= sweep->at;
    uint64_t limit = is_in ? name->end : name->start;
    *end = limit < *end ? limit : *end;
    return is_in ? name : NULL;
}

struct target_mappings core_make_mappings(const struct core *core) {
    size_t count = 0, room = 2 * (core->segment_count + core->name_count);
    struct target_mapping *items = arena_alloc_array(core->arena, room, sizeof *items);
    struct sweep sweep = {.segment = core->segments,
                          .last_segment = core->segments + core->segment_count,
                          .name = core->names,
                          .last_name = core->names + core->name_count};
    while (step(&sweep)) {
        uint64_t end = UINT64_MAX;
        const struct core_segment *segment = get_segment(&sweep, &end);
        const struct core_name *name = get_name(&sweep, &end);
        if (segment || name)
            items[count++] = make_mapping(segment, name, sweep.at, end);
        sweep.at = end;
    }
    return (struct target_mappings){count, items};
}
