/*
 * The chunks of a recording file, read one by one through a buffer; the file may be cut off or
 * damaged anywhere. Private to snapshot.
 */
#pragma once

#include "asyncspy/base/error.h"
#include "pack.h"

struct recording_input;

/* ERROR_OS; ERROR_INVALID: it is no recording, or of a later form. */
struct error *recording_input_open(const char *path, struct recording_input **ret) ERROR_CHECK;
void recording_input_close(struct recording_input *input); /* NULL-safe */

/* The next chunk: its payload, until the next call, and its type; 0: the file ends or is cut off
 * here. ERROR_INVALID: it is damaged here. ERROR_OS. */
struct error *recording_input_next(struct recording_input *input, int *ret_type,
                                   struct unpack *ret) ERROR_CHECK;

/* ERROR_INVALID: something is wrong with the last chunk. */
struct error *recording_input_blame(const struct recording_input *input,
                                    const char *wrong) ERROR_CHECK;

/* ERROR_INVALID unless the last chunk ended with the file. */
struct error *recording_input_check_end(struct recording_input *input) ERROR_CHECK;

/* Bytes up to the end of the last chunk, and of the whole file. */
uint64_t recording_input_get_place(const struct recording_input *input);
uint64_t recording_input_get_size(const struct recording_input *input);
