/* Context variables and the values of plain objects, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_asyncio.h"
#include "../support/fake_context.h"
#include "../support/fake_functions.h"
#include "../support/fake_target.h"
#include "asyncspy/python/context.h"

/* --- values --- */

static void expect_repr(struct fake_target *target, uint64_t object, const char *expected) {
    const char *text;
    fake_expect_success(py_repr_read(target->py, object, &text));
    assert_string_equal(text, expected);
}

static void test_numbers(struct fake_target *target) {
    static const struct {
        double value;
        const char *text;
    } floats[] = {{1.5, "1.5"},
                  {0.1, "0.1"},
                  {1e16, "1e+16"},
                  {1e-5, "1e-05"},
                  {1e15, "1000000000000000.0"},
                  {-0.0, "-0.0"},
                  {5e-324, "5e-324"},
                  {1234.5678, "1234.5678"}};
    struct fake_python *fake = target->fake;
    expect_repr(target, fake->none, "None");
    expect_repr(target, fake->true_, "True");
    expect_repr(target, fake->false_, "False");
    expect_repr(target, fake_int(fake, 0), "0");
    expect_repr(target, fake_int(fake, -12), "-12");
    expect_repr(target, fake_int(fake, INT64_MIN), "-9223372036854775808");
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        expect_repr(target, fake_float(fake, floats[i].value), floats[i].text);
}

static uint64_t make_digits(struct fake_target *target, const uint32_t *digits, size_t count) {
    struct fake_python *fake = target->fake;
    size_t header = (size_t)PY_OFFSET(&fake->layout, integer, digits);
    uint64_t object = fake_object(fake, fake->types[FAKE_INT], header + 4 * count);
    bool is_signed = fake->layout.traits.integer_kind == PY_INTEGER_SIGNED_COUNT;
    FAKE_SET(fake, object, integer, tag, is_signed ? count : count << 3);
    fake_put_bytes(fake, object + header, digits, 4 * count);
    return object;
}

static void test_long_numbers(struct fake_target *target) {
    const char *text;
    uint32_t digits[21] = {0, 0, 15, 1, 0x3fffffff};
    expect_repr(target, make_digits(target, digits, 3), "17293822569102704640");
    digits[2] = 16;
    expect_repr(target, make_digits(target, digits, 3), "0x10000000000000000");
    expect_repr(target, make_digits(target, digits, 4), "0x40000010000000000000000");
    digits[20] = 1;
    fake_expect_error(py_repr_read(target->py, make_digits(target, digits, 21), &text),
                      ERROR_INVALID);
}

static void test_texts(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint32_t wide[50];
    char expected[] = "'€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€...";
    for (size_t i = 0; i < 50; i++)
        wide[i] = 0x20ac;
    expect_repr(target, fake_str(fake, ""), "''");
    expect_repr(target, fake_str(fake, "it's"), "\"it's\"");
    expect_repr(target, fake_str(fake, "'\""), "'\\'\"'");
    expect_repr(target, fake_str(fake, "a\nb\r\t\\\x01\x7f"), "'a\\nb\\r\\t\\\\\\x01\\x7f'");
    expect_repr(target, fake_str_wide(fake, 2, wide, 50), expected);
    expect_repr(target, fake_bytes(fake, "\0a'\xff", 4), "b\"\\x00a'\\xff\"");
}

/* However long the text, the result is short. */
static void test_cut(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    char long_text[1000];
    const char *text;
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    uint64_t objects[] = {fake_str(fake, long_text), fake_bytes(fake, long_text, 999)};
    for (size_t i = 0; i < 2; i++) {
        fake_expect_success(py_repr_read(target->py, objects[i], &text));
        assert_in_range(strlen(text), PY_REPR_MAX - 3, PY_REPR_MAX);
        assert_string_equal(text + strlen(text) - 3, "...");
    }
}

