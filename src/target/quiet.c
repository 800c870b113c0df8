/*
 * The proof that a process did not run. Unchanged counters alone prove nothing: those of a thread
 * that spins move at the timer's tick only. State on both sides and counters together do.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/target/stop.h"
#include "process_private.h"

#define COUNTERS_ROOM 96 /* "run time, wait time, switch-ins": three 64-bit numbers */

struct watched_thread {
    pid_t tid;
    int syscall, schedstat; /* open files */
    char counters[COUNTERS_ROOM];
};

struct target_quiet {
    struct target_process *process;
    struct watched_thread *threads;
    size_t count;
};

static bool read_at_start(int file, char *text, size_t room) {
    ssize_t got = pread(file, text, room - 1, 0);
    text[got < 0 ? 0 : got] = '\0';
    return got > 0;
}

/* Whether the thread is in the kernel, asleep or stopped. */
static bool is_off_cpu(const struct watched_thread *thread) {
    char text[256];
    return read_at_start(thread->syscall, text, sizeof text) && strncmp(text, "running", 7) != 0;
}

/* Run time and number of switch-ins; false where the kernel does not count ("0 0 0"). */
static bool read_counters(const struct watched_thread *thread, char *text) {
    return read_at_start(thread->schedstat, text, COUNTERS_ROOM) && strncmp(text, "0 0 0", 5) != 0;
}

static int open_file(const struct target_process *process, pid_t tid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "task/%d/%s", (int)tid, name);
    return openat(process->folder, path, O_RDONLY | O_CLOEXEC);
}

static bool watch(const struct target_process *process, pid_t tid, struct watched_thread *ret) {
    ret->tid = tid;
    ret->syscall = open_file(process, tid, "syscall");
    ret->schedstat = open_file(process, tid, "schedstat");
    return ret->syscall >= 0 && ret->schedstat >= 0 && is_off_cpu(ret) &&
           read_counters(ret, ret->counters);
}

struct error *quiet_begin(struct target_process *process, struct target_quiet **ret,
                          bool *ret_quiet) {
    pid_t *tids;
    size_t count;
    struct error *err = process_list_tids(process, &tids, &count);
    if (err)
        return err;
    struct target_quiet *quiet = memory_alloc(sizeof *quiet);
    quiet->process = process;
    quiet->threads = memory_alloc((count + 1) * sizeof *quiet->threads);
    quiet->count = 0;
    *ret_quiet = count > 0 || !process_is_live(process);
    while (*ret_quiet && quiet->count < count) {
        *ret_quiet = watch(process, tids[quiet->count], &quiet->threads[quiet->count]);
        quiet->count++;
    }
    free(tids);
    *ret = quiet;
    return NULL;
}

static bool has_same_threads(const struct target_quiet *quiet) {
    pid_t *tids;
    size_t count;
    struct error *err = process_list_tids(quiet->process, &tids, &count);
    if (err) {
        error_destroy(err);
        return false;
    }
    bool same = count == quiet->count;
    for (size_t i = 0; same && i < count; i++)
        same = tids[i] == quiet->threads[i].tid;
    free(tids);
    return same;
}

bool quiet_check(struct target_quiet *quiet) {
    char counters[COUNTERS_ROOM];
    for (size_t i = 0; i < quiet->count; i++)
        if (!is_off_cpu(&quiet->threads[i]))
            return false;
    if (!has_same_threads(quiet))
        return false;
    for (size_t i = 0; i < quiet->count; i++)
        if (!read_counters(&quiet->threads[i], counters) ||
            strcmp(counters, quiet->threads[i].counters) != 0)
            return false;
    return true;
}

void quiet_end(struct target_quiet *quiet) {
    if (!quiet)
        return;
    for (size_t i = 0; i < quiet->count; i++) {
        if (quiet->threads[i].syscall >= 0)
            close(quiet->threads[i].syscall);
        if (quiet->threads[i].schedstat >= 0)
            close(quiet->threads[i].schedstat);
    }
    free(quiet->threads);
    free(quiet);
}
