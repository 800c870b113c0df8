/*
 * What a task has open: the managers of the `with` and `async with` statements that its suspended
 * coroutines stand in, or, of a task that runs, the frames of its thread; also those of generators
 * that its loops go over. Who has entered a lock holds it; who is still entering it does not.
 */
#include "anyio.h"

#define INNER_MAX 64             /* managers behind one of contextlib, or a generator */
#define RUNNING_FRAMES_MAX 10000 /* of a task that runs, from its coroutine inwards */

/* A manager that is held, and a frame that may have a name for it. */
struct manager {
    uint64_t address, frame;
};

struct holds_walk {
    struct aio_waiting *waiting;
    size_t place;   /* index, among the task's frames, of the one that is looked at */
    uint64_t frame; /* its address */
    uint64_t next;  /* the generator that it awaits, 0 none */
    size_t hold_capacity;
    struct manager open[INNER_MAX]; /* that are to be added */
    size_t open_count;
    bool is_owner;     /* of the lock of anyio that is looked at */
    uint64_t known_as; /* what variables have in place of the manager, 0: itself */
    struct error *first_error;
};

/* A timeout ends the wait, whatever it is for; the earliest counts. One whose timer has run has
 * cancelled the task already, and will not do so again. */
static struct error *note_timeout(struct aio_waiting *waiting, uint64_t manager) {
    struct aio *aio = waiting->aio;
    uint64_t timer, when = 0;
    double value = NAN;
    struct error *err = aio_attribute_read(aio, manager, "_timeout_handler", &timer);
    if (!err && timer)
        err = aio_attribute_read(aio, manager, "_when", &when);
    if (!err && timer && !when) /* async_timeout's */
        err = aio_attribute_read(aio, manager, "_deadline", &when);
    if (!err && when)
        err = aio_number_read(aio, when, &value);
    if (!err && waiting->wait && !isnan(value))
        aio_wait_set_deadline(waiting, value);
    return err;
}

/* The frame of CPython at that index among the task's frames, 0 none. */
static uint64_t get_frame(const struct aio_waiting *waiting, size_t place) {
    const struct aio_chain *chain = waiting->chain;
    if (chain->thread && place <= chain->thread_index)
        return chain->thread->frames[place].address;
    size_t link = waiting->task->frames.count - 1 - place;
    return link < chain->link_count ? chain->links[link].frame : 0;
}

/* Whether the task waits in, or comes out of, the wait() of that condition: it has let go of the
 * lock meanwhile, and takes it again before it goes on. */
static struct error *is_in_wait(struct holds_walk *walk, uint64_t condition, bool *ret) {
    struct aio_waiting *waiting = walk->waiting;
    uint64_t self = 0;
    *ret = false;
    for (size_t i = 0; !*ret && i < walk->place; i++) {
        uint64_t frame = get_frame(waiting, i);
        if (!frame || !aio_rule_is_condition_wait(waiting->aio, waiting->task->frames.frames[i]))
            continue;
        struct error *err = py_local_find(waiting->aio->py, frame, "self", &self);
        if (err)
            return err;
        *ret = self == condition;
    }
    return NULL;
}

/* Who waits for a lock that it has entered waits for itself; but a task that calls acquire() may
 * well have released it before. */
static enum snapshot_confidence get_confidence(const struct holds_walk *walk, uint64_t lock) {
    const struct aio_waiting *waiting = walk->waiting;
    size_t last = waiting->task->frames.count - 1;
    if (!waiting->wait || waiting->wait->object != lock)
        return SNAPSHOT_CERTAIN;
    for (size_t i = last - walk->place; i <= waiting->user_link && i < waiting->chain->link_count;
         i++)
        if (waiting->chain->links[i].use == PY_AWAIT_ENTER)
            return SNAPSHOT_CERTAIN;
    return SNAPSHOT_LIKELY;
}

