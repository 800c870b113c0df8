/* The threads and loops of a sample, as far as they are not as in the last one. Private to
 * snapshot. */
#pragma once

#include "asyncspy/snapshot/recording.h"
#include "pack.h"
#include "recording_dictionary.h"

struct recording_thread_encoder;

struct recording_thread_encoder *
recording_thread_encoder_create(struct recording_dictionary *dictionary);
void recording_thread_encoder_destroy(struct recording_thread_encoder *encoder); /* NULL-safe */

/* Numbers of the dictionary so far are void. */
void recording_thread_encoder_forget(struct recording_thread_encoder *encoder);

/* Appends to `body` what is to be said of them. False: nothing. */
bool recording_encode_threads(struct recording_thread_encoder *encoder,
                              const struct recording_sample *sample, struct pack *body);
bool recording_encode_loops(struct recording_thread_encoder *encoder,
                            const struct recording_sample *sample, struct pack *body);
