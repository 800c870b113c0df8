/* A core from anybody: opened, searched for Python, and if there is one shown. Input: the file. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "asyncspy/analysis/analyze.h"
#include "asyncspy/capture/capture.h"
#include "asyncspy/render/text.h"
#include "asyncspy/target/module.h"
#include "asyncspy/target/scan.h"
#include "fuzz_input.h"

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

static void show(const char *path) {
    struct capture *capture;
    struct error *err = capture_open_core(path, &options, &(struct capture_options){0}, &capture);
    if (!err) {
        struct snapshot *snapshot = snapshot_create();
        FILE *out = fopen("/dev/null", "we");
        err = capture_take(capture, snapshot);
        if (!err)
            analyze(snapshot, NULL);
        if (!err && out)
            error_destroy(render_text(snapshot, &(struct text_options){.width = 80}, out));
        if (out)
            fclose(out);
        snapshot_destroy(snapshot);
        capture_close(capture);
    }
    error_destroy(err);
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
        show(path);
    }
    error_destroy(err);
    close(file);
    arena_destroy(arena);
    return 0;
}
