/* A live process through /proc/PID. */
#include "asyncspy/target/process.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/base/string_pool.h"
#include "asyncspy/target/access.h"
#include "process_private.h"

#define FILE_MAX ((size_t)256 << 20)

static struct error *read_all(int file, char **ret, size_t *ret_size) {
    size_t room = 16384, size = 0;
    char *text = memory_alloc(room + 1);
    for (;;) {
        ssize_t got = read(file, text + size, room - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || room > FILE_MAX) {
            int error_number = got < 0 ? errno : EFBIG;
            free(text);
            return error_create_os(error_number, "reading");
        }
        if (got == 0)
            break;
        size += (size_t)got;
        if (size == room)
            text = memory_realloc(text, (room *= 2) + 1);
    }
    text[size] = '\0';
    *ret = text;
    *ret_size = size;
    return NULL;
}

struct error *process_read_file(const struct target_process *process, const char *name, char **ret,
                                size_t *ret_size) {
    int file = openat(process->folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_create_os(errno, "/proc/%d/%s", (int)process->pid, name);
    struct error *err = read_all(file, ret, ret_size);
    close(file);
    return err ? error_add_context(err, "/proc/%d/%s", (int)process->pid, name) : NULL;
}

void process_read_small(int folder, const char *name, char *text, size_t room) {
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, room - 1);
    text[got < 0 ? 0 : got] = '\0';
    if (file >= 0)
        close(file);
}

/* Of /proc/PID/stat, the fields 3, 22 and 28. */
struct process_stat {
    char state;
    uint64_t start_ticks;
    uint64_t stack; /* where it starts: only an exec moves it; 0 if we may not know */
};

static const char *skip_fields(const char *at, int count) {
    for (; count && at; count--)
        at = strchr(at + 1, ' ');
    return at;
}

static bool parse_stat(const char *text, struct process_stat *ret) {
    const char *at = strrchr(text, ')'); /* the name may hold anything */
    if (!at || at[1] != ' ' || !at[2])
        return false;
    ret->state = at[2];
    at = skip_fields(at, 20);
    ret->start_ticks = at ? strtoull(at, NULL, 10) : 0;
    at = skip_fields(at, 6);
    ret->stack = at ? strtoull(at, NULL, 10) : 0;
    return at != NULL;
}

static bool read_stat(const struct target_process *process, struct process_stat *ret) {
    char *text = NULL;
    size_t size = 0;
    struct error *err = process_read_file(process, "stat", &text, &size);
    bool found = !err && text && parse_stat(text, ret);
    error_destroy(err);
    free(text);
    return found;
}

/* A target may map files of ever new names; those beyond this have none. */
#define PATHS_BYTES_MAX ((size_t)64 << 20)

static const char *keep_path(struct target_process *process, const char *path) {
    if (!*path || arena_get_size(process->arena) > PATHS_BYTES_MAX)
        return "";
    return string_pool_add(process->paths, path, strlen(path));
}

/* Of mappings those before them stay as well: a loop over them may read memory. */
static void take_mappings(struct target_process *process, const char *text) {
    struct arena *arena = process->mappings_arenas[1];
    process->mappings_arenas[1] = process->mappings_arenas[0];
    process->mappings_arenas[0] = arena;
    arena_reset(arena);
    struct target_mappings parsed = mappings_parse(arena, text);
    struct target_mapping *items = arena_alloc_array(arena, parsed.count, sizeof *items);
    for (size_t i = 0; i < parsed.count; i++) {
        items[i] = parsed.items[i];
        items[i].path = keep_path(process, items[i].path);
    }
    process->mappings = (struct target_mappings){parsed.count, items};
    process->mappings_read_at = clock_monotonic();
}

