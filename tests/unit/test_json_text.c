/* Text as JSON has it, whatever its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/json_text.h"
#include "asyncspy/base/text.h"

static char *write(const char *text) {
    char *written;
    size_t size;
    FILE *out = open_memstream(&written, &size);
    json_write_string(out, text);
    fclose(out);
    return written;
}

static void test_strings(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {NULL, "null"},
        {"", "\"\""},
        {"plain text", "\"plain text\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\b\t\n\f\r\x1b\x7f", "\"\\b\\t\\n\\f\\r\\u001b\\u007f\""},
        {"<a>&", "\"\\u003ca\\u003e\\u0026\""},
        {"gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x90\x8d",
         "\"gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x90\x8d\""},
        {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
         "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\""},
        {"a\x80\xff.", "\"a\\\\udc80\\\\udcff.\""},
        {"\xe2\x80", "\"\\\\udce2\\\\udc80\""},                           /* cut off */
        {"\xed\xa0\x80", "\"\\\\udced\\\\udca0\\\\udc80\""},              /* a surrogate */
        {"\xc0\xaf", "\"\\\\udcc0\\\\udcaf\""},                           /* overlong */
        {"\xf4\x90\x80\x80", "\"\\\\udcf4\\\\udc90\\\\udc80\\\\udc80\""}, /* beyond Unicode */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *written = write(cases[i].text);
        assert_string_equal(written, cases[i].expected);
        free(written);
    }
}

/* Any bytes: what is written is UTF-8, and nothing behind the end is looked at. */
static void test_any_bytes(void **state) {
    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t length = (size_t)(rand() % 6);
        char *text = malloc(length + 1);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)(rand() % 3 ? 0x80 + rand() % 0x80 : 1 + rand() % 0xff);
        text[length] = 0;
        char *written = write(text);
        assert_true(text_is_utf8(written, strlen(written)));
        free(written);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
