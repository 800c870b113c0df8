/*
 * Layouts: where the fields of CPython's structures are in one running interpreter.
 *
 * A `py_table` is one file in offsets/: what is known of a minor version at build time. Selecting
 * a table for a target gives a `py_layout`: every offset resolved (run-time sources win over
 * constants) and checked. Code reads offsets through PY_OFFSET and switches on traits; it never
 * compares version numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/error.h"

/* clang-format off */
enum py_struct {
#define PY_STRUCT(struct_, c_type) PY_STRUCT_##struct_,
#define PY_FIELD(struct_, field, width, path, debug_offset, asyncio_debug)
#include "asyncspy/python/fields.def"
#undef PY_STRUCT
#undef PY_FIELD
    PY_STRUCT_COUNT
};

enum py_field {
#define PY_STRUCT(struct_, c_type)
#define PY_FIELD(struct_, field, width, path, debug_offset, asyncio_debug) PY_FIELD_##struct_##_##field,
#include "asyncspy/python/fields.def"
#undef PY_STRUCT
#undef PY_FIELD
    PY_FIELD_COUNT
};
/* clang-format on */

/* How to find the topmost frame of a thread. */
enum py_frame_kind {
    PY_FRAME_OBJECT,  /* thread.frame, a PyFrameObject (<= 3.10) */
    PY_FRAME_CFRAME,  /* thread.cframe -> cframe.current_frame (3.11, 3.12) */
    PY_FRAME_CURRENT, /* thread.current_frame (3.13+) */
};

/* How co_linetable (co_lnotab) is encoded. */
enum py_line_kind {
    PY_LINE_LNOTAB,    /* pairs of steps in bytecode and lines (<= 3.9) */
    PY_LINE_RANGES,    /* PEP 626: pairs of a length and a step in lines (3.10) */
    PY_LINE_LOCATIONS, /* location table of 3.11+: lines and columns */
};

/* How the object that a suspended coroutine awaits is found. */
enum py_await_kind {
    PY_AWAIT_YIELD_FROM, /* the next instruction is YIELD_FROM (<= 3.10) */
    PY_AWAIT_RESUME,     /* the next instruction is RESUME with an argument >= 2 (3.11, 3.12) */
    PY_AWAIT_STATE,      /* the frame state says so (3.13+) */
};

/* Where the state of a generator is. */
enum py_state_kind {
    PY_STATE_LAST_INSTRUCTION, /* f_lasti and gi_running tell it (<= 3.9) */
    PY_STATE_FRAME,            /* the state byte of its frame (3.10) */
    PY_STATE_GENERATOR,        /* its own state byte (3.11+) */
};

/* How a frame tells the extent of its value stack. */
enum py_stack_kind {
    PY_STACK_DEPTH,   /* frame.stackdepth counts slots from frame.valuestack (3.10) */
    PY_STACK_INDEX,   /* frame.stacktop counts slots from localsplus (3.11 - 3.13) */
    PY_STACK_POINTER, /* frame.stackpointer is an address (<= 3.9, 3.14+) */
};

/* How a thread names its running event loop. */
enum py_running_loop_kind {
    PY_RUNNING_LOOP_LOCAL,  /* the threading.local asyncio.events._running_loop (3.6) */
    PY_RUNNING_LOOP_HOLDER, /* thread.dict["__asyncio_running_event_loop__"] -> holder (<= 3.11) */
    PY_RUNNING_LOOP_DICT,   /* the same key, the value is the loop (3.12) */
    PY_RUNNING_LOOP_FIELD,  /* thread.asyncio_running_loop (3.13+) */
};

/* Where registered tasks are. Bits: a version may have several. */
enum py_task_registry {
    PY_TASKS_ALL_TASKS = 1,       /* WeakSet asyncio.tasks._all_tasks (3.7 - 3.11) */
    PY_TASKS_SCHEDULED_TASKS = 2, /* WeakSet _scheduled_tasks, set _eager_tasks (3.12+) */
    PY_TASKS_LINKED_LISTS = 4,    /* lists in thread and interpreter states (3.14+) */
    PY_TASKS_TASK_CLASS = 8,   /* attributes _all_tasks, _current_tasks of the Python Task (3.6) */
    PY_TASKS_MODULE_DATA = 16, /* static variables of the _asyncio extension (3.6) */
};

