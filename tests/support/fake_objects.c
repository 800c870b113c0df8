/* Strings, numbers and containers of the fake Python. */
#include <string.h>

#include "fake_python.h"

uint64_t fake_object(struct fake_python *fake, uint64_t type, size_t size) {
    uint64_t object = fake_alloc(fake, size);
    fake_put(fake, object, 1, 8); /* its reference count */
    FAKE_SET(fake, object, object, type, type);
    return object;
}

/* --- strings and numbers --- */

#define STATE_COMPACT (1u << 5)
#define STATE_ASCII (1u << 6)

static uint64_t make_string(struct fake_python *fake, size_t header, unsigned state, unsigned kind,
                            size_t length) {
    size_t size = (size_t)PY_OFFSET(&fake->layout, string, size);
    size_t needed = header + kind * (length + 1);
    uint64_t object = fake_object(fake, fake->types[FAKE_STR], needed > size ? needed : size);
    FAKE_SET(fake, object, string, length, length);
    FAKE_SET(fake, object, string, state, state | kind << 2);
    return object;
}

uint64_t fake_str(struct fake_python *fake, const char *ascii) {
    size_t header = (size_t)PY_OFFSET(&fake->layout, string_ascii, size);
    uint64_t object = make_string(fake, header, STATE_COMPACT | STATE_ASCII, 1, strlen(ascii));
    fake_put_bytes(fake, object + header, ascii, strlen(ascii));
    return object;
}

uint64_t fake_str_wide(struct fake_python *fake, unsigned kind, const uint32_t *text,
                       size_t count) {
    size_t header = (size_t)PY_OFFSET(&fake->layout, string_compact, size);
    uint64_t object = make_string(fake, header, STATE_COMPACT, kind, count);
    for (size_t i = 0; i < count; i++)
        fake_put(fake, object + header + kind * i, text[i], kind);
    return object;
}

uint64_t fake_str_not_compact(struct fake_python *fake, const char *text) {
    size_t length = strlen(text);
    uint64_t object = make_string(fake, 0, 0, 1, length), data = fake_alloc(fake, length + 1);
    FAKE_SET(fake, object, string, data, data);
    fake_put_bytes(fake, data, text, length);
    return object;
}

uint64_t fake_int(struct fake_python *fake, int64_t value) {
    size_t size = (size_t)PY_OFFSET(&fake->layout, integer, digits) + 16;
    uint64_t object = fake_object(fake, fake->types[FAKE_INT], size);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, count = 0;
    for (; rest; rest >>= 30, count++)
        fake_put(fake, object + (uint64_t)PY_OFFSET(&fake->layout, integer, digits) + 4 * count,
                 rest & 0x3fffffff, 4);
    if (fake->layout.traits.integer_kind == PY_INTEGER_SIGNED_COUNT)
        FAKE_SET(fake, object, integer, tag, value < 0 ? 0 - count : count);
    else
        FAKE_SET(fake, object, integer, tag, count << 3 | (value < 0 ? 2u : value == 0));
    return object;
}

uint64_t fake_bytes(struct fake_python *fake, const void *bytes, size_t size) {
    size_t header = (size_t)PY_OFFSET(&fake->layout, bytes, data);
    uint64_t object = fake_object(fake, fake->types[FAKE_BYTES], header + size + 1);
    FAKE_SET(fake, object, bytes, count, size);
    fake_put_bytes(fake, object + header, bytes, size);
    return object;
}

/* --- containers --- */

uint64_t fake_tuple(struct fake_python *fake, const uint64_t *items, size_t count) {
    size_t header = (size_t)PY_OFFSET(&fake->layout, tuple, items);
    uint64_t object = fake_object(fake, fake->types[FAKE_TUPLE], header + 8 * count + 8);
    FAKE_SET(fake, object, tuple, count, count);
    fake_put_bytes(fake, object + header, items, 8 * count);
    return object;
}

