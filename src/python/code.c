/* Code objects and the positions inside them. Include/cpython/code.h. */
#include "asyncspy/python/line_table.h"
#include "py.h"

#define LINE_TABLE_MAX (16u << 20)
#define CODE_UNITS 100
#define POSITION_UNITS 50
#define SHARED_MAX 64 /* positions of a code object that are compared */

/* A line table that cannot be had costs the lines, not the frame. */
static struct error *read_line_table(struct py *py, uint64_t address, struct py_code *code) {
    const struct py_layout *layout = &py->layout;
    uint64_t size;
    struct error *err = py_read_u64(py, address + (uint64_t)PY_OFFSET(layout, bytes, count), &size);
    if (!err && size > LINE_TABLE_MAX)
        err = error_create(ERROR_INVALID, "it is longer than any line table");
    if (err)
        return err;
    py_charge(py, size / 4);
    unsigned char *bytes = arena_alloc(py->arena, size + 1);
    err = memory_read(py->memory, address + (uint64_t)PY_OFFSET(layout, bytes, data), bytes, size);
    code->line_table = bytes;
    code->line_table_size = err ? 0 : size;
    return err;
}

/* Up to 3.10 the bytecode is a bytes object, later the end of the code object itself. */
static uint64_t get_first_instruction(const struct py *py, const struct py_record *code) {
    if (PY_HAS(&py->layout, code, bytecode))
        return PY_U64(code, code, bytecode) + (uint64_t)PY_OFFSET(&py->layout, bytes, data);
    return code->address + (uint64_t)PY_OFFSET(&py->layout, code, instructions);
}

static void take_words(const struct py_record *record, uint64_t *words) {
    words[0] = PY_U64(record, code, name);
    words[1] = PY_U64(record, code, filename);
    words[2] = PY_U64(record, code, linetable);
    words[3] = (uint64_t)(uint32_t)PY_I32(record, code, firstlineno);
}

static struct error *read_code(struct py *py, uint64_t address, struct py_code *code) {
    struct py_record record;
    struct error *err = py_record_read(py, PY_STRUCT_code, address, &record);
    if (!err)
        err = py_string_read(py, PY_U64(&record, code, name), &code->function);
    if (!err)
        err = py_string_read(py, PY_U64(&record, code, filename), &code->file);
    if (!err && PY_HAS(&py->layout, code, qualname))
        err = py_string_read(py, PY_U64(&record, code, qualname), &code->qualified_name);
    if (err)
        return err;
    code->address = address;
    take_words(&record, code->words);
    code->first_line = PY_I32(&record, code, firstlineno);
    code->first_traceable = PY_I32(&record, code, firsttraceable);
    code->local_slots = PY_I32(&record, code, nlocalsplus);
    code->first_instruction = get_first_instruction(py, &record);
    err = read_line_table(py, PY_U64(&record, code, linetable), code);
    if (error_is_fatal(err))
        return err;
    code->has_lines = !err;
    if (err)
        snapshot_add_missing(py->snapshot, arena_format(py->arena, "lines of %s", code->function),
                             error_get_message(err));
    error_destroy(err);
    return NULL;
}

static struct error *add_code(struct py *py, uint64_t address, struct py_code **ret) {
    struct py_type *type;
    struct error *err = py_type_of(py, address, &type);
    if (!err && type->kind != PY_KIND_CODE)
        err = error_create(ERROR_INVALID, "0x%llx is no code object", (unsigned long long)address);
    struct py_code code = {0};
    if (!err)
        err = read_code(py, address, &code);
    if (err)
        return error_add_context(err, "code object");
    py_charge(py, CODE_UNITS);
    *ret = arena_alloc(py->arena, sizeof code);
    **ret = code;
    id_table_add(py->codes, address, *ret);
    return NULL;
}

/* A look at everything knows whether code objects have changed; another one looks for itself. */
struct error *py_code_check(struct py *py, struct py_code *code) {
    uint64_t words[sizeof code->words / sizeof *code->words];
    struct py_record record;
    if (!py->looks || py->look_is_full || code->look == py->look)
        return NULL;
    struct error *err = py_record_read(py, PY_STRUCT_code, code->address, &record);
    if (err)
        return err;
    take_words(&record, words);
    if (memcmp(words, code->words, sizeof words) == 0) {
        code->look = py->look;
        return NULL;
    }
    py->has_met_other_code = true;
    return error_create(ERROR_INVALID, "another code object lies at 0x%llx now",
                        (unsigned long long)code->address);
}

struct error *py_code_read(struct py *py, uint64_t address, struct py_code **ret) {
    *ret = id_table_find(py->codes, address);
    if (*ret)
        return py_code_check(py, *ret);
    struct py_lasting lasting = py_lasting_begin(py);
    return py_lasting_end(py, &lasting, add_code(py, address, ret));
}

static void locate(struct py *py, const struct py_code *code, uint64_t instruction,
                   struct snapshot_frame *frame) {
    struct py_location location;
    uint64_t unit = (instruction - code->first_instruction) / 2;
    if (instruction < code->first_instruction) { /* not started: the line of its def */
        frame->line = code->first_line;
        return;
    }
    if (unit > UINT32_MAX || !code->has_lines ||
        !py_line_find(py->layout.traits.line_kind, code->line_table, code->line_table_size,
                      code->first_line, (uint32_t)unit, &location))
        return;
    frame->line = location.line;
    frame->end_line = location.end_line;
    frame->column = location.column;
    frame->end_column = location.end_column;
}

/* f_lasti is -1 before the first instruction, which gives an address before it. */
static uint64_t get_instruction_address(const struct py *py, const struct py_code *code,
                                        uint64_t instruction) {
    if (py->layout.traits.frame_kind == PY_FRAME_OBJECT)
        return code->first_instruction + instruction;
    return instruction;
}

/* The same frame, where the code has one: a call is several instructions, and which of them calls
 * depends on what the interpreter made of it (PRECALL and CALL of 3.11). */
static struct snapshot_frame *share_frame(const struct py_code *code,
                                          struct snapshot_frame *frame) {
    size_t looked = 0;
    for (const struct py_position *it = code->positions; it && looked++ < SHARED_MAX; it = it->next)
        if (it->frame->line == frame->line && it->frame->end_line == frame->end_line &&
            it->frame->column == frame->column && it->frame->end_column == frame->end_column)
            return it->frame;
    return frame;
}

struct py_position *py_position_get(struct py *py, struct py_code *code, uint64_t instruction) {
    struct py_position_key key = {code->address, instruction};
    struct py_position *position = table_find(py->positions, &key, sizeof key);
    if (position)
        return position;
    py_charge(py, POSITION_UNITS + code->line_table_size / 16);
    position = arena_alloc(py->arena, sizeof *position);
    position->key = key;
    position->code = code;
    position->instruction = get_instruction_address(py, code, instruction);
    position->awaits = -1;
    position->has_use = position->leaves_by_exception = false;
    position->frame = arena_alloc(py->snapshot->arena, sizeof *position->frame);
    *position->frame = (struct snapshot_frame){.function = code->function,
                                               .qualified_name = code->qualified_name,
                                               .file = code->file,
                                               .line = -1,
                                               .end_line = -1,
                                               .column = -1,
                                               .end_column = -1};
    locate(py, code, position->instruction, position->frame);
    position->frame = share_frame(code, position->frame);
    position->next = code->positions;
    code->positions = position;
    table_add(py->positions, &position->key, sizeof position->key, position);
    return position;
}
