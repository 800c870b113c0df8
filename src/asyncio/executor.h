/* The executors of the interpreter (Lib/concurrent/futures) and what they work at. */
#pragma once

#include "wait.h"

/* A piece of work that a thread runs or an executor will run. */
struct aio_work {
    uint64_t future;                 /* the concurrent.futures.Future of it */
    const struct aio_thread *thread; /* that runs it; NULL: queued, or in another process */
    int64_t position;                /* in the queue, from 1, or SNAPSHOT_UNKNOWN */
    uint64_t executor;               /* 0 not known */
    const char *callee;              /* or NULL */
    const char *host;                /* that it looks up in the DNS, or NULL */
};

/* Looks at what all threads run; once a walk, done by whoever needs it first. */
struct error *aio_executors_read(struct aio *aio) ERROR_CHECK;

/* The work behind a concurrent future; NULL: no executor of threads or processes has it. */
struct error *aio_work_find(struct aio *aio, uint64_t future,
                            const struct aio_work **ret) ERROR_CHECK;

/* Lists an executor among the objects. `ret` (or NULL) is left alone of one without threads. */
struct error *aio_executor_add(struct aio *aio, uint64_t executor,
                               struct snapshot_executor *ret) ERROR_CHECK;
