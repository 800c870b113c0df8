/*
 * Callables: functions, their closures, bound methods, functions written in C, partial objects.
 * Include/cpython/{func,class}object.h, Include/methodobject.h, Modules/_functoolsmodule.c.
 */
#include "asyncspy/python/function.h"

#include "py.h"

#define BUILTIN_NAME_MAX 256

struct error *py_function_read(struct py *py, uint64_t address, struct py_function *ret) {
    struct py_record function;
    struct py_code *code;
    struct error *err =
        py_object_read(py, PY_STRUCT_function, PY_KIND_FUNCTION, address, &function);
    if (err)
        return err;
    *ret = (struct py_function){.code = PY_U64(&function, function, code),
                                .closure = PY_U64(&function, function, closure),
                                .globals = PY_U64(&function, function, globals)};
    err = py_code_read(py, ret->code, &code);
    if (err)
        return err;
    ret->name = code->function;
    ret->file = code->file;
    return py_string_read(py, PY_U64(&function, function, qualname), &ret->qualified_name);
}

/* The cells of a closure are those of the code's free variables, in their order. */
struct error *py_closure_find(struct py *py, const struct py_function *function, const char *name,
                              uint64_t *ret) {
    const struct py_locals *locals;
    struct py_code *code;
    uint64_t cell = 0;
    *ret = 0;
    if (!function->closure)
        return NULL;
    struct error *err = py_code_read(py, function->code, &code);
    if (!err)
        err = py_code_get_locals(py, code, &locals);
    if (err)
        return err;
    size_t first = locals->count - locals->free_count, i = first;
    while (i < locals->count && strcmp(locals->items[i].name, name) != 0)
        i++;
    if (i == locals->count)
        return NULL;
    err = py_tuple_get(py, function->closure, i - first, &cell);
    return err || !cell ? err : py_cell_get(py, cell, ret);
}

struct error *py_method_read(struct py *py, uint64_t address, uint64_t *ret_function,
                             uint64_t *ret_self) {
    struct py_record method;
    struct error *err = py_object_read(py, PY_STRUCT_method, PY_KIND_METHOD, address, &method);
    if (err)
        return err;
    *ret_function = PY_U64(&method, method, function);
    *ret_self = PY_U64(&method, method, self);
    return NULL;
}

struct error *py_definition_read(struct py *py, uint64_t definition, const char **ret_name) {
    uint64_t name;
    struct error *err = py_read_u64(
        py, definition + (uint64_t)PY_OFFSET(&py->layout, method_definition, name), &name);
    return err ? err : py_c_string_read(py, name, BUILTIN_NAME_MAX, ret_name);
}

struct error *py_builtin_read(struct py *py, uint64_t address, const char **ret_name,
                              uint64_t *ret_self) {
    struct py_record builtin;
    struct error *err = py_object_read(py, PY_STRUCT_builtin, PY_KIND_BUILTIN, address, &builtin);
    if (err)
        return err;
    *ret_self = PY_U64(&builtin, builtin, self);
    return py_definition_read(py, PY_U64(&builtin, builtin, definition), ret_name);
}

struct error *py_partial_read(struct py *py, uint64_t address, uint64_t *ret_function,
                              uint64_t *ret_arguments) {
    struct py_record partial;
    struct error *err = py_object_read(py, PY_STRUCT_partial, PY_KIND_PARTIAL, address, &partial);
    if (err)
        return err;
    *ret_function = PY_U64(&partial, partial, function);
    *ret_arguments = PY_U64(&partial, partial, arguments);
    return NULL;
}
