#include "asyncspy/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Continuation bytes behind a first byte; -1: it begins no character. */
static int count_continuations(unsigned char first) {
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef)
        return 2;
    return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
}

/* Neither overlong, nor a surrogate, nor past the last character. */
static bool is_valid(uint32_t character, int continuations) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    return character >= least[continuations] && character <= 0x10ffff &&
           (character < 0xd800 || character > 0xdfff);
}

uint32_t text_next_character(const char **at) {
    const unsigned char *bytes = (const unsigned char *)*at;
    int count = count_continuations(bytes[0]);
    if (!bytes[0])
        return 0;
    ++*at;
    if (count <= 0)
        return count ? TEXT_INVALID : bytes[0];
    uint32_t character = bytes[0] & (0x3fu >> count);
    for (int i = 1; i <= count; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return TEXT_INVALID;
        character = character << 6 | (bytes[i] & 0x3f);
    }
    if (!is_valid(character, count))
        return TEXT_INVALID;
    *at += count;
    return character;
}

struct character_range {
    uint32_t first, last;
};

/* Characters that are invisible or change the direction or the lines of a text. */
static const struct character_range unsafe_ranges[] = {
    {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e}, {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

static bool is_unsafe(uint32_t character) {
    if (character < 0x20)
        return true;
    for (size_t i = 0; i < sizeof unsafe_ranges / sizeof *unsafe_ranges; i++)
        if (character >= unsafe_ranges[i].first && character <= unsafe_ranges[i].last)
            return true;
    return false;
}

/* At most 10 characters. */
static int write_escape(char *out, uint32_t character) {
    if (character < 0x100)
        return snprintf(out, 11, "\\x%02x", character);
    return snprintf(out, 11, character < 0x10000 ? "\\u%04x" : "\\U%08x", character);
}

const char *text_escape(struct arena *arena, const char *text) {
    char *result = arena_alloc(arena, strlen(text) * 10 + 1), *out = result;
    for (const char *at = text, *start = text; *at; start = at) {
        uint32_t character = text_next_character(&at);
        if (character == TEXT_INVALID)
            out += snprintf(out, 5, "\\x%02x", (unsigned char)*start);
        else if (!is_unsafe(character))
            out = mempcpy(out, start, (size_t)(at - start));
        else
            out += write_escape(out, character);
    }
    return result;
}

void text_write_escaped(FILE *out, const char *text) {
    struct arena *arena = arena_create();
    fputs(text_escape(arena, text), out);
    arena_destroy(arena);
}

const char *text_from_bytes(struct arena *arena, const char *bytes, size_t size) {
    char *copy = arena_copy_string(arena, bytes, size);
    char *result = arena_alloc(arena, size * 6 + 1), *out = result;
    for (const char *at = copy, *start = copy; at < copy + size; start = at) {
        uint32_t character = *at ? text_next_character(&at) : 0;
        if (character == 0) {
            out = mempcpy(out, "\\u0000", 6);
            at = start + 1;
        } else if (character == TEXT_INVALID) {
            out += snprintf(out, 7, "\\udc%02x", (unsigned char)*start);
        } else {
            out = mempcpy(out, start, (size_t)(at - start));
        }
    }
    return result;
}

size_t text_get_width(const char *text) {
    size_t width = 0;
    for (const char *at = text; *at;) {
        uint32_t character = text_next_character(&at);
        int columns = character == TEXT_INVALID ? 1 : wcwidth((wchar_t)character);
        width += columns > 0 ? (size_t)columns : 0;
    }
    return width;
}
