/* What one walk over the asyncio of an interpreter knows. Private to the asyncio layer. */
#pragma once

#include "asyncspy/asyncio/asyncio.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"
#include "asyncspy/python/function.h"

/* What instances of a type are for asyncio. */
enum aio_kind {
    AIO_KIND_UNCLASSIFIED, /* the type was not looked at yet */
    AIO_KIND_OTHER,
    AIO_KIND_C_TASK,      /* _asyncio.Task and subclasses */
    AIO_KIND_C_FUTURE,    /* _asyncio.Future and subclasses */
    AIO_KIND_PYTHON_TASK, /* asyncio.tasks._PyTask and subclasses */
    AIO_KIND_MIXED_TASK,  /* the same where it is derived from _asyncio.Future (3.6) */
    AIO_KIND_PYTHON_FUTURE,
    AIO_KIND_LOOP, /* asyncio.events.AbstractEventLoop and subclasses */
    /* told by the names of their classes, subclasses too */
    AIO_KIND_LOCK,
    AIO_KIND_SEMAPHORE,
    AIO_KIND_EVENT,
    AIO_KIND_CONDITION,
    AIO_KIND_BARRIER,
    AIO_KIND_QUEUE,
    AIO_KIND_TASK_GROUP,
    AIO_KIND_TIMEOUT,           /* asyncio.timeout(), async_timeout.timeout() */
    AIO_KIND_LOCK_CONTEXT,      /* what `with await lock` holds (up to 3.8) */
    AIO_KIND_GENERATOR_CONTEXT, /* what @contextmanager, @asynccontextmanager make */
    AIO_KIND_EXIT_STACK,        /* contextlib's, AsyncExitStack too */
    AIO_KIND_TIMER_HANDLE,
    AIO_KIND_HANDLE,
    AIO_KIND_THREAD_CONDITION, /* threading's */
    AIO_KIND_CONCURRENT_FUTURE,
    AIO_KIND_THREAD_EXECUTOR,
    AIO_KIND_WORK_ITEM,
    AIO_KIND_UVLOOP_TIMER,
    AIO_KIND_UVLOOP_HANDLE,
    /* those of anyio (anyio.c) */
    AIO_KIND_ANYIO_LOCK,
    AIO_KIND_ANYIO_SEMAPHORE,
    AIO_KIND_ANYIO_LIMITER, /* CapacityLimiter */
    AIO_KIND_ANYIO_EVENT,
    AIO_KIND_ANYIO_CONDITION,
    AIO_KIND_ANYIO_TASK_GROUP,
    AIO_KIND_ANYIO_STREAM, /* what the ends of a memory object stream share */
    AIO_KIND_ANYIO_SCOPE,
    AIO_KIND_ANYIO_GUARD,
    AIO_KIND_ANYIO_ADAPTER, /* stands for one of these that was made without a loop */
};

/* The modules and types of asyncio; 0 where the program has not imported them. */
struct aio_modules {
    uint64_t tasks, events;                                /* dicts of asyncio.tasks, .events */
    uint64_t accelerator;                                  /* the module _asyncio itself */
    uint64_t c_task, c_future, python_task, python_future; /* types */
    uint64_t coroutine, generator, async_generator;        /* CPython's own, types of types.py */
    uint64_t abstract_loop;                                /* asyncio.AbstractEventLoop */
};

/* A frame on some thread's stack. */
struct aio_stack_place {
    uint64_t frame;
    const struct aio_thread *thread;
    size_t index;
};

/* A frame that no frame of CPython stands behind, interned: equal ones are one pointer. */
struct aio_frame_key {
    const char *file, *function, *qualified_name;
    int32_t line, end_line, column, end_column;
};
struct aio_plain_frame {
    struct aio_frame_key key;
    const struct snapshot_frame *frame;
};

