/*
 * Decodes line tables for the tests: reads lines "KIND FIRSTLINE HEX" from stdin and prints for
 * each a line of entries "start:end:line:end_line:column:end_column;". The kinds are "lnotab"
 * (<= 3.9), "ranges" (3.10) and "locations" (3.11).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/python/line_table.h"

static int hex_digit(char c) {
    const char *digits = "0123456789abcdef", *found = strchr(digits, c);
    return found && c ? (int)(found - digits) : -1;
}

static size_t parse_hex(const char *text, unsigned char *bytes) {
    size_t size = 0;
    while (hex_digit(text[2 * size]) >= 0 && hex_digit(text[2 * size + 1]) >= 0) {
        bytes[size] =
            (unsigned char)(hex_digit(text[2 * size]) * 16 + hex_digit(text[2 * size + 1]));
        size++;
    }
    return size;
}

static enum py_line_kind parse_kind(const char *word) {
    if (strncmp(word, "lnotab ", 7) == 0)
        return PY_LINE_LNOTAB;
    return strncmp(word, "ranges ", 7) == 0 ? PY_LINE_RANGES : PY_LINE_LOCATIONS;
}

static void print_table(enum py_line_kind kind, const unsigned char *bytes, size_t size,
                        int first_line) {
    struct py_line_cursor cursor;
    struct py_location at;
    py_line_cursor_start(&cursor, kind, bytes, size, first_line);
    while (py_line_cursor_next(&cursor, &at))
        printf("%u:%u:%d:%d:%d:%d;", at.start, at.end, at.line, at.end_line, at.column,
               at.end_column);
    putchar('\n');
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *rest;
        long first_line = strtol(line + strcspn(line, " "), &rest, 10);
        unsigned char *bytes = malloc(strlen(rest) / 2 + 1);
        if (!bytes)
            return 1;
        size_t size = parse_hex(rest + (*rest == ' '), bytes);
        print_table(parse_kind(line), bytes, size, (int)first_line);
        free(bytes);
    }
    free(line);
    return 0;
}
