/* The file of a module: its symbols and sections, by libelf. The file is the target's: hostile. */
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/target/module.h"
#include "build_id.h"
#include "process_private.h"

#define PAGE_MASK (~(uint64_t)4095)

/* libelf takes memory for what a header says; a sparse file can say terabytes and have them. */
#define HEADERS_MAX 4096 /* of sections, of segments */
#define TABLE_MAX ((uint64_t)256 << 20)

struct module_file {
    int descriptor;
    Elf *elf;
    uint64_t bias; /* address in the target - address in the file */
    char build_id[2 * BUILD_ID_MAX + 1];
};

static const struct target_mapping *first_mapping(const struct target_process *process,
                                                  const struct target_module *module) {
    const struct target_mappings *mappings = &process->mappings;
    const struct target_mapping *mapping = mappings_find(mappings, module->start);
    const struct target_mapping *end = mappings->items + mappings->count;
    while (mapping && mapping < end && strcmp(mapping->path, module->path) != 0)
        mapping++;
    return mapping < end ? mapping : NULL;
}

static bool read_at(int file, void *buffer, size_t size, uint64_t offset) {
    return offset <= INT64_MAX && pread(file, buffer, size, (off_t)offset) == (ssize_t)size;
}

/* Whether it is an ELF64 file with as many sections and segments as a real one may have. Where the
 * numbers do not fit, the first section has them. */
static bool is_bounded(int file) {
    Elf64_Ehdr header;
    Elf64_Shdr first = {.sh_size = 0};
    if (!read_at(file, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64)
        return false;
    if (header.e_shoff && !read_at(file, &first, sizeof first, header.e_shoff))
        return header.e_phnum <= HEADERS_MAX; /* the table is cut off: libelf sees none */
    return header.e_shnum <= HEADERS_MAX && (header.e_shnum || first.sh_size <= HEADERS_MAX) &&
           (header.e_phnum == PN_XNUM ? first.sh_info : header.e_phnum) <= HEADERS_MAX;
}

/* What a section holds; NULL when it has more than `limit` bytes. A compressed one could be a bomb,
 * and none that is loaded is compressed. */
static Elf_Data *get_data(Elf_Scn *section, uint64_t limit) {
    GElf_Shdr header;
    if (!section || !gelf_getshdr(section, &header) || header.sh_size > limit ||
        header.sh_flags & SHF_COMPRESSED)
        return NULL;
    Elf_Data *data = elf_getdata(section, NULL);
    return data && data->d_buf ? data : NULL;
}

struct strings {
    const char *bytes;
    size_t size; /* 0: none, else the last one is NUL */
};

/* elf_strptr() would look for the NUL anew for each string. */
static struct strings get_strings(const struct module_file *file, size_t index) {
    const Elf_Data *data = get_data(elf_getscn(file->elf, index), TABLE_MAX);
    const char *bytes = data ? data->d_buf : NULL;
    if (!data || !data->d_size || bytes[data->d_size - 1] != '\0')
        return (struct strings){NULL, 0};
    return (struct strings){bytes, data->d_size};
}

static bool is_string(const struct strings *strings, uint64_t at, const char *text) {
    return at < strings->size && strcmp(strings->bytes + at, text) == 0;
}

/* The bias of an ET_DYN: where the segment that holds the first mapped byte was put. */
static bool find_bias(struct module_file *file, const struct target_mapping *mapping) {
    GElf_Ehdr header;
    GElf_Phdr segment;
    size_t count;
    if (!gelf_getehdr(file->elf, &header) || header.e_machine != EM_X86_64 ||
        gelf_getclass(file->elf) != ELFCLASS64 || elf_getphdrnum(file->elf, &count) != 0)
        return false;
    if (header.e_type == ET_EXEC)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(file->elf, (int)i, &segment) || segment.p_type != PT_LOAD)
            continue;
        uint64_t start = segment.p_offset & PAGE_MASK;
        if (mapping->file_offset < start ||
            mapping->file_offset >= segment.p_offset + segment.p_filesz)
            continue;
        file->bias = mapping->start - mapping->file_offset - (segment.p_vaddr - segment.p_offset);
        return true;
    }
    return false;
}

static bool read_of_file(void *context, uint64_t offset, void *buffer, size_t size) {
    const struct module_file *file = context;
    return read_at(file->descriptor, buffer, size, offset);
}

static void read_build_id(struct module_file *file) {
    struct build_id id;
    if (!build_id_find(read_of_file, file, &id))
        return;
    for (size_t i = 0; i < id.size; i++)
        snprintf(file->build_id + 2 * i, 3, "%02x", id.bytes[i]);
}

struct error *module_open(struct target_process *process, const struct target_module *module,
                          struct module_file **ret) {
    const struct target_mapping *mapping = first_mapping(process, module);
    if (!mapping)
        return error_create(ERROR_FAULT, "%s is not mapped any more", module->path);
    struct module_file *file = memory_alloc(sizeof *file);
    memset(file, 0, sizeof *file);
    file->descriptor = process_open_module(process, module, mapping);
    elf_version(EV_CURRENT);
    /* Not mapped: the target could truncate its file under us. */
    if (file->descriptor >= 0 && is_bounded(file->descriptor))
        file->elf = elf_begin(file->descriptor, ELF_C_READ, NULL);
    if (!file->elf || !find_bias(file, mapping)) {
        module_close(file);
        return error_create(ERROR_FAULT, "the file of %s cannot be read", module->path);
    }
    read_build_id(file);
    *ret = file;
    return NULL;
}

void module_close(struct module_file *file) {
    if (!file)
        return;
    elf_end(file->elf);
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file);
}

const char *module_get_build_id(const struct module_file *file) {
    return file->build_id;
}

static bool find_in_table(const struct module_file *file, Elf_Scn *section, const GElf_Shdr *header,
                          const char *name, GElf_Sym *ret) {
    Elf_Data *data = get_data(section, TABLE_MAX);
    struct strings strings = get_strings(file, header->sh_link);
    for (int i = 0; data && gelf_getsym(data, i, ret); i++)
        if (ret->st_shndx != SHN_UNDEF && ret->st_value != 0 &&
            is_string(&strings, ret->st_name, name))
            return true;
    return false;
}

static bool find_symbol(const struct module_file *file, Elf64_Word type, const char *name,
                        GElf_Sym *ret) {
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == type)
            return find_in_table(file, section, &header, name, ret);
    }
    return false;
}

bool module_find_symbol(const struct module_file *file, const char *name, uint64_t *ret_address,
                        uint64_t *ret_size) {
    GElf_Sym symbol;
    if (!find_symbol(file, SHT_DYNSYM, name, &symbol) &&
        !find_symbol(file, SHT_SYMTAB, name, &symbol))
        return false;
    *ret_address = symbol.st_value + file->bias;
    *ret_size = symbol.st_size;
    return true;
}

bool module_find_section(const struct module_file *file, const char *name, uint64_t *ret_address,
                         uint64_t *ret_size) {
    Elf_Scn *section = NULL;
    size_t names;
    if (elf_getshdrstrndx(file->elf, &names) != 0)
        return false;
    struct strings strings = get_strings(file, names);
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_addr &&
            is_string(&strings, header.sh_name, name)) {
            *ret_address = header.sh_addr + file->bias;
            *ret_size = header.sh_size;
            return true;
        }
    }
    return false;
}
