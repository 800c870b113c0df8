/* Errors, arena, table, string pool, clock, and text made safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/base/error.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/log.h"
#include "asyncspy/base/string_pool.h"
#include "asyncspy/base/table.h"
#include "asyncspy/base/text.h"

static void test_error(void **state) {
    (void)state;
    struct error *err = error_create(ERROR_FAULT, "address 0x%x", 16);
    assert_string_equal(error_get_message(err), "address 0x10");
    assert_int_equal(error_get_kind(err), ERROR_FAULT);
    assert_false(error_is_fatal(err));
    err = error_add_context(err, "task %d", 7);
    assert_string_equal(error_get_message(err), "task 7: address 0x10");
    error_destroy(err);
    err = error_create_os(ENOENT, "open");
    assert_string_equal(error_get_message(err), "open: No such file or directory");
    assert_true(error_is_fatal(err));
    error_destroy(err);
    assert_null(error_add_context(NULL, "nothing"));
    assert_false(error_is_fatal(NULL));
    error_destroy(NULL);
}

static void assert_zero(const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], 0);
}

static void test_arena(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 3000; size += 7) {
            unsigned char *memory = arena_alloc(arena, size);
            assert_int_equal((uintptr_t)memory % 16, 0);
            assert_zero(memory, size);
            memset(memory, 0xAA, size);
        }
        unsigned char *big = arena_alloc_array(arena, 1000, (size_t)5000 << round);
        assert_zero(big, 100);
        assert_zero(big + 4999900, 100);
        memset(big, 0xAA, (size_t)5000000 << round);
        assert_string_equal(arena_copy_string(arena, "abcdef", 3), "abc");
        assert_string_equal(arena_format(arena, "%d-%s", 5, "x"), "5-x");
        arena_reset(arena);
    }
    arena_destroy(arena);
    arena_destroy(NULL);
}

static void test_table(void **state) {
    (void)state;
    struct table *table = table_create();
    static int values[1000];
    static char keys[1000][8];
    for (size_t i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        assert_null(table_find(table, keys[i], strlen(keys[i])));
        table_add(table, keys[i], strlen(keys[i]), &values[i]);
    }
    for (size_t i = 0; i < 1000; i++)
        assert_ptr_equal(table_find(table, keys[i], strlen(keys[i])), &values[i]);
    table_reset(table);
    assert_null(table_find(table, "k1", 2));
    table_destroy(table);
    table_destroy(NULL);
}

static void check_id_table(struct arena *arena, size_t expected, uint64_t step) {
    struct id_table *table = id_table_create(arena, expected);
    static int values[1000], other;
    for (size_t i = 0; i < 1000; i++) {
        assert_null(id_table_find(table, i * step));
        assert_true(id_table_add(table, i * step, &values[i]));
        assert_false(id_table_add(table, i * step, &other));
    }
    for (size_t i = 0; i < 1000; i++)
        assert_ptr_equal(id_table_find(table, i * step), &values[i]);
    assert_null(id_table_find(table, 1000 * step));
    assert_null(id_table_find(table, UINT64_MAX));
    assert_true(id_table_add(table, UINT64_MAX, &other));
    assert_ptr_equal(id_table_find(table, UINT64_MAX), &other);
    assert_ptr_equal(id_table_remove(table, UINT64_MAX), &other);
    assert_null(id_table_remove(table, UINT64_MAX));
}

/* Ids that do not spread as evenly as those in a row. */
static uint64_t scatter(uint64_t number) {
    uint64_t id = (number + 1) * UINT64_C(0xd6e8feb86659fd93);
    return (id ^ id >> 32) * id;
}

/* Ids come and go; runs of slots that touch each other stay whole. */
static void test_id_table_remove(void **state) {
    (void)state;
    static bool is_there[512];
    struct arena *arena = arena_create();
    struct id_table *table = id_table_create(arena, 0);
    unsigned random = 1;
    for (size_t i = 0; i < 100000; i++) {
        random = random * 1103515245 + 12345;
        size_t at = random >> 16 & 511;
        bool *value = &is_there[at];
        uint64_t id = scatter(at);
        assert_ptr_equal(id_table_find(table, id), *value ? value : NULL);
        if (*value)
            assert_ptr_equal(id_table_remove(table, id), value);
        else
            assert_true(id_table_add(table, id, value));
        *value = !*value;
    }
    for (size_t at = 0; at < 512; at++)
        assert_ptr_equal(id_table_find(table, scatter(at)), is_there[at] ? &is_there[at] : NULL);
    arena_destroy(arena);
}

