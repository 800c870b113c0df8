#include "json_decode.h"

#include <math.h>
#include <string.h>

#include "asyncspy/base/text.h"

#define TWO_TO_63 0x1p63

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

const char *json_intern(struct json_decoder *decoder, const char *text) {
    size_t length = strlen(text);
    if (!text_is_utf8(text, length)) {
        text = text_from_bytes(decoder->snapshot->arena, text, length);
        length = strlen(text);
    }
    return string_pool_add(decoder->snapshot->strings, text, length);
}

/* The interned text of a value that is a string. */
static const char *decode_string(struct json_decoder *decoder, const cJSON *value,
                                 const char *key) {
    if (!cJSON_IsString(value)) {
        json_fail(decoder, key, "is no string");
        return NULL;
    }
    return json_intern(decoder, value->valuestring);
}

const char *json_get_string(struct json_decoder *decoder, const cJSON *object, const char *key) {
    const cJSON *value = get(decoder, object, key);
    return value ? decode_string(decoder, value, key) : NULL;
}

const char *json_require_string(struct json_decoder *decoder, const cJSON *object,
                                const char *key) {
    const char *text = json_get_string(decoder, object, key);
    if (text)
        return text;
    json_fail(decoder, key, "is missing");
    return "";
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

double json_get_duration(struct json_decoder *decoder, const cJSON *object, const char *key) {
    double value = json_get_number(decoder, object, key);
    if (!(value < 0))
        return value;
    json_fail(decoder, key, "is out of range");
    return NAN;
}

int64_t json_decode_integer(struct json_decoder *decoder, const cJSON *value, const char *key) {
    double number = cJSON_IsNumber(value) ? value->valuedouble : NAN;
    if (!(trunc(number) == number && fabs(number) <= TWO_TO_63)) {
        json_fail(decoder, key,
                  cJSON_IsNumber(value) ? "is no integer, or too big" : "is no number");
        return SNAPSHOT_UNKNOWN;
    }
    if (fabs(number) == TWO_TO_63) /* what the nearest integers of 64 bits become as a double */
        return number > 0 ? INT64_MAX : -INT64_MAX;
    return (int64_t)number;
}

int64_t json_get_integer(struct json_decoder *decoder, const cJSON *object, const char *key) {
    const cJSON *value = get(decoder, object, key);
    return value ? json_decode_integer(decoder, value, key) : SNAPSHOT_UNKNOWN;
}

int64_t json_decode_count(struct json_decoder *decoder, const cJSON *value, const char *key) {
    int64_t count = json_decode_integer(decoder, value, key);
    if (count >= 0 || decoder->err)
        return count;
    json_fail(decoder, key, "is out of range");
    return SNAPSHOT_UNKNOWN;
}

int64_t json_get_count(struct json_decoder *decoder, const cJSON *object, const char *key) {
    const cJSON *value = get(decoder, object, key);
    return value ? json_decode_count(decoder, value, key) : SNAPSHOT_UNKNOWN;
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

snapshot_id json_require_id(struct json_decoder *decoder, const cJSON *object, const char *key) {
    snapshot_id id = json_get_id(decoder, object, key);
    if (!id)
        json_fail(decoder, key, "is missing");
    return id;
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

void *json_get_records(struct json_decoder *decoder, const cJSON *object, const char *key,
                       size_t size, json_read_record *read, size_t *ret_count) {
    const cJSON *array = json_get_array(decoder, object, key), *item;
    size_t count = array ? (size_t)cJSON_GetArraySize(array) : 0, i = 0;
    char *records = arena_alloc_array(decoder->snapshot->arena, count, size);
    cJSON_ArrayForEach(item, array) {
        json_enter(decoder, key, i);
        if (cJSON_IsObject(item))
            read(decoder, item, records + i * size);
        else
            json_fail(decoder, "record", "is no object");
        json_leave(decoder);
        if (decoder->err)
            break;
        i++;
    }
    *ret_count = i;
    return records;
}
