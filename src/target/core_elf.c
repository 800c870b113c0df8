/* The headers of a core and its segments, by libelf. System V ABI; man 5 core; fs/binfmt_elf.c. */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"

/* libelf takes memory for what a header says. A process has 65,530 mappings, more where somebody
 * raised vm.max_map_count. */
#define SEGMENTS_MAX ((size_t)1 << 20)
#define SECTIONS_MAX ((size_t)1 << 17)
#define KERNEL_START ((uint64_t)1 << 63) /* gates into it are mapped there: [vsyscall] */
#define NOTE_BYTES_MAX ((uint64_t)256 << 20)

static bool read_at(const struct core *core, void *buffer, size_t size, uint64_t offset) {
    return offset <= INT64_MAX &&
           pread(core->descriptor, buffer, size, (off_t)offset) == (ssize_t)size;
}

static struct error *check_kind(const Elf64_Ehdr *header) {
    if (header->e_ident[EI_CLASS] == ELFCLASS32)
        return error_create(ERROR_UNSUPPORTED,
                            "it is of a 32-bit program; asyncspy reads cores of x86-64 ones");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_machine != EM_X86_64)
        return error_create(ERROR_UNSUPPORTED,
                            "it is of another machine (ELF machine %u); asyncspy reads cores of "
                            "x86-64 programs",
                            header->e_machine);
    if (header->e_type != ET_CORE)
        return error_create(ERROR_UNSUPPORTED,
                            "it is a program or a library, no core file (a program is given with "
                            "--executable)");
    return NULL;
}

/* Where the numbers do not fit, the first section has them. */
static struct error *check_numbers(const struct core *core, const Elf64_Ehdr *header) {
    Elf64_Shdr first = {.sh_size = 0};
    bool has_first = header->e_shoff && read_at(core, &first, sizeof first, header->e_shoff);
    uint64_t segments = header->e_phnum == PN_XNUM ? first.sh_info : header->e_phnum;
    uint64_t sections = header->e_shnum ? header->e_shnum : has_first ? first.sh_size : 0;
    if (segments > SEGMENTS_MAX || sections > SECTIONS_MAX ||
        header->e_phentsize != sizeof(Elf64_Phdr))
        return error_create(ERROR_INVALID, "its ELF header makes no sense");
    if (header->e_phoff > core->size ||
        segments > (core->size - header->e_phoff) / sizeof(Elf64_Phdr))
        return error_create(ERROR_INVALID, "it is cut off in its headers");
    return NULL;
}

struct error *core_refuse_other(void) {
    return error_create(ERROR_UNSUPPORTED, "it is no core file: neither ELF nor compressed by "
                                           "gzip, lz4, xz or zstd");
}

