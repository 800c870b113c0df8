#include "fake_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void fake_target_open(struct fake_target *target, uint64_t runtime) {
    struct memory_source source = fake_memory_source(target->fake->memory);
    py_destroy(target->py);
    memory_destroy(target->memory);
    snapshot_reset(target->snapshot);
    target->memory = memory_create(&source);
    target->py = fake_python_open(target->fake, target->memory, runtime);
    py_begin_walk(target->py, target->snapshot);
}

struct fake_target fake_target_create(const struct py_table *table) {
    struct fake_target target = {.fake = fake_python_create(table), .snapshot = snapshot_create()};
    fake_target_open(&target, 0);
    return target;
}

void fake_target_free(struct fake_target *target) {
    py_destroy(target->py);
    memory_destroy(target->memory);
    snapshot_destroy(target->snapshot);
    fake_python_destroy(target->fake);
}

void fake_each_version(void (*test)(struct fake_target *target)) {
    const struct py_table *table;
    for (size_t i = 0; (table = py_table_get(i)); i++) {
        struct fake_target target = fake_target_create(table);
        print_message("             with the layout of 3.%u\n", table->minor);
        test(&target);
        fake_target_free(&target);
    }
}

void fake_expect_success(struct error *err) {
    if (err)
        fail_msg("%s", error_get_message(err));
}

void fake_expect_error(struct error *err, enum error_kind kind) {
    assert_non_null(err);
    if (error_get_kind(err) != kind)
        fail_msg("an error of another kind: %s", error_get_message(err));
    error_destroy(err);
}
