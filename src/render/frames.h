/*
 * Frames and stacks as lines: whose code a frame is, how its place is called, and which frames of
 * a stack are worth a line. Private to render.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"
#include "page.h"

enum frame_origin {
    FRAME_USER,
    FRAME_PACKAGE, /* site-packages, dist-packages */
    FRAME_STDLIB,  /* also frozen modules, native code and frames of unknown file */
};

enum frame_origin frame_get_origin(const struct snapshot_frame *frame);

/* "Class.method", without the functions around a local one; "?" where it is unknown. */
const char *frame_get_name(const struct snapshot_frame *frame);

/* "asyncio/tasks.py:630": the path from the library on, whole for the user's own files and where
 * `whole` asks for it. In the scratch arena. */
const char *frame_get_place(struct page *page, const struct snapshot_frame *frame, bool whole);

/* The frame of a stack that says where in somebody's program it is: the innermost outside of the
 * standard library; the innermost where there is none. NULL of an empty stack. */
const struct snapshot_frame *stack_find_creator(const struct snapshot_frame *const *frames,
                                                size_t count);

/* One line a frame, library frames folded unless `whole`; the user's innermost frame is marked. */
void stack_print(struct page *page, const struct snapshot_stack *stack, bool whole);

/* Puts the label of a fact and goes to where the fact is told. */
void stack_start_fact(struct page *page, const char *label);

/* A line of facts below a stack: label, name, place (NULL: none), how many times. */
void stack_print_fact(struct page *page, const char *label, const char *name, const char *place,
                      size_t count);
