/* The line tables of all versions. */
#include "asyncspy/python/line_table.h"

/* Kinds of an entry, bits 3-6 of its first byte (Include/internal/pycore_code.h). */
enum location_code {
    LOCATION_SHORT_LAST = 9,
    LOCATION_ONE_LINE0 = 10,
    LOCATION_ONE_LINE2 = 12,
    LOCATION_NO_COLUMNS = 13,
    LOCATION_LONG = 14,
    LOCATION_NONE = 15,
};

void py_line_cursor_start(struct py_line_cursor *cursor, enum py_line_kind kind,
                          const unsigned char *bytes, size_t size, int32_t first_line) {
    *cursor =
        (struct py_line_cursor){.kind = kind, .bytes = bytes, .size = size, .line = first_line};
}

static bool next_byte(struct py_line_cursor *cursor, uint32_t *ret) {
    if (cursor->at >= cursor->size)
        return false;
    *ret = cursor->bytes[cursor->at++];
    return true;
}

/* Six bits a byte, least significant first; bit 6 says that more follow. */
static bool next_varint(struct py_line_cursor *cursor, uint32_t *ret) {
    uint32_t value = 0, byte = 0x40;
    for (unsigned shift = 0; byte & 0x40; shift += 6) {
        if (shift > 30 || !next_byte(cursor, &byte))
            return false;
        value |= (byte & 0x3f) << shift;
    }
    *ret = value;
    return true;
}

/* Adds a signed varint (lowest bit is the sign) to the line. */
static bool advance_line(struct py_line_cursor *cursor) {
    uint32_t raw;
    if (!next_varint(cursor, &raw))
        return false;
    int64_t line = cursor->line + ((raw & 1) ? -(int64_t)(raw >> 1) : (int64_t)(raw >> 1));
    if (line < INT32_MIN || line > INT32_MAX)
        return false;
    cursor->line = (int32_t)line;
    return true;
}

/* A column stored as column + 1, 0 meaning none. */
static bool next_column(struct py_line_cursor *cursor, int32_t *ret) {
    uint32_t raw;
    if (!next_varint(cursor, &raw) || raw > INT32_MAX)
        return false;
    *ret = (int32_t)raw - 1;
    return true;
}

static bool read_long(struct py_line_cursor *cursor, struct py_location *ret) {
    uint32_t lines;
    if (!advance_line(cursor) || !next_varint(cursor, &lines))
        return false;
    int64_t end_line = (int64_t)cursor->line + lines;
    if (end_line > INT32_MAX || !next_column(cursor, &ret->column) ||
        !next_column(cursor, &ret->end_column))
        return false;
    ret->line = cursor->line;
    ret->end_line = (int32_t)end_line;
    return true;
}

static bool read_one_line(struct py_line_cursor *cursor, uint32_t lines, struct py_location *ret) {
    uint32_t column, end_column;
    if (!next_byte(cursor, &column) || !next_byte(cursor, &end_column) ||
        cursor->line > INT32_MAX - 2)
        return false;
    cursor->line += (int32_t)lines;
    ret->line = ret->end_line = cursor->line;
    ret->column = (int32_t)column;
    ret->end_column = (int32_t)end_column;
    return true;
}

static bool read_short(struct py_line_cursor *cursor, uint32_t code, struct py_location *ret) {
    uint32_t byte;
    if (!next_byte(cursor, &byte))
        return false;
    ret->line = ret->end_line = cursor->line;
    ret->column = (int32_t)(code * 8 + (byte >> 4));
    ret->end_column = ret->column + (int32_t)(byte & 15);
    return true;
}

/* The next pair of co_lnotab or of 3.10's co_linetable: an unsigned byte, a signed one. */
static bool next_pair(struct py_line_cursor *cursor, uint32_t *ret_length, int8_t *ret_step) {
    uint32_t step;
    if (cursor->unit > UINT32_MAX - UINT8_MAX || !next_byte(cursor, ret_length) ||
        !next_byte(cursor, &step))
        return false;
    *ret_step = (int8_t)(uint8_t)step;
    return true;
}

