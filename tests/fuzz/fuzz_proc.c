/*
 * What /proc says of a process. A program can give itself, its threads and the files that it maps
 * any name, so none of it is to be trusted. Input: maps, stat, cmdline, then stat, syscall, wchan
 * and status of a thread, each up to a byte 0xff.
 */
#include <stdlib.h>

#include "../../src/target/process_private.h"
#include "asyncspy/target/module.h"
#include "fuzz_folder.h"
#include "fuzz_input.h"

static void write_part(const char *name, struct fuzz_input *input) {
    struct fuzz_input part = fuzz_take_part(input);
    fuzz_folder_write(name, part.bytes, part.left);
}

/* Every mapping is found by its addresses. */
static void check_mappings(const struct target_process *process) {
    for (size_t i = 0; i < process->mappings.count; i++) {
        const struct target_mapping *mapping = &process->mappings.items[i];
        if (mapping->end <= mapping->start || !mapping->path)
            abort();
        (void)mappings_find(&process->mappings, mapping->start);
    }
}

static void read_all(struct target_process *process, struct arena *arena) {
    struct target_module *modules;
    struct target_thread *threads;
    size_t count;
    struct error *err = process_refresh_mappings(process);
    check_mappings(process);
    if (!err)
        err = module_list(process, arena, &modules, &count);
    if (!err)
        err = process_list_threads(process, arena, &threads, &count);
    error_destroy(err);
    (void)process_is_alive(process);
    (void)process_get_command_line(process, arena, &count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct arena *arena = arena_create();
    char executable[] = "/bin/python";
    write_part("maps", &input);
    write_part("stat", &input);
    write_part("cmdline", &input);
    write_part("task/1234/stat", &input);
    write_part("task/1234/syscall", &input);
    write_part("task/1234/wchan", &input);
    write_part("task/1234/status", &input);
    read_all(&(struct target_process){.pid = 1234,
                                      .folder = fuzz_folder_open(),
                                      .namespaced = true,
                                      .arena = arena,
                                      .executable = executable},
             arena);
    arena_destroy(arena);
    return 0;
}
