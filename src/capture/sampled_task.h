/*
 * What is shown of a task, compared and copied. Private to capture.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"

/* A task and its stack lie together. */
struct sampled_task {
    struct recording_task task;
    struct snapshot_stack stack;
};

/* Whether both show the same; which task they are does not matter. */
bool sampled_task_is_same(const struct recording_task *a, const struct recording_task *b);
bool sampled_text_is_same(const char *a, const char *b); /* both may be NULL */

/* A copy with all that it points to, in `arena`. */
const struct recording_task *sampled_task_copy(struct arena *arena,
                                               const struct recording_task *task);
const char *sampled_text_copy(struct arena *arena, const char *text); /* NULL for NULL */
