/* The file of a module: its symbols and sections, by libelf. The file is the target's: hostile. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/target/module.h"
#include "process_private.h"

#define PAGE_MASK (~(uint64_t)4095)

struct module_file {
    int descriptor;
    Elf *elf;
    uint64_t bias; /* address in the target - address in the file */
    char build_id[129];
};

/* Opens a path below /proc/PID; only a regular file will do (a FIFO would hang us). */
static int open_regular(const struct target_process *process, const char *path) {
    struct stat status;
    int file = openat(process->folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file >= 0 && (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(file);
        return -1;
    }
    return file;
}

static const struct target_mapping *first_mapping(const struct target_process *process,
                                                  const struct target_module *module) {
    for (size_t i = 0; i < process->mappings.count; i++)
        if (process->mappings.items[i].start >= module->start &&
            strcmp(process->mappings.items[i].path, module->path) == 0)
            return &process->mappings.items[i];
    return NULL;
}

/* map_files is the mapped file itself, whatever stands at its path now; it needs a privilege. */
static int open_module_file(const struct target_process *process,
                            const struct target_module *module,
                            const struct target_mapping *mapping) {
    char path[4200];
    struct stat status;
    if (module->is_executable)
        return open_regular(process, "exe");
    snprintf(path, sizeof path, "map_files/%llx-%llx", (unsigned long long)mapping->start,
             (unsigned long long)mapping->end);
    int file = open_regular(process, path);
    if (file >= 0 || mapping->deleted)
        return file;
    snprintf(path, sizeof path, "root%s", module->path);
    file = open_regular(process, path);
    if (file >= 0 && (fstat(file, &status) != 0 || status.st_ino != mapping->inode)) {
        close(file); /* another file stands there now */
        return -1;
    }
    return file;
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

static void read_build_id(struct module_file *file) {
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        GElf_Nhdr note;
        size_t name, text;
        Elf_Data *data;
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE ||
            !(data = elf_getdata(section, NULL)))
            continue;
        if (!gelf_getnote(data, 0, &note, &name, &text) || note.n_type != NT_GNU_BUILD_ID ||
            note.n_descsz > 64)
            continue;
        for (size_t i = 0; i < note.n_descsz; i++)
            snprintf(file->build_id + 2 * i, 3, "%02x",
                     ((const unsigned char *)data->d_buf)[text + i]);
        return;
    }
}

struct error *module_open(struct target_process *process, const struct target_module *module,
                          struct module_file **ret) {
    const struct target_mapping *mapping = first_mapping(process, module);
    if (!mapping)
        return error_create(ERROR_FAULT, "%s is not mapped any more", module->path);
    struct module_file *file = memory_alloc(sizeof *file);
    memset(file, 0, sizeof *file);
    file->descriptor = open_module_file(process, module, mapping);
    elf_version(EV_CURRENT);
    /* Not mapped: the target could truncate its file under us. */
    if (file->descriptor >= 0)
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
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    for (size_t i = 0; data && i < count; i++) {
        if (!gelf_getsym(data, (int)i, ret))
            return false;
        if (ret->st_shndx == SHN_UNDEF || ret->st_value == 0)
            continue;
        const char *text = elf_strptr(file->elf, header->sh_link, ret->st_name);
        if (text && strcmp(text, name) == 0)
            return true;
    }
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
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || !header.sh_addr)
            continue;
        const char *text = elf_strptr(file->elf, names, header.sh_name);
        if (text && strcmp(text, name) == 0) {
            *ret_address = header.sh_addr + file->bias;
            *ret_size = header.sh_size;
            return true;
        }
    }
    return false;
}
