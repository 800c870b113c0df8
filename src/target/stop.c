/* Stopping all threads: ptrace(2), PTRACE_SEIZE. */
#include "asyncspy/target/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/log.h"
#include "asyncspy/target/access.h"
#include "process_private.h"

#define DEADLINE_S 0.1 /* for threads that do not stop: they are in uninterruptible sleep */
#define RESCANS_MAX 100

struct stopped_thread {
    pid_t tid;
    int signal; /* to be delivered when it goes on, 0 none */
    bool stopped;
};

struct target_stop {
    struct target_process *process;
    struct stopped_thread *threads;
    size_t count, capacity;
    int unstopped;
};

static bool is_seized(const struct target_stop *stop, pid_t tid) {
    for (size_t i = 0; i < stop->count; i++)
        if (stop->threads[i].tid == tid)
            return true;
    return false;
}

static void remember(struct target_stop *stop, pid_t tid) {
    if (stop->count == stop->capacity) {
        stop->capacity = stop->capacity ? 2 * stop->capacity : 64;
        stop->threads = memory_realloc(stop->threads, stop->capacity * sizeof *stop->threads);
    }
    stop->threads[stop->count++] = (struct stopped_thread){.tid = tid};
}

/* Seizes and interrupts one thread; one that has just ended is no error. */
static struct error *seize(struct target_stop *stop, pid_t tid) {
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        if (errno == ESRCH)
            return NULL;
        return access_explain(process_get_pid(stop->process), errno, true);
    }
    remember(stop, tid);
    (void)ptrace(PTRACE_INTERRUPT, tid, NULL, NULL); /* ESRCH: it ended; the wait will tell */
    return NULL;
}

/* Seizes the threads that are not seized yet; *found says whether there were any. */
static struct error *seize_new(struct target_stop *stop, bool *found) {
    pid_t *tids;
    size_t count, known = stop->count;
    struct error *err = process_list_tids(stop->process, &tids, &count);
    if (err)
        return err;
    for (size_t i = 0; !err && i < count; i++)
        if (known == 0 || !is_seized(stop, tids[i]))
            err = seize(stop, tids[i]);
    free(tids);
    *found = stop->count > known;
    return err;
}

/* A stop by PTRACE_INTERRUPT or a group stop carries an event; any other is a signal that is on
 * its way to the thread and has to be delivered later. */
static void note_stop(struct stopped_thread *thread, int status) {
    thread->stopped = true;
    if (WIFSTOPPED(status) && status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP)
        thread->signal = WSTOPSIG(status);
}

/* One look at each thread that has not stopped; how many are left. */
static size_t collect(struct target_stop *stop) {
    size_t left = 0;
    for (size_t i = 0; i < stop->count; i++) {
        struct stopped_thread *thread = &stop->threads[i];
        int status;
        if (thread->stopped)
            continue;
        pid_t got = waitpid(thread->tid, &status, __WALL | WNOHANG);
        if (got == thread->tid && WIFSTOPPED(status))
            note_stop(thread, status);
        else if (got != 0) /* it ended */
            *thread = stop->threads[--stop->count], i--;
        else
            left++;
    }
    return left;
}

static void wait_for_stops(struct target_stop *stop) {
    double deadline = clock_monotonic() + DEADLINE_S;
    const struct timespec pause = {0, 50000};
    size_t left;
    while ((left = collect(stop)) && clock_monotonic() < deadline)
        nanosleep(&pause, NULL);
    stop->unstopped = (int)left;
}

struct error *stop_begin(struct target_process *process, struct target_stop **ret) {
    struct target_stop *stop = memory_alloc(sizeof *stop);
    bool found = true;
    struct error *err = NULL;
    memset(stop, 0, sizeof *stop);
    stop->process = process;
    for (int i = 0; !err && found && i < RESCANS_MAX; i++) {
        err = seize_new(stop, &found);
        if (!err && found)
            wait_for_stops(stop);
    }
    if (!err && stop->count == 0)
        err = error_create(ERROR_GONE, "process %d ended while it was read",
                           (int)process_get_pid(process));
    if (err) {
        stop_end(stop);
        return err;
    }
    if (stop->unstopped)
        log_debug(LOG_TARGET, "%d threads did not stop in time", stop->unstopped);
    *ret = stop;
    return NULL;
}

/* A thread can be detached only while it is stopped. One that still is not sleeps where nothing
 * wakes it, and it is not waited for: the kernel lets it go when asyncspy ends, at the latest. */
static void detach(struct stopped_thread *thread) {
    int status;
    if (!thread->stopped && waitpid(thread->tid, &status, __WALL | WNOHANG) == thread->tid &&
        WIFSTOPPED(status))
        note_stop(thread, status);
    (void)ptrace(PTRACE_DETACH, thread->tid, NULL, (void *)(uintptr_t)thread->signal);
}

void stop_end(struct target_stop *stop) {
    if (!stop)
        return;
    for (size_t i = 0; i < stop->count; i++)
        if (stop->threads[i].stopped)
            detach(&stop->threads[i]);
    for (size_t i = 0; i < stop->count; i++)
        if (!stop->threads[i].stopped)
            detach(&stop->threads[i]);
    free(stop->threads);
    free(stop);
}

int stop_get_unstopped(const struct target_stop *stop) {
    return stop->unstopped;
}
