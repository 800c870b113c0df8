#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/capture/capture.h"
#include "asyncspy/python/discovery.h"
#include "asyncspy/target/access.h"
#include "asyncspy/target/container.h"
#include "asyncspy/target/process.h"

#define LINE_ROOM 4400
#define READ_TRIES 2 /* an exec, or memory that changes too fast, may spoil the first */

/* What /proc/PID/status says, and anybody may know. */
static bool read_status(struct look *look) {
    char path[64], line[512];
    look->os_state = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)look->pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, '\t'), *rest;
        if (!value++)
            continue;
        value[strcspn(value, "\n")] = '\0';
        if (strncmp(line, "Name:", 5) == 0)
            snprintf(look->name, sizeof look->name, "%.63s", value);
        else if (strncmp(line, "State:", 6) == 0)
            look->os_state = *value;
        else if (strncmp(line, "Threads:", 8) == 0)
            look->threads = strtol(value, NULL, 10);
        else if (strncmp(line, "Uid:", 4) == 0) {
            (void)strtoul(value, &rest, 10); /* the real one; the effective one follows */
            look->user_id = (uid_t)strtoul(rest, NULL, 10);
        }
    }
    if (file)
        fclose(file);
    return look->os_state != 0;
}

bool look_is_python_name(const char *name) {
    static const char *const stems[] = {"python", "pypy", "ipython"};
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        size_t length = strlen(stems[i]);
        if (strncmp(base, stems[i], length) == 0 &&
            !((base[length] | 0x20) >= 'a' && (base[length] | 0x20) <= 'z'))
            return true;
    }
    return false;
}

static size_t read_command(pid_t pid, char *command) {
    char path[64];
    size_t size = 0;
    ssize_t got = -1;
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && size < LOOK_COMMAND_MAX - 1 &&
           (got = read(file, command + size, LOOK_COMMAND_MAX - 1 - size)) > 0)
        size += (size_t)got;
    if (file >= 0)
        close(file);
    if (size && command[size - 1])
        command[size++] = '\0';
    return size;
}

/* What the names of mapped files tell. */
struct mapped {
    bool python;   /* one is of a Python */
    bool readable; /* we may know */
    bool nothing;  /* no memory: it is about to end, or a kernel thread */
};

static struct mapped look_at_maps(pid_t pid) {
    char path[64], line[LINE_ROOM];
    struct mapped mapped = {.python = false};
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    if (!maps)
        return mapped;
    mapped.nothing = true;
    while (!mapped.python && fgets(line, sizeof line, maps)) {
        mapped.nothing = false;
        mapped.python = strstr(line, "python") || strstr(line, "pypy");
    }
    mapped.readable = !ferror(maps);
    fclose(maps);
    return mapped;
}

/* Names are asked where nothing better is at hand: whoever may be read tells it by its files. */
static bool has_python_name(const struct look *look) {
    char path[64], executable[4096];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)look->pid);
    ssize_t length = readlink(path, executable, sizeof executable - 1);
    executable[length < 0 ? 0 : length] = '\0';
    if (look_is_python_name(executable))
        return true;
    return look_is_python_name(look->command_size ? look->command : look->name);
}

/* A main thread that has ended leaves a process without maps to the others. */
static bool is_leaderless(const struct look *look) {
    return (look->os_state == 'Z' || look->os_state == 'X') && look->threads > 1;
}

static void describe_user(struct look *look) {
    const struct passwd *entry = getpwuid(look->user_id);
    snprintf(look->user, sizeof look->user, "%.63s", entry ? entry->pw_name : "");
}

bool look_begin(pid_t pid, struct look *ret) {
    *ret = (struct look){.pid = pid,
                         .loops = SNAPSHOT_UNKNOWN,
                         .tasks = SNAPSHOT_UNKNOWN,
                         .state = SNAPSHOT_PROCESS_NOT_READ,
                         .why = LOOK_NO_ANSWER};
    if (!read_status(ret))
        return false;
    ret->is_python = look_is_python_name(ret->name);
    return true;
}

void look_identify(struct look *look) {
    struct mapped mapped = look_at_maps(look->pid);
    look->command_size = read_command(look->pid, look->command);
    look->maps_python = mapped.python;
    look->is_python =
        look->maps_python || is_leaderless(look) || (!mapped.readable && has_python_name(look));
    if (!look->is_python) {
        if (mapped.nothing && mapped.readable)
            look->os_state = 0;
        return;
    }
    describe_user(look);
    struct arena *arena = arena_create();
    const char *container = container_find(look->pid, arena);
    snprintf(look->container, sizeof look->container, "%.63s", container ? container : "");
    arena_destroy(arena);
}

