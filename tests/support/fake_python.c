/* Layouts, bytes and types of the fake Python. */
#include "fake_python.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"

#define FIRST_ADDRESS UINT64_C(0x7f1000000000)
#define BLOCK ((uint64_t)16384)
#define ROOM_BEFORE 64

/* --- layouts --- */

static const uint8_t widths[PY_FIELD_COUNT] = {
#define PY_STRUCT(struct_, c_type)
#define PY_FIELD(struct_, field, width, path, debug_offset, asyncio_debug)                         \
    [PY_FIELD_##struct_##_##field] = (width),
#include "asyncspy/python/fields.def"
#undef PY_STRUCT
#undef PY_FIELD
};

#define CHOSEN(struct_, field, offset) [PY_FIELD_##struct_##_##field] = (offset)

/* What the fake says in its _Py_DebugOffsets: near to what CPython has. */
static const uint32_t chosen[PY_FIELD_COUNT] = {
    CHOSEN(runtime, size, 1024),
    CHOSEN(runtime, interpreters_head, 632),
    CHOSEN(interpreter, size, 131072),
    CHOSEN(interpreter, next, 7208),
    CHOSEN(interpreter, id, 7216),
    CHOSEN(interpreter, threads_head, 7344),
    CHOSEN(interpreter, modules, 7808),
    CHOSEN(interpreter, gil, 8),
    CHOSEN(interpreter, gc, 7464),
    CHOSEN(gc, size, 248),
    CHOSEN(gc, collecting, 184),
    CHOSEN(thread, next, 8),
    CHOSEN(thread, interpreter, 16),
    CHOSEN(thread, current_frame, 72),
    CHOSEN(thread, thread_id, 112),
    CHOSEN(thread, native_thread_id, 120),
    CHOSEN(thread, asyncio_running_loop, 320),
    CHOSEN(frame, size, 88),
    CHOSEN(frame, code, 0),
    CHOSEN(frame, previous, 8),
    CHOSEN(frame, instruction, 56),
    CHOSEN(frame, stackpointer, 64),
    CHOSEN(frame, owner, 74),
    CHOSEN(frame, localsplus, 80),
    CHOSEN(code, size, 216),
    CHOSEN(code, filename, 112),
    CHOSEN(code, name, 120),
    CHOSEN(code, qualname, 128),
    CHOSEN(code, linetable, 136),
    CHOSEN(code, local_names, 88),
    CHOSEN(code, local_kinds, 96),
    CHOSEN(float, size, 24),
    CHOSEN(float, value, 16),
    CHOSEN(code, firstlineno, 68),
    CHOSEN(code, instructions, 208),
    CHOSEN(generator, size, 80),
    CHOSEN(generator, name, 24),
    CHOSEN(generator, frame_state, 67),
    CHOSEN(generator, frame, 72),
    CHOSEN(object, size, 16),
    CHOSEN(object, type, 8),
    CHOSEN(type, name, 24),
    CHOSEN(type, flags, 168),
    CHOSEN(dict, size, 48),
    CHOSEN(dict, keys, 32),
    CHOSEN(dict, values, 40),
    CHOSEN(list, size, 40),
    CHOSEN(list, count, 16),
    CHOSEN(list, items, 24),
    CHOSEN(tuple, size, 40),
    CHOSEN(tuple, count, 16),
    CHOSEN(tuple, items, 32),
    CHOSEN(set, size, 200),
    CHOSEN(set, used, 24),
    CHOSEN(set, mask, 32),
    CHOSEN(set, table, 40),
    CHOSEN(integer, size, 32),
    CHOSEN(integer, tag, 16),
    CHOSEN(integer, digits, 24),
    CHOSEN(string, size, 64),
    CHOSEN(string, length, 16),
    CHOSEN(string, state, 32),
    CHOSEN(string_ascii, size, 40),
    CHOSEN(bytes, size, 40),
    CHOSEN(bytes, count, 16),
    CHOSEN(bytes, data, 32),
};

unsigned char *fake_debug_offsets(const struct py_table *table) {
    unsigned char *words = memory_alloc(table->debug_offsets_size + 1u);
    memset(words, 0, table->debug_offsets_size + 1u);
    for (int i = 0; i < PY_FIELD_COUNT; i++) {
        uint64_t value = chosen[i];
        if (table->slots[i].source == PY_SLOT_DEBUG_OFFSETS)
            memcpy(words + table->slots[i].word_at, &value, sizeof value);
    }
    return words;
}

static void give_up(const char *what, uint64_t where) {
    fprintf(stderr, "fake_python: %s (0x%llx)\n", what, (unsigned long long)where);
    abort();
}

static void resolve_layout(struct fake_python *fake) {
    unsigned char *words = fake_debug_offsets(fake->table);
    struct error *err = py_layout_resolve(
        fake->table, (struct py_offset_words){words, fake->table->debug_offsets_size},
        (struct py_offset_words){NULL, 0}, &fake->layout);
    if (err)
        give_up(error_get_message(err), fake->table->minor);
    free(words);
}

/* --- bytes --- */

uint64_t fake_alloc(struct fake_python *fake, size_t size) {
    uint64_t start = fake->next;
    struct fake_block block = {start, start + ROOM_BEFORE + size, NULL};
    block.bytes = fake_memory_map(fake->memory, start, ROOM_BEFORE + size);
    fake->next = (block.end + BLOCK - 1) / BLOCK * BLOCK;
    fake->blocks = memory_realloc(fake->blocks, (fake->block_count + 1) * sizeof block);
    fake->blocks[fake->block_count++] = block;
    return start + ROOM_BEFORE;
}

static unsigned char *find_bytes(struct fake_python *fake, uint64_t address, size_t size) {
    for (size_t i = 0; i < fake->block_count; i++)
        if (address >= fake->blocks[i].start && address + size <= fake->blocks[i].end)
            return fake->blocks[i].bytes + (address - fake->blocks[i].start);
    give_up("nothing is there", address);
    return NULL;
}

void fake_put(struct fake_python *fake, uint64_t address, uint64_t value, size_t width) {
    memcpy(find_bytes(fake, address, width), &value, width);
}

uint64_t fake_get(struct fake_python *fake, uint64_t address, size_t width) {
    uint64_t value = 0;
    memcpy(&value, find_bytes(fake, address, width), width);
    return value;
}

void fake_put_bytes(struct fake_python *fake, uint64_t address, const void *bytes, size_t size) {
    if (size)
        memcpy(find_bytes(fake, address, size), bytes, size);
}

void fake_put_field(struct fake_python *fake, uint64_t address, enum py_field field,
                    uint64_t value) {
    size_t width = widths[field] > 8 ? 8 : widths[field];
    if (fake->layout.offset[field] != PY_ABSENT)
        fake_put(fake, address + (uint64_t)fake->layout.offset[field], value, width);
}

uint64_t fake_get_field(struct fake_python *fake, uint64_t address, enum py_field field) {
    size_t width = widths[field] > 8 ? 8 : widths[field];
    if (fake->layout.offset[field] == PY_ABSENT)
        give_up("the layout does not have that field", (uint64_t)field);
    return fake_get(fake, address + (uint64_t)fake->layout.offset[field], width);
}

/* --- types --- */

struct static_type {
    const char *name;
    uint64_t flags;
    enum py_field size_field; /* of its instances; 0: 16 bytes */
};

static const struct static_type static_types[FAKE_TYPE_COUNT] = {
    [FAKE_OBJECT] = {.name = "object"},
    [FAKE_NONE_TYPE] = {.name = "NoneType"},
    [FAKE_INT] = {.name = "int", .flags = UINT64_C(1) << 24},
    [FAKE_BOOL] = {.name = "bool", .flags = UINT64_C(1) << 24},
    [FAKE_STR] = {.name = "str", .flags = UINT64_C(1) << 28},
    [FAKE_BYTES] = {.name = "bytes", .flags = UINT64_C(1) << 27},
    [FAKE_TUPLE] = {.name = "tuple", .flags = UINT64_C(1) << 26},
    [FAKE_LIST] = {.name = "list", .flags = FAKE_FLAG_LIST},
    [FAKE_DICT] = {.name = "dict", .flags = UINT64_C(1) << 29},
    [FAKE_SET] = {.name = "set"},
    [FAKE_CODE] = {.name = "code"},
    [FAKE_COROUTINE] = {.name = "coroutine"},
    [FAKE_GENERATOR] = {.name = "generator"},
    [FAKE_ASYNC_GENERATOR] = {.name = "async_generator"},
    [FAKE_COROUTINE_WRAPPER] = {.name = "coroutine_wrapper"},
    [FAKE_ASEND] = {.name = "async_generator_asend"},
    [FAKE_ATHROW] = {.name = "async_generator_athrow"},
    [FAKE_ANEXT_AWAITABLE] = {.name = "anext_awaitable"},
    [FAKE_WEAKREF] = {.name = "weakref.ReferenceType"},
    [FAKE_MEMBER_DESCRIPTOR] = {.name = "member_descriptor"},
    [FAKE_MODULE] = {.name = "module"},
    [FAKE_FUNCTION] = {.name = "function", .size_field = PY_FIELD_function_size},
    [FAKE_METHOD] = {.name = "method", .size_field = PY_FIELD_method_size},
    [FAKE_BUILTIN] = {.name = "builtin_function_or_method", .size_field = PY_FIELD_builtin_size},
    [FAKE_METHOD_DESCRIPTOR] = {.name = "method_descriptor",
                                .size_field = PY_FIELD_method_descriptor_size},
    [FAKE_CELL] = {.name = "cell", .size_field = PY_FIELD_cell_size},
    [FAKE_FLOAT] = {.name = "float", .size_field = PY_FIELD_float_size},
    [FAKE_PARTIAL] = {.name = "functools.partial", .size_field = PY_FIELD_partial_size},
    [FAKE_DEQUE] = {.name = "collections.deque", .size_field = PY_FIELD_deque_size},
    [FAKE_SIMPLE_QUEUE] = {.name = "_queue.SimpleQueue", .size_field = PY_FIELD_simple_queue_size},
    [FAKE_LOCK] = {.name = "_thread.lock", .size_field = PY_FIELD_thread_lock_size},
    [FAKE_RLOCK] = {.name = "_thread.RLock", .size_field = PY_FIELD_thread_rlock_size},
    [FAKE_CONTEXT] = {.name = "_contextvars.Context", .size_field = PY_FIELD_context_size},
    [FAKE_CONTEXT_VARIABLE] = {.name = "_contextvars.ContextVar",
                               .size_field = PY_FIELD_context_variable_size},
    [FAKE_HAMT] = {.name = "hamt", .size_field = PY_FIELD_hamt_size},
    [FAKE_HAMT_BITMAP] = {.name = "hamt_bitmap_node", .size_field = PY_FIELD_hamt_bitmap_size},
    [FAKE_HAMT_ARRAY] = {.name = "hamt_array_node", .size_field = PY_FIELD_hamt_array_size},
    [FAKE_HAMT_COLLISION] = {.name = "hamt_collision_node",
                             .size_field = PY_FIELD_hamt_collision_size},
};

/* A type object without its MRO. */
#define FLAG_TYPE_SUBCLASS (UINT64_C(1) << 31) /* instances are types (Include/object.h) */

static uint64_t make_type(struct fake_python *fake, const char *tp_name, uint64_t flags,
                          size_t basicsize) {
    size_t size = (size_t)PY_OFFSET(&fake->layout, type, size);
    uint64_t type = fake_alloc(fake, size);
    uint64_t name = fake_alloc(fake, strlen(tp_name) + 32);
    fake_put_bytes(fake, name, tp_name, strlen(tp_name) + 1);
    FAKE_SET(fake, type, object, type, fake->metatype);
    FAKE_SET(fake, type, type, name, name);
    FAKE_SET(fake, type, type, flags, flags);
    FAKE_SET(fake, type, type, basicsize, basicsize);
    return type;
}

/* The type itself, its base with all that base has. */
static void set_mro(struct fake_python *fake, uint64_t type, uint64_t base) {
    uint64_t items[16] = {type};
    size_t count = 1;
    if (base) {
        uint64_t mro = FAKE_GET(fake, base, type, mro);
        uint64_t base_count = FAKE_GET(fake, mro, tuple, count);
        uint64_t at = mro + (uint64_t)PY_OFFSET(&fake->layout, tuple, items);
        while (count <= base_count) {
            items[count] = fake_get(fake, at + 8 * (count - 1), 8);
            count++;
        }
    }
    FAKE_SET(fake, type, type, mro, fake_tuple(fake, items, count));
}

static size_t size_of_instances(const struct fake_python *fake, const struct static_type *type) {
    int32_t size = type->size_field ? fake->layout.offset[type->size_field] : 16;
    return size == PY_ABSENT ? 16 : (size_t)size;
}

static void make_static_types(struct fake_python *fake) {
    for (int i = 0; i < FAKE_TYPE_COUNT; i++)
        fake->types[i] = make_type(fake, static_types[i].name, static_types[i].flags,
                                   size_of_instances(fake, &static_types[i]));
    set_mro(fake, fake->types[FAKE_OBJECT], 0);
    for (int i = FAKE_OBJECT + 1; i < FAKE_TYPE_COUNT; i++)
        set_mro(fake, fake->types[i], fake->types[FAKE_OBJECT]);
}

struct fake_python *fake_python_create(const struct py_table *table) {
    struct fake_python *fake = memory_alloc(sizeof *fake);
    *fake =
        (struct fake_python){.memory = fake_memory_create(), .table = table, .next = FIRST_ADDRESS};
    resolve_layout(fake);
    make_static_types(fake);
    fake->none = fake_object(fake, fake->types[FAKE_NONE_TYPE], 16);
    fake->false_ = fake_int(fake, 0);
    fake->true_ = fake_int(fake, 1);
    FAKE_SET(fake, fake->false_, object, type, fake->types[FAKE_BOOL]);
    FAKE_SET(fake, fake->true_, object, type, fake->types[FAKE_BOOL]);
    fake->no_bytes = fake_bytes(fake, NULL, 0);
    return fake;
}

void fake_python_destroy(struct fake_python *fake) {
    if (!fake)
        return;
    fake_memory_destroy(fake->memory);
    free(fake->blocks);
    free(fake);
}

struct py *fake_python_open(const struct fake_python *fake, struct target_memory *memory,
                            uint64_t runtime) {
    struct py_roots roots = fake->roots;
    roots.runtime = runtime;
    return py_create(memory, &fake->layout, &roots);
}

/* --- classes --- */

#define KEYS_SPLIT 2
#define KEYS_MAX 32

/* Where entry `index` of a key table that instances share has its key; 3.11 has no hash there. */
static uint64_t find_shared_key(struct fake_python *fake, uint64_t keys, uint64_t index) {
    uint64_t indices = (uint64_t)PY_OFFSET(&fake->layout, dict_keys, indices);
    uint64_t hash = PY_HAS(&fake->layout, dict_keys, kind) ? 0 : 8;
    return keys + indices + KEYS_MAX + (16 + hash) * index + hash;
}

uint64_t fake_shared_key(struct fake_python *fake, uint64_t keys, uint64_t index) {
    return fake_get(fake, find_shared_key(fake, keys, index), 8);
}

/* A key table that instances share. */
static uint64_t make_shared_keys(struct fake_python *fake, const char *const *names) {
    uint64_t indices = (uint64_t)PY_OFFSET(&fake->layout, dict_keys, indices), count = 0;
    uint64_t keys = fake_alloc(fake, indices + KEYS_MAX + 24 * KEYS_MAX);
    for (; names && names[count]; count++)
        fake_put(fake, find_shared_key(fake, keys, count), fake_str(fake, names[count]), 8);
    FAKE_SET(fake, keys, dict_keys, table_size, KEYS_MAX);
    FAKE_SET(fake, keys, dict_keys, log2_size, 5);
    FAKE_SET(fake, keys, dict_keys, log2_index_bytes, 5);
    FAKE_SET(fake, keys, dict_keys, kind, KEYS_SPLIT);
    FAKE_SET(fake, keys, dict_keys, entry_count, count);
    return keys;
}

static void make_heap_part(struct fake_python *fake, const struct fake_class *class,
                           uint64_t type) {
    uint64_t dict = fake_dict(fake, false);
    if (class->module)
        fake_dict_set(fake, dict, "__module__", fake_str(fake, class->module));
    FAKE_SET(fake, type, type, dict, dict);
    FAKE_SET(fake, type, type, qualname, fake_str(fake, class->name));
    FAKE_SET(fake, type, type, cached_keys, make_shared_keys(fake, class->keys));
}

uint64_t fake_class(struct fake_python *fake, const struct fake_class *class) {
    char name[128];
    uint64_t flags = class->flags | (class->static_ ? 0 : FAKE_FLAG_HEAP_TYPE);
    if (class->keys)
        flags |= FAKE_FLAG_MANAGED_DICT | FAKE_FLAG_INLINE_VALUES;
    snprintf(name, sizeof name, "%s%s%s", class->module ? class->module : "",
             class->module ? "." : "", class->name);
    size_t size = class->size ? class->size : 16;
    bool has_dict_pointer = class->keys && fake->layout.traits.instance_kind == PY_INSTANCE_DICT;
    uint64_t type = make_type(fake, class->static_ ? name : class->name, flags,
                              size + (has_dict_pointer ? 8 : 0));
    if (has_dict_pointer)
        FAKE_SET(fake, type, type, dictoffset, size);
    if (!class->static_)
        make_heap_part(fake, class, type);
    set_mro(fake, type, class->base ? class->base : fake->types[FAKE_OBJECT]);
    return type;
}

#define MEMBER_OBJECT_EX 16 /* Py_T_OBJECT_EX */

void fake_python_add_metatype(struct fake_python *fake) {
    fake->metatype = fake_class(
        fake, &(struct fake_class){.name = "type", .static_ = true, .flags = FLAG_TYPE_SUBCLASS});
    FAKE_SET(fake, fake->metatype, object, type, fake->metatype);
    for (int i = 0; i < FAKE_TYPE_COUNT; i++)
        FAKE_SET(fake, fake->types[i], object, type, fake->metatype);
}

void fake_class_add_slot(struct fake_python *fake, uint64_t type, const char *name,
                         uint64_t offset) {
    uint64_t member = fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, member, size));
    uint64_t descriptor = fake_object(fake, fake->types[FAKE_MEMBER_DESCRIPTOR],
                                      (size_t)PY_OFFSET(&fake->layout, member_descriptor, size));
    FAKE_SET(fake, member, member, type, MEMBER_OBJECT_EX);
    FAKE_SET(fake, member, member, offset, offset);
    FAKE_SET(fake, descriptor, member_descriptor, member, member);
    fake_dict_set(fake, FAKE_GET(fake, type, type, dict), name, descriptor);
}

