/* How a task's wait is found out: the parts of wait.c. Private to the asyncio layer. */
#pragma once

#include "aio.h"

/* A wait that is being found out. */
struct aio_waiting {
    struct aio *aio;
    const struct aio_chain *chain;
    const struct aio_fields *fields; /* of the task */
    struct snapshot_task *task;
    struct snapshot_wait *wait;
    uint64_t
        future; /* whose owner is looked for: what the task is parked on, or what that is for */
    enum aio_kind future_kind;
    struct aio_fields future_fields;
    bool is_gather;    /* `future` is one that gather() made */
    bool is_known;     /* wait->kind is what the task waits for */
    bool is_over;      /* that has ended, and only its loop has not come to the task yet */
    uint64_t shielded; /* the future behind a shield(), that is no task and was not looked at yet */
    uint64_t queue;    /* of as_completed(), whose tasks are looked for when all are read */
    uint64_t object;   /* lock, queue, ... that wait->object will be, 0 none */
    uint64_t known_as; /* what the program's variables have in its place, 0: itself */
    const char *host;  /* that is looked up in the DNS, or NULL */
    size_t user_link;  /* the innermost link that is not asyncio's; link_count: there is none */
};

/* rules.c: what the frames of asyncio's own coroutines tell. */
struct aio_rule {
    const char *file, *function; /* "locks.py" of asyncio */
    struct error *(*apply)(struct aio_waiting *waiting, const struct py_generator *link);
};
/* The rule of a frame; one without `apply` is of asyncio, but tells nothing; NULL: not asyncio's.
 */
const struct aio_rule *aio_rule_find(struct aio *aio, const struct snapshot_frame *frame);
/* The rule of that file and function (or NULL) among several; NULL: none. */
const struct aio_rule *aio_rule_search(const struct aio_rule *table, size_t count, const char *file,
                                       const char *function);
/* io_rules.c: NULL: none of these. */
const struct aio_rule *aio_io_rule_find(const char *file, const char *function);
/* Whether it is the wait() of a condition (or of what has one). */
bool aio_rule_is_condition_wait(struct aio *aio, const struct snapshot_frame *frame);
/* Goes from the innermost link outwards while they are asyncio's. */
struct error *aio_rules_apply(struct aio_waiting *waiting) ERROR_CHECK;

/* The local variable of a link; 0: it has none of that name, or None. */
struct error *aio_waiting_get_local(struct aio_waiting *waiting, const struct py_generator *link,
                                    const char *name, uint64_t *ret) ERROR_CHECK;
/* The local variable `self`, and what kind of object that is. */
struct error *aio_waiting_get_self(struct aio_waiting *waiting, const struct py_generator *link,
                                   uint64_t *ret, enum aio_kind *ret_kind) ERROR_CHECK;
/* The wait is for `object`, 0 none. */
void aio_waiting_decide(struct aio_waiting *waiting, enum snapshot_wait_kind kind, uint64_t object);

/* The wait is for the futures in that container; whether one of them is enough is known. */
struct error *aio_waiting_take_tasks(struct aio_waiting *waiting, uint64_t container) ERROR_CHECK;

/* wait.c: the wait ends at `when` of the loop's clock at the latest. */
void aio_wait_set_deadline(struct aio_waiting *waiting, double when);

/* future_owner.c: what the callbacks of a future tell, and who will complete it. */
struct error *aio_future_explain(struct aio_waiting *waiting) ERROR_CHECK;
bool aio_is_gather(const struct py_type *type); /* a future that gather() made */
/* Looks for the owner of another future than the one the task is parked on. */
struct error *aio_waiting_set_future(struct aio_waiting *waiting, uint64_t future) ERROR_CHECK;

/* The wait is for that task. */
void aio_waiting_set_task(struct aio_waiting *waiting, uint64_t task);

/* callable.c: anything that can be called. */
struct aio_callable {
    enum py_kind kind; /* FUNCTION, METHOD, BUILTIN, PARTIAL or OTHER */
    const char *name;  /* qualified, of C functions plain; of other objects their type's */
    struct py_function function; /* FUNCTION, METHOD of such */
    uint64_t self;               /* METHOD, BUILTIN, 0 none */
    uint64_t callee, arguments;  /* PARTIAL: what it calls, its first arguments (a tuple) */
};
struct error *aio_callable_read(struct aio *aio, uint64_t address,
                                struct aio_callable *ret) ERROR_CHECK;
/* The task that a callable of a future or handle steps or wakes up; 0: it is something else. */
struct error *aio_callable_get_task(struct aio *aio, uint64_t address,
                                    const struct aio_callable *callable, uint64_t *ret) ERROR_CHECK;
/* "Pool._refill": what people would call it, seen through functools.partial. */
struct error *aio_callable_describe(struct aio *aio, uint64_t address,
                                    const char **ret) ERROR_CHECK;

/* Calls `visit` for each callback of a future that is a function or partial, until it sets *stop.
 */
typedef struct error *aio_visit_callback(void *context, uint64_t address,
                                         const struct aio_callable *callable, bool *stop);
struct error *aio_callbacks_visit(struct aio *aio, const struct aio_fields *future,
                                  aio_visit_callback *visit, void *context) ERROR_CHECK;

