#include "fake_frames.h"

#include "fake_gc.h"

#include <string.h>

#define OWNED_BY_GENERATOR 1
#define OWNED_BY_CSTACK 3
#define STACK_ROOM 16 /* slots behind a frame */
#define UNITS 10
#define TAG 1 /* of a _PyStackRef to an object that is not counted */

static bool has_tags(const struct fake_python *fake) {
    return fake->layout.traits.stackref_tagged;
}

/* --- code --- */

/* Entries of Objects/locations.md: 13 no columns, 11 one line further, 12 two lines further. */
static const unsigned char locations[] = {
    0x80 | 13 << 3 | 1, 0,     /* units 0-1 */
    0x80 | 11 << 3 | 1, 4, 10, /* units 2-3 */
    0x80 | 12 << 3 | 5, 8, 20, /* units 4-9 */
};
/* The same in pairs of bytes of code and lines. */
static const unsigned char ranges[] = {4, 0, 4, 1, 12, 2};
static const unsigned char lnotab[] = {4, 1, 4, 2};

static uint64_t make_line_table(struct fake_python *fake) {
    switch (fake->layout.traits.line_kind) {
    case PY_LINE_LNOTAB:
        return fake_bytes(fake, lnotab, sizeof lnotab);
    case PY_LINE_RANGES:
        return fake_bytes(fake, ranges, sizeof ranges);
    case PY_LINE_LOCATIONS:
        break;
    }
    return fake_bytes(fake, locations, sizeof locations);
}

static bool has_frame_objects(const struct fake_python *fake) {
    return fake->layout.traits.frame_kind == PY_FRAME_OBJECT;
}

static uint64_t get_instructions(struct fake_python *fake, uint64_t code) {
    if (has_frame_objects(fake))
        return FAKE_GET(fake, code, code, bytecode) +
               (uint64_t)PY_OFFSET(&fake->layout, bytes, data);
    return code + (uint64_t)PY_OFFSET(&fake->layout, code, instructions);
}

/* Where an await is suspended, the next instruction says so: YIELD_FROM, or a RESUME with 3. */
static void put_instructions(struct fake_python *fake, uint64_t code) {
    uint64_t start = get_instructions(fake, code);
    uint8_t opcode = fake->layout.traits.await_opcodes[0];
    if (!has_frame_objects(fake))
        fake_put(fake, start + 2 * (FAKE_UNIT_YIELD + 1), opcode | 1u << 8, 2);
    fake_put(fake, start + 2 * (FAKE_UNIT_AWAIT + 1), opcode | 3u << 8, 2);
}

/* Before 3.11 a code object has no such field: here it stands behind it, for its generators. */
static uint64_t qualname_place(struct fake_python *fake, uint64_t code) {
    if (PY_HAS(&fake->layout, code, qualname))
        return code + (uint64_t)PY_OFFSET(&fake->layout, code, qualname);
    return code + (uint64_t)PY_OFFSET(&fake->layout, code, size);
}

uint64_t fake_code(struct fake_python *fake, const char *name, const char *qualname,
                   const char *file, int first_line) {
    static const unsigned char no_instructions[2 * UNITS];
    size_t size = (size_t)PY_OFFSET(&fake->layout, code, size) + 2 * UNITS;
    uint64_t code = fake_object(fake, fake->types[FAKE_CODE], size);
    FAKE_SET(fake, code, code, name, fake_str(fake, name));
    fake_put(fake, qualname_place(fake, code), fake_str(fake, qualname), 8);
    FAKE_SET(fake, code, code, filename, fake_str(fake, file));
    FAKE_SET(fake, code, code, firstlineno, first_line);
    fake_code_set_variables(fake, code, &(struct fake_variable){"self", FAKE_LOCAL}, 1);
    FAKE_SET(fake, code, code, linetable, make_line_table(fake));
    FAKE_SET(fake, code, code, exception_table, fake->no_bytes);
    if (has_frame_objects(fake))
        FAKE_SET(fake, code, code, bytecode,
                 fake_bytes(fake, no_instructions, sizeof no_instructions));
    if (PY_HAS(&fake->layout, code, exception_table))
        FAKE_SET(fake, code, code, exception_table, fake_bytes(fake, "", 0));
    put_instructions(fake, code);
    return code;
}

