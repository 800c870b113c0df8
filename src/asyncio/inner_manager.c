/*
 * What stands behind a manager of contextlib: the managers that the generator of a @contextmanager
 * has open, and those that an exit stack has entered. Lib/contextlib.py.
 */
#include "wait.h"

struct inner_walk {
    struct aio *aio;
    aio_visit_inner *visit;
    void *context;
    uint64_t frame;
};

static struct error *visit_manager(void *context, uint64_t manager, bool is_async) {
    struct inner_walk *walk = context;
    (void)is_async;
    return walk->visit(walk->context, manager, walk->frame);
}

static struct error *visit_generator(struct inner_walk *walk, uint64_t manager) {
    struct py_generator generator;
    struct py_type *type;
    uint64_t address;
    struct error *err = aio_attribute_read(walk->aio, manager, "gen", &address);
    if (!err && address)
        err = py_type_of(walk->aio->py, address, &type);
    if (err || !address || !aio_is_generator(walk->aio, type))
        return err;
    err = py_generator_read(walk->aio->py, address, &generator);
    if (err || generator.state != PY_GENERATOR_SUSPENDED || !generator.frame)
        return err;
    walk->frame = generator.frame;
    return py_managers_visit(walk->aio->py, &generator, visit_manager, walk);
}

/* The manager that an exit callback is for: its __exit__ bound to it; 3.7 has a closure instead. */
static struct error *find_manager(struct inner_walk *walk, uint64_t callback, uint64_t *ret) {
    struct aio_callable callable;
    struct error *err = aio_callable_read(walk->aio, callback, &callable);
    *ret = 0;
    if (err)
        return err;
    if (callable.kind == PY_KIND_METHOD)
        *ret = callable.self;
    else if (callable.kind == PY_KIND_FUNCTION)
        err = py_closure_find(walk->aio->py, &callable.function, "cm", ret);
    return err;
}

/* Pairs (is_sync, callback), in 3.6 the callbacks alone. */
static struct error *visit_callback(void *context, uint64_t item) {
    struct inner_walk *walk = context;
    struct py_type *type;
    uint64_t manager = 0;
    struct error *err = item ? py_type_of(walk->aio->py, item, &type) : NULL;
    if (!err && item && type->kind == PY_KIND_TUPLE)
        err = py_tuple_get(walk->aio->py, item, 1, &item);
    if (!err && item)
        err = find_manager(walk, item, &manager);
    return err || !manager ? err : walk->visit(walk->context, manager, walk->frame);
}

struct error *aio_inner_managers_visit(struct aio *aio, enum aio_kind kind, uint64_t manager,
                                       uint64_t frame, aio_visit_inner *visit, void *context) {
    struct inner_walk walk = {aio, visit, context, frame};
    struct py_type *type = NULL;
    uint64_t callbacks;
    if (kind == AIO_KIND_GENERATOR_CONTEXT)
        return visit_generator(&walk, manager);
    if (kind != AIO_KIND_EXIT_STACK)
        return NULL;
    struct error *err = aio_attribute_read(aio, manager, "_exit_callbacks", &callbacks);
    if (!err && callbacks)
        err = py_type_of(aio->py, callbacks, &type);
    return err || !callbacks || type->kind != PY_KIND_DEQUE
               ? err
               : py_deque_visit(aio->py, callbacks, visit_callback, &walk);
}