static struct error *check_header(const struct core *core) {
    Elf64_Ehdr header;
    if (core->size == 0)
        return error_create(ERROR_UNSUPPORTED, "it is empty: perhaps the disk was full, or the "
                                               "limit for core files (ulimit -c) is 0");
    if (!read_at(core, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return core_refuse_other();
    struct error *err = check_kind(&header);
    return err ? err : check_numbers(core, &header);
}

/* ---- segments ---- */

static bool is_sane(const GElf_Phdr *header) {
    return header->p_vaddr < CORE_ADDRESS_END && header->p_vaddr % CORE_PAGE == 0 &&
           header->p_memsz <= CORE_ADDRESS_END - header->p_vaddr &&
           header->p_filesz <= header->p_memsz && header->p_offset <= INT64_MAX;
}

static void add_segment(struct core *core, const GElf_Phdr *header) {
    uint64_t available = header->p_offset < core->size ? core->size - header->p_offset : 0;
    if (header->p_memsz == 0 || header->p_vaddr >= KERNEL_START)
        return;
    if (!is_sane(header)) {
        core->refused++;
        return;
    }
    struct core_segment *segment = &core->segments[core->segment_count++];
    *segment =
        (struct core_segment){.start = header->p_vaddr,
                              .end = header->p_vaddr + header->p_memsz,
                              .claimed = header->p_filesz,
                              .stored = header->p_filesz < available ? header->p_filesz : available,
                              .offset = header->p_offset,
                              .readable = header->p_flags & PF_R || header->p_filesz,
                              .writable = header->p_flags & PF_W,
                              .executable = header->p_flags & PF_X};
    core->claimed += header->p_filesz;
    core->present += segment->stored;
}

static int compare_segments(const void *a, const void *b) {
    const struct core_segment *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

size_t core_sort_segments(struct core_segment *segments, size_t count) {
    size_t kept = 0;
    uint64_t end = 0;
    qsort(segments, count, sizeof *segments, compare_segments);
    for (size_t i = 0; i < count; i++) {
        struct core_segment segment = segments[i];
        uint64_t cut = segment.start < end ? end - segment.start : 0;
        if (segment.end <= end)
            continue;
        segment.start += cut;
        segment.offset += cut;
        segment.claimed -= cut < segment.claimed ? cut : segment.claimed;
        segment.stored -= cut < segment.stored ? cut : segment.stored;
        end = segment.end;
        segments[kept++] = segment;
    }
    return kept;
}

static struct error *read_segments(struct core *core, Elf *elf, size_t count) {
    core->segments = arena_alloc_array(core->arena, count, sizeof *core->segments);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD)
            add_segment(core, &header);
    }
    core->segment_count = core_sort_segments(core->segments, core->segment_count);
    if (core->segment_count == 0)
        return error_create(ERROR_INVALID, "there is no memory in it");
    return NULL;
}

/* ---- notes ---- */

static bool take_note(struct core *core, const GElf_Nhdr *note, const char *name,
                      const char *bytes) {
    static const char own[] = CORE_NOTE_OWNER;
    if (note->n_namesz >= 4 && memcmp(name, "CORE", 4) == 0)
        return core_take_note(core, note->n_type, bytes, note->n_descsz);
    if (note->n_namesz == sizeof own && memcmp(name, own, sizeof own) == 0)
        return core_take_own_note(core, note->n_type, bytes, note->n_descsz);
    return true;
}

static struct error *take_notes(struct core *core, Elf_Data *data) {
    GElf_Nhdr note;
    size_t at = 0, next, name, bytes;
    while ((next = gelf_getnote(data, at, &note, &name, &bytes)) > 0) {
        const char *start = data->d_buf;
        if (!take_note(core, &note, start + name, start + bytes))
            return error_create(ERROR_INVALID, "its notes are damaged (note type 0x%x)",
                                note.n_type);
        at = next;
    }
    return NULL;
}

/* *left: so many bytes of notes may still come. libelf keeps all that it has read of them. */
static struct error *read_notes_of(struct core *core, Elf *elf, const GElf_Phdr *header,
                                   uint64_t *left) {
    uint64_t available = header->p_offset < core->size ? core->size - header->p_offset : 0;
    uint64_t size = header->p_filesz;
    if (size > available) {
        size = available; /* cut off: gcore writes them last */
        core->lacks_notes = true;
    }
    if (size > *left)
        return error_create(ERROR_INVALID, "its notes are too large");
    if (size == 0)
        return NULL;
    *left -= size;
    Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)header->p_offset, size,
                                          header->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    if (!data)
        return error_create(ERROR_INVALID, "its notes cannot be read: %s", elf_errmsg(-1));
    return take_notes(core, data);
}

/* Without one of the two, what is in the core is taken for more than it is. */
static struct error *check_own_notes(const struct core *core) {
    if (!core->note == !core->pages)
        return NULL;
    return error_create(ERROR_INVALID, "it was saved by asyncspy, and is cut off before the end of "
                                       "its notes, without which nothing is certain");
}

static struct error *read_notes(struct core *core, Elf *elf, size_t count) {
    uint64_t left = NOTE_BYTES_MAX;
    struct error *err = NULL;
    for (size_t i = 0; !err && i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_NOTE)
            err = read_notes_of(core, elf, &header, &left);
    }
    if (!err)
        err = check_own_notes(core);
    if (!err && !core->name_count)
        err =
            error_create(ERROR_INVALID, core->claimed > core->present || core->lacks_notes
                                            ? "it is cut off before its notes, without which "
                                              "nothing can be found in it"
                                            : "it does not tell which files were mapped (NT_FILE)");
    return err;
}

struct error *core_read_file(struct core *core) {
    struct error *err = check_header(core);
    size_t count;
    if (err)
        return err;
    elf_version(EV_CURRENT);
    /* Read as needed, not mapped: a core may be cut off or overwritten under our hands. */
    Elf *elf = elf_begin(core->descriptor, ELF_C_READ, NULL);
    if (!elf || elf_getphdrnum(elf, &count) != 0)
        err = error_create(ERROR_INVALID, "its headers cannot be read: %s", elf_errmsg(-1));
    if (!err)
        err = read_segments(core, elf, count);
    if (!err)
        err = read_notes(core, elf, count);
    elf_end(elf);
    return err;
}
