/*
 * The inverse of json_write.c. The text may come from anywhere.
 */
#include "json_read.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/snapshot/json.h"
#include "json_encode.h"

/* An array of records as a vector of the snapshot. */
#define READ_RECORDS(decoder_, root_, key_, vector_, read_)                                        \
    ((vector_)->items = json_get_records(decoder_, root_, key_, sizeof *(vector_)->items, read_,   \
                                         &(vector_)->count),                                       \
     (vector_)->capacity = (vector_)->count)

static void read_missing(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_missing *row = record;
    row->what = json_require_string(decoder, object, "what");
    row->why = json_require_string(decoder, object, "why");
}

static void read_root(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot *snapshot = decoder->snapshot;
    if (strcmp(json_require_string(decoder, root, "schema"), SNAPSHOT_SCHEMA) != 0)
        json_fail(decoder, "schema", "is not \"" SNAPSHOT_SCHEMA "\"");
    snapshot->asyncspy = json_get_string(decoder, root, "asyncspy");
    snapshot->captured_at = json_get_string(decoder, root, "captured_at");
    json_read_target(decoder, root);
    json_read_capture(decoder, root);
    json_read_files(decoder, root);
    READ_RECORDS(decoder, root, "missing", &snapshot->missing, read_missing);
    json_read_verdict(decoder, root);
    json_read_findings(decoder, root);
    READ_RECORDS(decoder, root, "interpreters", &snapshot->interpreters, json_read_interpreter);
    READ_RECORDS(decoder, root, "event_loops", &snapshot->event_loops, json_read_loop);
    READ_RECORDS(decoder, root, "threads", &snapshot->threads, json_read_thread);
    READ_RECORDS(decoder, root, "tasks", &snapshot->tasks, json_read_task);
    READ_RECORDS(decoder, root, "objects", &snapshot->objects, json_read_object);
    READ_RECORDS(decoder, root, "sockets", &snapshot->sockets, json_read_socket);
    READ_RECORDS(decoder, root, "groups", &snapshot->groups, json_read_group);
    READ_RECORDS(decoder, root, "coroutines", &snapshot->coroutines, json_read_coroutine);
    snapshot->has_coroutines =
        json_get_tristate(decoder, root, "coroutines_searched") == SNAPSHOT_YES;
    if (!decoder->err)
        json_read_links(decoder);
}

/* Anything but white space behind the value. */
static bool has_rest(const char *rest, const char *end) {
    while (rest < end && strchr(" \t\r\n", *rest) && *rest)
        rest++;
    return rest < end;
}

struct error *json_parse_object(const char *text, size_t length, cJSON **ret) {
    const char *end = NULL;
    json_use_memory();
    cJSON *root = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (!root)
        return error_create(ERROR_INVALID, "this is no JSON: byte %zu makes no sense",
                            end ? (size_t)(end - text) : 0);
    if (cJSON_IsObject(root) && !has_rest(end, text + length)) {
        *ret = root;
        return NULL;
    }
    cJSON_Delete(root);
    return error_create(ERROR_INVALID, "this is no snapshot: it must be one JSON object");
}

struct error *json_read_snapshot(struct snapshot *snapshot, const cJSON *root) {
    struct json_decoder decoder = {.snapshot = snapshot, .frames = table_create()};
    read_root(&decoder, root);
    table_destroy(decoder.frames);
    return decoder.err;
}

struct error *snapshot_json_read(struct snapshot *snapshot, const char *text, size_t length) {
    cJSON *root = NULL;
    struct error *err = json_parse_object(text, length, &root);
    if (err)
        return err;
    err = json_read_snapshot(snapshot, root);
    cJSON_Delete(root);
    return err;
}
