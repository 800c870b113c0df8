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
#include "asyncspy/snapshot/finding.h"

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

/* What a task, or a thread, waits for. TASK whenever it is parked on a task itself. */
enum snapshot_wait_kind {
    SNAPSHOT_WAIT_TASK,
    SNAPSHOT_WAIT_GATHER,
    SNAPSHOT_WAIT_WAIT, /* asyncio.wait(), as_completed() */
    SNAPSHOT_WAIT_TASK_GROUP,
    SNAPSHOT_WAIT_SHIELD,
    SNAPSHOT_WAIT_SLEEP,
    SNAPSHOT_WAIT_TIMEOUT, /* wait_for() where it parks on a future of its own (before 3.12) */
    SNAPSHOT_WAIT_LOCK,
    SNAPSHOT_WAIT_EVENT,
    SNAPSHOT_WAIT_CONDITION,
    SNAPSHOT_WAIT_SEMAPHORE,
    SNAPSHOT_WAIT_BARRIER,
    SNAPSHOT_WAIT_QUEUE_GET,
    SNAPSHOT_WAIT_QUEUE_PUT,
    SNAPSHOT_WAIT_QUEUE_JOIN,
    SNAPSHOT_WAIT_SOCKET_READ,
    SNAPSHOT_WAIT_SOCKET_WRITE,
    SNAPSHOT_WAIT_SOCKET_ACCEPT,
    SNAPSHOT_WAIT_SOCKET_CONNECT,
    SNAPSHOT_WAIT_STREAM_READ,
    SNAPSHOT_WAIT_STREAM_DRAIN,
    SNAPSHOT_WAIT_DNS,
    SNAPSHOT_WAIT_EXECUTOR,
    SNAPSHOT_WAIT_THREAD, /* a concurrent future that no executor of threads runs */
    SNAPSHOT_WAIT_SUBPROCESS,
    SNAPSHOT_WAIT_ASYNC_GENERATOR,
    SNAPSHOT_WAIT_FUTURE,  /* a future of unknown owner */
    SNAPSHOT_WAIT_UNKNOWN, /* something that is no future */
    SNAPSHOT_WAIT_KIND_COUNT
};

/* An object that refers to a future of unknown owner. */
struct snapshot_referrer {
    snapshot_id id;
    const char *type;
};

struct snapshot_wait {
    enum snapshot_wait_kind kind;
    snapshot_id id;     /* the object the task is parked on (_fut_waiter) */
    uint64_t links;     /* tells another object at the same address; not in the JSON. 0: unknown */
    const char *type;   /* the type of that object */
    const char *text;   /* one line for people; the analysis makes it from the rest */
    snapshot_id *tasks; /* the tasks behind it, the unfinished ones */
    size_t task_count;
    enum snapshot_tristate any_task; /* whether one of `tasks` is enough to go on */
    snapshot_id object;              /* in `objects`, 0 none */
    double deadline_s;               /* seconds left, negative when overdue, or NaN */
    enum snapshot_tristate has_timeout;
    int64_t fd, tid, pid; /* file, executor's thread, child process; or SNAPSHOT_UNKNOWN */
    int64_t done, total;  /* of gather and the like; or SNAPSHOT_UNKNOWN */
    int64_t position;     /* place in the executor's queue from 1, or SNAPSHOT_UNKNOWN */
    const char *callee; /* what the executor runs or will run, the host of a DNS lookup; or NULL */
    struct snapshot_referrer *referrers;
    size_t referrer_count;
    enum snapshot_tristate referrers_complete; /* SNAPSHOT_MAYBE: nobody looked */
};

enum snapshot_confidence {
    SNAPSHOT_POSSIBLE,
    SNAPSHOT_LIKELY,
    SNAPSHOT_CERTAIN,
    SNAPSHOT_CONFIDENCE_COUNT
};

/* What a lock, a queue, ... is, whatever its class is called. */
enum snapshot_object_kind {
    SNAPSHOT_OBJECT_LOCK,
    SNAPSHOT_OBJECT_SEMAPHORE,
    SNAPSHOT_OBJECT_EVENT,
    SNAPSHOT_OBJECT_CONDITION,
    SNAPSHOT_OBJECT_BARRIER,
    SNAPSHOT_OBJECT_QUEUE,
    SNAPSHOT_OBJECT_TASK_GROUP,
    SNAPSHOT_OBJECT_EXECUTOR,
    SNAPSHOT_OBJECT_THREAD_LOCK, /* threading.Lock, RLock */
    SNAPSHOT_OBJECT_OTHER,       /* any other context manager */
    SNAPSHOT_OBJECT_KIND_COUNT
};

/*
 * One fact of an object's state. The keys: lock, thread_lock: `locked` (bool). semaphore: `value`,
 * `bound` (what it started with, only BoundedSemaphore knows). event: `set` (bool). condition:
 * `locked` (bool). barrier: `parties`, `count`. queue: `size`, `max_size` (0: none), `unfinished`,
 * `getters`, `putters`. task_group: `children`, `exiting` (bool). executor: `max_workers`, `busy`,
 * `idle`, `queued`. A key whose value is not known is absent.
 */
