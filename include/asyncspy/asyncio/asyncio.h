/*
 * asyncio in one interpreter: its tasks, their await chains, its event loops. Fills the tasks and
 * event_loops of the snapshot that the walk of `py` fills. Speaks to the target only through the
 * readers of the python layer. Facts: Modules/_asynciomodule.c, Lib/asyncio/.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/error.h"
#include "asyncspy/python/frame.h"
#include "asyncspy/python/object.h"

/* A thread of the interpreter, as capture found it. */
struct aio_thread {
    const struct py_thread *thread;
    int64_t tid;    /* as in the snapshot, or SNAPSHOT_UNKNOWN */
    uint64_t futex; /* address that it sleeps at in futex(2), 0: it does not, or it is the GIL's */
    enum snapshot_tristate polls;  /* in a system call that waits for events */
    const struct py_frame *frames; /* innermost first */
    size_t frame_count;
    uint64_t event_loop;            /* out: the loop that runs in it, 0 none */
    uint64_t current_task;          /* out: the task that runs in it, 0 none */
    struct snapshot_wait *awaiting; /* out: what it waits for, or NULL */
};

/* What became of the registries of tasks. */
enum aio_registry {
    AIO_REGISTRY_READ,
    AIO_REGISTRY_TORN,   /* one could not be read to its end */
    AIO_REGISTRY_ABSENT, /* there is none where this version has one */
};

struct aio_addresses {
    uint64_t *items;
    size_t count, capacity;
};

/* Tasks and loops that a search found. Starts zeroed; a repeated search adds to it. */
struct aio_found {
    struct aio_addresses tasks, loops; /* some may be there twice */
    const char *why; /* NULL, or why there may be more; in the arena of the snapshot */
};

/* An interpreter, its threads, and what else a walk over its asyncio has to know. */
struct aio_input {
    const struct py_interpreter *interpreter;
    struct aio_thread *threads;
    size_t thread_count;
    const struct aio_found *found; /* NULL: nothing was searched */
    bool want_context;             /* the values of context variables too */
    bool want_addresses;           /* what transports know of the ends of connections */
    double now;     /* the target's monotonic clock (s) when the memory was as it is, or NaN */
    double *newest; /* out, or NULL: raised to the newest reading of that clock that was met */
    struct aio_memo *memo; /* of aio_sample; NULL for a walk */
};

/* Finds all tasks and loops of an interpreter. Objects that cannot be read cost notes and rows in
 * `missing`; an error ends the run. */
struct error *aio_walk(struct py *py, const struct aio_input *input,
                       enum aio_registry *ret_registry) ERROR_CHECK;

/* Of those only the loops that run in a thread, and what they are about. */
struct error *aio_walk_running(struct py *py, const struct aio_input *input) ERROR_CHECK;

/* --- the same again and again: looks of py_begin_looks() --- */

/* A task as samples show it: state, stack and wait, nothing else; `awaiting->object` stands in the
 * snapshot's objects, which grow from sample to sample. */
struct aio_sampled_task {
    struct snapshot_task task;
    uint64_t
        coroutine; /* the object; with the name it tells one task from the next at an address */
    const struct snapshot_object *object; /* that it waits for, or NULL */
    struct memory_footprint footprint;
    uint64_t sample;      /* the last one that lists it */
    uint64_t version;     /* counts how often it was read */
    uint64_t noted_since; /* the sample from which on not all of it could be read; 0: all can */
    bool is_valid;        /* it could be read */
    bool is_verified;     /* a later look found it so, or nothing could run meanwhile */
    bool is_always_read;  /* it leads to tasks that no registry has */
    bool is_fresh;        /* it was read since aio_memo_forget_read() */
    struct aio_sampled_task *next; /* of all that were ever met */
};

struct aio_sampled_tasks {
    struct aio_sampled_task **items;
    size_t count, capacity;
};

/* What is known of the tasks of one interpreter from sample to sample; as long as the snapshot is
 * not emptied. */
