/*
 * Which threads ran between two moments that are many timer ticks apart: by the counters of
 * /proc/PID/task/TID/schedstat, and by whether a thread is on a CPU at either moment.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/target/stop.h"
#include "process_private.h"

#define COUNTERS_ROOM 96 /* "run time, wait time, switch-ins": three 64-bit numbers */

struct run {
    pid_t tid;
    bool on_cpu; /* at one of the two moments */
    bool is_known;
    bool has_run;
    char counters[COUNTERS_ROOM]; /* at the first one */
};

struct target_runs {
    struct target_process *process;
    struct run *items; /* by tid, as the kernel lists them */
    size_t count;
    bool same_threads;
};

static bool read_file(const struct target_process *process, pid_t tid, const char *name, char *text,
                      size_t room) {
    char path[64];
    snprintf(path, sizeof path, "task/%d/%s", (int)tid, name);
    int file = openat(process->folder, path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t got = read(file, text, room - 1);
    close(file);
    text[got < 0 ? 0 : got] = '\0';
    return got > 0;
}

/* False where the kernel does not count ("0 0 0") or does not tell. */
static bool read_run(const struct target_process *process, pid_t tid, char *counters,
                     bool *ret_on_cpu) {
    char text[256];
    if (!read_file(process, tid, "syscall", text, sizeof text))
        return false;
    *ret_on_cpu = strncmp(text, "running", 7) == 0;
    return read_file(process, tid, "schedstat", counters, COUNTERS_ROOM) &&
           strncmp(counters, "0 0 0", 5) != 0;
}

struct error *runs_begin(struct target_process *process, struct target_runs **ret) {
    pid_t *tids;
    size_t count;
    struct error *err = process_list_tids(process, &tids, &count);
    if (err)
        return err;
    struct target_runs *runs = memory_alloc(sizeof *runs);
    *runs = (struct target_runs){.process = process, .count = count};
    runs->items = memory_alloc((count + 1) * sizeof *runs->items);
    for (size_t i = 0; i < count; i++) {
        struct run *run = &runs->items[i];
        *run = (struct run){.tid = tids[i]};
        run->is_known = read_run(process, run->tid, run->counters, &run->on_cpu);
    }
    free(tids);
    *ret = runs;
    return NULL;
}

static void update(const struct target_runs *runs, struct run *run) {
    char counters[COUNTERS_ROOM];
    bool on_cpu = false;
    run->is_known = run->is_known && read_run(runs->process, run->tid, counters, &on_cpu);
    run->has_run = run->is_known && (run->on_cpu || on_cpu || strcmp(counters, run->counters) != 0);
}

static bool has_same_threads(const struct target_runs *runs) {
    pid_t *tids;
    size_t count;
    struct error *err = process_list_tids(runs->process, &tids, &count);
    if (err) {
        error_destroy(err);
        return false;
    }
    bool same = count == runs->count;
    for (size_t i = 0; same && i < count; i++)
        same = tids[i] == runs->items[i].tid;
    free(tids);
    return same;
}

void runs_update(struct target_runs *runs) {
    for (size_t i = 0; i < runs->count; i++)
        update(runs, &runs->items[i]);
    runs->same_threads = has_same_threads(runs);
}

int runs_get(const struct target_runs *runs, pid_t tid) {
    for (size_t i = 0; i < runs->count; i++)
        if (runs->items[i].tid == tid && runs->items[i].is_known)
            return runs->items[i].has_run;
    return -1;
}

bool runs_are_none(const struct target_runs *runs) {
    for (size_t i = 0; i < runs->count; i++)
        if (!runs->items[i].is_known || runs->items[i].has_run)
            return false;
    return runs->same_threads;
}

void runs_end(struct target_runs *runs) {
    if (!runs)
        return;
    free(runs->items);
    free(runs);
}