void fake_code_put(struct fake_python *fake, uint64_t code, int unit, uint8_t operation,
                   uint8_t argument) {
    fake_put(fake, get_instructions(fake, code) + 2 * (uint64_t)unit,
             operation | (uint64_t)argument << 8, 2);
}

#define VARIABLES_MAX 16

/* A tuple of the names of one kind, or of all (-1). */
static uint64_t make_names(struct fake_python *fake, const struct fake_variable *items,
                           size_t count, int kind) {
    uint64_t names[VARIABLES_MAX];
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (kind < 0 || (int)items[i].kind == kind)
            names[found++] = fake_str(fake, items[i].name);
    return fake_tuple(fake, names, found);
}

void fake_code_set_variables(struct fake_python *fake, uint64_t code,
                             const struct fake_variable *items, size_t count) {
    static const unsigned char bits[] = {
        [FAKE_LOCAL] = 0x20, [FAKE_CELL_VARIABLE] = 0x40, [FAKE_FREE_VARIABLE] = 0x80};
    unsigned char kinds[VARIABLES_MAX];
    for (size_t i = 0; i < count; i++)
        kinds[i] = bits[items[i].kind];
    FAKE_SET(fake, code, code, nlocalsplus, count);
    FAKE_SET(fake, code, code, local_names, make_names(fake, items, count, -1));
    FAKE_SET(fake, code, code, local_kinds, fake_bytes(fake, kinds, count));
    FAKE_SET(fake, code, code, variable_names, make_names(fake, items, count, FAKE_LOCAL));
    FAKE_SET(fake, code, code, cell_names, make_names(fake, items, count, FAKE_CELL_VARIABLE));
    FAKE_SET(fake, code, code, free_names, make_names(fake, items, count, FAKE_FREE_VARIABLE));
}

void fake_code_set_handler(struct fake_python *fake, uint64_t code, uint8_t start, uint8_t size,
                           uint8_t depth) {
    const unsigned char entry[] = {0x80 | start, size, 0, (unsigned char)(depth << 1)};
    FAKE_SET(fake, code, code, exception_table, fake_bytes(fake, entry, sizeof entry));
}

/* --- frames --- */

void fake_frame_put(struct fake_python *fake, uint64_t frame, size_t index, uint64_t object) {
    uint64_t base = frame + (uint64_t)PY_OFFSET(&fake->layout, frame, localsplus);
    fake_put(fake, base + 8 * index, has_tags(fake) ? object | TAG : object, 8);
}

void fake_frame_set_block(struct fake_python *fake, uint64_t frame, int level) {
    if (!PY_HAS(&fake->layout, frame, blocks))
        return;
    uint64_t blocks = frame + (uint64_t)PY_OFFSET(&fake->layout, frame, blocks);
    FAKE_SET(fake, frame, frame, block_count, 1);
    FAKE_SET(fake, blocks, try_block, level, level);
}

/* How many words of the frame are variables. */
static size_t count_variables(struct fake_python *fake, uint64_t frame) {
    uint64_t code = FAKE_GET(fake, frame, frame, code) & ~UINT64_C(3);
    if (PY_HAS(&fake->layout, code, nlocalsplus))
        return FAKE_GET(fake, code, code, nlocalsplus);
    return FAKE_GET(fake, FAKE_GET(fake, code, code, variable_names), tuple, count) +
           FAKE_GET(fake, FAKE_GET(fake, code, code, cell_names), tuple, count) +
           FAKE_GET(fake, FAKE_GET(fake, code, code, free_names), tuple, count);
}

static void put_frame(struct fake_python *fake, uint64_t frame, uint64_t code, int unit) {
    FAKE_SET(fake, frame, frame, code, has_tags(fake) ? code | TAG : code);
    if (has_frame_objects(fake))
        FAKE_SET(fake, frame, frame, lasti, 2 * unit / fake->layout.traits.lasti_scale);
    else
        FAKE_SET(fake, frame, frame, instruction,
                 get_instructions(fake, code) + 2 * (uint64_t)unit);
}

