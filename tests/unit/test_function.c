/* Callables, numbers, lengths, deques, queues, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_frames.h"
#include "../support/fake_functions.h"
#include "../support/fake_target.h"
#include "asyncspy/python/function.h"

/* --- callables --- */

static const struct fake_variable variables[] = {
    {"argument", FAKE_LOCAL},
    {"local", FAKE_CELL_VARIABLE},
    {"outer", FAKE_FREE_VARIABLE},
    {"waiter", FAKE_FREE_VARIABLE},
};

/* A function whose free variable `outer` is `outer`, and `waiter` not set. */
static uint64_t make_closure(struct fake_target *target, uint64_t outer) {
    struct fake_python *fake = target->fake;
    uint64_t code = fake_code(fake, "_done_callback", "gather.<locals>._done_callback", "t.py", 7);
    uint64_t cells[] = {fake_cell(fake, outer), fake_cell(fake, 0)};
    fake_code_set_variables(fake, code, variables, 4);
    return fake_function(fake, code, "_done_callback", "gather.<locals>._done_callback",
                         fake_tuple(fake, cells, 2));
}

static void test_functions(struct fake_target *target) {
    uint64_t outer = fake_str(target->fake, "future"), value;
    uint64_t address = make_closure(target, outer);
    struct py_function function;
    fake_expect_success(py_function_read(target->py, address, &function));
    assert_string_equal(function.name, "_done_callback");
    assert_string_equal(function.qualified_name, "gather.<locals>._done_callback");
    assert_string_equal(function.file, "t.py");
    assert_int_equal(function.code, FAKE_GET(target->fake, address, function, code));
    assert_int_equal(function.globals, FAKE_GET(target->fake, address, function, globals));
    fake_expect_success(py_closure_find(target->py, &function, "outer", &value));
    assert_int_equal(value, outer);
    static const char *const others[] = {"waiter", "argument", "local", "nothing"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        fake_expect_success(py_closure_find(target->py, &function, others[i], &value));
        assert_int_equal(value, 0);
    }
}

static void test_function_without_closure(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t code = fake_code(fake, "f", "f", "t.py", 7), value = 1;
    struct py_function function;
    fake_expect_success(
        py_function_read(target->py, fake_function(fake, code, "f", "f", 0), &function));
    fake_expect_success(py_closure_find(target->py, &function, "outer", &value));
    assert_int_equal(value, 0);
    fake_expect_error(
        py_function_read(target->py, fake_function(fake, fake->none, "f", "f", 0), &function),
        ERROR_INVALID);
}

/* A closure that is shorter than its code wants, or of something else than cells. */
static void test_bad_closures(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t address = make_closure(target, fake->none), value = 1;
    struct py_function function;
    FAKE_SET(fake, address, function, closure, fake_tuple(fake, NULL, 0));
    fake_expect_success(py_function_read(target->py, address, &function));
    fake_expect_success(py_closure_find(target->py, &function, "outer", &value));
    assert_int_equal(value, 0);
    function.closure = fake_tuple(fake, &fake->none, 1);
    fake_expect_error(py_closure_find(target->py, &function, "outer", &value), ERROR_INVALID);
    function.closure = fake->none;
    fake_expect_error(py_closure_find(target->py, &function, "outer", &value), ERROR_INVALID);
}

static void test_bound_things(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t function, self;
    const char *name;
    uint64_t method = fake_method(fake, 0x5550, fake->true_);
    uint64_t builtin = fake_builtin(fake, "task_wakeup", fake->none);
    uint64_t partial = fake_partial(fake, builtin, 0x7770);
    fake_expect_success(py_method_read(target->py, method, &function, &self));
    assert_int_equal(function, 0x5550);
    assert_int_equal(self, fake->true_);
    fake_expect_success(py_builtin_read(target->py, builtin, &name, &self));
    assert_string_equal(name, "task_wakeup");
    assert_int_equal(self, fake->none);
    fake_expect_success(py_partial_read(target->py, partial, &function, &self));
    assert_int_equal(function, builtin);
    assert_int_equal(self, 0x7770);
}

