/*
 * The snapshot: what one look at a target found, as plain data. It is the waist of the program:
 * everything to its left fills it, everything to its right only reads it. Nothing here knows how
 * it was read or how it will be shown.
 *
 * All of a snapshot lives in one arena and dies at once. Strings are UTF-8 without NUL; NUL and
 * lone surrogates of the target's strings stand as the six characters \u0000, \udc80. They may
 * hold control characters: whoever shows them escapes them. A pointer is NULL and a number is
 * SNAPSHOT_UNKNOWN (times: NaN) where nothing is known. The meaning of each member is that of the
 * key of the same name in the JSON form (include/asyncspy/snapshot.schema.json).
 */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/string_pool.h"

#define SNAPSHOT_SCHEMA "asyncspy.snapshot/1"
#define SNAPSHOT_UNKNOWN INT64_MIN

/* A yes/no that may be unknown. */
enum snapshot_tristate { SNAPSHOT_NO = 0, SNAPSHOT_YES = 1, SNAPSHOT_MAYBE = -1 };

/* The address of a Python object in the target, as id() gives it; 0: none. */
typedef uint64_t snapshot_id;

struct snapshot_frame {
    bool native;
    const char *function;       /* co_name or symbol */
    const char *qualified_name; /* co_qualname or NULL */
    const char *file;
    int32_t line, end_line, column, end_column; /* -1: unknown; columns count from 0 */
    uint64_t address;                           /* native only, else 0 */
    const char *source;                         /* the line's text or NULL */
};

/* Frames, innermost first. Equal frames of a snapshot are the same pointer. */
struct snapshot_stack {
    size_t count;
    const struct snapshot_frame **frames;
};

enum snapshot_task_state {
    SNAPSHOT_TASK_RUNNING,
    SNAPSHOT_TASK_READY,
    SNAPSHOT_TASK_NOT_STARTED,
    SNAPSHOT_TASK_WAITING,
    SNAPSHOT_TASK_DONE,
    SNAPSHOT_TASK_CANCELLED,
    SNAPSHOT_TASK_STATE_COUNT
};

/* What a task waits for. Only the kinds that are told so far; the schema has the whole list. */
enum snapshot_wait_kind {
    SNAPSHOT_WAIT_TASK,
    SNAPSHOT_WAIT_FUTURE,  /* a future of unknown owner */
    SNAPSHOT_WAIT_UNKNOWN, /* something that is no future */
    SNAPSHOT_WAIT_KIND_COUNT
};

struct snapshot_wait {
    enum snapshot_wait_kind kind;
    snapshot_id id;     /* the object the task is parked on (_fut_waiter) */
    const char *text;   /* one line for people */
    snapshot_id *tasks; /* awaited tasks */
    size_t task_count;
};

struct snapshot_exception {
    const char *type;
    const char *text; /* or NULL */
};

struct snapshot_task {
    snapshot_id id;
    const char *name; /* as get_name() would give it */
    const char *type; /* "_asyncio.Task", "mypkg.MyTask" */
    int64_t interpreter;
    snapshot_id event_loop;
    enum snapshot_task_state state;
    const char *coroutine; /* qualified name of the root coroutine */
    struct snapshot_stack frames;
    struct snapshot_wait *awaiting; /* or NULL */
    snapshot_id *awaited_by;
    size_t awaited_by_count;
    struct snapshot_stack created_at;
    bool has_created_at;
    int64_t tid; /* the thread that runs it now, for a running task; not in the JSON of a task */
    int64_t cancel_requests; /* or SNAPSHOT_UNKNOWN */
    enum snapshot_tristate must_cancel;
    struct snapshot_exception *exception; /* or NULL */
    const char **notes;
    size_t note_count;
};

enum snapshot_loop_state {
    SNAPSHOT_LOOP_IDLE,
    SNAPSHOT_LOOP_RUNNING,
    SNAPSHOT_LOOP_BLOCKED,
    SNAPSHOT_LOOP_STOPPED,
    SNAPSHOT_LOOP_CLOSED,
    SNAPSHOT_LOOP_STATE_UNKNOWN
};

struct snapshot_loop {
    snapshot_id id;
    const char *type;
    int64_t tid; /* thread it runs in, or SNAPSHOT_UNKNOWN */
    enum snapshot_loop_state state;
    enum snapshot_tristate debug;
};

