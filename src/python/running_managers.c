/*
 * The managers of the statements that a running frame is in. Nothing tells how deep its value stack
 * is, but a handler of exceptions tells how much of the stack it keeps, and what the statements
 * around it left is below: a block of the frame up to 3.10, later an entry of the code's exception
 * table. Objects/exception_handling_notes.txt (InternalDocs/exception_handling.md),
 * Python/ceval.c (SETUP_WITH, SETUP_ASYNC_WITH).
 */
#include <stdlib.h>

#include "py.h"

#define BLOCKS_MAX 20 /* CO_MAXBLOCKS */
#define DEPTH_MAX 4096
#define TABLE_MAX (1u << 20)
#define GET_AWAITABLE_MAX 5 /* most code units from it to where a frame stands that awaits */

/* --- how much of the stack is in use for certain --- */

/* Numbers in pieces of six bits, the highest first. */
struct table_cursor {
    const unsigned char *at, *end;
};

static uint32_t take_number(struct table_cursor *cursor) {
    uint32_t value = 0;
    while (cursor->at < cursor->end) {
        unsigned char byte = *cursor->at++;
        value = value << 6 | (byte & 63);
        if (!(byte & 64))
            break;
    }
    return value;
}

/* What the handler keeps that code unit `unit` has; 0 when it has none. */
static size_t find_depth(struct table_cursor cursor, uint64_t unit) {
    while (cursor.at < cursor.end) {
        uint32_t start = take_number(&cursor), size = take_number(&cursor);
        (void)take_number(&cursor); /* where the handler is */
        uint32_t depth = take_number(&cursor) >> 1;
        if (unit >= start && unit - start < size)
            return depth;
    }
    return 0;
}

static struct error *read_depth_of_table(struct py *py, const struct py_position *position,
                                         size_t *ret) {
    const struct py_layout *layout = &py->layout;
    const struct py_code *code = position->code;
    uint64_t table, size = 0;
    struct error *err =
        py_read_u64(py, code->address + (uint64_t)PY_OFFSET(layout, code, exception_table), &table);
    if (!err)
        err = py_read_u64(py, table + (uint64_t)PY_OFFSET(layout, bytes, count), &size);
    if (!err && size > TABLE_MAX)
        err = error_create(ERROR_INVALID, "an exception table that is longer than any");
    if (err)
        return err;
    unsigned char *bytes = memory_alloc(size + 1);
    py_charge(py, size);
    err = memory_read(py->memory, table + (uint64_t)PY_OFFSET(layout, bytes, data), bytes, size);
    if (!err)
        *ret = find_depth((struct table_cursor){bytes, bytes + size},
                          (position->instruction - code->first_instruction) / 2);
    free(bytes);
    return err;
}

/* Up to 3.10: the innermost block has the highest level. */
static size_t get_depth_of_blocks(const struct py *py, const struct py_record *frame) {
    const struct py_layout *layout = &py->layout;
    int32_t count = PY_I32(frame, frame, block_count), level = 0;
    if (count <= 0 || count > BLOCKS_MAX)
        return 0;
    size_t at = (size_t)PY_OFFSET(layout, frame, blocks) +
                (size_t)(count - 1) * (size_t)PY_OFFSET(layout, try_block, size) +
                (size_t)PY_OFFSET(layout, try_block, level);
    memcpy(&level, frame->bytes + at, sizeof level);
    return level > 0 ? (size_t)level : 0;
}

static struct error *find_stack(struct py *py, const struct py_record *frame,
                                const struct py_position *position, struct py_stack *ret) {
    struct error *err = NULL;
    ret->bottom = py_stack_find_bottom(py, frame, position->code);
    ret->slots = 0;
    if (PY_HAS(&py->layout, frame, blocks))
        ret->slots = get_depth_of_blocks(py, frame);
    else
        err = read_depth_of_table(py, position, &ret->slots);
    if (!err && (ret->slots > DEPTH_MAX || (ret->slots && !ret->bottom)))
        err = error_create(ERROR_INVALID, "a value stack that is deeper than any");
    return err;
}

/* --- the one that is being left --- */

/* The exit that is called because of an exception still stands on the stack: by a `with` here, or
 * by an `async with` that awaits it. */
static struct error *is_left(struct py *py, const struct py_position *position, bool *ret) {
    const struct py_with_opcodes *with = &py->layout.traits.with_opcodes;
    struct py_unit units[GET_AWAITABLE_MAX + 2];
    struct error *err = NULL;
    *ret = false;
    for (int back = 0; !err && back < GET_AWAITABLE_MAX + 2; back++)
        err = py_unit_read(py, position, back, &units[back]);
    if (err || !with->with_except_start)
        return err;
    *ret = units[0].operation == with->with_except_start &&
           (!with->push_exc_info || units[1].operation == with->push_exc_info);
    for (int back = 0; !*ret && back <= GET_AWAITABLE_MAX; back++)
        *ret = units[back].operation == with->get_awaitable &&
               units[back].argument == (with->before_async_with ? 0 : PY_EXIT_ARGUMENT) &&
               units[back + 1].operation == with->with_except_start;
    return NULL;
}

struct error *py_running_managers_visit(struct py *py, uint64_t frame, py_visit_open *visit,
                                        void *context) {
    struct py_record record;
    struct py_position *position;
    struct py_stack stack;
    bool left;
    struct error *err = py_record_read(py, PY_STRUCT_frame, frame, &record);
    if (!err)
        err = py_frame_get_position(py, &record, &position);
    if (!err)
        err = find_stack(py, &record, position, &stack);
    if (!err)
        err = is_left(py, position, &left);
    return err ? err : py_stack_visit(py, &stack, left, visit, context);
}