/* Every reader refuses an object of another type. */
static void test_other_types(struct fake_target *target) {
    uint64_t none = target->fake->none, word;
    struct py_function function;
    const char *name;
    double number;
    int64_t count;
    fake_expect_error(py_function_read(target->py, none, &function), ERROR_INVALID);
    fake_expect_error(py_method_read(target->py, none, &word, &word), ERROR_INVALID);
    fake_expect_error(py_builtin_read(target->py, none, &name, &word), ERROR_INVALID);
    fake_expect_error(py_partial_read(target->py, none, &word, &word), ERROR_INVALID);
    fake_expect_error(py_float_read(target->py, none, &number), ERROR_INVALID);
    fake_expect_error(py_count_read(target->py, none, &count), ERROR_INVALID);
    fake_expect_error(py_tuple_get(target->py, none, 0, &word), ERROR_INVALID);
    fake_expect_error(py_function_read(target->py, 0x1000, &function), ERROR_FAULT);
}

/* From some version on these are heap types, as classes written in Python are; those have no
 * module in their tp_name, and one that has is too small. */
static struct error *read_partial_of(struct fake_target *target, const struct fake_class *class,
                                     uint64_t *ret_class) {
    struct fake_python *fake = target->fake;
    uint64_t function, arguments, partial = fake_partial(fake, 0x5550, 0x7770);
    *ret_class = fake_class(fake, class);
    FAKE_SET(fake, partial, object, type, *ret_class);
    return py_partial_read(target->py, partial, &function, &arguments);
}

static void test_heap_types(struct fake_target *target) {
    size_t size = (size_t)PY_OFFSET(&target->fake->layout, partial, size);
    struct fake_class class = {.module = "functools", .name = "functools.partial", .size = size};
    struct fake_class derived = {.module = "app", .name = "Derived", .size = size + 8};
    struct fake_class impostor = {.module = "functools", .name = "partial", .size = size};
    uint64_t other;
    fake_expect_success(read_partial_of(target, &class, &derived.base));
    fake_expect_success(read_partial_of(target, &derived, &other));
    class.size = 24;
    fake_expect_error(read_partial_of(target, &class, &other), ERROR_INVALID);
    fake_expect_error(read_partial_of(target, &impostor, &other), ERROR_INVALID);
}

/* --- values --- */

static void test_floats(struct fake_target *target) {
    static const double values[] = {0.0, 1.5, -1e300, 1758.25};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double value = -1;
        fake_expect_success(py_float_read(target->py, fake_float(target->fake, values[i]), &value));
        assert_true(value == values[i]);
    }
}

static int64_t count_of(struct fake_target *target, uint64_t address) {
    int64_t count = -1;
    fake_expect_success(py_count_read(target->py, address, &count));
    return count;
}

static void test_counts(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t words[5] = {0}, set = fake_set(fake, 7), dict = fake_dict(fake, false);
    int64_t count;
    FAKE_SET(fake, set, set, used, 3);
    FAKE_SET(fake, dict, dict, used, 6);
    assert_int_equal(count_of(target, fake_list(fake, words, 5)), 5);
    assert_int_equal(count_of(target, fake_tuple(fake, words, 4)), 4);
    assert_int_equal(count_of(target, set), 3);
    assert_int_equal(count_of(target, dict), 6);
    uint64_t deque = fake_deque(fake, 1, 70, 3);
    assert_int_equal(count_of(target, deque), 70);
    uint64_t class = fake_class(
        fake, &(struct fake_class){
                  .module = "app", .name = "Jobs", .base = fake->types[FAKE_DEQUE], .size = 300});
    FAKE_SET(fake, deque, object, type, class);
    assert_int_equal(count_of(target, deque), 70);
    FAKE_SET(fake, deque, deque, count, UINT64_MAX);
    fake_target_open(target, 0);
    fake_expect_error(py_count_read(target->py, deque, &count), ERROR_INVALID);
}

