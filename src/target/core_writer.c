/*
 * A core with the pages that a picture needed: System V ABI; man 5 elf, core. The memory comes
 * first, then the notes, of which most is known last; the headers at the start are written at the
 * end.
 */
#include "core_writer.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build_id.h"

#define PAGE ((uint64_t)4096)

/* A PT_LOAD. */
struct part {
    uint64_t address, size;
    uint64_t stored, offset; /* so many bytes of it are in the file, there */
    uint32_t flags;
    unsigned char *bytes; /* of the start of a file; NULL: they are in the cache */
};

struct core_writer {
    char *path;
    int file;
    bool is_named; /* it stands at `path` already */
    struct part *parts;
    size_t count, capacity;
    uint64_t end; /* of what was written so far */
    size_t next;  /* the part that is written */
    struct core_page *pages;
    size_t page_count, page_capacity;
};

/* ---- the file ---- */

/* The folder of a path; *ret belongs to the caller. */
static char *copy_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder)
        memory_exhausted();
    return folder;
}

static int open_unnamed(const char *path) {
    char *folder = copy_folder(path);
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    free(folder);
    return file;
}

/* A link that leads nowhere is something, too. */
static bool is_taken(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static struct error *taken(const char *path) {
    return error_create(ERROR_USAGE, "%s is there already; no file is overwritten", path);
}

struct error *core_writer_open(const char *path, struct core_writer **ret) {
    bool is_named = false;
    if (is_taken(path))
        return taken(path);
    int file = open_unnamed(path);
    if (file < 0) {
        file = open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
        is_named = true;
    }
    if (file < 0)
        return error_create_os(errno, "%s", path);
    (void)fchmod(file, 0600); /* whatever the umask took away: --core is to read it */
    struct core_writer *writer = memory_alloc(sizeof *writer);
    *writer = (struct core_writer){.path = strdup(path), .file = file, .is_named = is_named};
    if (!writer->path)
        memory_exhausted();
    *ret = writer;
    return NULL;
}

void core_writer_close(struct core_writer *writer) {
    if (!writer)
        return;
    if (writer->file >= 0) {
        close(writer->file);
        if (writer->is_named)
            unlink(writer->path);
    }
    for (size_t i = 0; i < writer->count; i++)
        free(writer->parts[i].bytes);
    free(writer->parts);
    free(writer->pages);
    free(writer->path);
    free(writer);
}

static struct error *write_at(const struct core_writer *writer, uint64_t offset, const void *bytes,
                              size_t size) {
    const unsigned char *at = bytes;
    while (size) {
        ssize_t done = pwrite(writer->file, at, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_create_os(done < 0 ? errno : EIO, "writing %s", writer->path);
        at += done;
        size -= (size_t)done;
        offset += (uint64_t)done;
    }
    return NULL;
}

/* Gives the file its name. */
static struct error *put_in_place(struct core_writer *writer) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", writer->file);
    if (!writer->is_named && linkat(AT_FDCWD, path, AT_FDCWD, writer->path, AT_SYMLINK_FOLLOW) != 0)
        return errno == EEXIST ? taken(writer->path) : error_create_os(errno, "%s", writer->path);
    int file = writer->file;
    writer->is_named = true;
    writer->file = -1;
    if (close(file) == 0)
        return NULL;
    struct error *err = error_create_os(errno, "writing %s", writer->path);
    unlink(writer->path);
    return err;
}

/* ---- which memory ---- */

static struct part *add_part(struct core_writer *writer, const struct part *part) {
    if (!writer->parts || writer->count == writer->capacity) {
        writer->capacity = writer->capacity ? 2 * writer->capacity : 256;
        writer->parts = memory_realloc(writer->parts, writer->capacity * sizeof *writer->parts);
    }
    writer->parts[writer->count] = *part;
    return &writer->parts[writer->count++];
}

static uint32_t get_flags(const struct target_mapping *mapping) {
    if (!mapping)
        return PF_R | PF_W; /* mapped since the mappings were read: by an allocator */
    return (mapping->readable ? PF_R : 0u) | (mapping->writable ? PF_W : 0u) |
           (mapping->executable ? PF_X : 0u);
}

struct collection {
    struct core_writer *writer;
    const struct target_mappings *mappings;
};

static void add_page(struct core_writer *writer, uint64_t address, uint64_t pieces) {
    if (writer->page_count == writer->page_capacity) {
        writer->page_capacity = writer->page_capacity ? 2 * writer->page_capacity : 1024;
        writer->pages =
            memory_realloc(writer->pages, writer->page_capacity * sizeof *writer->pages);
    }
    writer->pages[writer->page_count++] = (struct core_page){address, pieces};
}

/* Pages of one mapping that follow each other are one part. */
static struct error *collect(void *context, uint64_t address, const unsigned char *page,
                             uint64_t pieces) {
    const struct collection *collection = context;
    struct core_writer *writer = collection->writer;
    const struct target_mapping *mapping = mappings_find(collection->mappings, address);
    struct part *last = writer->count ? &writer->parts[writer->count - 1] : NULL;
    bool follows = last && last->address + last->size == address &&
                   last->flags == get_flags(mapping) && !(mapping && mapping->start == address);
    (void)page;
    if (!follows)
        last = add_part(writer, &(struct part){.address = address, .flags = get_flags(mapping)});
    last->size += PAGE;
    last->stored = last->size;
    add_page(writer, address, pieces);
    return NULL;
}

/* ---- the starts of files ---- */

/* The first page of a mapped file, and how much of it tells what file it is. */
struct start {
    unsigned char bytes[PAGE];
    size_t used;
};

static bool read_start(void *context, uint64_t offset, void *buffer, size_t size) {
    struct start *start = context;
    if (offset > sizeof start->bytes || size > sizeof start->bytes - offset)
        return false;
    memcpy(buffer, start->bytes + offset, size);
    start->used = offset + size > start->used ? offset + size : start->used;
    return true;
}

static bool is_start_of_file(const struct target_mapping *mapping) {
    return mapping->path[0] == '/' && mapping->inode && mapping->file_offset == 0 &&
           mapping->readable && mapping->end - mapping->start >= PAGE;
}

/* Whether one of the first `count` parts, which are sorted, has the address. */
static bool has_part(const struct core_writer *writer, size_t count, uint64_t address) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (writer->parts[middle].address + writer->parts[middle].size <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && writer->parts[low].address <= address;
}

static void add_start(struct core_writer *writer, struct target_memory *memory,
                      const struct target_mapping *mapping) {
    struct start start = {.used = 0};
    struct build_id id;
    struct error *err = memory_read(memory, mapping->start, start.bytes, sizeof start.bytes);
    if (!err && build_id_find(read_start, &start, &id)) {
        struct part *part = add_part(writer, &(struct part){.address = mapping->start,
                                                            .size = PAGE,
                                                            .stored = start.used,
                                                            .flags = get_flags(mapping),
                                                            .bytes = memory_alloc(start.used)});
        memcpy(part->bytes, start.bytes, start.used);
    }
    error_destroy(err);
}

static int compare_parts(const void *a, const void *b) {
    const struct part *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

/* What gdb and others compare a file with. */
static void add_starts(struct core_writer *writer, struct target_process *process) {
    struct target_memory *memory = process_create_memory(process);
    size_t count = writer->count;
    for (size_t i = 0; i < process->mappings.count; i++) {
        const struct target_mapping *mapping = &process->mappings.items[i];
        if (is_start_of_file(mapping) && !has_part(writer, count, mapping->start))
            add_start(writer, memory, mapping);
    }
    memory_destroy(memory);
    qsort(writer->parts, writer->count, sizeof *writer->parts, compare_parts);
}

/* ---- writing ---- */

/* What nobody read is nobody's business: it stays zero, and core_page tells that it is unknown. A
 * page of zeros is left to the file system: a hole reads as such. */
static struct error *write_page(void *context, uint64_t address, const unsigned char *page,
                                uint64_t pieces) {
    static const unsigned char zeros[PAGE];
    struct core_writer *writer = context;
    const struct part *part = &writer->parts[writer->next];
    unsigned char bytes[PAGE];
    while (address >= part->address + part->size)
        part = &writer->parts[++writer->next];
    memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < PAGE / MEMORY_PIECE; i++)
        if (pieces >> i & 1)
            memcpy(bytes + i * MEMORY_PIECE, page + i * MEMORY_PIECE, MEMORY_PIECE);
    if (memcmp(bytes, zeros, sizeof bytes) == 0)
        return NULL;
    return write_at(writer, part->offset + (address - part->address), bytes, sizeof bytes);
}

/* The headers, where the numbers of segments do not fit with a section that has it. */
static uint64_t get_headers_size(const struct core_writer *writer) {
    return sizeof(Elf64_Ehdr) + (writer->count + 1) * sizeof(Elf64_Phdr) + sizeof(Elf64_Shdr);
}

static uint64_t align_page(uint64_t offset) {
    return (offset + PAGE - 1) & ~(PAGE - 1);
}

static void place_parts(struct core_writer *writer) {
    writer->end = align_page(get_headers_size(writer));
    for (size_t i = 0; i < writer->count; i++) {
        writer->parts[i].offset = align_page(writer->end);
        writer->end = writer->parts[i].offset + writer->parts[i].stored;
    }
}

struct error *core_writer_add_memory(struct core_writer *writer, struct target_process *process) {
    struct collection collection = {writer, &process->mappings};
    struct error *err = memory_visit_kept(process->memory, collect, &collection);
    if (!err) {
        add_starts(writer, process);
        place_parts(writer);
        err = memory_visit_kept(process->memory, write_page, writer);
    }
    for (size_t i = 0; !err && i < writer->count; i++)
        if (writer->parts[i].bytes)
            err = write_at(writer, writer->parts[i].offset, writer->parts[i].bytes,
                           writer->parts[i].stored);
    return err;
}

static struct error *write_segments(const struct core_writer *writer, uint64_t notes_at,
                                    size_t notes_size) {
    size_t count = writer->count + 1;
    Elf64_Phdr *segments = memory_alloc(count * sizeof *segments);
    segments[0] =
        (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes_size, .p_align = 4};
    for (size_t i = 0; i < writer->count; i++) {
        const struct part *part = &writer->parts[i];
        segments[i + 1] = (Elf64_Phdr){.p_type = PT_LOAD,
                                       .p_flags = part->flags,
                                       .p_offset = part->offset,
                                       .p_vaddr = part->address,
                                       .p_filesz = part->stored,
                                       .p_memsz = part->size,
                                       .p_align = PAGE};
    }
    struct error *err = write_at(writer, sizeof(Elf64_Ehdr), segments, count * sizeof *segments);
    free(segments);
    return err;
}

static struct error *write_header(const struct core_writer *writer) {
    uint64_t count = writer->count + 1;
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof header,
        .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)count};
    Elf64_Shdr section = {.sh_info = (Elf64_Word)count};
    if (count < PN_XNUM)
        return write_at(writer, 0, &header, sizeof header);
    header.e_phnum = PN_XNUM;
    header.e_shoff = get_headers_size(writer) - sizeof section;
    header.e_shentsize = sizeof section;
    header.e_shnum = 1;
    struct error *err = write_at(writer, header.e_shoff, &section, sizeof section);
    return err ? err : write_at(writer, 0, &header, sizeof header);
}

struct error *core_writer_finish(struct core_writer *writer, struct target_process *process,
                                 const struct target_thread *threads, size_t thread_count,
                                 const char *note, size_t note_size, uint64_t *ret_size) {
    const struct core_facts facts = {process,   threads,       thread_count,      note,
                                     note_size, writer->pages, writer->page_count};
    uint64_t notes_at = (writer->end + 3) & ~(uint64_t)3;
    char *notes;
    size_t size;
    struct error *err = core_make_notes(&facts, &notes, &size);
    if (err)
        return error_add_context(err, "%s", writer->path);
    err = write_at(writer, notes_at, notes, size);
    free(notes);
    if (!err)
        err = write_segments(writer, notes_at, size);
    if (!err)
        err = write_header(writer);
    *ret_size = notes_at + size;
    return err ? err : put_in_place(writer);
}
