/* Types, containers and attributes, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_target.h"

/* --- types --- */

static void test_builtin_types(struct fake_target *target) {
    struct py_type *type;
    fake_expect_success(py_type_of(target->py, fake_str(target->fake, "x"), &type));
    assert_int_equal(type->kind, PY_KIND_STRING);
    assert_string_equal(type->full_name, "str");
    fake_expect_success(py_type_of(target->py, target->fake->true_, &type));
    assert_int_equal(type->kind, PY_KIND_INTEGER);
    fake_expect_success(py_type_of(target->py, target->fake->none, &type));
    assert_int_equal(type->kind, PY_KIND_NONE);
    fake_expect_success(py_type_read(target->py, target->fake->types[FAKE_ASEND], &type));
    assert_int_equal(type->kind, PY_KIND_ASEND);
}

static struct error *count_types(void *context, struct py_type *type, bool *stop) {
    size_t *count = context;
    (*count)++;
    *stop = type->kind == PY_KIND_ASEND; /* it is met, whatever follows */
    return NULL;
}

/* async_generator_asend before 3.10: PyType_Ready() was never called for it. */
static void test_type_without_ancestors(struct fake_target *target) {
    struct py_type *type;
    size_t count = 0;
    FAKE_SET(target->fake, target->fake->types[FAKE_ASEND], type, mro, 0);
    fake_expect_success(py_type_read(target->py, target->fake->types[FAKE_ASEND], &type));
    fake_expect_success(py_type_visit_mro(target->py, type, count_types, &count));
    assert_int_equal(count, 1);
}

static void test_classes(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct py_type *type;
    uint64_t base = fake_class(fake, &(struct fake_class){.module = "app", .name = "Base"});
    uint64_t derived =
        fake_class(fake, &(struct fake_class){.module = "builtins", .name = "D", .base = base});
    uint64_t impostor = fake_class(fake, &(struct fake_class){.name = "async_generator_asend"});
    fake_expect_success(py_type_read(target->py, base, &type));
    assert_string_equal(type->tp_name, "Base");
    assert_string_equal(type->full_name, "app.Base");
    fake_expect_success(py_type_read(target->py, derived, &type));
    assert_string_equal(type->full_name, "D");
    fake_expect_success(py_type_read(target->py, impostor, &type));
    assert_int_equal(type->kind, PY_KIND_OTHER);
}

static void assert_only_missing(const struct fake_target *target, const char *what) {
    assert_int_equal(target->snapshot->missing.count, 1);
    assert_string_equal(target->snapshot->missing.items[0].what, what);
}

/* A name that cannot be had costs the name, and that is told. */
static void test_class_without_a_name(struct fake_target *target) {
    struct py_type *type;
    uint64_t class = fake_class(target->fake, &(struct fake_class){.module = "m", .name = "C"});
    FAKE_SET(target->fake, class, type, qualname, 16);
    fake_expect_success(py_type_read(target->py, class, &type));
    assert_string_equal(type->full_name, "C");
    fake_expect_success(py_type_read(target->py, class, &type)); /* once */
    assert_only_missing(target, "module of class C");
    fake_expect_error(py_type_read(target->py, 16, &type), ERROR_FAULT);
}

static void test_class_without_a_module(struct fake_target *target) {
    struct py_type *type;
    uint64_t class = fake_class(target->fake, &(struct fake_class){.module = "m", .name = "C"});
    FAKE_SET(target->fake, class, type, dict, 16);
    fake_expect_success(py_type_read(target->py, class, &type));
    assert_string_equal(type->full_name, "C");
    assert_only_missing(target, "module of class C");
}

/* --- tuples, lists, sets --- */

struct items {
    uint64_t items[2048];
    size_t count;
};

static struct error *collect(void *context, uint64_t item) {
    struct items *items = context;
    assert_true(items->count < 2048);
    items->items[items->count++] = item;
    return NULL;
}

