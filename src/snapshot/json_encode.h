/*
 * Records of a snapshot as cJSON values. Private to snapshot. Values refer to the strings of the
 * snapshot and of the encoder's arenas instead of copying them.
 */
#pragma once

#include <cjson/cJSON.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"
#include "asyncspy/snapshot/snapshot.h"

struct json_encoder {
    struct arena *scratch;   /* repaired strings and ids of one value; reset by the caller */
    struct arena *arena;     /* texts of the frames seen so far */
    struct id_table *frames; /* from the address of a frame to its JSON text */
    struct table *names;     /* keys of the object that is being made; reset by who uses it */
};

/* Makes cJSON end the process when memory is out, as everything else here does. */
void json_use_memory(void);

/* A string that is no UTF-8 (which should not be) is repaired: it must not make invalid JSON. */
const char *json_encode_text(struct json_encoder *encoder, const char *text);
cJSON *json_encode_string(struct json_encoder *encoder, const char *text);
cJSON *json_encode_integer(int64_t value);

/* Adders of one member; unknown values (NULL, NaN, SNAPSHOT_UNKNOWN, SNAPSHOT_MAYBE) are null. */
void json_add(cJSON *object, const char *key, cJSON *value);
void json_add_null(cJSON *object, const char *key);
void json_add_string(struct json_encoder *encoder, cJSON *object, const char *key,
                     const char *value);
void json_add_integer(cJSON *object, const char *key, int64_t value);
void json_add_number(cJSON *object, const char *key, double value);
void json_add_tristate(cJSON *object, const char *key, enum snapshot_tristate value);
void json_add_id(struct json_encoder *encoder, cJSON *object, const char *key, snapshot_id id);

/* What is never negative: a count, an index, a file, a thread; a time that has passed. A negative
 * one, which only a broken target can have given, is null, so that what was written can be read. */
void json_add_count(cJSON *object, const char *key, int64_t value);
void json_add_duration(cJSON *object, const char *key, double value);

void json_add_ids(struct json_encoder *encoder, cJSON *object, const char *key,
                  const snapshot_id *ids, size_t count);
void json_add_strings(struct json_encoder *encoder, cJSON *object, const char *key,
                      const char *const *strings, size_t count);

/* The frames of a stack as an array. */
void json_add_stack(struct json_encoder *encoder, cJSON *object, const char *key,
                    const struct snapshot_stack *stack);

/* The member "awaiting" of a task or a thread; `wait` may be NULL. */
void json_add_wait(struct json_encoder *encoder, cJSON *object, const struct snapshot_wait *wait);
/* What that has of who refers to the future. */
void json_add_referrers(struct json_encoder *encoder, cJSON *object,
                        const struct snapshot_wait *wait);

cJSON *json_encode_target(struct json_encoder *encoder, const struct snapshot_target *target);
cJSON *json_encode_capture(struct json_encoder *encoder, const struct snapshot_capture *capture);
cJSON *json_encode_files(struct json_encoder *encoder, const struct snapshot_files *files);
cJSON *json_encode_missing(struct json_encoder *encoder, const struct snapshot_missing *missing);
cJSON *json_encode_interpreter(struct json_encoder *encoder,
                               const struct snapshot_interpreter *interpreter);
cJSON *json_encode_loop(struct json_encoder *encoder, const struct snapshot_loop *loop);
cJSON *json_encode_thread(struct json_encoder *encoder, const struct snapshot_thread *thread);
cJSON *json_encode_task(struct json_encoder *encoder, const struct snapshot_task *task);
cJSON *json_encode_object(struct json_encoder *encoder, const struct snapshot_object *object);
cJSON *json_encode_socket(struct json_encoder *encoder, const struct snapshot_socket *socket);
cJSON *json_encode_coroutine(struct json_encoder *encoder,
                             const struct snapshot_coroutine *coroutine);
cJSON *json_encode_finding(struct json_encoder *encoder, const struct snapshot_finding *finding);
/* null while the verdict has no text. */
cJSON *json_encode_verdict(struct json_encoder *encoder, const struct snapshot_verdict *verdict);
