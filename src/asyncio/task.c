/* One task. */
#include "anyio.h"

#define TASK_UNITS 100 /* of work, besides the reads */

static void add_note(struct aio *aio, struct snapshot_task *task, const char *what,
                     struct error *err) {
    snapshot_add_note(aio->snapshot, task,
                      arena_format(aio->arena, "%s: %s", what, error_get_message(err)));
    error_destroy(err);
}

struct error *aio_task_note(struct aio *aio, struct snapshot_task *task, const char *what,
                            struct error *err) {
    if (!err || error_is_fatal(err))
        return err;
    add_note(aio, task, what, err);
    return NULL;
}

/* The name as get_name() gives it; from 3.12 on a number stands for "Task-<number>" until somebody
 * asks. */
static struct error *read_name(struct aio *aio, uint64_t name, const char **ret) {
    struct py_type *type;
    int64_t number;
    if (!name)
        return NULL;
    struct error *err = py_type_of(aio->py, name, &type);
    if (err || type->kind == PY_KIND_NONE)
        return err;
    if (type->kind == PY_KIND_STRING)
        return py_string_copy(aio->py, name, ret);
    if (type->kind != PY_KIND_INTEGER)
        return error_create(ERROR_INVALID, "it is a %s", type->full_name);
    err = py_integer_read(aio->py, name, &number);
    if (!err)
        *ret = arena_format(aio->snapshot->arena, "Task-%lld", (long long)number);
    return err;
}

/* str(exception) where that is plain: one argument, a string. */
static struct error *read_exception_text(struct aio *aio, uint64_t exception, const char **ret) {
    const struct py_layout *layout = py_get_layout(aio->py);
    struct py_type *type;
    uint64_t args, count = 0, item = 0;
    struct error *err =
        py_read_u64(aio->py, exception + (uint64_t)PY_OFFSET(layout, exception, args), &args);
    if (!err)
        err = py_read_u64(aio->py, args + (uint64_t)PY_OFFSET(layout, tuple, count), &count);
    if (err || count != 1)
        return err;
    err = py_read_u64(aio->py, args + (uint64_t)PY_OFFSET(layout, tuple, items), &item);
    if (!err)
        err = py_type_of(aio->py, item, &type);
    if (err || type->kind != PY_KIND_STRING)
        return err;
    return py_string_read(aio->py, item, ret);
}

static struct error *read_exception(struct aio *aio, const struct aio_fields *fields,
                                    struct snapshot_task *task) {
    uint64_t exception = fields->exception;
    struct py_type *type;
    struct error *err = aio_drop_none(aio, &exception);
    if (err || !exception)
        return err;
    err = py_type_of(aio->py, exception, &type);
    if (err)
        return err;
    task->exception = arena_alloc(aio->snapshot->arena, sizeof *task->exception);
    task->exception->type = type->full_name;
    if (fields->log_traceback != SNAPSHOT_MAYBE)
        task->exception_retrieved =
            fields->log_traceback == SNAPSHOT_YES ? SNAPSHOT_NO : SNAPSHOT_YES;
    return read_exception_text(aio, exception, &task->exception->text);
}

static struct aio_thread *find_thread(struct aio *aio, const struct aio_thread *wanted) {
    for (size_t i = 0; i < aio->thread_count; i++)
        if (&aio->threads[i] == wanted)
            return &aio->threads[i];
    return NULL;
}

static struct aio_thread *find_thread_of_task(struct aio *aio, uint64_t address) {
    for (size_t i = 0; i < aio->thread_count; i++)
        if (aio->threads[i].current_task == address)
            return &aio->threads[i];
    return NULL;
}

/* The task will be the next in the snapshot. */
static void add_running_task(struct aio *aio, const struct aio_chain *chain,
                             const struct snapshot_task *task, const struct aio_thread *thread) {
    aio->running_tasks =
        snapshot_vector_grow(aio->arena, aio->running_tasks, &aio->running_task_count,
                             &aio->running_task_capacity, sizeof *aio->running_tasks);
    aio->running_tasks[aio->running_task_count - 1] =
        (struct aio_running_task){.event_loop = task->event_loop,
                                  .thread = thread,
                                  .task = task->id,
                                  .task_index = aio->snapshot->tasks.count,
                                  .is_on_stack = chain->thread != NULL,
                                  .thread_index = chain->thread_index};
}

/* The thread that a running task runs in learns of it; the innermost task of a thread counts. */
static void note_running(struct aio *aio, const struct aio_chain *chain,
                         struct snapshot_task *task) {
    struct aio_thread *thread =
        chain->thread ? find_thread(aio, chain->thread) : find_thread_of_task(aio, task->id);
    task->state = SNAPSHOT_TASK_RUNNING;
    task->tid = thread ? thread->tid : SNAPSHOT_UNKNOWN;
    if (thread && !thread->current_task)
        thread->current_task = task->id;
    if (thread)
        add_running_task(aio, chain, task, thread);
}

/* Of a structure that is not the known one only the coroutine tells the state. */
static struct error *note_unknown(struct aio *aio, const struct aio_fields *fields,
                                  const struct aio_chain *chain, struct snapshot_task *task) {
    if (chain->is_generator && chain->state == PY_GENERATOR_FINISHED) {
        task->state = SNAPSHOT_TASK_DONE;
        return NULL;
    }
    task->state = SNAPSHOT_TASK_WAITING;
    snapshot_add_note(
        aio->snapshot, task,
        fields->foreign ? "whether it waits or is ready or done is not known: it is no asyncio.Task"
                        : "whether it waits or is ready or done is not known: see what is missing");
    return NULL;
}

