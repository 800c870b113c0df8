/*
 * Names of types that are written in C, where the target lacks the file that has them: a core whose
 * program is not at hand. Modules know most of these types, under their own or another name. Their
 * dicts are found without asking anything for its type.
 */
#include <stdlib.h>
#include <string.h>

#include "asyncspy/python/function.h"
#include "py.h"

#define UNNAMED "?"

/* A variable of a module, and the tp_name of the type that it holds (Lib/types.py, Modules/). */
struct known_type {
    const char *module, *variable, *name;
};

static const struct known_type known_types[] = {
    {"types", "FunctionType", "function"},
    {"types", "CodeType", "code"},
    {"types", "CellType", "cell"},
    {"types", "FrameType", "frame"},
    {"types", "GeneratorType", "generator"},
    {"types", "CoroutineType", "coroutine"},
    {"types", "AsyncGeneratorType", "async_generator"},
    {"types", "MethodType", "method"},
    {"types", "BuiltinFunctionType", "builtin_function_or_method"},
    {"types", "WrapperDescriptorType", "wrapper_descriptor"},
    {"types", "MethodWrapperType", "method-wrapper"},
    {"types", "MethodDescriptorType", "method_descriptor"},
    {"types", "ClassMethodDescriptorType", "classmethod_descriptor"},
    {"types", "GetSetDescriptorType", "getset_descriptor"},
    {"types", "MemberDescriptorType", "member_descriptor"},
    {"types", "ModuleType", "module"},
    {"types", "TracebackType", "traceback"},
    {"types", "MappingProxyType", "mappingproxy"},
    {"types", "SimpleNamespace", "types.SimpleNamespace"},
    {"_asyncio", "Future", "_asyncio.Future"},
    {"_asyncio", "Task", "_asyncio.Task"},
    {"_collections", "deque", "collections.deque"},
    {"_collections", "OrderedDict", "collections.OrderedDict"},
    {"_collections", "defaultdict", "collections.defaultdict"},
    {"_functools", "partial", "functools.partial"},
    {"_thread", "LockType", "_thread.lock"},
    {"_thread", "RLock", "_thread.RLock"},
    {"_thread", "_local", "_thread._local"},
    {"_weakref", "ref", "weakref"},
    {"_queue", "SimpleQueue", "_queue.SimpleQueue"},
    {"_contextvars", "Context", "Context"},
    {"_contextvars", "ContextVar", "ContextVar"},
    {"_socket", "socket", "_socket.socket"},
    {"select", "epoll", "select.epoll"},
    {"_io", "BufferedReader", "_io.BufferedReader"},
    {"_io", "BufferedWriter", "_io.BufferedWriter"},
    {"_io", "FileIO", "_io.FileIO"},
    {"_io", "TextIOWrapper", "_io.TextIOWrapper"},
};

struct search {
    struct py *py;
    uint64_t modules;
    uint64_t type_of_types; /* the address of `type` */
};

static struct error *get_type(struct py *py, uint64_t address, uint64_t *ret) {
    return py_read_u64(py, address + (uint64_t)PY_OFFSET(&py->layout, object, type), ret);
}

/* Nothing that cannot be read is worth an error: it stays unnamed. */
static struct error *forgive(struct error *err) {
    if (err && error_is_fatal(err))
        return err;
    error_destroy(err);
    return NULL;
}

static struct error *add(struct search *search, uint64_t object, const char *name) {
    uint64_t type = 0;
    struct error *err = object ? get_type(search->py, object, &type) : NULL;
    if (!err && object && type == search->type_of_types)
        id_table_add(search->py->static_names, object, (void *)(uintptr_t)name); /* kept as it is */
    return forgive(err);
}

/* The variables of a module; 0: it is not loaded. */
static struct error *find_variables(struct search *search, const char *name, uint64_t *ret) {
    uint64_t module = 0;
    *ret = 0;
    struct error *err = py_dict_find(search->py, search->modules, name, &module);
    return err || !module ? err : py_module_get_dict(search->py, module, ret);
}

/* A type that is a builtin is called as its variable is. */
static struct error *visit_builtin(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct search *search = context;
    const char *name = NULL;
    (void)stop;
    struct error *err = py_string_read(search->py, key, &name);
    return err ? forgive(err) : add(search, value, name);
}

static struct error *add_builtins(struct search *search) {
    uint64_t variables, none = 0, type = 0;
    struct error *err = find_variables(search, "builtins", &variables);
    if (err || !variables)
        return err;
    err = py_dict_visit(search->py, variables, visit_builtin, search);
    if (!err)
        err = py_dict_find(search->py, variables, "None", &none);
    if (!err && none)
        err = get_type(search->py, none, &type);
    return err ? err : add(search, type, "NoneType");
}

static struct error *add_known(struct search *search, const struct known_type *known) {
    uint64_t variables, value = 0;
    struct error *err = find_variables(search, known->module, &variables);
    if (!err && variables)
        err = py_dict_find(search->py, variables, known->variable, &value);
    return err ? err : add(search, value, known->name);
}

/* Before 3.8 no module has it (types.CellType). os.fsencode() has a closure in every version
 * (_fscodec() of Lib/os.py). */
static struct error *add_cell(struct search *search) {
    uint64_t variables, function = 0, type = 0, closure = 0, cell = 0;
    struct error *err = find_variables(search, "os", &variables);
    if (!err && variables)
        err = py_dict_find(search->py, variables, "fsencode", &function);
    if (!err && function)
        err = get_type(search->py, function, &type);
    const char *name = id_table_find(search->py->static_names, type);
    if (err || !name || strcmp(name, "function") != 0)
        return err;
    err = py_read_u64(search->py,
                      function + (uint64_t)PY_OFFSET(&search->py->layout, function, closure),
                      &closure);
    if (!err && closure)
        err = py_tuple_get(search->py, closure, 0, &cell);
    if (!err && cell)
        err = get_type(search->py, cell, &type);
    return err || !cell ? err : add(search, type, "cell");
}

static struct error *search_modules(struct search *search) {
    uint64_t type_of_dicts = 0;
    struct error *err = get_type(search->py, search->modules, &type_of_dicts);
    if (!err)
        err = get_type(search->py, type_of_dicts, &search->type_of_types);
    if (!err)
        err = forgive(add_builtins(search));
    for (size_t i = 0; !err && i < sizeof known_types / sizeof *known_types; i++)
        err = forgive(add_known(search, &known_types[i]));
    return err ? err : forgive(add_cell(search));
}

static struct error *find_names(struct py *py) {
    struct py_interpreter *interpreters;
    struct search search = {.py = py};
    size_t count;
    py->static_names = id_table_create(py->arena, 0);
    struct error *err = py_interpreters_read(py, &interpreters, &count);
    if (!err && count) /* the oldest is the last */
        search.modules = interpreters[count - 1].modules;
    py->finds_static_names = true;
    if (!err && search.modules)
        err = search_modules(&search);
    py->finds_static_names = false;
    memset(py->type_memo, 0, sizeof py->type_memo);
    memset(py->key_memo, 0, sizeof py->key_memo);
    if (!err)
        snapshot_add_missing(
            py->snapshot, "names of types of C",
            "they stand in files that are not here; most are known to modules too");
    return forgive(err);
}

struct error *py_static_name_find(struct py *py, uint64_t type, const char **ret) {
    struct error *err = NULL;
    *ret = NULL;
    if (py->finds_static_names)
        return NULL;
    if (!py->static_names)
        err = find_names(py);
    if (err)
        return err;
    const char *name = id_table_find(py->static_names, type);
    *ret = name ? name : UNNAMED;
    return NULL;
}
