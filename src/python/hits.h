/*
 * Words of the target that hold one of several addresses, and whose they are. Private to the python
 * layer.
 */
#pragma once

#include "enclosing.h"

struct py_hit {
    uint64_t word;
    uint32_t target;           /* index of the address that it holds */
    bool wanted;               /* its owner is still to be found */
    struct py_enclosing owner; /* object 0: not known; type NULL: a running frame */
};

/* In the order of memory. */
struct py_hits {
    struct py_hit *items;
    size_t count, capacity;
};

/* What a second look for owners needs. */
struct py_owner_search {
    struct py *py;
    struct py_hits *hits;
    double seconds;
    const char *why; /* out: NULL, or why owners may be missing; in the snapshot's arena */
};

/* Goes over all objects of the garbage collector and over the frames that run, for the words that
 * are wanted: those outside of their objects, and in large objects. */
struct error *py_owners_search(struct py_owner_search *search) ERROR_CHECK;
