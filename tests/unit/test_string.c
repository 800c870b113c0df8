/* Strings and integers, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_target.h"

static void expect_text(struct fake_target *target, uint64_t address, const char *expected) {
    const char *text = NULL;
    fake_expect_success(py_string_read(target->py, address, &text));
    assert_string_equal(text, expected);
}

static void test_ascii(struct fake_target *target) {
    uint64_t hello = fake_str(target->fake, "hello");
    const char *first, *second;
    expect_text(target, hello, "hello");
    expect_text(target, fake_str(target->fake, ""), "");
    fake_expect_success(py_string_read(target->py, hello, &first));
    fake_expect_success(py_string_read(target->py, fake_str(target->fake, "hello"), &second));
    assert_ptr_equal(first, second); /* interned */
}

static void test_copies(struct fake_target *target) {
    uint64_t hello = fake_str(target->fake, "hello");
    const char *first, *second;
    fake_expect_success(py_string_copy(target->py, hello, &first));
    fake_expect_success(py_string_copy(target->py, hello, &second));
    assert_string_equal(first, "hello");
    assert_string_equal(second, "hello");
    assert_ptr_not_equal(first, second);
}

/* Bytes that are no ASCII, and a NUL, in an object that says it has only that. */
static void test_no_ascii(struct fake_target *target) {
    uint64_t torn = fake_str(target->fake, "abcd");
    uint64_t at = torn + (uint64_t)PY_OFFSET(&target->fake->layout, string_ascii, size);
    fake_put_bytes(target->fake, at, "a\xff\0z", 4);
    expect_text(target, torn, "a\xc3\xbf\\u0000z");
}

static void test_wide_kinds(struct fake_target *target) {
    static const uint32_t latin[] = {'n', 0xe9, 0xff};
    static const uint32_t two[] = {0x20ac, 'x', 0x7ff, 0x800};
    static const uint32_t four[] = {0x1f600, 0x10ffff, 'y'};
    expect_text(target, fake_str_wide(target->fake, 1, latin, 3), "n\xc3\xa9\xc3\xbf");
    expect_text(target, fake_str_wide(target->fake, 2, two, 4),
                "\xe2\x82\xac"
                "x\xdf\xbf\xe0\xa0\x80");
    expect_text(target, fake_str_wide(target->fake, 4, four, 3),
                "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbfy");
    expect_text(target, fake_str_not_compact(target->fake, "legacy"), "legacy");
}

static void test_characters_that_are_none(struct fake_target *target) {
    static const uint32_t surrogates[] = {'a', 0, 0xdc80, 0xd800, 0xdfff};
    static const uint32_t too_big[] = {0x110000, UINT32_MAX};
    expect_text(target, fake_str_wide(target->fake, 2, surrogates, 5),
                "a\\u0000\\udc80\\ud800\\udfff");
    expect_text(target, fake_str_wide(target->fake, 4, too_big, 2), "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_long_text_is_cut(struct fake_target *target) {
    static uint32_t text[PY_TEXT_MAX + 10];
    const char *cut = NULL, *whole = NULL;
    for (size_t i = 0; i < PY_TEXT_MAX + 10; i++)
        text[i] = 'x';
    fake_expect_success(
        py_string_read(target->py, fake_str_wide(target->fake, 2, text, PY_TEXT_MAX + 10), &cut));
    assert_int_equal(strlen(cut), PY_TEXT_MAX + 3);
    assert_string_equal(cut + PY_TEXT_MAX, "...");
    fake_expect_success(
        py_string_read(target->py, fake_str_wide(target->fake, 4, text, PY_TEXT_MAX), &whole));
    assert_int_equal(strlen(whole), PY_TEXT_MAX);
}

static void test_no_strings(struct fake_target *target) {
    const char *text;
    uint64_t address = fake_str(target->fake, "x");
    uint64_t state = FAKE_GET(target->fake, address, string, state);
    FAKE_SET(target->fake, address, string, state, (state & ~UINT64_C(0x1c)) | 3 << 2);
    fake_expect_error(py_string_read(target->py, address, &text), ERROR_INVALID);
    FAKE_SET(target->fake, address, string, state, state);
    memory_forget(target->memory);
    FAKE_SET(target->fake, address, string, length, UINT64_MAX);
    fake_expect_error(py_string_read(target->py, address, &text), ERROR_INVALID);
    uint64_t loose = fake_str_not_compact(target->fake, "x");
    FAKE_SET(target->fake, loose, string, data, 0);
    fake_expect_error(py_string_read(target->py, loose, &text), ERROR_FAULT);
    fake_expect_error(py_string_read(target->py, 0x1000, &text), ERROR_FAULT);
}

static void test_equals(struct fake_target *target) {
    static const uint32_t wide[] = {'k', 'e', 'y'};
    bool equal;
    fake_expect_success(py_string_equals(target->py, fake_str(target->fake, "key"), "key", &equal));
    assert_true(equal);
    fake_expect_success(py_string_equals(target->py, fake_str(target->fake, "kez"), "key", &equal));
    assert_false(equal);
    fake_expect_success(
        py_string_equals(target->py, fake_str(target->fake, "keys"), "key", &equal));
    assert_false(equal);
    fake_expect_success(
        py_string_equals(target->py, fake_str_wide(target->fake, 2, wide, 3), "key", &equal));
    assert_false(equal); /* only an ASCII string is one */
}

static void test_integers(struct fake_target *target) {
    static const int64_t values[] = {
        0, 1, -1, 0x3fffffff, 0x40000000, -0x40000000, INT64_C(1) << 60, INT64_MAX, -INT64_MAX};
    int64_t value;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        fake_expect_success(py_integer_read(target->py, fake_int(target->fake, values[i]), &value));
        assert_int_equal(value, values[i]);
    }
    fake_expect_success(py_integer_read(target->py, target->fake->true_, &value));
    assert_int_equal(value, 1);
}

