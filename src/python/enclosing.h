/* Which live object a word of memory is a part of. Private to the python layer. */
#pragma once

#include "asyncspy/python/object.h"

/* A word in a live object. */
struct py_enclosing {
    uint64_t object;
    struct py_type *type;
    bool counted; /* a reference there is a counted one: no weak one, no leftover */
};

/* Objects up to this size are found by the bytes before the word. */
#define PY_ENCLOSING_MAX 1024

/* The object that the word at `word` is a part of; ret->object is 0 where none is found. */
struct error *py_enclosing_find(struct py *py, uint64_t word, struct py_enclosing *ret) ERROR_CHECK;

/* The instance with a managed dict (3.11+) in front of which the address of that dict stands at
 * `word`; ret->object is 0 where there is none. */
struct error *py_enclosing_find_dict(struct py *py, uint64_t word,
                                     struct py_enclosing *ret) ERROR_CHECK;

/* What the word is to the live object at `object`; ret->object is 0 if it is no part of it. */
struct error *py_enclosing_check(struct py *py, uint64_t object, struct py_type *type,
                                 uint64_t word, struct py_enclosing *ret) ERROR_CHECK;

/* Whether instances hold the slots of a frame. */
bool py_type_has_frame(const struct py *py, const struct py_type *type);

/* Where the local variables of a frame end that may be running; 0: not known. */
struct error *py_frame_get_locals_end(struct py *py, const struct py_record *frame,
                                      uint64_t *ret) ERROR_CHECK;
