/* Where asyncio is: its modules, its types, and whether their structures are the known ones. */
#include <string.h>

#include "anyio.h"

/* The module object; 0 when it is not imported. */
static struct error *find_object(struct aio *aio, const char *name, uint64_t *ret) {
    struct py_type *type;
    *ret = 0;
    if (!aio->interpreter->modules)
        return NULL;
    struct error *err = py_dict_find(aio->py, aio->interpreter->modules, name, ret);
    if (err || !*ret)
        return err;
    err = py_type_of(aio->py, *ret, &type);
    if (!err && type->kind != PY_KIND_MODULE) /* None, or something put there by the program */
        *ret = 0;
    return err;
}

struct error *aio_module_find(struct aio *aio, const char *name, uint64_t *ret) {
    uint64_t module;
    *ret = 0;
    struct error *err = find_object(aio, name, &module);
    return err || !module ? err : py_module_get_dict(aio->py, module, ret);
}

static struct error *find_type(struct aio *aio, uint64_t module_dict, const char *name,
                               uint64_t *ret) {
    *ret = 0;
    return module_dict ? py_dict_find(aio->py, module_dict, name, ret) : NULL;
}

/* An anchor: tp_basicsize of the C types is the size of their structure. A release that moved
 * fields has another size; then those fields are marked absent instead of being guessed. */
static struct error *check_size(struct aio *aio, uint64_t type_address, enum py_struct struct_,
                                enum py_field size_field, const char *name) {
    struct py_layout *layout = py_get_layout(aio->py);
    int32_t expected = layout->offset[size_field];
    struct py_type *type;
    if (!type_address)
        return NULL;
    struct error *err = py_type_read(aio->py, type_address, &type);
    if (err || expected == PY_ABSENT || type->basicsize == (uint64_t)expected)
        return err;
    const struct py_table *variant =
        py_table_find_variant(layout->table, size_field, type->basicsize);
    if (variant) {
        py_layout_adopt_struct(layout, variant, struct_);
        return NULL;
    }
    py_layout_drop_struct(layout, struct_);
    snapshot_add_missing(aio->snapshot, name,
                         arena_format(aio->snapshot->arena,
                                      "the structure has %llu bytes, this asyncspy knows the one "
                                      "of %d: its fields are not guessed",
                                      (unsigned long long)type->basicsize, expected));
    return NULL;
}

static struct error *check_sizes(struct aio *aio) {
    struct error *err = check_size(aio, aio->modules.c_task, PY_STRUCT_task, PY_FIELD_task_size,
                                   "fields of _asyncio.Task");
    if (!err)
        err = check_size(aio, aio->modules.c_future, PY_STRUCT_future, PY_FIELD_future_size,
                         "fields of _asyncio.Future");
    return err;
}

static struct error *find_generator_types(struct aio *aio) {
    struct aio_modules *modules = &aio->modules;
    uint64_t types;
    struct error *err = aio_module_find(aio, "types", &types);
    if (!err)
        err = find_type(aio, types, "CoroutineType", &modules->coroutine);
    if (!err)
        err = find_type(aio, types, "GeneratorType", &modules->generator);
    if (!err)
        err = find_type(aio, types, "AsyncGeneratorType", &modules->async_generator);
    return err;
}

struct error *aio_modules_try(struct aio *aio) {
    struct aio_modules *modules = &aio->modules;
    uint64_t futures, accelerator;
    struct error *err = aio_module_find(aio, "asyncio.tasks", &modules->tasks);
    if (err || !modules->tasks)
        return err;
    err = aio_module_find(aio, "asyncio.futures", &futures);
    if (!err)
        err = aio_module_find(aio, "asyncio.events", &modules->events);
    if (!err)
        err = aio_module_find(aio, "_asyncio", &accelerator);
    if (!err)
        err = find_object(aio, "_asyncio", &modules->accelerator);
    if (!err)
        err = find_type(aio, accelerator, "Task", &modules->c_task);
    if (!err)
        err = find_type(aio, accelerator, "Future", &modules->c_future);
    if (!err)
        err = find_type(aio, modules->tasks, "_PyTask", &modules->python_task);
    if (!err)
        err = find_type(aio, futures, "_PyFuture", &modules->python_future);
    if (!err)
        err = find_type(aio, modules->events, "AbstractEventLoop", &modules->abstract_loop);
    if (!err)
        err = find_generator_types(aio);
    if (!err)
        err = aio_folder_find(aio);
    return err ? err : check_sizes(aio);
}

struct error *aio_modules_find(struct aio *aio) {
    return aio_note_missing(aio, "asyncio", aio_modules_try(aio));
}

