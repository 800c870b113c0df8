/*
 * Processes as plain data: the Python ones of a machine, or one process with all its descendants.
 * Which there are, what their event loops do at the moment, and why some of them were not read; of
 * a tree also the pictures that were taken. Strings as in snapshot.h.
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
    SNAPSHOT_PROCESS_NOT_PYTHON, /* this and the next one in a tree only */
    SNAPSHOT_PROCESS_ENDED,      /* before it was read */
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
    const char *why;           /* why it was not read, mostly in two or three words, or NULL */
    const char *container;     /* short id or name; "pidns-N", "mntns-N", "chroot"; or NULL */
    const char **command_line; /* cut after 4 KiB */
    size_t command_line_count;
    int64_t parent;            /* its pid; SNAPSHOT_UNKNOWN: the first of a tree, or no tree */
    struct snapshot *snapshot; /* the picture of it, or NULL; dies with the list */
};

struct snapshot_processes {
    struct arena *arena;
    const char *captured_at; /* RFC 3339 UTC */
    int64_t user_id;         /* the effective user who asks */
    bool complete;           /* of a tree: no descendant is known to be missing */
    SNAPSHOT_VECTOR(struct snapshot_process) list;
};

struct snapshot_processes *snapshot_processes_create(void);
void snapshot_processes_destroy(struct snapshot_processes *processes); /* NULL-safe */

/* Those with asyncio first, then other Pythons, then those that were not read; each by pid. */
void snapshot_processes_sort(struct snapshot_processes *processes);

/* Of a tree: each behind its parent, and behind what stands below its elder siblings. */
void snapshot_processes_sort_as_tree(struct snapshot_processes *processes);

/* The parent of each process, in `arena`: both are numbers in the list from 1 on, 0: it is not in
 * it. Only what stands before a process can be its parent: there is no cycle. */
size_t *snapshot_processes_find_parents(const struct snapshot_processes *processes,
                                        struct arena *arena);

/* Whether it was read, so that its state says what it does. */
bool snapshot_process_is_read(const struct snapshot_process *process);

/* What the loops of a snapshot do; `os_state` is the kernel's letter for the process, 0 unknown. */
enum snapshot_process_state snapshot_process_find_state(const struct snapshot *snapshot,
                                                        char os_state);

/* "in_call", as the JSON says it. */
const char *snapshot_process_state_name(enum snapshot_process_state state);

/* Writes them as one JSON object (`asyncspy.processes/1`, include/asyncspy/processes.schema.json)
 * and a newline. ERROR_OS when writing fails. */
struct error *snapshot_processes_json_write(const struct snapshot_processes *processes,
                                            FILE *out) ERROR_CHECK;

/* Writes a tree with all its snapshots as one JSON object (`asyncspy.snapshots/1`,
 * include/asyncspy/snapshots.schema.json) and a newline. ERROR_OS when writing fails. */
#define SNAPSHOT_TREE_SCHEMA "asyncspy.snapshots/1"
struct error *snapshot_tree_json_write(const struct snapshot_processes *tree,
                                       FILE *out) ERROR_CHECK;

/* Reads JSON text of either schema, as snapshot_json_read does: of asyncspy.snapshot/1 into the
 * empty `snapshot`, of asyncspy.snapshots/1 into the empty `tree`. An unknown state is an error. */
struct error *snapshot_tree_json_read(struct snapshot *snapshot, struct snapshot_processes *tree,
                                      const char *text, size_t length,
                                      bool *ret_is_tree) ERROR_CHECK;
