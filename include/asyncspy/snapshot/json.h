/*
 * The snapshot as JSON (`asyncspy.snapshot/1`), both ways. Hides cJSON, which is used nowhere
 * else. Writing streams: one task at a time is turned into text, so memory stays flat.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/snapshot.h"

/* Writes `snapshot` as one JSON object and a newline to `out`. Every key of the schema is there.
 * ERROR_OS when writing fails. */
struct error *snapshot_json_write(const struct snapshot *snapshot, FILE *out) ERROR_CHECK;

/* Reads the JSON text (`length` bytes) into an empty snapshot. ERROR_INVALID with the place when
 * it is not JSON, not this schema, or a value has the wrong type; unknown keys are ignored. */
struct error *snapshot_json_read(struct snapshot *snapshot, const char *text,
                                 size_t length) ERROR_CHECK;