static size_t frame_size(const struct fake_python *fake) {
    return (size_t)PY_OFFSET(&fake->layout, frame, size) + 8 * STACK_ROOM;
}

uint64_t fake_frame(struct fake_python *fake, uint64_t code, int unit, uint64_t previous,
                    bool is_entry) {
    uint64_t frame = fake_alloc(fake, frame_size(fake));
    put_frame(fake, frame, code, unit);
    FAKE_SET(fake, frame, frame, previous, previous);
    FAKE_SET(fake, frame, frame, is_entry, is_entry);
    return frame;
}

uint64_t fake_shim_frame(struct fake_python *fake, uint64_t code) {
    if (!fake->layout.traits.shim_owner_from)
        return 0;
    uint64_t frame = fake_frame(fake, code, FAKE_UNIT_START, 0, true);
    FAKE_SET(fake, frame, frame, owner, OWNED_BY_CSTACK);
    return frame;
}

/* --- generators --- */

static int8_t state_byte(const struct fake_python *fake, enum fake_state state) {
    const struct py_generator_states *states = &fake->layout.traits.generator_states;
    switch (state) {
    case FAKE_CREATED:
        return states->created;
    case FAKE_SUSPENDED_AWAIT:
        if (states->suspended_await != PY_NO_STATE)
            return states->suspended_await;
        return states->suspended;
    case FAKE_SUSPENDED_YIELD:
        return states->suspended;
    case FAKE_EXECUTING:
        return states->executing;
    case FAKE_FINISHED:
        break;
    }
    return states->created < 0 ? 4 : 5; /* FRAME_CLEARED */
}

static int unit_of(enum fake_state state) {
    switch (state) {
    case FAKE_SUSPENDED_AWAIT:
        return FAKE_UNIT_AWAIT;
    case FAKE_SUSPENDED_YIELD:
        return FAKE_UNIT_YIELD;
    case FAKE_EXECUTING:
        return FAKE_UNIT_CALL;
    case FAKE_CREATED:
    case FAKE_FINISHED:
        break;
    }
    return FAKE_UNIT_START;
}

uint64_t fake_generator_get_frame(struct fake_python *fake, uint64_t generator) {
    if (has_frame_objects(fake))
        return FAKE_GET(fake, generator, generator, frame_object);
    return generator + (uint64_t)PY_OFFSET(&fake->layout, generator, frame);
}

uint64_t fake_frame_get_instruction(struct fake_python *fake, uint64_t frame) {
    if (!has_frame_objects(fake))
        return FAKE_GET(fake, frame, frame, instruction);
    return get_instructions(fake, FAKE_GET(fake, frame, frame, code)) +
           FAKE_GET(fake, frame, frame, lasti) * fake->layout.traits.lasti_scale;
}

/* Up to 3.10 the frame is an object of its own and tells the state. */
static void make_frame_object(struct fake_python *fake, uint64_t generator, uint64_t code,
                              enum fake_state state) {
    if (state == FAKE_FINISHED)
        return;
    uint64_t frame = fake_alloc(fake, frame_size(fake));
    put_frame(fake, frame, code, unit_of(state));
    if (state == FAKE_CREATED)
        FAKE_SET(fake, frame, frame, lasti, (uint32_t)-1);
    FAKE_SET(fake, frame, frame, state, (uint8_t)state_byte(fake, state));
    FAKE_SET(fake, generator, generator, running, state == FAKE_EXECUTING);
    FAKE_SET(fake, generator, generator, frame_object, frame);
}

static void fill_embedded_frame(struct fake_python *fake, uint64_t generator, uint64_t code,
                                enum fake_state state) {
    uint64_t frame = fake_generator_get_frame(fake, generator);
    put_frame(fake, frame, code, unit_of(state));
    FAKE_SET(fake, frame, frame, owner, OWNED_BY_GENERATOR);
    /* The state last: in some versions it lies inside another word of the frame. */
    FAKE_SET(fake, generator, generator, frame_state, (uint8_t)state_byte(fake, state));
}