struct snapshot_thread {
    int64_t tid;      /* kernel thread id in asyncspy's pid namespace, or SNAPSHOT_UNKNOWN */
    uint64_t ident;   /* threading.get_ident() */
    const char *name; /* threading's name or NULL */
    const char *kernel_name;
    int64_t interpreter;
    enum snapshot_tristate holds_gil;
    const char *os_state;     /* "R", "S", "D", "T", ... or NULL */
    const char *syscall;      /* "epoll_wait", "232" where the name is unknown, or NULL */
    const char *wait_channel; /* or NULL */
    double cpu_s;             /* or NaN */
    snapshot_id event_loop;   /* the loop that runs in this thread */
    snapshot_id current_task;
    struct snapshot_stack frames;
};

struct snapshot_interpreter {
    int64_t id;
    int64_t gil_holder; /* tid or SNAPSHOT_UNKNOWN */
    enum snapshot_tristate gc_collecting;
};

/* Something that should be in the snapshot and could not be read. */
struct snapshot_missing {
    const char *what;
    const char *why;
};

struct snapshot_target {
    const char *kind; /* "process" or "core" */
    int64_t pid;
    const char *core;
    const char *executable;
    const char **command_line;
    size_t command_line_count;
    const char *architecture;
    const char *python_version; /* "3.11.7" */
    enum snapshot_tristate debug_build, free_threaded;
    const char *started_at; /* RFC 3339 UTC or NULL */
};

struct snapshot_capture {
    const char *mode; /* "running", "paused", "nonblocking", "core" */
    double pause_s, duration_s;
    int64_t reads, bytes_read;
    double second_look_s; /* NaN: none */
};

/* A vector of one kind of record: `items` has `count` elements and room for `capacity`. */
#define SNAPSHOT_VECTOR(type)                                                                      \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

/* Identical stacks folded; filled by the analysis layer. */
struct snapshot_group {
    enum snapshot_task_state state;
    const char *awaiting; /* as text, or NULL */
    struct snapshot_stack frames;
    size_t *tasks; /* indexes into the snapshot's tasks */
    size_t task_count;
};

struct snapshot {
    struct arena *arena;
    struct string_pool *strings;
    const char *asyncspy;    /* version of the tool */
    const char *captured_at; /* RFC 3339 UTC */
    struct snapshot_target target;
    struct snapshot_capture capture;
    SNAPSHOT_VECTOR(struct snapshot_missing) missing;
    SNAPSHOT_VECTOR(struct snapshot_interpreter) interpreters;
    SNAPSHOT_VECTOR(struct snapshot_loop) event_loops;
    SNAPSHOT_VECTOR(struct snapshot_thread) threads;
    SNAPSHOT_VECTOR(struct snapshot_task) tasks;
    SNAPSHOT_VECTOR(struct snapshot_group) groups;
};

/* An empty snapshot with its own arena; everything unknown. */
struct snapshot *snapshot_create(void);
void snapshot_destroy(struct snapshot *snapshot); /* NULL-safe */

/* Forgets everything but keeps the memory for reuse. */
void snapshot_reset(struct snapshot *snapshot);

/* Makes room for one more element in a SNAPSHOT_VECTOR and gives its zeroed place; used through
 * the macro. The place is valid until the next append. */
void *snapshot_vector_grow(struct arena *arena, void *items, size_t *count, size_t *capacity,
                           size_t size);
#define SNAPSHOT_APPEND(snapshot_, vector_)                                                        \
    ((vector_)->items =                                                                            \
         snapshot_vector_grow((snapshot_)->arena, (vector_)->items, &(vector_)->count,             \
                              &(vector_)->capacity, sizeof *(vector_)->items),                     \
     &(vector_)->items[(vector_)->count - 1])

/* Adds a row to `missing`; equal rows are kept once. `what` and `why` are copied. Behind 1,000 rows
 * only one follows that says so, and those that must not be lost: _always. */
void snapshot_add_missing(struct snapshot *snapshot, const char *what, const char *why);
void snapshot_add_missing_always(struct snapshot *snapshot, const char *what, const char *why);

/* Adds a note to a task; equal notes are kept once. `note` is copied. */
void snapshot_add_note(struct snapshot *snapshot, struct snapshot_task *task, const char *note);

/* The words of the JSON form ("not_started", "idle", "task", ...); never NULL. */
const char *snapshot_task_state_name(enum snapshot_task_state state);
const char *snapshot_loop_state_name(enum snapshot_loop_state state); /* NULL: unknown */
const char *snapshot_wait_kind_name(enum snapshot_wait_kind kind);
