#include "asyncspy/base/json_text.h"

#include <stdbool.h>
#include <string.h>

#include "asyncspy/base/text.h"

#define CHARACTER_MAX 4 /* bytes */

static void write_escape(FILE *out, unsigned code) {
    static const char letters[] = "\b\t\n\f\r\"\\", names[] = "btnfr\"\\";
    const char *at = code && code < 128 ? strchr(letters, (int)code) : NULL;
    if (at)
        fprintf(out, "\\%c", names[at - letters]);
    else
        fprintf(out, "\\u%04x", code);
}

static bool is_plain(unsigned char byte) {
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\' && byte != '<' &&
           byte != '>' && byte != '&';
}

/* Bytes of the character beyond ASCII at `at`, 0: it is none. Never looks behind the NUL. */
static size_t measure_character(const char *at) {
    for (size_t size = 2; size <= CHARACTER_MAX; size++)
        if (text_is_utf8(at, size))
            return size;
    return 0;
}

/* U+2028 and U+2029 end lines in scripts. */
static bool is_separator(const char *character) {
    return memcmp(character, "\xe2\x80\xa8", 3) == 0 || memcmp(character, "\xe2\x80\xa9", 3) == 0;
}

static size_t count_plain(const char *text) {
    size_t count = 0;
    for (;;) {
        while (is_plain((unsigned char)text[count]))
            count++;
        size_t size = (unsigned char)text[count] < 0x80 ? 0 : measure_character(text + count);
        if (!size || (size == 3 && is_separator(text + count)))
            return count;
        count += size;
    }
}

/* Writes what starts with a character that has to be escaped; its bytes. */
static size_t write_escaped(FILE *out, const char *text) {
    unsigned char byte = (unsigned char)*text;
    size_t size = byte < 0x80 ? 1 : measure_character(text);
    if (byte < 0x80)
        write_escape(out, byte);
    else if (size)
        write_escape(out, 0x2000u + ((unsigned char)text[2] & 0x3fu));
    else
        fprintf(out, "\\\\udc%02x", byte);
    return size ? size : 1;
}

void json_write_string(FILE *out, const char *text) {
    if (!text) {
        fputs("null", out);
        return;
    }
    putc('"', out);
    for (;;) {
        size_t plain = count_plain(text);
        fwrite(text, 1, plain, out);
        text += plain;
        if (!*text)
            break;
        text += write_escaped(out, text);
    }
    putc('"', out);
}