static void test_tuples(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t one = fake_int(fake, 1), items[20], tuple;
    for (size_t i = 0; i < 20; i++)
        items[i] = one;
    expect_repr(target, fake_tuple(fake, items, 0), "()");
    expect_repr(target, fake_tuple(fake, items, 1), "(1,)");
    expect_repr(target, fake_tuple(fake, items, 20),
                "(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ...)");
    tuple = fake_tuple(fake, items, 2);
    items[1] = tuple;
    expect_repr(target, fake_tuple(fake, items, 3), "(1, (1, 1), 1)");
    fake_put(fake, tuple + (uint64_t)PY_OFFSET(&fake->layout, tuple, items), tuple, 8);
    fake_target_open(target, 0); /* itself is its first item */
    expect_repr(target, tuple, "((((...), 1), 1), 1)");
}

static void test_objects(struct fake_target *target) {
    static const char *const keys[] = {"int", NULL};
    struct fake_python *fake = target->fake;
    uint32_t digits[5] = {0x34567812, 0x159e048d & 0x3fffffff, 0, 0, 0};
    char expected[200];
    uint64_t values[1] = {make_digits(target, digits, 5)};
    uint64_t type =
        fake_class(fake, &(struct fake_class){.module = "uuid", .name = "UUID", .keys = keys});
    expect_repr(target, fake_instance(fake, type, values),
                "UUID('00000000-0000-0000-0567-812374567812')");
    values[0] = fake->none;
    uint64_t odd = fake_instance(fake, type, values);
    snprintf(expected, sizeof expected, "<uuid.UUID object at 0x%llx>", (unsigned long long)odd);
    expect_repr(target, odd, expected);
    type = fake_class(fake, &(struct fake_class){.module = "app",
                                                 .name = "Color",
                                                 .flags = UINT64_C(1) << 28,
                                                 .base = fake->types[FAKE_STR]});
    uint64_t color = fake_str(fake, "red");
    FAKE_SET(fake, color, object, type, type);
    expect_repr(target, color, "<app.Color 'red'>");
}

/* --- trees --- */

struct seen {
    uint64_t variables[1100], values[1100];
    size_t count;
};

static struct error *see(void *context, uint64_t variable, uint64_t value) {
    struct seen *seen = context;
    seen->variables[seen->count] = variable;
    seen->values[seen->count++] = value;
    return NULL;
}

static struct error *visit(struct fake_target *target, uint64_t context, struct seen *seen,
                           const char **ret_why) {
    uint64_t tree = 0;
    *seen = (struct seen){.count = 0};
    *ret_why = NULL;
    struct error *err = py_context_read(target->py, context, &tree);
    return err ? err : py_context_visit(target->py, tree, see, seen, ret_why);
}

static bool has_contexts(const struct fake_target *target) {
    return PY_HAS(&target->fake->layout, hamt, root);
}

static uint64_t make_context(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t colliding[] = {0x10, 1, 0x20, 2};
    uint64_t leaf[] = {0x30, 3};
    uint64_t children[] = {fake_collision_node(fake, colliding, 4),
                           fake_bitmap_node(fake, leaf, 2)};
    uint64_t words[] = {0x40, 4, 0, fake_array_node(fake, children, 2), 0x50, 5};
    return fake_context(fake, fake_bitmap_node(fake, words, 6));
}

static void test_trees(struct fake_target *target) {
    struct seen seen;
    const char *why;
    uint64_t sum = 0;
    if (!has_contexts(target))
        return;
    fake_expect_success(visit(target, make_context(target), &seen, &why));
    assert_null(why);
    assert_int_equal(seen.count, 5);
    for (size_t i = 0; i < seen.count; i++) {
        assert_int_equal(seen.variables[i], 0x10 * seen.values[i]);
        sum += seen.values[i];
    }
    assert_int_equal(sum, 15);
    fake_expect_success(visit(
        target, fake_context(target->fake, fake_bitmap_node(target->fake, NULL, 0)), &seen, &why));
    assert_int_equal(seen.count, 0);
}

static void test_variables(struct fake_target *target) {
    const char *name;
    if (!has_contexts(target))
        return;
    uint64_t variable = fake_context_variable(target->fake, "request_id");
    fake_expect_success(py_context_variable_read(target->py, variable, &name));
    assert_string_equal(name, "request_id");
    fake_expect_error(py_context_variable_read(target->py, target->fake->none, &name),
                      ERROR_INVALID);
}

