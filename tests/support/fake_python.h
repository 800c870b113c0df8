/*
 * A CPython made of bytes: objects that a test builds field by field into a fake memory, where the
 * layout of one version puts each field. Every object stands in a 16 KiB block of its own, so that
 * the cache reads each one separately and a fault costs one of them.
 *
 * Objects are their addresses. A builder cannot fail; a mistake in a test ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/python/object.h"
#include "fake_memory.h"

enum fake_type {
    FAKE_OBJECT,
    FAKE_NONE_TYPE,
    FAKE_INT,
    FAKE_BOOL,
    FAKE_STR,
    FAKE_BYTES,
    FAKE_TUPLE,
    FAKE_LIST,
    FAKE_DICT,
    FAKE_SET,
    FAKE_CODE,
    FAKE_COROUTINE,
    FAKE_GENERATOR,
    FAKE_ASYNC_GENERATOR,
    FAKE_COROUTINE_WRAPPER,
    FAKE_ASEND,
    FAKE_ATHROW,
    FAKE_ANEXT_AWAITABLE,
    FAKE_WEAKREF,
    FAKE_MEMBER_DESCRIPTOR,
    FAKE_MODULE,
    FAKE_FUNCTION,
    FAKE_METHOD,
    FAKE_BUILTIN,
    FAKE_METHOD_DESCRIPTOR,
    FAKE_CELL,
    FAKE_FLOAT,
    FAKE_PARTIAL,
    FAKE_DEQUE,
    FAKE_SIMPLE_QUEUE,
    FAKE_LOCK,
    FAKE_RLOCK,
    FAKE_CONTEXT,
    FAKE_CONTEXT_VARIABLE,
    FAKE_HAMT,
    FAKE_HAMT_BITMAP,
    FAKE_HAMT_ARRAY,
    FAKE_HAMT_COLLISION,
    FAKE_TYPE_COUNT
};

/* Bits of tp_flags (Include/object.h). */
#define FAKE_FLAG_INLINE_VALUES (UINT64_C(1) << 2)
#define FAKE_FLAG_MANAGED_DICT (UINT64_C(1) << 4)
#define FAKE_FLAG_HEAP_TYPE (UINT64_C(1) << 9)
#define FAKE_FLAG_LIST (UINT64_C(1) << 25)

struct fake_block {
    uint64_t start, end;
    unsigned char *bytes;
};

/* A class that instances share: fake_instances.h. */
struct fake_known_class {
    char signature[256];
    uint64_t type;
};

struct fake_python {
    struct fake_memory *memory;
    const struct py_table *table;
    struct py_layout layout;
    struct py_roots roots; /* fake_runtime() and fake_asyncio_create() fill it */
    uint64_t next;         /* where the next object goes */
    struct fake_block *blocks;
    size_t block_count;
    uint64_t types[FAKE_TYPE_COUNT];
    uint64_t none, true_, false_, no_bytes;
    uint64_t metatype; /* fake_python_add_metatype(), else 0 */
    bool drifts;       /* fake_gc_drift() */
    struct fake_known_class classes[64];
    size_t class_count;
};

/* The table's layout; what a version takes from its _Py_DebugOffsets is chosen here. */
struct fake_python *fake_python_create(const struct py_table *table);
void fake_python_destroy(struct fake_python *fake); /* NULL-safe */

/* Types are instances of `type`, as looks want it, those that are made later too. */
void fake_python_add_metatype(struct fake_python *fake);

/* Readers of the fake through `memory`, from the runtime at `runtime` on. */
struct py *fake_python_open(const struct fake_python *fake, struct target_memory *memory,
                            uint64_t runtime);

/* The words of a _Py_DebugOffsets for `table`, debug_offsets_size bytes; free() them. */
unsigned char *fake_debug_offsets(const struct py_table *table);

/* --- bytes --- */