static struct error *add_hold(struct holds_walk *walk, uint64_t manager, uint64_t name_frame,
                              bool holds) {
    struct aio_waiting *waiting = walk->waiting;
    struct aio *aio = waiting->aio;
    struct snapshot_task *task = waiting->task;
    struct aio_object *object;
    struct error *err = aio_object_add(aio, manager, &object);
    if (!err && walk->known_as)
        object->known_as = walk->known_as;
    if (!err)
        err = aio_object_find_name(aio, object, name_frame);
    if (err || !holds)
        return err;
    int64_t frame = (int64_t)walk->place;
    task->holds = snapshot_vector_grow(aio->snapshot->arena, task->holds, &task->hold_count,
                                       &walk->hold_capacity, sizeof *task->holds);
    task->holds[task->hold_count - 1] = (struct snapshot_hold){manager, frame};
    aio_object_add_holder(aio, object,
                          &(struct snapshot_holder){.task = task->id,
                                                    .tid = SNAPSHOT_UNKNOWN,
                                                    .frame = frame,
                                                    .confidence = get_confidence(walk, manager)});
    return NULL;
}

/* Who has entered a condition holds its lock. */
static struct error *add_condition(struct holds_walk *walk, const struct manager *condition) {
    struct aio *aio = walk->waiting->aio;
    uint64_t lock = 0;
    bool waits;
    struct error *err = is_in_wait(walk, condition->address, &waits);
    if (!err)
        err = add_hold(walk, condition->address, condition->frame, false);
    if (!err && !waits)
        err = aio_attribute_read(aio, condition->address, "_lock", &lock);
    if (!err && lock)
        err = aio_anyio_unwrap(aio, &lock);
    if (err || !lock)
        return err;
    aio_loan_note(aio, walk->waiting->task->id, condition->address, lock);
    return add_hold(walk, lock, condition->frame, true);
}

static struct error *visit_owner(void *context, uint64_t task) {
    struct holds_walk *walk = context;
    walk->is_owner |= task == walk->waiting->task->id;
    return NULL;
}

/* A lock that knows its owner is believed. */
static struct error *add_anyio(struct holds_walk *walk, const struct manager *manager) {
    struct aio *aio = walk->waiting->aio;
    struct py_type *type;
    enum aio_kind kind;
    uint64_t lock = manager->address;
    struct error *err = aio_anyio_unwrap(aio, &lock);
    if (!err && lock)
        err = py_type_of(aio->py, lock, &type);
    if (!err && lock)
        err = aio_classify(aio, type, &kind);
    if (err || !lock)
        return err;
    walk->is_owner = kind != AIO_KIND_ANYIO_LOCK;
    err = aio_anyio_owners_visit(aio, kind, lock, visit_owner, walk);
    walk->known_as = lock == manager->address ? 0 : manager->address;
    if (!err)
        err = add_hold(walk, lock, manager->frame, walk->is_owner);
    walk->known_as = 0;
    return err;
}

static struct error *open_inner(void *context, uint64_t manager, uint64_t frame) {
    struct holds_walk *walk = context;
    if (walk->open_count < INNER_MAX)
        walk->open[walk->open_count++] = (struct manager){manager, frame};
    return NULL;
}

