/* Values of plain objects as repr() gives them. Objects/{long,float,unicode,bytes,tuple}object.c,
 * Lib/uuid.py. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "asyncspy/python/context.h"
#include "asyncspy/python/function.h"
#include "py.h"

#define DEPTH_MAX 3 /* of tuples in tuples */
#define ITEMS_MAX 16
#define DIGITS_MAX 20
#define UUID_DIGITS 5
#define NAME_MAX_SHOWN 80
#define REPR_UNITS 50

struct output {
    struct py *py;
    char text[PY_REPR_MAX + 8];
    size_t length;
    unsigned depth;
    size_t items; /* of the tuple that is being written */
};

static bool is_full(const struct output *output) {
    return output->length > PY_REPR_MAX - 3;
}

/* One character more than fits stays, so that is_full() tells. */
static void put(struct output *output, const char *text, size_t size) {
    for (size_t i = 0; i < size && !is_full(output); i++)
        output->text[output->length++] = text[i];
}

__attribute__((format(printf, 2, 3))) static void put_format(struct output *output,
                                                             const char *format, ...) {
    char text[PY_REPR_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(output, text, size < (int)sizeof text ? (size_t)size : sizeof text - 1);
}

/* Of a name that is longer than any only the start, and no part of a character. */
static void put_name(struct output *output, const char *name) {
    size_t size = strnlen(name, NAME_MAX_SHOWN);
    while (name[size] && size > 0 && ((unsigned char)name[size] & 0xc0) == 0x80)
        size--;
    put(output, name, size);
}

/* --- texts --- */

static void put_character(struct output *output, unsigned char character, char quote) {
    if (character == (unsigned char)quote || character == '\\')
        put_format(output, "\\%c", character);
    else if (character == '\n')
        put(output, "\\n", 2);
    else if (character == '\r')
        put(output, "\\r", 2);
    else if (character == '\t')
        put(output, "\\t", 2);
    else if (character < 0x20 || character == 0x7f)
        put_format(output, "\\x%02x", character);
    else
        put(output, (const char *)&character, 1);
}

static char choose_quote(const void *text, size_t size) {
    return memchr(text, '\'', size) && !memchr(text, '"', size) ? '"' : '\'';
}

static struct error *put_string(struct output *output, uint64_t address) {
    const char *text;
    struct error *err = py_string_read_start(output->py, address, PY_REPR_MAX, &text);
    if (err)
        return err;
    size_t size = strlen(text);
    char quote = choose_quote(text, size);
    put(output, &quote, 1);
    for (size_t i = 0; i < size; i++)
        put_character(output, (unsigned char)text[i], quote);
    put(output, &quote, 1);
    return NULL;
}

static struct error *put_bytes(struct output *output, uint64_t address) {
    const struct py_layout *layout = &output->py->layout;
    unsigned char bytes[PY_REPR_MAX];
    uint64_t count;
    struct error *err =
        py_read_u64(output->py, address + (uint64_t)PY_OFFSET(layout, bytes, count), &count);
    size_t size = !err && count < sizeof bytes ? (size_t)count : sizeof bytes;
    if (!err)
        err = memory_read(output->py->memory, address + (uint64_t)PY_OFFSET(layout, bytes, data),
                          bytes, size);
    if (err)
        return err;
    char quote = choose_quote(bytes, size);
    put_format(output, "b%c", quote);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] >= 0x80)
            put_format(output, "\\x%02x", bytes[i]);
        else
            put_character(output, bytes[i], quote);
    }
    put(output, &quote, 1);
    return NULL;
}

/* --- numbers --- */

/* In hexadecimal: `digits` of 30 bits, the lowest first. */
static void format_hexadecimal(const uint32_t *digits, size_t count, size_t size, char *ret) {
    for (size_t i = 0; i < size; i++) {
        size_t bit = 4 * i;
        uint64_t pair = bit / 30 < count ? digits[bit / 30] : 0;
        if (bit / 30 + 1 < count)
            pair |= (uint64_t)digits[bit / 30 + 1] << 30;
        ret[size - 1 - i] = "0123456789abcdef"[pair >> bit % 30 & 15];
    }
    ret[size] = '\0';
}

static struct error *put_integer(struct output *output, uint64_t address) {
    uint32_t digits[DIGITS_MAX] = {0};
    char text[DIGITS_MAX * 30 / 4 + 1];
    size_t count;
    bool negative;
    struct error *err = py_digits_read(output->py, address, digits, DIGITS_MAX, &count, &negative);
    if (err)
        return err;
    if (count < 3 || (count == 3 && digits[2] < 16)) {
        uint64_t value = digits[0] | (uint64_t)digits[1] << 30 | (uint64_t)digits[2] << 60;
        put_format(output, "%s%" PRIu64, negative ? "-" : "", value);
        return NULL;
    }
    format_hexadecimal(digits, count, sizeof text - 1, text);
    put_format(output, "%s0x%s", negative ? "-" : "", text + strspn(text, "0"));
    return NULL;
}

static struct error *put_bool(struct output *output, uint64_t address) {
    int64_t value;
    struct error *err = py_integer_read(output->py, address, &value);
    if (!err)
        put_format(output, "%s", value ? "True" : "False");
    return err;
}

