#include "asyncspy/base/text.h"

#include <stdint.h>
#include <string.h>
#include <wchar.h>

#define ESCAPE_MAX 10   /* \UNNNNNNNN */
#define CHARACTER_MAX 4 /* bytes */
#define DOTS "..."
#define DOTS_WIDTH 3

/* The code point that `length` bytes start with, its own length in `ret_size`; -1 and 1 for a byte
 * that starts none. */
static int32_t decode(const char *text, size_t length, size_t *ret_size) {
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t first = bytes[0], least, code;
    size_t size;
    *ret_size = 1;
    if (first < 0x80)
        return (int32_t)first;
    if (first < 0xC2 || first > 0xF4)
        return -1;
    size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
    code = first & (0x7FU >> size);
    if (length < size)
        return -1;
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return -1;
        code = code << 6 | (bytes[i] & 0x3FU);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return -1;
    *ret_size = size;
    return (int32_t)code;
}

/* Characters that move the cursor, turn the direction of reading, or cannot be seen. */
static bool is_unsafe(int32_t code) {
    static const struct {
        int32_t first, last;
    } ranges[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},       {0x61C, 0x61C},
        {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},   {0x2060, 0x206F},
        {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
    };
    if (code >= 0x20 && code < 0x7F)
        return false;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

/* Length of the run at the start of `text` that needs no escape. */
static size_t count_plain(const char *text, size_t length, bool ascii) {
    size_t done = 0, size;
    while (done < length) {
        int32_t code = decode(text + done, length - done, &size);
        if (code < 0 || is_unsafe(code) || (ascii && code > 0x7F))
            break;
        done += size;
    }
    return done;
}

/* The escape of the character that `text` starts with. */
static size_t format_escape(const char *text, size_t length, char escape[ESCAPE_MAX + 1]) {
    size_t size;
    int32_t code = decode(text, length, &size);
    if (code < 0)
        code = (unsigned char)text[0];
    if (code < 0x100)
        snprintf(escape, ESCAPE_MAX + 1, "\\x%02x", (unsigned)code);
    else if (code < 0x10000)
        snprintf(escape, ESCAPE_MAX + 1, "\\u%04x", (unsigned)code);
    else
        snprintf(escape, ESCAPE_MAX + 1, "\\U%08x", (unsigned)code);
    return size;
}

void text_write_escaped(FILE *out, const char *text) {
    char escape[ESCAPE_MAX + 1];
    size_t length = strlen(text);
    while (length) {
        size_t size = count_plain(text, length, false);
        if (size) {
            fwrite(text, 1, size, out);
        } else {
            size = format_escape(text, length, escape);
            fputs(escape, out);
        }
        text += size;
        length -= size;
    }
}

static const char *escape(struct arena *arena, const char *text, bool ascii) {
    size_t length = strlen(text), size = count_plain(text, length, ascii);
    if (size == length)
        return text;
    /* At worst each byte becomes \xNN, and each of three or more bytes up to ten characters. */
    char *result = arena_alloc(arena, length * 4 + ESCAPE_MAX + 1), *end = result;
    while (length) {
        size = count_plain(text, length, ascii);
        end = mempcpy(end, text, size);
        text += size;
        length -= size;
        if (!length)
            break;
        size = format_escape(text, length, end);
        end += strlen(end);
        text += size;
        length -= size;
    }
    return result;
}

const char *text_escape(struct arena *arena, const char *text) {
    return escape(arena, text, false);
}

const char *text_escape_ascii(struct arena *arena, const char *text) {
    return escape(arena, text, true);
}

/* Columns of one code point of escaped text. */
static int measure(int32_t code) {
    if (code < 0x7F)
        return 1;
    int columns = wcwidth((wchar_t)code);
    return columns < 0 ? 1 : columns;
}

int text_width(const char *text) {
    size_t length = strlen(text), size;
    int columns = 0;
    for (; length; text += size, length -= size)
        columns += measure(decode(text, length, &size));
    return columns;
}

size_t text_measure_character(const char *text, int *ret_columns) {
    size_t size;
    int32_t code = decode(text, strnlen(text, CHARACTER_MAX), &size);
    *ret_columns = code < 0 || is_unsafe(code) ? -1 : measure(code);
    return size;
}

size_t text_count_fitting(const char *text, int columns) {
    size_t done = 0, size;
    for (; text[done]; done += size) {
        columns -= measure(decode(text + done, strnlen(text + done, CHARACTER_MAX), &size));
        if (columns < 0)
            break;
    }
    return done;
}

const char *text_clip(struct arena *arena, const char *text, int columns) {
    if (text_width(text) <= columns)
        return text;
    if (columns <= DOTS_WIDTH)
        return arena_format(arena, "%.*s", columns > 0 ? columns : 0, DOTS);
    size_t size = text_count_fitting(text, columns - DOTS_WIDTH);
    return arena_format(arena, "%.*s" DOTS, (int)size, text);
}

const char *text_clip_start(struct arena *arena, const char *text, int columns) {
    int width = text_width(text);
    if (width <= columns)
        return text;
    if (columns <= DOTS_WIDTH)
        return text_clip(arena, text, columns);
    size_t size = 0, length = strlen(text);
    /* A wide or combining character at the cut may cost a column more. */
    for (int left = width; left > columns - DOTS_WIDTH || measure(decode(text, length, &size)) == 0;
         text += size, length -= size)
        left -= measure(decode(text, length, &size));
    return arena_format(arena, DOTS "%s", text);
}

bool text_ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

bool text_is_utf8(const char *text, size_t length) {
    size_t size;
    for (; length; text += size, length -= size)
        if (decode(text, length, &size) < 0)
            return false;
    return true;
}

char *text_from_bytes(struct arena *arena, const char *bytes, size_t length) {
    size_t size;
    if (!memchr(bytes, 0, length) && text_is_utf8(bytes, length))
        return arena_copy_string(arena, bytes, length);
    size_t room;
    if (__builtin_mul_overflow(length, 6, &room))
        memory_exhausted();
    char *result = arena_alloc(arena, room + 1), *end = result;
    for (; length; bytes += size, length -= size) {
        int32_t code = decode(bytes, length, &size);
        if (code > 0)
            end = mempcpy(end, bytes, size);
        else
            end +=
                snprintf(end, 6 + 1, "\\u%s%02x", code < 0 ? "dc" : "00", (unsigned char)bytes[0]);
    }
    return result;
}