/* Offsets of the slots of traceback.FrameSummary, looked up once for the type. */
enum aio_summary_slot {
    AIO_SUMMARY_FILENAME,
    AIO_SUMMARY_LINENO,
    AIO_SUMMARY_NAME,
    AIO_SUMMARY_END_LINENO,
    AIO_SUMMARY_COLNO,
    AIO_SUMMARY_END_COLNO,
    AIO_SUMMARY_SLOT_COUNT
};
struct aio_summary_type {
    uint64_t type;
    uint64_t slots[AIO_SUMMARY_SLOT_COUNT];
};

/* A running task: its loop runs in that thread, under the loops of tasks further in. */
struct aio_running_task {
    uint64_t event_loop;
    const struct aio_thread *thread;
    uint64_t task;
    size_t task_index;   /* in the snapshot's tasks */
    bool is_on_stack;    /* its coroutine has a frame there: */
    size_t thread_index; /* of that, among the thread's frames */
};

/* rules.c: which rule a frame has, kept for the frames met last. */
#define AIO_RULE_MEMO_SIZE 256
struct aio_rule_memo {
    const struct snapshot_frame *frame;
    const struct aio_rule *rule;
};

/* An object that reads a file, or writes it, for its protocol. */
struct aio_transport {
    uint64_t address;
    int64_t fd;
};

/* A task that has entered a condition, and so its lock. */
struct aio_loan {
    uint64_t task, condition, lock;
};

/* A wait whose tasks are not known yet; `key` leads to them. */
struct aio_late_wait {
    uint64_t key;
    struct snapshot_wait *wait;
};

/* chain.c: the stacks met last; tasks that stand in the same place share them. */
#define AIO_STACK_MEMO_SIZE 256

struct aio_executors;

struct aio {
    struct py *py;
    struct snapshot *snapshot;
    struct arena *arena;   /* of what is forgotten after the walk */
    struct aio_memo *memo; /* what outlives it; NULL: nothing, it is no look of several */
    const struct py_interpreter *interpreter;
    struct aio_thread *threads;
    size_t thread_count;
    struct aio_modules modules;
    const char *folder; /* of asyncio's files, with a slash at its end; NULL: not known */
    struct id_table *seen_tasks, *seen_loops; /* by address */
    uint64_t judged_loop;                     /* the last one of aio_loop_is_foreign */
    bool judged_foreign;
    struct aio_running_task *running_tasks;
    size_t running_task_count, running_task_capacity;
    size_t running_holds_read; /* of how many of them what they hold was read */
    uint64_t *queue;           /* addresses of tasks to read */
    size_t queue_count, queue_done, queue_capacity;
    enum aio_registry registry;
    struct id_table *places; /* struct aio_stack_place by frame; built when needed */
    bool places_built;
    struct table *plain_frames; /* struct aio_plain_frame by key */
    struct aio_summary_type summary;
    const struct snapshot_frame **stack; /* reused while a chain is walked */
    size_t stack_capacity;
    struct py_generator *links; /* the same */
    size_t link_capacity;
    struct snapshot_stack stack_memo[AIO_STACK_MEMO_SIZE];
    uint64_t none;       /* the address of None, once it was met */
    double now;          /* the target's monotonic clock at the moment of the picture, or NaN */
    double newest;       /* the newest reading of it that was met, or NaN */
    bool want_context;   /* the values of context variables are asked for */
    bool want_addresses; /* of connections, which the kernel does not tell */
    bool want_running;   /* only what runs now: timers do not matter */
    struct id_table *contexts; /* struct aio_context by the address of a tree of variables */
    struct aio_rule_memo rule_memo[AIO_RULE_MEMO_SIZE];
    struct id_table *objects;         /* struct aio_object by address */
    struct table *object_labels;      /* struct aio_label by the name of a class */
    struct id_table *task_lists;      /* struct aio_task_list by the address of the container */
    struct id_table *handle_types;    /* struct aio_handle_type by the address of the type */
    struct id_table *mapped_loops;    /* the loops of which these two are made (wakers.c) */
    struct id_table *timers;          /* struct aio_timer by the future that it completes */
    struct id_table *watches;         /* struct aio_watch by the future that it completes */
    struct aio_transport *transports; /* of the files that loops read, or tasks wait for */
    size_t transport_count, transport_capacity;
    struct id_table *late; /* late.c, by queue or future */
    struct aio_late_wait *late_waits;
    size_t late_count, late_capacity;
    struct aio_loan *loans; /* holders.c */
    size_t loan_count, loan_capacity;
    struct id_table *uvloops;      /* struct aio_uvloop by address */
    struct id_table *anyio_states; /* anyio_scope.c: struct task_state by task */
    struct id_table *anyio_scopes; /* anyio_scope.c: struct scope by address */
    bool anyio_states_read, anyio_has_creators;
    size_t lock_searches;            /* threads whose lock was looked for */
    struct aio_executors *executors; /* executor.c; NULL: not looked for yet */
};

