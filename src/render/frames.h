/*
 * Frames and stacks as lines: how a frame's place is called, and which frames of a stack are worth
 * a line. Private to render.
 */
#pragma once

#include "asyncspy/analysis/place.h"
#include "asyncspy/snapshot/snapshot.h"
#include "page.h"

/* "asyncio/tasks.py:630", "app/report.py:57": what people know the file by, its path where `whole`
 * asks for it. In the scratch arena. */
const char *frame_get_place(struct page *page, const struct snapshot_frame *frame, bool whole);

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

/* Puts the label of a fact and goes to where the fact is told. */
void stack_start_fact(struct page *page, const char *label);

/* A line of facts below a stack: label, name, place (NULL: none), how many times. */
void stack_print_fact(struct page *page, const char *label, const char *name, const char *place,
                      size_t count);