static void test_id_table(void **state) {
    (void)state;
    static const uint64_t steps[] = {1, 192, 1 << 14, UINT64_C(1) << 53};
    struct arena *arena = arena_create();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        check_id_table(arena, 0, steps[i]);
        check_id_table(arena, 1000, steps[i]);
    }
    arena_destroy(arena);
}

static void test_string_pool(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    struct string_pool *pool = string_pool_create(arena);
    const char *first = string_pool_add(pool, "handler and more", 7);
    assert_string_equal(first, "handler");
    assert_ptr_equal(string_pool_add(pool, "handler", 7), first);
    assert_ptr_not_equal(string_pool_add(pool, "handle", 6), first);
    assert_string_equal(string_pool_add(pool, "", 0), "");
    string_pool_reset(pool);
    arena_reset(arena);
    assert_string_equal(string_pool_add(pool, "handler", 7), "handler");
    string_pool_destroy(pool);
    string_pool_destroy(NULL);
    arena_destroy(arena);
}

static void test_log(void **state) {
    (void)state;
    assert_false(log_enable("target,nothing"));
    assert_false(log_enable(""));
    assert_false(log_enable("target,"));
    assert_false(log_enabled(LOG_TARGET));
    assert_true(log_enable("asyncio,capture"));
    assert_true(log_enabled(LOG_ASYNCIO));
    assert_true(log_enabled(LOG_CAPTURE));
    assert_false(log_enabled(LOG_PYTHON));
    assert_true(log_enable("all"));
    assert_true(log_enabled(LOG_PYTHON));
}

static void test_clock(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    assert_true(clock_monotonic() <= clock_monotonic());
    assert_true(clock_realtime() > 1.7e9);
    assert_string_equal(clock_format_stamp(arena, 0), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_format_stamp(arena, 1795234327.25), "2026-11-21T04:12:07.250Z");
    assert_null(clock_format_stamp(arena, NAN));
    assert_null(clock_format_stamp(arena, -1));
    assert_null(clock_format_stamp(arena, 1e300));
    assert_true(clock_parse_stamp("2026-11-21T04:12:07.250Z") == 1795234327.25);
    assert_true(clock_parse_stamp("2026-11-21T04:12:07Z") == 1795234327);
    static const char *const wrong[] = {
        "",
        "2026",
        "2026-11-21T04:12:07",
        "2026-11-21T04:12:07.Z",
        "2026-11-21T04:12:07+01:00",
        "2026-11-21T04:12:07.123456789012345678901234567890Z",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(isnan(clock_parse_stamp(wrong[i])));
    assert_true(isnan(clock_parse_stamp(NULL)));
    arena_destroy(arena);
}

/* What text_write_escaped writes; free() it. */
static char *write_escaped(const char *text) {
    char *result = NULL;
    size_t size;
    FILE *out = open_memstream(&result, &size);
    text_write_escaped(out, text);
    fclose(out);
    return result;
}

static void test_text_escape(void **state) {
    static const struct {
        const char *text, *escaped, *ascii;
    } rows[] = {
        {"", "", ""},
        {"plain \\n", "plain \\n", "plain \\n"},
        {"\x1b[31m\x07\x7f\n", "\\x1b[31m\\x07\\x7f\\x0a", "\\x1b[31m\\x07\\x7f\\x0a"},
        {"\xc2\x80\xc2\x9b", "\\x80\\x9b", "\\x80\\x9b"},
        {"\xff\xc0\x80\xe4\xb8", "\\xff\\xc0\\x80\\xe4\\xb8", "\\xff\\xc0\\x80\\xe4\\xb8"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"},
        {"\xf5\x80\x80\x80\xf4\x90\x80\x80", "\\xf5\\x80\\x80\\x80\\xf4\\x90\\x80\\x80",
         "\\xf5\\x80\\x80\\x80\\xf4\\x90\\x80\\x80"},
        {"a\u202eb\u2066c\u2069", "a\\u202eb\\u2066c\\u2069", "a\\u202eb\\u2066c\\u2069"},
        {"\u200b\u200f\u2028\u2029\ufeff", "\\u200b\\u200f\\u2028\\u2029\\ufeff",
         "\\u200b\\u200f\\u2028\\u2029\\ufeff"},
        {"\U000e0041", "\\U000e0041", "\\U000e0041"},
        {"\u00e9\u4e2d\U0001f40d", "\u00e9\u4e2d\U0001f40d", "\\xe9\\u4e2d\\U0001f40d"},
    };
    (void)state;
    struct arena *arena = arena_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *written = write_escaped(rows[i].text);
        assert_string_equal(written, rows[i].escaped);
        free(written);
        assert_string_equal(text_escape(arena, rows[i].text), rows[i].escaped);
        assert_string_equal(text_escape_ascii(arena, rows[i].text), rows[i].ascii);
    }
    arena_destroy(arena);
}

static void test_text_measure_character(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        int columns;
    } cases[] = {{"ab", 1, 1},        {"\u00e9x", 2, 1},     {"\u4e2dx", 3, 2},
                 {"\u0301x", 2, 0},   {"\U0001f40dx", 4, 2}, {"\nx", 1, -1},
                 {"\x7f", 1, -1},     {"\xc2\x9bx", 2, -1},  {"\u202ex", 3, -1},
                 {"\xff\xff", 1, -1}, {"\xe4\xb8", 1, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int columns;
        assert_int_equal(text_measure_character(cases[i].text, &columns), cases[i].size);
        assert_int_equal(columns, cases[i].columns);
    }
}

static void test_text_width(void **state) {
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("abc"), 3);
    assert_int_equal(text_width("caf\u00e9"), 4);
    assert_int_equal(text_width("e\u0301"), 1);
    assert_int_equal(text_width("\u4e2d\u6587"), 4);
    assert_int_equal(text_width("\U0001f40d"), 2);
}

