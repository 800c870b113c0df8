/*
 * Decodes co_linetable (co_lnotab up to 3.9): from an instruction to its source position. A pure
 * function of bytes. Formats: Objects/lnotab_notes.txt, Objects/locations.md
 * (InternalDocs/code_objects.md), Objects/codeobject.c of CPython.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/python/layout.h"

/* One entry: instructions [start, end) in code units. -1: none (before 3.11 only lines). co_lnotab
 * does not tell where the code ends, so its last entry has the end UINT32_MAX. */
struct py_location {
    uint32_t start, end;
    int32_t line, end_line, column, end_column;
};

/* A cursor over a table. */
struct py_line_cursor {
    enum py_line_kind kind;
    const unsigned char *bytes;
    size_t size, at;
    int32_t line;
    uint32_t unit;
    uint32_t odd_byte; /* bytes behind `unit` that are counted already: 0 or 1 */
};

void py_line_cursor_start(struct py_line_cursor *cursor, enum py_line_kind kind,
                          const unsigned char *bytes, size_t size, int32_t first_line);

/* The next entry; false at the end of the table or where its bytes make no sense. */
bool py_line_cursor_next(struct py_line_cursor *cursor, struct py_location *ret);

/* The entry that holds code unit `unit`; false when the table has none. */
bool py_line_find(enum py_line_kind kind, const unsigned char *bytes, size_t size,
                  int32_t first_line, uint32_t unit, struct py_location *ret);
