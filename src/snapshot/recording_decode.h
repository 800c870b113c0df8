/*
 * Whole samples from what a recording file says of them (recording_format.h): only what changed.
 * Private to snapshot.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"
#include "pack.h"
#include "recording_definitions.h"

struct recording_decoder;

struct recording_decoder *recording_decoder_create(struct recording_definitions *definitions);
void recording_decoder_destroy(struct recording_decoder *decoder); /* NULL-safe */

/* The sample that a chunk's payload tells; it lives as recording_read_next() says. NULL:
 * `payload->wrong`; no other one can follow then. */
const struct recording_sample *recording_decode_sample(struct recording_decoder *decoder,
                                                       struct unpack *payload);

/* The microsecond of the last one. */
int64_t recording_decoder_get_us(const struct recording_decoder *decoder);