struct aio_memo;
struct aio_memo *aio_memo_create(void);
void aio_memo_destroy(struct aio_memo *memo); /* NULL-safe */

/* A sample of an interpreter in the look that py_look() has begun: its tasks, of which only those
 * are read that have changed, and its loops, which are added to the snapshot. */
struct error *aio_sample(struct py *py, const struct aio_input *input) ERROR_CHECK;

/* Looks once more at what aio_sample, or the last aio_sample_again, has read, and at what runs:
 * after a look at what is recent. */
struct error *aio_sample_again(struct py *py, const struct aio_input *input) ERROR_CHECK;

/* A sample of the tasks that run now, or ran in the last one, and of those that were read since
 * aio_memo_forget_read(); the others are left as they were. */
struct error *aio_sample_running(struct py *py, const struct aio_input *input) ERROR_CHECK;

/* What was read since the last aio_sample is to be read again, changed or not. */
void aio_memo_distrust(struct aio_memo *memo);

/* In a look at what is recent: what of the tasks that were read is as it was, and so was no mixture
 * of before and after a change, is `is_verified`; `runs_verified`: running ones too. False: some
 * are not. */
bool aio_sample_verify(struct py *py, const struct aio_memo *memo, bool runs_verified);

/* The tasks of the sample; those that are not `is_valid` could not be read, or are none.
 * *ret_failed counts them. */
const struct aio_sampled_tasks *aio_memo_get_tasks(const struct aio_memo *memo,
                                                   uint64_t *ret_failed);

/* Those that any aio_sample*() has read since the last aio_memo_forget_read(): a task may have
 * stopped running in the first of several looks at one moment. */
const struct aio_sampled_tasks *aio_memo_get_read_tasks(const struct aio_memo *memo);
void aio_memo_forget_read(struct aio_memo *memo);

/* Adds every task and loop that the garbage collector of `interpreter` tracks. They are addresses
 * only: aio_walk looks at each again. Takes at most about `seconds`. */
struct error *aio_search(struct py *py, const struct py_interpreter *interpreter, double seconds,
                         struct aio_found *ret) ERROR_CHECK;
void aio_found_free(struct aio_found *found);

/* --- what a program made and forgot --- */

#define AIO_FORGOTTEN_MAX 1000

/* Among all objects of the garbage collector. Starts zeroed. */
struct aio_forgotten {
    struct aio_addresses coroutines; /* not started, and the coroutine of no task */
    struct aio_addresses tasks;      /* ended with an exception that nobody looked at */
    bool is_cut;                     /* there are more than AIO_FORGOTTEN_MAX of one */
    const char *why;                 /* NULL, or why there may be more; in the snapshot's arena */
};

/* Searches one interpreter, for at most about `seconds`. The target must stand still: what is found
 * of one that runs means nothing. */
struct error *aio_forgotten_find(struct py *py, const struct py_interpreter *interpreter,
                                 double seconds, struct aio_forgotten *ret) ERROR_CHECK;
void aio_forgotten_free(struct aio_forgotten *forgotten);

/* Adds the tasks that the snapshot does not have, and the coroutines of which holders[i] is the
 * type of what refers to them; one whose holder is NULL is left out. What cannot be read any more
 * too. */
struct error *aio_forgotten_add(struct py *py, const struct py_interpreter *interpreter,
                                const struct aio_forgotten *forgotten,
                                const char *const *holders) ERROR_CHECK;

/* What an object of `type` that refers to a coroutine is to it. */
enum aio_holder {
    AIO_HOLDER_USER,      /* will await it, or hands it to who does: a frame, a callback, a queue */
    AIO_HOLDER_CONTAINER, /* a list, tuple, dict or set: who refers to that counts */
    AIO_HOLDER_OWNER,     /* a module, an instance of a class of the program */
};
enum aio_holder aio_holder_classify(const struct py_type *type);
