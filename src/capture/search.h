/*
 * A search among all objects of the garbage collector, before a picture is taken: for the tasks
 * and loops that no registry leads to. Private to capture.
 */
#pragma once

#include <stdbool.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/error.h"
#include "asyncspy/python/object.h"
#include "asyncspy/target/process.h"
#include "walk.h"

struct search_request {
    struct target_process *process;
    const struct py_layout *layout;
    const struct py_roots *roots;
    bool may_stop;       /* the target, when a search while it runs does not come to its end */
    struct arena *arena; /* of the result */
};

/* Fills `ret`; what it holds goes with walk_search_free(). Adds to *pause_s how long the target
 * was stopped. */
struct error *search_objects(const struct search_request *request, struct walk_search *ret,
                             double *pause_s) ERROR_CHECK;
