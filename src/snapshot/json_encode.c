#include "json_encode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"

#define ID_TEXT_SIZE (sizeof ",\"0x0123456789abcdef\"" - 1)

void json_use_memory(void) {
    cJSON_Hooks hooks = {.malloc_fn = memory_alloc, .free_fn = free};
    cJSON_InitHooks(&hooks);
}

void json_add(cJSON *object, const char *key, cJSON *value) {
    cJSON_AddItemToObjectCS(object, key, value);
}

const char *json_encode_text(struct json_encoder *encoder, const char *text) {
    size_t length = strlen(text);
    return text_is_utf8(text, length) ? text : text_from_bytes(encoder->scratch, text, length);
}

cJSON *json_encode_string(struct json_encoder *encoder, const char *text) {
    return text ? cJSON_CreateStringReference(json_encode_text(encoder, text)) : cJSON_CreateNull();
}

static cJSON *encode_id(struct json_encoder *encoder, snapshot_id id) {
    char *text = arena_alloc(encoder->scratch, sizeof "0x" + 16);
    snprintf(text, sizeof "0x" + 16, "0x%" PRIx64, id);
    return cJSON_CreateStringReference(text);
}

void json_add_string(struct json_encoder *encoder, cJSON *object, const char *key,
                     const char *value) {
    json_add(object, key, json_encode_string(encoder, value));
}

cJSON *json_encode_integer(int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return value == SNAPSHOT_UNKNOWN ? cJSON_CreateNull() : cJSON_CreateRaw(text);
}

void json_add_integer(cJSON *object, const char *key, int64_t value) {
    json_add(object, key, json_encode_integer(value));
}

void json_add_count(cJSON *object, const char *key, int64_t value) {
    json_add_integer(object, key, value < 0 ? SNAPSHOT_UNKNOWN : value);
}

void json_add_number(cJSON *object, const char *key, double value) {
    json_add(object, key, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

void json_add_duration(cJSON *object, const char *key, double value) {
    json_add_number(object, key, value >= 0 ? value : NAN);
}

void json_add_tristate(cJSON *object, const char *key, enum snapshot_tristate value) {
    json_add(object, key,
             value == SNAPSHOT_MAYBE ? cJSON_CreateNull()
                                     : cJSON_CreateBool(value == SNAPSHOT_YES));
}

void json_add_id(struct json_encoder *encoder, cJSON *object, const char *key, snapshot_id id) {
    json_add(object, key, id ? encode_id(encoder, id) : cJSON_CreateNull());
}

void json_add_null(cJSON *object, const char *key) {
    json_add(object, key, cJSON_CreateNull());
}

/* One raw value, not one for each id: a gather may wait for all tasks. */
void json_add_ids(struct json_encoder *encoder, cJSON *object, const char *key,
                  const snapshot_id *ids, size_t count) {
    size_t size = count * ID_TEXT_SIZE + sizeof "[]", length = 1;
    char *text = arena_alloc(encoder->scratch, size);
    text[0] = '[';
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, size - length, "%s\"0x%" PRIx64 "\"",
                                   i ? "," : "", ids[i]);
    text[length] = ']';
    json_add(object, key, cJSON_CreateRaw(text));
}

void json_add_strings(struct json_encoder *encoder, cJSON *object, const char *key,
                      const char *const *strings, size_t count) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, json_encode_string(encoder, strings[i]));
    json_add(object, key, array);
}

static cJSON *encode_frame(struct json_encoder *encoder, const struct snapshot_frame *frame) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "kind", frame->native ? "native" : "python");
    json_add_string(encoder, object, "function", frame->function);
    json_add_string(encoder, object, "qualified_name", frame->qualified_name);
    json_add_string(encoder, object, "file", frame->file);
    json_add_count(object, "line", frame->line);
    json_add_count(object, "end_line", frame->end_line);
    json_add_count(object, "column", frame->column);
    json_add_count(object, "end_column", frame->end_column);
    json_add_id(encoder, object, "address", frame->address);
    json_add_string(encoder, object, "source", frame->source);
    return object;
}

/* The JSON text of a frame; equal frames are the same pointer, so few are ever encoded. */
static const char *get_frame_text(struct json_encoder *encoder,
                                  const struct snapshot_frame *frame) {
    const char *known = id_table_find(encoder->frames, (uintptr_t)frame);
    if (known)
        return known;
    cJSON *object = encode_frame(encoder, frame);
    char *printed = cJSON_PrintUnformatted(object);
    char *text = arena_copy_string(encoder->arena, printed, strlen(printed));
    id_table_add(encoder->frames, (uintptr_t)frame, text);
    cJSON_free(printed);
    cJSON_Delete(object);
    return text;
}

void json_add_stack(struct json_encoder *encoder, cJSON *object, const char *key,
                    const struct snapshot_stack *stack) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < stack->count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateRaw(get_frame_text(encoder, stack->frames[i])));
    json_add(object, key, array);
}
