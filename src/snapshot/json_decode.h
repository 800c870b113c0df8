/*
 * Typed access to parsed JSON that may be hostile. Private to snapshot.
 *
 * The first value of a wrong type or range is remembered with its path, and everything asked for
 * afterwards is answered with "unknown": the caller looks once, at the end.
 */
#pragma once

#include <cjson/cJSON.h>

#include "asyncspy/base/error.h"
#include "asyncspy/base/table.h"
#include "asyncspy/snapshot/snapshot.h"

#define JSON_PATH_MAX 8

struct json_step {
    const char *key;
    size_t index; /* of an array; SIZE_MAX: none */
};

struct json_decoder {
    struct snapshot *snapshot;
    struct table *frames; /* from the content of a frame to the one copy of it */
    struct json_step path[JSON_PATH_MAX];
    size_t depth;
    struct error *err;
};

/* Fails with "<path>.<key>: <problem>" unless it has failed already. */
void json_fail(struct json_decoder *decoder, const char *key, const char *problem);

/* Goes to the member `key` (and its element `index`) for the paths of later failures, and back. */
void json_enter(struct json_decoder *decoder, const char *key, size_t index);
void json_leave(struct json_decoder *decoder);

/* Members of an object. Absent is the same as null, which is NULL, SNAPSHOT_UNKNOWN, NaN, 0 for an
 * id, SNAPSHOT_MAYBE. Strings are interned. */
const cJSON *json_get_object(struct json_decoder *decoder, const cJSON *object, const char *key);
const cJSON *json_get_array(struct json_decoder *decoder, const cJSON *object, const char *key);
const char *json_get_string(struct json_decoder *decoder, const cJSON *object, const char *key);
int64_t json_get_integer(struct json_decoder *decoder, const cJSON *object, const char *key);
double json_get_number(struct json_decoder *decoder, const cJSON *object, const char *key);
snapshot_id json_get_id(struct json_decoder *decoder, const cJSON *object, const char *key);
enum snapshot_tristate json_get_tristate(struct json_decoder *decoder, const cJSON *object,
                                         const char *key);

/* Arrays of strings and of ids. */
const char **json_get_strings(struct json_decoder *decoder, const cJSON *object, const char *key,
                              size_t *ret_count);
snapshot_id *json_get_ids(struct json_decoder *decoder, const cJSON *object, const char *key,
                          size_t *ret_count);

/* An array of frames. */
struct snapshot_stack json_get_stack(struct json_decoder *decoder, const cJSON *object,
                                     const char *key);
