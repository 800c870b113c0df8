/*
 * The managers of `with` and `async with` statements, told by what these leave on the value stack:
 * the bound __exit__ or __aexit__; from 3.14 on the function and then the manager, or something
 * bound and then NULL (LOAD_SPECIAL in Python/bytecodes.c, BEFORE_WITH before). A loop leaves its
 * iterator there, which may be a generator with managers of its own.
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

static struct error *read_exit(struct py *py, const struct py_type *type, uint64_t slot,
                               uint64_t object, struct py_open *ret) {
    enum exit_kind exit;
    uint64_t manager = 0, word = 0;
    struct error *err = classify_bound(py, type->kind, object, &exit, &manager);
    if (!err && exit == NO_EXIT && py->layout.traits.with_keeps_manager) {
        err = classify_unbound(py, object, &exit);
        if (!err && exit != NO_EXIT)
            err = py_read_u64(py, slot + 8, &word);
        manager = py_untag(py, word);
    }
    if (!err && exit != NO_EXIT)
        *ret = (struct py_open){manager, exit == IS_ASYNC_EXIT ? PY_OPEN_ASYNC_WITH : PY_OPEN_WITH};
    return err;
}

struct error *py_open_read(struct py *py, uint64_t slot, struct py_open *ret) {
    uint64_t word;
    struct py_type *type;
    *ret = (struct py_open){0, PY_OPEN_WITH};
    struct error *err = py_read_u64(py, slot, &word);
    uint64_t object = err ? 0 : py_untag(py, word);
    if (err || !object)
        return err;
    err = py_type_of(py, object, &type);
    if (err)
        return err;
    if (type->kind != PY_KIND_GENERATOR && type->kind != PY_KIND_ASYNC_GENERATOR)
        return read_exit(py, type, slot, object, ret);
    *ret = (struct py_open){object, PY_OPEN_LOOP};
    return NULL;
}

/* Statements come before expressions on a stack, and at most 20 (CO_MAXBLOCKS) can be open. */
#define SLOTS_MAX 256

struct stack_walk {
    py_visit_open *visit;
    void *context;
    struct py_open last;       /* the manager found last, not told yet; object 0: none */
    struct error *first_error; /* of a word that could not be read: it costs that word */
};

static struct error *examine(struct py *py, struct stack_walk *walk, uint64_t slot) {
    struct py_open found;
    struct error *err = py_open_read(py, slot, &found);
    if (err && error_is_fatal(err))
        return err;
    if (err && walk->first_error)
        error_destroy(err);
    else if (err)
        walk->first_error = err;
    if (err || !found.object)
        return NULL;
    struct py_open told = found;
    if (found.kind != PY_OPEN_LOOP) {
        told = walk->last;
        walk->last = found;
    }
    return told.object ? walk->visit(walk->context, told.object, told.kind) : NULL;
}

struct error *py_stack_visit(struct py *py, const struct py_stack *stack, bool without_last,
                             py_visit_open *visit, void *context) {
    struct stack_walk walk = {.visit = visit, .context = context};
    struct error *err = NULL;
    for (size_t i = 0; !err && i < stack->slots && i < SLOTS_MAX; i++)
        err = examine(py, &walk, stack->bottom + 8 * i);
    if (!err && walk.last.object && !without_last)
        err = visit(context, walk.last.object, walk.last.kind);
    if (!err) {
        err = walk.first_error;
        walk.first_error = NULL;
    }
    error_destroy(walk.first_error);
    return err;
}

/* The slots on top that belong to a manager which is being entered. */
static size_t count_entering(const struct py *py, const struct py_generator *generator) {
    if (generator->use != PY_AWAIT_ENTER)
        return 0;
    return py->layout.traits.with_keeps_manager ? 2 : 1;
}

struct error *py_managers_visit(struct py *py, const struct py_generator *generator,
                                py_visit_open *visit, void *context) {
    struct py_record frame;
    struct py_position *position;
    struct py_stack stack;
    if (!generator->stack_slots)
        return NULL;
    struct error *err = py_record_read(py, PY_STRUCT_frame, generator->frame, &frame);
    if (!err)
        err = py_frame_get_position(py, &frame, &position);
    if (err || !py_stack_find(py, &frame, position->code, &stack))
        return err;
    if (stack.slots > generator->stack_slots)
        stack.slots = generator->stack_slots;
    size_t entering = count_entering(py, generator);
    stack.slots -= stack.slots < entering ? stack.slots : entering;
    bool left = generator->use == PY_AWAIT_EXIT && position->leaves_by_exception;
    return py_stack_visit(py, &stack, left, visit, context);
}
