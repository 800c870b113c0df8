/*
 * What a recording file has defined (recording_format.h), interned: equal contents are one pointer,
 * even if the file defines them again. Private to snapshot.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"
#include "pack.h"

struct recording_definitions;

/* What is handed out lives in `arena`. */
struct recording_definitions *recording_definitions_create(struct arena *arena);
void recording_definitions_destroy(struct recording_definitions *definitions); /* NULL-safe */

/* Takes the payload of a chunk; `payload->wrong` says if it could not be. */
void recording_definitions_add(struct recording_definitions *definitions, struct unpack *payload);

/* Numbers begin anew. */
void recording_definitions_reset(struct recording_definitions *definitions);

/* All stacks together may take some 256 MB and as many bytes for each of the `size` ones of the
 * file so far: in a file, equal outer frames of stacks take no room. */
void recording_definitions_allow(struct recording_definitions *definitions, uint64_t size);

/* What the next number in `from` stands for. */
const char *recording_unpack_string(struct recording_definitions *definitions, struct unpack *from);
const struct recording_wait *recording_unpack_wait(struct recording_definitions *definitions,
                                                   struct unpack *from);
const struct snapshot_stack *recording_unpack_stack(struct recording_definitions *definitions,
                                                    struct unpack *from); /* never NULL */

/* The stack of no frames. */
const struct snapshot_stack *
recording_definitions_get_empty(const struct recording_definitions *definitions);
