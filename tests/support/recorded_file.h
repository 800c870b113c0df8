/*
 * Recording files of tests, in memory, and samples compared field by field.
 */
#pragma once

#include "asyncspy/snapshot/recording_file.h"

/* An empty file; close it. */
int recorded_file_create(void);

/* One of these bytes. */
int recorded_file_of(const void *bytes, size_t size);

/* All of its bytes; free them. */
unsigned char *recorded_file_load(int file, size_t *ret_size);

/* The recording in it. */
struct recording_reader *recorded_file_read(int file);
struct error *recorded_file_try(int file, struct recording_reader **ret) ERROR_CHECK;

/* The next sample, which must be there. */
const struct recording_sample *recorded_file_next(struct recording_reader *reader);

/* Asserts that both say the same; tasks may stand in another order. */
void recorded_assert_same(const struct recording_sample *expected,
                          const struct recording_sample *sample);
void recorded_assert_same_info(const struct recording_info *expected,
                               const struct recording_info *info);
void recorded_assert_same_stack(const struct snapshot_stack *expected,
                                const struct snapshot_stack *stack);