/* State and wait of a pending task from what its coroutine does. */
static struct error *read_pending(struct aio *aio, const struct aio_fields *fields,
                                  const struct aio_chain *chain, struct snapshot_task *task) {
    bool current = find_thread_of_task(aio, task->id) != NULL;
    if (chain->state == PY_GENERATOR_EXECUTING ||
        (current && chain->state == PY_GENERATOR_FINISHED)) {
        struct aio_waiting outside = {.aio = aio, .chain = chain, .fields = fields, .task = task};
        note_running(aio, chain, task);
        return aio->memo ? NULL
                         : aio_task_note(aio, task, "what it holds", aio_holds_read(&outside));
    }
    if (chain->is_generator && chain->state == PY_GENERATOR_CREATED) {
        task->state = SNAPSHOT_TASK_NOT_STARTED;
        return NULL;
    }
    if (fields->unknown)
        return note_unknown(aio, fields, chain, task);
    return aio_wait_read(aio, fields, chain, task);
}

/* "type name" of a coroutine that is no generator of any kind. */
static struct error *read_foreign_name(struct aio *aio, uint64_t coroutine, const char **ret) {
    struct py_type *type;
    struct error *err = py_type_of(aio->py, coroutine, &type);
    if (!err)
        *ret = type->full_name;
    return err;
}

static struct error *read_coroutine(struct aio *aio, const struct aio_fields *fields,
                                    struct snapshot_task *task) {
    struct aio_chain chain = {.state = PY_GENERATOR_FINISHED};
    struct error *err = NULL;
    bool pending = fields->state == 0 || fields->state == SNAPSHOT_UNKNOWN;
    if (fields->coroutine)
        err = aio_chain_read(aio, fields->coroutine, &chain);
    else if (pending && !fields->unknown)
        snapshot_add_note(aio->snapshot, task, "it has no coroutine");
    task->coroutine = chain.name;
    task->frames = chain.frames;
    if (!err && fields->coroutine && !chain.is_generator)
        err = read_foreign_name(aio, fields->coroutine, &task->coroutine);
    err = aio_task_note(aio, task, "coroutine", err);
    if (err)
        return err;
    if (chain.note)
        snapshot_add_note(aio->snapshot, task, chain.note);
    return pending ? read_pending(aio, fields, &chain, task) : NULL;
}

/* Everything of a task but its type and its fields. */
static struct error *read_parts(struct aio *aio, const struct aio_fields *fields,
                                struct snapshot_task *task) {
    struct error *err = aio_task_note(aio, task, "name", read_name(aio, fields->name, &task->name));
    if (!err)
        err = read_coroutine(aio, fields, task);
    if (err || aio->memo) /* a sample is no more than that */
        return err;
    err = aio_task_note(aio, task, "awaited by", aio_awaited_by_read(aio, fields, task));
    if (!err)
        err = aio_anyio_state_read(aio, task);
    if (!err && fields->source_traceback) {
        err = aio_traceback_read(aio, fields->source_traceback, &task->created_at);
        task->has_created_at = !err && task->created_at.count > 0;
        err = aio_task_note(aio, task, "created at", err);
    }
    if (!err)
        err = aio_task_note(aio, task, "context", aio_context_read(aio, fields, task));
    if (!err && fields->state == 2 && fields->exception)
        err = aio_task_note(aio, task, "exception", read_exception(aio, fields, task));
    return err;
}

static struct error *read_task(struct aio *aio, struct snapshot_task *task, bool *ret_foreign) {
    struct py_type *type;
    struct aio_fields fields = {0};
    enum aio_kind kind;
    struct error *err = py_type_of(aio->py, task->id, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (err)
        return err;
    task->type = type->full_name;
    err = aio_fields_read(aio, kind, task->id, &fields);
    if (!err)
        err = aio_loop_is_foreign(aio, fields.loop, ret_foreign);
    if (err || *ret_foreign)
        return err;
    task->event_loop = fields.loop;
    task->cancel_requests = fields.cancel_requests;
    task->must_cancel = fields.must_cancel;
    task->state = fields.state == 1 ? SNAPSHOT_TASK_CANCELLED : SNAPSHOT_TASK_DONE;
    return read_parts(aio, &fields, task);
}

struct error *aio_task_fill(struct aio *aio, uint64_t address, struct snapshot_task *ret,
                            bool *ret_foreign) {
    *ret = snapshot_task_blank;
    ret->id = address;
    ret->interpreter = aio->interpreter->id;
    *ret_foreign = false;
    py_charge(aio->py, TASK_UNITS + aio->thread_count / 8);
    return read_task(aio, ret, ret_foreign);
}

struct error *aio_task_read(struct aio *aio, uint64_t address) {
    /* Read aside: the queue, and so the vector of tasks, may grow meanwhile. */
    struct snapshot_task task;
    bool is_foreign;
    struct error *err = aio_task_fill(aio, address, &task, &is_foreign);
    if (err)
        return aio_note_missing(
            aio, arena_format(aio->arena, "task 0x%llx", (unsigned long long)address), err);
    if (is_foreign)
        return NULL;
    *SNAPSHOT_APPEND(aio->snapshot, &aio->snapshot->tasks) = task;
    return NULL;
}
