/* Variables of frames, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_frames.h"
#include "../support/fake_functions.h"
#include "../support/fake_target.h"
#include "asyncspy/python/frame.h"

static const struct fake_variable variables[] = {
    {"self", FAKE_LOCAL},          {"fut", FAKE_LOCAL},
    {"unset", FAKE_LOCAL},         {"argument", FAKE_CELL_VARIABLE},
    {"empty", FAKE_CELL_VARIABLE}, {"outer", FAKE_FREE_VARIABLE},
};

struct made {
    uint64_t code, frame;
    uint64_t self, fut, argument, outer;
};

static void put_variables(struct fake_python *fake, const struct made *made) {
    fake_frame_put(fake, made->frame, 0, made->self);
    fake_frame_put(fake, made->frame, 1, made->fut);
    fake_frame_put(fake, made->frame, 2, 0);
    fake_frame_put(fake, made->frame, 3, fake_cell(fake, made->argument));
    fake_frame_put(fake, made->frame, 4, fake_cell(fake, 0));
    fake_frame_put(fake, made->frame, 5, fake_cell(fake, made->outer));
}

static struct made make(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct made made = {.code = fake_code(fake, "acquire", "Lock.acquire", "locks.py", 90),
                        .self = fake_str(fake, "self"),
                        .fut = fake_cell(fake, fake->none), /* a cell is but an object */
                        .argument = fake_str(fake, "argument"),
                        .outer = fake_str(fake, "outer")};
    fake_code_set_variables(fake, made.code, variables, 6);
    made.frame = fake_frame(fake, made.code, FAKE_UNIT_CALL, 0, true);
    put_variables(fake, &made);
    return made;
}

static uint64_t find(struct fake_target *target, uint64_t frame, const char *name) {
    uint64_t value = 1;
    fake_expect_success(py_local_find(target->py, frame, name, &value));
    return value;
}

static void test_variables_by_name(struct fake_target *target) {
    struct made made = make(target);
    assert_int_equal(find(target, made.frame, "self"), made.self);
    assert_int_equal(find(target, made.frame, "fut"), made.fut);
    assert_int_equal(find(target, made.frame, "unset"), 0);
    assert_int_equal(find(target, made.frame, "argument"), made.argument);
    assert_int_equal(find(target, made.frame, "empty"), 0);
    assert_int_equal(find(target, made.frame, "outer"), made.outer);
    assert_int_equal(find(target, made.frame, "nothing"), 0);
}

/* The names are read once, each variable then with its own word only. */
static void test_names_are_read_once(struct fake_target *target) {
    struct made made = make(target);
    (void)find(target, made.frame, "self");
    uint64_t reads = fake_memory_get_reads(target->fake->memory);
    for (int i = 0; i < 100; i++)
        (void)find(target, made.frame, "fut");
    assert_int_equal(fake_memory_get_reads(target->fake->memory), reads);
}

/* Before its MAKE_CELL has run, from 3.11 on, the word of an argument holds the value. */
static void test_no_cell_yet(struct fake_target *target) {
    struct made made = make(target);
    fake_frame_put(target->fake, made.frame, 3, made.argument);
    assert_int_equal(find(target, made.frame, "argument"), made.argument);
}

/* Up to 3.10 an argument in a cell has a word among the others as well, which is empty. */
static void test_two_words_of_one_name(struct fake_target *target) {
    static const struct fake_variable twice[] = {{"argument", FAKE_LOCAL},
                                                 {"argument", FAKE_CELL_VARIABLE}};
    struct made made = make(target);
    fake_code_set_variables(target->fake, made.code, twice, 2);
    fake_frame_put(target->fake, made.frame, 0, 0);
    fake_frame_put(target->fake, made.frame, 1, fake_cell(target->fake, made.argument));
    assert_int_equal(find(target, made.frame, "argument"), made.argument);
}

static void test_tagged_words(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct made made = make(target);
    uint64_t at = made.frame + (uint64_t)PY_OFFSET(&fake->layout, frame, localsplus);
    if (!fake->layout.traits.stackref_tagged)
        return;
    fake_put(fake, at, 1, 8);              /* NULL */
    fake_put(fake, at + 8, 7 << 2 | 3, 8); /* an integer */
    assert_int_equal(find(target, made.frame, "self"), 0);
    assert_int_equal(find(target, made.frame, "fut"), 0);
}

struct seen {
    const char *names[8];
    uint64_t values[8];
    size_t count, stop_after;
};

