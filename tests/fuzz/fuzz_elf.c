/* ELF files of a target: they may be anything. Input: the file. */
#include "../../src/target/process_private.h"
#include "asyncspy/target/module.h"
#include "fuzz_folder.h"
#include "fuzz_input.h"

static void read_all(const struct module_file *file) {
    uint64_t address, size;
    (void)strlen(module_get_build_id(file));
    (void)module_find_symbol(file, "_PyRuntime", &address, &size);
    (void)module_find_symbol(file, "no such symbol", &address, &size);
    (void)module_find_section(file, ".PyRuntime", &address, &size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct target_mapping mapping = {.start = 0x555500000000,
                                     .end = 0x555500100000,
                                     .readable = true,
                                     .executable = true,
                                     .path = "/bin/python",
                                     .inode = 1};
    struct target_module module = {
        .path = mapping.path, .start = mapping.start, .end = mapping.end, .is_executable = true};
    struct target_process process = {
        .operations = &live_operations, .folder = fuzz_folder_open(), .mappings = {1, &mapping}};
    struct module_file *file;
    fuzz_folder_write("exe", data, size);
    struct error *err = module_open(&process, &module, &file);
    if (err) {
        error_destroy(err);
        return 0;
    }
    read_all(file);
    module_close(file);
    return 0;
}
