/* Frames: many tasks have the same, so each is made once. */
#include <string.h>

#include "json_decode.h"

/* A line or a column: -1 where it is null. */
static int32_t get_position(struct json_decoder *decoder, const cJSON *object, const char *key) {
    int64_t value = json_get_integer(decoder, object, key);
    if (value == SNAPSHOT_UNKNOWN)
        return -1;
    if (value < 0 || value > INT32_MAX)
        json_fail(decoder, key, "is out of range");
    return (int32_t)value;
}

static bool get_native(struct json_decoder *decoder, const cJSON *object) {
    const char *kind = json_get_string(decoder, object, "kind");
    if (kind && strcmp(kind, "native") == 0)
        return true;
    if (!kind || strcmp(kind, "python") != 0)
        json_fail(decoder, "kind", "is neither python nor native");
    return false;
}

/* The one copy of a frame. */
static const struct snapshot_frame *decode_frame(struct json_decoder *decoder,
                                                 const cJSON *object) {
    struct snapshot_frame frame;
    memset(&frame, 0, sizeof frame); /* the key of the table, padding and all */
    if (!cJSON_IsObject(object))
        json_fail(decoder, "frame", "is no object");
    frame.native = get_native(decoder, object);
    frame.function = json_get_string(decoder, object, "function");
    frame.qualified_name = json_get_string(decoder, object, "qualified_name");
    frame.file = json_get_string(decoder, object, "file");
    frame.line = get_position(decoder, object, "line");
    frame.end_line = get_position(decoder, object, "end_line");
    frame.column = get_position(decoder, object, "column");
    frame.end_column = get_position(decoder, object, "end_column");
    frame.address = json_get_id(decoder, object, "address");
    frame.source = json_get_string(decoder, object, "source");
    const struct snapshot_frame *known = table_find(decoder->frames, &frame, sizeof frame);
    if (known)
        return known;
    struct snapshot_frame *copy = arena_alloc(decoder->snapshot->arena, sizeof *copy);
    memcpy(copy, &frame, sizeof frame);
    table_add(decoder->frames, copy, sizeof *copy, copy);
    return copy;
}

struct snapshot_stack json_get_stack(struct json_decoder *decoder, const cJSON *object,
                                     const char *key) {
    const cJSON *array = json_get_array(decoder, object, key), *item;
    struct snapshot_stack stack = {.count = array ? (size_t)cJSON_GetArraySize(array) : 0};
    size_t i = 0;
    stack.frames = arena_alloc_array(decoder->snapshot->arena, stack.count, sizeof *stack.frames);
    cJSON_ArrayForEach(item, array) {
        json_enter(decoder, key, i);
        stack.frames[i++] = decode_frame(decoder, item);
        json_leave(decoder);
    }
    return stack;
}
