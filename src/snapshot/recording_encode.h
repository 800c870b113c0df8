/*
 * A sample as the chunks of a recording file (recording_format.h): what is not as in the sample
 * before. Private to snapshot.
 */
#pragma once

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/recording.h"
#include "pack.h"

struct recording_encoder;

/* What it remembers takes about `memory_max` bytes, and some hundred for each task. */
struct recording_encoder *recording_encoder_create(size_t memory_max);
void recording_encoder_destroy(struct recording_encoder *encoder); /* NULL-safe */

/* Appends the chunks to `out`. The epoch: recording_write_sample(). ERROR_INVALID: it cannot follow
 * the sample before, or names a task twice; no other sample can follow then. */
struct error *recording_encode_sample(struct recording_encoder *encoder, uint64_t epoch,
                                      const struct recording_sample *sample,
                                      struct pack *out) ERROR_CHECK;

/* The microsecond of the last sample. */
int64_t recording_encoder_get_us(const struct recording_encoder *encoder);
