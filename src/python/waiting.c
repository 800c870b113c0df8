/* Who holds an object only because it waits for it. */
#include "asyncspy/python/frame.h"
#include "asyncspy/python/referrers.h"
#include "py.h"

static bool is_generator(const struct py_type *type) {
    return type->kind == PY_KIND_COROUTINE || type->kind == PY_KIND_GENERATOR ||
           type->kind == PY_KIND_ASYNC_GENERATOR;
}

/* A future written in Python yields itself from its __await__() (Lib/asyncio/futures.py; in 3.6 its
 * __iter__()): the generator has it as `self`, its first variable. */
static struct error *yields(struct py *py, const struct py_generator *generator, uint64_t awaited,
                            bool *ret) {
    uint64_t self;
    const char *function = generator->decoded ? generator->decoded->function : "";
    if (strcmp(function, "__await__") != 0 && strcmp(function, "__iter__") != 0)
        return NULL;
    struct error *err = py_read_u64(
        py, generator->frame + (uint64_t)PY_OFFSET(&py->layout, frame, localsplus), &self);
    *ret = !err && self == awaited;
    return err;
}

/* One step of an await chain; *next is 0 at its end. */
static struct error *step(struct py *py, uint64_t object, uint64_t awaited, uint64_t *next,
                          bool *ret) {
    struct py_type *type;
    struct py_generator generator;
    *next = 0;
    struct error *err = py_type_of(py, object, &type);
    if (err)
        return err;
    if (strcmp(type->full_name, "_asyncio.FutureIter") == 0 &&
        PY_HAS(&py->layout, future_iter, future))
        return py_read_u64(py, object + (uint64_t)PY_OFFSET(&py->layout, future_iter, future),
                           next);
    if (!is_generator(type))
        return py_awaitable_unwrap(py, type, object, next);
    err = py_generator_read(py, object, &generator);
    if (err || generator.state != PY_GENERATOR_SUSPENDED)
        return err;
    *next = generator.awaited;
    return *next ? NULL : yields(py, &generator, awaited, ret);
}

struct error *py_referrer_awaits(struct py *py, const struct py_referrer *referrer,
                                 uint64_t awaited, bool *ret) {
    struct py_cycle_check cycle = {0};
    struct error *err = NULL;
    uint64_t object = referrer->type ? referrer->object : 0;
    *ret = false;
    while (object && !err && !*ret && !py_cycle_found(&cycle, object) &&
           cycle.steps <= PY_CHAIN_MAX) {
        err = step(py, object, awaited, &object, ret);
        *ret |= !err && object == awaited;
    }
    if (!err || error_is_fatal(err))
        return err;
    error_destroy(err); /* who knows */
    *ret = false;
    return NULL;
}
