#include "json_decode.h"

#include <math.h>
#include <string.h>

#include "asyncspy/base/text.h"

#define INTEGER_MAX ((double)(1LL << 53)) /* beyond it a double skips integers */

void json_fail(struct json_decoder *decoder, const char *key, const char *problem) {
    char path[256] = "";
    size_t length = 0;
    if (decoder->err)
        return;
    for (size_t i = 0; i < decoder->depth && length < sizeof path; i++) {
        const struct json_step *step = &decoder->path[i];
        int size =
            step->index == SIZE_MAX
                ? snprintf(path + length, sizeof path - length, "%s.", step->key)
                : snprintf(path + length, sizeof path - length, "%s[%zu].", step->key, step->index);
        length += size > 0 ? (size_t)size : 0;
    }
    decoder->err = error_create(ERROR_INVALID, "%s%s: %s", path, key, problem);
}

void json_enter(struct json_decoder *decoder, const char *key, size_t index) {
    if (decoder->depth < JSON_PATH_MAX)
        decoder->path[decoder->depth] = (struct json_step){.key = key, .index = index};
    decoder->depth++;
}

void json_leave(struct json_decoder *decoder) {
    decoder->depth--;
}

/* NULL where the member is absent or null, or everything has failed already. */
static const cJSON *get(struct json_decoder *decoder, const cJSON *object, const char *key) {
    if (decoder->err)
        return NULL;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNull(value) ? NULL : value;
}

const cJSON *json_get_object(struct json_decoder *decoder, const cJSON *object, const char *key) {
    const cJSON *value = get(decoder, object, key);
    if (!value || cJSON_IsObject(value))
        return value;
    json_fail(decoder, key, "is no object");
    return NULL;
}

const cJSON *json_get_array(struct json_decoder *decoder, const cJSON *object, const char *key) {
    const cJSON *value = get(decoder, object, key);
    if (!value || cJSON_IsArray(value))
        return value;
    json_fail(decoder, key, "is no array");
    return NULL;
}

/* The interned text of a value that is a string. */
static const char *decode_string(struct json_decoder *decoder, const cJSON *value,
                                 const char *key) {
    if (!cJSON_IsString(value)) {
        json_fail(decoder, key, "is no string");
        return NULL;
    }
    const char *text = value->valuestring;
    size_t length = strlen(text);
    if (!text_is_utf8(text, length)) {
        text = text_from_bytes(decoder->snapshot->arena, text, length);
        length = strlen(text);
    }
    return string_pool_add(decoder->snapshot->strings, text, length);
}

const char *json_get_string(struct json_decoder *decoder, const cJSON *object, const char *key) {
    const cJSON *value = get(decoder, object, key);
    return value ? decode_string(decoder, value, key) : NULL;
}

double json_get_number(struct json_decoder *decoder, const cJSON *object, const char *key) {
    const cJSON *value = get(decoder, object, key);
    if (!value)
        return NAN;
    if (cJSON_IsNumber(value) && isfinite(value->valuedouble))
        return value->valuedouble;
    json_fail(decoder, key, "is no number");
    return NAN;
}

int64_t json_get_integer(struct json_decoder *decoder, const cJSON *object, const char *key) {
    double value = json_get_number(decoder, object, key);
    if (isnan(value))
        return SNAPSHOT_UNKNOWN;
    if (fabs(value) <= INTEGER_MAX && trunc(value) == value)
        return (int64_t)value;
    json_fail(decoder, key, "is no integer, or too big");
    return SNAPSHOT_UNKNOWN;
}

enum snapshot_tristate json_get_tristate(struct json_decoder *decoder, const cJSON *object,
                                         const char *key) {
    const cJSON *value = get(decoder, object, key);
    if (!value)
        return SNAPSHOT_MAYBE;
    if (!cJSON_IsBool(value))
        json_fail(decoder, key, "is neither true nor false");
    return cJSON_IsTrue(value) ? SNAPSHOT_YES : SNAPSHOT_NO;
}

/* "0x7f12ab", as hex() writes it. */
static snapshot_id decode_id(struct json_decoder *decoder, const cJSON *value, const char *key) {
    static const char digits[] = "0123456789abcdef";
    const char *text = cJSON_IsString(value) ? value->valuestring : "";
    snapshot_id id = 0;
    size_t length = strlen(text);
    bool valid = length > 2 && length <= 18 && strncmp(text, "0x", 2) == 0;
    for (const char *at = text + 2; valid && *at; at++) {
        const char *digit = strchr(digits, *at);
        valid = digit != NULL;
        id = id << 4 | (digit ? (snapshot_id)(digit - digits) : 0);
    }
    if (!valid)
        json_fail(decoder, key, "is no id (a string like \"0x7f12ab34cd56\")");
    return valid ? id : 0;
}

snapshot_id json_get_id(struct json_decoder *decoder, const cJSON *object, const char *key) {
    const cJSON *value = get(decoder, object, key);
    return value ? decode_id(decoder, value, key) : 0;
}

const char **json_get_strings(struct json_decoder *decoder, const cJSON *object, const char *key,
                              size_t *ret_count) {
    const cJSON *array = json_get_array(decoder, object, key), *item;
    size_t count = array ? (size_t)cJSON_GetArraySize(array) : 0, i = 0;
    const char **strings = arena_alloc_array(decoder->snapshot->arena, count, sizeof *strings);
    cJSON_ArrayForEach(item, array) {
        const char *text = decode_string(decoder, item, key);
        if (!text)
            break;
        strings[i++] = text;
    }
    *ret_count = i;
    return strings;
}

snapshot_id *json_get_ids(struct json_decoder *decoder, const cJSON *object, const char *key,
                          size_t *ret_count) {
    const cJSON *array = json_get_array(decoder, object, key), *item;
    size_t count = array ? (size_t)cJSON_GetArraySize(array) : 0, i = 0;
    snapshot_id *ids = arena_alloc_array(decoder->snapshot->arena, count, sizeof *ids);
    cJSON_ArrayForEach(item, array) ids[i++] = decode_id(decoder, item, key);
    *ret_count = count;
    return ids;
}

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
