#include "fake_interpreter.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"

#define FIRST_ADDRESS UINT64_C(0x500000000000)
#define BLOCK UINT64_C(0x4000)
#define OBJECT_ROOM 2048
#define FLAG_HEAP_TYPE (UINT64_C(1) << 9)

#define PUT(fake, address, struct_, field, value)                                                  \
    fake_interpreter_put((fake), (address), PY_FIELD_##struct_##_##field, (value), 8)
#define PUT4(fake, address, struct_, field, value)                                                 \
    fake_interpreter_put((fake), (address), PY_FIELD_##struct_##_##field, (value), 4)
#define PUT1(fake, address, struct_, field, value)                                                 \
    fake_interpreter_put((fake), (address), PY_FIELD_##struct_##_##field, (value), 1)

struct type_description {
    const char *name;
    uint64_t flags, basicsize;
};

static const struct type_description descriptions[FAKE_TYPE_COUNT] = {
    [FAKE_TYPE] = {"type", 0, 0},
    [FAKE_NONE] = {"NoneType", 0, 16},
    [FAKE_STRING] = {"str", UINT64_C(1) << 28, 0},
    [FAKE_INTEGER] = {"int", UINT64_C(1) << 24, 0},
    [FAKE_TUPLE] = {"tuple", UINT64_C(1) << 26, 0},
    [FAKE_LIST] = {"list", UINT64_C(1) << 25, 0},
    [FAKE_DICT] = {"dict", UINT64_C(1) << 29, 0},
    [FAKE_SET] = {"set", 0, 0},
    [FAKE_BYTES] = {"bytes", UINT64_C(1) << 27, 0},
    [FAKE_CODE] = {"code", 0, 0},
    [FAKE_MODULE] = {"module", 0, 0},
    [FAKE_WEAKREF] = {"weakref.ReferenceType", 0, 0},
    [FAKE_COROUTINE] = {"coroutine", 0, 0},
    [FAKE_ASEND] = {"async_generator_asend", 0, 0},
    [FAKE_FUTURE] = {"_asyncio.Future", 0, 0},
    [FAKE_TASK] = {"_asyncio.Task", 0, 0},
    [FAKE_INSTANCE] = {"fake.Instance", 0, 24},
    [FAKE_IMPOSTOR] = {"async_generator_asend", FLAG_HEAP_TYPE, 32},
};

/* What the fake's _Py_DebugOffsets say where 3.12's constants would overlap. */
static const struct {
    enum py_field field;
    uint64_t value;
} told[] = {
    {PY_FIELD_thread_current_frame, 72},
    {PY_FIELD_frame_stackpointer, 64},
    {PY_FIELD_frame_owner, 74},
    {PY_FIELD_frame_localsplus, 80},
    {PY_FIELD_frame_size, 88},
    {PY_FIELD_code_instructions, 208},
    {PY_FIELD_code_size, 216},
    {PY_FIELD_generator_size, 160},
    {PY_FIELD_thread_asyncio_running_loop, 304},
};

static uint64_t tell(enum py_field field, const struct py_layout *base) {
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (told[i].field == field)
            return told[i].value;
    return base->offset[field] == PY_ABSENT ? 0 : (uint64_t)base->offset[field];
}

static void resolve(const struct py_table *table, struct py_offset_words words,
                    struct py_layout *ret) {
    struct error *err = py_layout_resolve(table, words, (struct py_offset_words){NULL, 0}, ret);
    if (err)
        abort();
}

static void make_layout(const struct py_table *table, struct py_layout *ret) {
    unsigned char words[4096] = {0};
    struct py_layout base;
    const struct py_table *constants = py_table_find(3, 12);
    if (!constants || table->debug_offsets_size > sizeof words)
        abort();
    resolve(constants, (struct py_offset_words){NULL, 0}, &base);
    for (int i = 0; i < PY_FIELD_COUNT; i++) {
        uint64_t value = tell((enum py_field)i, &base);
        /* Several fields may share a word (a structure's size): the larger number is safe. */
        if (table->slots[i].source == PY_SLOT_DEBUG_OFFSETS)
            memcpy(words + table->slots[i].word_at, &value, sizeof value);
    }
    resolve(table, (struct py_offset_words){words, sizeof words}, ret);
}

uint64_t fake_interpreter_alloc(struct fake_interpreter *fake, size_t size) {
    uint64_t address = fake->next;
    fake_memory_map(fake->memory, address, size);
    fake->next += (size + BLOCK - 1) / BLOCK * BLOCK;
    return address;
}

void fake_interpreter_write(struct fake_interpreter *fake, uint64_t address, const void *bytes,
                            size_t size) {
    if (size)
        memcpy(fake_memory_at(fake->memory, address), bytes, size);
}

void fake_interpreter_put(struct fake_interpreter *fake, uint64_t address, enum py_field field,
                          uint64_t value, size_t width) {
    if (fake->layout.offset[field] == PY_ABSENT)
        abort();
    fake_interpreter_write(fake, address + (uint64_t)fake->layout.offset[field], &value, width);
}

uint64_t fake_interpreter_object(struct fake_interpreter *fake, enum fake_type type, size_t size) {
    uint64_t address = fake_interpreter_alloc(fake, size > OBJECT_ROOM ? size : OBJECT_ROOM);
    PUT(fake, address, object, type, fake->types[type]);
    return address;
}

static uint64_t make_type(struct fake_interpreter *fake, enum fake_type type) {
    const struct type_description *description = &descriptions[type];
    uint64_t address = fake_interpreter_object(fake, FAKE_TYPE, OBJECT_ROOM);
    uint64_t name = fake_interpreter_alloc(fake, 256);
    fake_interpreter_write(fake, name, description->name, strlen(description->name) + 1);
    PUT(fake, address, type, name, name);
    PUT(fake, address, type, flags, description->flags);
    PUT(fake, address, type, basicsize, description->basicsize);
    return address;
}

static void finish_types(struct fake_interpreter *fake) {
    for (int i = 0; i < FAKE_TYPE_COUNT; i++)
        PUT(fake, fake->types[i], type, mro, fake_interpreter_tuple(fake, &fake->types[i], 1));
    PUT(fake, fake->types[FAKE_TASK], type, basicsize,
        (uint64_t)PY_OFFSET(&fake->layout, task, size));
    PUT(fake, fake->types[FAKE_FUTURE], type, basicsize,
        (uint64_t)PY_OFFSET(&fake->layout, future, size));
    PUT(fake, fake->types[FAKE_INSTANCE], type, dictoffset, 16);
    uint64_t impostor = fake->types[FAKE_IMPOSTOR];
    PUT(fake, impostor, type, dict, fake_interpreter_dict(fake, NULL, 0));
    PUT(fake, impostor, type, qualname, fake_interpreter_string(fake, "async_generator_asend"));
}

struct fake_interpreter *fake_interpreter_create(const struct py_table *table) {
    struct fake_interpreter *fake = memory_alloc(sizeof *fake);
    memset(fake, 0, sizeof *fake);
    fake->memory = fake_memory_create();
    fake->next = FIRST_ADDRESS;
    make_layout(table, &fake->layout);
    for (int i = 0; i < FAKE_TYPE_COUNT; i++)
        fake->types[i] = make_type(fake, (enum fake_type)i);
    finish_types(fake);
    fake->none = fake_interpreter_object(fake, FAKE_NONE, 16);
    return fake;
}

void fake_interpreter_destroy(struct fake_interpreter *fake) {
    if (!fake)
        return;
    fake_memory_destroy(fake->memory);
    free(fake);
}

uint64_t fake_interpreter_wide_string(struct fake_interpreter *fake, unsigned kind,
                                      const void *characters, size_t length) {
    uint64_t address = fake_interpreter_object(fake, FAKE_STRING, length * kind + 256);
    uint64_t data = address + (uint64_t)PY_OFFSET(&fake->layout, string_compact, size);
    PUT(fake, address, string, length, length);
    PUT4(fake, address, string, state, kind << 2 | 1 << 5);
    fake_interpreter_write(fake, data, characters, length * kind);
    return address;
}

uint64_t fake_interpreter_string(struct fake_interpreter *fake, const char *ascii) {
    size_t length = strlen(ascii);
    uint64_t address = fake_interpreter_object(fake, FAKE_STRING, length + 256);
    PUT(fake, address, string, length, length);
    PUT4(fake, address, string, state, 1 << 2 | 1 << 5 | 1 << 6);
    fake_interpreter_write(fake, address + (uint64_t)PY_OFFSET(&fake->layout, string_ascii, size),
                           ascii, length);
    return address;
}

uint64_t fake_interpreter_integer(struct fake_interpreter *fake, uint64_t value) {
    uint64_t address = fake_interpreter_object(fake, FAKE_INTEGER, 64), count = 0;
    uint32_t digits[3] = {0};
    for (uint64_t rest = value; rest; rest >>= 30)
        digits[count++] = rest & 0x3fffffff;
    bool tagged = fake->layout.traits.integer_kind == PY_INTEGER_TAG;
    PUT(fake, address, integer, tag, tagged ? count << 3 | !count : count);
    fake_interpreter_write(fake, address + (uint64_t)PY_OFFSET(&fake->layout, integer, digits),
                           digits, sizeof digits);
    return address;
}

uint64_t fake_interpreter_tuple(struct fake_interpreter *fake, const uint64_t *items,
                                size_t count) {
    uint64_t address = fake_interpreter_object(fake, FAKE_TUPLE, 64 + 8 * count);
    PUT(fake, address, tuple, count, count);
    fake_interpreter_write(fake, address + (uint64_t)PY_OFFSET(&fake->layout, tuple, items), items,
                           8 * count);
    return address;
}

uint64_t fake_interpreter_set(struct fake_interpreter *fake, const uint64_t *items, size_t count) {
    uint64_t address = fake_interpreter_object(fake, FAKE_SET, 256);
    uint64_t table = fake_interpreter_alloc(fake, 16 * 64), entry[2];
    PUT(fake, address, set, mask, 63);
    PUT(fake, address, set, table, table);
    for (size_t i = 0; i < count && i < 63; i++) {
        entry[0] = items[i];
        entry[1] = i + 1;
        fake_interpreter_write(fake, table + 16 * i, entry, sizeof entry);
    }
    entry[1] = UINT64_MAX; /* a deleted entry */
    fake_interpreter_write(fake, table + 16 * 63, entry, sizeof entry);
    return address;
}

uint64_t fake_interpreter_dict(struct fake_interpreter *fake, const uint64_t *pairs, size_t count) {
    uint64_t address = fake_interpreter_object(fake, FAKE_DICT, 64);
    uint64_t keys = fake_interpreter_alloc(fake, 64 + 16 * count);
    PUT1(fake, keys, dict_keys, log2_index_bytes, 3);
    PUT1(fake, keys, dict_keys, kind, 1);
    PUT(fake, keys, dict_keys, entry_count, count);
    fake_interpreter_write(fake, keys + (uint64_t)PY_OFFSET(&fake->layout, dict_keys, indices) + 8,
                           pairs, 16 * count);
    PUT(fake, address, dict, keys, keys);
    return address;
}

uint64_t fake_interpreter_module(struct fake_interpreter *fake, uint64_t dict) {
    uint64_t address = fake_interpreter_object(fake, FAKE_MODULE, 64);
    PUT(fake, address, module, dict, dict);
    return address;
}

uint64_t fake_interpreter_instance(struct fake_interpreter *fake, uint64_t dict) {
    uint64_t address = fake_interpreter_object(fake, FAKE_INSTANCE, 64);
    fake_interpreter_write(fake, address + 16, &dict, sizeof dict);
    return address;
}

/* Entries without columns (code 13) of 8 instructions each: the first on the first line, then one
 * line further each. */
static uint64_t make_line_table(struct fake_interpreter *fake) {
    static const unsigned char entries[] = {0x80 | 13 << 3 | 7, 0, 0x80 | 13 << 3 | 7, 2};
    uint64_t address = fake_interpreter_object(fake, FAKE_BYTES, 128);
    PUT(fake, address, bytes, count, sizeof entries);
    fake_interpreter_write(fake, address + (uint64_t)PY_OFFSET(&fake->layout, bytes, data), entries,
                           sizeof entries);
    return address;
}

uint64_t fake_interpreter_code(struct fake_interpreter *fake, const char *name, int line) {
    uint64_t address = fake_interpreter_object(fake, FAKE_CODE, 512);
    PUT(fake, address, code, name, fake_interpreter_string(fake, name));
    PUT(fake, address, code, qualname, fake_interpreter_string(fake, name));
    PUT(fake, address, code, filename, fake_interpreter_string(fake, "/srv/app.py"));
    PUT4(fake, address, code, firstlineno, (uint64_t)line);
    PUT(fake, address, code, linetable, make_line_table(fake));
    return address;
}

int8_t fake_interpreter_suspended(const struct fake_interpreter *fake) {
    const struct py_generator_states *states = &fake->layout.traits.generator_states;
    return states->suspended_await == PY_NO_STATE ? states->suspended : states->suspended_await;
}

/* Puts `awaited` where the value stack of a suspended frame holds it. */
static void push_awaited(struct fake_interpreter *fake, uint64_t frame, uint64_t awaited) {
    const struct py_traits *traits = &fake->layout.traits;
    uint64_t base = frame + (uint64_t)PY_OFFSET(&fake->layout, frame, localsplus);
    uint64_t end = base + 8 * (uint64_t)(traits->awaited_depth + 1);
    uint64_t word = traits->stackref_tagged ? awaited | 1 : awaited;
    fake_interpreter_write(fake, end - 8 * (uint64_t)traits->awaited_depth, &word, sizeof word);
    if (traits->stack_kind == PY_STACK_POINTER)
        PUT(fake, frame, frame, stackpointer, end);
    else
        PUT4(fake, frame, frame, stacktop, (end - base) / 8);
}

uint64_t fake_interpreter_coroutine(struct fake_interpreter *fake, uint64_t code, int8_t state,
                                    uint64_t awaited) {
    const struct py_traits *traits = &fake->layout.traits;
    uint64_t address = fake_interpreter_object(fake, FAKE_COROUTINE, 512), name;
    uint64_t frame = address + (uint64_t)PY_OFFSET(&fake->layout, generator, frame);
    uint64_t instruction = code + (uint64_t)PY_OFFSET(&fake->layout, code, instructions) + 2 * 9;
    unsigned char resume[2] = {traits->resume_opcodes[0], awaited ? 3 : 1};
    memcpy(&name,
           fake_memory_at(fake->memory, code + (uint64_t)PY_OFFSET(&fake->layout, code, qualname)),
           sizeof name);
    PUT(fake, address, generator, qualname, name);
    PUT1(fake, address, generator, frame_state, (uint8_t)state);
    PUT(fake, frame, frame, code, code);
    PUT(fake, frame, frame, instruction, instruction);
    PUT1(fake, frame, frame, owner, 1);
    if (traits->await_kind == PY_AWAIT_RESUME)
        fake_interpreter_write(fake, instruction + 2, resume, sizeof resume);
    push_awaited(fake, frame, awaited);
    return address;
}

uint64_t fake_interpreter_future(struct fake_interpreter *fake, int state) {
    uint64_t address = fake_interpreter_object(fake, FAKE_FUTURE, 256);
    PUT(fake, address, future, loop, fake->loop);
    PUT4(fake, address, future, state, (uint64_t)state);
    return address;
}

uint64_t fake_interpreter_task(struct fake_interpreter *fake, uint64_t coroutine, uint64_t name,
                               uint64_t fut_waiter, int state) {
    uint64_t address = fake_interpreter_object(fake, FAKE_TASK, 256);
    if (!fake->loop)
        fake->loop = fake_interpreter_instance(fake, fake_interpreter_dict(fake, NULL, 0));
    PUT(fake, address, task, loop, fake->loop);
    PUT(fake, address, task, coroutine, coroutine);
    PUT(fake, address, task, name, name);
    PUT(fake, address, task, fut_waiter, fut_waiter);
    PUT4(fake, address, task, state, (uint64_t)state);
    fake->tasks[fake->task_count++] = address;
    return address;
}

static uint64_t make_weak_set(struct fake_interpreter *fake) {
    uint64_t references[64], pair[2];
    for (size_t i = 0; i < fake->task_count; i++) {
        references[i] = fake_interpreter_object(fake, FAKE_WEAKREF, 64);
        PUT(fake, references[i], weakref, object, fake->tasks[i]);
    }
    pair[0] = fake_interpreter_string(fake, "data");
    pair[1] = fake_interpreter_set(fake, references, fake->task_count);
    return fake_interpreter_instance(fake, fake_interpreter_dict(fake, pair, 1));
}

/* Links the tasks into the thread's list, and closes it and the interpreter's. */
static void link_tasks(struct fake_interpreter *fake) {
    const struct py_layout *layout = &fake->layout;
    uint64_t head = fake->thread + (uint64_t)PY_OFFSET(layout, thread, asyncio_tasks_head);
    uint64_t ended =
        fake->interpreter + (uint64_t)PY_OFFSET(layout, interpreter, asyncio_tasks_head);
    uint64_t empty[2] = {ended, ended}, previous = head;
    fake_interpreter_write(fake, ended, empty, sizeof empty);
    for (size_t i = 0; i < fake->task_count; i++) {
        uint64_t node = fake->tasks[i] + (uint64_t)PY_OFFSET(layout, task, node);
        fake_interpreter_write(fake, previous, &node, sizeof node);
        fake_interpreter_write(fake, node + 8, &previous, sizeof previous);
        previous = node;
    }
    fake_interpreter_write(fake, previous, &head, sizeof head);
    fake_interpreter_write(fake, head + 8, &previous, sizeof previous);
}

static uint64_t make_modules(struct fake_interpreter *fake) {
    bool old = fake->layout.traits.task_registry & PY_TASKS_ALL_TASKS;
    uint64_t tasks[] = {fake_interpreter_string(fake, old ? "_all_tasks" : "_scheduled_tasks"),
                        make_weak_set(fake)};
    uint64_t types[] = {fake_interpreter_string(fake, "Task"), fake->types[FAKE_TASK],
                        fake_interpreter_string(fake, "Future"), fake->types[FAKE_FUTURE]};
    uint64_t modules[] = {fake_interpreter_string(fake, "asyncio.tasks"),
                          fake_interpreter_module(fake, fake_interpreter_dict(fake, tasks, 1)),
                          fake_interpreter_string(fake, "_asyncio"),
                          fake_interpreter_module(fake, fake_interpreter_dict(fake, types, 2))};
    return fake_interpreter_dict(fake, modules, 2);
}

static void make_thread(struct fake_interpreter *fake, uint64_t running_frame) {
    fake->thread = fake_interpreter_alloc(fake, 2048);
    PUT(fake, fake->thread, thread, interpreter, fake->interpreter);
    PUT(fake, fake->thread, thread, thread_id, 0x7000);
    PUT(fake, fake->thread, thread, native_thread_id, 4242);
    if (fake->layout.traits.frame_kind == PY_FRAME_CURRENT) {
        PUT(fake, fake->thread, thread, current_frame, running_frame);
        return;
    }
    uint64_t cframe = fake_interpreter_alloc(fake, 64);
    PUT(fake, cframe, cframe, current_frame, running_frame);
    PUT(fake, fake->thread, thread, cframe, cframe);
}

void fake_interpreter_finish(struct fake_interpreter *fake, uint64_t running_frame) {
    const struct py_layout *layout = &fake->layout;
    fake->runtime = fake_interpreter_alloc(fake, 8192);
    fake->interpreter =
        fake_interpreter_alloc(fake, (size_t)PY_OFFSET(layout, interpreter, size) + OBJECT_ROOM);
    make_thread(fake, running_frame);
    PUT(fake, fake->runtime, runtime, interpreters_head, fake->interpreter);
    PUT(fake, fake->interpreter, interpreter, threads_head, fake->thread);
    PUT(fake, fake->interpreter, interpreter, modules, make_modules(fake));
    if (layout->traits.gil_kind == PY_GIL_INTERPRETER)
        PUT(fake, fake->interpreter, interpreter, gil, fake_interpreter_alloc(fake, 256));
    if (layout->traits.task_registry & PY_TASKS_LINKED_LISTS)
        link_tasks(fake);
}
