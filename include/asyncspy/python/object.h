/*
 * Readers of Python objects in a target. `struct py` ties memory, layout and the caches of one
 * walk together; every reader takes it. Nothing read here is trusted: counts and depths are
 * bounded, and bytes that make no sense give ERROR_INVALID for that object alone.
 *
 * Texts and frames live in the arena of the snapshot that is being filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "asyncspy/base/error.h"
#include "asyncspy/python/layout.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/memory.h"

struct py;

/* Where the walk begins: addresses that discovery found; 0: not there or not known. */
struct py_roots {
    uint64_t runtime;        /* _PyRuntime; in 3.6, which has none, the variable interp_head */
    uint64_t current_thread; /* the variable _PyThreadState_Current (3.6) */
    uint64_t gc_generations; /* the variable _PyGC_generation0 (3.6) */
    uint64_t asyncio_data;   /* static data of the _asyncio extension */
    uint64_t asyncio_data_size;
    int64_t pid;      /* as the target itself calls it, 0 not known */
    bool lacks_files; /* what stands in its files may be absent: the names of static types */
};

/* `layout` and `roots` are copied; `memory` must outlive it. */
struct py *py_create(struct target_memory *memory, const struct py_layout *layout,
                     const struct py_roots *roots);
void py_destroy(struct py *py); /* NULL-safe */

/* Starts a walk that fills `snapshot`: forgets every cache. */
void py_begin_walk(struct py *py, struct snapshot *snapshot);

/*
 * Instead of a walk: looks, one after the other. Types, code objects and texts outlive a look;
 * the snapshot is not emptied between looks, and what lies in its arena stays. What has changed is
 * known of whatever was read since py_track() named its footprint.
 */
void py_begin_looks(struct py *py, struct snapshot *snapshot);

/* A new look, as memory_refresh(). */
struct error *py_look(struct py *py, enum memory_look look) ERROR_CHECK;

/* Forgets types and code objects if some of them have changed, or others lie in their place; true:
 * what was decoded since the look before may be wrong, since they may have changed under our eyes.
 * What an object of the target still refers to is as it was. */
bool py_renew_lasting(struct py *py);

/* As the functions of memory.h. */
struct memory_footprint *py_track(struct py *py, struct memory_footprint *footprint);
bool py_has_changed(const struct py *py, const struct memory_footprint *footprint);

/*
 * The work of one walk is limited (memory_set_work), in units of about 10 ns and about 4 bytes of
 * memory: a walk over 100,000 tasks of ten frames takes some 5 % of it. Reads count by themselves;
 * whoever keeps something, or goes over many things without a read, charges for it. When all is
 * spent the next read fails with ERROR_EXHAUSTED, which ends the walk with what there is.
 */
void py_charge(struct py *py, uint64_t units);
#define PY_WALK_UNITS 500000000u                       /* if nobody asks for less */
void py_set_walk_units(struct py *py, uint64_t units); /* from the next walk on */
bool py_is_exhausted(const struct py *py);

/* A running target can be caught in the middle of switching frames, when its structures do not
 * agree for a moment. Whoever finds that says so; the picture is then better taken again. */
void py_set_unsettled(struct py *py);
bool py_is_unsettled(const struct py *py);

struct py_layout *py_get_layout(struct py *py);
const struct py_roots *py_get_roots(const struct py *py);
struct snapshot *py_get_snapshot(struct py *py);

/* --- records: the fields of one structure, copied in one read --- */

struct py_record {
    const struct py_layout *layout;
    uint64_t address;
    unsigned char bytes[PY_RECORD_MAX];
};

/* Copies the span of `struct_` at `address`. */
struct error *py_record_read(struct py *py, enum py_struct struct_, uint64_t address,
                             struct py_record *ret) ERROR_CHECK;

