/*
 * asyncio in the fake Python: a runtime with one interpreter, one thread and one event loop that
 * runs in it, and the tasks that a test adds.
 */
#pragma once

#include "fake_frames.h"

struct fake_asyncio {
    struct fake_python *fake;
    uint64_t runtime, interpreter, thread, event_loop;
    uint64_t modules;                /* dict of sys.modules */
    uint64_t accelerator;            /* the module _asyncio itself */
    uint64_t tasks_module;           /* dict of asyncio.tasks */
    uint64_t task_type, future_type; /* of _asyncio */
    uint64_t python_task_type;       /* asyncio.tasks._PyTask */
    uint64_t events_module;          /* dict of asyncio.events */
    uint64_t weak_set;               /* the set of weak references in the registry */
    uint64_t python_weak_set;        /* the same for tasks written in Python */
    uint64_t current_tasks;          /* asyncio.tasks._current_tasks */
    uint64_t step_frame;             /* innermost frame of the loop */
};

void fake_asyncio_create(struct fake_asyncio *aio, struct fake_python *fake);

/* A weakref.WeakSet; *ret_data is the set inside it. */
uint64_t fake_weak_set(struct fake_asyncio *aio, uint64_t *ret_data);

#define FAKE_PENDING 0
#define FAKE_CANCELLED 1
#define FAKE_FINISHED_STATE 2

uint64_t fake_future(struct fake_asyncio *aio, int state);

struct fake_task {
    uint64_t name, coroutine, fut_waiter; /* objects, 0: NULL */
    int state;
    uint64_t exception, source_traceback, context;
    int cancel_requests;
    bool must_cancel;
    bool log_traceback; /* nobody looked at its exception */
};

/* A task of _asyncio, registered where the version registers tasks. */
uint64_t fake_task(struct fake_asyncio *aio, const struct fake_task *task);
/* A task written in Python. */
uint64_t fake_python_task(struct fake_asyncio *aio, const struct fake_task *task);

/* `task` is the one that the loop runs; its coroutine's frame goes on top of the stack. */
void fake_run_task(struct fake_asyncio *aio, uint64_t task, uint64_t coroutine);

/* A coroutine function's coroutine in the file "/srv/app.py", suspended in `awaited`. */
uint64_t fake_coroutine(struct fake_asyncio *aio, const char *name, int first_line,
                        enum fake_state state, uint64_t awaited);

/* What `await future` puts between: an object of _asyncio.FutureIter. */
uint64_t fake_future_iter(struct fake_asyncio *aio, uint64_t future);

uint64_t fake_exception(struct fake_asyncio *aio, const char *type, const char *text);

/* A _source_traceback of a frame that a module called. */
uint64_t fake_source_traceback(struct fake_asyncio *aio, const char *function, int line);

/* A program with a task in every state; their addresses. */
struct fake_program {
    uint64_t not_started, waiting, ready, running, done, cancelled;
    uint64_t joining;      /* awaits the task `waiting` */
    uint64_t numbered;     /* its name is a number so far (3.12+), else "Task-7" */
    uint64_t cyclic;       /* its await chain is a cycle */
    uint64_t no_coroutine; /* pending, with task_coro NULL */
    uint64_t python;       /* an asyncio.tasks._PyTask */
    uint64_t generators;   /* waits through asend and a coroutine wrapper */
};
void fake_program_create(struct fake_program *program, struct fake_asyncio *aio);