static void test_tuples_and_lists(struct fake_target *target) {
    uint64_t many[1300];
    struct items items = {.count = 0};
    for (size_t i = 0; i < 1300; i++)
        many[i] = i * 16;
    fake_expect_success(
        py_tuple_visit(target->py, fake_tuple(target->fake, many, 1300), collect, &items));
    assert_int_equal(items.count, 1300);
    assert_memory_equal(items.items, many, sizeof many);
    items.count = 0;
    fake_expect_success(
        py_list_visit(target->py, fake_list(target->fake, many, 600), collect, &items));
    assert_int_equal(items.count, 600);
    items.count = 0;
    fake_expect_success(
        py_list_visit(target->py, fake_list(target->fake, NULL, 0), collect, &items));
    assert_int_equal(items.count, 0);
}

static void test_sets(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct items items = {.count = 0};
    uint64_t set = fake_set(fake, 1023);
    for (uint64_t i = 1; i <= 5; i++)
        fake_set_add(fake, set, 16 * i);
    uint64_t table = FAKE_GET(fake, set, set, table);
    fake_put(fake, table + 16 * 2 + 8, UINT64_MAX, 8); /* a deleted entry */
    fake_put(fake, table + 16 * 1023, 0x7770, 8);      /* the last one */
    fake_expect_success(py_set_visit(target->py, set, collect, &items));
    assert_int_equal(items.count, 5);
    assert_int_equal(items.items[2], 16 * 4);
    assert_int_equal(items.items[4], 0x7770);
    assert_false(py_is_unsettled(target->py));
    FAKE_SET(fake, set, set, used, 6); /* caught in the middle of growing */
    memory_forget(target->memory);
    fake_expect_error(py_set_visit(target->py, set, collect, &items), ERROR_INVALID);
    assert_true(py_is_unsettled(target->py));
}

static void test_impossible_counts(struct fake_target *target) {
    static const uint64_t counts[] = {PY_ITEMS_MAX + 1, UINT64_MAX, UINT64_MAX / 8, 1ull << 63};
    struct fake_python *fake = target->fake;
    struct items items = {.count = 0};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t tuple = fake_tuple(fake, NULL, 0), list = fake_list(fake, NULL, 0);
        uint64_t set = fake_set(fake, 7), dict = fake_dict(fake, i % 2);
        uint64_t found;
        FAKE_SET(fake, tuple, tuple, count, counts[i]);
        FAKE_SET(fake, list, list, count, counts[i]);
        FAKE_SET(fake, set, set, mask, counts[i]);
        FAKE_SET(fake, FAKE_GET(fake, dict, dict, keys), dict_keys, entry_count, counts[i]);
        fake_expect_error(py_tuple_visit(target->py, tuple, collect, &items), ERROR_INVALID);
        fake_expect_error(py_list_visit(target->py, list, collect, &items), ERROR_INVALID);
        fake_expect_error(py_set_visit(target->py, set, collect, &items), ERROR_INVALID);
        fake_expect_error(py_dict_find(target->py, dict, "x", &found), ERROR_INVALID);
    }
    assert_int_equal(items.count, 0);
    uint64_t dict = fake_dict(fake, false), found;
    FAKE_SET(fake, FAKE_GET(fake, dict, dict, keys), dict_keys, log2_index_bytes, 255);
    FAKE_SET(fake, FAKE_GET(fake, dict, dict, keys), dict_keys, table_size, UINT64_MAX);
    fake_expect_error(py_dict_find(target->py, dict, "x", &found), ERROR_INVALID);
}

static void test_counts_behind_the_memory(struct fake_target *target) {
    struct items items = {.count = 0};
    uint64_t list = fake_list(target->fake, NULL, 0);
    FAKE_SET(target->fake, list, list, count, 1000000);
    fake_expect_error(py_list_visit(target->py, list, collect, &items), ERROR_FAULT);
}

/* --- dicts --- */

static struct error *count_entry(void *context, uint64_t key, uint64_t value, bool *stop) {
    size_t *count = context;
    assert_true(key != 0 && value != 0);
    *stop = ++*count == 2;
    return NULL;
}

