/* Callables: who is called back when a future is done, what a handle runs. */
#include <string.h>

#include "asyncspy/base/text.h"
#include "wait.h"

#define PARTIALS_MAX 8

struct error *aio_callable_read(struct aio *aio, uint64_t address, struct aio_callable *ret) {
    struct py_type *type;
    uint64_t function = 0;
    *ret = (struct aio_callable){0};
    struct error *err = py_type_of(aio->py, address, &type);
    if (err)
        return err;
    ret->kind = type->kind;
    ret->name = type->full_name;
    switch ((int)type->kind) {
    case PY_KIND_FUNCTION:
        function = address;
        break;
    case PY_KIND_METHOD:
        err = py_method_read(aio->py, address, &function, &ret->self);
        if (!err)
            err = py_type_of(aio->py, function, &type);
        if (!err && type->kind != PY_KIND_FUNCTION)
            function = 0;
        break;
    case PY_KIND_BUILTIN:
        return py_builtin_read(aio->py, address, &ret->name, &ret->self);
    case PY_KIND_PARTIAL:
        return py_partial_read(aio->py, address, &ret->callee, &ret->arguments);
    default:
        ret->kind = PY_KIND_OTHER;
        return NULL;
    }
    if (!err && function)
        err = py_function_read(aio->py, function, &ret->function);
    if (!err && function)
        ret->name = ret->function.qualified_name;
    return err;
}

/* Task._wakeup and _step up to 3.6, later __wakeup and __step, of the Task written in Python. */
static bool is_task_method(const char *name) {
    return text_ends_with(name, "Task._wakeup") || text_ends_with(name, "Task._step") ||
           text_ends_with(name, "Task.__wakeup") || text_ends_with(name, "Task.__step");
}

struct error *aio_callable_get_task(struct aio *aio, uint64_t address,
                                    const struct aio_callable *callable, uint64_t *ret) {
    const struct py_layout *layout = py_get_layout(aio->py);
    int32_t offset = PY_ABSENT;
    *ret = 0;
    if ((callable->kind == PY_KIND_BUILTIN && strcmp(callable->name, "task_wakeup") == 0) ||
        (callable->kind == PY_KIND_METHOD && is_task_method(callable->name)))
        *ret = callable->self;
    else if (callable->kind == PY_KIND_OTHER &&
             text_ends_with(callable->name, "TaskStepMethWrapper"))
        offset = PY_OFFSET(layout, task_step, task);
    else if (callable->kind == PY_KIND_OTHER &&
             text_ends_with(callable->name, "TaskWakeupMethWrapper"))
        offset = PY_OFFSET(layout, task_wakeup, task);
    return offset == PY_ABSENT ? NULL : py_read_u64(aio->py, address + (uint64_t)offset, ret);
}

/* What a partial of contextvars.Context.run runs: its first argument (asyncio.to_thread). */
static struct error *see_through_context(struct aio *aio, const struct aio_callable *partial,
                                         uint64_t *callee) {
    struct aio_callable inner;
    uint64_t argument = 0;
    struct error *err = aio_callable_read(aio, partial->callee, &inner);
    *callee = partial->callee;
    if (err || inner.kind != PY_KIND_BUILTIN || strcmp(inner.name, "run") != 0)
        return err;
    err = py_tuple_get(aio->py, partial->arguments, 0, &argument);
    if (!err && argument)
        *callee = argument;
    return err;
}

struct error *aio_callable_describe(struct aio *aio, uint64_t address, const char **ret) {
    struct aio_callable callable;
    *ret = NULL;
    struct error *err = aio_callable_read(aio, address, &callable);
    for (int i = 0; !err && callable.kind == PY_KIND_PARTIAL && i < PARTIALS_MAX; i++) {
        err = see_through_context(aio, &callable, &address);
        if (!err)
            err = aio_callable_read(aio, address, &callable);
    }
    if (!err && callable.kind != PY_KIND_PARTIAL)
        *ret = callable.name;
    return err;
}

struct callback_visit {
    struct aio *aio;
    aio_visit_callback *visit;
    void *context;
    bool stop;
};

/* That a task will be woken is known of nearly every future, and not read. */
static struct error *visit_callable(struct callback_visit *visit, uint64_t address) {
    struct aio_callable callable;
    struct py_type *type;
    struct error *err = py_type_of(visit->aio->py, address, &type);
    if (err || (type->kind != PY_KIND_FUNCTION && type->kind != PY_KIND_PARTIAL))
        return err;
    err = aio_callable_read(visit->aio, address, &callable);
    return err ? err : visit->visit(visit->context, address, &callable, &visit->stop);
}

/* From 3.7 on the list has pairs (callable, context). */
static struct error *visit_item(void *context, uint64_t item) {
    struct callback_visit *visit = context;
    struct py_type *type;
    if (!item || visit->stop)
        return NULL;
    struct error *err = py_type_of(visit->aio->py, item, &type);
    if (!err && type->kind == PY_KIND_TUPLE)
        err = py_tuple_get(visit->aio->py, item, 0, &item);
    return err || !item ? err : visit_callable(visit, item);
}

struct error *aio_callbacks_visit(struct aio *aio, const struct aio_fields *future,
                                  aio_visit_callback *visit, void *context) {
    struct callback_visit state = {aio, visit, context, false};
    uint64_t callbacks = future->callbacks;
    struct error *err = NULL;
    if (future->callback0)
        err = visit_callable(&state, future->callback0);
    if (!err && !state.stop)
        err = aio_drop_none(aio, &callbacks);
    if (!err && !state.stop && callbacks)
        err = py_list_visit(aio->py, callbacks, visit_item, &state);
    return err;
}
