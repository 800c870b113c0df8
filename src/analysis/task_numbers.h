/*
 * The tasks of a recording by their numbers, kept up with sample by sample. Private to analysis.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"

struct task_numbers;

struct task_numbers *task_numbers_create(void);
void task_numbers_destroy(struct task_numbers *numbers); /* NULL-safe */

/* From now on the tasks are those of this sample, which comes next. */
void task_numbers_follow(struct task_numbers *numbers, const struct recording_sample *sample);

/* NULL: there is none, or it could not be read. */
const struct recording_task *task_numbers_find(const struct task_numbers *numbers, uint64_t number);
