/*
 * Stopping all threads: ptrace(2), PTRACE_SEIZE.
 *
 * The tracer is a thread of its own that lives as long as the stop. When it ends the kernel lets
 * go of everything that it traced, also of threads that could not be stopped and so not be
 * detached: those in uninterruptible sleep.
 */
#include "asyncspy/target/stop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/log.h"
#include "asyncspy/target/access.h"
#include "process_private.h"

/* For threads in uninterruptible sleep: an interrupted one stops before it runs code of its own. */
#define SLEEPERS_DEADLINE_S 0.005
#define SPIN_S 0.0001
#define LONGEST_WAIT_S 10
#define ROUNDS_TO_INTERRUPT 100
#define RESCANS_MAX 100
#define SEIZE_TRIES 3
#define STUCK_NS 20000000 /* the tracer may be stuck after that */

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
    pthread_t tracer;
    sem_t stopped, release; /* all stand still; let them go */
    sigset_t mask;          /* of the caller, before */
    double began, ended;    /* clock_monotonic(): the first was seen to stand still, all go on */
    struct error *err;      /* of the stop */
};

static int compare_tids(const void *a, const void *b) {
    const pid_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The ids of the threads that are seized, sorted; there may be thousands. */
static pid_t *list_seized(const struct target_stop *stop) {
    pid_t *tids = memory_alloc(stop->count * sizeof *tids);
    for (size_t i = 0; i < stop->count; i++)
        tids[i] = stop->threads[i].tid;
    qsort(tids, stop->count, sizeof *tids, compare_tids);
    return tids;
}

static void remember(struct target_stop *stop, pid_t tid) {
    if (stop->count == stop->capacity) {
        stop->capacity = stop->capacity ? 2 * stop->capacity : 64;
        stop->threads = memory_realloc(stop->threads, stop->capacity * sizeof *stop->threads);
    }
    stop->threads[stop->count++] = (struct stopped_thread){.tid = tid};
}

/* The state of a thread as the kernel names it; 0 when it is gone. */
static char get_state(const struct target_stop *stop, pid_t tid) {
    char name[64], *text;
    size_t size;
    snprintf(name, sizeof name, "task/%d/stat", (int)tid);
    struct error *err = process_read_file(stop->process, name, &text, &size);
    if (err) {
        error_destroy(err);
        return 0;
    }
    const char *at = strrchr(text, ')');
    char state = '\0';
    if (at && at[1] == ' ')
        state = at[2];
    free(text);
    return state;
}

/* The kernel refuses a zombie like a process of somebody else. */
static bool has_ended(const struct target_stop *stop, pid_t tid) {
    char state = get_state(stop, tid);
    return state == 0 || state == 'Z' || state == 'X';
}

/* Seizes and interrupts one thread; one that has just ended is no error. The id of a main thread
 * that ended in exec is at once that of the one that called it: seized before, or to be now. */
static struct error *seize(struct target_stop *stop, pid_t tid) {
    for (int tries = 1; ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0; tries++) {
        int error_number = errno;
        if (error_number == ESRCH || has_ended(stop, tid))
            return NULL;
        if (access_get_tracer(tid) == gettid())
            break;
        if (tries == SEIZE_TRIES)
            return access_explain(process_get_pid(stop->process), error_number, true);
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
    pid_t *seized = list_seized(stop);
    for (size_t i = 0; !err && i < count; i++)
        if (!bsearch(&tids[i], seized, known, sizeof *seized, compare_tids))
            err = seize(stop, tids[i]);
    free(seized);
    free(tids);
    *found = stop->count > known;
    return err;
}

/* A stop by PTRACE_INTERRUPT or a group stop carries an event; any other is a signal that is on
 * its way to the thread and has to be delivered later. */
static void note_stop(struct target_stop *stop, struct stopped_thread *thread, int code) {
    if (stop->began <= 0)
        stop->began = clock_monotonic();
    thread->stopped = true;
    if (code >> 8 == 0)
        thread->signal = code;
}

/* A thread that calls exec waits until all others are reaped. Not the main thread: its status is
 * for whoever waits for the process, perhaps another part of this program. */
static void reap(const struct target_stop *stop, pid_t tid) {
    if (tid != process_get_pid(stop->process))
        (void)waitpid(tid, NULL, __WALL | WNOHANG);
}

/* One look at each thread that has not stopped; how many are left. A stop is looked at only
 * (WNOWAIT): so a signal is still delivered if asyncspy is killed. */
static size_t collect(struct target_stop *stop) {
    size_t left = 0;
    for (size_t i = 0; i < stop->count; i++) {
        struct stopped_thread *thread = &stop->threads[i];
        siginfo_t info = {.si_pid = 0};
        if (thread->stopped)
            continue;
        int failed = waitid(P_PID, (id_t)thread->tid, &info,
                            WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL);
        if (!failed && info.si_pid == 0)
            left++;
        else if (!failed && (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED))
            note_stop(stop, thread, info.si_status);
        else { /* it ended */
            reap(stop, thread->tid);
            *thread = stop->threads[--stop->count], i--;
        }
    }
    return left;
}

/* Of a main thread that ended before the others nothing is ever to be waited for. */
static bool only_uninterruptible(const struct target_stop *stop) {
    for (size_t i = 0; i < stop->count; i++) {
        pid_t tid = stop->threads[i].tid;
        if (!stop->threads[i].stopped && get_state(stop, tid) != 'D' && !has_ended(stop, tid))
            return false;
    }
    return true;
}

/* An exec in the middle of it all forgets the interrupt of the thread that lives on. If that one
 * was not seized yet it is a stranger under the main thread's id, to be seized as a new one. */
static void interrupt_again(struct target_stop *stop) {
    for (size_t i = 0; i < stop->count; i++)
        if (!stop->threads[i].stopped &&
            ptrace(PTRACE_INTERRUPT, stop->threads[i].tid, NULL, NULL) != 0 && errno == ESRCH)
            stop->threads[i] = stop->threads[--stop->count], i--;
}

/* Threads in uninterruptible sleep are given up soon. One that could run but gets no CPU is not:
 * it would run while it is taken to stand still. */
static struct error *wait_for_stops(struct target_stop *stop) {
    double start = clock_monotonic();
    const struct timespec pause = {0, 50000};
    unsigned rounds = 0;
    for (;;) {
        size_t left = collect(stop);
        double waited = clock_monotonic() - start;
        stop->unstopped = (int)left;
        if (!left || (waited > SLEEPERS_DEADLINE_S && only_uninterruptible(stop)))
            return NULL;
        if (waited > LONGEST_WAIT_S)
            return error_create(ERROR_OS,
                                "process %d did not stop within %d s: the machine is overloaded; "
                                "try again, or use --nonblocking",
                                (int)process_get_pid(stop->process), LONGEST_WAIT_S);
        if (++rounds % ROUNDS_TO_INTERRUPT == 0)
            interrupt_again(stop);
        if (waited < SPIN_S) /* most stop at once, and a sleep takes longer than that */
            sched_yield();
        else
            nanosleep(&pause, NULL);
    }
}

static struct error *stop_all(struct target_stop *stop) {
    bool found = true;
    struct error *err = NULL;
    for (int i = 0; !err && found && i < RESCANS_MAX; i++) {
        err = seize_new(stop, &found);
        if (!err && found)
            err = wait_for_stops(stop);
    }
    if (!err && stop->count == 0)
        err = error_create(ERROR_GONE, "process %d ended while it was read",
                           (int)process_get_pid(stop->process));
    if (stop->unstopped)
        log_debug(LOG_TARGET, "%d threads did not stop in time", stop->unstopped);
    return err;
}

/* What did not stop is not waited for: the end of the tracer frees it. */
static void let_go(struct target_stop *stop) {
    (void)collect(stop);
    for (size_t i = 0; i < stop->count; i++)
        if (stop->threads[i].stopped)
            (void)ptrace(PTRACE_DETACH, stop->threads[i].tid, NULL,
                         (void *)(uintptr_t)stop->threads[i].signal);
}

/* A signal may interrupt the wait. */
static void wait_for(sem_t *semaphore) {
    int failed;
    do
        failed = sem_wait(semaphore);
    while (failed);
}

static void *trace(void *context) {
    struct target_stop *stop = context;
    stop->err = stop_all(stop);
    sem_post(&stop->stopped);
    wait_for(&stop->release);
    let_go(stop);
    stop->ended = clock_monotonic();
    return NULL;
}

/* Signals are for the main thread. */
static struct error *start_tracer(struct target_stop *stop) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error_number = pthread_create(&stop->tracer, NULL, trace, stop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error_number ? error_create_os(error_number, "starting a thread") : NULL;
}

/* A stop of job control takes all of our threads, with the target in their hands: it has to wait.
 * The tracer blocks every signal. */
static void block_terminal_stops(sigset_t *before) {
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTSTP);
    sigaddset(&stops, SIGTTIN);
    sigaddset(&stops, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stops, before);
}

static struct target_stop *create(struct target_process *process) {
    struct target_stop *stop = memory_alloc(sizeof *stop);
    memset(stop, 0, sizeof *stop);
    stop->process = process;
    sem_init(&stop->stopped, 0, 0);
    sem_init(&stop->release, 0, 0);
    block_terminal_stops(&stop->mask);
    return stop;
}

/* Nothing is in our hands any more. */
static void destroy(struct target_stop *stop) {
    pthread_sigmask(SIG_SETMASK, &stop->mask, NULL);
    sem_destroy(&stop->stopped);
    sem_destroy(&stop->release);
    free(stop->threads);
    free(stop);
}

/* The kernel makes PTRACE_SEIZE wait while a thread of the process is in exec, which itself waits
 * until its others are reaped. The tracer then cannot do that; any thread of ours may. */
static void reap_all(const struct target_stop *stop) {
    pid_t *tids;
    size_t count;
    struct error *err = process_list_tids(stop->process, &tids, &count);
    if (err) {
        error_destroy(err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (has_ended(stop, tids[i]))
            reap(stop, tids[i]);
    free(tids);
}

static void wait_for_tracer(struct target_stop *stop) {
    for (;;) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += STUCK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (sem_timedwait(&stop->stopped, &until) == 0)
            return;
        if (errno == ETIMEDOUT)
            reap_all(stop);
    }
}

struct error *stop_begin(struct target_process *process, struct target_stop **ret) {
    if (!process_is_live(process))
        return error_create(ERROR_UNSUPPORTED, "a core cannot be stopped");
    struct target_stop *stop = create(process);
    struct error *err = start_tracer(stop);
    if (err) {
        destroy(stop);
        return err;
    }
    wait_for_tracer(stop);
    err = stop->err;
    if (err)
        stop_end(stop);
    else
        *ret = stop;
    return err;
}

double stop_end(struct target_stop *stop) {
    if (!stop)
        return 0;
    sem_post(&stop->release);
    pthread_join(stop->tracer, NULL);
    double pause_s = stop->began > 0 ? stop->ended - stop->began : 0;
    destroy(stop);
    return pause_s;
}

int stop_get_unstopped(const struct target_stop *stop) {
    return stop->unstopped;
}
