/*
 * The snapshot as JSON (`asyncspy.snapshot/1`), both ways. Hides cJSON, which is used nowhere
 * else. Writing streams: one task at a time is turned into text, so memory stays flat.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/snapshot.h"

/* Writes `snapshot` as one JSON object and a newline to `out`. Every key of the schema is there.
 * What cannot be (a negative count) is null. ERROR_OS when writing fails. */
struct error *snapshot_json_write(const struct snapshot *snapshot, FILE *out) ERROR_CHECK;

/*
 * Reads the JSON text (`length` bytes) into an empty snapshot. What snapshot_json_write wrote is
 * read so that it is written the same again, but for the low bits of integers beyond 2^53.
 * ERROR_INVALID with the place when it is not JSON, not this schema, or a value has the wrong type
 * or range. An index into the frames of a task or thread that is there is one that they have.
 *
 * What a newer version may have written: unknown keys are ignored. An unknown kind of wait is read
 * as "unknown" and an unknown kind of object as "other", from which nothing follows; a finding or
 * verdict with an unknown code is left out, and a row of `missing` says so. Any other unknown word
 * (a state, a confidence, what a socket is registered for) is an error: to take it for another one
 * would be a lie.
 */
struct error *snapshot_json_read(struct snapshot *snapshot, const char *text,
                                 size_t length) ERROR_CHECK;
