/*
 * The managers of `with` and `async with` statements, told by what these leave on the value stack:
 * the bound __exit__ or __aexit__; from 3.14 on the function and then the manager, or something
 * bound and then NULL (LOAD_SPECIAL in Python/bytecodes.c, BEFORE_WITH before).
 */
#include "asyncspy/python/function.h"
#include "py.h"

enum exit_kind { NO_EXIT, IS_EXIT, IS_ASYNC_EXIT };

static enum exit_kind classify_name(const char *name) {
    if (strcmp(name, "__exit__") == 0)
        return IS_EXIT;
    return strcmp(name, "__aexit__") == 0 ? IS_ASYNC_EXIT : NO_EXIT;
}

/* A decorator may have given the function another name than its code has, or kept that. */
static struct error *classify_function(struct py *py, uint64_t address, enum exit_kind *ret) {
    struct py_record function;
    struct py_code *code;
    bool equal = false;
    struct error *err =
        py_object_read(py, PY_STRUCT_function, PY_KIND_FUNCTION, address, &function);
    if (!err)
        err = py_code_read(py, PY_U64(&function, function, code), &code);
    if (err)
        return err;
    *ret = classify_name(code->function);
    uint64_t name = PY_U64(&function, function, name);
    if (*ret == NO_EXIT)
        err = py_string_equals(py, name, "__exit__", &equal);
    if (equal)
        *ret = IS_EXIT;
    if (!err && *ret == NO_EXIT)
        err = py_string_equals(py, name, "__aexit__", &equal);
    if (!err && *ret == NO_EXIT && equal)
        *ret = IS_ASYNC_EXIT;
    return err;
}

/* A method of a type written in C that is not bound to an object. */
static struct error *classify_descriptor(struct py *py, uint64_t address, enum exit_kind *ret) {
    struct py_record descriptor;
    const char *name;
    struct error *err = py_object_read(py, PY_STRUCT_method_descriptor, PY_KIND_METHOD_DESCRIPTOR,
                                       address, &descriptor);
    if (!err)
        err = py_definition_read(py, PY_U64(&descriptor, method_descriptor, definition), &name);
    if (!err)
        *ret = classify_name(name);
    return err;
}

static struct error *classify_unbound(struct py *py, uint64_t address, enum exit_kind *ret) {
    struct py_type *type;
    *ret = NO_EXIT;
    struct error *err = py_type_of(py, address, &type);
    if (!err && type->kind == PY_KIND_FUNCTION)
        return classify_function(py, address, ret);
    if (!err && type->kind == PY_KIND_METHOD_DESCRIPTOR)
        return classify_descriptor(py, address, ret);
    return err;
}

/* Something bound to the manager. */
static struct error *classify_bound(struct py *py, enum py_kind kind, uint64_t address,
                                    enum exit_kind *ret, uint64_t *ret_manager) {
    uint64_t function;
    const char *name;
    struct error *err = NULL;
    *ret = NO_EXIT;
    if (kind == PY_KIND_METHOD) {
        err = py_method_read(py, address, &function, ret_manager);
        return err ? err : classify_unbound(py, function, ret);
    }
    if (kind == PY_KIND_BUILTIN) {
        err = py_builtin_read(py, address, &name, ret_manager);
        *ret = err ? NO_EXIT : classify_name(name);
    }
    return err;
}

struct error *py_exit_read(struct py *py, uint64_t slot, struct py_exit *ret) {
    enum exit_kind exit = NO_EXIT;
    uint64_t word;
    struct py_type *type;
    *ret = (struct py_exit){0, false};
    struct error *err = py_read_u64(py, slot, &word);
    uint64_t object = err ? 0 : py_untag(py, word);
    if (err || !object)
        return err;
    err = py_type_of(py, object, &type);
    if (!err)
        err = classify_bound(py, type->kind, object, &exit, &ret->manager);
    if (!err && exit == NO_EXIT && py->layout.traits.with_keeps_manager) {
        err = classify_unbound(py, object, &exit);
        if (!err && exit != NO_EXIT)
            err = py_read_u64(py, slot + 8, &word);
        ret->manager = py_untag(py, word);
    }
    if (err || exit == NO_EXIT)
        ret->manager = 0;
    ret->is_async = exit == IS_ASYNC_EXIT;
    return err;
}

/* Statements come before expressions on a stack, and at most 20 (CO_MAXBLOCKS) can be open. */
#define SLOTS_MAX 256

struct manager_walk {
    py_visit_manager *visit;
    void *context;
    struct py_exit last;       /* found and not told yet; manager 0: none */
    struct error *first_error; /* of a word that could not be read: it costs that word */
};

static struct error *examine(struct py *py, struct manager_walk *walk, uint64_t slot) {
    struct py_exit found;
    struct error *err = py_exit_read(py, slot, &found);
    if (err && error_is_fatal(err))
        return err;
    if (err && walk->first_error)
        error_destroy(err);
    else if (err)
        walk->first_error = err;
    if (err || !found.manager)
        return NULL;
    struct py_exit last = walk->last;
    walk->last = found;
    return last.manager ? walk->visit(walk->context, last.manager, last.is_async) : NULL;
}

/* The exit that is called because of an exception still stands there. */
static bool is_left(const struct py_generator *generator, const struct py_position *position) {
    return generator->use == PY_AWAIT_EXIT && position->leaves_by_exception;
}

struct error *py_managers_visit(struct py *py, const struct py_generator *generator,
                                py_visit_manager *visit, void *context) {
    struct manager_walk walk = {.visit = visit, .context = context};
    struct py_record frame;
    struct py_position *position;
    struct py_stack stack;
    if (generator->state != PY_GENERATOR_SUSPENDED || !generator->stack_slots)
        return NULL;
    struct error *err = py_record_read(py, PY_STRUCT_frame, generator->frame, &frame);
    if (!err)
        err = py_frame_get_position(py, &frame, &position);
    if (err || !py_stack_find(py, &frame, position->code, &stack))
        return err;
    for (size_t i = 0; !err && i < generator->stack_slots && i < stack.slots && i < SLOTS_MAX; i++)
        err = examine(py, &walk, stack.bottom + 8 * i);
    if (!err && walk.last.manager && !is_left(generator, position))
        err = visit(context, walk.last.manager, walk.last.is_async);
    if (!err) {
        err = walk.first_error;
        walk.first_error = NULL;
    }
    error_destroy(walk.first_error);
    return err;
}