/* A node that has itself for a branch, in as many places as it has. */
static void test_cyclic_tree(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t words[64] = {0};
    struct seen seen;
    const char *why;
    if (!has_contexts(target))
        return;
    uint64_t node = fake_bitmap_node(fake, words, 64);
    for (size_t i = 0; i < 32; i++)
        fake_put(fake, node + (uint64_t)PY_OFFSET(&fake->layout, hamt_bitmap, items) + 16 * i + 8,
                 node, 8);
    fake_expect_success(visit(target, fake_context(fake, node), &seen, &why));
    assert_non_null(why);
    assert_int_equal(seen.count, 0);
}

static void test_too_many_variables(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t words[2002];
    struct seen seen;
    const char *why;
    if (!has_contexts(target))
        return;
    for (size_t i = 0; i < 2002; i++)
        words[i] = 0x1000 + i;
    uint64_t first = fake_collision_node(fake, words, 2000);
    uint64_t children[] = {first, fake_collision_node(fake, words, 2)};
    fake_expect_success(
        visit(target, fake_context(fake, fake_array_node(fake, children, 2)), &seen, &why));
    assert_int_equal(seen.count, PY_CONTEXT_VARIABLES_MAX);
    assert_string_equal(why, "it has more than 1000 variables");
    fake_expect_error(
        visit(target, fake_context(fake, fake_collision_node(fake, words, 2002)), &seen, &why),
        ERROR_INVALID);
}

static void test_impossible_trees(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t words[66] = {0};
    struct seen seen;
    const char *why;
    if (!has_contexts(target))
        return;
    const uint64_t roots[] = {fake_bitmap_node(fake, words, 66), fake_bitmap_node(fake, words, 3),
                              fake->none};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        fake_expect_error(visit(target, fake_context(fake, roots[i]), &seen, &why), ERROR_INVALID);
    fake_expect_error(visit(target, fake->none, &seen, &why), ERROR_INVALID);
    fake_expect_error(py_context_visit(target->py, fake->none, see, &seen, &why), ERROR_INVALID);
}

static void test_fault_at_every_page(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct seen seen;
    const char *why, *text;
    if (!has_contexts(target))
        return;
    uint64_t items[] = {fake_str(fake, "a"), fake_bytes(fake, "b", 1), fake_float(fake, 1)};
    uint64_t context = make_context(target), tuple = fake_tuple(fake, items, 3), n = 1;
    for (;; n++) {
        fake_target_open(target, 0);
        uint64_t before = fake_memory_get_page_reads(fake->memory);
        fake_memory_fail_at(fake->memory, n);
        struct error *err = visit(target, context, &seen, &why);
        if (!err)
            err = py_repr_read(target->py, tuple, &text);
        if (fake_memory_get_page_reads(fake->memory) - before < n) {
            fake_expect_success(err);
            break;
        }
        error_destroy(err);
    }
    fake_memory_fail_at(fake->memory, 0);
    assert_true(n > 15);
}

FAKE_EACH_VERSION(test_numbers)
FAKE_EACH_VERSION(test_long_numbers)
FAKE_EACH_VERSION(test_texts)
FAKE_EACH_VERSION(test_cut)
FAKE_EACH_VERSION(test_tuples)
FAKE_EACH_VERSION(test_objects)
FAKE_EACH_VERSION(test_trees)
FAKE_EACH_VERSION(test_variables)
FAKE_EACH_VERSION(test_cyclic_tree)
FAKE_EACH_VERSION(test_too_many_variables)
FAKE_EACH_VERSION(test_impossible_trees)
FAKE_EACH_VERSION(test_fault_at_every_page)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_numbers),
        FAKE_TEST(test_long_numbers),
        FAKE_TEST(test_texts),
        FAKE_TEST(test_cut),
        FAKE_TEST(test_tuples),
        FAKE_TEST(test_objects),
        FAKE_TEST(test_trees),
        FAKE_TEST(test_variables),
        FAKE_TEST(test_cyclic_tree),
        FAKE_TEST(test_too_many_variables),
        FAKE_TEST(test_impossible_trees),
        FAKE_TEST(test_fault_at_every_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
