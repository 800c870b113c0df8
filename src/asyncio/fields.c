/*
 * The fields of a task or future: a C structure (FutureObj, TaskObj in Modules/_asynciomodule.c)
 * or attributes of an instance (asyncio/futures.py, tasks.py).
 */
#include "aio.h"

static int64_t state_of(const struct py_record *record, enum py_field field) {
    if (record->layout->offset[field] == PY_ABSENT)
        return SNAPSHOT_UNKNOWN;
    int32_t state = (int32_t)(uint32_t)py_record_get(record, field, 4);
    return state >= 0 && state <= 2 ? state : SNAPSHOT_UNKNOWN;
}

/* One byte of flags. */
static enum snapshot_tristate flag_of(const struct py_record *record, enum py_field field,
                                      uint8_t mask) {
    if (record->layout->offset[field] == PY_ABSENT)
        return SNAPSHOT_MAYBE;
    return py_record_get(record, field, 1) & mask ? SNAPSHOT_YES : SNAPSHOT_NO;
}

static struct error *read_c_task(struct aio *aio, uint64_t address, struct aio_fields *ret) {
    const struct py_layout *layout = py_get_layout(aio->py);
    struct py_record task;
    struct error *err = py_record_read(aio->py, PY_STRUCT_task, address, &task);
    if (err)
        return err;
    ret->unknown = !PY_HAS(layout, task, state) || !PY_HAS(layout, task, fut_waiter);
    ret->loop = PY_U64(&task, task, loop);
    ret->coroutine = PY_U64(&task, task, coroutine);
    ret->fut_waiter = PY_U64(&task, task, fut_waiter);
    ret->name = PY_U64(&task, task, name);
    ret->source_traceback = PY_U64(&task, task, source_traceback);
    ret->exception = PY_U64(&task, task, exception);
    ret->callback0 = PY_U64(&task, task, callback0);
    ret->callbacks = PY_U64(&task, task, callbacks);
    ret->context = PY_U64(&task, task, context);
    ret->awaited_by = PY_U64(&task, task, awaited_by);
    ret->awaited_by_is_set = PY_U8(&task, task, awaited_by_is_set) != 0;
    ret->state = state_of(&task, PY_FIELD_task_state);
    if (PY_HAS(layout, task, cancel_requests))
        ret->cancel_requests = PY_I32(&task, task, cancel_requests);
    ret->must_cancel = flag_of(&task, PY_FIELD_task_must_cancel, layout->traits.must_cancel_mask);
    ret->log_traceback =
        flag_of(&task, PY_FIELD_task_log_traceback, layout->traits.log_traceback_mask);
    return NULL;
}

static struct error *read_c_future(struct aio *aio, uint64_t address, struct aio_fields *ret) {
    struct py_record future;
    struct error *err = py_record_read(aio->py, PY_STRUCT_future, address, &future);
    if (err)
        return err;
    ret->loop = PY_U64(&future, future, loop);
    ret->source_traceback = PY_U64(&future, future, source_traceback);
    ret->exception = PY_U64(&future, future, exception);
    ret->callback0 = PY_U64(&future, future, callback0);
    ret->callbacks = PY_U64(&future, future, callbacks);
    ret->state = state_of(&future, PY_FIELD_future_state);
    ret->log_traceback = flag_of(&future, PY_FIELD_future_log_traceback,
                                 py_get_layout(aio->py)->traits.log_traceback_mask);
    return NULL;
}

enum attribute {
    ATTRIBUTE_LOOP,
    ATTRIBUTE_COROUTINE,
    ATTRIBUTE_FUT_WAITER,
    ATTRIBUTE_NAME,
    ATTRIBUTE_SOURCE_TRACEBACK,
    ATTRIBUTE_EXCEPTION,
    ATTRIBUTE_CALLBACKS,
    ATTRIBUTE_CONTEXT,
    ATTRIBUTE_LAST_OBJECT = ATTRIBUTE_CONTEXT,
    ATTRIBUTE_STATE,
    ATTRIBUTE_MUST_CANCEL,
    ATTRIBUTE_CANCEL_REQUESTS,
    ATTRIBUTE_LOG_TRACEBACK,
    ATTRIBUTE_COUNT
};

static const char *const attribute_names[ATTRIBUTE_COUNT] = {
    [ATTRIBUTE_LOOP] = "_loop",
    [ATTRIBUTE_COROUTINE] = "_coro",
    [ATTRIBUTE_FUT_WAITER] = "_fut_waiter",
    [ATTRIBUTE_NAME] = "_name",
    [ATTRIBUTE_SOURCE_TRACEBACK] = "_source_traceback",
    [ATTRIBUTE_EXCEPTION] = "_exception",
    [ATTRIBUTE_CALLBACKS] = "_callbacks",
    [ATTRIBUTE_CONTEXT] = "_context",
    [ATTRIBUTE_STATE] = "_state",
    [ATTRIBUTE_MUST_CANCEL] = "_must_cancel",
    [ATTRIBUTE_CANCEL_REQUESTS] = "_num_cancels_requested",
    [ATTRIBUTE_LOG_TRACEBACK] = "_Future__log_traceback",
};