static void test_tuple_items(struct fake_target *target) {
    uint64_t words[] = {0x10, 0x20}, item;
    uint64_t tuple = fake_tuple(target->fake, words, 2);
    fake_expect_success(py_tuple_get(target->py, tuple, 1, &item));
    assert_int_equal(item, 0x20);
    fake_expect_success(py_tuple_get(target->py, tuple, 2, &item));
    assert_int_equal(item, 0);
    fake_expect_success(py_tuple_get(target->py, tuple, SIZE_MAX, &item));
    assert_int_equal(item, 0);
}

/* --- deques and queues --- */

struct expected_items {
    uint64_t next;
    size_t count;
};

static struct error *expect_item(void *context, uint64_t item) {
    struct expected_items *items = context;
    assert_int_equal(item, items->next++);
    items->count++;
    return NULL;
}

static void test_deques(struct fake_target *target) {
    static const size_t shapes[][2] = {{0, 0},  {0, 63}, {1, 63},  {2, 63},
                                       {64, 0}, {65, 0}, {300, 31}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct expected_items items = {1000, 0};
        uint64_t deque = fake_deque(target->fake, 1000, shapes[i][0], shapes[i][1]);
        fake_expect_success(py_deque_visit(target->py, deque, expect_item, &items));
        assert_int_equal(items.count, shapes[i][0]);
    }
}

static struct error *ignore_item(void *context, uint64_t item) {
    (void)context;
    (void)item;
    return NULL;
}

static void test_impossible_deques(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t deque = fake_deque(fake, 1, 70, 3);
    FAKE_SET(fake, deque, deque, first_index, 64);
    fake_expect_error(py_deque_visit(target->py, deque, ignore_item, NULL), ERROR_INVALID);
    FAKE_SET(fake, deque, deque, first_index, UINT64_MAX);
    fake_target_open(target, 0);
    fake_expect_error(py_deque_visit(target->py, deque, ignore_item, NULL), ERROR_INVALID);
    FAKE_SET(fake, deque, deque, first_index, 0);
    FAKE_SET(fake, deque, deque, count, UINT64_MAX / 2);
    fake_target_open(target, 0);
    fake_expect_error(py_deque_visit(target->py, deque, ignore_item, NULL), ERROR_INVALID);
    FAKE_SET(fake, deque, deque, count, 1000); /* the blocks end before */
    fake_target_open(target, 0);
    fake_expect_error(py_deque_visit(target->py, deque, ignore_item, NULL), ERROR_FAULT);
}

/* Blocks that lead in a circle are read as often as the length says, which costs work. */
static void test_circle_of_blocks(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t deque = fake_deque(fake, 1, 64, 0);
    uint64_t block = FAKE_GET(fake, deque, deque, first_block);
    FAKE_SET(fake, block, deque_block, next, block);
    FAKE_SET(fake, deque, deque, count, PY_ITEMS_MAX);
    py_set_walk_units(target->py, 100000);
    py_begin_walk(target->py, target->snapshot);
    fake_expect_error(py_deque_visit(target->py, deque, ignore_item, NULL), ERROR_EXHAUSTED);
}

static bool has_simple_queues(const struct fake_target *target) {
    return PY_HAS(&target->fake->layout, simple_queue, size);
}

static void test_simple_queues(struct fake_target *target) {
    static const size_t shapes[][2] = {{0, 0}, {5, 0}, {5, 3}, {0, 7}, {40, 35}};
    for (size_t i = 0; has_simple_queues(target) && i < sizeof shapes / sizeof *shapes; i++) {
        struct expected_items items = {1000, 0};
        uint64_t queue = fake_simple_queue(target->fake, 1000, shapes[i][0], shapes[i][1]);
        fake_expect_success(py_simple_queue_visit(target->py, queue, expect_item, &items));
        assert_int_equal(items.count, shapes[i][0]);
    }
}