bool look_is_ended(const struct look *look) {
    return !look->is_python &&
           (look->os_state == 0 || look->os_state == 'Z' || look->os_state == 'X');
}

static void refuse(struct look *look, enum snapshot_process_state state, const char *why) {
    look->state = state;
    snprintf(look->why, sizeof look->why, "%s", why);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_pypy(const struct target_process *process) {
    struct target_mappings mappings = process_get_mappings(process);
    if (strncmp(base_name(process_get_executable(process)), "pypy", 4) == 0)
        return true;
    for (size_t i = 0; i < mappings.count; i++)
        if (strncmp(base_name(mappings.items[i].path), "libpypy", 7) == 0)
            return true;
    return false;
}

/* Which Python a process is that could not be read, and what it is that is not supported. */
static void name_python(struct look *look, struct target_process *process, struct arena *arena) {
    struct py_discovery discovery;
    error_destroy(py_discover(process, arena, &discovery));
    if (discovery.hexversion)
        snprintf(look->version, sizeof look->version, "%.31s", discovery.version);
    if (is_pypy(process)) {
        refuse(look, SNAPSHOT_PROCESS_NOT_SUPPORTED, "PyPy");
    } else if (discovery.free_threaded) {
        refuse(look, SNAPSHOT_PROCESS_NOT_SUPPORTED, "free-threaded");
    } else if (look->state == SNAPSHOT_PROCESS_NOT_SUPPORTED) {
        look->is_python = discovery.hexversion || discovery.roots.runtime;
        refuse(look, SNAPSHOT_PROCESS_NOT_SUPPORTED,
               discovery.hexversion ? "not supported" : "unknown version");
    }
}

static void set_ended(struct look *look) {
    look->is_python = false;
    look->os_state = 0;
}

static void examine_refused(struct look *look) {
    struct target_process *process;
    struct error *err = process_open(look->pid, &process);
    if (err) {
        if (error_get_kind(err) == ERROR_GONE || error_get_kind(err) == ERROR_UNSUPPORTED)
            set_ended(look); /* or has no memory any more; else what was said first stands */
        error_destroy(err);
        return;
    }
    struct arena *arena = arena_create();
    name_python(look, process, arena);
    arena_destroy(arena);
    process_close(process);
}

static void describe_error(struct look *look, const struct error *err) {
    switch (error_get_kind(err)) {
    case ERROR_PERMISSION:
        look->is_python = look->maps_python || has_python_name(look);
        look->state = SNAPSHOT_PROCESS_NOT_PERMITTED;
        access_name_refusal(look->pid, look->why, sizeof look->why);
        return;
    case ERROR_GONE:
        set_ended(look);
        return;
    case ERROR_UNSUPPORTED:
        look->state = SNAPSHOT_PROCESS_NOT_SUPPORTED;
        break;
    case ERROR_FAULT:
    case ERROR_INVALID:
    case ERROR_OS:
    case ERROR_USAGE:
    case ERROR_EXHAUSTED:
        refuse(look, SNAPSHOT_PROCESS_NOT_READ, "not readable");
        break;
    }
    examine_refused(look);
}

static void describe_snapshot(struct look *look, const struct snapshot *snapshot) {
    (void)read_status(look); /* the state of now */
    look->loops = (int64_t)snapshot->event_loops.count;
    look->tasks = (int64_t)snapshot->tasks.count;
    look->complete = snapshot->missing.count == 0;
    look->state = snapshot_process_find_state(snapshot, look->os_state);
    look->why[0] = '\0';
    snprintf(look->version, sizeof look->version, "%.31s", snapshot->target.python_version);
}

static struct error *read_process(struct look *look, struct snapshot *snapshot) {
    struct capture_options options = {.nonblocking = true};
    struct capture *capture = NULL;
    struct error *err = capture_open(look->pid, &options, &capture);
    if (err)
        return err;
    err = capture_take(capture, snapshot);
    capture_close(capture);
    return err;
}

/* Errors that a second try may not meet. */
static bool is_passing(const struct error *err) {
    return err && error_get_kind(err) != ERROR_PERMISSION &&
           error_get_kind(err) != ERROR_UNSUPPORTED;
}

void look_read(struct look *look) {
    struct snapshot *snapshot = snapshot_create();
    struct error *err = read_process(look, snapshot);
    for (int i = 1; i < READ_TRIES && is_passing(err); i++) {
        error_destroy(err);
        err = read_process(look, snapshot);
    }
    if (err)
        describe_error(look, err);
    else
        describe_snapshot(look, snapshot);
    error_destroy(err);
    snapshot_destroy(snapshot);
}
