/*
 * Cancel scopes, and what anyio keeps beside each of its tasks: a TaskState, found by the dict
 * _task_states of weak references to tasks (anyio/_backends/_asyncio.py).
 */
#include <math.h>
#include <string.h>

#include "anyio.h"
#include "asyncspy/snapshot/task_index.h"

#define BACKEND "anyio._backends._asyncio"
#define SCOPES_MAX 64 /* one inside the other that are looked at for a task */
#define STATE_UNITS 50
#define SCOPE_UNITS 5

/* The state of a task. */
struct task_state {
    uint64_t task, state;
};

struct scope {
    uint64_t address, parent;
    double deadline; /* of the loop's clock, or infinite */
    bool shield;     /* scopes further out do not reach into it */
};

static struct error *visit_state(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct aio *aio = context;
    uint64_t task = 0;
    (void)stop;
    py_charge(aio->py, STATE_UNITS);
    struct error *err = py_weakref_get(aio->py, key, &task);
    if (err || !task || id_table_find(aio->anyio_states, task))
        return err;
    struct task_state *state = arena_alloc(aio->arena, sizeof *state);
    *state = (struct task_state){task, value};
    id_table_add(aio->anyio_states, state->task, state);
    return NULL;
}

static struct error *read_states(struct aio *aio) {
    uint64_t module, states = 0, data = 0;
    struct error *err = aio_module_find(aio, BACKEND, &module);
    if (!err && module)
        err = py_dict_find(aio->py, module, "_task_states", &states);
    if (!err && states)
        err = aio_attribute_read(aio, states, "data", &data);
    return err || !data ? err : py_dict_visit(aio->py, data, visit_state, aio);
}

static struct error *find_state(struct aio *aio, uint64_t task, uint64_t *ret) {
    struct error *err = NULL;
    if (!aio->anyio_states_read) {
        aio->anyio_states_read = true;
        err = aio_note_missing(aio, "what anyio knows of its tasks", read_states(aio));
    }
    const struct task_state *found = err ? NULL : id_table_find(aio->anyio_states, task);
    *ret = found ? found->state : 0;
    return err;
}

/* One that was cancelled already ends nothing any more by its deadline. */
static struct error *read_deadline(struct aio *aio, struct scope *scope) {
    int64_t cancelled;
    uint64_t deadline = 0;
    double value = NAN;
    struct error *err =
        aio_attribute_read_integer(aio, scope->address, "_cancel_called", &cancelled);
    if (!err && cancelled != 1)
        err = aio_attribute_read(aio, scope->address, "_deadline", &deadline);
    if (!err && deadline)
        err = aio_number_read(aio, deadline, &value);
    scope->deadline = isnan(value) ? INFINITY : value;
    return err;
}

static struct error *read_scope(struct aio *aio, uint64_t address, const struct scope **ret) {
    struct scope *scope = id_table_find(aio->anyio_scopes, address);
    struct py_type *type;
    enum aio_kind kind;
    int64_t shield = 0;
    *ret = scope;
    if (scope)
        return NULL;
    struct error *err = py_type_of(aio->py, address, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (!err && kind != AIO_KIND_ANYIO_SCOPE)
        err = error_create(ERROR_INVALID, "a %s is no cancel scope", type->full_name);
    if (err)
        return err;
    scope = arena_alloc(aio->arena, sizeof *scope);
    *scope = (struct scope){.address = address};
    err = read_deadline(aio, scope);
    if (!err)
        err = aio_attribute_read_integer(aio, address, "_shield", &shield);
    if (!err)
        err = aio_attribute_read(aio, address, "_parent_scope", &scope->parent);
    if (err)
        return err;
    scope->shield = shield == 1;
    id_table_add(aio->anyio_scopes, scope->address, scope);
    *ret = scope;
    return NULL;
}

/* The earliest deadline of a scope and of those around it, as far as they reach. */
static struct error *find_deadline(struct aio *aio, uint64_t address, double *ret) {
    const struct scope *scope;
    *ret = INFINITY;
    for (int depth = 0; address && depth < SCOPES_MAX; depth++) {
        py_charge(aio->py, SCOPE_UNITS);
        struct error *err = read_scope(aio, address, &scope);
        if (err)
            return err;
        if (scope->deadline < *ret)
            *ret = scope->deadline;
        address = scope->shield ? 0 : scope->parent;
    }
    return NULL;
}

static struct error *read_state(struct aio *aio, struct snapshot_task *task) {
    struct aio_waiting waiting = {.aio = aio, .task = task, .wait = task->awaiting};
    uint64_t state, scope = 0;
    int64_t parent = SNAPSHOT_UNKNOWN;
    double deadline = INFINITY;
    struct error *err = find_state(aio, task->id, &state);
    if (err || !state)
        return err;
    err = aio_attribute_read_integer(aio, state, "parent_id", &parent);
    if (!err && parent > 0) {
        task->creator = (snapshot_id)parent;
        aio->anyio_has_creators = true;
    }
    if (!err && task->awaiting)
        err = aio_attribute_read(aio, state, "cancel_scope", &scope);
    if (!err && scope)
        err = find_deadline(aio, scope, &deadline);
    if (!err && !isinf(deadline))
        aio_wait_set_deadline(&waiting, deadline);
    return err;
}

struct error *aio_anyio_state_read(struct aio *aio, struct snapshot_task *task) {
    return aio_task_note(aio, task, "what anyio knows of it", read_state(aio, task));
}

void aio_anyio_check_creators(struct aio *aio) {
    struct snapshot *snapshot = aio->snapshot;
    if (!aio->anyio_has_creators)
        return;
    const struct task_index *index = task_index_create(aio->arena, snapshot);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct snapshot_task *task = &snapshot->tasks.items[i];
        if (task->creator && task_index_find(index, task->creator) == TASK_INDEX_NONE)
            task->creator = 0;
    }
}

struct error *aio_anyio_scope_get_task(struct aio *aio, uint64_t scope, uint64_t *ret) {
    struct py_type *type;
    enum aio_kind kind = AIO_KIND_OTHER;
    struct error *err = aio_attribute_read(aio, scope, "_host_task", ret);
    if (!err && *ret)
        err = py_type_of(aio->py, *ret, &type);
    if (!err && *ret)
        err = aio_classify(aio, type, &kind);
    if (err || !aio_kind_is_task(kind))
        *ret = 0;
    return err;
}

struct error *aio_anyio_portal_get_task(struct aio *aio, const struct aio_callable *callback,
                                        uint64_t *ret) {
    uint64_t scope = 0;
    *ret = 0;
    if (callback->kind != PY_KIND_FUNCTION ||
        !strstr(callback->name, "BlockingPortal._call_func.<locals>.callback"))
        return NULL;
    struct error *err = py_closure_find(aio->py, &callback->function, "scope", &scope);
    if (!err)
        err = aio_drop_none(aio, &scope);
    return err || !scope ? err : aio_anyio_scope_get_task(aio, scope, ret);
}
