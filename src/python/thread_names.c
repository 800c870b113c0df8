/* Names of threads: threading._active is {ident: Thread}, Thread._name a str. */
#include "py.h"

struct names {
    struct py *py;
    void (*visit)(void *context, uint64_t ident, const char *name);
    void *context;
};

static struct error *visit_thread(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct names *names = context;
    struct py_type *type;
    int64_t ident;
    uint64_t name = 0;
    const char *text;
    (void)stop;
    struct error *err = py_type_of(names->py, key, &type);
    if (err || type->kind != PY_KIND_INTEGER)
        return err;
    err = py_integer_read(names->py, key, &ident);
    if (!err)
        err = py_attribute_find(names->py, value, "_name", &name);
    if (!err && name)
        err = py_type_of(names->py, name, &type);
    if (err || !name || type->kind != PY_KIND_STRING)
        return err;
    err = py_string_read(names->py, name, &text);
    if (!err)
        names->visit(names->context, (uint64_t)ident, text);
    return err;
}

struct error *py_thread_names_visit(struct py *py, const struct py_interpreter *interpreter,
                                    void (*visit)(void *context, uint64_t ident, const char *name),
                                    void *context) {
    struct names names = {py, visit, context};
    struct py_type *type;
    uint64_t module = 0, dict, active = 0;
    if (!interpreter->modules)
        return NULL;
    struct error *err = py_dict_find(py, interpreter->modules, "threading", &module);
    if (err || !module)
        return err;
    err = py_type_of(py, module, &type);
    if (err || type->kind != PY_KIND_MODULE)
        return err;
    err = py_module_get_dict(py, module, &dict);
    if (!err)
        err = py_dict_find(py, dict, "_active", &active);
    return err || !active ? err : py_dict_visit(py, active, visit_thread, &names);
}