struct attributes {
    struct aio *aio;
    uint64_t values[ATTRIBUTE_COUNT];
};

static struct error *visit_attribute(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct attributes *attributes = context;
    bool equal = false;
    (void)stop;
    for (int i = 0; i < ATTRIBUTE_COUNT && !equal; i++) {
        struct error *err = py_string_equals(attributes->aio->py, key, attribute_names[i], &equal);
        if (err)
            return err;
        if (equal)
            attributes->values[i] = value;
    }
    return NULL;
}

struct error *aio_state_read(struct aio *aio, uint64_t text, int64_t *ret) {
    static const char *const names[] = {"PENDING", "CANCELLED", "FINISHED"};
    bool equal = false;
    for (int i = 0; i < 3 && !equal; i++) {
        struct error *err = py_string_equals(aio->py, text, names[i], &equal);
        if (err)
            return err;
        if (equal)
            *ret = i;
    }
    return NULL;
}

static struct error *read_numbers(struct aio *aio, const struct attributes *attributes,
                                  struct aio_fields *ret) {
    int64_t must_cancel = 0, log_traceback = 0;
    struct error *err = NULL;
    ret->cancel_requests = 0;
    if (attributes->values[ATTRIBUTE_CANCEL_REQUESTS])
        err = py_integer_read(aio->py, attributes->values[ATTRIBUTE_CANCEL_REQUESTS],
                              &ret->cancel_requests);
    if (!err && attributes->values[ATTRIBUTE_MUST_CANCEL])
        err = py_integer_read(aio->py, attributes->values[ATTRIBUTE_MUST_CANCEL], &must_cancel);
    if (!err && attributes->values[ATTRIBUTE_LOG_TRACEBACK])
        err = py_integer_read(aio->py, attributes->values[ATTRIBUTE_LOG_TRACEBACK], &log_traceback);
    ret->log_traceback = log_traceback ? SNAPSHOT_YES : SNAPSHOT_NO;
    ret->must_cancel = must_cancel ? SNAPSHOT_YES : SNAPSHOT_NO;
    return err;
}

static struct error *read_python(struct aio *aio, uint64_t address, struct aio_fields *ret) {
    struct attributes attributes = {.aio = aio};
    uint64_t *values = attributes.values;
    struct error *err = py_attributes_visit(aio->py, address, visit_attribute, &attributes);
    if (!err && values[ATTRIBUTE_STATE])
        err = aio_state_read(aio, values[ATTRIBUTE_STATE], &ret->state);
    else
        ret->state = 0; /* the class attribute says PENDING until the instance says more */
    if (!err)
        err = read_numbers(aio, &attributes, ret);
    for (int i = ATTRIBUTE_LOOP; !err && i <= ATTRIBUTE_LAST_OBJECT; i++)
        err = aio_drop_none(aio, &values[i]);
    ret->loop = values[ATTRIBUTE_LOOP];
    ret->coroutine = values[ATTRIBUTE_COROUTINE];
    ret->fut_waiter = values[ATTRIBUTE_FUT_WAITER];
    ret->name = values[ATTRIBUTE_NAME];
    ret->source_traceback = values[ATTRIBUTE_SOURCE_TRACEBACK];
    ret->exception = values[ATTRIBUTE_EXCEPTION];
    ret->callbacks = values[ATTRIBUTE_CALLBACKS];
    ret->context = values[ATTRIBUTE_CONTEXT];
    return err;
}

/* In 3.6 the Task written in Python adds its own attributes to the Future written in C. */
static struct error *read_mixed(struct aio *aio, uint64_t address, struct aio_fields *ret) {
    struct aio_fields future = *ret;
    struct error *err = read_c_future(aio, address, &future);
    if (!err)
        err = read_python(aio, address, ret);
    ret->loop = future.loop;
    ret->source_traceback = future.source_traceback;
    ret->exception = future.exception;
    ret->callback0 = future.callback0;
    ret->callbacks = future.callbacks;
    ret->state = future.state;
    ret->log_traceback = future.log_traceback;
    return err;
}

struct error *aio_fields_read(struct aio *aio, enum aio_kind kind, uint64_t address,
                              struct aio_fields *ret) {
    *ret = (struct aio_fields){.state = SNAPSHOT_UNKNOWN,
                               .cancel_requests = SNAPSHOT_UNKNOWN,
                               .must_cancel = SNAPSHOT_MAYBE,
                               .log_traceback = SNAPSHOT_MAYBE};
    if (kind == AIO_KIND_C_TASK)
        return read_c_task(aio, address, ret);
    if (kind == AIO_KIND_C_FUTURE)
        return read_c_future(aio, address, ret);
    if (kind == AIO_KIND_MIXED_TASK)
        return read_mixed(aio, address, ret);
    if (!aio_kind_is_future(kind))
        return aio_foreign_fields_read(aio, address, ret);
    return read_python(aio, address, ret);
}
