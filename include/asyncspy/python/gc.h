/*
 * The objects that the garbage collector tracks: every object of a Python process that may refer
 * to others, whether anything else leads to it or not. Facts: Include/internal/pycore_gc.h,
 * Modules/gcmodule.c (Python/gc.c).
 *
 * A running target changes its lists all the time. A list that does not hold together ends with a
 * reason; what was found before counts.
 */
#pragma once

#include <stdint.h>

#include "asyncspy/python/frame.h"

struct py_gc_walk {
    uint64_t objects; /* that were visited */
    const char *why;  /* NULL, or why these are not all; in the arena of the snapshot */
};

/* Gets the address of an object and that of its type. Its errors end the walk. */
typedef struct error *py_visit_object(void *context, uint64_t address, uint64_t type);

/* Calls `visit` for each object that the garbage collector of `interpreter` tracks, in the three
 * generations and the permanent one. Before 3.9 all interpreters share their lists. Takes at most
 * about `seconds`. */
struct error *py_gc_visit(struct py *py, const struct py_interpreter *interpreter, double seconds,
                          py_visit_object *visit, void *context,
                          struct py_gc_walk *ret) ERROR_CHECK;

/* Whether the object at `address`, found in an earlier walk, still stands in a list: memory that
 * was freed, and perhaps used for something else, looks like what it was for a while. A collector
 * at work takes the links for its own ends; its mark then counts as well, and is less certain. */
enum py_gc_tracked { PY_GC_UNTRACKED, PY_GC_MARKED, PY_GC_TRACKED };
struct error *py_gc_is_tracked(struct py *py, uint64_t address,
                               enum py_gc_tracked *ret) ERROR_CHECK;

/* A number made of the object's links in its list. As long as it stays, the object is still the one
 * that was there before: freed and made anew at the same address it stands elsewhere. It changes
 * also when a neighbour goes, or a collection sorts the list. 0: not known. */
struct error *py_gc_links_read(struct py *py, uint64_t address, uint64_t *ret) ERROR_CHECK;

/* Whether the lists are of the whole process instead of one interpreter. */
bool py_gc_is_shared(const struct py *py);
