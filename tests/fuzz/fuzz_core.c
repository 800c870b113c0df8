/* A core from anybody: opened, searched for Python, and if there is one shown. Input: the file. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "asyncspy/target/core.h"
#include "asyncspy/target/module.h"
#include "asyncspy/target/scan.h"
#include "fuzz_input.h"
#include "fuzz_show.h"

/* Nothing of this machine is to be opened for what the core says. */
static const struct core_options options = {.executable = "/nonexistent", .sysroot = "/dev/null"};

static void read_mappings(struct target_process *process) {
    struct target_mappings mappings = process_get_mappings(process);
    unsigned char bytes[64];
    uint64_t end = 0;
    for (size_t i = 0; i < mappings.count; i++) {
        const struct target_mapping *mapping = &mappings.items[i];
        if (mapping->start < end || mapping->end <= mapping->start)
            abort(); /* out of order */
        end = mapping->end;
        error_destroy(
            memory_read(process_get_memory(process), mapping->start, bytes, sizeof bytes));
        error_destroy(memory_read(process_get_memory(process), mapping->end - 1, bytes, 2));
    }
}

static void read_facts(struct target_process *process, struct arena *arena) {
    struct target_module *modules;
    struct target_thread *threads;
    struct scan_span *spans;
    size_t count;
    error_destroy(module_list(process, arena, &modules, &count));
    error_destroy(process_list_threads(process, arena, &threads, &count));
    error_destroy(scan_list_spans(process, arena, &spans, &count));
    (void)process_get_command_line(process, arena, &count);
    (void)core_list_losses(process, arena, &count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct target_process *process;
    struct arena *arena = arena_create();
    char path[64];
    int file = memfd_create("core", MFD_CLOEXEC);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct error *err = core_open(path, &options, &process);
    if (!err) {
        read_mappings(process);
        read_facts(process, arena);
        process_close(process);
        fuzz_show_core(path);
    }
    error_destroy(err);
    close(file);
    arena_destroy(arena);
    return 0;
}