struct snapshot_fact {
    const char *key;
    int64_t value;
    bool is_bool;
};

struct snapshot_holder {
    snapshot_id task; /* 0: a thread holds it outside any task */
    int64_t tid;      /* of such a thread, or SNAPSHOT_UNKNOWN */
    int64_t frame;    /* index in the task's (thread's) frames, or SNAPSHOT_UNKNOWN */
    enum snapshot_confidence confidence;
};

struct snapshot_object {
    snapshot_id id;
    enum snapshot_object_kind kind;
    const char *label; /* "Lock#1" */
    const char *type;  /* "asyncio.locks.Lock" */
    const char *name;  /* the variable or attribute that reaches it ("pool.sem"), or NULL */
    struct snapshot_fact *facts;
    size_t fact_count;
    snapshot_id *waiters; /* tasks, in the order in which it will wake them where that is known */
    size_t waiter_count;
    struct snapshot_holder *holders;
    size_t holder_count;
};

/* What a frame of a task has open with `with` or `async with`. */
struct snapshot_hold {
    snapshot_id object;
    int64_t frame; /* index in the task's frames */
};

struct snapshot_variable {
    const char *name;
    const char *value; /* as repr() would give it */
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
    struct snapshot_exception *exception;       /* or NULL */
    enum snapshot_tristate exception_retrieved; /* somebody looked at it; awaited or asked for */
    struct snapshot_hold *holds;
    size_t hold_count;
    snapshot_id creator;               /* the task that made it, 0 not known */
    struct snapshot_variable *context; /* its context variables, where they were asked for */
    size_t context_count;
    bool has_context;
    enum snapshot_tristate moved; /* changed between two looks */
    enum snapshot_tristate idle;  /* waits for work, by design; the analysis tells */
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

/* The default executor of a loop; SNAPSHOT_UNKNOWN: not known. */
struct snapshot_executor {
    snapshot_id id; /* in `objects`; 0: the loop has none (yet) */
    int64_t max_workers, busy, idle, queued;
};

struct snapshot_loop {
    snapshot_id id;
    const char *type;
    int64_t tid; /* thread it runs in, or SNAPSHOT_UNKNOWN */
    enum snapshot_loop_state state;
    enum snapshot_tristate debug;
    double iteration_age_s;       /* since it came back from select() and runs callbacks, or NaN;
                                   * at least so long where callback_count is not known */
    int64_t callback_index;       /* of the callback that runs now, from 0 */
    int64_t callback_count;       /* of this iteration */
    const char *callback;         /* what that callback calls, or NULL */
    double idle_s;                /* since it waits in select(), or NaN */
    int64_t ready;                /* callbacks that would run if it were free */
    int64_t timers;               /* that are not cancelled */
    double overdue_s;             /* how late the oldest timer is; NaN: none is late */
    int64_t overdue_timers;       /* how many are late */
    double next_timer_s;          /* until the next one is due, or NaN */
    enum snapshot_tristate moved; /* another callback runs, or another iteration, at second look */
    /* Of what runs in it (the running task's frames, else its thread's) how many frames, from the
     * outermost, both looks show; or SNAPSHOT_UNKNOWN. */
    int64_t common_frames;
    struct snapshot_executor executor;
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
    int64_t syscall_fd;       /* the file that the system call is about, or SNAPSHOT_UNKNOWN */
    const char *wait_channel; /* or NULL */
    double cpu_s;             /* or NaN */
    snapshot_id event_loop;   /* the loop that runs in this thread */
    snapshot_id current_task;
    enum snapshot_tristate waits_for_gil;
    struct snapshot_wait *awaiting; /* a future or a threading lock, or NULL */
    enum snapshot_tristate moved;   /* it ran between two looks */
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
    const char *signal;     /* that ended it, "SIGABRT", as a core tells; or NULL */
};

struct snapshot_capture {
    const char *mode; /* "running", "paused", "nonblocking", "core" */
    double pause_s, duration_s;
    int64_t reads, bytes_read;
    double second_look_s; /* NaN: none */
};

/* The file descriptors of the target, or SNAPSHOT_UNKNOWN. */
struct snapshot_files {
    int64_t open;
    int64_t limit; /* how many may be (RLIMIT_NOFILE) */
};

/* A vector of one kind of record: `items` has `count` elements and room for `capacity`. */
#define SNAPSHOT_VECTOR(type)                                                                      \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

enum snapshot_registered {
    SNAPSHOT_REGISTERED_UNKNOWN,
    SNAPSHOT_REGISTERED_NONE,
    SNAPSHOT_REGISTERED_READ,
    SNAPSHOT_REGISTERED_WRITE,
    SNAPSHOT_REGISTERED_BOTH,
};

/* A socket of the target, as the kernel tells of it (man 5 proc, /proc/PID/net). */
struct snapshot_socket {
    int64_t fd;
    const char *family;     /* "inet", "inet6", "unix", or NULL */
    const char *local;      /* "10.0.0.5:51324", "[::1]:80", "/run/x.sock", "@abstract"; or NULL */
    const char *peer;       /* or NULL */
    const char *state;      /* "ESTABLISHED", "LISTEN", ... or NULL */
    int64_t receive_queue;  /* bytes unread; of a listening one: connections not yet accepted */
    int64_t send_queue;     /* bytes that the peer has not acknowledged; or SNAPSHOT_UNKNOWN */
    int64_t retransmits;    /* of the segment that is due, or SNAPSHOT_UNKNOWN */
    int64_t backlog_max;    /* of a listening one: connections that may wait; or SNAPSHOT_UNKNOWN */
    double last_received_s; /* since bytes came, or it was connected; or NaN */
    double last_sent_s;     /* since bytes were sent, or sent again, or it was connected; or NaN */
    enum snapshot_registered registered; /* in the loop's epoll */
    snapshot_id protocol;                /* the asyncio protocol that gets its bytes, 0 not known */
    const char *protocol_type;           /* of that, or NULL */
    enum snapshot_tristate accepted;     /* the peer has begun the connection: a client */
    enum snapshot_tristate moved;        /* its queues changed between two looks, or bytes came */
};

/* The asyncio protocol behind a file that a loop watches; those of sockets become a part of them.
 */
struct snapshot_protocol {
    int64_t fd;
    snapshot_id id;
    const char *type;
    const char *local, *peer; /* as the transport knows them, where that was asked; or NULL */
    enum snapshot_tristate accepted; /* the peer has begun the connection */
};

/* A coroutine object that was made and not awaited so far, and that neither a task, nor a frame,
 * nor a callback holds. */
struct snapshot_coroutine {
    snapshot_id id;
    const char *name;             /* or NULL */
    struct snapshot_stack frames; /* where it is defined; then who made it, where that is tracked */
    const char *holder; /* the type of what refers to it, "module" for a global variable; or NULL */
};

/* Something that keeps the program from moving, with its proof; made by the analysis. */
struct snapshot_finding {
    enum snapshot_finding_code code;
    enum snapshot_confidence confidence;
    const char *summary;
    snapshot_id *tasks;
    size_t task_count;
    int64_t *threads;
    size_t thread_count;
    snapshot_id *objects;
    size_t object_count;
    const char *where; /* or NULL */
    const char **proof;
    size_t proof_count;
    const char **cost;
    size_t cost_count;
    const char *next; /* what to do, or NULL */
};

/* The gravest finding in one line; `text` is NULL until the analysis has run. */
struct snapshot_verdict {
    enum snapshot_finding_code code; /* SNAPSHOT_FINDING_OK: nothing was found */
    enum snapshot_confidence confidence;
    const char *text;
};

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
    struct snapshot_files files;
    SNAPSHOT_VECTOR(struct snapshot_missing) missing;
    SNAPSHOT_VECTOR(struct snapshot_interpreter) interpreters;
    SNAPSHOT_VECTOR(struct snapshot_loop) event_loops;
    SNAPSHOT_VECTOR(struct snapshot_thread) threads;
    SNAPSHOT_VECTOR(struct snapshot_task) tasks;
    SNAPSHOT_VECTOR(struct snapshot_object) objects;
    SNAPSHOT_VECTOR(struct snapshot_socket) sockets;
    SNAPSHOT_VECTOR(struct snapshot_protocol) protocols; /* not in the JSON */
    SNAPSHOT_VECTOR(struct snapshot_coroutine) coroutines;
    bool has_coroutines; /* whether anybody looked for them */
    SNAPSHOT_VECTOR(struct snapshot_group) groups;
    SNAPSHOT_VECTOR(struct snapshot_finding) findings; /* gravest first */
    struct snapshot_verdict verdict;
};