/* How instances keep their attributes when tp_dictoffset does not say. */
enum py_instance_kind {
    PY_INSTANCE_DICT,           /* always by tp_dictoffset (<= 3.10) */
    PY_INSTANCE_VALUES_POINTER, /* 3.11: values pointer at -32, dict pointer at -24 */
    PY_INSTANCE_TAGGED_WORD,    /* 3.12: one word at -24, low bit set means values */
    PY_INSTANCE_INLINE_VALUES,  /* 3.13+: dict pointer at -24, else values behind the object */
};

/* How an int keeps sign and length. */
enum py_integer_kind {
    PY_INTEGER_SIGNED_COUNT, /* integer.tag is sign x digit count (<= 3.11) */
    PY_INTEGER_TAG,          /* bits 0-1 sign, digit count = tag >> 3 (3.12+) */
};

/* Where the GIL is. */
enum py_gil_kind {
    PY_GIL_CURRENT_THREAD, /* the variable _PyThreadState_Current (3.6) */
    PY_GIL_RUNTIME,        /* a structure inside the runtime (3.7 - 3.11) */
    PY_GIL_INTERPRETER,    /* the interpreter points to it (3.12+) */
};

/* What the state byte of a generator means; PY_NO_STATE where the version does not tell it. */
#define PY_NO_STATE INT8_MIN
struct py_generator_states {
    int8_t created;
    int8_t suspended;              /* at a yield, or (PY_AWAIT_RESUME) at a yield or an await */
    int8_t suspended_await;        /* in an await or a yield from */
    int8_t suspended_await_locked; /* the same, locked by another thread */
    int8_t executing;
};

/* Instructions around an await, which tell an `async with` from an `await`. 0: the version has no
 * such. */
struct py_with_opcodes {
    uint8_t get_awaitable, get_anext, get_yield_from_iter, extended_arg;
    uint8_t before_async_with; /* 0: the argument of GET_AWAITABLE tells (3.11+) */
    uint8_t with_cleanup_start, with_except_start, push_exc_info;
    uint8_t call_function, dup_top;
    uint8_t get_awaitable_distance; /* code units from it to where a suspended frame stands */
};

/* Where other patch releases keep the lists of the garbage collector; which of the two it is, the
 * lists themselves tell. 0: as the table says. */
struct py_gc_drift {
    uint8_t generations, generation_size, head_size;
};

struct py_traits {
    enum py_frame_kind frame_kind;
    enum py_line_kind line_kind;
    enum py_await_kind await_kind;
    enum py_state_kind state_kind;
    enum py_stack_kind stack_kind;
    enum py_running_loop_kind running_loop_kind;
    unsigned task_registry; /* bits of enum py_task_registry */
    enum py_instance_kind instance_kind;
    enum py_integer_kind integer_kind;
    enum py_gil_kind gil_kind;
    struct py_generator_states generator_states;
    struct py_with_opcodes with_opcodes;
    bool with_keeps_manager;      /* with: __exit__ and the manager on the stack, not a method */
    uint8_t await_opcodes[3];     /* YIELD_FROM, or RESUME in all its forms; 0: none */
    uint8_t lasti_scale;          /* bytes that frame.lasti counts in; 0: no such field */
    uint8_t awaited_depth;        /* the awaited object is this many slots below the stack's end */
    bool stackref_tagged;         /* value stack slots are _PyStackRef: low two bits are a tag */
    uint8_t shim_owner_from;      /* frames whose owner is at least this are skipped; 0: none */
    uint8_t must_cancel_mask;     /* which bits of task.must_cancel count */
    uint8_t log_traceback_mask;   /* the same of task.log_traceback and future.log_traceback */
    bool debug_has_other_objects; /* Py_DEBUG puts two pointers before every object (<= 3.7) */
    struct py_gc_drift gc_drift;
};

enum py_slot_source {
    PY_SLOT_ABSENT = 0,
    PY_SLOT_CONSTANT,      /* the table's own number */
    PY_SLOT_DEBUG_OFFSETS, /* a 64-bit word of the target's _Py_DebugOffsets */
    PY_SLOT_ASYNCIO_DEBUG, /* a 64-bit word of the target's .AsyncioDebug section, else constant */
};

