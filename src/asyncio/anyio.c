#include "anyio.h"

#include <string.h>

#define BACKEND_FILE "_backends/_asyncio.py"

/* Classes without their modules: which one a class says it is in depends on the version and on what
 * the program imported. Subclasses before the classes that they are derived from. */
static const struct {
    const char *name;
    enum aio_kind kind;
} classes[] = {
    {"LockAdapter", AIO_KIND_ANYIO_ADAPTER},
    {"SemaphoreAdapter", AIO_KIND_ANYIO_ADAPTER},
    {"EventAdapter", AIO_KIND_ANYIO_ADAPTER},
    {"CapacityLimiterAdapter", AIO_KIND_ANYIO_ADAPTER},
    {"Lock", AIO_KIND_ANYIO_LOCK},
    {"Semaphore", AIO_KIND_ANYIO_SEMAPHORE},
    {"CapacityLimiter", AIO_KIND_ANYIO_LIMITER},
    {"Event", AIO_KIND_ANYIO_EVENT},
    {"Condition", AIO_KIND_ANYIO_CONDITION},
    {"TaskGroup", AIO_KIND_ANYIO_TASK_GROUP},
    {"MemoryObjectStreamState", AIO_KIND_ANYIO_STREAM},
    {"_MemoryObjectStreamState", AIO_KIND_ANYIO_STREAM},
    {"CancelScope", AIO_KIND_ANYIO_SCOPE},
    {"ResourceGuard", AIO_KIND_ANYIO_GUARD},
    {"FailAfterContextManager", AIO_KIND_ANYIO_GUARD},
};

enum aio_kind aio_anyio_find_kind(const char *full_name) {
    const char *dot = strrchr(full_name, '.');
    if (strncmp(full_name, "anyio.", strlen("anyio.")) != 0)
        return AIO_KIND_OTHER;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(dot + 1, classes[i].name) == 0)
            return classes[i].kind;
    return AIO_KIND_OTHER;
}

const char *aio_anyio_get_file(const char *file) {
    static const char folder[] = "/anyio/";
    const char *found = NULL;
    for (const char *at = file ? strstr(file, folder) : NULL; at; at = strstr(at + 1, folder))
        found = at + strlen(folder);
    return found;
}

struct error *aio_anyio_unwrap(struct aio *aio, uint64_t *address) {
    static const char *const attributes[] = {"_internal_lock", "_internal_semaphore",
                                             "_internal_limiter", "_internal_event"};
    enum aio_kind kind = AIO_KIND_OTHER;
    uint64_t inner = 0;
    struct error *err = aio_kind_of(aio, *address, &kind);
    if (err || kind != AIO_KIND_ANYIO_ADAPTER)
        return err;
    for (size_t i = 0; !err && !inner && i < sizeof attributes / sizeof *attributes; i++)
        err = aio_attribute_read(aio, *address, attributes[i], &inner);
    *address = inner;
    return err;
}

/* The coroutines that anyio puts around those of the program. A variable of theirs leads to it: the
 * coroutine itself, an object that has it as attribute, or the function that was called. */
static const struct wrapper {
    const char *file, *function, *variable, *attribute;
} wrappers[] = {
    {"_core/_tasks.py", "_run_coro", "self", "_coro"}, /* TaskHandle, 4.14+ */
    {BACKEND_FILE, "_run_wrapped_task", "coro", NULL}, /* TaskGroup, 3.x */
    {BACKEND_FILE, "wrapper", "func", NULL},           /* anyio.run() */
    {BACKEND_FILE, "task_wrapper", "func", NULL},      /* from_thread.run(), 4.x */
    {"from_thread.py", "_call_func", "func", NULL},    /* BlockingPortal */
};

static const struct wrapper *find_wrapper(const struct py_generator *root) {
    const char *file = root->decoded ? aio_anyio_get_file(root->decoded->file) : NULL;
    for (size_t i = 0; file && root->decoded->function && i < sizeof wrappers / sizeof *wrappers;
         i++)
        if (strcmp(wrappers[i].file, file) == 0 &&
            strcmp(wrappers[i].function, root->decoded->function) == 0)
            return &wrappers[i];
    return NULL;
}

struct error *aio_anyio_wrapped_find(struct aio *aio, const struct py_generator *root,
                                     uint64_t *ret_coroutine, const char **ret_name) {
    const struct wrapper *wrapper = find_wrapper(root);
    struct py_type *type;
    uint64_t value = 0;
    *ret_coroutine = 0;
    *ret_name = NULL;
    if (!wrapper || !root->frame)
        return NULL;
    struct error *err = py_local_find(aio->py, root->frame, wrapper->variable, &value);
    if (!err && value && wrapper->attribute)
        err = aio_attribute_read(aio, value, wrapper->attribute, &value);
    if (!err && value)
        err = py_type_of(aio->py, value, &type);
    if (err || !value)
        return err;
    if (type->kind == PY_KIND_FUNCTION || type->kind == PY_KIND_METHOD ||
        type->kind == PY_KIND_BUILTIN || type->kind == PY_KIND_PARTIAL)
        return aio_callable_describe(aio, value, ret_name);
    *ret_coroutine = value;
    return NULL;
}

bool aio_anyio_is_thread_call(const struct py_function *function) {
    const char *file = aio_anyio_get_file(function->file);
    return file && strcmp(file, BACKEND_FILE) == 0 && function->name &&
           strcmp(function->name, "wrapper") == 0;
}