static size_t count_keys(struct fake_python *fake, uint64_t type) {
    return FAKE_GET(fake, FAKE_GET(fake, type, type, cached_keys), dict_keys, entry_count);
}

/* A dict that shares the keys of its class. */
static uint64_t make_split_dict(struct fake_python *fake, uint64_t type, uint64_t values) {
    uint64_t dict = fake_dict(fake, false);
    FAKE_SET(fake, dict, dict, keys, FAKE_GET(fake, type, type, cached_keys));
    FAKE_SET(fake, dict, dict, values, values);
    return dict;
}

static size_t get_values_header(const struct fake_python *fake) {
    return PY_HAS(&fake->layout, dict_values, values)
               ? (size_t)PY_OFFSET(&fake->layout, dict_values, values)
               : 0;
}

uint64_t fake_instance_values(struct fake_python *fake, uint64_t instance) {
    uint64_t type = FAKE_GET(fake, instance, object, type);
    switch (fake->layout.traits.instance_kind) {
    case PY_INSTANCE_DICT:
        return FAKE_GET(fake, fake_get(fake, instance + FAKE_GET(fake, type, type, dictoffset), 8),
                        dict, values);
    case PY_INSTANCE_VALUES_POINTER:
        return fake_get(fake, instance - 32, 8);
    case PY_INSTANCE_TAGGED_WORD:
        return fake_get(fake, instance - 24, 8) + 1 + get_values_header(fake);
    case PY_INSTANCE_INLINE_VALUES:
        break;
    }
    return instance + FAKE_GET(fake, type, type, basicsize) + get_values_header(fake);
}

