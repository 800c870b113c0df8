/*
 * Stopping all threads of a process and letting them go, and the proof that a process did not
 * run while it was read. Hides ptrace and the counters of /proc.
 *
 * Whatever ends asyncspy, the target runs on: PTRACE_SEIZE without EXITKILL, so the kernel
 * detaches. A process in state T stays in state T. A signal that arrives in between is delivered
 * when the threads are let go.
 *
 * Nor does what stops asyncspy itself: SIGTSTP (Ctrl-Z), SIGTTIN and SIGTTOU wait until stop_end.
 * SIGSTOP cannot be put off: the target may then stand still until asyncspy is continued or ends.
 */
#pragma once

#include <stdbool.h>

#include "asyncspy/base/error.h"
#include "asyncspy/target/process.h"

struct target_stop;

/* Stops every thread: all are seized and interrupted first, then collected; threads born
 * meanwhile are found by a rescan. Threads that do not stop in time (uninterruptible sleep:
 * they do not run Python code either) are counted, not waited for. On an error nothing is left
 * stopped. ERROR_PERMISSION with the reason, ERROR_GONE when the process ended. The thread that
 * calls it is the one to call stop_end; any other of ours must block the signals named above. */
struct error *stop_begin(struct target_process *process, struct target_stop **ret) ERROR_CHECK;

/* Lets all threads go and frees `stop`; NULL-safe. Returns for how many seconds threads stood
 * still. Until the first did is the time that the kernel took; on a busy machine that is mostly
 * because it was not on a CPU anyway. */
double stop_end(struct target_stop *stop);

/* Threads that were not seen to stop. */
int stop_get_unstopped(const struct target_stop *stop);

struct target_quiet;

/* Starts watching whether any thread runs: keeps the threads' syscall and schedstat files open.
 * *ret_quiet is false when a thread runs right now or the kernel does not tell (then there is
 * nothing to prove, and *ret is still valid to close). */
struct error *quiet_begin(struct target_process *process, struct target_quiet **ret,
                          bool *ret_quiet) ERROR_CHECK;

/* True only if the kernel proves that no thread ran since quiet_begin: the thread list is the
 * same, none runs now, every schedstat is unchanged. May be called again. */
bool quiet_check(struct target_quiet *quiet);

void quiet_end(struct target_quiet *quiet); /* NULL-safe */

/* How often the threads of a process have run so far, as the scheduler counts. */
struct target_runs;

struct error *runs_begin(struct target_process *process, struct target_runs **ret) ERROR_CHECK;

/* Compares with now; to be asked some ticks of the timer (10 ms each at most) after runs_begin,
 * since a thread that keeps running is counted at ticks only. */
void runs_update(struct target_runs *runs);

/* Whether the thread ran between runs_begin and runs_update: 1 it did, 0 not, -1 not known. */
int runs_get(const struct target_runs *runs, pid_t tid);

/* Whether no thread ran, none was born and none ended: nothing in the process has changed. */
bool runs_are_none(const struct target_runs *runs);

void runs_end(struct target_runs *runs); /* NULL-safe */
