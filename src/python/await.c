/*
 * What a suspended frame awaits, and what for: its value stack and the instructions around the one
 * where it stands. Python/bytecodes.c (SEND, RESUME, GET_AWAITABLE), Python/ceval.c (YIELD_FROM),
 * Python/compile.c (compiler_async_with; codegen_async_with in Python/codegen.c).
 */
#include "py.h"

#define STACK_SLOTS_MAX (1 << 20)
#define EXTENDED_ARGS_MAX 3

/* --- value stacks --- */

/* Up to 3.10 a frame points to its value stack, later that stands behind the variables. */
uint64_t py_stack_find_bottom(const struct py *py, const struct py_record *frame,
                              const struct py_code *code) {
    if (PY_HAS(&py->layout, frame, valuestack))
        return PY_U64(frame, frame, valuestack);
    if (code->local_slots < 0 || code->local_slots > STACK_SLOTS_MAX)
        return 0;
    return frame->address + (uint64_t)PY_OFFSET(&py->layout, frame, localsplus) +
           8 * (uint64_t)code->local_slots;
}

uint64_t py_frame_get_stack_end(const struct py *py, const struct py_record *frame) {
    uint64_t base = 0;
    int32_t index = -1;
    switch (py->layout.traits.stack_kind) {
    case PY_STACK_DEPTH:
        base = PY_U64(frame, frame, valuestack);
        index = PY_I32(frame, frame, stackdepth);
        break;
    case PY_STACK_INDEX:
        base = frame->address + (uint64_t)PY_OFFSET(&py->layout, frame, localsplus);
        index = PY_I32(frame, frame, stacktop);
        break;
    case PY_STACK_POINTER:
        return PY_U64(frame, frame, stackpointer);
    }
    return index < 0 ? 0 : base + 8 * (uint64_t)index;
}

bool py_stack_find(const struct py *py, const struct py_record *frame, const struct py_code *code,
                   struct py_stack *ret) {
    uint64_t end = py_frame_get_stack_end(py, frame);
    ret->bottom = py_stack_find_bottom(py, frame, code);
    ret->slots = 0;
    if (!ret->bottom || end < ret->bottom || end - ret->bottom > 8ull * STACK_SLOTS_MAX)
        return false;
    ret->slots = (size_t)((end - ret->bottom) / 8);
    return true;
}

/* --- instructions --- */

struct error *py_unit_read(struct py *py, const struct py_position *position, int back,
                           struct py_unit *ret) {
    uint64_t at = position->instruction - 2 * (uint64_t)(int64_t)back;
    *ret = (struct py_unit){0, 0};
    if (back > 0 && (at < position->code->first_instruction || at > position->instruction))
        return NULL;
    /* From 3.11 on there are counters between the instructions that change each time one runs,
     * while what a suspended one means stays; whether the code is another one, its object tells. */
    bool is_tracked = py->layout.traits.await_kind == PY_AWAIT_YIELD_FROM;
    struct memory_footprint *tracked = is_tracked ? NULL : py_track(py, NULL);
    struct error *err = memory_read(py->memory, at, ret, sizeof *ret);
    if (!is_tracked)
        py_track(py, tracked);
    return err;
}

/* Whether the instruction after the last one continues an await or yield from: YIELD_FROM up to
 * 3.10, a RESUME whose argument is 2 or 3 in 3.11 and 3.12. */
