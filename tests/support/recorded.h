/*
 * Samples of a recording, made by a test: say what changes, take the sample. Everything lives as
 * long as the `recorded`, and equal stacks, waits and strings are one pointer, as those of a
 * reader.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"

struct recorded;

struct recorded *recorded_create(void);
void recorded_destroy(struct recorded *recorded);

/* Of process 42, python 3.11.7, 100 samples a second. */
const struct recording_info *recorded_get_info(struct recorded *recorded);

/* "function file:line; function file:line", innermost first; "" is the empty stack. Functions are
 * qualified names. */
const struct snapshot_stack *recorded_stack(struct recorded *recorded, const char *text);

/* One of that kind with an object and the name of that object (or NULL). */
const struct recording_wait *recorded_wait(struct recorded *recorded, enum snapshot_wait_kind kind,
                                           const char *object, const char *name);

/* A blank task of that number for recorded_set_task(). Its stack is empty, its name "Task-NUMBER".
 */
struct recording_task recorded_task(struct recorded *recorded, uint64_t number);

/* From the next sample on the task is so. */
void recorded_set_task(struct recorded *recorded, const struct recording_task *task);
void recorded_drop_task(struct recorded *recorded, uint64_t number);

/* Blank ones; from the next sample on these are the threads and loops. */
struct recording_thread recorded_thread(struct recorded *recorded, int64_t tid, const char *name);
void recorded_set_threads(struct recorded *recorded, const struct recording_thread *threads,
                          size_t count);
struct recording_loop recorded_loop(snapshot_id id);
void recorded_set_loops(struct recorded *recorded, const struct recording_loop *loops,
                        size_t count);

/* The sample at that time; lives until the next is taken. */
const struct recording_sample *recorded_take(struct recorded *recorded, double time_s);

/* The end at that time. */
struct recording_end recorded_end(const struct recorded *recorded, double time_s);
