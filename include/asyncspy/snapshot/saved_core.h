/*
 * What a core that asyncspy saved says besides memory: a text in JSON (`asyncspy.core/1`) that
 * stands in a note of it. It has what the kernel told, what Python is and where, and all of a
 * picture that was concluded from memory which is not saved: who refers to a future, coroutines
 * that nobody awaits, what moved between two looks. With the memory it makes the same picture
 * again.
 *
 * The text may come from anywhere: what is read of it is as bounded and as doubtful as what is read
 * from memory.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/snapshot.h"

#define SAVED_CORE_SCHEMA "asyncspy.core/1"

/* Where Python is in the process; addresses, 0: none. */
struct saved_python {
    int64_t hexversion;
    bool debug_build, free_threaded;
    bool lacks_files;   /* it was read without some of its files */
    const char *module; /* the file that holds the runtime, and its build id */
    const char *build_id;
    snapshot_id runtime, current_thread, gc_generations;
    snapshot_id asyncio_data, asyncio_debug;
    int64_t runtime_size, asyncio_data_size, asyncio_debug_size;
};

#define SAVED_ARGUMENTS 6

/* What the kernel told of a thread before the picture was taken. */
struct saved_thread {
    int64_t tid, namespace_tid;
    const char *name, *state, *wait_channel; /* or NULL */
    bool on_cpu;
    int64_t syscall; /* SNAPSHOT_UNKNOWN: none */
    snapshot_id arguments[SAVED_ARGUMENTS];
    double cpu_s;
};

/* Tasks and loops of an interpreter that only a search among all objects found. */
struct saved_search {
    snapshot_id interpreter;
    snapshot_id *tasks, *loops;
    size_t task_count, loop_count;
};

struct saved_core {
    double monotonic; /* the clock of the process at the moment of the picture, or NaN */
    struct saved_python python;
    struct saved_thread *threads;
    size_t thread_count;
    bool is_searched; /* among all objects */
    struct saved_search *searches;
    size_t search_count;
    size_t walked_tasks; /* so many tasks of the snapshot are in the memory; for writing only */
};

/* Writes the text to `out`: `saved`, and of `snapshot` what memory does not tell. ERROR_OS. */
struct error *saved_core_write(const struct saved_core *saved, const struct snapshot *snapshot,
                               FILE *out) ERROR_CHECK;

/* Reads what is needed before the memory can be read. What *ret has lives in the arena of `owner`.
 * ERROR_INVALID, with the place. */
struct error *saved_core_read(const char *text, size_t length, struct snapshot *owner,
                              struct saved_core *ret) ERROR_CHECK;

/* Adds to `snapshot`, which was read from the memory, all else that the text tells. What is not in
 * the text stays unknown. ERROR_INVALID. */
struct error *saved_core_complete(const char *text, size_t length,
                                  struct snapshot *snapshot) ERROR_CHECK;
