/* Strings and integers. Include/cpython/unicodeobject.h, longintrepr.h. */
#include <stdio.h>
#include <stdlib.h>

#include "py.h"

/* Bits of PyASCIIObject.state. */
#define STATE_KIND(state) (((state) >> 2) & 7)
#define STATE_COMPACT(state) (((state) >> 5) & 1)
#define STATE_ASCII(state) (((state) >> 6) & 1)

struct string_header {
    uint64_t data;   /* address of the characters */
    uint64_t length; /* characters */
    unsigned kind;   /* bytes a character: 1, 2, 4 */
    bool ascii;
};

static struct error *read_header(struct py *py, uint64_t address, struct string_header *ret) {
    const struct py_layout *layout = &py->layout;
    struct py_record record = {.layout = layout, .address = address};
    size_t size = (size_t)PY_OFFSET(layout, string, state) + 4;
    if (size > sizeof record.bytes)
        return error_create(ERROR_INVALID, "impossible layout of strings");
    uint32_t first = layout->first[PY_STRUCT_string];
    struct error *err =
        memory_read(py->memory, address + first, record.bytes + first, size - first);
    if (err)
        return err;
    uint32_t state = (uint32_t)PY_I32(&record, string, state);
    ret->length = PY_U64(&record, string, length);
    ret->kind = STATE_KIND(state);
    ret->ascii = STATE_ASCII(state);
    if ((ret->kind != 1 && ret->kind != 2 && ret->kind != 4) || ret->length > INT64_MAX / 4)
        return error_create(ERROR_INVALID, "no string at 0x%llx", (unsigned long long)address);
    if (!STATE_COMPACT(state))
        return py_read_u64(py, address + (uint64_t)PY_OFFSET(layout, string, data), &ret->data);
    ret->data = address + (uint64_t)(ret->ascii ? PY_OFFSET(layout, string_ascii, size)
                                                : PY_OFFSET(layout, string_compact, size));
    return NULL;
}

static uint32_t get_character(const unsigned char *bytes, unsigned kind, size_t index) {
    uint16_t two;
    uint32_t four;
    switch (kind) {
    case 1:
        return bytes[index];
    case 2:
        memcpy(&two, bytes + 2 * index, sizeof two);
        return two;
    default:
        memcpy(&four, bytes + 4 * index, sizeof four);
        return four;
    }
}

