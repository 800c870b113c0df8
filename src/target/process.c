/* What a live process and a core have in common. */
#include "asyncspy/target/process.h"

#include <stdlib.h>
#include <string.h>

#include "process_private.h"

struct target_process *process_create(const struct process_operations *operations) {
    struct target_process *process = memory_alloc(sizeof *process);
    memset(process, 0, sizeof *process);
    process->operations = operations;
    process->folder = -1;
    process->arena = arena_create();
    return process;
}

void process_close(struct target_process *process) {
    if (!process)
        return;
    process->operations->close(process);
    memory_destroy(process->memory);
    string_pool_destroy(process->paths);
    arena_destroy(process->mappings_arenas[0]);
    arena_destroy(process->mappings_arenas[1]);
    arena_destroy(process->arena);
    free(process->executable);
    free(process);
}

bool process_is_live(const struct target_process *process) {
    return process->folder >= 0;
}

pid_t process_get_pid(const struct target_process *process) {
    return process->pid;
}

pid_t process_get_namespace_pid(const struct target_process *process) {
    return process->namespace_pid;
}

struct target_memory *process_get_memory(struct target_process *process) {
    return process->memory;
}

struct target_memory *process_create_memory(struct target_process *process) {
    struct memory_source source = process->operations->get_source(process);
    return memory_create(&source);
}

struct target_mappings process_get_mappings(const struct target_process *process) {
    return process->mappings;
}

struct error *process_refresh_mappings(struct target_process *process) {
    return process->operations->refresh_mappings(process);
}

bool process_is_alive(const struct target_process *process) {
    return process->operations->is_alive(process);
}

struct error *process_check_alive(const struct target_process *process) {
    if (process_is_alive(process))
        return NULL;
    return error_create(ERROR_GONE,
                        process_exists(process->pid) ? "process %d became another program"
                                                     : "process %d ended while it was read",
                        (int)process->pid);
}

struct error *process_list_tids(const struct target_process *process, pid_t **ret,
                                size_t *ret_count) {
    return process->operations->list_tids(process, ret, ret_count);
}

struct error *process_list_threads(struct target_process *process, struct arena *arena,
                                   struct target_thread **ret, size_t *ret_count) {
    return process->operations->list_threads(process, arena, ret, ret_count);
}

const char *process_get_executable(const struct target_process *process) {
    return process->executable;
}

char **process_get_command_line(const struct target_process *process, struct arena *arena,
                                size_t *ret_count) {
    return process->operations->get_command_line(process, arena, ret_count);
}

double process_get_start_time(const struct target_process *process) {
    return process->operations->get_start_time(process);
}

double process_get_monotonic(const struct target_process *process) {
    return process->operations->get_monotonic(process);
}

const uint64_t *process_get_auxiliary(const struct target_process *process, struct arena *arena,
                                      size_t *ret_count) {
    return process->operations->get_auxiliary(process, arena, ret_count);
}

int process_open_module(struct target_process *process, const struct target_module *module,
                        const struct target_mapping *mapping) {
    return process->operations->open_module(process, module, mapping);
}

struct error *scan_list_spans(struct target_process *process, struct arena *arena,
                              struct scan_span **ret, size_t *ret_count) {
    struct span_list list = {.arena = arena};
    struct error *err = process->operations->list_spans(process, &list);
    *ret = list.items;
    *ret_count = list.count;
    return err;
}
