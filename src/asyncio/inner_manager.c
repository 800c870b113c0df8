/*
 * What stands behind a manager of contextlib: the managers that the generator of a @contextmanager
 * has open, and those that an exit stack has entered (Lib/contextlib.py). Behind a generator that a
 * loop goes over: those that it has open.
 */
#include "asyncspy/base/text.h"
#include "wait.h"

struct inner_walk {
    struct aio *aio;
    aio_visit_inner *visit;
    void *context;
    uint64_t frame;
};

static struct error *visit_open(void *context, uint64_t object, enum py_open_kind kind) {
    struct inner_walk *walk = context;
    (void)kind;
    return walk->visit(walk->context, object, walk->frame);
}

static struct error *visit_generator(struct inner_walk *walk, uint64_t address) {
    struct py_generator generator;
    struct error *err = py_generator_read(walk->aio->py, address, &generator);
    if (err || generator.state != PY_GENERATOR_SUSPENDED || !generator.frame)
        return err;
    walk->frame = generator.frame;
    return py_managers_visit(walk->aio->py, &generator, visit_open, walk);
}

static struct error *visit_generator_of(struct inner_walk *walk, uint64_t manager) {
    struct py_type *type;
    uint64_t address;
    struct error *err = aio_attribute_read(walk->aio, manager, "gen", &address);
    if (!err && address)
        err = py_type_of(walk->aio->py, address, &type);
    return err || !address || !aio_is_generator(walk->aio, type) ? err
                                                                 : visit_generator(walk, address);
}

/* The manager that an exit callback is for: its __exit__ bound to it; 3.7 has a closure instead. */
static struct error *find_manager(struct inner_walk *walk, uint64_t callback, uint64_t *ret) {
    struct aio_callable callable;
    struct error *err = aio_callable_read(walk->aio, callback, &callable);
    *ret = 0;
    if (err)
        return err;
    bool is_exit = !callable.function.code || text_ends_with(callable.name, "__exit__") ||
                   text_ends_with(callable.name, "__aexit__");
    if (callable.kind == PY_KIND_METHOD && is_exit) /* push() takes any other method too */
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

static struct error *visit_exit_stack(struct inner_walk *walk, uint64_t manager) {
    struct py_type *type;
    uint64_t callbacks;
    struct error *err = aio_attribute_read(walk->aio, manager, "_exit_callbacks", &callbacks);
    if (!err && callbacks)
        err = py_type_of(walk->aio->py, callbacks, &type);
    return err || !callbacks || type->kind != PY_KIND_DEQUE
               ? err
               : py_deque_visit(walk->aio->py, callbacks, visit_callback, walk);
}

struct error *aio_inner_managers_visit(struct aio *aio, const struct py_type *type,
                                       uint64_t manager, uint64_t frame, aio_visit_inner *visit,
                                       void *context) {
    struct inner_walk walk = {aio, visit, context, frame};
    if (aio_is_generator(aio, type))
        return visit_generator(&walk, manager);
    switch (type->asyncio_kind) {
    case AIO_KIND_GENERATOR_CONTEXT:
        return visit_generator_of(&walk, manager);
    case AIO_KIND_EXIT_STACK:
        return visit_exit_stack(&walk, manager);
    default:
        return NULL;
    }
}