/* Classes that are known by their names. */
static const struct {
    const char *name;
    enum aio_kind kind;
} named_kinds[] = {
    {"asyncio.locks.Lock", AIO_KIND_LOCK},
    {"asyncio.locks.Semaphore", AIO_KIND_SEMAPHORE},
    {"asyncio.locks.Event", AIO_KIND_EVENT},
    {"asyncio.locks.Condition", AIO_KIND_CONDITION},
    {"asyncio.locks.Barrier", AIO_KIND_BARRIER},
    {"asyncio.locks._ContextManager", AIO_KIND_LOCK_CONTEXT},
    {"asyncio.queues.Queue", AIO_KIND_QUEUE},
    {"asyncio.taskgroups.TaskGroup", AIO_KIND_TASK_GROUP},
    {"asyncio.timeouts.Timeout", AIO_KIND_TIMEOUT},
    {"async_timeout.Timeout", AIO_KIND_TIMEOUT},
    {"contextlib._GeneratorContextManager", AIO_KIND_GENERATOR_CONTEXT},
    {"contextlib._AsyncGeneratorContextManager", AIO_KIND_GENERATOR_CONTEXT},
    {"contextlib.ExitStack", AIO_KIND_EXIT_STACK},
    {"contextlib.AsyncExitStack", AIO_KIND_EXIT_STACK},
    {"asyncio.events.TimerHandle", AIO_KIND_TIMER_HANDLE},
    {"asyncio.events.Handle", AIO_KIND_HANDLE},
    {"uvloop.loop.TimerHandle", AIO_KIND_UVLOOP_TIMER},
    {"uvloop.loop.Handle", AIO_KIND_UVLOOP_HANDLE},
    {"concurrent.futures._base.Future", AIO_KIND_CONCURRENT_FUTURE},
    {"concurrent.futures.thread.ThreadPoolExecutor", AIO_KIND_THREAD_EXECUTOR},
    {"concurrent.futures.thread._WorkItem", AIO_KIND_WORK_ITEM},
};

static enum aio_kind find_named_kind(const char *name) {
    for (size_t i = 0; i < sizeof named_kinds / sizeof *named_kinds; i++)
        if (strcmp(named_kinds[i].name, name) == 0)
            return named_kinds[i].kind;
    return aio_anyio_find_kind(name);
}

struct kind_search {
    const struct aio_modules *modules;
    enum aio_kind kind;
};

static struct error *visit_type(void *context, struct py_type *type, bool *stop) {
    struct kind_search *search = context;
    const struct aio_modules *modules = search->modules;
    if (type->address == modules->c_task)
        search->kind = AIO_KIND_C_TASK;
    else if (type->address == modules->c_future && search->kind == AIO_KIND_PYTHON_TASK)
        search->kind = AIO_KIND_MIXED_TASK;
    else if (type->address == modules->c_future)
        search->kind = AIO_KIND_C_FUTURE;
    else if (type->address == modules->python_task)
        search->kind = AIO_KIND_PYTHON_TASK;
    else if (type->address == modules->python_future && search->kind == AIO_KIND_OTHER)
        search->kind = AIO_KIND_PYTHON_FUTURE;
    else if (type->address == modules->abstract_loop && search->kind == AIO_KIND_OTHER)
        search->kind = AIO_KIND_LOOP;
    else if (search->kind == AIO_KIND_OTHER)
        search->kind = find_named_kind(type->full_name);
    *stop = search->kind != AIO_KIND_OTHER && search->kind != AIO_KIND_PYTHON_TASK;
    return NULL;
}

bool aio_kind_is_future(enum aio_kind kind) {
    return aio_kind_is_task(kind) || kind == AIO_KIND_C_FUTURE || kind == AIO_KIND_PYTHON_FUTURE;
}

bool aio_kind_is_task(enum aio_kind kind) {
    return kind == AIO_KIND_C_TASK || kind == AIO_KIND_PYTHON_TASK || kind == AIO_KIND_MIXED_TASK;
}

struct error *aio_classify(struct aio *aio, struct py_type *type, enum aio_kind *ret) {
    struct kind_search search = {&aio->modules, AIO_KIND_OTHER};
    if (type->asyncio_kind == AIO_KIND_UNCLASSIFIED) {
        struct error *err = py_type_visit_mro(aio->py, type, visit_type, &search);
        if (err)
            return err;
        type->asyncio_kind = (int)search.kind;
    }
    *ret = (enum aio_kind)type->asyncio_kind;
    return NULL;
}
