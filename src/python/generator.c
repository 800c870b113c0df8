/*
 * Generators, coroutines, async generators and what they await.
 * Include/cpython/genobject.h, Objects/genobject.c, Python/bytecodes.c (RESUME, SEND),
 * Python/ceval.c (YIELD_FROM).
 */
#include "py.h"

#define STACK_SLOTS_MAX (1 << 20)

uint64_t py_frame_get_stack_end(const struct py *py, const struct py_record *frame) {
    uint64_t base = frame->address + (uint64_t)PY_OFFSET(&py->layout, frame, localsplus);
    uint64_t end = 0;
    int32_t index;
    switch (py->layout.traits.stack_kind) {
    case PY_STACK_DEPTH:
        index = PY_I32(frame, frame, stackdepth);
        base = PY_U64(frame, frame, valuestack);
        end = index > 0 && index < STACK_SLOTS_MAX ? base + 8 * (uint64_t)index : 0;
        break;
    case PY_STACK_INDEX:
        index = PY_I32(frame, frame, stacktop);
        end = index > 0 && index < STACK_SLOTS_MAX ? base + 8 * (uint64_t)index : 0;
        break;
    case PY_STACK_POINTER:
        end = PY_U64(frame, frame, stackpointer);
        break;
    }
    return end > base && end - base < 8ull * STACK_SLOTS_MAX ? end : 0;
}

/* Whether the instruction after the last one continues an await or yield from: YIELD_FROM up to
 * 3.10, a RESUME whose argument is 2 or 3 in 3.11 and 3.12. */
static struct error *continues_await(struct py *py, struct py_position *position, bool *ret) {
    const struct py_traits *traits = &py->layout.traits;
    unsigned char unit[2];
    if (position->awaits >= 0) {
        *ret = position->awaits == 1;
        return NULL;
    }
    struct error *err = memory_read(py->memory, position->instruction + 2, unit, sizeof unit);
    if (err)
        return err;
    bool known = false;
    for (size_t i = 0; i < sizeof traits->await_opcodes; i++)
        known |= traits->await_opcodes[i] && unit[0] == traits->await_opcodes[i];
    *ret = known && (traits->await_kind == PY_AWAIT_YIELD_FROM || (unit[1] & 3) >= 2);
    position->awaits = *ret ? 1 : 0;
    return NULL;
}

static struct error *is_awaiting(struct py *py, int8_t state, struct py_position *position,
                                 bool *ret) {
    const struct py_generator_states *states = &py->layout.traits.generator_states;
    switch (py->layout.traits.await_kind) {
    case PY_AWAIT_YIELD_FROM:
    case PY_AWAIT_RESUME:
        return continues_await(py, position, ret);
    case PY_AWAIT_STATE:
        break;
    }
    *ret = state == states->suspended_await || state == states->suspended_await_locked;
    return NULL;
}

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

static struct error *read_awaited(struct py *py, const struct py_record *frame, int8_t state,
                                  struct py_position *position, uint64_t *ret) {
    bool awaiting;
    uint64_t word, end;
    struct error *err = is_awaiting(py, state, position, &awaiting);
    if (err || !awaiting)
        return err;
    end = py_frame_get_stack_end(py, frame);
    if (!end)
        return error_create(ERROR_INVALID, "a suspended frame with no value stack");
    err = py_read_u64(py, end - 8ull * py->layout.traits.awaited_depth, &word);
    *ret = err ? 0 : py_untag(py, word);
    return err;
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
    if (ret->state == PY_GENERATOR_SUSPENDED)
        err = read_awaited(py, frame, state, position, &ret->awaited);
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
