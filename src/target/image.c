/*
 * What the loaded image of a module says of itself, read from the target's memory: its static data
 * (program headers), and exported symbols as the dynamic linker finds them (DT_SYMTAB through
 * DT_GNU_HASH or DT_HASH; System V ABI; glibc, elf/dl-lookup.c). Nothing there is trusted: what
 * makes no sense is not found.
 */
#include <elf.h>
#include <string.h>

#include "asyncspy/target/module.h"
#include "process_private.h"

#define SEGMENTS_MAX 128
#define DYNAMIC_MAX 256
#define TABLE_MAX (1u << 24)
#define STEPS_MAX (1u << 20)
#define NAME_MAX_BYTES 128

/* A loaded ELF file. Addresses of tables; 0: it has none. */
struct image {
    struct target_memory *memory;
    uint64_t bias;
    uint64_t dynamic, dynamic_size;
    uint64_t data, data_size; /* the last writable segment, .bss included */
    uint64_t symbols, strings, gnu_hash, hash;
};

static bool read_at(const struct image *image, uint64_t address, void *ret, size_t size) {
    struct error *err = memory_read(image->memory, address, ret, size);
    error_destroy(err);
    return !err;
}

static const struct target_mapping *find_header(const struct target_process *process,
                                                const struct target_module *module) {
    for (size_t i = 0; i < process->mappings.count; i++) {
        const struct target_mapping *mapping = &process->mappings.items[i];
        if (mapping->start >= module->start && mapping->start < module->end &&
            mapping->file_offset == 0 && strcmp(mapping->path, module->path) == 0)
            return mapping;
    }
    return NULL;
}

static bool is_usable(const Elf64_Ehdr *header) {
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_machine == EM_X86_64 &&
           header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phnum <= SEGMENTS_MAX;
}

/* Finds bias, data and dynamic section in the program headers. */
static bool read_segments(struct image *image, uint64_t start) {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    if (!read_at(image, start, &header, sizeof header) || !is_usable(&header))
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_at(image, start + header.e_phoff + i * sizeof segment, &segment, sizeof segment))
            return false;
        if (segment.p_type == PT_LOAD && segment.p_offset == 0 && header.e_type == ET_DYN)
            image->bias = start - segment.p_vaddr;
        if (segment.p_type == PT_DYNAMIC) {
            image->dynamic = segment.p_vaddr;
            image->dynamic_size = segment.p_memsz;
        }
        if (segment.p_type == PT_LOAD && segment.p_flags & PF_W) {
            image->data = segment.p_vaddr;
            image->data_size = segment.p_memsz;
        }
    }
    return true;
}

/* The dynamic linker makes addresses of most of these; where it did not they are in the file's. */
static uint64_t relocate(const struct image *image, uint64_t value) {
    return value < image->bias ? value + image->bias : value;
}

static bool read_dynamic(struct image *image) {
    uint64_t dynamic = image->dynamic + image->bias;
    if (!image->dynamic)
        return false;
    for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= image->dynamic_size; at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        if (at >= DYNAMIC_MAX * sizeof entry ||
            !read_at(image, dynamic + at, &entry, sizeof entry) || entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_SYMTAB)
            image->symbols = relocate(image, entry.d_un.d_ptr);
        else if (entry.d_tag == DT_STRTAB)
            image->strings = relocate(image, entry.d_un.d_ptr);
        else if (entry.d_tag == DT_GNU_HASH)
            image->gnu_hash = relocate(image, entry.d_un.d_ptr);
        else if (entry.d_tag == DT_HASH)
            image->hash = relocate(image, entry.d_un.d_ptr);
    }
    return image->symbols && image->strings;
}

/* Whether the symbol of that index is a defined one called `name`. */
static bool matches(const struct image *image, uint32_t index, const char *name, Elf64_Sym *ret) {
    char text[NAME_MAX_BYTES];
    size_t size = strlen(name) + 1;
    return size <= sizeof text &&
           read_at(image, image->symbols + index * sizeof *ret, ret, sizeof *ret) &&
           ret->st_shndx != SHN_UNDEF && ret->st_value &&
           read_at(image, image->strings + ret->st_name, text, size) &&
           memcmp(text, name, size) == 0;
}

static uint32_t hash_gnu(const char *name) {
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static bool find_by_gnu_hash(const struct image *image, const char *name, Elf64_Sym *ret) {
    struct {
        uint32_t buckets, first_symbol, bloom_words, bloom_shift;
    } table;
    uint32_t hash = hash_gnu(name), index, chain = 0;
    if (!read_at(image, image->gnu_hash, &table, sizeof table) || !table.buckets ||
        table.buckets > TABLE_MAX || table.bloom_words > TABLE_MAX)
        return false;
    uint64_t buckets = image->gnu_hash + sizeof table + 8ull * table.bloom_words;
    uint64_t chains = buckets + 4ull * table.buckets;
    if (!read_at(image, buckets + 4ull * (hash % table.buckets), &index, sizeof index) ||
        index < table.first_symbol)
        return false;
    for (unsigned steps = 0; steps < STEPS_MAX && !(chain & 1); steps++, index++) {
        if (!read_at(image, chains + 4ull * (index - table.first_symbol), &chain, sizeof chain))
            return false;
        if ((chain | 1) == (hash | 1) && matches(image, index, name, ret))
            return true;
    }
    return false;
}

static uint32_t hash_sysv(const char *name) {
    uint32_t hash = 0;
    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        hash = (hash ^ ((hash & 0xf0000000) >> 24)) & 0x0fffffff;
    }
    return hash;
}

static bool find_by_sysv_hash(const struct image *image, const char *name, Elf64_Sym *ret) {
    struct {
        uint32_t buckets, chains;
    } table;
    uint32_t index;
    if (!read_at(image, image->hash, &table, sizeof table) || !table.buckets ||
        table.buckets > TABLE_MAX)
        return false;
    uint64_t buckets = image->hash + sizeof table, chains = buckets + 4ull * table.buckets;
    if (!read_at(image, buckets + 4ull * (hash_sysv(name) % table.buckets), &index, sizeof index))
        return false;
    for (unsigned steps = 0; index && steps < STEPS_MAX; steps++) {
        if (matches(image, index, name, ret))
            return true;
        if (!read_at(image, chains + 4ull * index, &index, sizeof index))
            return false;
    }
    return false;
}

bool module_find_data(struct target_process *process, const struct target_module *module,
                      uint64_t *ret_address, uint64_t *ret_size) {
    struct image image = {.memory = process->memory};
    const struct target_mapping *first = find_header(process, module);
    if (!first || !read_segments(&image, first->start) || !image.data_size)
        return false;
    *ret_address = image.data + image.bias;
    *ret_size = image.data_size;
    return true;
}

bool module_find_exported(struct target_process *process, const struct target_module *module,
                          const char *name, uint64_t *ret_address, uint64_t *ret_size) {
    struct image image = {.memory = process->memory};
    Elf64_Sym symbol;
    const struct target_mapping *first = find_header(process, module);
    if (!first || !read_segments(&image, first->start) || !read_dynamic(&image))
        return false;
    if (!(image.gnu_hash && find_by_gnu_hash(&image, name, &symbol)) &&
        !(image.hash && find_by_sysv_hash(&image, name, &symbol)))
        return false;
    *ret_address = symbol.st_value + image.bias;
    *ret_size = symbol.st_size;
    return true;
}