/* wakers.c: the futures that a timer completes, 0 none. */
struct aio_timer_memo {
    uint64_t address;
    struct memory_footprint footprint;
    uint64_t futures[2];
    double when;
    bool is_sleep, is_valid;
    struct aio_timer_memo *next;
};

/* sample.c: what is kept from look to look. */
struct aio_memo {
    struct arena *arena;
    struct aio_modules modules;
    const char *folder;
    struct id_table *objects;      /* struct aio_object by address */
    struct table *object_labels;   /* struct aio_label by the name of a class */
    struct id_table *tasks;        /* struct aio_sampled_task by address */
    struct aio_sampled_task *last; /* of all tasks that were ever met */
    struct id_table *timers;       /* struct aio_timer_memo by address */
    struct aio_timer_memo *last_timer;
    struct aio_sampled_tasks listed, before, again, fresh;
    uint64_t sample;
    uint64_t static_tasks, static_current; /* what registry_static.c has found; 0: not yet */
};

struct aio_timer_memo *aio_memo_get_timer(struct aio_memo *memo, uint64_t address);

/* walk.c: the state of a walk. */
void aio_create(struct py *py, const struct aio_input *input, struct aio *ret);
void aio_destroy(struct aio *aio);

/* modules.c: finds asyncio and checks that its structures are those of the layout. */
/* The dict of the module `name` in sys.modules, 0 when it is not imported. */
struct error *aio_module_find(struct aio *aio, const char *name, uint64_t *ret) ERROR_CHECK;
struct error *aio_modules_find(struct aio *aio) ERROR_CHECK;
struct error *aio_modules_try(struct aio *aio) ERROR_CHECK; /* the same, with its errors */
struct error *aio_classify(struct aio *aio, struct py_type *type, enum aio_kind *ret) ERROR_CHECK;
/* The kind of an object; that of none (0) is AIO_KIND_OTHER. */
struct error *aio_kind_of(struct aio *aio, uint64_t address, enum aio_kind *ret) ERROR_CHECK;

/* place.c: whose code a frame runs. */
/* Fills `folder`, when the modules are known. */
struct error *aio_folder_find(struct aio *aio) ERROR_CHECK;
/* "locks.py" of a frame of asyncio's own; NULL of others. */
const char *aio_place_get_file(const struct aio *aio, const struct snapshot_frame *frame);
/* Whether it is that function in a file whose path ends with `file`, from a slash on. */
bool aio_place_is(const struct snapshot_frame *frame, const char *file, const char *function);

bool aio_kind_is_task(enum aio_kind kind);
bool aio_kind_is_future(enum aio_kind kind); /* tasks too */

/* registry.c: puts every registered task into the queue, once each. */
struct error *aio_registry_collect(struct aio *aio) ERROR_CHECK;
void aio_queue_task(struct aio *aio, uint64_t address);
/* aio_note_missing() for a registry: what is in it may be found otherwise. */
struct error *aio_registry_note(struct aio *aio, const char *what, struct error *err) ERROR_CHECK;
/* The tasks in the weakref.WeakSet at `weak_set`. */
struct error *aio_weak_set_collect(struct aio *aio, uint64_t weak_set) ERROR_CHECK;
/* Remembers a reading of the target's monotonic clock. */
void aio_note_clock(struct aio *aio, double reading);

