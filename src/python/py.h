/*
 * What `struct py` holds. Private to the python layer. The caches belong to one walk: the target
 * may free and reuse any address between two walks.
 */
#pragma once

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"
#include "asyncspy/python/frame.h"
#include "asyncspy/python/object.h"

/* A code object: what all its frames share. */
struct py_code {
    uint64_t address;
    uint64_t look;     /* the last one that found it unchanged */
    uint64_t words[4]; /* addresses of name, file and line table, first line: what tells it */
    uint64_t first_instruction;
    const char *function, *file;
    const char *qualified_name; /* NULL before 3.11, until a coroutine of this code tells it */
    const unsigned char *line_table;
    size_t line_table_size;
    int32_t first_line;
    int32_t first_traceable;       /* code units before the frame counts as entered */
    bool has_lines;                /* the line table was read */
    int32_t local_slots;           /* from 3.11 on: where the value stack begins, from localsplus */
    struct py_locals *locals;      /* NULL until somebody asks for a variable */
    struct py_position *positions; /* those that were met, the last one first */
};

/* The variables of a code object, in the order of their words in a frame: locals, cells, free
 * variables. Lives in the arena of the caches. */
struct py_local_name {
    const char *name; /* interned */
    bool has_cell;    /* its word is a cell; before the cell is made, from 3.11 on, the value */
};

struct py_locals {
    size_t count;
    size_t free_count; /* the last ones: free variables, which a function's closure holds too */
    struct py_local_name *items;
};

struct py_position_key {
    uint64_t code;
    uint64_t instruction; /* its address; of a PY_FRAME_OBJECT frame f_lasti in bytes */
};

/* A decoded frame position: one per code object and instruction. */
struct py_position {
    struct py_position_key key;
    struct snapshot_frame *frame; /* in the snapshot's arena; equal ones of a code are one */
    struct py_position *next;     /* of the same code */
    struct py_code *code;
    uint64_t instruction;  /* its address; before the first one: not started */
    int8_t awaits;         /* 1: suspended here means in an await, 0: not, -1: not looked at yet */
    bool has_use;          /* the next two were looked at */
    enum py_await_use use; /* of an await here */
    bool leaves_by_exception; /* PY_AWAIT_EXIT because of an exception */
};

#define PY_MEMO_SIZE 256 /* a power of two */

/* Where an attribute is in all instances: its index among shared keys, or the offset of its slot.
 */
struct py_name_memo {
    uint64_t owner;   /* the keys or the type */
    const char *name; /* interned; NULL: unused */
    uint64_t place;
};

/* Names of classes, functions, attributes are asked for again and again. */
struct py_text_memo {
    uint64_t address; /* of the string */
    size_t limit;     /* of what was read of a C string, 0: a str object */
    const char *text; /* NULL: unused */
};

struct py {
    struct target_memory *memory;
    struct py_layout layout;
    struct py_roots roots;
    uint64_t walk_units;
    struct snapshot *snapshot;
    bool unsettled;                          /* this walk met a thread in the middle of a switch */
    struct arena *arena;                     /* of the caches */
    struct id_table *types;                  /* struct py_type by address */
    struct py_type *type_memo[PY_MEMO_SIZE]; /* the last used type of each hash slot */
    struct py_position *position_memo[PY_MEMO_SIZE];
    struct py_name_memo key_memo[PY_MEMO_SIZE], slot_memo[PY_MEMO_SIZE];
    struct py_text_memo text_memo[PY_MEMO_SIZE];
    struct id_table *static_names; /* names of static types by address, NULL: not looked for */
    bool finds_static_names;       /* is at it */
    struct id_table *codes;        /* struct py_code by address */
    struct table *positions;       /* struct py_position by key */
    bool looks;                    /* the caches outlive a look */
    bool checks_type;              /* is at it */
    uint64_t look;                 /* counts looks; all code is checked in those at all */
    bool look_is_full;
    bool has_met_other_code;         /* a code object is not the one that was read */
    struct memory_footprint lasting; /* from where types and code objects were read */
};

/* metatype.c: the type object at `address`, where anything may stand; ERROR_INVALID where it is
 * none. */
struct error *py_type_read_proven(struct py *py, uint64_t address,
                                  struct py_type **ret) ERROR_CHECK;

/* ERROR_INVALID where no type stands at `address`; reads those that it is an instance of. */
struct error *py_type_check(struct py *py, uint64_t address) ERROR_CHECK;

/* Less than this is the address of nothing. */
#define PY_ADDRESS_MIN 4096

/* What is read until py_lasting_end() is kept from one look to the next, unless that gets an error.
 */