static struct error *visit_local(void *context, const char *name, uint64_t value, bool *stop) {
    struct seen *seen = context;
    seen->names[seen->count] = name;
    seen->values[seen->count++] = value;
    *stop = seen->count == seen->stop_after;
    return NULL;
}

static void test_all_variables(struct fake_target *target) {
    struct made made = make(target);
    struct seen seen = {.count = 0}, first = {.stop_after = 1};
    fake_expect_success(py_locals_visit(target->py, made.frame, visit_local, &seen));
    assert_int_equal(seen.count, 4);
    assert_string_equal(seen.names[0], "self");
    assert_string_equal(seen.names[2], "argument");
    assert_int_equal(seen.values[2], made.argument);
    assert_string_equal(seen.names[3], "outer");
    fake_expect_success(py_locals_visit(target->py, made.frame, visit_local, &first));
    assert_int_equal(first.count, 1);
}

static void test_globals(struct fake_target *target) {
    struct made made = make(target);
    uint64_t globals = 0;
    FAKE_SET(target->fake, made.frame, frame, globals, 0x5550);
    fake_expect_success(py_globals_find(target->py, made.frame, &globals));
    assert_int_equal(globals, 0x5550);
}

static void test_frame_of_no_code(struct fake_target *target) {
    struct made made = make(target);
    uint64_t value;
    FAKE_SET(target->fake, made.frame, frame, code, target->fake->none);
    fake_expect_error(py_local_find(target->py, made.frame, "self", &value), ERROR_INVALID);
    fake_expect_error(py_local_find(target->py, 0x1000, "self", &value), ERROR_FAULT);
}

/* From 3.11 on the names have kinds, as many as they are. */
static void test_names_without_kinds(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct made made = make(target);
    uint64_t value;
    if (!PY_HAS(&fake->layout, code, local_kinds))
        return;
    FAKE_SET(fake, made.code, code, local_kinds, fake_bytes(fake, "     ", 5));
    fake_expect_error(py_local_find(target->py, made.frame, "self", &value), ERROR_INVALID);
}

static void test_too_many_names(struct fake_target *target) {
    static uint64_t names[20000];
    struct fake_python *fake = target->fake;
    struct made made = make(target);
    uint64_t value;
    for (size_t i = 0; i < 20000; i++)
        names[i] = made.self;
    uint64_t tuple = fake_tuple(fake, names, 20000);
    FAKE_SET(fake, made.code, code, local_names, tuple);
    FAKE_SET(fake, made.code, code, variable_names, tuple);
    fake_expect_error(py_local_find(target->py, made.frame, "self", &value), ERROR_INVALID);
}

static void test_fault_at_every_page(struct fake_target *target) {
    struct made made = make(target);
    struct fake_memory *memory = target->fake->memory;
    for (uint64_t n = 1;; n++) {
        struct seen seen = {.count = 0};
        fake_target_open(target, 0);
        uint64_t before = fake_memory_get_page_reads(memory);
        fake_memory_fail_at(memory, n);
        struct error *err = py_locals_visit(target->py, made.frame, visit_local, &seen);
        if (fake_memory_get_page_reads(memory) - before < n) {
            fake_expect_success(err);
            assert_int_equal(seen.count, 4);
            assert_true(n > 15);
            break;
        }
        error_destroy(err);
    }
    fake_memory_fail_at(memory, 0);
}

FAKE_EACH_VERSION(test_variables_by_name)
FAKE_EACH_VERSION(test_names_are_read_once)
FAKE_EACH_VERSION(test_no_cell_yet)
FAKE_EACH_VERSION(test_two_words_of_one_name)
FAKE_EACH_VERSION(test_tagged_words)
FAKE_EACH_VERSION(test_all_variables)
FAKE_EACH_VERSION(test_globals)
FAKE_EACH_VERSION(test_frame_of_no_code)
FAKE_EACH_VERSION(test_names_without_kinds)
FAKE_EACH_VERSION(test_too_many_names)
FAKE_EACH_VERSION(test_fault_at_every_page)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_variables_by_name),
        FAKE_TEST(test_names_are_read_once),
        FAKE_TEST(test_no_cell_yet),
        FAKE_TEST(test_two_words_of_one_name),
        FAKE_TEST(test_tagged_words),
        FAKE_TEST(test_all_variables),
        FAKE_TEST(test_globals),
        FAKE_TEST(test_frame_of_no_code),
        FAKE_TEST(test_names_without_kinds),
        FAKE_TEST(test_too_many_names),
        FAKE_TEST(test_fault_at_every_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