/* The shortest digits that give the same number; without an exponent from 1e-4 to 1e16. */
static struct error *put_float(struct output *output, uint64_t address) {
    char text[40];
    double value;
    int precision = 0;
    struct error *err = py_float_read(output->py, address, &value);
    if (err)
        return err;
    if (!isfinite(value)) {
        put_format(output, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return NULL;
    }
    do
        snprintf(text, sizeof text, "%.*e", precision, value);
    while (strtod(text, NULL) != value && ++precision < 17);
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent < -4 || exponent >= 16)
        put_format(output, "%s", text);
    else
        put_format(output, "%.*f", precision > exponent ? precision - exponent : 1, value);
    return NULL;
}

/* --- objects --- */

/* In Lib/uuid.py the number is an attribute. */
static struct error *put_uuid(struct output *output, uint64_t address, bool *ret_done) {
    uint32_t digits[UUID_DIGITS];
    char text[33];
    uint64_t number = 0;
    size_t count;
    bool negative;
    enum py_kind kind = PY_KIND_OTHER;
    struct error *err = py_attribute_find(output->py, address, "int", &number);
    if (!err && number)
        err = py_kind_find(output->py, number, &kind);
    *ret_done = kind == PY_KIND_INTEGER;
    if (!err && *ret_done)
        err = py_digits_read(output->py, number, digits, UUID_DIGITS, &count, &negative);
    if (err || !*ret_done)
        return err;
    format_hexadecimal(digits, count, 32, text);
    put_format(output, "UUID('%.8s-%.4s-%.4s-%.4s-%.12s')", text, text + 8, text + 12, text + 16,
               text + 20);
    return NULL;
}

static void put_default(struct output *output, const struct py_type *type, uint64_t address) {
    put(output, "<", 1);
    put_name(output, type->full_name);
    put_format(output, " object at 0x%" PRIx64 ">", address);
}

static struct error *put_other(struct output *output, const struct py_type *type,
                               uint64_t address) {
    bool done = false;
    struct error *err = NULL;
    if (strcmp(type->full_name, "uuid.UUID") == 0)
        err = put_uuid(output, address, &done);
    if (!err && !done)
        put_default(output, type, address);
    return err;
}

static struct error *put_object(struct output *output, uint64_t address);

static struct error *put_item(void *context, uint64_t item) {
    struct output *output = context;
    size_t place = output->items++;
    if (is_full(output) || place > ITEMS_MAX)
        return NULL;
    if (place)
        put(output, ", ", 2);
    if (place == ITEMS_MAX || !item) {
        put(output, "...", 3);
        return NULL;
    }
    struct error *err = put_object(output, item);
    output->items = place + 1; /* it may have been a tuple itself */
    return err;
}

static struct error *put_tuple(struct output *output, uint64_t address) {
    int64_t count;
    struct error *err = py_count_read(output->py, address, &count);
    if (err)
        return err;
    put(output, "(", 1);
    if (output->depth > DEPTH_MAX || count > PY_ITEMS_MAX) {
        put(output, "...)", 4);
        return NULL;
    }
    output->items = 0;
    for (int64_t i = 0; !err && i < count && i <= ITEMS_MAX; i++) {
        uint64_t item;
        err = py_tuple_get(output->py, address, (size_t)i, &item);
        if (!err)
            err = put_item(output, item);
    }
    put(output, count == 1 ? ",)" : ")", count == 1 ? 2 : 1);
    return err;
}

static struct error *put_value(struct output *output, const struct py_type *type,
                               uint64_t address) {
    switch ((int)type->kind) {
    case PY_KIND_NONE:
        put(output, "None", 4);
        return NULL;
    case PY_KIND_INTEGER:
        return strcmp(type->tp_name, "bool") == 0 ? put_bool(output, address)
                                                  : put_integer(output, address);
    case PY_KIND_FLOAT:
        return put_float(output, address);
    case PY_KIND_STRING:
        return put_string(output, address);
    case PY_KIND_BYTES:
        return put_bytes(output, address);
    case PY_KIND_TUPLE:
        return put_tuple(output, address);
    default:
        return put_other(output, type, address);
    }
}

/* Classes that are derived from int, str, ... may have a repr() of their own. */
static bool is_derived(const struct py_type *type) {
    return py_type_is_heap_type(type) &&
           (type->kind == PY_KIND_INTEGER || type->kind == PY_KIND_STRING ||
            type->kind == PY_KIND_BYTES || type->kind == PY_KIND_TUPLE);
}

static struct error *put_object(struct output *output, uint64_t address) {
    struct py_type *type;
    py_charge(output->py, REPR_UNITS);
    struct error *err = py_type_of(output->py, address, &type);
    if (err)
        return err;
    bool derived = is_derived(type);
    if (derived) {
        put(output, "<", 1);
        put_name(output, type->full_name);
        put(output, " ", 1);
    }
    output->depth++;
    err = put_value(output, type, address);
    output->depth--;
    if (derived)
        put(output, ">", 1);
    return err;
}

/* Not in the middle of a character. */
static void cut(struct output *output) {
    while (output->length > 0 && ((unsigned char)output->text[output->length - 1] & 0xc0) == 0x80)
        output->length--;
    if (output->length > 0)
        output->length--;
    memcpy(output->text + output->length, "...", 3);
    output->length += 3;
}

struct error *py_repr_read(struct py *py, uint64_t address, const char **ret) {
    struct output output = {.py = py};
    struct error *err = put_object(&output, address);
    if (err)
        return err;
    if (is_full(&output))
        cut(&output);
    *ret = string_pool_add(py->snapshot->strings, output.text, output.length);
    return NULL;
}