struct py_lasting {
    struct memory_footprint *tracked;
    size_t count;
};
struct py_lasting py_lasting_begin(struct py *py);
struct error *py_lasting_end(struct py *py, const struct py_lasting *lasting, struct error *err);

/* The code object at `address`, read once a walk. */
struct error *py_code_read(struct py *py, uint64_t address, struct py_code **ret) ERROR_CHECK;

/* ERROR_INVALID where another one has taken its place since it was read. */
struct error *py_code_check(struct py *py, struct py_code *code) ERROR_CHECK;

/* The position `instruction` (as in its key) in `code`. */
struct py_position *py_position_get(struct py *py, struct py_code *code, uint64_t instruction);

/* Position of the frame (an interpreter frame or frame object) whose record is `frame`. */
struct error *py_frame_get_position(struct py *py, const struct py_record *frame,
                                    struct py_position **ret) ERROR_CHECK;

/* Address of the slot behind the last used one of a frame's value stack; 0 when it is unknown. */
uint64_t py_frame_get_stack_end(const struct py *py, const struct py_record *frame);

/* Its variables; reads their names when it is first asked. */
struct error *py_code_get_locals(struct py *py, struct py_code *code,
                                 const struct py_locals **ret) ERROR_CHECK;

/* The code object that the frame at `frame` executes. */
struct error *py_frame_get_code(struct py *py, uint64_t frame, struct py_code **ret) ERROR_CHECK;

/* A word of a frame as an object's address; 0 for NULL and tagged integers. */
uint64_t py_untag(const struct py *py, uint64_t word);

/* What a cell holds, 0 when it is empty. */
struct error *py_cell_get(struct py *py, uint64_t address, uint64_t *ret) ERROR_CHECK;

/* --- what a suspended frame awaits and holds --- */

/* The words of a value stack that are used. */
struct py_stack {
    uint64_t bottom;
    size_t slots;
};

/* The value stack of a frame that does not run; false when its extent makes no sense. */
bool py_stack_find(const struct py *py, const struct py_record *frame, const struct py_code *code,
                   struct py_stack *ret);

/* Where the value stack of any frame begins; 0 when that makes no sense. */
uint64_t py_stack_find_bottom(const struct py *py, const struct py_record *frame,
                              const struct py_code *code);

/* Two bytes of code. */
struct py_unit {
    uint8_t operation, argument;
};

/* The code unit `back` units before the one where a frame stands (-1: the next); all zero in front
 * of the first. */
struct error *py_unit_read(struct py *py, const struct py_position *position, int back,
                           struct py_unit *ret) ERROR_CHECK;

#define PY_EXIT_ARGUMENT 2 /* of GET_AWAITABLE for __aexit__(), from 3.11 on */

/* Finds position->use. */
struct error *py_position_find_use(struct py *py, struct py_position *position) ERROR_CHECK;

/* Fills what `ret`, a generator that is suspended, awaits; `state` is its state byte. */
struct error *py_await_read(struct py *py, const struct py_record *frame, int8_t state,
                            struct py_position *position, struct py_generator *ret) ERROR_CHECK;

/* What a statement left in a slot of a value stack. */
struct py_open {
    uint64_t object; /* 0: nothing of the kind stands there */
    enum py_open_kind kind;
};
struct error *py_open_read(struct py *py, uint64_t slot, struct py_open *ret) ERROR_CHECK;

/* Calls `visit` for what stands on a stack; `without_last`: but for the innermost manager. */
struct error *py_stack_visit(struct py *py, const struct py_stack *stack, bool without_last,
                             py_visit_open *visit, void *context) ERROR_CHECK;

/* --- objects --- */

/* The tp_name of a static type, for a target that lacks its files: as the modules of Python know
 * it, or "?". While these are searched it is NULL. */
struct error *py_static_name_find(struct py *py, uint64_t type, const char **ret) ERROR_CHECK;

/* The kind of an object, or the one that the builtin type has which its class is derived from. */
struct error *py_kind_find(struct py *py, uint64_t address, enum py_kind *ret) ERROR_CHECK;

/* Reads an object that must be of `kind`; ERROR_INVALID when it is not. */
struct error *py_object_read(struct py *py, enum py_struct struct_, enum py_kind kind,
                             uint64_t address, struct py_record *ret) ERROR_CHECK;

/* The name in a PyMethodDef, interned. */
struct error *py_definition_read(struct py *py, uint64_t definition,
                                 const char **ret_name) ERROR_CHECK;

/* Calls `visit` for each of `count` words. */
struct error *py_words_visit(struct py *py, uint64_t address, uint64_t count, py_visit_item *visit,
                             void *context) ERROR_CHECK;
