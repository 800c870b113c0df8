/*
 * Waits that only the tasks waited for tell of, by their callbacks: as_completed() up to 3.12 (its
 * closure has the queue `done`), shield() in 3.6 (its closure has the future `outer`). Looked at
 * when all tasks are read, and only where somebody waits so.
 */
#include <string.h>

#include "asyncspy/base/text.h"
#include "wait.h"

#define LATE_UNITS 50 /* of work for a task */

/* The waits on one queue or future, and the tasks found for it. */
struct late {
    uint64_t key;
    snapshot_id *tasks;
    size_t count, capacity;
    int64_t total; /* how many futures are waited for, of which some may be no tasks */
};

struct late_walk {
    struct aio *aio;
    uint64_t task;
};

void aio_wait_later(struct aio *aio, uint64_t key, struct snapshot_wait *wait) {
    aio->late_waits = snapshot_vector_grow(aio->arena, aio->late_waits, &aio->late_count,
                                           &aio->late_capacity, sizeof *aio->late_waits);
    aio->late_waits[aio->late_count - 1] = (struct aio_late_wait){key, wait};
    if (id_table_find(aio->late, key))
        return;
    struct late *late = arena_alloc(aio->arena, sizeof *late);
    *late = (struct late){.key = key, .total = SNAPSHOT_UNKNOWN};
    id_table_add(aio->late, late->key, late);
}

/* The variable of the closure that has the key. */
static const char *get_variable(const struct aio_callable *callable) {
    if (callable->kind != PY_KIND_FUNCTION)
        return NULL;
    if (text_ends_with(callable->name, "as_completed.<locals>._on_completion"))
        return "done";
    return text_ends_with(callable->name, "shield.<locals>._done_callback") ? "outer" : NULL;
}

/* The set that as_completed() takes its futures from one by one. */
static struct error *count_futures(struct aio *aio, const struct py_function *callback,
                                   struct late *late) {
    const struct aio_task_list *list;
    struct py_type *type;
    uint64_t todo;
    struct error *err = py_closure_find(aio->py, callback, "todo", &todo);
    if (!err && todo)
        err = py_type_of(aio->py, todo, &type);
    if (err || !todo || type->kind != PY_KIND_SET)
        return err;
    err = aio_task_list_read(aio, todo, &list);
    if (!err)
        late->total = list->total - list->done;
    return err;
}

static struct error *visit_callback(void *context, uint64_t address,
                                    const struct aio_callable *callable, bool *stop) {
    struct late_walk *walk = context;
    const char *variable = get_variable(callable);
    uint64_t key = 0;
    (void)address;
    (void)stop;
    if (!variable)
        return NULL;
    struct error *err = py_closure_find(walk->aio->py, &callable->function, variable, &key);
    struct late *late = err ? NULL : id_table_find(walk->aio->late, key);
    if (!late)
        return err;
    late->tasks = snapshot_vector_grow(walk->aio->snapshot->arena, late->tasks, &late->count,
                                       &late->capacity, sizeof *late->tasks);
    late->tasks[late->count - 1] = walk->task;
    return late->count == 1 ? count_futures(walk->aio, &callable->function, late) : NULL;
}

static struct error *look_at(struct aio *aio, uint64_t task) {
    struct late_walk walk = {aio, task};
    struct aio_fields fields;
    struct py_type *type;
    enum aio_kind kind;
    py_charge(aio->py, LATE_UNITS);
    struct error *err = py_type_of(aio->py, task, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (!err)
        err = aio_fields_read(aio, kind, task, &fields);
    return err ? err : aio_callbacks_visit(aio, &fields, visit_callback, &walk);
}

static void fill(struct aio *aio, const struct aio_late_wait *it) {
    const struct late *late = id_table_find(aio->late, it->key);
    if (!late || !late->count)
        return;
    it->wait->tasks = late->tasks;
    it->wait->task_count = late->count;
    it->wait->total = late->total;
    if (it->wait->kind == SNAPSHOT_WAIT_FUTURE)
        it->wait->kind = SNAPSHOT_WAIT_SHIELD;
}

struct error *aio_late_waits_fill(struct aio *aio) {
    struct snapshot *snapshot = aio->snapshot;
    struct error *err = NULL;
    for (size_t i = 0; !err && aio->late_count && i < snapshot->tasks.count; i++)
        if (snapshot->tasks.items[i].state != SNAPSHOT_TASK_DONE &&
            snapshot->tasks.items[i].state != SNAPSHOT_TASK_CANCELLED)
            err = aio_task_note(aio, &snapshot->tasks.items[i], "callbacks",
                                look_at(aio, snapshot->tasks.items[i].id));
    for (size_t i = 0; !err && i < aio->late_count; i++)
        fill(aio, &aio->late_waits[i]);
    return err;
}