uint64_t fake_generator(struct fake_python *fake, enum fake_type type, uint64_t code,
                        enum fake_state state, uint64_t awaited) {
    size_t size = (size_t)PY_OFFSET(&fake->layout, generator, size) + frame_size(fake);
    uint64_t generator = fake_object(fake, fake->types[type], size);
    FAKE_SET(fake, generator, generator, name, FAKE_GET(fake, code, code, name));
    FAKE_SET(fake, generator, generator, qualname, fake_get(fake, qualname_place(fake, code), 8));
    if (has_frame_objects(fake))
        make_frame_object(fake, generator, code, state);
    else
        fill_embedded_frame(fake, generator, code, state);
    if (awaited)
        fake_generator_await(fake, generator, awaited);
    return generator;
}

void fake_generator_set_stack(struct fake_python *fake, uint64_t generator, const uint64_t *items,
                              size_t count, uint64_t awaited) {
    uint64_t frame = fake_generator_get_frame(fake, generator);
    uint64_t base = frame + (uint64_t)PY_OFFSET(&fake->layout, frame, localsplus);
    size_t first = count_variables(fake, frame);
    size_t used = first + count + (awaited ? fake->layout.traits.awaited_depth : 0);
    for (size_t i = 0; i < used; i++) /* above what is awaited, too */
        fake_frame_put(fake, frame, i, fake->none);
    for (size_t i = 0; i < count; i++)
        fake_frame_put(fake, frame, first + i, items[i]);
    if (awaited)
        fake_frame_put(fake, frame, first + count, awaited);
    FAKE_SET(fake, frame, frame, stacktop, used);
    FAKE_SET(fake, frame, frame, stackpointer, base + 8 * used);
    FAKE_SET(fake, frame, frame, valuestack, base + 8 * first);
    FAKE_SET(fake, frame, frame, stackdepth, used - first);
}

void fake_generator_await(struct fake_python *fake, uint64_t generator, uint64_t awaited) {
    fake_generator_set_stack(fake, generator, NULL, 0, awaited);
}

uint64_t fake_generator_frame(struct fake_python *fake, uint64_t generator, uint64_t previous,
                              bool is_entry) {
    uint64_t frame = fake_generator_get_frame(fake, generator);
    FAKE_SET(fake, frame, frame, previous, previous);
    FAKE_SET(fake, frame, frame, is_entry, is_entry);
    return frame;
}

uint64_t fake_coroutine_wrapper(struct fake_python *fake, uint64_t coroutine) {
    uint64_t object = fake_object(fake, fake->types[FAKE_COROUTINE_WRAPPER], 64);
    FAKE_SET(fake, object, coroutine_wrapper, coroutine, coroutine);
    return object;
}

uint64_t fake_asend(struct fake_python *fake, uint64_t generator) {
    uint64_t object = fake_object(fake, fake->types[FAKE_ASEND], 64);
    FAKE_SET(fake, object, asend, generator, generator);
    return object;
}

uint64_t fake_athrow(struct fake_python *fake, uint64_t generator) {
    uint64_t object = fake_object(fake, fake->types[FAKE_ATHROW], 64);
    FAKE_SET(fake, object, athrow, generator, generator);
    return object;
}

uint64_t fake_anext_awaitable(struct fake_python *fake, uint64_t wrapped) {
    uint64_t object = fake_object(fake, fake->types[FAKE_ANEXT_AWAITABLE], 64);
    FAKE_SET(fake, object, anext_awaitable, wrapped, wrapped);
    return object;
}

/* --- threads and interpreters --- */

#define STATIC_VARIABLES 64 /* 3.6 has some instead of a runtime structure */

uint64_t fake_runtime(struct fake_python *fake) {
    bool has_size = PY_HAS(&fake->layout, runtime, size);
    size_t size = has_size ? (size_t)PY_OFFSET(&fake->layout, runtime, size) : STATIC_VARIABLES;
    fake->roots.runtime = fake_alloc(fake, size);
    if (!has_size) {
        fake->roots.current_thread = fake->roots.runtime + 8;
        fake->roots.gc_generations = fake->roots.runtime + 16;
    }
    return fake->roots.runtime;
}