static struct error *continues_await(struct py *py, struct py_position *position, bool *ret) {
    const struct py_traits *traits = &py->layout.traits;
    struct py_unit unit;
    /* In a look whoever asks depends on what stands there: it may be read in the middle of a
     * change.
     */
    if (position->awaits >= 0 && !py->looks) {
        *ret = position->awaits == 1;
        return NULL;
    }
    struct error *err = py_unit_read(py, position, -1, &unit);
    if (err)
        return err;
    bool known = false;
    for (size_t i = 0; i < sizeof traits->await_opcodes; i++)
        known |= traits->await_opcodes[i] && unit.operation == traits->await_opcodes[i];
    *ret = known && (traits->await_kind == PY_AWAIT_YIELD_FROM || (unit.argument & 3) >= 2);
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

/* --- what an await is for --- */

/* 3.9 and 3.10 call __aexit__(None, None, None) when the body ends well: no other code has its
 * arguments made by LOAD_CONST, DUP_TOP, DUP_TOP. */
static struct error *is_exit_call(struct py *py, const struct py_position *position, int back,
                                  bool *ret) {
    const struct py_with_opcodes *with = &py->layout.traits.with_opcodes;
    struct py_unit call, third, second;
    struct error *err = py_unit_read(py, position, back, &call);
    if (!err)
        err = py_unit_read(py, position, back + 1, &third);
    if (!err)
        err = py_unit_read(py, position, back + 2, &second);
    *ret = !err && with->dup_top && call.operation == with->call_function && call.argument == 3 &&
           third.operation == with->dup_top && second.operation == with->dup_top;
    return err;
}

/* GET_AWAITABLE is `back` units behind: from 3.11 on its argument tells, before the instruction in
 * front of it. */
static struct error *decide_use(struct py *py, struct py_position *position, int back,
                                struct py_unit get_awaitable) {
    static const enum py_await_use by_argument[] = {PY_AWAIT_EXPRESSION, PY_AWAIT_ENTER,
                                                    PY_AWAIT_EXIT};
    const struct py_with_opcodes *with = &py->layout.traits.with_opcodes;
    bool is_exit = false;
    struct py_unit before;
    struct error *err = py_unit_read(py, position, back + 1, &before);
    if (!err)
        err = is_exit_call(py, position, back + 1, &is_exit);
    if (err)
        return err;
    uint8_t operation = before.operation;
    bool is_except = with->with_except_start && operation == with->with_except_start;
    if (!with->before_async_with)
        position->use = get_awaitable.argument < sizeof by_argument / sizeof *by_argument
                            ? by_argument[get_awaitable.argument]
                            : PY_AWAIT_UNKNOWN;
    else if (operation == with->before_async_with)
        position->use = PY_AWAIT_ENTER;
    else if (is_exit || is_except ||
             (with->with_cleanup_start && operation == with->with_cleanup_start))
        position->use = PY_AWAIT_EXIT;
    else
        position->use = PY_AWAIT_EXPRESSION;
    position->leaves_by_exception = is_except && position->use == PY_AWAIT_EXIT;
    return NULL;
}

/* Whether this is a yield from: from 3.11 on the RESUME tells. */
static struct error *is_yield_from(struct py *py, const struct py_position *position, bool *ret) {
    enum py_await_kind kind = py->layout.traits.await_kind;
    struct py_unit resume;
    *ret = false;
    if (kind == PY_AWAIT_YIELD_FROM)
        return NULL;
    struct error *err = py_unit_read(py, position, kind == PY_AWAIT_RESUME ? -1 : 0, &resume);
    *ret = !err && (resume.argument & 3) == 2;
    return err;
}

struct error *py_position_find_use(struct py *py, struct py_position *position) {
    const struct py_with_opcodes *with = &py->layout.traits.with_opcodes;
    struct py_unit unit = {0, 0};
    bool yields_from;
    int back = with->get_awaitable_distance;
    if (position->has_use && !py->looks)
        return NULL;
    struct error *err = is_yield_from(py, position, &yields_from);
    for (int i = 0; !err && i <= EXTENDED_ARGS_MAX; i++) {
        err = py_unit_read(py, position, back, &unit);
        if (unit.operation != with->extended_arg)
            break;
        back++;
    }
    if (err)
        return err;
    if (unit.operation == with->get_awaitable && !yields_from) {
        err = decide_use(py, position, back, unit);
        position->has_use = !err;
        return err;
    }
    bool is_other = unit.operation && (unit.operation == with->get_anext ||
                                       unit.operation == with->get_yield_from_iter);
    position->use = yields_from || is_other ? PY_AWAIT_EXPRESSION : PY_AWAIT_UNKNOWN;
    position->has_use = true;
    return NULL;
}

struct error *py_await_read(struct py *py, const struct py_record *frame, int8_t state,
                            struct py_position *position, struct py_generator *ret) {
    size_t depth = py->layout.traits.awaited_depth;
    struct py_stack stack;
    bool awaiting;
    uint64_t word;
    struct error *err = is_awaiting(py, state, position, &awaiting);
    if (err)
        return err;
    bool known = py_stack_find(py, frame, position->code, &stack);
    ret->stack_slots = stack.slots;
    if (!awaiting)
        return NULL;
    if (!known || stack.slots < depth)
        return error_create(ERROR_INVALID, "a suspended frame with no value stack");
    ret->stack_slots = stack.slots - depth;
    err = py_read_u64(py, stack.bottom + 8 * ret->stack_slots, &word);
    if (!err)
        err = py_position_find_use(py, position);
    if (err)
        return err;
    ret->awaited = py_untag(py, word);
    ret->use = position->use;
    return NULL;
}