/* Records of which nothing is known yet. */
extern const struct snapshot_task snapshot_task_blank;
extern const struct snapshot_wait snapshot_wait_blank;
extern const struct snapshot_loop snapshot_loop_blank;
extern const struct snapshot_thread snapshot_thread_blank;
extern const struct snapshot_socket snapshot_socket_blank;

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

/* Makes room for `count` more elements at once, where so many are expected: of a big vector that
 * spares the copies and the memory of growing. */
void *snapshot_vector_reserve(struct arena *arena, void *items, size_t count, size_t *capacity,
                              size_t more, size_t size);
#define SNAPSHOT_RESERVE(snapshot_, vector_, more_)                                                \
    ((vector_)->items =                                                                            \
         snapshot_vector_reserve((snapshot_)->arena, (vector_)->items, (vector_)->count,           \
                                 &(vector_)->capacity, (more_), sizeof *(vector_)->items))

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
const char *snapshot_confidence_name(enum snapshot_confidence confidence);
const char *snapshot_object_kind_name(enum snapshot_object_kind kind);
const char *snapshot_registered_name(enum snapshot_registered registered); /* NULL: unknown */

/* Seconds since a byte last came or went: who waits for an answer waits since then. NaN unknown. */
double snapshot_socket_get_silence(const struct snapshot_socket *socket);

/* A fact of an object's state; false when it is not known. */
bool snapshot_object_get_fact(const struct snapshot_object *object, const char *key, int64_t *ret);
