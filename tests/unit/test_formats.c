/* Which format a name asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/cmd/formats.h"

static void test_guess(void **state) {
    (void)state;
    static const struct {
        const char *path, *name;
    } cases[] = {
        {"a.html", "html"},        {"a.htm", "html"},      {"x/a.svg", "svg"},
        {"a.json", "trace"},       {"a.trace", "trace"},   {"a.speedscope.json", "speedscope"},
        {"a.folded", "collapsed"}, {"a.txt", "collapsed"}, {"a.pb.gz", "pprof"},
        {"a.pb", "pprof"},         {"a.jsonl", "jsonl"},   {"a.ndjson", "jsonl"},
        {"a.asyncspy", "raw"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct output_format *format = output_format_guess(cases[i].path);
        assert_non_null(format);
        assert_string_equal(format->name, cases[i].name);
    }
    assert_null(output_format_guess("a.gz"));
    assert_null(output_format_guess("json"));
    assert_null(output_format_guess(""));
}

/* What a message lists can be asked for. */
static void test_names(void **state) {
    (void)state;
    char list[256];
    assert_true(snprintf(list, sizeof list, "%s", output_format_list()) < (int)sizeof list);
    size_t count = 0;
    for (char *rest = list, *name; (name = strtok_r(rest, ", ", &rest));) {
        if (strcmp(name, "or") == 0)
            continue;
        assert_non_null(output_format_find(name));
        count++;
    }
    assert_int_equal(count, 8);
    assert_null(output_format_find("pdf"));
    assert_null(output_format_find(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_guess), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
