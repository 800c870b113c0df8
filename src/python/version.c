#include "version.h"

#include <ctype.h>
#include <string.h>

const char *py_version_format(struct arena *arena, uint32_t hexversion) {
    unsigned level = (hexversion >> 4) & 15, serial = hexversion & 15;
    const char *mark = level == 0xa ? "a" : level == 0xb ? "b" : level == 0xc ? "rc" : NULL;
    char *base = arena_format(arena, "%u.%u.%u", PY_VERSION_MAJOR(hexversion),
                              PY_VERSION_MINOR(hexversion), (hexversion >> 8) & 0xff);
    return mark ? arena_format(arena, "%s%s%u", base, mark, serial) : base;
}

/* A decimal number of at most three digits at `*at`. */
static bool parse_number(const char *bytes, size_t size, size_t *at, unsigned *ret) {
    size_t start = *at;
    *ret = 0;
    while (*at < size && *at - start < 3 && isdigit((unsigned char)bytes[*at]))
        *ret = *ret * 10 + (unsigned)(bytes[(*at)++] - '0');
    return *at > start && *ret < 256;
}

static bool parse_character(const char *bytes, size_t size, size_t *at, char c) {
    return *at < size && bytes[*at] == c && (++*at, true);
}

/* "a1", "b2", "rc1" or nothing, and then "+" or nothing. */
static bool parse_level(const char *bytes, size_t size, size_t *at, uint32_t *ret) {
    unsigned serial;
    uint32_t level = 0xf;
    if (parse_character(bytes, size, at, 'a'))
        level = 0xa;
    else if (parse_character(bytes, size, at, 'b'))
        level = 0xb;
    else if (parse_character(bytes, size, at, 'r'))
        level = parse_character(bytes, size, at, 'c') ? 0xc : 0;
    *ret = level << 4;
    if (level != 0xf) {
        if (!level || !parse_number(bytes, size, at, &serial))
            return false;
        *ret |= serial & 15;
    }
    (void)parse_character(bytes, size, at, '+');
    return true;
}

static uint32_t parse_version(const char *bytes, size_t size) {
    unsigned major, minor, micro;
    uint32_t level;
    size_t at = 0;
    if (!parse_number(bytes, size, &at, &major) || !parse_character(bytes, size, &at, '.') ||
        !parse_number(bytes, size, &at, &minor) || !parse_character(bytes, size, &at, '.') ||
        !parse_number(bytes, size, &at, &micro) || !parse_level(bytes, size, &at, &level))
        return 0;
    size_t rest = size - at < 200 ? size - at : 200;
    if (rest < 16 || bytes[at] != ' ' || (major != 2 && major != 3))
        return 0;
    /* "(main, Nov  1 2026, 10:00:00) [GCC" or, for a free-threaded build, words before "(". */
    const char *open = memchr(bytes + at, '(', rest);
    const char *bracket = memchr(bytes + at, '[', rest);
    if (!open || !bracket || bracket < open ||
        memchr(bytes + at, 0, (size_t)(bracket - bytes) - at))
        return 0;
    return major << 24 | minor << 16 | micro << 8 | level;
}

uint32_t py_version_scan(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        const char *dot = memchr(bytes + i, '.', size - i);
        if (!dot)
            return 0;
        i = (size_t)(dot - bytes);
        bool starts = i >= 1 && (bytes[i - 1] == '2' || bytes[i - 1] == '3') &&
                      (i < 2 || bytes[i - 2] == '\0');
        uint32_t version = starts ? parse_version(bytes + i - 1, size - (i - 1)) : 0;
        if (version)
            return version;
    }
    return 0;
}
