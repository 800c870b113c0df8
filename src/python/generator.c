/*
 * Generators, coroutines, async generators. Include/cpython/genobject.h, Objects/genobject.c.
 */
#include "py.h"

static enum py_generator_state classify(const struct py_generator_states *states, int8_t state) {
    if (state == states->created)
        return PY_GENERATOR_CREATED;
    if (state == states->executing)
        return PY_GENERATOR_EXECUTING;
    if (state == states->suspended ||
        (states->suspended_await != PY_NO_STATE &&
         (state == states->suspended_await || state == states->suspended_await_locked)))
        return PY_GENERATOR_SUSPENDED;
    return PY_GENERATOR_FINISHED;
}

/* Before 3.11 a code object does not know its qualified name, but a coroutine does; it is the
 * code's own unless somebody gave the function another name (functools.wraps). */
static struct error *learn_qualified_name(struct py *py, uint64_t name_address,
                                          struct py_position *position) {
    struct py_code *code = position->code;
    const char *name;
    if (!code->qualified_name) {
        struct error *err = py_string_read(py, name_address, &name);
        if (err)
            return err;
        const char *dot = strrchr(name, '.');
        if (strcmp(dot ? dot + 1 : name, code->function) == 0)
            code->qualified_name = name;
    }
    position->frame->qualified_name = code->qualified_name;
    return NULL;
}

/* What a generator's state byte says; before 3.10 there is none. */
static enum py_generator_state get_state(const struct py *py, const struct py_record *generator,
                                         const struct py_record *frame) {
    const struct py_generator_states *states = &py->layout.traits.generator_states;
    switch (py->layout.traits.state_kind) {
    case PY_STATE_LAST_INSTRUCTION:
        if (PY_U8(generator, generator, running))
            return PY_GENERATOR_EXECUTING;
        return PY_I32(frame, frame, lasti) < 0 ? PY_GENERATOR_CREATED : PY_GENERATOR_SUSPENDED;
    case PY_STATE_FRAME:
        return classify(states, PY_I8(frame, frame, state));
    case PY_STATE_GENERATOR:
        break;
    }
    return classify(states, PY_I8(generator, generator, frame_state));
}

/* A generator's frame is a part of it, up to 3.10 an object of its own that ends with it (0). */
static uint64_t get_frame_address(const struct py *py, const struct py_record *generator) {
    if (PY_HAS(&py->layout, generator, frame_object))
        return PY_U64(generator, generator, frame_object);
    return generator->address + (uint64_t)PY_OFFSET(&py->layout, generator, frame);
}

/* Up to 3.9 throw() of a coroutine calls that of what it awaits, and the frame in between stands
 * still as before, in no thread's stack (_gen_throw() in Objects/genobject.c). A frame that really
 * runs has no end of its stack. */
static bool passes_exception(const struct py *py, enum py_generator_state state,
                             const struct py_record *frame) {
    return state == PY_GENERATOR_EXECUTING &&
           py->layout.traits.state_kind == PY_STATE_LAST_INSTRUCTION &&
           py_frame_get_stack_end(py, frame);
}

static struct error *decode_frame(struct py *py, const struct py_record *generator,
                                  const struct py_record *frame, struct py_generator *ret) {
    struct py_position *position;
    int8_t state = PY_I8(generator, generator, frame_state);
    struct error *err = py_frame_get_position(py, frame, &position);
    if (!err && !position->frame->qualified_name)
        err = learn_qualified_name(py, ret->name_address, position);
    if (err)
        return err;
    ret->decoded = position->frame;
    if (ret->state == PY_GENERATOR_SUSPENDED || passes_exception(py, ret->state, frame))
        err = py_await_read(py, frame, state, position, ret);
    return err;
}

struct error *py_generator_read_state(struct py *py, uint64_t address,
                                      enum py_generator_state *ret) {
    struct py_record record, frame = {.layout = &py->layout};
    *ret = PY_GENERATOR_FINISHED;
    struct error *err = py_record_read(py, PY_STRUCT_generator, address, &record);
    uint64_t at = err ? 0 : get_frame_address(py, &record);
    if (at && py->layout.traits.state_kind != PY_STATE_GENERATOR)
        err = py_record_read(py, PY_STRUCT_frame, at, &frame);
    if (!err && at)
        *ret = get_state(py, &record, &frame);
    return err;
}

struct error *py_generator_read(struct py *py, uint64_t address, struct py_generator *ret) {
    struct py_record record, frame;
    *ret = (struct py_generator){.address = address, .state = PY_GENERATOR_FINISHED};
    struct error *err = py_record_read(py, PY_STRUCT_generator, address, &record);
    if (err)
        return err;
    ret->frame = get_frame_address(py, &record);
    ret->name_address = PY_U64(&record, generator, qualname);
    if (!ret->frame)
        return NULL;
    err = py_record_read(py, PY_STRUCT_frame, ret->frame, &frame);
    if (!err)
        ret->state = get_state(py, &record, &frame);
    return err || ret->state == PY_GENERATOR_FINISHED ? err
                                                      : decode_frame(py, &record, &frame, ret);
}

struct error *py_coroutine_get_origin(struct py *py, uint64_t address, uint64_t *ret) {
    int32_t offset = PY_OFFSET(&py->layout, coroutine, origin);
    struct py_type *type = NULL;
    uint64_t origin = 0;
    *ret = 0;
    struct error *err =
        offset == PY_ABSENT ? NULL : py_read_u64(py, address + (uint64_t)offset, &origin);
    if (!err && origin)
        err = py_type_of(py, origin, &type);
    if (!err && type && type->kind == PY_KIND_TUPLE)
        *ret = origin;
    return err;
}

struct error *py_awaitable_unwrap(struct py *py, const struct py_type *type, uint64_t address,
                                  uint64_t *ret) {
    const struct py_layout *layout = &py->layout;
    int32_t offset = PY_ABSENT;
    if (type->kind == PY_KIND_COROUTINE_WRAPPER)
        offset = PY_OFFSET(layout, coroutine_wrapper, coroutine);
    else if (type->kind == PY_KIND_ASEND)
        offset = PY_OFFSET(layout, asend, generator);
    else if (type->kind == PY_KIND_ATHROW)
        offset = PY_OFFSET(layout, athrow, generator);
    else if (type->kind == PY_KIND_ANEXT_AWAITABLE)
        offset = PY_OFFSET(layout, anext_awaitable, wrapped);
    *ret = 0;
    return offset == PY_ABSENT ? NULL : py_read_u64(py, address + (uint64_t)offset, ret);
}
