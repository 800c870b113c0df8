/*
 * Snapshots of the golden tests.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/snapshot.h"

/* Reads the JSON that `in` holds; the errors are those of snapshot_json_read(). */
struct error *read_snapshot(struct snapshot *snapshot, FILE *in) ERROR_CHECK;