uint64_t fake_instance(struct fake_python *fake, uint64_t type, const uint64_t *values) {
    size_t basicsize = FAKE_GET(fake, type, type, basicsize), count = count_keys(fake, type);
    size_t header = get_values_header(fake);
    uint64_t object = fake_object(fake, type, basicsize + header + 8 * count), where = 0;
    switch (fake->layout.traits.instance_kind) {
    case PY_INSTANCE_DICT:
        where = fake_alloc(fake, 8 * count);
        fake_put(fake, object + FAKE_GET(fake, type, type, dictoffset),
                 make_split_dict(fake, type, where), 8);
        break;
    case PY_INSTANCE_VALUES_POINTER:
        where = fake_alloc(fake, header + 8 * count);
        fake_put(fake, object - 32, where, 8);
        break;
    case PY_INSTANCE_TAGGED_WORD:
        where = fake_alloc(fake, header + 8 * count);
        fake_put(fake, object - 24, where - 1, 8);
        break;
    case PY_INSTANCE_INLINE_VALUES:
        where = object + basicsize;
        FAKE_SET(fake, where, dict_values, valid, 1);
        break;
    }
    fake_put_bytes(fake, where + header, values, 8 * count);
    return object;
}

uint64_t fake_instance_with_dict(struct fake_python *fake, uint64_t type, uint64_t dict) {
    uint64_t object = fake_object(fake, type, FAKE_GET(fake, type, type, basicsize) + 64);
    bool has_pointer = fake->layout.traits.instance_kind == PY_INSTANCE_DICT;
    fake_put(fake, has_pointer ? object + FAKE_GET(fake, type, type, dictoffset) : object - 24,
             dict, 8);
    return object;
}
