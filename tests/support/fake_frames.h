/*
 * Code, frames, generators, threads and interpreters of the fake Python.
 */
#pragma once

#include "fake_python.h"

/* Every code object here has ten instructions of two bytes: 0-1 stand on its first line with no
 * columns, 2-3 on the next, columns 4 to 10, the rest two lines further, columns 8 to 20. */
#define FAKE_UNIT_START 0
#define FAKE_UNIT_CALL 2  /* calls another function */
#define FAKE_UNIT_YIELD 4 /* suspended at a yield */
#define FAKE_UNIT_AWAIT 8 /* suspended in an await */

uint64_t fake_code(struct fake_python *fake, const char *name, const char *qualname,
                   const char *file, int first_line);
/* Sets code unit `unit`. */
void fake_code_put(struct fake_python *fake, uint64_t code, int unit, uint8_t operation,
                   uint8_t argument);

/* A variable of a code object. */
enum fake_variable_kind { FAKE_LOCAL, FAKE_CELL_VARIABLE, FAKE_FREE_VARIABLE };
struct fake_variable {
    const char *name;
    enum fake_variable_kind kind;
};
/* Gives the code these instead of its one variable `self`; locals first, free ones last. */
void fake_code_set_variables(struct fake_python *fake, uint64_t code,
                             const struct fake_variable *items, size_t count);

/* From 3.11 on: the one entry of its exception table. */
void fake_code_set_handler(struct fake_python *fake, uint64_t code, uint8_t start, uint8_t size,
                           uint8_t depth);

/* A frame of a thread's stack that its interpreter loop was entered for when `is_entry`. */
uint64_t fake_frame(struct fake_python *fake, uint64_t code, int unit, uint64_t previous,
                    bool is_entry);
/* What 3.12 and later put under the first frame of a loop; 0 where a version has none. */
uint64_t fake_shim_frame(struct fake_python *fake, uint64_t code);

enum fake_state {
    FAKE_CREATED,
    FAKE_SUSPENDED_YIELD,
    FAKE_SUSPENDED_AWAIT,
    FAKE_EXECUTING,
    FAKE_FINISHED,
};

/* Word `index` of a frame: its variables, then its value stack. */
void fake_frame_put(struct fake_python *fake, uint64_t frame, size_t index, uint64_t object);
/* Up to 3.10: the one block that the frame is in. */
void fake_frame_set_block(struct fake_python *fake, uint64_t frame, int level);

/* A coroutine, generator or async generator; `awaited` is 0 or what it awaits. */
uint64_t fake_generator(struct fake_python *fake, enum fake_type type, uint64_t code,
                        enum fake_state state, uint64_t awaited);
void fake_generator_await(struct fake_python *fake, uint64_t generator, uint64_t awaited);
/* The same with these words on the value stack below `awaited` (0: nothing is awaited). */
void fake_generator_set_stack(struct fake_python *fake, uint64_t generator, const uint64_t *items,
                              size_t count, uint64_t awaited);
uint64_t fake_generator_get_frame(struct fake_python *fake, uint64_t generator);
/* Address of the instruction where a frame is. */
uint64_t fake_frame_get_instruction(struct fake_python *fake, uint64_t frame);
/* Puts its frame on a thread's stack: what called it. Returns the frame. */
uint64_t fake_generator_frame(struct fake_python *fake, uint64_t generator, uint64_t previous,
                              bool is_entry);

uint64_t fake_coroutine_wrapper(struct fake_python *fake, uint64_t coroutine);
uint64_t fake_asend(struct fake_python *fake, uint64_t generator);
uint64_t fake_athrow(struct fake_python *fake, uint64_t generator);
uint64_t fake_anext_awaitable(struct fake_python *fake, uint64_t wrapped);

uint64_t fake_runtime(struct fake_python *fake);
/* An interpreter in front of those that the runtime has. */
uint64_t fake_interpreter(struct fake_python *fake, uint64_t runtime, int64_t id);
/* A thread in front of those that the interpreter has, with an empty dict. */
uint64_t fake_thread(struct fake_python *fake, uint64_t interpreter, uint64_t ident, int64_t tid);
void fake_thread_set_frame(struct fake_python *fake, uint64_t thread, uint64_t frame);
void fake_thread_set_gil(struct fake_python *fake, uint64_t runtime, uint64_t thread);