uint64_t fake_list(struct fake_python *fake, const uint64_t *items, size_t count) {
    uint64_t array = fake_alloc(fake, 8 * count + 8);
    uint64_t object =
        fake_object(fake, fake->types[FAKE_LIST], (size_t)PY_OFFSET(&fake->layout, list, size));
    FAKE_SET(fake, object, list, count, count);
    FAKE_SET(fake, object, list, items, array);
    fake_put_bytes(fake, array, items, 8 * count);
    return object;
}

uint64_t fake_weakref(struct fake_python *fake, uint64_t to) {
    uint64_t object = fake_object(fake, fake->types[FAKE_WEAKREF],
                                  (size_t)PY_OFFSET(&fake->layout, weakref, size));
    FAKE_SET(fake, object, weakref, object, to);
    return object;
}

uint64_t fake_module(struct fake_python *fake, uint64_t dict) {
    uint64_t object =
        fake_object(fake, fake->types[FAKE_MODULE], (size_t)PY_OFFSET(&fake->layout, module, size));
    FAKE_SET(fake, object, module, dict, dict);
    return object;
}

#define DICT_ROOM 32
#define DICT_LOG2_INDEX_BYTES 6

uint64_t fake_dict(struct fake_python *fake, bool general) {
    uint64_t indices = (uint64_t)PY_OFFSET(&fake->layout, dict_keys, indices);
    uint64_t keys = fake_alloc(fake, indices + (1 << DICT_LOG2_INDEX_BYTES) + 24 * DICT_ROOM);
    uint64_t object =
        fake_object(fake, fake->types[FAKE_DICT], (size_t)PY_OFFSET(&fake->layout, dict, size));
    FAKE_SET(fake, keys, dict_keys, table_size, 1 << DICT_LOG2_INDEX_BYTES);
    FAKE_SET(fake, keys, dict_keys, log2_size, DICT_LOG2_INDEX_BYTES);
    FAKE_SET(fake, keys, dict_keys, log2_index_bytes, DICT_LOG2_INDEX_BYTES);
    FAKE_SET(fake, keys, dict_keys, kind, general ? 0 : 1);
    FAKE_SET(fake, object, dict, keys, keys);
    return object;
}

void fake_dict_add(struct fake_python *fake, uint64_t dict, uint64_t key, uint64_t value) {
    uint64_t keys = FAKE_GET(fake, dict, dict, keys);
    bool general =
        !PY_HAS(&fake->layout, dict_keys, kind) || FAKE_GET(fake, keys, dict_keys, kind) == 0;
    uint64_t count = FAKE_GET(fake, keys, dict_keys, entry_count);
    uint64_t entry = keys + (uint64_t)PY_OFFSET(&fake->layout, dict_keys, indices) +
                     (1 << DICT_LOG2_INDEX_BYTES) + (general ? 24 : 16) * count;
    if (general) {
        fake_put(fake, entry, 0x1234, 8); /* its hash */
        entry += 8;
    }
    fake_put(fake, entry, key, 8);
    fake_put(fake, entry + 8, value, 8);
    FAKE_SET(fake, keys, dict_keys, entry_count, count + 1);
}

void fake_dict_set(struct fake_python *fake, uint64_t dict, const char *key, uint64_t value) {
    fake_dict_add(fake, dict, fake_str(fake, key), value);
}

uint64_t fake_set(struct fake_python *fake, uint64_t mask) {
    uint64_t table = fake_alloc(fake, 16 * (mask + 1));
    uint64_t object =
        fake_object(fake, fake->types[FAKE_SET], (size_t)PY_OFFSET(&fake->layout, set, size));
    FAKE_SET(fake, object, set, used, 0);
    FAKE_SET(fake, object, set, mask, mask);
    FAKE_SET(fake, object, set, table, table);
    return object;
}

void fake_set_add(struct fake_python *fake, uint64_t set, uint64_t key) {
    uint64_t entry = FAKE_GET(fake, set, set, table);
    while (fake_get(fake, entry, 8))
        entry += 16;
    fake_put(fake, entry, key, 8);
    fake_put(fake, entry + 8, 0x1234, 8);
    FAKE_SET(fake, set, set, used, FAKE_GET(fake, set, set, used) + 1);
}
