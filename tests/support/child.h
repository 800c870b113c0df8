/*
 * Children of a test that stand still, count or start threads, for tests that stop them.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "asyncspy/target/process.h"
#include "asyncspy/target/stop.h"

/* What the last child tells through shared memory. */
struct child_shared {
    volatile unsigned long ticks, signals, step;
};
extern struct child_shared *child_shared;

/* A child that runs `body`; it ends with the test. SIGUSR1 is counted in `signals`. */
pid_t child_start(void (*body)(void));
void child_finish(pid_t pid);

/* Its state as /proc shows it, 0 when it is gone. */
char child_read_state(pid_t pid);

/* Whether its ticks go on. */
bool child_is_running(void);

struct target_process *child_open(pid_t pid);
struct target_stop *child_stop(struct target_process *process);

/* Waits until the child has counted `count` signals, 3 s at most; fails when it has not. */
void child_wait_for_signals(unsigned long count);

/* Bodies of children and threads. */
void child_count_forever(void);
void child_run_many_threads(void); /* 20 that pause, one that counts */
void *child_count_in_thread(void *unused);
void *child_pause_forever(void *unused);

/* A handler that counts. */
void child_on_signal(int number);