/* The tasks that run now in the threads. */
struct error *aio_current_collect(struct aio *aio) ERROR_CHECK;
/* The tasks in a dict {loop: task that it runs now}; one such pair. */
struct error *aio_current_tasks_collect(struct aio *aio, uint64_t dict) ERROR_CHECK;
void aio_note_current(struct aio *aio, uint64_t loop, uint64_t task);

/* registry_static.c: where 3.6 keeps its tasks. Attributes of the class _PyTask for those written
 * in Python, static variables of the extension _asyncio for those written in C. */
struct error *aio_task_class_collect(struct aio *aio) ERROR_CHECK;
struct error *aio_module_data_collect(struct aio *aio) ERROR_CHECK;
/* Only those that run now. */
struct error *aio_static_current_collect(struct aio *aio) ERROR_CHECK;

/* chain.c: what a task's coroutine is doing. */
struct aio_chain {
    enum py_generator_state state;   /* of the root coroutine */
    bool is_generator;               /* false: no kind of coroutine that has frames */
    const struct aio_thread *thread; /* where it runs; NULL: nowhere */
    size_t thread_index;             /* index of the root's frame in that thread */
    const char *name;                /* qualified name of the root, or NULL */
    struct snapshot_stack frames;
    /* The coroutines that no thread has frames of, outermost first; valid until the next chain is
     * read. That of index i stands in frames.frames[frames.count - 1 - i]. */
    const struct py_generator *links;
    size_t link_count;
    const char *note; /* what went wrong on the way, or NULL */
};
struct error *aio_chain_read(struct aio *aio, uint64_t coroutine,
                             struct aio_chain *ret) ERROR_CHECK;

/* foreign.c: what is not CPython's own in await chains. */
/* Whether instances of `type` are CPython's coroutines, generators or async generators. */
bool aio_is_generator(const struct aio *aio, const struct py_type *type);
/* Reads a coroutine of Cython (*ret_is_coroutine; it has no frame of the interpreter, so
 * ret->frame is 0), or what a wrapper stands for (ret->awaited). Of anything else both are 0. */
struct error *aio_foreign_read(struct aio *aio, const struct py_type *type, uint64_t address,
                               bool *ret_is_coroutine, struct py_generator *ret) ERROR_CHECK;

/* fields.c: a task's or future's fields, whatever it is implemented in. */
struct aio_fields {
    uint64_t loop, coroutine, fut_waiter, name, source_traceback, exception; /* objects, 0 none */
    uint64_t callback0, callbacks, context;
    uint64_t awaited_by; /* a task, or a set of them (3.14+) */
    bool awaited_by_is_set;
    int64_t state; /* 0 pending, 1 cancelled, 2 finished, SNAPSHOT_UNKNOWN */
    int64_t cancel_requests;
    enum snapshot_tristate must_cancel;
    enum snapshot_tristate log_traceback; /* nobody looked at the exception it ended with */
    bool unknown; /* the structure is not the known one: state and fut_waiter tell nothing */
    bool foreign; /* the class does not derive from asyncio's */
};
struct error *aio_fields_read(struct aio *aio, enum aio_kind kind, uint64_t address,
                              struct aio_fields *ret) ERROR_CHECK;
/* The number of a state's name in Future._state; left alone for another text. */
struct error *aio_state_read(struct aio *aio, uint64_t text, int64_t *ret) ERROR_CHECK;

/* foreign_task.c: tasks of other classes. Their attributes tell what they are called in asyncio's
 * own classes; of those that are not there nothing is known. */
struct error *aio_foreign_tasks_collect(struct aio *aio) ERROR_CHECK;
struct error *aio_foreign_fields_read(struct aio *aio, uint64_t address,
                                      struct aio_fields *ret) ERROR_CHECK;

/* search.c: what a search found, if it is still there. Tasks go into the queue. */
struct error *aio_found_collect_tasks(struct aio *aio, const struct aio_found *found) ERROR_CHECK;
struct error *aio_found_read_loops(struct aio *aio, const struct aio_found *found) ERROR_CHECK;