static struct error *add_one(struct holds_walk *walk, const struct manager *manager) {
    struct aio *aio = walk->waiting->aio;
    struct py_type *type;
    enum aio_kind kind;
    uint64_t lock = manager->address;
    struct error *err = py_type_of(aio->py, manager->address, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (err)
        return err;
    if (aio_is_generator(aio, type))
        return aio_inner_managers_visit(aio, type, manager->address, 0, open_inner, walk);
    if (kind == AIO_KIND_TIMEOUT)
        return note_timeout(walk->waiting, manager->address);
    if (kind == AIO_KIND_CONDITION || kind == AIO_KIND_ANYIO_CONDITION)
        return add_condition(walk, manager);
    if (kind == AIO_KIND_ANYIO_SCOPE || kind == AIO_KIND_ANYIO_GUARD)
        return NULL; /* scopes: anyio_scope.c; a guard nobody ever waits for */
    if (kind == AIO_KIND_ANYIO_ADAPTER || kind == AIO_KIND_ANYIO_LOCK)
        return add_anyio(walk, manager);
    if (kind == AIO_KIND_LOCK_CONTEXT)
        err = aio_attribute_read(aio, manager->address, "_lock", &lock);
    if (!err && lock)
        err = add_hold(walk, lock, manager->frame, true);
    return err ? err
               : aio_inner_managers_visit(aio, type, manager->address, manager->frame, open_inner,
                                          walk);
}

/* A manager or generator, and what it has open itself. */
static struct error *add_manager(struct holds_walk *walk, uint64_t manager) {
    struct error *err = NULL;
    walk->open[0] = (struct manager){manager, walk->frame};
    walk->open_count = 1;
    for (size_t i = 0; !err && i < walk->open_count; i++) {
        struct manager next = walk->open[i];
        err = add_one(walk, &next);
    }
    return err;
}

/* An error costs what could not be read; the first is told in the end. */
static struct error *keep_first(struct holds_walk *walk, struct error *err) {
    if (!err || error_is_fatal(err))
        return err;
    if (walk->first_error)
        error_destroy(err);
    else
        walk->first_error = err;
    return NULL;
}

static struct error *finish(struct holds_walk *walk, struct error *err) {
    if (!err)
        return walk->first_error;
    error_destroy(walk->first_error);
    return err;
}

/* A generator that the task waits in has its own place in the chain. */
static struct error *visit_open(void *context, uint64_t object, enum py_open_kind kind) {
    struct holds_walk *walk = context;
    if (kind == PY_OPEN_LOOP && object == walk->next)
        return NULL;
    return keep_first(walk, add_manager(walk, object));
}

struct error *aio_holds_read(struct aio_waiting *waiting) {
    const struct aio_chain *chain = waiting->chain;
    struct holds_walk walk = {.waiting = waiting};
    struct error *err = NULL;
    for (size_t i = 0; !err && i < chain->link_count; i++) {
        const struct py_generator *link = &chain->links[i];
        walk.place = waiting->task->frames.count - 1 - i;
        walk.frame = link->frame;
        walk.next = i + 1 < chain->link_count ? chain->links[i + 1].address : 0;
        if (link->frame && link->stack_slots > 0)
            err = keep_first(&walk, py_managers_visit(waiting->aio->py, link, visit_open, &walk));
    }
    return finish(&walk, err);
}

/* --- tasks that run --- */

/* Frames of another task that runs further in, which was started eagerly or by a loop inside, are
 * not this one's: where its own begin. */
static size_t find_innermost(const struct aio *aio, const struct aio_running_task *running) {
    size_t first = 0;
    for (size_t i = 0; i < aio->running_task_count; i++) {
        const struct aio_running_task *other = &aio->running_tasks[i];
        if (other->is_on_stack && other->thread == running->thread &&
            other->thread_index < running->thread_index && other->thread_index >= first)
            first = other->thread_index + 1;
    }
    return first;
}

static struct error *read_running(struct aio *aio, const struct aio_running_task *running,
                                  struct snapshot_task *task) {
    const struct aio_chain chain = {.thread = running->thread,
                                    .thread_index = running->thread_index};
    struct aio_waiting waiting = {.aio = aio, .chain = &chain, .task = task};
    struct holds_walk walk = {.waiting = &waiting};
    struct error *err = NULL;
    size_t innermost = find_innermost(aio, running), count = running->thread_index + 1;
    for (size_t i = count; !err && i-- > innermost && count - i <= RUNNING_FRAMES_MAX;) {
        walk.place = i;
        walk.frame = running->thread->frames[i].address;
        err = keep_first(&walk, py_running_managers_visit(aio->py, walk.frame, visit_open, &walk));
    }
    return finish(&walk, err);
}

struct error *aio_running_holds_read(struct aio *aio) {
    struct snapshot *snapshot = aio->snapshot;
    struct error *err = NULL;
    for (; !err && aio->running_holds_read < aio->running_task_count; aio->running_holds_read++) {
        const struct aio_running_task *running = &aio->running_tasks[aio->running_holds_read];
        if (!running->is_on_stack || running->task_index >= snapshot->tasks.count)
            continue;
        struct snapshot_task *task = &snapshot->tasks.items[running->task_index];
        if (task->id == running->task)
            err = aio_task_note(aio, task, "what it holds", read_running(aio, running, task));
    }
    return err;
}