static void test_impossible_rings(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    if (!PY_HAS(&fake->layout, simple_queue, ring_items))
        return;
    static const uint64_t rings[][3] = {/* size, first, count */
                                        {7, 7, 1},
                                        {7, 0, 8},
                                        {UINT64_MAX, 0, 1},
                                        {0, 0, 1}};
    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++) {
        uint64_t queue = fake_simple_queue(fake, 1, 5, 0);
        FAKE_SET(fake, queue, simple_queue, ring_size, rings[i][0]);
        FAKE_SET(fake, queue, simple_queue, ring_first, rings[i][1]);
        FAKE_SET(fake, queue, simple_queue, ring_count, rings[i][2]);
        fake_expect_error(py_simple_queue_visit(target->py, queue, ignore_item, NULL),
                          ERROR_INVALID);
    }
}

/* --- faults --- */

static struct error *read_everything(struct fake_target *target, const uint64_t *objects) {
    struct py_function function;
    uint64_t word, other;
    const char *name;
    double number;
    int64_t count;
    struct py *py = target->py;
    struct error *err = py_function_read(py, objects[0], &function);
    if (!err)
        err = py_closure_find(py, &function, "outer", &word);
    if (!err)
        err = py_method_read(py, objects[1], &word, &other);
    if (!err)
        err = py_builtin_read(py, objects[2], &name, &word);
    if (!err)
        err = py_partial_read(py, objects[3], &word, &other);
    if (!err)
        err = py_float_read(py, objects[4], &number);
    if (!err)
        err = py_count_read(py, objects[5], &count);
    if (!err)
        err = py_deque_visit(py, objects[5], ignore_item, NULL);
    if (!err && has_simple_queues(target))
        err = py_simple_queue_visit(py, objects[6], ignore_item, NULL);
    return err;
}

static void test_fault_at_every_page(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    const uint64_t objects[] = {
        make_closure(target, fake->none),
        fake_method(fake, fake->none, fake->none),
        fake_builtin(fake, "append", fake->none),
        fake_partial(fake, fake->none, fake->none),
        fake_float(fake, 1.5),
        fake_deque(fake, 1, 200, 60),
        has_simple_queues(target) ? fake_simple_queue(fake, 1, 20, 15) : 0,
    };
    uint64_t n = 1, faults = 0;
    for (;; n++) {
        fake_target_open(target, 0);
        uint64_t before = fake_memory_get_page_reads(fake->memory);
        fake_memory_fail_at(fake->memory, n);
        struct error *err = read_everything(target, objects);
        if (fake_memory_get_page_reads(fake->memory) - before < n) {
            fake_expect_success(err);
            break;
        }
        faults += err != NULL;
        error_destroy(err);
    }
    fake_memory_fail_at(fake->memory, 0);
    assert_true(faults > 20);
    assert_true(n < 200);
}

FAKE_EACH_VERSION(test_functions)
FAKE_EACH_VERSION(test_function_without_closure)
FAKE_EACH_VERSION(test_bad_closures)
FAKE_EACH_VERSION(test_bound_things)
FAKE_EACH_VERSION(test_other_types)
FAKE_EACH_VERSION(test_heap_types)
FAKE_EACH_VERSION(test_floats)
FAKE_EACH_VERSION(test_counts)
FAKE_EACH_VERSION(test_tuple_items)
FAKE_EACH_VERSION(test_deques)
FAKE_EACH_VERSION(test_impossible_deques)
FAKE_EACH_VERSION(test_circle_of_blocks)
FAKE_EACH_VERSION(test_simple_queues)
FAKE_EACH_VERSION(test_impossible_rings)
FAKE_EACH_VERSION(test_fault_at_every_page)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_functions),
        FAKE_TEST(test_function_without_closure),
        FAKE_TEST(test_bad_closures),
        FAKE_TEST(test_bound_things),
        FAKE_TEST(test_other_types),
        FAKE_TEST(test_heap_types),
        FAKE_TEST(test_floats),
        FAKE_TEST(test_counts),
        FAKE_TEST(test_tuple_items),
        FAKE_TEST(test_deques),
        FAKE_TEST(test_impossible_deques),
        FAKE_TEST(test_circle_of_blocks),
        FAKE_TEST(test_simple_queues),
        FAKE_TEST(test_impossible_rings),
        FAKE_TEST(test_fault_at_every_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
