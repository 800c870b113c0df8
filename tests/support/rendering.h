/*
 * Snapshots made by hand, and the text that they give.
 */
#pragma once

#include "asyncspy/render/text.h"

/* The report; free it. */
char *rendering_text(const struct snapshot *snapshot, const struct text_options *options);

/* Lines fit, end in no space, and hold nothing but printable characters. Cuts `text` into lines. */
void rendering_check_lines(char *text, int width, bool ascii);

size_t rendering_count_lines(const char *text);

const struct snapshot_frame *rendering_make_frame(struct snapshot *snapshot, const char *name,
                                                  const char *file, int32_t line);
struct snapshot_stack rendering_make_stack(struct snapshot *snapshot, size_t count,
                                           const struct snapshot_frame *const *frames);

/* A waiting task; its id is 0x10 times its number from 1. */
struct snapshot_task *rendering_add_task(struct snapshot *snapshot, const char *name);

/* Gives the task something to wait for: what it is called, or other tasks. */
struct snapshot_wait *rendering_add_wait(struct snapshot *snapshot, struct snapshot_task *task,
                                         enum snapshot_wait_kind kind, const char *text);
void rendering_wait_for(struct snapshot *snapshot, struct snapshot_task *task, size_t count,
                        const snapshot_id *tasks);
