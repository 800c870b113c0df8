/* Selection and checking of layouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_python.h"
#include "asyncspy/python/layout.h"

static const struct py_offset_words no_words = {NULL, 0};

static void expect_refused(const struct py_table *table, struct py_offset_words debug,
                           struct py_offset_words asyncio, const char *named) {
    struct py_layout layout;
    struct error *err = py_layout_resolve(table, debug, asyncio, &layout);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_INVALID);
    if (!strstr(error_get_message(err), named))
        fail_msg("\"%s\" does not name %s", error_get_message(err), named);
    error_destroy(err);
}

/* Resolves with debug offsets of the fake's own choice. */
static struct py_layout resolve(const struct py_table *table, struct py_offset_words asyncio) {
    struct py_layout layout;
    unsigned char *words = fake_debug_offsets(table);
    struct py_offset_words debug = {words, table->debug_offsets_size};
    struct error *err = py_layout_resolve(table, debug, asyncio, &layout);
    if (err)
        fail_msg("3.%u: %s", table->minor, error_get_message(err));
    free(words);
    return layout;
}

static void test_every_table_resolves(void **state) {
    (void)state;
    size_t count = 0;
    for (const struct py_table *table; (table = py_table_get(count)); count++) {
        struct py_layout layout = resolve(table, no_words);
        assert_ptr_equal(layout.table, table);
        assert_true(PY_HAS(&layout, task, coroutine));
        assert_int_equal(layout.traits.await_kind, table->traits.await_kind);
        assert_true(layout.span[PY_STRUCT_task] <= (uint32_t)PY_OFFSET(&layout, task, size));
        assert_true(layout.span[PY_STRUCT_task] >= (uint32_t)PY_OFFSET(&layout, task, name) + 8);
    }
    assert_int_equal(count, 10); /* 3.6 to 3.15 */
}

static void test_tables_are_found_by_version(void **state) {
    (void)state;
    unsigned before = 0;
    const struct py_table *table;
    for (size_t i = 0; (table = py_table_get(i)); i++) {
        assert_ptr_equal(py_table_find(table->major, table->minor), table);
        assert_true(table->minor > before);
        before = table->minor;
    }
    assert_null(py_table_find(3, 1));
    assert_null(py_table_find(3, before + 1));
    assert_null(py_table_find(2, 11));
}

static void test_offsets_come_from_where_the_table_says(void **state) {
    (void)state;
    const struct py_table *table = py_table_find(3, 14);
    struct py_layout layout = resolve(table, no_words);
    assert_int_equal(PY_OFFSET(&layout, task, coroutine),
                     table->slots[PY_FIELD_task_coroutine].constant);
    assert_int_equal(PY_OFFSET(&layout, task, loop), table->slots[PY_FIELD_task_loop].constant);
    assert_int_equal(PY_OFFSET(&layout, frame, instruction), 56); /* chosen by the fake */
    assert_false(PY_HAS(&layout, thread, cframe));

    unsigned char words[512] = {0};
    memcpy(words + table->slots[PY_FIELD_task_size].word_at, &(uint64_t){168}, 8);
    memcpy(words + table->slots[PY_FIELD_task_coroutine].word_at, &(uint64_t){144}, 8);
    struct py_offset_words asyncio = {words, table->slots[PY_FIELD_task_coroutine].word_at + 8u};
    unsigned char *debug = fake_debug_offsets(table);
    memcpy(words + table->slots[PY_FIELD_task_name].word_at, &(uint64_t){120}, 8);
    struct error *err = py_layout_resolve(
        table, (struct py_offset_words){debug, table->debug_offsets_size}, asyncio, &layout);
    assert_null(err);
    free(debug);
    assert_int_equal(PY_OFFSET(&layout, task, coroutine), 144);
    assert_int_equal(PY_OFFSET(&layout, task, name), 120);
    /* Behind the end of a short section the constants stand. */
    assert_int_equal(PY_OFFSET(&layout, task, node), table->slots[PY_FIELD_task_node].constant);
}

static void test_field_outside_its_structure(void **state) {
    (void)state;
    struct py_table table = *py_table_find(3, 11);
    table.slots[PY_FIELD_task_coroutine].constant = table.slots[PY_FIELD_task_size].constant - 7;
    expect_refused(&table, no_words, no_words, "task.coroutine");
    table = *py_table_find(3, 11);
    table.slots[PY_FIELD_code_flags].constant = 1u << 30;
    expect_refused(&table, no_words, no_words, "code.flags");
}

static void test_field_outside_its_structure_by_debug_offsets(void **state) {
    (void)state;
    const struct py_table *table = py_table_find(3, 13);
    unsigned char *words = fake_debug_offsets(table);
    struct py_offset_words debug = {words, table->debug_offsets_size};
    memset(words + table->slots[PY_FIELD_frame_owner].word_at, 0xff, 8);
    expect_refused(table, debug, no_words, "frame.owner");
    memcpy(words + table->slots[PY_FIELD_frame_owner].word_at, &(uint64_t){4096}, 8);
    expect_refused(table, debug, no_words, "frame.owner");
    free(words);
}

