/* One walk over a target: everything that is read from its memory. Private to capture. */
#pragma once

#include "asyncspy/asyncio/asyncio.h"
#include "asyncspy/base/error.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/python/object.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/process.h"

/* What a search among the objects of one interpreter found. */
struct walk_found {
    uint64_t interpreter;
    struct aio_found found;
};

/* What is asked for besides what the registries lead to: a search, and whether one would help.
 * Starts zeroed: nothing was searched, nothing else is asked for. */
struct walk_search {
    bool want_context;   /* the values of context variables too */
    bool want_addresses; /* what transports know of the ends of connections */
    struct walk_found *items;
    size_t count, capacity;
    const char *why;            /* NULL, or why it may not have found all */
    enum aio_registry registry; /* out: the worst that was met in a walk */
    double clock; /* out: the newest reading of the target's monotonic clock, or NaN */
};
void walk_search_free(struct walk_search *search);

/* What the kernel tells of the moment of the picture. */
struct walk_kernel {
    const struct target_thread *threads;
    size_t thread_count;
    double now; /* the target's monotonic clock (s), or NaN */
};

/* What is kept of the interpreters from look to look. Starts zeroed. */
struct walk_memo {
    uint64_t interpreter;
    struct aio_memo *memo;
    bool is_met; /* in this look */
};
struct walk_looks {
    struct walk_memo *items;
    size_t count, capacity;
    struct memory_footprint roots; /* of what is read besides tasks */
    struct id_table *thread_names; /* by ident, as the last look at all found them */
};
void walk_looks_free(struct walk_looks *looks);

/* In a look that py_look() has begun: fills threads, interpreters and event_loops of `snapshot`,
 * which are emptied before, and the tasks of `looks` by that function. */
typedef struct error *walk_sample(struct py *py, const struct aio_input *input);
struct error *walk_look(struct py *py, struct snapshot *snapshot, const struct walk_kernel *kernel,
                        struct walk_looks *looks, walk_sample *sample) ERROR_CHECK;

/* As aio_memo_distrust(). */
void walk_look_distrust(const struct walk_looks *looks);

/* As aio_sample_verify(). *ret_threads: the threads are as they were read, too. */
bool walk_look_verify(struct py *py, const struct walk_looks *looks, bool *ret_threads);

/* Reads what runs now, the stacks of all threads and what their loops are about, which is to be
 * thrown away: so a copy holds it that was learnt while something else ran. */
struct error *walk_running(struct py *py, struct snapshot *snapshot,
                           const struct walk_kernel *kernel) ERROR_CHECK;

/* Fills threads, interpreters, tasks and event_loops of `snapshot` from the memory of `py`, with
 * what `search` found. */
struct error *walk_interpreters(struct py *py, struct snapshot *snapshot,
                                const struct walk_kernel *kernel,
                                struct walk_search *search) ERROR_CHECK;
