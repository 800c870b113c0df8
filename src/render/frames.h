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

/* How a stack is printed. */
struct stack_style {
    bool whole;      /* every frame, with its whole path; else library frames are folded */
    bool wait_known; /* the innermost library frames are told already: they may be folded too */
    bool unmarked;   /* no frame is the user's own to look at */
};

/* One line a frame; the user's innermost frame is marked. */
void stack_print(struct page *page, const struct snapshot_stack *stack, struct stack_style style);

/* The same in one line or two: the user's own frame and who called it, below the frame of a library
 * that it is in where the wait does not tell. */
void stack_print_brief(struct page *page, const struct snapshot_stack *stack,
                       struct stack_style style);

/* The frame that is the user's own: the innermost, else that of a package, else of the standard
 * library. NULL of an empty stack. */
const struct snapshot_frame *stack_find_own(const struct snapshot_stack *stack);

/* Puts the label of a fact and goes to where the fact is told. */
void stack_start_fact(struct page *page, const char *label);

/* A line of facts below a stack: label, name, place (NULL: none), how many times. */
void stack_print_fact(struct page *page, const char *label, const char *name, const char *place,
                      size_t count);