static bool step_line(struct py_line_cursor *cursor, int8_t step) {
    int64_t line = (int64_t)cursor->line + step;
    if (line < INT32_MIN || line > INT32_MAX)
        return false;
    cursor->line = (int32_t)line;
    return true;
}

/* Sets *ret to the range of `bytes` bytes of bytecode from where the cursor stands. A long range
 * comes in pieces of 255 bytes, which end inside an instruction. */
static void take_range(struct py_line_cursor *cursor, uint32_t bytes, int32_t line,
                       struct py_location *ret) {
    uint32_t units = (cursor->odd_byte + bytes) / 2;
    *ret = (struct py_location){cursor->unit, cursor->unit + units, line, -1, -1, -1};
    cursor->unit += units;
    cursor->odd_byte = (cursor->odd_byte + bytes) % 2;
}

static bool has_units(const struct py_line_cursor *cursor, uint32_t bytes) {
    return cursor->odd_byte + bytes >= 2;
}

/* co_lnotab (Objects/lnotab_notes.txt): each pair says how far its line reaches, and how the next
 * one differs; the last line reaches to the end of the code. */
static bool next_of_lnotab(struct py_line_cursor *cursor, struct py_location *ret) {
    uint32_t length;
    int8_t step;
    if (cursor->at > cursor->size)
        return false;
    while (next_pair(cursor, &length, &step)) {
        int32_t line = cursor->line;
        if (!step_line(cursor, step))
            return false;
        if (has_units(cursor, length)) {
            take_range(cursor, length, line, ret);
            return true;
        }
        cursor->odd_byte += length;
    }
    *ret = (struct py_location){cursor->unit, UINT32_MAX, cursor->line, -1, -1, -1};
    cursor->at = cursor->size + 1;
    return true;
}

#define RANGE_WITHOUT_LINE INT8_MIN

/* co_linetable of 3.10 (PEP 626, Objects/codeobject.c): each pair is a range and how its line
 * differs from the one before. */
static bool next_range(struct py_line_cursor *cursor, struct py_location *ret) {
    uint32_t length;
    int8_t step;
    while (next_pair(cursor, &length, &step)) {
        bool has_line = step != RANGE_WITHOUT_LINE;
        if (has_line && !step_line(cursor, step))
            return false;
        if (has_units(cursor, length)) {
            take_range(cursor, length, has_line ? cursor->line : -1, ret);
            return true;
        }
        cursor->odd_byte += length;
    }
    return false;
}

static bool next_location(struct py_line_cursor *cursor, struct py_location *ret) {
    uint32_t first;
    if (!next_byte(cursor, &first) || !(first & 0x80))
        return false;
    uint32_t code = (first >> 3) & 15, units = (first & 7) + 1;
    if (cursor->unit > UINT32_MAX - units)
        return false;
    *ret = (struct py_location){cursor->unit, cursor->unit + units, -1, -1, -1, -1};
    cursor->unit += units;
    if (code <= LOCATION_SHORT_LAST)
        return read_short(cursor, code, ret);
    if (code <= LOCATION_ONE_LINE2)
        return read_one_line(cursor, code - LOCATION_ONE_LINE0, ret);
    if (code == LOCATION_LONG)
        return read_long(cursor, ret);
    if (code == LOCATION_NONE)
        return true;
    if (!advance_line(cursor))
        return false;
    ret->line = ret->end_line = cursor->line;
    return true;
}

bool py_line_cursor_next(struct py_line_cursor *cursor, struct py_location *ret) {
    switch (cursor->kind) {
    case PY_LINE_LNOTAB:
        return next_of_lnotab(cursor, ret);
    case PY_LINE_RANGES:
        return next_range(cursor, ret);
    case PY_LINE_LOCATIONS:
        break;
    }
    return next_location(cursor, ret);
}

bool py_line_find(enum py_line_kind kind, const unsigned char *bytes, size_t size,
                  int32_t first_line, uint32_t unit, struct py_location *ret) {
    struct py_line_cursor cursor;
    py_line_cursor_start(&cursor, kind, bytes, size, first_line);
    while (py_line_cursor_next(&cursor, ret))
        if (unit < ret->end)
            return true;
    return false;
}