static void check_dict(struct fake_target *target, bool general) {
    struct fake_python *fake = target->fake;
    uint64_t dict = fake_dict(fake, general), found, key = fake_int(fake, 7);
    fake_dict_set(fake, dict, "one", 0x100);
    fake_dict_set(fake, dict, "gone", 0); /* deleted */
    if (general)
        fake_dict_add(fake, dict, key, 0x300);
    fake_dict_set(fake, dict, "two", 0x200);
    fake_expect_success(py_dict_find(target->py, dict, "one", &found));
    assert_int_equal(found, 0x100);
    fake_expect_success(py_dict_find(target->py, dict, "two", &found));
    assert_int_equal(found, 0x200);
    fake_expect_success(py_dict_find(target->py, dict, "gone", &found));
    assert_int_equal(found, 0);
    size_t count = 0;
    fake_expect_success(py_dict_visit(target->py, dict, count_entry, &count));
    assert_int_equal(count, 2); /* neither the deleted one nor one after *stop */
    fake_expect_success(py_dict_find(target->py, dict, "tw", &found));
    assert_int_equal(found, 0);
}

static void test_dicts(struct fake_target *target) {
    check_dict(target, false);
    check_dict(target, true);
    uint64_t found;
    fake_expect_error(py_dict_find(target->py, 0x1000, "x", &found), ERROR_FAULT);
}

static void test_modules_and_weak_references(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t found, dict = fake_dict(fake, false);
    fake_expect_success(py_module_get_dict(target->py, fake_module(fake, dict), &found));
    assert_int_equal(found, dict);
    fake_expect_success(py_weakref_get(target->py, fake_weakref(fake, dict), &found));
    assert_int_equal(found, dict);
    fake_expect_success(py_weakref_get(target->py, fake_weakref(fake, fake->none), &found));
    assert_int_equal(found, 0);
}

/* --- attributes --- */

static const char *const point_keys[] = {"x", "y", "z", NULL};

static void expect_attribute(struct fake_target *target, uint64_t object, const char *name,
                             uint64_t expected) {
    uint64_t found = 1;
    fake_expect_success(py_attribute_find(target->py, object, name, &found));
    if (found != expected)
        fail_msg("%s is 0x%llx", name, (unsigned long long)found);
}

static void test_attributes_in_values(struct fake_target *target) {
    const uint64_t values[] = {0x100, 0, 0x300};
    uint64_t class = fake_class(
        target->fake, &(struct fake_class){.module = "m", .name = "Point", .keys = point_keys});
    uint64_t point = fake_instance(target->fake, class, values);
    expect_attribute(target, point, "x", 0x100);
    expect_attribute(target, point, "y", 0); /* not set in this one */
    expect_attribute(target, point, "z", 0x300);
    expect_attribute(target, point, "w", 0);
}

static void test_attributes_in_a_dict(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t class =
        fake_class(fake, &(struct fake_class){.module = "m", .name = "P", .keys = point_keys});
    uint64_t dict = fake_dict(fake, false);
    fake_dict_set(fake, dict, "x", 0x100);
    expect_attribute(target, fake_instance_with_dict(fake, class, dict), "x", 0x100);
    expect_attribute(target, fake_instance_with_dict(fake, class, 0), "x", 0);
    /* A class of C gives the place itself. */
    uint64_t old = fake_class(fake, &(struct fake_class){.module = "m", .name = "Old", .size = 48});
    FAKE_SET(fake, old, type, dictoffset, 32);
    uint64_t object = fake_object(fake, old, 48);
    fake_put(fake, object + 32, dict, 8);
    expect_attribute(target, object, "x", 0x100);
}

