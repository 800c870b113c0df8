/*
 * Context variables (Python/context.c, Python/hamt.c; 3.7+), and the values of plain objects as
 * repr() gives them.
 */
#pragma once

#include "asyncspy/python/object.h"

/* Most variables of one context that are told. */
#define PY_CONTEXT_VARIABLES_MAX 1000

/* The tree of the variables of a context (contextvars.Context): contexts that were copied share it
 * until one of them is changed. */
struct error *py_context_read(struct py *py, uint64_t address, uint64_t *ret_tree) ERROR_CHECK;

/* Calls `visit` for each variable of a tree, in no order: the address of the ContextVar and that of
 * its value. *ret_why: NULL, or why these are not all. */
typedef struct error *py_visit_variable(void *context, uint64_t variable, uint64_t value);
struct error *py_context_visit(struct py *py, uint64_t tree, py_visit_variable *visit,
                               void *context, const char **ret_why) ERROR_CHECK;

/* The name of a ContextVar. */
struct error *py_context_variable_read(struct py *py, uint64_t address,
                                       const char **ret_name) ERROR_CHECK;

/* Longest text of py_repr_read, in bytes; a longer one is cut and ends in "...". */
#define PY_REPR_MAX 120

/* What repr() gives of None, bool, int, float, str, bytes, uuid.UUID, and of tuples of them; ints
 * of more than 64 bits in hexadecimal. Of anything else "<module.Class object at 0x7f12>", of what
 * is derived from int, str, ...  "<module.Class 7>". Interned. */
struct error *py_repr_read(struct py *py, uint64_t address, const char **ret) ERROR_CHECK;
