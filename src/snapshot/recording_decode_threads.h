/* The threads and loops of samples, from what a recording file says of them. Private to snapshot.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"
#include "pack.h"
#include "recording_definitions.h"

struct recording_thread_decoder;

struct recording_thread_decoder *
recording_thread_decoder_create(struct recording_definitions *definitions);
void recording_thread_decoder_destroy(struct recording_thread_decoder *decoder); /* NULL-safe */

/* Take what the next bytes say of the threads, the loops. `payload->wrong`: it cannot be. */
void recording_decode_threads(struct recording_thread_decoder *decoder, struct unpack *payload);
void recording_decode_loops(struct recording_thread_decoder *decoder, struct unpack *payload);

/* Makes `sample` show them as they are now. */
void recording_thread_decoder_show(const struct recording_thread_decoder *decoder,
                                   struct recording_sample *sample);