/* A dict that was taken from an instance shares its keys and values. */
static void test_split_dict(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t class =
        fake_class(fake, &(struct fake_class){.module = "m", .name = "P", .keys = point_keys});
    uint64_t dict = fake_dict(fake, false), keys = FAKE_GET(fake, class, type, cached_keys);
    uint64_t header = 0, found;
    if (PY_HAS(&fake->layout, dict_values, values))
        header = (uint64_t)PY_OFFSET(&fake->layout, dict_values, values);
    uint64_t values = fake_alloc(fake, header + 24);
    fake_put(fake, values + header + 8, 0x200, 8);
    FAKE_SET(fake, dict, dict, keys, keys);
    FAKE_SET(fake, dict, dict, values, values);
    fake_expect_success(py_dict_find(target->py, dict, "y", &found));
    assert_int_equal(found, 0x200);
    fake_expect_success(py_dict_find(target->py, dict, "x", &found));
    assert_int_equal(found, 0);
    uint64_t torn = fake_dict(fake, false);
    FAKE_SET(fake, torn, dict, values, values);
    FAKE_SET(fake, FAKE_GET(fake, torn, dict, keys), dict_keys, entry_count, 70000);
    fake_expect_error(py_dict_find(target->py, torn, "y", &found), ERROR_INVALID);
}

static void test_values_that_are_not_valid(struct fake_target *target) {
    const uint64_t values[] = {0x100, 0x200, 0x300};
    uint64_t class = fake_class(
        target->fake, &(struct fake_class){.module = "m", .name = "Point", .keys = point_keys});
    uint64_t point = fake_instance(target->fake, class, values);
    if (target->fake->layout.traits.instance_kind != PY_INSTANCE_INLINE_VALUES)
        return;
    FAKE_SET(target->fake, point + 16, dict_values, valid, 0);
    expect_attribute(target, point, "x", 0);
}

static void test_slots(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t base = fake_class(fake, &(struct fake_class){.module = "m", .name = "B", .size = 40});
    uint64_t derived = fake_class(
        fake, &(struct fake_class){.module = "m", .name = "D", .size = 40, .base = base});
    fake_class_add_slot(fake, base, "first", 16);
    fake_class_add_slot(fake, base, "second", 24);
    fake_dict_set(fake, FAKE_GET(fake, base, type, dict), "method", fake_int(fake, 1));
    uint64_t object = fake_object(fake, derived, 40), offset;
    fake_put(fake, object + 24, 0x200, 8);
    expect_attribute(target, object, "first", 0);
    expect_attribute(target, object, "second", 0x200);
    expect_attribute(target, object, "method", 0);
    struct py_type *type;
    fake_expect_success(py_type_read(target->py, derived, &type));
    fake_expect_success(py_slot_find(target->py, type, "second", &offset));
    assert_int_equal(offset, 24);
    fake_expect_success(py_slot_find(target->py, type, "third", &offset));
    assert_int_equal(offset, 0);
}

FAKE_EACH_VERSION(test_builtin_types)
FAKE_EACH_VERSION(test_type_without_ancestors)
FAKE_EACH_VERSION(test_classes)
FAKE_EACH_VERSION(test_class_without_a_name)
FAKE_EACH_VERSION(test_class_without_a_module)
FAKE_EACH_VERSION(test_tuples_and_lists)
FAKE_EACH_VERSION(test_sets)
FAKE_EACH_VERSION(test_impossible_counts)
FAKE_EACH_VERSION(test_counts_behind_the_memory)
FAKE_EACH_VERSION(test_dicts)
FAKE_EACH_VERSION(test_modules_and_weak_references)
FAKE_EACH_VERSION(test_attributes_in_values)
FAKE_EACH_VERSION(test_attributes_in_a_dict)
FAKE_EACH_VERSION(test_split_dict)
FAKE_EACH_VERSION(test_values_that_are_not_valid)
FAKE_EACH_VERSION(test_slots)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_builtin_types),
        FAKE_TEST(test_type_without_ancestors),
        FAKE_TEST(test_classes),
        FAKE_TEST(test_class_without_a_name),
        FAKE_TEST(test_class_without_a_module),
        FAKE_TEST(test_tuples_and_lists),
        FAKE_TEST(test_sets),
        FAKE_TEST(test_impossible_counts),
        FAKE_TEST(test_counts_behind_the_memory),
        FAKE_TEST(test_dicts),
        FAKE_TEST(test_modules_and_weak_references),
        FAKE_TEST(test_attributes_in_values),
        FAKE_TEST(test_attributes_in_a_dict),
        FAKE_TEST(test_split_dict),
        FAKE_TEST(test_values_that_are_not_valid),
        FAKE_TEST(test_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
