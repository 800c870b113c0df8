/*
 * Records of a snapshot as cJSON values. Private to snapshot. Values refer to the strings of the
 * snapshot and of the encoder's arenas instead of copying them.
 */
#pragma once

#include <cjson/cJSON.h>

#include "asyncspy/base/table.h"
#include "asyncspy/snapshot/snapshot.h"

struct json_encoder {
    struct arena *scratch; /* repaired strings and ids of one value; reset by the caller */
    struct arena *arena;   /* texts of the frames seen so far */
    struct table *frames;  /* from the address of a frame to its JSON text */
};

/* Makes cJSON end the process when memory is out, as everything else here does. */
void json_use_memory(void);

cJSON *json_encode_string(struct json_encoder *encoder, const char *text);

/* Adders of one member; unknown values (NULL, NaN, SNAPSHOT_UNKNOWN, SNAPSHOT_MAYBE) are null. */
void json_add_string(struct json_encoder *encoder, cJSON *object, const char *key,
                     const char *value);
void json_add_integer(cJSON *object, const char *key, int64_t value);
void json_add_number(cJSON *object, const char *key, double value);
void json_add_tristate(cJSON *object, const char *key, enum snapshot_tristate value);
void json_add_id(struct json_encoder *encoder, cJSON *object, const char *key, snapshot_id id);
void json_add_nulls(cJSON *object, const char *const *keys); /* ends with NULL */
void json_add_strings(struct json_encoder *encoder, cJSON *object, const char *key,
                      const char *const *strings, size_t count);

/* The frames of a stack as an array. */
void json_add_stack(struct json_encoder *encoder, cJSON *object, const char *key,
                    const struct snapshot_stack *stack);

cJSON *json_encode_target(struct json_encoder *encoder, const struct snapshot_target *target);
cJSON *json_encode_capture(struct json_encoder *encoder, const struct snapshot_capture *capture);
cJSON *json_encode_loop(struct json_encoder *encoder, const struct snapshot_loop *loop);
cJSON *json_encode_thread(struct json_encoder *encoder, const struct snapshot_thread *thread);
cJSON *json_encode_task(struct json_encoder *encoder, const struct snapshot_task *task);
