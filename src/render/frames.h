/*
 * Frames and stacks as lines: how a frame's place is called, and which frames of a stack are worth
 * a line. Private to render.
 */
#pragma once

#include "asyncspy/analysis/place.h"
#include "asyncspy/snapshot/snapshot.h"
#include "page.h"

/* "asyncio/tasks.py:630": the path from the library on, whole for the user's own files and where
 * `whole` asks for it. In the scratch arena. */
const char *frame_get_place(struct page *page, const struct snapshot_frame *frame, bool whole);

/* One line a frame, library frames folded unless `whole`; the user's innermost frame is marked. */
void stack_print(struct page *page, const struct snapshot_stack *stack, bool whole);

/* Puts the label of a fact and goes to where the fact is told. */
void stack_start_fact(struct page *page, const char *label);

/* A line of facts below a stack: label, name, place (NULL: none), how many times. */
void stack_print_fact(struct page *page, const char *label, const char *name, const char *place,
                      size_t count);