/* Writes one character, at most 6 bytes; returns how many. */
static size_t put_character(char *out, uint32_t c) {
    if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
        return (size_t)snprintf(out, 7, "\\u%04x", c);
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    if (c > 0x10ffff) /* no character at all */
        return put_character(out, 0xfffd);
    out[0] = (char)(0xf0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Writes `length` characters, each at most 6 bytes; returns how many bytes. */
static size_t decode(const unsigned char *bytes, unsigned kind, size_t length, char *out) {
    size_t at = 0;
    for (size_t i = 0; i < length; i++)
        at += put_character(out + at, get_character(bytes, kind, i));
    return at;
}

/* Whether characters of one byte are UTF-8 as they stand, whatever the object says of them. */
static bool is_plain(const unsigned char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (bytes[i] == 0 || bytes[i] >= 0x80)
            return false;
    return true;
}

/* Interned, or where hardly any two are equal only copied. */
static const char *keep(struct py *py, const char *text, size_t length, bool is_unique) {
    py_charge(py, length / 4);
    return is_unique ? arena_copy_string(py->snapshot->arena, text, length)
                     : string_pool_add(py->snapshot->strings, text, length);
}

static const char *decode_and_keep(struct py *py, const struct string_header *header, size_t length,
                                   const unsigned char *bytes, bool is_unique) {
    char stack[1024];
    size_t room = length * 6 + 4;
    bool cut = length < header->length;
    if (header->kind == 1 && !cut && is_plain(bytes, length))
        return keep(py, (const char *)bytes, length, is_unique);
    char *text = room <= sizeof stack ? stack : memory_alloc(room);
    size_t at = decode(bytes, header->kind, length, text);
    if (cut) {
        memcpy(text + at, "...", 3);
        at += 3;
    }
    const char *result = keep(py, text, at, is_unique);
    if (text != stack)
        free(text);
    return result;
}

static struct error *read_text(struct py *py, uint64_t address, size_t limit, bool is_unique,
                               const char **ret) {
    struct string_header header;
    struct error *err = read_header(py, address, &header);
    if (err)
        return err;
    bool cut = header.length > limit;
    size_t length = cut ? limit : (size_t)header.length, size = length * header.kind;
    unsigned char stack[512];
    unsigned char *bytes = size <= sizeof stack ? stack : memory_alloc(size);
    err = memory_read(py->memory, header.data, bytes, size);
    if (!err)
        *ret = decode_and_keep(py, &header, length, bytes, is_unique);
    if (bytes != stack)
        free(bytes);
    return err;
}

static struct py_text_memo *find_memo(struct py *py, uint64_t address) {
    return &py->text_memo[(address ^ address >> 8) >> 4 & (PY_MEMO_SIZE - 1)];
}

struct error *py_string_read(struct py *py, uint64_t address, const char **ret) {
    struct py_text_memo *memo = find_memo(py, address);
    if (!memo->text || memo->address != address || memo->limit) {
        const char *text;
        struct error *err = read_text(py, address, PY_TEXT_MAX, false, &text);
        if (err)
            return err;
        *memo = (struct py_text_memo){address, 0, text};
    }
    *ret = memo->text;
    return NULL;
}

struct error *py_string_copy(struct py *py, uint64_t address, const char **ret) {
    return read_text(py, address, PY_TEXT_MAX, true, ret);
}

struct error *py_string_read_start(struct py *py, uint64_t address, size_t limit,
                                   const char **ret) {
    return read_text(py, address, limit, false, ret);
}

struct error *py_string_equals(struct py *py, uint64_t address, const char *text, bool *ret) {
    struct string_header header;
    unsigned char bytes[128];
    size_t length = strlen(text);
    *ret = false;
    struct error *err = read_header(py, address, &header);
    if (err || !header.ascii || header.length != length || length > sizeof bytes)
        return err;
    err = memory_read(py->memory, header.data, bytes, length);
    *ret = !err && memcmp(bytes, text, length) == 0;
    return err;
}

/* How many digits, and whether it is negative. */
static void decode_tag(enum py_integer_kind kind, int64_t tag, uint64_t *count, bool *negative) {
    if (kind == PY_INTEGER_SIGNED_COUNT) {
        *negative = tag < 0;
        *count = (uint64_t)(tag < 0 ? -(tag + 1) : tag) + (tag < 0);
    } else {
        *negative = (tag & 3) == 2;
        *count = (uint64_t)tag >> 3;
    }
}

struct error *py_digits_read(struct py *py, uint64_t address, uint32_t *digits, size_t room,
                             size_t *ret_count, bool *ret_negative) {
    const struct py_layout *layout = &py->layout;
    uint64_t tag, count;
    struct error *err = py_read_u64(py, address + (uint64_t)PY_OFFSET(layout, integer, tag), &tag);
    if (err)
        return err;
    decode_tag(layout->traits.integer_kind, (int64_t)tag, &count, ret_negative);
    if (count > room)
        return error_create(ERROR_INVALID, "an int of more than %zu bits", 30 * room);
    *ret_count = (size_t)count;
    for (size_t i = 0; !err && i < count; i++) {
        err = py_read_u32(py, address + (uint64_t)PY_OFFSET(layout, integer, digits) + 4 * i,
                          &digits[i]);
        if (!err)
            digits[i] &= 0x3fffffff;
    }
    return err;
}

struct error *py_integer_read(struct py *py, uint64_t address, int64_t *ret) {
    uint32_t digits[3] = {0};
    uint64_t value;
    size_t count;
    bool negative;
    struct error *err = py_digits_read(py, address, digits, 3, &count, &negative);
    if (err)
        return err;
    if (digits[2] >> 3)
        return error_create(ERROR_INVALID, "an int of more than 63 bits");
    value = digits[0] | (uint64_t)digits[1] << 30 | (uint64_t)digits[2] << 60;
    *ret = negative ? -(int64_t)value : (int64_t)value;
    return NULL;
}

/* Bytes of a C string that are no UTF-8 (a torn read) are shown as "?". */
static void make_ascii(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            *text = '?';
}

static struct error *read_c_string(struct py *py, uint64_t address, size_t limit,
                                   const char **ret) {
    char text[520];
    size_t at = 0;
    if (limit > sizeof text - 1)
        limit = sizeof text - 1;
    while (at < limit) {
        size_t piece =
            32 - ((address + at) & 31); /* never reads into a page that may not be there */
        if (piece > limit - at)
            piece = limit - at;
        struct error *err = memory_read(py->memory, address + at, text + at, piece);
        if (err)
            return err;
        if (memchr(text + at, 0, piece))
            break;
        at += piece;
    }
    text[limit] = '\0';
    make_ascii(text);
    *ret = string_pool_add(py->snapshot->strings, text, strlen(text));
    return NULL;
}

/* No object lies where a C string does, so both have their places in the same memo. */
struct error *py_c_string_read(struct py *py, uint64_t address, size_t limit, const char **ret) {
    struct py_text_memo *memo = find_memo(py, address);
    if (!memo->text || memo->address != address || memo->limit != limit) {
        const char *text;
        struct error *err = read_c_string(py, address, limit, &text);
        if (err)
            return err;
        *memo = (struct py_text_memo){address, limit, text};
    }
    *ret = memo->text;
    return NULL;
}