static void test_text_clip(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    assert_string_equal(text_clip(arena, "abcdef", 6), "abcdef");
    assert_string_equal(text_clip(arena, "abcdefg", 6), "abc...");
    assert_string_equal(text_clip(arena, "abcdefg", 2), "..");
    assert_string_equal(text_clip(arena, "abcdefg", 0), "");
    assert_string_equal(text_clip(arena, "abcdefg", -1), "");
    assert_string_equal(text_clip(arena, "\u4e2d\u4e2d\u4e2d\u4e2d", 6), "\u4e2d...");
    assert_string_equal(text_clip_start(arena, "abcdef", 6), "abcdef");
    assert_string_equal(text_clip_start(arena, "abcdefg", 6), "...efg");
    assert_string_equal(text_clip_start(arena, "\u4e2d\u4e2d\u4e2d\u4e2d", 6), "...\u4e2d");
    assert_string_equal(text_clip_start(arena, "abcde\u0301xyz", 6), "...xyz");
    assert_string_equal(text_clip_start(arena, "abcdefg", 3), "...");
    assert_string_equal(text_clip_start(arena, "abcdefg", 1), ".");
    arena_destroy(arena);
}

static void test_text_from_bytes(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    assert_string_equal(text_from_bytes(arena, "caf\u00e9", 5), "caf\u00e9");
    assert_string_equal(text_from_bytes(arena, "a\xff/\xe4\xb8", 5), "a\\udcff/\\udce4\\udcb8");
    assert_string_equal(text_from_bytes(arena, "a\0b", 3), "a\\u0000b");
    assert_string_equal(text_from_bytes(arena, "", 0), "");
    assert_true(text_is_utf8("\u4e2d", 3));
    assert_false(text_is_utf8("\u4e2d", 2));
    arena_destroy(arena);
}

static void test_durations(void **state) {
    struct arena *arena = arena_create();
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "0.0 ms"},      {0.0003, "0.3 ms"}, {0.0099, "9.9 ms"}, {0.01, "10 ms"},
                 {0.9994, "999 ms"}, {0.9996, "1.0 s"},  {41.23, "41.2 s"},  {99.96, "1m40s"},
                 {-0.25, "-250 ms"}, {3599.7, "1h00m"},  {-7500, "-2h05m"},  {86399.6, "1d00h"},
                 {273600, "3d04h"},  {NAN, ""},          {INFINITY, ""},     {1e13, ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(clock_format_seconds(arena, cases[i].seconds), cases[i].text);
    arena_destroy(arena);
}

static void test_bounds(void **state) {
    struct arena *arena = arena_create();
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "0.0 ms"},        {0.00036, "0.3 ms"}, {0.0003, "0.3 ms"},
                 {0.00999, "9.9 ms"},  {0.01, "10 ms"},     {0.3586, "358 ms"},
                 {0.9999, "999 ms"},   {47.96, "47.9 s"},   {41.2, "41.2 s"},
                 {1.1999999, "1.2 s"}, {99.96, "99.9 s"},   {100, "1m40s"},
                 {119.6, "1m59s"},     {120, "2m00s"},      {3599.7, "59m59s"},
                 {86399.6, "23h59m"},  {273600, "3d04h"},   {NAN, ""},
                 {INFINITY, ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(clock_format_at_least(arena, cases[i].seconds), cases[i].text);
    arena_destroy(arena);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_id_table),
        cmocka_unit_test(test_id_table_remove),
        cmocka_unit_test(test_string_pool),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_text_escape),
        cmocka_unit_test(test_text_width),
        cmocka_unit_test(test_text_measure_character),
        cmocka_unit_test(test_text_clip),
        cmocka_unit_test(test_text_from_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
