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

/* The one copy of a text, repaired where it is no UTF-8. */
const char *json_intern(struct json_decoder *decoder, const char *text);

/* Members of an object. Absent is the same as null, which is NULL, SNAPSHOT_UNKNOWN, NaN, 0 for an
 * id, SNAPSHOT_MAYBE. Strings are interned. Of an integer beyond 2^53 the low bits are lost. */
const cJSON *json_get_object(struct json_decoder *decoder, const cJSON *object, const char *key);
const cJSON *json_get_array(struct json_decoder *decoder, const cJSON *object, const char *key);
const char *json_get_string(struct json_decoder *decoder, const cJSON *object, const char *key);
int64_t json_get_integer(struct json_decoder *decoder, const cJSON *object, const char *key);
double json_get_number(struct json_decoder *decoder, const cJSON *object, const char *key);
snapshot_id json_get_id(struct json_decoder *decoder, const cJSON *object, const char *key);
enum snapshot_tristate json_get_tristate(struct json_decoder *decoder, const cJSON *object,
                                         const char *key);

/* The same for what cannot be negative. */
int64_t json_get_count(struct json_decoder *decoder, const cJSON *object, const char *key);
double json_get_duration(struct json_decoder *decoder, const cJSON *object, const char *key);

/* What must be there: never NULL; 0 only when it has failed. */
const char *json_require_string(struct json_decoder *decoder, const cJSON *object, const char *key);
snapshot_id json_require_id(struct json_decoder *decoder, const cJSON *object, const char *key);

/* A value itself, which the caller found under `key`. */
int64_t json_decode_integer(struct json_decoder *decoder, const cJSON *value, const char *key);
int64_t json_decode_count(struct json_decoder *decoder, const cJSON *value, const char *key);

/* Arrays of strings and of ids. */
const char **json_get_strings(struct json_decoder *decoder, const cJSON *object, const char *key,
                              size_t *ret_count);
snapshot_id *json_get_ids(struct json_decoder *decoder, const cJSON *object, const char *key,
                          size_t *ret_count);

/* An array of frames. */
struct snapshot_stack json_get_stack(struct json_decoder *decoder, const cJSON *object,
                                     const char *key);

/* An array of objects: `read` fills a zeroed record of `size` bytes from each of them. */
typedef void json_read_record(struct json_decoder *decoder, const cJSON *object, void *record);
void *json_get_records(struct json_decoder *decoder, const cJSON *object, const char *key,
                       size_t size, json_read_record *read, size_t *ret_count);
