#include "asyncspy/base/json_text.h"

#include <string.h>

static void write_escape(FILE *out, unsigned code) {
    static const char letters[] = "\b\t\n\f\r\"\\", names[] = "btnfr\"\\";
    const char *at = code && code < 128 ? strchr(letters, (int)code) : NULL;
    if (at)
        fprintf(out, "\\%c", names[at - letters]);
    else
        fprintf(out, "\\u%04x", code);
}

/* Bytes of the character at `at` that has to be escaped, and its code; 0: it may stand as it is. */
static size_t find_escaped(const unsigned char *at, unsigned *ret_code) {
    *ret_code = *at;
    if (*at < 0x20 || *at == 0x7f || strchr("\"\\<>&", *at))
        return 1;
    if (at[0] != 0xe2 || at[1] != 0x80 || (at[2] != 0xa8 && at[2] != 0xa9))
        return 0;
    *ret_code = 0x2000u + (at[2] & 0x3fu);
    return 3;
}

void json_write_string(FILE *out, const char *text) {
    if (!text) {
        fputs("null", out);
        return;
    }
    putc('"', out);
    const unsigned char *at = (const unsigned char *)text, *start = at;
    while (*at) {
        unsigned code;
        size_t size = find_escaped(at, &code);
        if (size == 0) {
            at++;
            continue;
        }
        fwrite(start, 1, (size_t)(at - start), out);
        write_escape(out, code);
        start = at += size;
    }
    fwrite(start, 1, (size_t)(at - start), out);
    putc('"', out);
}
