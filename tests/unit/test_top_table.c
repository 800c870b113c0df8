/* Tables of `top`: which rows in which order, which columns, what is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/render/top_table.h"
#include "asyncspy/base/text.h"

struct fruit {
    const char *name;
    double number;
    const char *place;
};

static struct fruit fruits[100] = {{"pear", 3, "/srv/app/orchard/pear.py"},
                                   {"Apple", NAN, "/srv/app/apple.py"},
                                   {"fig-10", 7, "/srv/app/fig.py"},
                                   {"fig-9", 3, "x\x1b[31m\u4e2d"}};

static const struct top_column columns[] = {
    {.title = "NAME", .columns = 6},
    {.title = "N", .columns = 3, .is_number = true},
    {.title = "PLACE", .columns = 8, .share = 1, .rank = 1, .cuts_start = true},
    {.title = "EXTRA", .columns = 5, .rank = 2},
};

static struct arena *arena;
static struct screen *screen;
static struct top_source source;
static struct top_order order;
static struct top_window window;
static size_t rows_read, texts_read;
static int indents[100];

static void get_row(const struct top_table *table, size_t row, struct top_cell *ret) {
    rows_read++;
    texts_read += !table->orders_only;
    ret[0] = (struct top_cell){.text = fruits[row].name, .indent = indents[row]};
    ret[1] = (struct top_cell){.text = arena_format(arena, "%.0f", fruits[row].number),
                               .order = fruits[row].number};
    ret[2] = (struct top_cell){.text = fruits[row].place, .style = SCREEN_ALARM};
    ret[3] = (struct top_cell){.text = NULL};
}

static uint64_t get_key(const struct top_table *table, size_t row) {
    (void)table;
    return 1000 + row;
}

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    screen = screen_create(6, 40);
    source = (struct top_source){
        .table = {.columns = columns, .column_count = 4, .row_count = 4},
        .get_row = get_row,
        .get_key = get_key,
    };
    order = (struct top_order){.filter = ""};
    window = (struct top_window){.row = 1, .rows = 5, .selected = SIZE_MAX, .has_heading = true};
    rows_read = texts_read = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    screen_destroy(screen);
    arena_destroy(arena);
    return 0;
}

/* --- order --- */

static void assert_order(const char *expected) {
    struct top_list list = top_list_make(&source, &order, arena);
    const char *text = "";
    for (size_t i = 0; i < list.count; i++)
        text = arena_format(arena, "%s %zu", text, list.items[i]);
    assert_string_equal(text, expected);
}

static void test_natural_order(void **state) {
    (void)state;
    assert_order(" 0 1 2 3");
    assert_int_equal(rows_read, 0);
    order.is_reversed = true;
    assert_order(" 3 2 1 0");
    order.sort = 99; /* a column that there is not */
    assert_order(" 3 2 1 0");
}

static void test_sorted_by_number(void **state) {
    (void)state;
    order.sort = 2;
    assert_order(" 2 0 3 1");
    assert_int_equal(texts_read, 0);
    order.is_reversed = true;
    assert_order(" 0 3 2 1");
}

static void test_sorted_by_text(void **state) {
    (void)state;
    order.sort = 1;
    assert_order(" 1 3 2 0");
    order.is_reversed = true;
    assert_order(" 0 2 3 1");
    order.sort = 4; /* nothing stands there */
    assert_order(" 0 1 2 3");
}

static void test_filter(void **state) {
    (void)state;
    order.filter = "APPLE";
    assert_order(" 1");
    order.filter = "app/";
    assert_order(" 0 1 2");
    order.filter = "app/";
    order.sort = 2;
    assert_order(" 2 0 1");
    order.filter = "nobody";
    assert_order("");
}

static void test_no_rows(void **state) {
    (void)state;
    struct top_span spans[TOP_COLUMNS_MAX];
    struct top_source empty = {.table = {.row_count = 0}};
    struct top_list list = top_list_make(&empty, &order, arena);
    assert_int_equal(list.count, 0);
    assert_true(top_list_find(&list, &empty, 7) == SIZE_MAX);
    top_rows_draw(&empty, &list, &order, &window, screen, arena, spans);
}

