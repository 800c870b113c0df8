/*
 * ELF modules of a target: which files are mapped, and where their symbols and sections are in
 * memory. Hides libelf and the difference between ET_EXEC and ET_DYN.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/error.h"
#include "asyncspy/target/process.h"

/* A mapped ELF file. `start`..`end` spans all its mappings and the anonymous memory (.bss)
 * that directly follows its last one. */
struct target_module {
    const char *path;
    uint64_t start, end;
    bool is_executable; /* the program itself, not a library */
};

/* All ELF modules: the executable first, then those named libpython*, then the others in address
 * order. Files are not opened yet. The array lives in `arena`. */
struct error *module_list(struct target_process *process, struct arena *arena,
                          struct target_module **ret, size_t *ret_count) ERROR_CHECK;

struct module_file;

/* Opens the file of a module (through /proc/PID/exe, map_files or root; checked to be the mapped
 * one by device and inode where possible). ERROR_FAULT when it cannot be had or is no ELF64
 * x86-64 file. */
struct error *module_open(struct target_process *process, const struct target_module *module,
                          struct module_file **ret) ERROR_CHECK;
void module_close(struct module_file *file); /* NULL-safe */

/* Address in the target of symbol `name` (.dynsym, then .symtab); false when it has none. */
bool module_find_symbol(const struct module_file *file, const char *name, uint64_t *ret_address,
                        uint64_t *ret_size);

/* The same of a symbol that `module` exports, from the target's memory alone: for a file that
 * cannot be had, or that has no section headers. */
bool module_find_exported(struct target_process *process, const struct target_module *module,
                          const char *name, uint64_t *ret_address, uint64_t *ret_size);

/* Where the module's static data is (its last writable segment with .bss), from the target's
 * memory: a mapping may reach further, into memory that is not the module's. */
bool module_find_data(struct target_process *process, const struct target_module *module,
                      uint64_t *ret_address, uint64_t *ret_size);

/* Address in the target and size of section `name`; false when it has none. */
bool module_find_section(const struct module_file *file, const char *name, uint64_t *ret_address,
                         uint64_t *ret_size);

/* Build id in hex, "" when there is none; lives as long as the file. */
const char *module_get_build_id(const struct module_file *file);

/* Addresses in the module's writable memory (file-backed and .bss) at which the `size` bytes of
 * `pattern` stand, at `alignment`; at most `limit` are written to `found`. Returns how many. */
size_t module_scan_writable(struct target_process *process, const struct target_module *module,
                            const void *pattern, size_t size, size_t alignment, uint64_t *found,
                            size_t limit);