/* task.c: reads one task into the snapshot. */
struct error *aio_task_read(struct aio *aio, uint64_t address) ERROR_CHECK;
/* The same into *ret. *ret_foreign: it belongs to another interpreter, which lists it. */
struct error *aio_task_fill(struct aio *aio, uint64_t address, struct snapshot_task *ret,
                            bool *ret_foreign) ERROR_CHECK;
/* An error that costs the task a note; a fatal one is returned. */
struct error *aio_task_note(struct aio *aio, struct snapshot_task *task, const char *what,
                            struct error *err) ERROR_CHECK;

/* wait.c: state, wait and holds of a task whose coroutine is suspended. */
struct error *aio_wait_read(struct aio *aio, const struct aio_fields *fields,
                            const struct aio_chain *chain, struct snapshot_task *task) ERROR_CHECK;

/* holds.c: what the tasks that run have open in the frames of their threads, when all of them are
 * known; for those that were found since the last time. */
struct error *aio_running_holds_read(struct aio *aio) ERROR_CHECK;

/* holders.c: who holds a lock, looked at again when all tasks are read. */
void aio_holders_check(struct aio *aio);
/* Remembers a task that holds a lock because it has entered the condition. */
void aio_loan_note(struct aio *aio, uint64_t task, uint64_t condition, uint64_t lock);

/* context.c: the context variables of a task, where they are asked for. */
struct error *aio_context_read(struct aio *aio, const struct aio_fields *fields,
                               struct snapshot_task *task) ERROR_CHECK;

/* late.c: waits that only the tasks waited for tell of. */
void aio_wait_later(struct aio *aio, uint64_t key, struct snapshot_wait *wait);
struct error *aio_late_waits_fill(struct aio *aio) ERROR_CHECK;

/* protocol.c: the protocols of the files that the loops watch, where a task waits for a future of
 * unknown owner: that may be one. */
struct error *aio_protocols_add(struct aio *aio) ERROR_CHECK;

/* addresses.c: the ends of the connection of a transport, and who has begun it. */
struct error *aio_addresses_read(struct aio *aio, uint64_t transport,
                                 struct snapshot_protocol *protocol) ERROR_CHECK;

/* awaited_by.c */
struct error *aio_awaited_by_read(struct aio *aio, const struct aio_fields *fields,
                                  struct snapshot_task *task) ERROR_CHECK;

/* thread_wait.c: fills `awaiting` of the threads, when the loops are read. */
struct error *aio_thread_waits_read(struct aio *aio) ERROR_CHECK;

/* traceback.c: the frame of `key`, the same for equal keys (padding zeroed too); strings interned.
 */
const struct snapshot_frame *aio_frame_intern(struct aio *aio, const struct aio_frame_key *key);
/* A _source_traceback as frames, innermost first. */
struct error *aio_traceback_read(struct aio *aio, uint64_t address,
                                 struct snapshot_stack *ret) ERROR_CHECK;

/* loop.c: event loops, and which one runs in a thread (running_loop.c) */
struct error *aio_running_loops_read(struct aio *aio) ERROR_CHECK;
struct error *aio_loop_read(struct aio *aio, uint64_t address) ERROR_CHECK; /* once each */
/* Whether `loop` (0: no) belongs to another interpreter than the one that is walked. */
struct error *aio_loop_is_foreign(struct aio *aio, uint64_t loop, bool *ret) ERROR_CHECK;

struct aio_loop_flags {
    enum snapshot_tristate closed, debug;
};
/* 0 for the None object too. */
struct error *aio_drop_none(struct aio *aio, uint64_t *address) ERROR_CHECK;

/* Turns an error that costs only one thing into a row of `missing`; a fatal one is returned. */
struct error *aio_note_missing(struct aio *aio, const char *what, struct error *err) ERROR_CHECK;

/* True when `address` was not in `seen` yet; adds it. */
bool aio_seen_add(struct aio *aio, struct id_table *seen, uint64_t address);
