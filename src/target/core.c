/* A core as a process: opening one, and what it does in ways of its own. */
#include "core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct error *refresh_mappings(struct target_process *process) {
    (void)process;
    return NULL; /* they do not change */
}

static bool is_alive(const struct target_process *process) {
    return process->core != NULL; /* nothing can happen to it any more */
}

/* Those that may run: none. */
static struct error *list_tids(const struct target_process *process, pid_t **ret,
                               size_t *ret_count) {
    (void)process;
    *ret = memory_alloc(sizeof **ret);
    *ret_count = 0;
    return NULL;
}

/* Where the stack does not tell: the first 80 bytes, with spaces for NULs. */
static char **get_command_line(const struct target_process *process, struct arena *arena,
                               size_t *ret_count) {
    const struct core *core = process->core;
    char **arguments = core_find_arguments(core, arena, ret_count);
    if (arguments)
        return arguments;
    arguments = arena_alloc_array(arena, 1, sizeof *arguments);
    arguments[0] = arena_copy_string(arena, core->arguments, strlen(core->arguments));
    *ret_count = *core->arguments != '\0';
    return arguments;
}

static double get_unknown_time(const struct target_process *process) {
    (void)process;
    return NAN;
}

static const uint64_t *get_auxiliary(const struct target_process *process, struct arena *arena,
                                     size_t *ret_count) {
    (void)arena;
    *ret_count = process->core->auxiliary_count;
    return process->core->auxiliary;
}

static int open_module(struct target_process *process, const struct target_module *module,
                       const struct target_mapping *mapping) {
    (void)module;
    const struct core_name *name = core_find_name(process->core, mapping->start);
    int file = name ? core_file_open(process->core, name->file) : -1;
    return file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 0);
}

static void close_core(struct target_process *process) {
    struct core *core = process->core;
    for (size_t i = 0; i < core->file_count; i++)
        if (core->files[i].descriptor >= 0)
            close(core->files[i].descriptor);
    if (core->descriptor >= 0)
        close(core->descriptor);
    free(core->executable);
    free(core->sysroot);
    free(core);
}

static const struct process_operations core_operations = {
    .close = close_core,
    .refresh_mappings = refresh_mappings,
    .is_alive = is_alive,
    .list_tids = list_tids,
    .list_threads = core_list_threads,
    .get_command_line = get_command_line,
    .get_start_time = get_unknown_time,
    .get_monotonic = get_unknown_time,
    .get_auxiliary = get_auxiliary,
    .get_source = core_get_source,
    .open_module = open_module,
    .list_spans = core_list_spans,
};

/* ---- opening ---- */

static struct error *open_file(struct core *core, const char *path,
                               const struct core_progress *progress) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), unpacked = -1;
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        struct error *err = error_create_os(errno, "opening it");
        if (file >= 0)
            close(file);
        return err;
    }
    core->descriptor = file;
    if (S_ISDIR(status.st_mode))
        return error_create(ERROR_UNSUPPORTED, "it is a folder, no core file");
    if (!core_is_packed(file))
        return NULL;
    struct error *err = core_unpack(file, progress, &unpacked, &core->is_cut);
    if (!err) {
        close(file);
        core->descriptor = unpacked;
    }
    return err;
}

static struct error *read_size(struct core *core) {
    struct stat status;
    if (fstat(core->descriptor, &status) != 0)
        return error_create_os(errno, "reading its size");
    if (!S_ISREG(status.st_mode))
        return error_create(ERROR_UNSUPPORTED, "it is no regular file");
    core->size = (uint64_t)status.st_size;
    return NULL;
}

static char *copy_option(const char *text) {
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        memory_exhausted();
    return copy;
}

/* The file whose mapping the kernel has found the program headers in, or the first code to run. */
static struct core_file *find_program(const struct core *core) {
    const struct core_name *name = core_find_name(core, core_get_auxiliary(core, AT_PHDR));
    if (!name)
        name = core_find_name(core, core_get_auxiliary(core, AT_ENTRY));
    return name ? name->file : NULL;
}

