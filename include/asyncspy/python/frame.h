/*
 * Interpreters, threads, frames and generators (coroutines and async generators included).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/python/object.h"

/* --- interpreters and threads (pycore_interp.h, pystate.h) --- */

#define PY_INTERPRETERS_MAX 4096
#define PY_THREADS_MAX 65536

struct py_interpreter {
    uint64_t address;
    int64_t id;
    uint64_t modules;    /* the sys.modules dict, 0 while it is being set up */
    uint64_t gil_holder; /* thread state that holds the GIL, 0 none */
    bool gil_known;
    uint64_t gil, gil_size; /* where the structure of the GIL lies: threads that wait for the GIL
                             * sleep in futex(2) on an address inside; 0 not known */
    int gc_collecting;      /* 1, 0, -1 unknown */
};

struct py_thread {
    uint64_t address;
    uint64_t interpreter;          /* its interpreter's address */
    uint64_t ident;                /* pthread_self() */
    int64_t native_thread_id;      /* gettid() in the target's pid namespace, 0 not bound yet */
    uint64_t top_frame;            /* 0: none */
    uint64_t dict;                 /* the thread state's dict, 0 none */
    uint64_t asyncio_running_loop; /* the field of that name (3.13+), 0 none */
    uint64_t asyncio_running_task; /* the field of that name (3.14+), 0 none */
    uint64_t asyncio_tasks_head;   /* address of its list of tasks, 0 the version has none */
};

/* Interpreters, in arena order of creation (newest first). The array lives in the snapshot's
 * arena. A torn link ends the list with a row in `missing`. */
struct error *py_interpreters_read(struct py *py, struct py_interpreter **ret,
                                   size_t *ret_count) ERROR_CHECK;

/* Threads of one interpreter; lives in the snapshot's arena. */
struct error *py_threads_read(struct py *py, const struct py_interpreter *interpreter,
                              struct py_thread **ret, size_t *ret_count) ERROR_CHECK;

/* --- frames (pycore_frame.h) --- */

/* Longest chain of frames or awaits that is followed. */
#define PY_CHAIN_MAX 200000

/* A frame of a thread's stack. */
struct py_frame {
    uint64_t address;
    const struct snapshot_frame *decoded;
};

/* The frames of a thread, innermost first, without those that Python does not show. The array
 * lives in the snapshot's arena. *ret_why is NULL, or why the stack ends before its bottom. */
struct error *py_frames_read(struct py *py, uint64_t top_frame, struct py_frame **ret,
                             size_t *ret_count, const char **ret_why) ERROR_CHECK;

/* --- generators, coroutines, async generators (genobject.h) --- */

enum py_generator_state {
    PY_GENERATOR_CREATED,
    PY_GENERATOR_SUSPENDED,
    PY_GENERATOR_EXECUTING,
    PY_GENERATOR_FINISHED,
};

/* What a suspended coroutine awaits for: the expression of an `await` (or what `async for` or
 * `yield from` goes on with), or what `async with` gets from __aenter__() or __aexit__(). */
enum py_await_use {
    PY_AWAIT_UNKNOWN,
    PY_AWAIT_EXPRESSION,
    PY_AWAIT_ENTER,
    PY_AWAIT_EXIT,
};

struct py_generator {
    uint64_t address;
    uint64_t frame; /* address of its embedded frame */
    enum py_generator_state state;
    uint64_t awaited;      /* the object it awaits, 0 none; also of one that executes while it
                            * passes an exception on to that (up to 3.9), and has no frame then */
    enum py_await_use use; /* of `awaited` */
    size_t stack_slots;    /* of its value stack that are used besides the one of `awaited` */
    uint64_t name_address; /* its qualified name, a str object */
    const struct snapshot_frame *decoded; /* NULL when finished */
};

/* Reads a coroutine, generator or async generator. */
struct error *py_generator_read(struct py *py, uint64_t address,
                                struct py_generator *ret) ERROR_CHECK;

/* Its state alone: with few reads. */
struct error *py_generator_read_state(struct py *py, uint64_t address,
                                      enum py_generator_state *ret) ERROR_CHECK;

/* Where a coroutine was made: a tuple of tuples (file, line, function), innermost first; 0 where
 * that is not tracked (sys.set_coroutine_origin_tracking_depth(); 3.7+). */
struct error *py_coroutine_get_origin(struct py *py, uint64_t address, uint64_t *ret) ERROR_CHECK;

/* The step that leads from something awaited towards a frame: from a coroutine_wrapper, asend,
 * athrow or anext_awaitable to what it stands for. *ret is 0 when `type` is none of these. */
struct error *py_awaitable_unwrap(struct py *py, const struct py_type *type, uint64_t address,
                                  uint64_t *ret) ERROR_CHECK;

/* --- what a frame has at hand --- */

/* The frame at `frame` may be one of a thread's stack or of a generator. */

/* The object that the local, cell or free variable `name` holds; *ret is 0 when there is no such
 * variable or it is not set. Of a frame that runs it may have changed since. */
struct error *py_local_find(struct py *py, uint64_t frame, const char *name,
                            uint64_t *ret) ERROR_CHECK;

/* All local, cell and free variables that are set. Names are interned. */
typedef struct error *py_visit_local(void *context, const char *name, uint64_t value, bool *stop);
struct error *py_locals_visit(struct py *py, uint64_t frame, py_visit_local *visit,
                              void *context) ERROR_CHECK;

/* The dict of the module that the frame's code belongs to. */
struct error *py_globals_find(struct py *py, uint64_t frame, uint64_t *ret) ERROR_CHECK;

/* What statements of a frame have open. */
enum py_open_kind {
    PY_OPEN_WITH,       /* the manager of a `with` */
    PY_OPEN_ASYNC_WITH, /* the manager of an `async with` */
    PY_OPEN_LOOP,       /* the generator (also an async one) that a loop goes over */
};

/* Calls `visit` for what the statements that a suspended generator is in have open, managers
 * outermost first. A manager that is only being entered, or being left, is not among them. What
 * cannot be read is left out, and the first such error returned in the end. Not seen: a manager
 * whose __exit__ is no function or method. */
typedef struct error *py_visit_open(void *context, uint64_t object, enum py_open_kind kind);
struct error *py_managers_visit(struct py *py, const struct py_generator *generator,
                                py_visit_open *visit, void *context) ERROR_CHECK;

/* The same for a frame that is running, or that of a thread that is blocked: of the statements
 * whose body it executes. Loops are seen only inside of other statements. */
struct error *py_running_managers_visit(struct py *py, uint64_t frame, py_visit_open *visit,
                                        void *context) ERROR_CHECK;

/* --- what the threading module calls its threads (Lib/threading.py) --- */

/* Calls `visit` with the ident and the name of each thread that threading knows. */
struct error *py_thread_names_visit(struct py *py, const struct py_interpreter *interpreter,
                                    void (*visit)(void *context, uint64_t ident, const char *name),
                                    void *context) ERROR_CHECK;
