/* The threads of a process as the kernel sees them: /proc/PID/task. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process_private.h"

/* Reads a small file of a thread. */
static void read_small(int task, pid_t tid, const char *name, char *text, size_t room) {
    char path[64];
    snprintf(path, sizeof path, "%d/%s", (int)tid, name);
    process_read_small(task, path, text, room);
}

/* "pid (comm) S ..."; utime and stime are the 14th and 15th field. */
static void parse_stat(const char *text, struct target_thread *thread) {
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close < open || !close[1])
        return;
    size_t length = (size_t)(close - open - 1);
    length = length < sizeof thread->name ? length : sizeof thread->name - 1;
    memcpy(thread->name, open + 1, length);
    thread->state = close[2];
    const char *at = close + 2;
    for (int i = 3; i < 14 && at; i++)
        at = strchr(at + 1, ' ');
    if (!at)
        return;
    char *rest;
    uint64_t ticks = strtoull(at, &rest, 10);
    ticks += strtoull(rest, NULL, 10);
    thread->cpu_s = (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

/* "running", "-1 sp pc" (in no system call) or "number arguments". */
static void parse_syscall(const char *text, struct target_thread *thread) {
    const size_t arguments = sizeof thread->arguments / sizeof *thread->arguments;
    thread->syscall = -1;
    thread->on_cpu = strncmp(text, "running", 7) == 0;
    if ((*text < '0' || *text > '9') && *text != '-')
        return;
    char *rest;
    thread->syscall = strtoll(text, &rest, 10);
    for (size_t i = 0; thread->syscall >= 0 && i < arguments; i++)
        thread->arguments[i] = strtoull(rest, &rest, 16);
    thread->stack_pointer = strtoull(rest, &rest, 16);
    thread->program_counter = strtoull(rest, &rest, 16);
}

pid_t process_parse_namespace_id(const char *status, const char *line, pid_t fallback) {
    char mark[16];
    snprintf(mark, sizeof mark, "\n%s:", line);
    const char *start = strstr(status, mark);
    const char *end = start ? strchr(start + 1, '\n') : NULL;
    if (!end)
        return fallback;
    while (end > start && end[-1] >= '0' && end[-1] <= '9')
        end--;
    return (pid_t)strtol(end, NULL, 10);
}

static void read_thread(const struct target_process *process, int task, pid_t tid,
                        struct target_thread *thread) {
    char text[4096];
    *thread = (struct target_thread){.tid = tid, .namespace_tid = tid, .syscall = -1, .cpu_s = NAN};
    read_small(task, tid, "stat", text, sizeof text);
    parse_stat(text, thread);
    read_small(task, tid, "syscall", text, sizeof text);
    parse_syscall(text, thread);
    read_small(task, tid, "wchan", thread->wait_channel, sizeof thread->wait_channel);
    if (strcmp(thread->wait_channel, "0") == 0)
        thread->wait_channel[0] = '\0';
    if (process->namespaced) {
        read_small(task, tid, "status", text, sizeof text);
        thread->namespace_tid = process_parse_namespace_id(text, "NSpid", tid);
    }
}

static int compare_tids(const void *a, const void *b) {
    const pid_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct error *live_list_tids(const struct target_process *process, pid_t **ret, size_t *ret_count) {
    size_t room = 64, count = 0;
    int task = openat(process->folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = task < 0 ? NULL : fdopendir(task);
    if (!folder) {
        if (task >= 0)
            close(task);
        return error_create(ERROR_GONE, "process %d ended while it was read", (int)process->pid);
    }
    pid_t *tids = memory_alloc(room * sizeof *tids);
    for (struct dirent *entry; (entry = readdir(folder));) {
        long tid = strtol(entry->d_name, NULL, 10);
        if (tid <= 0)
            continue;
        if (count == room)
            tids = memory_realloc(tids, (room *= 2) * sizeof *tids);
        tids[count++] = (pid_t)tid;
    }
    closedir(folder);
    qsort(tids, count, sizeof *tids, compare_tids);
    *ret = tids;
    *ret_count = count;
    return NULL;
}

struct error *live_list_threads(struct target_process *process, struct arena *arena,
                                struct target_thread **ret, size_t *ret_count) {
    pid_t *tids;
    struct error *err = live_list_tids(process, &tids, ret_count);
    if (err)
        return err;
    int task = openat(process->folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *ret = arena_alloc_array(arena, *ret_count, sizeof **ret);
    for (size_t i = 0; i < *ret_count; i++)
        read_thread(process, task, tids[i], &(*ret)[i]);
    if (task >= 0)
        close(task);
    free(tids);
    return NULL;
}

/* Run time in nanoseconds comes first; it counts ticks of one that runs, as utime does. */
static void parse_schedstat(const char *text, struct target_thread *thread) {
    char *end;
    uint64_t nanoseconds = strtoull(text, &end, 10);
    if (end != text && nanoseconds)
        thread->cpu_s = (double)nanoseconds / 1e9;
}

void process_refresh_threads(const struct target_process *process, struct target_thread *threads,
                             size_t count, bool is_stopped) {
    char text[256];
    int task = openat(process->folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; task >= 0 && i < count; i++) {
        read_small(task, threads[i].tid, "syscall", text, sizeof text);
        parse_syscall(text, &threads[i]);
        threads[i].on_cpu |= is_stopped && threads[i].syscall < 0;
        read_small(task, threads[i].tid, "schedstat", text, sizeof text);
        parse_schedstat(text, &threads[i]);
    }
    if (task >= 0)
        close(task);
}
