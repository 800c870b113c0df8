/*
 * Which Python processes this machine has, or which descendants a process has: what `asyncspy ps`
 * lists, what a command without --pid chooses from, and what --children goes through. None is
 * stopped, and none can hold up the others: they are looked at in a process of our own, which is
 * ended when it takes too long.
 */
#pragma once

#include <sys/types.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/processes.h"

#define FIND_SECONDS 5 /* for one process; then its row says "no answer" */

/* Called before each process and while it is looked at: its number, and how many there are (Pythons
 * or not). */
struct find_progress {
    void (*report)(void *context, size_t number, size_t count);
    void *context;
};

/* Fills the empty list with every Python process of /proc but this one, sorted. Those that may not
 * be read are in it as far as their names tell that they are Python. ERROR_OS: there is no /proc,
 * or no process can be started. `progress` may be NULL. */
struct error *find_processes(struct snapshot_processes *ret,
                             const struct find_progress *progress) ERROR_CHECK;

/* Fills the empty list with process `pid` and all its descendants but this one, Python or not, as a
 * tree. Errors as above; one that has ended is a row that says so. */
struct error *find_process_tree(pid_t pid, struct snapshot_processes *ret) ERROR_CHECK;