uint64_t fake_interpreter(struct fake_python *fake, uint64_t runtime, int64_t id) {
    uint64_t interpreter = fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, interpreter, size));
    FAKE_SET(fake, interpreter, interpreter, next,
             FAKE_GET(fake, runtime, runtime, interpreters_head));
    FAKE_SET(fake, interpreter, interpreter, id, id);
    FAKE_SET(fake, runtime, runtime, interpreters_head, interpreter);
    if (PY_HAS(&fake->layout, interpreter, gil))
        FAKE_SET(fake, interpreter, interpreter, gil,
                 fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, gil, size)));
    if (PY_HAS(&fake->layout, interpreter, asyncio_tasks_head)) {
        uint64_t head =
            interpreter + (uint64_t)PY_OFFSET(&fake->layout, interpreter, asyncio_tasks_head);
        fake_put(fake, head, head, 8);
        fake_put(fake, head + 8, head, 8);
    }
    fake_gc_create(fake, interpreter);
    return interpreter;
}

#define PTHREAD_TID_AT 720 /* glibc, nptl/descr.h */

static void put_pthread(struct fake_python *fake, uint64_t ident, int64_t tid) {
    unsigned char *at = fake_memory_at(fake->memory, ident + PTHREAD_TID_AT);
    if (!at)
        at = fake_memory_map(fake->memory, ident + PTHREAD_TID_AT, 4);
    memcpy(at, &tid, 4);
}

uint64_t fake_thread(struct fake_python *fake, uint64_t interpreter, uint64_t ident, int64_t tid) {
    uint64_t thread = fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, thread, size));
    FAKE_SET(fake, thread, thread, next, FAKE_GET(fake, interpreter, interpreter, threads_head));
    FAKE_SET(fake, thread, thread, interpreter, interpreter);
    FAKE_SET(fake, thread, thread, thread_id, ident);
    FAKE_SET(fake, thread, thread, native_thread_id, tid);
    if (!PY_HAS(&fake->layout, thread, native_thread_id))
        put_pthread(fake, ident, tid);
    FAKE_SET(fake, thread, thread, dict, fake_dict(fake, false));
    FAKE_SET(fake, interpreter, interpreter, threads_head, thread);
    if (PY_HAS(&fake->layout, thread, asyncio_tasks_head)) {
        uint64_t head = thread + (uint64_t)PY_OFFSET(&fake->layout, thread, asyncio_tasks_head);
        fake_put(fake, head, head, 8);
        fake_put(fake, head + 8, head, 8);
    }
    return thread;
}

void fake_thread_set_frame(struct fake_python *fake, uint64_t thread, uint64_t frame) {
    FAKE_SET(fake, thread, thread, current_frame, frame);
    FAKE_SET(fake, thread, thread, frame, frame);
    if (fake->layout.traits.frame_kind != PY_FRAME_CFRAME)
        return;
    size_t size = (size_t)PY_OFFSET(&fake->layout, cframe, size);
    uint64_t first = fake_alloc(fake, size), cframe = fake_alloc(fake, size);
    FAKE_SET(fake, cframe, cframe, current_frame, frame);
    FAKE_SET(fake, cframe, cframe, previous, first);
    FAKE_SET(fake, thread, thread, cframe, cframe);
}

void fake_thread_set_gil(struct fake_python *fake, uint64_t runtime, uint64_t thread) {
    uint64_t gil = 0;
    switch (fake->layout.traits.gil_kind) {
    case PY_GIL_CURRENT_THREAD:
        fake_put(fake, fake->roots.current_thread, thread, 8);
        return;
    case PY_GIL_RUNTIME:
        gil = runtime + (uint64_t)PY_OFFSET(&fake->layout, runtime, gil);
        break;
    case PY_GIL_INTERPRETER:
        gil = FAKE_GET(fake, FAKE_GET(fake, thread, thread, interpreter), interpreter, gil);
        break;
    }
    FAKE_SET(fake, gil, gil, last_holder, thread);
    FAKE_SET(fake, gil, gil, locked, 1);
}
