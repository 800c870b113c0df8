/* The line tables of all versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asyncspy/python/line_table.h"

/* The first byte of an entry: its code and how many units it covers. */
#define ENTRY(code, units) (unsigned char)(0x80 | (code) << 3 | ((units)-1))

static void start(struct py_line_cursor *cursor, const unsigned char *bytes, size_t size) {
    py_line_cursor_start(cursor, PY_LINE_LOCATIONS, bytes, size, 100);
}

static void expect_next(struct py_line_cursor *cursor, struct py_location expected) {
    struct py_location found;
    assert_true(py_line_cursor_next(cursor, &found));
    assert_int_equal(found.start, expected.start);
    assert_int_equal(found.end, expected.end);
    assert_int_equal(found.line, expected.line);
    assert_int_equal(found.end_line, expected.end_line);
    assert_int_equal(found.column, expected.column);
    assert_int_equal(found.end_column, expected.end_column);
}

static void expect_end(struct py_line_cursor *cursor) {
    struct py_location found;
    assert_false(py_line_cursor_next(cursor, &found));
}

/* One entry of each code, one after the other. */
static const unsigned char every_code[] = {
    ENTRY(0, 1),  0x25,                          /* short: column 2, 5 long */
    ENTRY(9, 8),  0xff,                          /* short: column 72 + 15, 15 long */
    ENTRY(10, 1), 3,         200,                /* same line */
    ENTRY(11, 2), 4,         10,                 /* next line */
    ENTRY(12, 1), 0,         0,                  /* two lines further */
    ENTRY(13, 1), 0x07,                          /* no columns, 3 lines back */
    ENTRY(14, 1), 0x40 | 20, 3,   2, 7, 0x40, 1, /* long: +106, 2 lines, columns 6 and 63 */
    ENTRY(14, 1), 0,         0,   0, 0,          /* long without columns */
    ENTRY(15, 3),                                /* no location */
};

static void test_every_code(void **state) {
    struct py_line_cursor cursor;
    (void)state;
    start(&cursor, every_code, sizeof every_code);
    expect_next(&cursor, (struct py_location){0, 1, 100, 100, 2, 7});
    expect_next(&cursor, (struct py_location){1, 9, 100, 100, 87, 102});
    expect_next(&cursor, (struct py_location){9, 10, 100, 100, 3, 200});
    expect_next(&cursor, (struct py_location){10, 12, 101, 101, 4, 10});
    expect_next(&cursor, (struct py_location){12, 13, 103, 103, 0, 0});
    expect_next(&cursor, (struct py_location){13, 14, 100, 100, -1, -1});
    expect_next(&cursor, (struct py_location){14, 15, 206, 208, 6, 63});
    expect_next(&cursor, (struct py_location){15, 16, 206, 206, -1, -1});
    expect_next(&cursor, (struct py_location){16, 19, -1, -1, -1, -1});
    expect_end(&cursor);
}

static void test_find(void **state) {
    struct py_location found;
    (void)state;
    for (uint32_t unit = 0; unit < 19; unit++) {
        assert_true(
            py_line_find(PY_LINE_LOCATIONS, every_code, sizeof every_code, 100, unit, &found));
        assert_true(found.start <= unit && unit < found.end);
    }
    assert_false(py_line_find(PY_LINE_LOCATIONS, every_code, sizeof every_code, 100, 19, &found));
    assert_false(
        py_line_find(PY_LINE_LOCATIONS, every_code, sizeof every_code, 100, UINT32_MAX, &found));
    assert_false(py_line_find(PY_LINE_LOCATIONS, NULL, 0, 100, 0, &found));
}

static void expect_torn(const unsigned char *bytes, size_t size, int32_t first_line) {
    struct py_line_cursor cursor;
    py_line_cursor_start(&cursor, PY_LINE_LOCATIONS, bytes, size, first_line);
    expect_end(&cursor);
}

static void test_torn_tables(void **state) {
    static const unsigned char no_mark[] = {0x25, 0x25};
    static const unsigned char long_number[] = {ENTRY(13, 1), 0x7f, 0x7f, 0x7f, 0x7f,
                                                0x7f,         0x7f, 0x7f, 0x01};
    static const unsigned char endless[] = {ENTRY(14, 1), 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40};
    static const unsigned char next_line[] = {ENTRY(11, 1), 0, 0};
    static const unsigned char many_lines[] = {ENTRY(14, 1), 0,    0x7f, 0x7f, 0x7f,
                                               0x7f,         0x7f, 0x01, 0,    0};
    static const unsigned char big_column[] = {ENTRY(14, 1), 0,    0,    0x7f, 0x7f,
                                               0x7f,         0x7f, 0x7f, 0x03, 0};
    static const unsigned char back[] = {ENTRY(13, 1), 0x43, 0x40, 0x40, 0x40, 0x40, 0x03};
    (void)state;
    expect_torn(no_mark, sizeof no_mark, 1);
    expect_torn(long_number, sizeof long_number, 1);
    expect_torn(endless, sizeof endless, 1);
    expect_torn(next_line, sizeof next_line, INT32_MAX);
    expect_torn(many_lines, sizeof many_lines, INT32_MAX - 1);
    expect_torn(big_column, sizeof big_column, 1);
    expect_torn(back, sizeof back, INT32_MIN);
}