struct py_slot {
    enum py_slot_source source;
    uint32_t word_at;  /* byte offset of the word inside its run-time source */
    uint32_t constant; /* the number where there is no run-time source */
};

#define PY_AT(offset_)                                                                             \
    { PY_SLOT_CONSTANT, 0, (offset_) }
#define PY_DBG(word_at_)                                                                           \
    { PY_SLOT_DEBUG_OFFSETS, (word_at_), 0 }
#define PY_AIO(word_at_, offset_)                                                                  \
    { PY_SLOT_ASYNCIO_DEBUG, (word_at_), (offset_) }

/* One file in offsets/. */
struct py_table {
    unsigned major, minor;
    const char *variant; /* releases that differ from their minor's table: which; NULL: no such */
    const char *generated_from;  /* the version whose DWARF or headers gave the constants */
    uint32_t debug_offsets_size; /* sizeof(_Py_DebugOffsets); 0 where the version has none */
    struct py_traits traits;
    struct py_slot slots[PY_FIELD_COUNT];
};

/* Marks a field that a layout does not have. */
#define PY_ABSENT (-1)

/* No structure of which fields are read is longer. */
#define PY_RECORD_MAX 1536

/* Words of 8 bytes, counted from the start of a structure. */
#define PY_RUNS_MAX 16 /* the last one holds the rest */
struct py_run {
    uint16_t first, count;
};

struct py_layout {
    const struct py_table *table;
    struct py_traits traits;
    int32_t offset[PY_FIELD_COUNT];  /* PY_ABSENT: not in this target, or not known */
    uint32_t span[PY_STRUCT_COUNT];  /* bytes from a structure's start that hold all its fields */
    uint32_t first[PY_STRUCT_COUNT]; /* bytes before the first of these: reference counts */
    struct py_run runs[PY_STRUCT_COUNT][PY_RUNS_MAX]; /* its words that hold fields */
    uint32_t run_count[PY_STRUCT_COUNT];
};

#define PY_OFFSET(layout, struct_, field) ((layout)->offset[PY_FIELD_##struct_##_##field])
#define PY_HAS(layout, struct_, field) (PY_OFFSET(layout, struct_, field) != PY_ABSENT)

/* Bytes of a run-time source of offsets; `bytes` NULL where the target has none. */
struct py_offset_words {
    const unsigned char *bytes;
    size_t size;
};

/* The table for a version (no variant of it), NULL when this program has none. */
const struct py_table *py_table_find(unsigned major, unsigned minor);

/* The variant of `table` (same minor, some releases) in which the constant of `field` is `value`,
 * when in `table` itself it is not; NULL: none. */
const struct py_table *py_table_find_variant(const struct py_table *table, enum py_field field,
                                             uint64_t value);

/* The versions that have a table, oldest first; `index` counts from 0, NULL behind the last. */
const struct py_table *py_table_get(size_t index);

/* Resolves every slot of `table` and checks that every field lies inside its structure.
 * ERROR_INVALID names the field that does not, or the run-time source that is too short. */
struct error *py_layout_resolve(const struct py_table *table, struct py_offset_words debug_offsets,
                                struct py_offset_words asyncio_debug,
                                struct py_layout *ret) ERROR_CHECK;

/* An anchor disagreed: marks the fields of one structure absent that come from constants, so that
 * nothing is guessed. Fields with a run-time source stay. */
void py_layout_drop_struct(struct py_layout *layout, enum py_struct struct_);

/* Takes the fields of one structure from the constants of `variant`, and computes its span. */
void py_layout_adopt_struct(struct py_layout *layout, const struct py_table *variant,
                            enum py_struct struct_);

/* Where this version keeps what asyncspy shows, in words. */
#define PY_LAYOUT_FACT_COUNT 6
struct py_layout_fact {
    const char *topic, *text; /* constants */
};
void py_layout_describe(const struct py_layout *layout,
                        struct py_layout_fact ret[PY_LAYOUT_FACT_COUNT]);

/* Names for `doctor` and messages. */
const char *py_field_get_struct_name(enum py_field field); /* "task" */
const char *py_field_get_name(enum py_field field);        /* "coroutine" */
const char *py_slot_source_name(enum py_slot_source source);
