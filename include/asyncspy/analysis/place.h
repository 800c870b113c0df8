/*
 * Where in whose code: what a frame is called, whose it is, and which frame of a stack says where
 * in somebody's program it is.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

enum frame_origin {
    FRAME_USER,
    FRAME_PACKAGE, /* site-packages, dist-packages, compiled by Cython */
    FRAME_STDLIB,  /* also frozen modules, native code and frames of unknown file */
};

enum frame_origin frame_get_origin(const struct snapshot_frame *frame);

/* "Class.method", without the functions around a local one; "?" where it is unknown. */
const char *frame_get_name(const struct snapshot_frame *frame);

/* The path of a library's file from the library on ("asyncio/tasks.py"), else the path as it is;
 * "?" where it is unknown. Points into the frame's own text. */
const char *frame_get_short_file(const struct snapshot_frame *frame);

/* What people know a file by: "app/report.py" of "/srv/shop/app/report.py", of a library's file the
 * same as above. Points into the frame's own text. */
const char *frame_get_known_file(const struct snapshot_frame *frame);

/* The innermost frame of the user's own code, else of any package, else the innermost; NULL of an
 * empty stack. */
const struct snapshot_frame *stack_find_user(const struct snapshot_stack *stack);

/* The frame that made something, of the stack of its creation: the innermost outside of the
 * standard library; the innermost where there is none. NULL of an empty stack. */
const struct snapshot_frame *stack_find_creator(const struct snapshot_frame *const *frames,
                                                size_t count);