/* task_list.c: the futures in a list or set that somebody waits for. */
struct aio_task_list {
    uint64_t container;
    snapshot_id
        *tasks; /* the unfinished tasks among them, then those behind gather()s among them */
    size_t count, own_count; /* all, and without the latter */
    int64_t done, total;     /* of all futures */
};
/* Read once for each container; tasks among them are queued to be read. */
struct error *aio_task_list_read(struct aio *aio, uint64_t container,
                                 const struct aio_task_list **ret) ERROR_CHECK;

/* handle.c: asyncio.Handle and TimerHandle. */
struct aio_handle {
    uint64_t callback, arguments; /* objects, 0 none */
    const char *method;           /* of uvloop's own, in place of a callback, or NULL; and */
    uint64_t argument;            /* the first argument of that, 0 none */
    double when;                  /* of a timer, or NaN */
    bool cancelled;
};
struct error *aio_handle_read(struct aio *aio, uint64_t address,
                              struct aio_handle *ret) ERROR_CHECK;

/* When a timer handle, also one of uvloop, is due; NaN: not known. */
struct error *aio_timer_read(struct aio *aio, uint64_t handle, double *ret) ERROR_CHECK;
/* A float or int; NaN of anything else. */
struct error *aio_number_read(struct aio *aio, uint64_t value, double *ret) ERROR_CHECK;

/* transport.c: the file of a transport, also behind TLS; left alone where that is not known. */
struct error *aio_transport_read(struct aio *aio, uint64_t transport, int64_t *ret_fd) ERROR_CHECK;

/* protocol.c: remembers a transport; the first what reads a file, if it is one. */
void aio_transport_note(struct aio *aio, const char *callback, uint64_t self, int64_t fd);
void aio_transport_add(struct aio *aio, uint64_t transport, int64_t fd);

/* wakers.c: the timers and watched files of a loop, by the future that they complete. */
struct aio_timer {
    uint64_t future;
    double when;
    bool is_sleep; /* that timer is what it waits for; false: it ends a wait for something else */
};
struct aio_watch {
    uint64_t future;
    int64_t fd;
    enum snapshot_wait_kind kind; /* SOCKET_... */
};
struct error *aio_timer_find(struct aio *aio, uint64_t loop, uint64_t future,
                             const struct aio_timer **ret) ERROR_CHECK;
struct error *aio_watch_find(struct aio *aio, uint64_t loop, uint64_t future,
                             const struct aio_watch **ret) ERROR_CHECK;

/* objects.c: locks, queues, ... that the snapshot lists. */
struct aio_object {
    uint64_t address;
    uint64_t known_as; /* what variables have in its place, 0: itself */
    enum aio_kind kind;
    size_t index; /* in the snapshot's objects */
    size_t holder_capacity;
    int name_tries;
    uint64_t sample; /* the last one in which a task was read that waits for it */
};
/* Adds the object when it is new. */
struct error *aio_object_add(struct aio *aio, uint64_t address,
                             struct aio_object **ret) ERROR_CHECK;
#define AIO_FACTS_MAX 8
void aio_object_add_fact(struct aio *aio, const struct aio_object *object, const char *key,
                         int64_t value);
void aio_object_add_holder(struct aio *aio, struct aio_object *object,
                           const struct snapshot_holder *holder);
/* object_name.c: looks for the variable that reaches an object which has no name yet. */
struct error *aio_object_find_name(struct aio *aio, struct aio_object *object,
                                   uint64_t frame) ERROR_CHECK;
/* Fills the waiters of all objects, when all tasks are read. */
struct error *aio_objects_finish(struct aio *aio) ERROR_CHECK;

/* holds.c: what a task has open; also how long its timeouts leave it. */
struct error *aio_holds_read(struct aio_waiting *waiting) ERROR_CHECK;

/* inner_manager.c: calls `visit` for each manager behind one of contextlib, or behind a generator,
 * with a frame that may have a name for it (`frame`, unless there is a better one); also for the
 * generators that loops of a generator go over. `type` is that of `object`, and classified. */
typedef struct error *aio_visit_inner(void *context, uint64_t object, uint64_t frame);
struct error *aio_inner_managers_visit(struct aio *aio, const struct py_type *type, uint64_t object,
                                       uint64_t frame, aio_visit_inner *visit,
                                       void *context) ERROR_CHECK;

/* executor.c: who runs or will run the work behind a concurrent future. */
struct error *aio_work_is_done(struct aio *aio, uint64_t concurrent, bool *ret) ERROR_CHECK;
struct error *aio_work_explain(struct aio_waiting *waiting, uint64_t concurrent) ERROR_CHECK;

/* attributes of small instances; 0 (not set, None) is no error */
struct error *aio_attribute_read(struct aio *aio, uint64_t address, const char *name,
                                 uint64_t *ret) ERROR_CHECK; /* 0 for None too */
/* An int or bool; SNAPSHOT_UNKNOWN when it is not set or something else. */
struct error *aio_attribute_read_integer(struct aio *aio, uint64_t address, const char *name,
                                         int64_t *ret) ERROR_CHECK;
/* len() of a container; SNAPSHOT_UNKNOWN when it is not set or something else; None: 0. */
struct error *aio_attribute_read_count(struct aio *aio, uint64_t address, const char *name,
                                       int64_t *ret) ERROR_CHECK;