static struct error *read_core(struct target_process *process, const char *path,
                               const struct core_progress *progress) {
    struct core *core = process->core;
    struct error *err = open_file(core, path, progress);
    if (!err)
        err = read_size(core);
    if (!err)
        err = core_read_file(core);
    return err;
}

struct error *core_open(const char *path, const struct core_options *options,
                        struct target_process **ret) {
    struct target_process *process = process_create(&core_operations);
    struct core *core = process->core = memory_alloc(sizeof *core);
    *core = (struct core){.descriptor = -1,
                          .executable = copy_option(options->executable),
                          .sysroot = copy_option(options->sysroot),
                          .arena = process->arena,
                          .pid = -1};
    struct error *err = read_core(process, path, &options->progress);
    if (err) {
        process_close(process);
        return error_add_context(err, "%s", path);
    }
    core->program = find_program(core);
    process->pid = core->pid > 0 ? (pid_t)core->pid : 0;
    process->namespace_pid = core_find_namespace_pid(core);
    process->mappings = core_make_mappings(core);
    process->executable = copy_option(core->program ? core->program->path : "");
    process->memory = process_create_memory(process);
    *ret = process;
    return NULL;
}

const char *core_get_note(const struct target_process *process, size_t *ret_size) {
    *ret_size = process->core->note_size;
    return process->core->note;
}

int core_get_signal(const struct target_process *process) {
    const struct core *core = process->core;
    return core->thread_count ? core->threads[0].signal : 0;
}

/* ---- what is not in it ---- */

#define CUT_OFF "the core file is cut off, or still being written"

static struct core_loss describe_cut(const struct core *core, struct arena *arena) {
    const double mib = 1024.0 * 1024.0;
    double lost = (double)(core->claimed - core->present) / mib;
    return (struct core_loss){.what = arena_format(arena, "%.1f of %.1f MiB of memory", lost,
                                                   (double)core->claimed / mib),
                              .why = CUT_OFF};
}

static bool is_absent(const struct core_file *file) {
    return file->why && strcmp(file->why, CORE_FILE_ABSENT) == 0;
}

/* Of many files that are not here, as on another machine, one row tells: of the program if it is
 * among them. */
static size_t describe_absent(const struct core *core, struct arena *arena, struct core_loss *ret) {
    const struct core_file *first =
        core->program && is_absent(core->program) ? core->program : NULL;
    size_t count = 0;
    for (size_t i = 0; i < core->file_count; i++) {
        bool absent = is_absent(&core->files[i]);
        count += absent;
        first = absent && !first ? &core->files[i] : first;
    }
    if (!first)
        return 0;
    ret->what = arena_format(arena, "memory that is mapped from %s", first->path);
    if (count > 1)
        ret->what = arena_format(arena, "%s and %zu more file%s", ret->what, count - 1,
                                 count > 2 ? "s" : "");
    ret->why = CORE_FILE_ABSENT;
    return 1;
}

struct core_loss *core_list_losses(const struct target_process *process, struct arena *arena,
                                   size_t *ret_count) {
    const struct core *core = process->core;
    struct core_loss *losses = arena_alloc_array(arena, core->file_count + 4, sizeof *losses);
    size_t count = describe_absent(core, arena, losses);
    if (core->claimed > core->present || core->is_cut)
        losses[count++] = describe_cut(core, arena);
    if (core->lacks_notes)
        losses[count++] = (struct core_loss){"the last of its notes", CUT_OFF};
    if (core->refused)
        losses[count++] = (struct core_loss){
            arena_format(arena, "%llu segments", (unsigned long long)core->refused),
            "their addresses make no sense"};
    for (size_t i = 0; i < core->file_count; i++) {
        const struct core_file *file = &core->files[i];
        if (file->why && *file->why && !is_absent(file))
            losses[count++] = (struct core_loss){
                arena_format(arena, "memory that is mapped from %s", file->path), file->why};
    }
    *ret_count = count;
    return losses;
}