/* Field values; 0 for a field that the layout does not have. Cannot fail. */
static inline uint64_t py_record_get(const struct py_record *record, enum py_field field,
                                     size_t width) {
    uint64_t value = 0;
    int32_t offset = record->layout->offset[field];
    if (offset != PY_ABSENT)
        memcpy(&value, record->bytes + offset, width);
    return value;
}
#define PY_U64(record, struct_, field) py_record_get((record), PY_FIELD_##struct_##_##field, 8)
#define PY_I32(record, struct_, field)                                                             \
    ((int32_t)(uint32_t)py_record_get((record), PY_FIELD_##struct_##_##field, 4))
#define PY_U8(record, struct_, field)                                                              \
    ((uint8_t)py_record_get((record), PY_FIELD_##struct_##_##field, 1))
#define PY_I8(record, struct_, field) ((int8_t)PY_U8(record, struct_, field))

/* One word of the target. */
struct error *py_read_u64(struct py *py, uint64_t address, uint64_t *ret) ERROR_CHECK;
struct error *py_read_u32(struct py *py, uint64_t address, uint32_t *ret) ERROR_CHECK;

/* Finds cycles in a chain of addresses (Brent's algorithm: constant memory, every cycle is found
 * within a few of its lengths). Starts zeroed; true when `address` was met before. */
struct py_cycle_check {
    uint64_t seen;
    uint64_t steps, limit;
};
bool py_cycle_found(struct py_cycle_check *check, uint64_t address);

/* --- types --- */

enum py_kind {
    PY_KIND_OTHER,
    PY_KIND_NONE,
    PY_KIND_STRING,
    PY_KIND_INTEGER, /* bool too */
    PY_KIND_LIST,
    PY_KIND_TUPLE,
    PY_KIND_DICT,
    PY_KIND_SET,
    PY_KIND_CODE,
    PY_KIND_COROUTINE,
    PY_KIND_GENERATOR,
    PY_KIND_ASYNC_GENERATOR,
    PY_KIND_COROUTINE_WRAPPER, /* coro.__await__() */
    PY_KIND_ASEND,
    PY_KIND_ATHROW,
    PY_KIND_ANEXT_AWAITABLE,
    PY_KIND_WEAKREF,
    PY_KIND_MEMBER_DESCRIPTOR,
    PY_KIND_MODULE,
    PY_KIND_FUNCTION,
    PY_KIND_METHOD,
    PY_KIND_BUILTIN,
    PY_KIND_METHOD_DESCRIPTOR,
    PY_KIND_PARTIAL,
    PY_KIND_CELL,
    PY_KIND_FLOAT,
    PY_KIND_DEQUE,
    PY_KIND_SIMPLE_QUEUE,
    PY_KIND_THREAD_LOCK,
    PY_KIND_THREAD_RLOCK,
    PY_KIND_BYTES,
    PY_KIND_CONTEXT,
    PY_KIND_CONTEXT_VARIABLE,
    PY_KIND_HAMT, /* the tree of a context, and its nodes */
    PY_KIND_HAMT_BITMAP,
    PY_KIND_HAMT_ARRAY,
    PY_KIND_HAMT_COLLISION,
};

/* A type of the target; lives until the next walk begins. */
struct py_type {
    uint64_t address;
    const char *tp_name;   /* as in the C structure: "_asyncio.Task", "MyTask" */
    const char *full_name; /* with module: "mypkg.MyTask" */
    enum py_kind kind;     /* of its instances, subclasses of str, int, list, ... included */
    uint64_t flags, basicsize, dict, cached_keys, mro;
    int64_t dictoffset;
    int asyncio_kind; /* the asyncio layer's own classification; 0: not made yet */
    bool proven;      /* the python layer's own: what its type is was looked at too */
};

/* The type of the object at `address`. */
struct error *py_type_of(struct py *py, uint64_t address, struct py_type **ret) ERROR_CHECK;

/* The type object at `type_address`. */
struct error *py_type_read(struct py *py, uint64_t type_address, struct py_type **ret) ERROR_CHECK;

/* Whether a type was made while the program ran, as every class written in Python is. */
bool py_type_is_heap_type(const struct py_type *type);

/* Calls `visit` for every type in the MRO of `type`, itself first, until it sets *stop. */
struct error *py_type_visit_mro(struct py *py, const struct py_type *type,
                                struct error *(*visit)(void *context, struct py_type *type,
                                                       bool *stop),
                                void *context) ERROR_CHECK;

/* --- strings and integers --- */

/* Longest text that is read in full; a longer one is cut and ends in "...". */
#define PY_TEXT_MAX 65536

/* The text of a str object as UTF-8, interned; NUL and lone surrogates as \u0000, \udc80. */
struct error *py_string_read(struct py *py, uint64_t address, const char **ret) ERROR_CHECK;

/* The same, but no more than `limit` characters. */
struct error *py_string_read_start(struct py *py, uint64_t address, size_t limit,
                                   const char **ret) ERROR_CHECK;

/* The same for texts of which hardly two are equal: not interned. */
struct error *py_string_copy(struct py *py, uint64_t address, const char **ret) ERROR_CHECK;

/* Whether the str object at `address` is exactly the ASCII text `text`. */
struct error *py_string_equals(struct py *py, uint64_t address, const char *text,
                               bool *ret) ERROR_CHECK;

/* An int as 64-bit number; ERROR_INVALID when it does not fit. */
struct error *py_integer_read(struct py *py, uint64_t address, int64_t *ret) ERROR_CHECK;

/* The digits of an int, 30 bits each, the lowest first; ERROR_INVALID when it has more than `room`.
 */
struct error *py_digits_read(struct py *py, uint64_t address, uint32_t *digits, size_t room,
                             size_t *ret_count, bool *ret_negative) ERROR_CHECK;

/* A C string of the target, at most `limit` bytes, printable as it is; interned. */
struct error *py_c_string_read(struct py *py, uint64_t address, size_t limit,
                               const char **ret) ERROR_CHECK;

/* --- containers --- */

/* Most elements of one container that are read; more are cut, which the caller notes. */
#define PY_ITEMS_MAX (1u << 24)

/* Items of a tuple or list. `visit` gets each item's address (0 for NULL). */
typedef struct error *py_visit_item(void *context, uint64_t item);
struct error *py_list_visit(struct py *py, uint64_t address, py_visit_item *visit,
                            void *context) ERROR_CHECK; /* list or subclass */
struct error *py_tuple_visit(struct py *py, uint64_t address, py_visit_item *visit,
                             void *context) ERROR_CHECK;
struct error *py_set_visit(struct py *py, uint64_t address, py_visit_item *visit,
                           void *context) ERROR_CHECK; /* set or subclass; no dummies */

/* Entries of a dict or subclass. `visit` sets *stop to end the walk. */
typedef struct error *py_visit_entry(void *context, uint64_t key, uint64_t value, bool *stop);
struct error *py_dict_visit(struct py *py, uint64_t address, py_visit_entry *visit,
                            void *context) ERROR_CHECK;

/* Value of the str key `key`; *ret is 0 when it is not there. */
struct error *py_dict_find(struct py *py, uint64_t address, const char *key,
                           uint64_t *ret) ERROR_CHECK;

/* --- attributes --- */

/* Instance attribute `name` of an instance of a Python class (instance dict in any of its
 * representations, or __slots__); *ret is 0 when it is not set. Class attributes are not seen. */
struct error *py_attribute_find(struct py *py, uint64_t address, const char *name,
                                uint64_t *ret) ERROR_CHECK;

/* All instance attributes that are kept in a dict or in values (not slots), in no order. */
struct error *py_attributes_visit(struct py *py, uint64_t address, py_visit_entry *visit,
                                  void *context) ERROR_CHECK;

/* Byte offset of the slot `name` in instances of `type`; *ret is 0 when it has none. */
struct error *py_slot_find(struct py *py, const struct py_type *type, const char *name,
                           uint64_t *ret) ERROR_CHECK;

/* The dict of the module object at `address`. */
struct error *py_module_get_dict(struct py *py, uint64_t address, uint64_t *ret) ERROR_CHECK;

/* What a weak reference refers to; 0 when it is dead. */
struct error *py_weakref_get(struct py *py, uint64_t address, uint64_t *ret) ERROR_CHECK;