/* Every length of _Py_DebugOffsets that does not hold all its words is refused. */
static void test_short_debug_offsets(void **state) {
    (void)state;
    const struct py_table *table;
    for (size_t i = 0; (table = py_table_get(i)); i++) {
        uint32_t needed = 0;
        for (int field = 0; field < PY_FIELD_COUNT; field++)
            if (table->slots[field].source == PY_SLOT_DEBUG_OFFSETS &&
                table->slots[field].word_at + 8 > needed)
                needed = table->slots[field].word_at + 8;
        assert_true(needed <= table->debug_offsets_size);
        unsigned char *words = fake_debug_offsets(table);
        for (uint32_t size = 0; size < needed; size++)
            expect_refused(table, (struct py_offset_words){words, size}, no_words,
                           "_Py_DebugOffsets is too short for ");
        if (needed)
            expect_refused(table, no_words, no_words, "too short");
        free(words);
    }
}

static void test_drop_struct(void **state) {
    (void)state;
    struct py_layout layout = resolve(py_table_find(3, 14), no_words);
    py_layout_drop_struct(&layout, PY_STRUCT_task);
    assert_false(PY_HAS(&layout, task, loop));
    assert_false(PY_HAS(&layout, task, fut_waiter));
    assert_true(PY_HAS(&layout, task, coroutine)); /* its target says where it is */
    assert_true(PY_HAS(&layout, task, name));
    assert_true(PY_HAS(&layout, future, loop));
    assert_int_equal(layout.span[PY_STRUCT_task], PY_OFFSET(&layout, task, node) + 16);

    layout = resolve(py_table_find(3, 11), no_words);
    py_layout_drop_struct(&layout, PY_STRUCT_task);
    assert_false(PY_HAS(&layout, task, coroutine));
    assert_int_equal(layout.span[PY_STRUCT_task], 0);
}

/* Releases that differ from the table of their minor: a number of the target tells them. */
static void test_variants(void **state) {
    (void)state;
    const struct py_table *table = py_table_find(3, 7);
    const struct py_table *early = py_table_find_variant(table, PY_FIELD_runtime_size, 1432);
    assert_non_null(early);
    assert_string_equal(early->variant, "3.7.0 to 3.7.3");
    assert_int_equal(early->slots[PY_FIELD_runtime_gil].constant, 1176);
    assert_null(py_table_find_variant(table, PY_FIELD_runtime_size, 1520)); /* its own */
    assert_null(py_table_find_variant(table, PY_FIELD_runtime_size, 1433));
    assert_null(py_table_find_variant(py_table_find(3, 8), PY_FIELD_runtime_size, 1432));
    struct py_layout layout = resolve(early, no_words);
    assert_int_equal(PY_OFFSET(&layout, runtime, interpreters_head), 24);

    table = py_table_find(3, 10);
    early = py_table_find_variant(table, PY_FIELD_task_size, 184);
    assert_ptr_equal(py_table_find_variant(table, PY_FIELD_future_size, 144), early);
    layout = resolve(table, no_words);
    py_layout_adopt_struct(&layout, early, PY_STRUCT_task);
    assert_int_equal(PY_OFFSET(&layout, task, coroutine), 152);
    assert_int_equal(PY_OFFSET(&layout, task, name), 160);
    assert_int_equal(layout.span[PY_STRUCT_task], 177);
}

/* Every version says where each thing comes from, in words of its own. */
static void test_description(void **state) {
    (void)state;
    const struct py_table *table;
    for (size_t i = 0; (table = py_table_get(i)); i++) {
        struct py_layout layout = resolve(table, no_words);
        struct py_layout_fact facts[PY_LAYOUT_FACT_COUNT];
        py_layout_describe(&layout, facts);
        for (size_t j = 0; j < PY_LAYOUT_FACT_COUNT; j++)
            assert_true(strlen(facts[j].topic) <= 12 && strlen(facts[j].text) > 5);
        bool is_old = table->minor <= 10;
        assert_int_equal(strstr(facts[4].text, "pthread") != NULL, is_old);
        assert_int_equal(strstr(facts[3].text, "columns") == NULL, is_old);
        assert_int_equal(strstr(facts[2].text, "frame objects") != NULL, is_old);
        assert_int_equal(strstr(facts[0].text, "lists in thread") != NULL, table->minor >= 14);
    }
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(py_field_get_struct_name(PY_FIELD_task_coroutine), "task");
    assert_string_equal(py_field_get_name(PY_FIELD_task_coroutine), "coroutine");
    assert_string_equal(py_slot_source_name(PY_SLOT_ABSENT), "absent");
    assert_string_equal(py_slot_source_name(PY_SLOT_CONSTANT), "table");
    assert_string_equal(py_slot_source_name(PY_SLOT_DEBUG_OFFSETS), "_Py_DebugOffsets");
    assert_string_equal(py_slot_source_name(PY_SLOT_ASYNCIO_DEBUG), ".AsyncioDebug");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_table_resolves),
        cmocka_unit_test(test_tables_are_found_by_version),
        cmocka_unit_test(test_offsets_come_from_where_the_table_says),
        cmocka_unit_test(test_field_outside_its_structure),
        cmocka_unit_test(test_field_outside_its_structure_by_debug_offsets),
        cmocka_unit_test(test_short_debug_offsets),
        cmocka_unit_test(test_drop_struct),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
