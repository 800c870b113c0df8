/*
 * The Python processes of a machine, as plain data: which there are, what their event loops do at
 * the moment, and why some of them were not read. No judgement is in it. Strings as in snapshot.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/snapshot.h"

enum snapshot_process_state {
    SNAPSHOT_PROCESS_IDLE,           /* every loop that runs waits for events */
    SNAPSHOT_PROCESS_BUSY,           /* a loop runs code */
    SNAPSHOT_PROCESS_IN_CALL,        /* a loop runs code that sleeps in the kernel */
    SNAPSHOT_PROCESS_LOOP_STOPPED,   /* there are loops, and none runs */
    SNAPSHOT_PROCESS_NO_ASYNCIO,     /* neither loops nor tasks */
    SNAPSHOT_PROCESS_NO_INTERPRETER, /* Python is loaded, and not (or no longer) set up */
    SNAPSHOT_PROCESS_STOPPED,        /* by a signal */
    SNAPSHOT_PROCESS_TRACED,         /* by a debugger, that is, stopped by it */
    SNAPSHOT_PROCESS_UNKNOWN,        /* it was read, and what its loops do was not found out */
    SNAPSHOT_PROCESS_NOT_PERMITTED,  /* from here on: it was not read, `why` tells the reason */
    SNAPSHOT_PROCESS_NOT_SUPPORTED,
    SNAPSHOT_PROCESS_NOT_READ,
    SNAPSHOT_PROCESS_STATE_COUNT
};

struct snapshot_process {
    int64_t pid; /* in asyncspy's pid namespace */
    int64_t user_id;
    const char *user;           /* name or NULL */
    const char *name;           /* what the kernel calls it (comm) */
    const char *python_version; /* "3.11.7", or NULL */
    int64_t loops, tasks;       /* or SNAPSHOT_UNKNOWN */
    bool complete;              /* nothing of it is known to be missing */
    enum snapshot_process_state state;
    const char *why;           /* why it was not read, in two or three words, or NULL */
    const char *container;     /* short id or name; "pidns-N", "mntns-N", "chroot"; or NULL */
    const char **command_line; /* cut after 4 KiB */
    size_t command_line_count;
};

struct snapshot_processes {
    struct arena *arena;
    const char *captured_at; /* RFC 3339 UTC */
    int64_t user_id;         /* the effective user who asks */
    SNAPSHOT_VECTOR(struct snapshot_process) list;
};

struct snapshot_processes *snapshot_processes_create(void);
void snapshot_processes_destroy(struct snapshot_processes *processes); /* NULL-safe */

/* Those with asyncio first, then other Pythons, then those that were not read; each by pid. */
void snapshot_processes_sort(struct snapshot_processes *processes);

/* What the loops of a snapshot do; `os_state` is the kernel's letter for the process, 0 unknown. */
enum snapshot_process_state snapshot_process_find_state(const struct snapshot *snapshot,
                                                        char os_state);

/* "in_call", as the JSON says it. */
const char *snapshot_process_state_name(enum snapshot_process_state state);

/* Writes them as one JSON object (`asyncspy.processes/1`, include/asyncspy/processes.schema.json)
 * and a newline. ERROR_OS when writing fails. */
struct error *snapshot_processes_json_write(const struct snapshot_processes *processes,
                                            FILE *out) ERROR_CHECK;
