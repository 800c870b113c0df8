/* The grid of cells: wide and combining characters, edges, and that a row always adds up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "asyncspy/render/screen.h"

#define COLUMNS 10

static struct screen *screen;

static int set_up(void **state) {
    (void)state;
    screen = screen_create(3, COLUMNS);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    screen_destroy(screen);
    return 0;
}

static int put(int column, const char *text, int columns) {
    return screen_put(screen, 1, column, SCREEN_BOLD, text, columns);
}

static const struct screen_cell *get_cell(int column) {
    return &screen->cells[COLUMNS + column];
}

/* The middle row; the others are blank. */
static void assert_row(const char *expected) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct error *err = screen_write(screen, 3, out);
    (void)fclose(out);
    assert_null(err);
    char *lines = NULL;
    assert_true(asprintf(&lines, "\n%s\n\n", expected) > 0);
    assert_string_equal(text, lines);
    free(lines);
    free(text);
}

static void test_plain(void **state) {
    (void)state;
    assert_int_equal(put(2, "abc", COLUMNS), 3);
    assert_row("  abc");
    assert_int_equal(get_cell(2)->style, SCREEN_BOLD);
    assert_int_equal(get_cell(5)->style, SCREEN_PLAIN);
    assert_int_equal(put(3, "xyz", 2), 2);
    assert_row("  axy");
    assert_int_equal(put(7, "12345", COLUMNS), 3);
    assert_row("  axy  123");
}

static void test_outside(void **state) {
    (void)state;
    assert_int_equal(put(-1, "abc", COLUMNS), 0);
    assert_int_equal(put(COLUMNS, "abc", COLUMNS), 0);
    assert_int_equal(put(0, "abc", 0), 0);
    assert_int_equal(put(0, "abc", -5), 0);
    assert_int_equal(put(0, "abc", INT32_MIN), 0);
    assert_int_equal(put(0, "", 5), 0);
    assert_int_equal(screen_put(screen, -1, 0, SCREEN_PLAIN, "abc", 5), 0);
    assert_int_equal(screen_put(screen, 3, 0, SCREEN_PLAIN, "abc", 5), 0);
    screen_reverse(screen, -1);
    screen_reverse(screen, 3);
    assert_row("");
    assert_int_equal(put(COLUMNS - 1, "abc", INT32_MAX), 1);
    assert_row("         a");
}

static void test_sizes(void **state) {
    (void)state;
    struct screen *small = screen_create(0, -7), *large = screen_create(INT32_MAX, 1);
    assert_int_equal(small->rows, 1);
    assert_int_equal(small->columns, 1);
    assert_int_equal(large->rows, SCREEN_MOST);
    assert_int_equal(screen_put(small, 0, 0, SCREEN_PLAIN, "\u4e2d", 2), 0);
    assert_string_equal(small->cells[0].text, " ");
    screen_destroy(small);
    screen_destroy(large);
    screen_destroy(NULL);
}

static void test_wide(void **state) {
    (void)state;
    assert_int_equal(put(0, "a\u4e2db", COLUMNS), 4);
    assert_row("a\u4e2db");
    assert_string_equal(get_cell(2)->text, "");
    assert_int_equal(put(7, "x\u4e2d\u4e2d", COLUMNS), 3);
    assert_int_equal(put(9, "\u4e2d", COLUMNS), 0); /* it would not fit */
    assert_row("a\u4e2db   x\u4e2d");
    assert_int_equal(put(0, "\u4e2d\u4e2d", 3), 2);
}

static void test_half_of_a_wide_one(void **state) {
    (void)state;
    put(0, "\u4e2d\u4e2d\u4e2d", COLUMNS);
    put(1, "x", COLUMNS);
    assert_row(" x\u4e2d\u4e2d");
    put(2, "y", COLUMNS);
    assert_row(" xy \u4e2d");
    put(0, "\u4e2d\u4e2d\u4e2d", COLUMNS);
    put(1, "\u4e2d", COLUMNS);
    assert_row(" \u4e2d \u4e2d");
}

static void test_combining(void **state) {
    (void)state;
    assert_int_equal(put(0, "e\u0301x", COLUMNS), 2);
    assert_row("e\u0301x");
    assert_int_equal(put(1, "\u0301y", COLUMNS), 1); /* there is nothing that it belongs to */
    assert_row("e\u0301y");
    assert_int_equal(put(0, "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301z", 2), 2);
    assert_row("a\u0301\u0301\u0301\u0301\u0301\u0301\u0301z");
    assert_int_equal(put(3, "ab\u0301c", 2), 2); /* one behind the last that fits */
    assert_row("a\u0301\u0301\u0301\u0301\u0301\u0301\u0301z ab\u0301");
}

static void test_unescaped(void **state) {
    (void)state;
    assert_int_equal(put(0, "\x1b[\n\x7f\xc2\x9b\u202e\xff\t", COLUMNS), 8);
    assert_row("?[??????");
}

static void test_reverse(void **state) {
    (void)state;
    put(0, "abc", COLUMNS);
    screen_reverse(screen, 1);
    assert_true(get_cell(0)->is_reversed && get_cell(9)->is_reversed);
    assert_false(screen->cells[0].is_reversed);
    put(1, "x", 1);
    assert_true(get_cell(1)->is_reversed);
    screen_reverse(screen, 1);
    assert_false(get_cell(0)->is_reversed);
}

static void test_write_fails(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    put(0, "abc", COLUMNS);
    struct error *err = screen_write(screen, 3, full);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_OS);
    error_destroy(err);
    (void)fclose(full);
}

/* Each cell is a character of as many columns as there are up to the next cell that is not "". */
static void check_row(int row) {
    const struct screen_cell *cells = &screen->cells[row * COLUMNS];
    for (int i = 0, width; i < COLUMNS; i += width) {
        width = text_width(cells[i].text);
        assert_in_range(width, 1, 2);
        assert_true(i + width <= COLUMNS);
        assert_true(memchr(cells[i].text, 0, SCREEN_CELL_BYTES) != NULL);
        if (width == 2)
            assert_string_equal(cells[i + 1].text, "");
    }
}

static void test_random(void **state) {
    (void)state;
    static const char *const pieces[] = {"a", "\u4e2d", "\u0301", "\U0001f40d", "\xff",   "\x1b",
                                         " ", "\u00e9", "\u200d", "\ufe0f",     "\u1100", "\u1161"};
    unsigned seed = 7;
    for (int i = 0; i < 50000; i++) {
        char text[100] = "";
        for (int j = rand_r(&seed) % 12; j > 0; j--) {
            const char *piece = pieces[(size_t)rand_r(&seed) % (sizeof pieces / sizeof *pieces)];
            memcpy(text + strlen(text), piece, strlen(piece) + 1);
        }
        int row = rand_r(&seed) % 5 - 1, column = rand_r(&seed) % 14 - 2;
        int columns = rand_r(&seed) % 14 - 1;
        int taken = screen_put(screen, row, column, SCREEN_PLAIN, text, columns);
        assert_true(taken >= 0 && (taken == 0 || taken <= columns));
        for (int j = 0; j < 3; j++)
            check_row(j);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)
        TEST(test_plain),
        TEST(test_outside),
        TEST(test_sizes),
        TEST(test_wide),
        TEST(test_half_of_a_wide_one),
        TEST(test_combining),
        TEST(test_unescaped),
        TEST(test_reverse),
        TEST(test_write_fails),
        TEST(test_random),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