static void test_integers_that_do_not_fit(struct fake_target *target) {
    int64_t value;
    uint64_t four_digits = fake_int(target->fake, 5), big = fake_int(target->fake, INT64_MAX);
    bool tagged = target->fake->layout.traits.integer_kind == PY_INTEGER_TAG;
    FAKE_SET(target->fake, four_digits, integer, tag, tagged ? 4 << 3 : 4);
    fake_expect_error(py_integer_read(target->py, four_digits, &value), ERROR_INVALID);
    fake_put(target->fake, big + (uint64_t)PY_OFFSET(&target->fake->layout, integer, digits) + 8, 8,
             4);
    fake_expect_error(py_integer_read(target->py, big, &value), ERROR_INVALID);
    uint64_t torn = fake_int(target->fake, 5);
    FAKE_SET(target->fake, torn, integer, tag, UINT64_C(1) << 63);
    fake_expect_error(py_integer_read(target->py, torn, &value), ERROR_INVALID);
}

static void test_c_strings(struct fake_target *target) {
    char bytes[600];
    const char *text;
    memset(bytes, 'n', sizeof bytes);
    uint64_t address = fake_alloc(target->fake, sizeof bytes);
    fake_put_bytes(target->fake, address, bytes, sizeof bytes);
    fake_expect_success(py_c_string_read(target->py, address, 100, &text));
    assert_int_equal(strlen(text), 100);
    fake_expect_success(py_c_string_read(target->py, address, 5000, &text));
    assert_int_equal(strlen(text), 519);
    uint64_t torn = fake_alloc(target->fake, 16);
    fake_put_bytes(target->fake, torn, "a\xff\x80z", 5);
    fake_expect_success(py_c_string_read(target->py, torn, 100, &text));
    assert_string_equal(text, "a??z");
    /* The text ends with its page: what is behind it is not touched. */
    uint64_t page = (target->fake->next | 0xfff) + 1;
    memcpy(fake_memory_map(target->fake->memory, page, 4096) + 4090, "ended", 6);
    fake_expect_success(py_c_string_read(target->py, page + 4090, 500, &text));
    assert_string_equal(text, "ended");
}

FAKE_EACH_VERSION(test_ascii)
FAKE_EACH_VERSION(test_copies)
FAKE_EACH_VERSION(test_no_ascii)
FAKE_EACH_VERSION(test_wide_kinds)
FAKE_EACH_VERSION(test_characters_that_are_none)
FAKE_EACH_VERSION(test_long_text_is_cut)
FAKE_EACH_VERSION(test_no_strings)
FAKE_EACH_VERSION(test_equals)
FAKE_EACH_VERSION(test_integers)
FAKE_EACH_VERSION(test_integers_that_do_not_fit)
FAKE_EACH_VERSION(test_c_strings)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_ascii),
        FAKE_TEST(test_copies),
        FAKE_TEST(test_no_ascii),
        FAKE_TEST(test_wide_kinds),
        FAKE_TEST(test_characters_that_are_none),
        FAKE_TEST(test_long_text_is_cut),
        FAKE_TEST(test_no_strings),
        FAKE_TEST(test_equals),
        FAKE_TEST(test_integers),
        FAKE_TEST(test_integers_that_do_not_fit),
        FAKE_TEST(test_c_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
