/*
 * Tasks of classes that do not derive from asyncio's, which registered themselves
 * (asyncio.tasks._register_task). From 3.14 on the registry of those is in the state of the module
 * _asyncio, where no object leads; before, all tasks are in one.
 */
#include <string.h>

#include "aio.h"

/* An anchor: the state holds the type Task, and what is read is of the right type. */
static struct error *read_state_of_module(struct aio *aio, uint64_t state, uint64_t *ret_weak_set,
                                          uint64_t *ret_set) {
    struct py_record record;
    struct py_type *weak_set_type = NULL, *set_type = NULL;
    struct error *err = py_record_read(aio->py, PY_STRUCT_asyncio_state, state, &record);
    if (err)
        return err;
    *ret_weak_set = PY_U64(&record, asyncio_state, foreign_tasks);
    *ret_set = PY_U64(&record, asyncio_state, foreign_eager_tasks);
    bool known = PY_U64(&record, asyncio_state, task_type) == aio->modules.c_task;
    if (known)
        err = py_type_of(aio->py, *ret_weak_set, &weak_set_type);
    if (known && !err)
        err = py_type_of(aio->py, *ret_set, &set_type);
    if (!err && (!known || strcmp(weak_set_type->full_name, "_weakrefset.WeakSet") != 0 ||
                 set_type->kind != PY_KIND_SET))
        err = error_create(ERROR_INVALID, "the state of _asyncio is not the known one");
    return err;
}

static struct error *visit_task(void *context, uint64_t item) {
    aio_queue_task(context, item);
    return NULL;
}

static struct error *collect(struct aio *aio) {
    uint64_t state = 0, weak_set = 0, set = 0;
    uint64_t at = (uint64_t)PY_OFFSET(py_get_layout(aio->py), module, state);
    struct error *err = py_read_u64(aio->py, aio->modules.accelerator + at, &state);
    if (err || !state)
        return err;
    err = read_state_of_module(aio, state, &weak_set, &set);
    if (!err)
        err = aio_weak_set_collect(aio, weak_set);
    return err ? err : py_set_visit(aio->py, set, visit_task, aio);
}

struct error *aio_foreign_tasks_collect(struct aio *aio) {
    if (!aio->modules.accelerator || !PY_HAS(py_get_layout(aio->py), asyncio_state, foreign_tasks))
        return NULL;
    return aio_note_missing(aio, "tasks that are no asyncio.Task", collect(aio));
}

/* An attribute that is there and of that kind; *ret is 0 otherwise. */
static struct error *find_attribute(struct aio *aio, uint64_t address, const char *name,
                                    enum py_kind kind, uint64_t *ret) {
    struct py_type *type = NULL;
    struct error *err = py_attribute_find(aio->py, address, name, ret);
    if (!err && *ret)
        err = py_type_of(aio->py, *ret, &type);
    if (!err && type && type->kind != kind)
        *ret = 0;
    return err;
}

static struct error *find_loop(struct aio *aio, uint64_t address, uint64_t *ret) {
    struct py_type *type = NULL;
    enum aio_kind kind = AIO_KIND_OTHER;
    struct error *err = py_attribute_find(aio->py, address, "_loop", ret);
    if (!err && *ret)
        err = py_type_of(aio->py, *ret, &type);
    if (!err && type)
        err = aio_classify(aio, type, &kind);
    if (kind != AIO_KIND_LOOP)
        *ret = 0;
    return err;
}

static struct error *read_numbers(struct aio *aio, uint64_t address, struct aio_fields *ret) {
    uint64_t must_cancel = 0, requests = 0;
    int64_t number = 0;
    struct error *err = find_attribute(aio, address, "_must_cancel", PY_KIND_INTEGER, &must_cancel);
    if (!err && must_cancel)
        err = py_integer_read(aio->py, must_cancel, &number);
    if (!err && must_cancel)
        ret->must_cancel = number ? SNAPSHOT_YES : SNAPSHOT_NO;
    if (!err)
        err = find_attribute(aio, address, "_num_cancels_requested", PY_KIND_INTEGER, &requests);
    return err || !requests ? err : py_integer_read(aio->py, requests, &ret->cancel_requests);
}

struct error *aio_foreign_fields_read(struct aio *aio, uint64_t address, struct aio_fields *ret) {
    uint64_t state = 0;
    ret->foreign = true;
    struct error *err = find_loop(aio, address, &ret->loop);
    if (!err)
        err = find_attribute(aio, address, "_name", PY_KIND_STRING, &ret->name);
    if (!err)
        err = find_attribute(aio, address, "_state", PY_KIND_STRING, &state);
    if (!err && state)
        err = aio_state_read(aio, state, &ret->state);
    if (!err)
        err = read_numbers(aio, address, ret);
    if (!err)
        err =
            find_attribute(aio, address, "_source_traceback", PY_KIND_LIST, &ret->source_traceback);
    if (!err)
        err = py_attribute_find(aio->py, address, "_coro", &ret->coroutine);
    if (!err)
        err = aio_drop_none(aio, &ret->coroutine);
    if (!err)
        err = py_attribute_find(aio->py, address, "_fut_waiter", &ret->fut_waiter);
    ret->unknown = ret->state == SNAPSHOT_UNKNOWN || !ret->fut_waiter;
    return err ? err : aio_drop_none(aio, &ret->fut_waiter);
}
