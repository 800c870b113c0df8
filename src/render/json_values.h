/*
 * Values of JSON documents that are streamed; what is not known is null. Private to render.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/snapshot/snapshot.h"

/* null where it is not finite; no more than the digits that are significant. */
void json_write_number(FILE *out, double value);

/* Digits, without the time that printf takes: most of what is written of a recording are keys and
 * small numbers. */
void json_write_unsigned(FILE *out, uint64_t value);

/* null where it is SNAPSHOT_UNKNOWN, or negative: none of what is counted can be. */
void json_write_count(FILE *out, int64_t value);

/* true, false, null. */
void json_write_tristate(FILE *out, enum snapshot_tristate value);

/* "0x7f12", null for 0. */
void json_write_id(FILE *out, snapshot_id id);
