/* What lines keep when they must be cut: places in files; and many names in little room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/render/names.h"
#include "../../src/render/shorten.h"
#include "asyncspy/base/text.h"

static struct page page;

static int open_page(void **state) {
    (void)state;
    page = (struct page){.width = 100, .scratch = arena_create()};
    return 0;
}

static int close_page(void **state) {
    (void)state;
    arena_destroy(page.scratch);
    return 0;
}

static const struct {
    const char *text;
    int columns;
    size_t lines;
    const char *expected;
} cases[] = {
    {"f  app/main.py:3", 16, 1, "f  app/main.py:3"},
    {"f  app/main.py:3", 15, 1, "f  main.py:3"},
    {"f  app/main.py:3", 12, 1, "f  main.py:3"},
    {"f  app/main.py:3", 9, 1, "main.py:3"},
    {"f  app/main.py:3", 7, 1, "...py:3"},
    {"root: Task-20 waits for a future of unknown owner in BaseProtocol.bind_execute <- query "
     "/srv/app.py:107",
     60, 1, "root: Task-20 waits for a future of u... <- query app.py:107"},
    {"tid 4250: crunch  app/jobs.py:2, in clock_nanosleep", 45, 1,
     "tid 4250: cr... jobs.py:2, in clock_nanosleep"},
    {"10 sockets to 10.0.0.1:5432 are silent", 20, 1, "10 sockets to 10.0.0.1:5432 are silent"},
    {"fetch from http://[fe80::1]:443 and so on", 20, 1,
     "fetch from http://[fe80::1]:443 and so on"},
    {"one  a/b/c.py:1, two  a/b/d.py:2", 26, 1, "one  c.py:1, two  d.py:2"},
    {"held by somebody in a/b/cc/dd/c.pyx:1", 16, 2, "held by somebody in c.pyx:1"},
    {"<module>  <string>:7", 14, 1, "... <string>:7"},
    {"", 5, 1, ""},
};

static void test_places(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(shorten_text(&page, cases[i].text, cases[i].columns, cases[i].lines),
                            cases[i].expected);
}

/* Whatever the text, and however little room there is: it ends, and a place that fits is whole. */
static void test_any_width(void **state) {
    (void)state;
    const char *long_text =
        text_escape(page.scratch, "\u4e2d\u6587 \xf0\x9f\x90\x8d  \u202ex/y.py:42 <- z");
    for (int columns = 0; columns < 40; columns++)
        for (size_t lines = 0; lines < 4; lines++) {
            const char *text = shorten_text(&page, long_text, columns, lines);
            if (lines && columns >= 12)
                assert_non_null(strstr(text, "y.py:42"));
        }
    char *huge = arena_alloc(page.scratch, (1 << 20) + 1);
    memset(huge, 'x', 1 << 20);
    assert_ptr_equal(shorten_text(&page, huge, 80, 1), huge);
}

static const char *describe(size_t count, const char *const *texts, int columns) {
    struct names *names = names_create(&page);
    for (size_t i = 0; i < count; i++)
        names_add(names, texts[i]);
    return names_describe(names, columns);
}

static void test_names(void **state) {
    (void)state;
    static const char *const tasks[] = {"Task-9", "Task-10", "Task-2", "main"};
    static const char *const others[] = {"one", "one", NULL, NULL};
    assert_string_equal(describe(4, tasks, 40), "Task-2 .. Task-10, main");
    assert_string_equal(describe(4, tasks, 26), "Task-2 .. Task-10, main");
    assert_string_equal(describe(4, tasks, 26 - 4), "Task-2, +3 more");
    assert_string_equal(describe(2, tasks, 40), "Task-9, Task-10");
    assert_string_equal(describe(1, tasks + 3, 40), "main");
    assert_string_equal(describe(4, others, 40), "one x 2, +2 more");
    assert_string_equal(describe(2, others + 2, 40), "unnamed");
    assert_string_equal(describe(0, NULL, 40), "unnamed");
}

/* The rest takes the columns that it needs, and no more. */
static void test_rest(void **state) {
    (void)state;
    static const char *const tasks[] = {"__main__.sleeps", "one", "two"};
    assert_string_equal(describe(3, tasks, 24), "__main__.sleeps, +2 more");
    assert_string_equal(describe(3, tasks, 26), "__main__.sleeps, one, two");
    for (int columns = 12; columns < 30; columns++)
        assert_true(text_width(describe(3, tasks, columns)) <= columns);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_any_width),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rest),
    };
    return cmocka_run_group_tests(tests, open_page, close_page);
}
