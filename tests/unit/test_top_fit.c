/* Cells of `top`: what gives way where there is no room for all that they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>

#include "../../src/render/top_table.h"
#include "asyncspy/base/text.h"

static struct arena *arena;

static const struct top_cell running = {.before = "req-901",
                                        .text = "Report.build_csv",
                                        .place = "report.py:41",
                                        .rest = " < api.export < app"};

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

static void check(const struct top_cell *cell, int columns, const char *expected) {
    assert_string_equal(top_cell_fit(arena, cell, columns), expected);
}

static void test_join(void **state) {
    (void)state;
    const struct top_cell text = {.text = "wait"}, none = {.text = NULL};
    assert_string_equal(top_cell_join(arena, &running),
                        "req-901 Report.build_csv report.py:41 < api.export < app");
    assert_string_equal(top_cell_join(arena, &text), "wait");
    assert_string_equal(top_cell_join(arena, &none), "");
}

/* The callers, then the task, then the class, then the function; never the place. */
static void test_where(void **state) {
    (void)state;
    check(&running, 56, "req-901 Report.build_csv report.py:41 < api.export < app");
    check(&running, 55, "req-901 Report.build_csv report.py:41 < api.export <...");
    check(&running, 45, "req-901 Report.build_csv report.py:41 < ap...");
    check(&running, 44, "req-901 Report.build_csv report.py:41");
    check(&running, 37, "req-901 Report.build_csv report.py:41");
    check(&running, 36, "Report.build_csv report.py:41");
    check(&running, 29, "Report.build_csv report.py:41");
    check(&running, 28, "build_csv report.py:41");
    check(&running, 21, "build... report.py:41");
    check(&running, 17, "b... report.py:41");
    check(&running, 16, "report.py:41");
    check(&running, 11, "...rt.py:41");
    check(&running, 0, "");
}

static void test_state_before_name(void **state) {
    (void)state;
    const struct top_cell lock = {.text = "Semaphore#1 0/2 free", .rest = " 'Orders.pool'"};
    check(&lock, 34, "Semaphore#1 0/2 free 'Orders.pool'");
    check(&lock, 30, "Semaphore#1 0/2 free 'Order...");
    check(&lock, 27, "Semaphore#1 0/2 free");
    check(&lock, 20, "Semaphore#1 0/2 free");
    check(&lock, 19, "Semaphore#1 0/2 ...");
}

/* Dots that mean something else are not mixed with those that stand for what was cut. */
static void test_range(void **state) {
    (void)state;
    const struct top_cell sleep = {.text = "sleep, due in 3.8 ms", .rest = " .. 34000.0 ms"};
    check(&sleep, 34, "sleep, due in 3.8 ms .. 34000.0 ms");
    check(&sleep, 28, "sleep, due in 3.8 ms...");
    check(&sleep, 27, "sleep, due in 3.8 ms");
    const struct top_cell dots = {.text = "sleep", .rest = " . . . . . . ."};
    check(&dots, 15, "sleep...");
}

/* Half a number would be another one. */
static void test_numbers(void **state) {
    (void)state;
    const struct top_cell turns = {.text = "a free executor thread: 1st .. 67th"};
    check(&turns, 35, "a free executor thread: 1st .. 67th");
    check(&turns, 34, "a free executor thread: 1st...");
    check(&turns, 30, "a free executor thread: 1st...");
    check(&turns, 27, "a free executor thread: ...");
    const struct top_cell lock = {.text = "Lock#123 held", .rest = " by 100 others"};
    check(&lock, 22, "Lock#123 held by ...");
    check(&lock, 23, "Lock#123 held by 100...");
    check(&lock, 10, "Lock#...");
    const struct top_cell task = {.text = "task 0x7f7012"};
    check(&task, 12, "task 0x7f...");
    check(&task, 11, "task 0x7...");
    const struct top_cell number = {.text = "123456"};
    check(&number, 5, "12...");
}

static void test_every_width(void **state) {
    (void)state;
    const struct top_cell wide = {.before = "\u4e2d\u6587",
                                  .text = "\u4e2d\u6587.\u4e2d\u6587\u4e2d",
                                  .place = "\u6587\u4e2d.py:41",
                                  .rest = " < \u4e2d\u6587\u4e2d\u6587\u4e2d\u6587"};
    const struct top_cell dotted = {.text = ".", .place = "x.py:1", .rest = "."};
    for (int columns = 0; columns < 60; columns++) {
        assert_in_range(text_width(top_cell_fit(arena, &wide, columns)), 0, columns);
        assert_in_range(text_width(top_cell_fit(arena, &running, columns)), 0, columns);
        assert_in_range(text_width(top_cell_fit(arena, &dotted, columns)), 0, columns);
    }
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)
        TEST(test_join),  TEST(test_where),   TEST(test_state_before_name),
        TEST(test_range), TEST(test_numbers), TEST(test_every_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
