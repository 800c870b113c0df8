/* Versions of CPython in texts and numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/python/version.h"

#define BUILD " (main, Nov  1 2026, 10:00:00) \n[GCC 14.2.0]"

static uint32_t scan(const char *text) {
    return py_version_scan(text, strlen(text));
}

static void test_good_texts(void **state) {
    (void)state;
    assert_int_equal(scan("3.11.7" BUILD), 0x030b07f0);
    assert_int_equal(scan("3.14.0a1" BUILD), 0x030e00a1);
    assert_int_equal(scan("3.14.0b4" BUILD), 0x030e00b4);
    assert_int_equal(scan("3.15.0rc2" BUILD), 0x030f00c2);
    assert_int_equal(scan("3.13.0+" BUILD), 0x030d00f0);
    assert_int_equal(scan("3.13.0rc3+" BUILD), 0x030d00c3);
    assert_int_equal(scan("3.13.5 experimental free-threading build" BUILD), 0x030d05f0);
    assert_int_equal(scan("2.7.18" BUILD), 0x020712f0);
    assert_int_equal(scan("3.12.3 (v3.12.3:abc, Apr  9 2024) [Clang 13.0.0]"), 0x030c03f0);
}

static void test_bad_texts(void **state) {
    static const char *const texts[] = {
        "",
        ".",
        "3",
        "3.",
        "3.11",
        "3.11.7",
        "3.11.7 ",
        "3.11" BUILD,
        "4.11.7" BUILD,
        "13.11.7" BUILD,
        "x3.11.7" BUILD,
        "3..7" BUILD,
        "3.11.x" BUILD,
        "3.999.1" BUILD,
        "3.11.7x" BUILD,
        "3.11.7r1" BUILD,
        "3.11.7a" BUILD,
        "3.11.7 no parenthesis, no bracket",
        "3.11.7 (main, Nov  1 2026, 10:00:00)",
        "3.11.7 [GCC 14.2.0] (main, Nov 1)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (scan(texts[i]))
            fail_msg("\"%s\" gave 0x%x", texts[i], scan(texts[i]));
}

static void test_text_among_other_bytes(void **state) {
    (void)state;
    static const char bytes[] = "\0\0 3.9 1.2.3 (nothing)\0 3.1.\0"
                                "3.12.1" BUILD "\0 3.11.7" BUILD;
    assert_int_equal(py_version_scan(bytes, sizeof bytes), 0x030c01f0);
    /* A NUL inside the text ends it: two texts are not one. */
    static const char torn[] = "3.12.1\0" BUILD;
    assert_int_equal(py_version_scan(torn, sizeof torn), 0);
    static const char parts[] = "3.12.1 and more words here (main, Nov\0 [GCC 14.2]";
    assert_int_equal(py_version_scan(parts, sizeof parts), 0);
}

/* Each prefix is a block of its own, so that a sanitizer sees a read behind its end. */
static void test_every_prefix(void **state) {
    static const char text[] = "3.14.0rc1 experimental build" BUILD;
    (void)state;
    size_t bracket = (size_t)(strchr(text, '[') - text);
    for (size_t size = 0; size < sizeof text; size++) {
        char *exact = malloc(size ? size : 1);
        memcpy(exact, text, size);
        uint32_t version = py_version_scan(exact, size);
        assert_int_equal(version, size > bracket ? 0x030e00c1 : 0);
        free(exact);
    }
}

static void test_random_bytes(void **state) {
    static const char letters[] = "33.. 01ab+(r)c[]";
    char bytes[64];
    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = letters[(size_t)rand() % (sizeof letters - 1)];
        uint32_t version = py_version_scan(bytes, sizeof bytes);
        assert_true(version == 0 || PY_VERSION_MAJOR(version) == 3);
    }
}

static void test_format(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    assert_string_equal(py_version_format(arena, 0x030b07f0), "3.11.7");
    assert_string_equal(py_version_format(arena, 0x030f00a2), "3.15.0a2");
    assert_string_equal(py_version_format(arena, 0x030e00b4), "3.14.0b4");
    assert_string_equal(py_version_format(arena, 0x030e00c1), "3.14.0rc1");
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_texts),
        cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_text_among_other_bytes),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
