/*
 * Local, cell and free variables of frames. Include/cpython/code.h, Objects/codeobject.c
 * (_PyCode_ConstantKey, co_localsplusnames), Objects/frameobject.c (PyFrame_FastToLocals).
 */
#include "py.h"

/* Bits of co_localspluskinds (Include/internal/pycore_code.h). */
#define KIND_CELL 0x40
#define KIND_FREE 0x80

#define LOCALS_MAX 16384
#define LOCAL_UNITS 4

/* --- names --- */

struct name_reader {
    struct py *py;
    struct py_locals locals;
    size_t capacity;
    bool have_cells;
};

static struct error *visit_name(void *context, uint64_t item) {
    struct name_reader *reader = context;
    struct py_locals *locals = &reader->locals;
    const char *name;
    if (locals->count >= LOCALS_MAX)
        return error_create(ERROR_INVALID, "a function with more than %d variables", LOCALS_MAX);
    struct error *err = py_string_read(reader->py, item, &name);
    if (err)
        return err;
    py_charge(reader->py, LOCAL_UNITS);
    locals->items = snapshot_vector_grow(reader->py->arena, locals->items, &locals->count,
                                         &reader->capacity, sizeof *locals->items);
    locals->items[locals->count - 1] = (struct py_local_name){name, reader->have_cells};
    return NULL;
}

static struct error *read_tuple(struct name_reader *reader, uint64_t code, int32_t offset) {
    uint64_t tuple;
    struct error *err = py_read_u64(reader->py, code + (uint64_t)offset, &tuple);
    return err ? err : py_tuple_visit(reader->py, tuple, visit_name, reader);
}

/* Up to 3.10: three tuples, in the order of the words. */
static struct error *read_tuples(struct name_reader *reader, uint64_t code) {
    const struct py_layout *layout = &reader->py->layout;
    struct error *err = read_tuple(reader, code, PY_OFFSET(layout, code, variable_names));
    reader->have_cells = true;
    if (!err)
        err = read_tuple(reader, code, PY_OFFSET(layout, code, cell_names));
    size_t before = reader->locals.count;
    if (!err)
        err = read_tuple(reader, code, PY_OFFSET(layout, code, free_names));
    reader->locals.free_count = reader->locals.count - before;
    return err;
}

static struct error *read_kinds(struct py *py, uint64_t bytes, struct py_locals *locals) {
    unsigned char kinds[LOCALS_MAX];
    uint64_t count;
    struct error *err =
        py_read_u64(py, bytes + (uint64_t)PY_OFFSET(&py->layout, bytes, count), &count);
    if (!err && count != locals->count)
        err = error_create(ERROR_INVALID, "not as many kinds of variables as variables");
    if (!err)
        err = memory_read(py->memory, bytes + (uint64_t)PY_OFFSET(&py->layout, bytes, data), kinds,
                          locals->count);
    for (size_t i = 0; !err && i < locals->count; i++) {
        locals->items[i].has_cell = (kinds[i] & (KIND_CELL | KIND_FREE)) != 0;
        locals->free_count += (kinds[i] & KIND_FREE) != 0;
    }
    return err;
}

/* From 3.11 on: one tuple, and bytes that tell the kind of each. */
static struct error *read_names_and_kinds(struct name_reader *reader, uint64_t code) {
    struct py *py = reader->py;
    uint64_t kinds;
    struct error *err = read_tuple(reader, code, PY_OFFSET(&py->layout, code, local_names));
    if (!err)
        err = py_read_u64(py, code + (uint64_t)PY_OFFSET(&py->layout, code, local_kinds), &kinds);
    return err ? err : read_kinds(py, kinds, &reader->locals);
}

struct error *py_code_get_locals(struct py *py, struct py_code *code,
                                 const struct py_locals **ret) {
    *ret = code->locals;
    if (code->locals)
        return NULL;
    struct name_reader reader = {.py = py};
    struct error *err = PY_HAS(&py->layout, code, local_names)
                            ? read_names_and_kinds(&reader, code->address)
                            : read_tuples(&reader, code->address);
    if (err)
        return error_add_context(err, "variables of %s", code->function);
    code->locals = arena_alloc(py->arena, sizeof *code->locals);
    *code->locals = reader.locals;
    *ret = code->locals;
    return NULL;
}

/* --- values --- */

struct error *py_cell_get(struct py *py, uint64_t address, uint64_t *ret) {
    struct py_record cell;
    struct error *err = py_object_read(py, PY_STRUCT_cell, PY_KIND_CELL, address, &cell);
    *ret = err ? 0 : PY_U64(&cell, cell, content);
    return err;
}

/* What a word stands for: a word for a cell holds the value itself until MAKE_CELL has run. */
static struct error *get_value(struct py *py, uint64_t word, bool has_cell, uint64_t *ret) {
    struct py_type *type;
    *ret = py_untag(py, word);
    if (!has_cell || !*ret)
        return NULL;
    struct error *err = py_type_of(py, *ret, &type);
    return err || type->kind != PY_KIND_CELL ? err : py_cell_get(py, *ret, ret);
}

static struct error *read_value(struct py *py, uint64_t frame, const struct py_locals *locals,
                                size_t index, uint64_t *ret) {
    uint64_t word, at = frame + (uint64_t)PY_OFFSET(&py->layout, frame, localsplus) + 8 * index;
    struct error *err = py_read_u64(py, at, &word);
    return err ? err : get_value(py, word, locals->items[index].has_cell, ret);
}

static struct error *get_locals(struct py *py, uint64_t frame, const struct py_locals **ret) {
    struct py_code *code;
    struct error *err = py_frame_get_code(py, frame, &code);
    return err ? err : py_code_get_locals(py, code, ret);
}

/* Up to 3.10 an argument that functions inside refer to has two words, of which one is empty. */
struct error *py_local_find(struct py *py, uint64_t frame, const char *name, uint64_t *ret) {
    const struct py_locals *locals;
    *ret = 0;
    struct error *err = get_locals(py, frame, &locals);
    for (size_t i = 0; !err && !*ret && i < locals->count; i++)
        if (strcmp(locals->items[i].name, name) == 0)
            err = read_value(py, frame, locals, i, ret);
    return err;
}

struct error *py_locals_visit(struct py *py, uint64_t frame, py_visit_local *visit, void *context) {
    const struct py_locals *locals;
    bool stop = false;
    struct error *err = get_locals(py, frame, &locals);
    for (size_t i = 0; !err && !stop && i < locals->count; i++) {
        uint64_t value = 0;
        err = read_value(py, frame, locals, i, &value);
        if (!err && value)
            err = visit(context, locals->items[i].name, value, &stop);
    }
    return err;
}

struct error *py_globals_find(struct py *py, uint64_t frame, uint64_t *ret) {
    return py_read_u64(py, frame + (uint64_t)PY_OFFSET(&py->layout, frame, globals), ret);
}