/* Up to 3.9: each pair says how far its line reaches and how the next one differs. */
static void test_lnotab(void **state) {
    static const unsigned char bytes[] = {
        0,   1, /* the first line has no code */
        4,   2, /* units 0-1 on line 101 */
        255, 0,
        255, 0,         /* 510 bytes on line 103, in pieces that end inside an instruction */
        2,   127,       /* unit 257 on line 103 */
        0,   20,        /* more than one byte can say */
        6,   0x100 - 5, /* units 258-260 on line 250 */
    };
    struct py_line_cursor cursor;
    (void)state;
    py_line_cursor_start(&cursor, PY_LINE_LNOTAB, bytes, sizeof bytes, 100);
    expect_next(&cursor, (struct py_location){0, 2, 101, -1, -1, -1});
    expect_next(&cursor, (struct py_location){2, 129, 103, -1, -1, -1});
    expect_next(&cursor, (struct py_location){129, 257, 103, -1, -1, -1});
    expect_next(&cursor, (struct py_location){257, 258, 103, -1, -1, -1});
    expect_next(&cursor, (struct py_location){258, 261, 250, -1, -1, -1});
    expect_next(&cursor, (struct py_location){261, UINT32_MAX, 245, -1, -1, -1});
    expect_end(&cursor);
    expect_end(&cursor);
    py_line_cursor_start(&cursor, PY_LINE_LNOTAB, NULL, 0, 100); /* all on one line */
    expect_next(&cursor, (struct py_location){0, UINT32_MAX, 100, -1, -1, -1});
    expect_end(&cursor);
}

/* 3.10: each pair is a range and how its line differs from the one before. */
static void test_ranges(void **state) {
    static const unsigned char bytes[] = {
        4,   0,                /* units 0-1 on the first line */
        2,   0x80,             /* unit 2 on no line */
        0,   127,              /* more than one byte can say */
        254, 3,          2, 0, /* units 3-130 on line 230 */
        6,   0x100 - 30,       /* units 131-133 on line 200 */
    };
    struct py_line_cursor cursor;
    (void)state;
    py_line_cursor_start(&cursor, PY_LINE_RANGES, bytes, sizeof bytes, 100);
    expect_next(&cursor, (struct py_location){0, 2, 100, -1, -1, -1});
    expect_next(&cursor, (struct py_location){2, 3, -1, -1, -1, -1});
    expect_next(&cursor, (struct py_location){3, 130, 230, -1, -1, -1});
    expect_next(&cursor, (struct py_location){130, 131, 230, -1, -1, -1});
    expect_next(&cursor, (struct py_location){131, 134, 200, -1, -1, -1});
    expect_end(&cursor);
}

/* Lines that no table has: the entry is not given, and the rest is not read. */
static void test_lines_out_of_range(void **state) {
    static const unsigned char bytes[] = {4, 127, 4, 127};
    struct py_line_cursor cursor;
    (void)state;
    py_line_cursor_start(&cursor, PY_LINE_LNOTAB, bytes, sizeof bytes, INT32_MAX - 1);
    expect_end(&cursor);
    py_line_cursor_start(&cursor, PY_LINE_RANGES, bytes, sizeof bytes, INT32_MAX - 1);
    expect_end(&cursor);
}

/* Each prefix stands in a block of its own, so that a sanitizer sees a read behind its end. */
static void test_every_prefix(void **state) {
    (void)state;
    for (size_t size = 0; size <= sizeof every_code; size++) {
        unsigned char *bytes = malloc(size ? size : 1);
        memcpy(bytes, every_code, size);
        struct py_line_cursor cursor, whole;
        struct py_location location, expected;
        start(&cursor, bytes, size);
        start(&whole, every_code, sizeof every_code);
        while (py_line_cursor_next(&cursor, &location)) {
            assert_true(py_line_cursor_next(&whole, &expected));
            assert_memory_equal(&location, &expected, sizeof location);
        }
        assert_true(cursor.at <= size);
        free(bytes);
    }
}

static void test_random_bytes(void **state) {
    (void)state;
    srand(2);
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)rand() % 64, entries = 0;
        unsigned char *bytes = malloc(size ? size : 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)(rand() | (rand() % 2 ? 0x80 : 0));
        struct py_line_cursor cursor;
        struct py_location location;
        py_line_cursor_start(&cursor, PY_LINE_LOCATIONS, bytes, size, rand());
        for (uint32_t unit = 0; py_line_cursor_next(&cursor, &location); unit = location.end) {
            assert_int_equal(location.start, unit);
            assert_true(location.end > location.start && location.end <= unit + 8);
            assert_true(++entries <= size);
        }
        assert_true(cursor.at <= size);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_torn_tables),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_lnotab),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_lines_out_of_range),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
