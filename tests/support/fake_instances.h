/*
 * Objects of the fake Python as programs have them: instances of named classes, closures, frames
 * with variables, what `with` leaves on a value stack.
 */
#pragma once

#include "asyncspy/python/frame.h"
#include "fake_frames.h"

/* An attribute or a variable, and what it holds (0: it is not set). */
struct fake_named {
    const char *name;
    uint64_t value;
};
#define FAKE_NAMED_MAX 12
/* FAKE_NAMED({"self", lock}, {"fut", future}): a list that ends with one without a name. */
#define FAKE_NAMED(...) ((const struct fake_named[FAKE_NAMED_MAX]){__VA_ARGS__})

/* An instance of the class `name` ("asyncio.locks.Lock"); those with the same attributes share
 * their class. */
uint64_t fake_new(struct fake_python *fake, const char *name, const struct fake_named *attributes);
/* The same of a class that is derived from the one at `base` (0: object) and has `size` bytes of a
 * C structure (0: none). */
uint64_t fake_new_derived(struct fake_python *fake, const char *name, uint64_t base, size_t size,
                          const struct fake_named *attributes);
/* Sets an attribute that the class of an instance made by fake_instance() has. */
void fake_set_attribute(struct fake_python *fake, uint64_t instance, const char *name,
                        uint64_t value);

/* The class "module.Name" with slots at 16, 24, ... behind those of its base. */
uint64_t fake_slotted_class(struct fake_python *fake, const char *name, uint64_t base,
                            const char *const *slots);

/* A function whose free variables are these. */
uint64_t fake_closure(struct fake_python *fake, const char *qualname,
                      const struct fake_named *variables);

/* --- frames --- */

/* What the managers of the statements around it left on a value stack, outermost first. */
struct fake_stack {
    uint64_t words[12];
    size_t count;
};
/* The exit of `manager`, a function called `name` whose code is called `code_name`, and the same
 * written in C. */
void fake_push_function(struct fake_python *fake, struct fake_stack *stack, const char *code_name,
                        const char *name, uint64_t manager);
void fake_push_builtin(struct fake_python *fake, struct fake_stack *stack, const char *name,
                       uint64_t manager);
/* The plain case: `name` is "__exit__" or "__aexit__". */
void fake_push_exit(struct fake_python *fake, struct fake_stack *stack, const char *name,
                    uint64_t manager);

/* A frame's code, its variables, its stack. */
struct fake_body {
    const char *file; /* below /usr/lib/python3; NULL: /srv/app.py */
    const char *function;
    const struct fake_named *variables; /* NULL: none */
    const struct fake_stack *stack;     /* NULL: empty */
    enum py_await_use use;              /* of a coroutine that awaits */
    uint64_t globals;                   /* a dict, 0 none */
    bool is_generator;                  /* false: a coroutine */
};

/* A suspended coroutine; `awaited` 0: it yields. */
uint64_t fake_suspended(struct fake_python *fake, const struct fake_body *body, uint64_t awaited);
/* One that runs: fake_run_task(). Its stack is covered by a handler. */
uint64_t fake_executing(struct fake_python *fake, const struct fake_body *body);
/* A frame of a thread's stack that was called from `previous` (0: it is the outermost). Its stack
 * is covered by a handler. */
uint64_t fake_called(struct fake_python *fake, const struct fake_body *body, uint64_t previous);
