/*
 * A CPython made of bytes: objects built field by field from a layout into a fake memory, each on
 * a page of its own, so that a fault can hit any of them. Works for every table in offsets/; where
 * a version tells its own offsets, the fake tells them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/python/object.h"
#include "fake_memory.h"

enum fake_type {
    FAKE_TYPE,
    FAKE_NONE,
    FAKE_STRING,
    FAKE_INTEGER,
    FAKE_TUPLE,
    FAKE_LIST,
    FAKE_DICT,
    FAKE_SET,
    FAKE_BYTES,
    FAKE_CODE,
    FAKE_MODULE,
    FAKE_WEAKREF,
    FAKE_COROUTINE,
    FAKE_ASEND,
    FAKE_FUTURE,
    FAKE_TASK,
    FAKE_INSTANCE, /* of a class with an instance dict */
    FAKE_IMPOSTOR, /* a heap type called async_generator_asend */
    FAKE_TYPE_COUNT
};

struct fake_interpreter {
    struct fake_memory *memory;
    struct py_layout layout;
    uint64_t next; /* where the next object goes */
    uint64_t types[FAKE_TYPE_COUNT];
    uint64_t none;
    uint64_t runtime, interpreter, thread, loop;
    uint64_t tasks[64];
    size_t task_count;
};

/* An empty interpreter of the version that `table` describes; types only. */
struct fake_interpreter *fake_interpreter_create(const struct py_table *table);
void fake_interpreter_destroy(struct fake_interpreter *fake);

/* A zeroed page (or more) of its own. */
uint64_t fake_interpreter_alloc(struct fake_interpreter *fake, size_t size);
void fake_interpreter_write(struct fake_interpreter *fake, uint64_t address, const void *bytes,
                            size_t size);
void fake_interpreter_put(struct fake_interpreter *fake, uint64_t address, enum py_field field,
                          uint64_t value, size_t width);

uint64_t fake_interpreter_object(struct fake_interpreter *fake, enum fake_type type, size_t size);
uint64_t fake_interpreter_string(struct fake_interpreter *fake, const char *ascii);
uint64_t fake_interpreter_wide_string(struct fake_interpreter *fake, unsigned kind,
                                      const void *characters, size_t length);
uint64_t fake_interpreter_integer(struct fake_interpreter *fake, uint64_t value);
uint64_t fake_interpreter_tuple(struct fake_interpreter *fake, const uint64_t *items, size_t count);
uint64_t fake_interpreter_set(struct fake_interpreter *fake, const uint64_t *items, size_t count);
/* `pairs` is key, value, key, value, ...; the keys are str objects. */
uint64_t fake_interpreter_dict(struct fake_interpreter *fake, const uint64_t *pairs, size_t count);
uint64_t fake_interpreter_module(struct fake_interpreter *fake, uint64_t dict);
uint64_t fake_interpreter_instance(struct fake_interpreter *fake, uint64_t dict);

/* A code object whose first 8 instructions are on `line`, the next 8 on `line` + 1. */
uint64_t fake_interpreter_code(struct fake_interpreter *fake, const char *name, int line);

/* A coroutine whose state byte is `state` (of the layout's traits). A suspended one awaits
 * `awaited`. */
uint64_t fake_interpreter_coroutine(struct fake_interpreter *fake, uint64_t code, int8_t state,
                                    uint64_t awaited);
int8_t fake_interpreter_suspended(
    const struct fake_interpreter *fake); /* its state byte for "in an await" */

/* `state`: 0 pending, 1 cancelled, 2 finished. */
uint64_t fake_interpreter_future(struct fake_interpreter *fake, int state);
/* A registered task; `name` is a str or int object. */
uint64_t fake_interpreter_task(struct fake_interpreter *fake, uint64_t coroutine, uint64_t name,
                               uint64_t fut_waiter, int state);

/* The modules, registries, thread and runtime around what was built; call it last.
 * `running_frame` is the thread's topmost frame, 0 none. */
void fake_interpreter_finish(struct fake_interpreter *fake, uint64_t running_frame);