/* Zeroed memory with 64 bytes of room before it. */
uint64_t fake_alloc(struct fake_python *fake, size_t size);
/* Values of 1, 2, 4 or 8 bytes. */
void fake_put(struct fake_python *fake, uint64_t address, uint64_t value, size_t width);
uint64_t fake_get(struct fake_python *fake, uint64_t address, size_t width);
void fake_put_bytes(struct fake_python *fake, uint64_t address, const void *bytes, size_t size);
/* A field of a structure; nothing where the layout does not have the field. */
void fake_put_field(struct fake_python *fake, uint64_t address, enum py_field field,
                    uint64_t value);
uint64_t fake_get_field(struct fake_python *fake, uint64_t address, enum py_field field);
#define FAKE_SET(fake, address, struct_, field, value)                                             \
    fake_put_field((fake), (address), PY_FIELD_##struct_##_##field, (uint64_t)(value))
#define FAKE_GET(fake, address, struct_, field)                                                    \
    fake_get_field((fake), (address), PY_FIELD_##struct_##_##field)

/* --- objects --- */

/* An object of `size` bytes whose type is the one at `type`. */
uint64_t fake_object(struct fake_python *fake, uint64_t type, size_t size);

uint64_t fake_str(struct fake_python *fake, const char *ascii);
/* A compact string of `kind` (1: latin-1, 2, 4) bytes a character. */
uint64_t fake_str_wide(struct fake_python *fake, unsigned kind, const uint32_t *text, size_t count);
uint64_t fake_str_not_compact(struct fake_python *fake, const char *text);
uint64_t fake_int(struct fake_python *fake, int64_t value);
uint64_t fake_bytes(struct fake_python *fake, const void *bytes, size_t size);
uint64_t fake_tuple(struct fake_python *fake, const uint64_t *items, size_t count);
uint64_t fake_list(struct fake_python *fake, const uint64_t *items, size_t count);
uint64_t fake_weakref(struct fake_python *fake, uint64_t object);
uint64_t fake_module(struct fake_python *fake, uint64_t dict);

/* A dict with room for 32 keys; a general table holds the hashes too. */
uint64_t fake_dict(struct fake_python *fake, bool general);
void fake_dict_add(struct fake_python *fake, uint64_t dict, uint64_t key, uint64_t value);
void fake_dict_set(struct fake_python *fake, uint64_t dict, const char *key, uint64_t value);

/* A set with `mask` + 1 entries. */
uint64_t fake_set(struct fake_python *fake, uint64_t mask);
void fake_set_add(struct fake_python *fake, uint64_t set, uint64_t key);

/* --- classes and their instances --- */

/* A class as Python code makes it: instances with a managed dict, keys shared between them. */
struct fake_class {
    const char *module, *name;
    uint64_t base;           /* 0: object */
    size_t size;             /* tp_basicsize; 0: 16 */
    uint64_t flags;          /* besides those of every heap type */
    bool static_;            /* no heap type: tp_name is module.name */
    const char *const *keys; /* names of the attributes that instances keep in values */
};
uint64_t fake_class(struct fake_python *fake, const struct fake_class *class);

/* Gives the class a slot of that name at `offset` of its instances. */
void fake_class_add_slot(struct fake_python *fake, uint64_t type, const char *name,
                         uint64_t offset);

/* An instance whose values are those of the class's keys, in their order (0: unset), in the
 * representation that the version has. */
uint64_t fake_instance(struct fake_python *fake, uint64_t type, const uint64_t *values);
/* The same with its attributes in a dict. */
uint64_t fake_instance_with_dict(struct fake_python *fake, uint64_t type, uint64_t dict);
/* Where the values of an instance made by fake_instance() are. */
uint64_t fake_instance_values(struct fake_python *fake, uint64_t instance);
/* Key `index` of the keys that the instances of a class share. */
uint64_t fake_shared_key(struct fake_python *fake, uint64_t keys, uint64_t index);