static struct error *refresh_mappings(struct target_process *process) {
    char *text = NULL;
    size_t size = 0;
    int file = openat(process->folder, "maps", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return access_explain(process->pid, errno, false);
    struct error *err = read_all(file, &text, &size);
    int error_number = errno;
    close(file);
    if (err) {
        error_destroy(err);
        return access_explain(process->pid, error_number, false);
    }
    take_mappings(process, text);
    free(text);
    return NULL;
}

/* The innermost pid, and whether NSpid shows more than one pid namespace. */
static void read_namespace_pid(struct target_process *process) {
    char *text = NULL;
    size_t size = 0;
    process->namespace_pid = process->pid;
    struct error *err = process_read_file(process, "status", &text, &size);
    if (!err && text) {
        const char *line = strstr(text, "\nNSpid:");
        const char *end = line ? strchr(line + 1, '\n') : NULL;
        const char *first = line ? strpbrk(line, "0123456789") : NULL;
        process->namespaced = end && first && memchr(first, '\t', (size_t)(end - first));
        process->namespace_pid = process_parse_namespace_id(text, "NStgid", process->pid);
        free(text);
    }
    error_destroy(err);
}

static char *read_executable(const struct target_process *process) {
    static const char mark[] = " (deleted)";
    char path[4097];
    ssize_t length = readlinkat(process->folder, "exe", path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    char *found = strstr(path, mark);
    if (found && strlen(found) == sizeof mark - 1)
        *found = '\0';
    char *copy = strdup(path);
    if (!copy)
        memory_exhausted();
    return copy;
}

/* Opens /proc/TID and looks at it; *state is 0 when there is no such thread. */
static void open_thread(struct target_process *process, pid_t tid, char *state) {
    char path[64];
    struct process_stat stat = {.state = 0};
    snprintf(path, sizeof path, "/proc/%d", (int)tid);
    if (process->folder >= 0)
        close(process->folder);
    process->reader = tid;
    process->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *state = 0;
    if (process->folder >= 0 && read_stat(process, &stat))
        *state = stat.state;
    process->start_ticks = stat.start_ticks;
    process->stack = stat.stack;
}

static bool is_ended(char state) {
    return state == 0 || state == 'Z' || state == 'X';
}

/* A main thread that has ended is a zombie without memory while the others live on. */
static bool open_other_thread(struct target_process *process) {
    pid_t *tids;
    size_t count;
    char state = 'Z';
    struct error *err = live_list_tids(process, &tids, &count);
    for (size_t i = 0; !err && i < count && is_ended(state); i++)
        if (tids[i] != process->pid)
            open_thread(process, tids[i], &state);
    if (!err)
        free(tids);
    error_destroy(err);
    return !is_ended(state);
}

static struct error *open_process(struct target_process *process) {
    char state;
    open_thread(process, process->pid, &state);
    if (!state)
        return access_explain(process->pid, ESRCH, false);
    if (is_ended(state) && !open_other_thread(process))
        return error_create(ERROR_GONE, "process %d has ended (it is a zombie)", (int)process->pid);
    struct error *err = refresh_mappings(process);
    if (!err && process->mappings.count == 0)
        err = error_create(ERROR_UNSUPPORTED,
                           "process %d has no memory of its own: it is a kernel thread",
                           (int)process->pid);
    return err;
}

static bool is_alive(const struct target_process *process) {
    struct process_stat stat;
    if (!read_stat(process, &stat) || is_ended(stat.state) ||
        stat.start_ticks != process->start_ticks || stat.stack != process->stack)
        return false;
    char *executable = read_executable(process); /* an exec keeps pid and start time */
    bool same = strcmp(executable, process->executable) == 0;
    free(executable);
    return same;
}

static char **get_command_line(const struct target_process *process, struct arena *arena,
                               size_t *ret_count) {
    char *text = NULL, **arguments;
    size_t size = 0, count = 0;
    error_destroy(process_read_file(process, "cmdline", &text, &size));
    for (size_t i = 0; i < size; i++)
        count += text[i] == '\0';
    arguments = arena_alloc_array(arena, count + 1, sizeof *arguments);
    const char *at = text;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(at);
        arguments[i] = arena_copy_string(arena, at, length);
        at += length + 1;
    }
    free(text);
    *ret_count = count;
    return arguments;
}

static double get_start_time(const struct target_process *process) {
    double up = NAN;
    FILE *file = fopen("/proc/uptime", "re");
    if (!file)
        return NAN;
    if (fscanf(file, "%lf", &up) != 1)
        up = NAN;
    fclose(file);
    double age = up - (double)process->start_ticks / (double)sysconf(_SC_CLK_TCK);
    return clock_realtime() - age;
}

static const uint64_t *get_auxiliary(const struct target_process *process, struct arena *arena,
                                     size_t *ret_count) {
    char *text = NULL;
    size_t size = 0;
    error_destroy(process_read_file(process, "auxv", &text, &size));
    *ret_count = size / sizeof(uint64_t);
    uint64_t *words = arena_alloc_array(arena, *ret_count, sizeof *words);
    if (*ret_count)
        memcpy(words, text, *ret_count * sizeof *words);
    free(text);
    return words;
}

static void close_live(struct target_process *process) {
    if (process->folder >= 0)
        close(process->folder);
}

const struct process_operations live_operations = {
    .close = close_live,
    .refresh_mappings = refresh_mappings,
    .is_alive = is_alive,
    .list_tids = live_list_tids,
    .list_threads = live_list_threads,
    .get_command_line = get_command_line,
    .get_start_time = get_start_time,
    .get_monotonic = live_get_monotonic,
    .get_auxiliary = get_auxiliary,
    .get_source = live_get_source,
    .open_module = live_open_module,
    .list_spans = live_list_spans,
};

struct error *process_open(pid_t pid, struct target_process **ret) {
    struct target_process *process = process_create(&live_operations);
    process->paths = string_pool_create(process->arena);
    for (int i = 0; i < 2; i++)
        process->mappings_arenas[i] = arena_create();
    process->pid = pid;
    struct error *err = open_process(process);
    if (err) {
        process_close(process);
        return err;
    }
    read_namespace_pid(process);
    process->executable = read_executable(process);
    process->clock_offset = process_read_clock_offset(process->folder);
    process->memory = process_create_memory(process);
    *ret = process;
    return NULL;
}

bool process_exists(pid_t pid) {
    struct target_process *process;
    struct error *err = process_open(pid, &process);
    if (!err) {
        process_close(process);
        return true;
    }
    enum error_kind kind = error_get_kind(err);
    error_destroy(err);
    return kind != ERROR_GONE && kind != ERROR_UNSUPPORTED;
}