static void test_find(void **state) {
    (void)state;
    order.sort = 2;
    struct top_list list = top_list_make(&source, &order, arena);
    assert_int_equal(top_list_find(&list, &source, 1002), 0);
    assert_int_equal(top_list_find(&list, &source, 1001), 3);
    assert_true(top_list_find(&list, &source, 7) == SIZE_MAX);
}

static void test_scroll(void **state) {
    (void)state;
    static const struct {
        size_t first, selected, count, expected;
        int rows;
    } cases[] = {
        {0, 0, 0, 0, 5},         {0, SIZE_MAX, 9, 0, 5}, {7, SIZE_MAX, 9, 4, 5}, {0, 4, 9, 0, 5},
        {0, 5, 9, 1, 5},         {3, 2, 9, 2, 5},        {3, 3, 9, 3, 5},        {9, 8, 9, 4, 5},
        {SIZE_MAX, 0, 3, 0, 5},  {0, 2, 3, 0, 5},        {0, 7, 9, 7, 0},        {0, 8, 9, 8, 1},
        {0, 7, 9, 7, INT32_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct top_window it = {
            .first = cases[i].first, .selected = cases[i].selected, .rows = cases[i].rows};
        assert_int_equal(top_window_scroll(&it, cases[i].count), cases[i].expected);
    }
}

/* --- drawing --- */

static char *draw(int width) {
    screen_destroy(screen);
    screen = screen_create(6, width);
    struct top_span spans[TOP_COLUMNS_MAX];
    struct top_list list = top_list_make(&source, &order, arena);
    top_rows_draw(&source, &list, &order, &window, screen, arena, spans);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct error *err = screen_write(screen, 6, out);
    (void)fclose(out);
    assert_null(err);
    return text;
}

static void assert_drawn(int width, const char *expected) {
    char *text = draw(width);
    assert_string_equal(text, expected);
    free(text);
}

static void test_draw(void **state) {
    (void)state;
    assert_drawn(40, "  NAME     N PLACE                 EXTRA\n"
                     "  pear     3 ...p/orchard/pear.py\n"
                     "  Apple  nan /srv/app/apple.py\n"
                     "  fig-10   7 /srv/app/fig.py\n"
                     "  fig-9    3 x\\x1b[31m\u4e2d\n\n");
    assert_int_equal(screen->cells[0 * 40 + 2].style, SCREEN_BOLD);
    assert_int_equal(screen->cells[2 * 40 + 13].style, SCREEN_ALARM);
    source.ascii = true;
    free(draw(40));
    for (int i = 0; i < 6 * 40; i++)
        assert_true((unsigned char)screen->cells[i].text[0] < 0x80);
}

static void test_columns_that_do_not_fit(void **state) {
    (void)state;
    assert_drawn(28, "  NAME     N PLACE     EXTRA\n"
                     "  pear     3 ...ar.py\n"
                     "  Apple  nan ...le.py\n"
                     "  fig-10   7 ...ig.py\n"
                     "  fig-9    3 ...31m\u4e2d\n\n");
    assert_drawn(27, "  NAME     N PLACE\n"
                     "  pear     3 ...ard/pear.py\n"
                     "  Apple  nan ...pp/apple.py\n"
                     "  fig-10   7 .../app/fig.py\n"
                     "  fig-9    3 x\\x1b[31m\u4e2d\n\n");
    assert_drawn(20, "  NAME     N\n  pear     3\n  Apple  nan\n  fig-10   7\n  fig-9    3\n\n");
    assert_drawn(7, "  NAME\n  pear\n  Apple\n  fi...\n  fig-9\n\n");
    assert_drawn(1, "\n\n\n\n\n\n");
}

/* The column that the rows are sorted by is the last to go. */
static void test_sorted_column_stays(void **state) {
    (void)state;
    window.rows = 0;
    order.sort = 4;
    assert_drawn(30, "  NAME     N PLACE     EXTRA ^\n\n\n\n\n\n");
    assert_drawn(29, "  NAME     N EXTRA ^\n\n\n\n\n\n");
    assert_drawn(20, "  NAME     N EXTRA ^\n\n\n\n\n\n");
    assert_drawn(19, "  NAME     N\n\n\n\n\n\n");
    order.sort = 1; /* is there in any case */
    assert_drawn(19, "  NAME ^   N\n\n\n\n\n\n");
    order.sort = 99;
    assert_drawn(19, "  NAME     N\n\n\n\n\n\n");
}

/* Before it goes it shrinks. */
static void test_column_that_shrinks(void **state) {
    (void)state;
    static const struct top_column shrinking[] = {
        {.title = "NAME", .columns = 6},
        {.title = "PLACE", .columns = 12, .least = 6, .share = 1, .rank = 1},
        {.title = "EXTRA", .columns = 5, .rank = 2},
    };
    source.table.columns = shrinking;
    source.table.column_count = 3;
    window.rows = 0;
    assert_drawn(29, "  NAME    PLACE         EXTRA\n\n\n\n\n\n");
    assert_drawn(28, "  NAME    PLACE\n\n\n\n\n\n");
    assert_drawn(16, "  NAME    PLACE\n\n\n\n\n\n");
    assert_drawn(15, "  NAME\n\n\n\n\n\n");
}

/* A text that is long takes room from others, but not all. */
static void test_text_that_is_long(void **state) {
    (void)state;
    static const struct top_column growing[] = {
        {.title = "NAME", .columns = 4, .most = 5},
        {.title = "N", .columns = 3, .is_number = true},
    };
    source.table.columns = growing;
    source.table.column_count = 2;
    assert_drawn(20, "  NAME    N\n  pear    3\n  Apple nan\n  fi...   7\n  fig-9   3\n\n");
    source.table.row_count = 1;
    assert_drawn(20, "  NAME   N\n  pear   3\n\n\n\n\n");
}

static void test_indent(void **state) {
    (void)state;
    indents[0] = 2;
    indents[2] = 4;
    indents[3] = 40;
    order.sort = 1;
    assert_drawn(20, "  NAME ^   N\n  Apple  nan\n           3\n      ..   7\n    pear   3\n\n");
    memset(indents, 0, sizeof indents);
}

static void test_number_that_is_long(void **state) {
    (void)state;
    fruits[0].number = 1234567;
    assert_drawn(20, "  NAME         N\n  pear   1234567\n  Apple      nan\n  fig-10       7\n"
                     "  fig-9        3\n\n");
    fruits[0].number = 1e15;
    assert_drawn(22, "  NAME              N\n  pear   100000000...\n  Apple           nan\n"
                     "  fig-10            7\n  fig-9             3\n\n");
    fruits[0].number = 3;
}

static void test_selected_row(void **state) {
    (void)state;
    window.selected = 2;
    window.first = 1;
    window.rows = 2;
    assert_drawn(20, "  NAME     N\n  Apple  nan\n> fig-10   7\n\n\n\n");
    assert_false(screen->cells[1 * 20].is_reversed);
    assert_true(screen->cells[2 * 20].is_reversed && screen->cells[2 * 20 + 19].is_reversed);
    window.selected = 3; /* below what is shown */
    assert_drawn(20, "  NAME     N\n  Apple  nan\n  fig-10   7\n\n\n\n");
    assert_int_equal(texts_read, 4);
}

static void test_sort_mark(void **state) {
    (void)state;
    window.rows = 0;
    order.sort = 2;
    assert_drawn(20, "  NAME   N v\n\n\n\n\n\n");
    order.is_reversed = true;
    assert_drawn(20, "  NAME   N ^\n\n\n\n\n\n");
    order.sort = 1;
    assert_drawn(20, "  NAME v   N\n\n\n\n\n\n");
    order.sort = 0;
    assert_drawn(20, "^ NAME     N\n\n\n\n\n\n");
    window.has_heading = false;
    assert_drawn(20, "\n\n\n\n\n\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)
        TEST(test_natural_order),
        TEST(test_sorted_by_number),
        TEST(test_sorted_by_text),
        TEST(test_filter),
        TEST(test_no_rows),
        TEST(test_find),
        TEST(test_scroll),
        TEST(test_draw),
        TEST(test_columns_that_do_not_fit),
        TEST(test_sorted_column_stays),
        TEST(test_column_that_shrinks),
        TEST(test_text_that_is_long),
        TEST(test_indent),
        TEST(test_number_that_is_long),
        TEST(test_selected_row),
        TEST(test_sort_mark),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
