/* What objects are called over a whole recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <stdbool.h>

#include "../../src/capture/sampled_labels.h"

/* A label lives as long as `labels`; of too many objects, and what is needed meanwhile, in `arena`.
 */
static const char *get_in(struct sampled_labels *labels, struct arena *arena, snapshot_id id,
                          const char *label, const char *name) {
    const struct snapshot_object object = {.id = id, .label = label, .name = name};
    return sampled_label_get(labels, arena, &object);
}

static bool is_labelled(struct sampled_labels *labels, snapshot_id id, const char *label,
                        const char *name, const char *expected) {
    struct arena *arena = arena_create();
    bool is_so = strcmp(get_in(labels, arena, id, label, name), expected) == 0;
    arena_destroy(arena);
    return is_so;
}

static void test_an_object_keeps_its_label(void **state) {
    (void)state;
    struct sampled_labels *labels = sampled_labels_create();
    assert_true(is_labelled(labels, 0x10, "Lock#7", NULL, "Lock#1"));
    assert_true(is_labelled(labels, 0x20, "Lock#1", "pool", "Lock#2"));
    assert_true(is_labelled(labels, 0x30, "Queue#1", NULL, "Queue#1"));
    char name[] = "pool"; /* the text counts, not where it is */
    assert_true(is_labelled(labels, 0x10, "Lock#3", NULL, "Lock#1"));
    assert_true(is_labelled(labels, 0x20, "Lock#3", name, "Lock#2"));
    assert_true(is_labelled(labels, 0x20, "Lock#3", "other", "Lock#3"));
    assert_true(is_labelled(labels, 0x20, "Event#1", "pool", "Event#1"));
    sampled_labels_destroy(labels);
    sampled_labels_destroy(NULL);
}

static void test_too_many_objects(void **state) {
    (void)state;
    struct sampled_labels *labels = sampled_labels_create();
    for (snapshot_id id = 1; id <= 100000; id++)
        (void)is_labelled(labels, id * 16, "Lock#1", NULL, "");
    assert_true(is_labelled(labels, 16, "Lock#1", NULL, "Lock#1"));
    assert_true(is_labelled(labels, 100000 * 16, "Lock#1", NULL, "Lock#100000"));
    assert_true(is_labelled(labels, 8, "Lock#1", NULL, "Lock"));
    sampled_labels_destroy(labels);
}

/* Ever new names of 64 KiB: what is known stays so. */
static void test_too_much_text(void **state) {
    (void)state;
    struct sampled_labels *labels = sampled_labels_create();
    static char name[65536];
    assert_true(is_labelled(labels, 16, "Lock#1", "first", "Lock#1"));
    memset(name, 'x', sizeof name - 1);
    int count = 0;
    for (bool is_known = true; is_known && count < 5000; count += is_known) {
        snprintf(name, 8, "%07d", count);
        name[7] = 'x';
        is_known = !is_labelled(labels, 48, "Odd#1", name, "Odd");
    }
    assert_in_range(count, 500, 1100);
    assert_true(is_labelled(labels, 16, "Lock#1", "first", "Lock#1"));
    assert_true(is_labelled(labels, 32, "Lock#1", "first", "Lock"));
    assert_true(is_labelled(labels, 32, "Queue#1", "other", "Queue"));
    sampled_labels_destroy(labels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_object_keeps_its_label),
        cmocka_unit_test(test_too_many_objects),
        cmocka_unit_test(test_too_much_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
