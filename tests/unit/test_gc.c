/* The lists of the garbage collector, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_frames.h"
#include "../support/fake_gc.h"
#include "../support/fake_target.h"
#include "asyncspy/python/gc.h"

#define SECONDS 10
#define OBJECTS_MAX 16

struct fake_gc {
    uint64_t runtime, interpreter;
    uint64_t type;
};

struct found {
    uint64_t addresses[OBJECTS_MAX], types[OBJECTS_MAX];
    size_t count, limit;
    struct py_gc_walk walk;
};

static void create(struct fake_target *target, struct fake_gc *gc) {
    static const char *const no_keys[] = {NULL};
    gc->runtime = fake_runtime(target->fake);
    gc->interpreter = fake_interpreter(target->fake, gc->runtime, 0);
    gc->type = fake_class(target->fake,
                          &(struct fake_class){.module = "app", .name = "Node", .keys = no_keys});
}

static uint64_t track(struct fake_target *target, struct fake_gc *gc, size_t list) {
    uint64_t object = fake_object(target->fake, gc->type, 64);
    fake_gc_track(target->fake, fake_gc_head(target->fake, gc->interpreter, list), object);
    return object;
}

static struct error *visit(void *context, uint64_t address, uint64_t type) {
    struct found *found = context;
    assert_true(found->count < OBJECTS_MAX);
    found->addresses[found->count] = address;
    found->types[found->count++] = type;
    return found->count == found->limit ? error_create(ERROR_INVALID, "enough") : NULL;
}

static struct error *try_walk(struct fake_target *target, struct fake_gc *gc, double seconds,
                              size_t limit, struct found *ret) {
    struct py_interpreter *interpreters;
    size_t count;
    *ret = (struct found){.limit = limit};
    fake_target_open(target, gc->runtime);
    fake_expect_success(py_interpreters_read(target->py, &interpreters, &count));
    assert_int_equal(count, 1);
    return py_gc_visit(target->py, &interpreters[0], seconds, visit, ret, &ret->walk);
}

static void walk(struct fake_target *target, struct fake_gc *gc, struct found *ret) {
    fake_expect_success(try_walk(target, gc, SECONDS, 0, ret));
    assert_int_equal(ret->walk.objects >= ret->count, true);
}

static void expect_all(const struct found *found, const uint64_t *objects, size_t count) {
    assert_null(found->walk.why);
    assert_int_equal(found->count, count);
    assert_int_equal(found->walk.objects, count);
    assert_memory_equal(found->addresses, objects, count * sizeof *objects);
}

static void expect_why(const struct found *found, const char *why) {
    assert_non_null(found->walk.why);
    assert_non_null(strstr(found->walk.why, why));
}

static void test_every_list(struct fake_target *target) {
    struct fake_gc gc;
    struct found found;
    uint64_t objects[8];
    create(target, &gc);
    walk(target, &gc, &found);
    expect_all(&found, objects, 0);
    size_t lists = fake_gc_count_lists(target->fake);
    for (size_t i = 0; i < 2 * lists; i++)
        objects[i] = track(target, &gc, i / 2);
    walk(target, &gc, &found);
    expect_all(&found, objects, 2 * lists);
    for (size_t i = 0; i < found.count; i++)
        assert_int_equal(found.types[i], gc.type);
    assert_int_equal(py_gc_is_shared(target->py), !PY_HAS(&target->fake->layout, interpreter, gc));
}

/* Flags in the low bits of the links, as from 3.8 on. */
static void test_flags_in_links(struct fake_target *target) {
    struct fake_gc gc;
    struct found found;
    create(target, &gc);
    uint64_t objects[2] = {track(target, &gc, 0), track(target, &gc, 0)};
    uint64_t head = fake_gc_head(target->fake, gc.interpreter, 0);
    uint64_t first = FAKE_GET(target->fake, head, gc_head, next);
    uint64_t second = FAKE_GET(target->fake, first, gc_head, next);
    FAKE_SET(target->fake, first, gc_head, next, second | 1);
    FAKE_SET(target->fake, second, gc_head, prev, first | 3);
    FAKE_SET(target->fake, second, gc_head, next, head | 2);
    FAKE_SET(target->fake, head, gc_head, next, first | 1);
    walk(target, &gc, &found);
    expect_all(&found, objects, 2);
}

/* What a list does not lead to any more is lost, the other lists are not. */
static void test_torn_list(struct fake_target *target) {
    struct fake_gc gc;
    struct found found;
    create(target, &gc);
    uint64_t first = track(target, &gc, 0), second = track(target, &gc, 0);
    uint64_t other = track(target, &gc, 1);
    track(target, &gc, 0);
    uint64_t node = FAKE_GET(target->fake, fake_gc_head(target->fake, gc.interpreter, 0), gc_head,
                             prev); /* the third */
    uint64_t before = FAKE_GET(target->fake, node, gc_head, prev);
    FAKE_SET(target->fake, node, gc_head, prev, other);
    walk(target, &gc, &found);
    expect_why(&found, "its links do not agree");
    assert_int_equal(found.count, 3);
    assert_int_equal(found.addresses[0], first);
    assert_int_equal(found.addresses[1], second);
    assert_int_equal(found.addresses[2], other);
    FAKE_SET(target->fake, node, gc_head, prev, before);
    FAKE_SET(target->fake, before, gc_head, next, 0x10);
    walk(target, &gc, &found);
    expect_why(&found, "cannot read");
    assert_int_equal(found.count, 3);
}

static void test_cycle_without_head(struct fake_target *target) {
    struct fake_gc gc;
    struct found found;
    create(target, &gc);
    track(target, &gc, 0);
    track(target, &gc, 0);
    track(target, &gc, 0);
    uint64_t head = fake_gc_head(target->fake, gc.interpreter, 0);
    uint64_t first = FAKE_GET(target->fake, head, gc_head, next);
    uint64_t last = FAKE_GET(target->fake, head, gc_head, prev);
    FAKE_SET(target->fake, last, gc_head, next, first);
    walk(target, &gc, &found);
    expect_why(&found, "its links do not agree");
    assert_int_equal(found.count, 3);
    FAKE_SET(target->fake, last, gc_head, next, last);
    walk(target, &gc, &found);
    expect_why(&found, "its links do not agree");
    assert_int_equal(found.count, 3);
}

/* A patch release that has its lists elsewhere is found out by its lists. */
static void test_drift(struct fake_target *target) {
    static const struct py_gc_drift none;
    struct fake_gc gc;
    struct found found;
    if (memcmp(&target->fake->layout.traits.gc_drift, &none, sizeof none) == 0)
        return;
    fake_gc_drift(target->fake);
    create(target, &gc);
    uint64_t objects[4];
    size_t lists = fake_gc_count_lists(target->fake);
    for (size_t i = 0; i < lists; i++)
        objects[i] = track(target, &gc, i);
    walk(target, &gc, &found);
    expect_all(&found, objects, lists);
}

static void test_lists_elsewhere(struct fake_target *target) {
    struct fake_gc gc;
    struct found found;
    create(target, &gc);
    for (size_t i = 0; i < fake_gc_count_lists(target->fake); i++)
        FAKE_SET(target->fake, fake_gc_head(target->fake, gc.interpreter, i), gc_head, next, 0);
    walk(target, &gc, &found);
    expect_why(&found, "cannot read");
    assert_int_equal(found.count, 0);
    if (target->fake->roots.gc_generations) {
        target->fake->roots.gc_generations = 0;
        walk(target, &gc, &found);
        expect_why(&found, "not known where");
    }
}

static void test_collecting(struct fake_target *target) {
    struct fake_gc gc;
    struct found found;
    create(target, &gc);
    if (!PY_HAS(&target->fake->layout, gc, collecting))
        return;
    uint64_t base =
        PY_HAS(&target->fake->layout, interpreter, gc)
            ? gc.interpreter + (uint64_t)PY_OFFSET(&target->fake->layout, interpreter, gc)
            : gc.runtime + (uint64_t)PY_OFFSET(&target->fake->layout, runtime, gc);
    FAKE_SET(target->fake, base, gc, collecting, 1);
    track(target, &gc, 2);
    walk(target, &gc, &found);
    expect_why(&found, "it is at work");
    assert_int_equal(found.count, 1);
}

static void test_error_of_visitor(struct fake_target *target) {
    struct fake_gc gc;
    struct found found;
    create(target, &gc);
    track(target, &gc, 0);
    track(target, &gc, 0);
    track(target, &gc, 1);
    fake_expect_error(try_walk(target, &gc, SECONDS, 1, &found), ERROR_INVALID);
    assert_int_equal(found.count, 1);
    assert_null(found.walk.why);
}

static void expect_tracked(struct fake_target *target, uint64_t object,
                           enum py_gc_tracked expected) {
    enum py_gc_tracked tracked;
    fake_target_open(target, 0);
    fake_expect_success(py_gc_is_tracked(target->py, object, &tracked));
    assert_int_equal(tracked, expected);
}

static void test_is_tracked(struct fake_target *target) {
    struct fake_gc gc;
    create(target, &gc);
    uint64_t object = track(target, &gc, 0), last = track(target, &gc, 0);
    uint64_t size = (uint64_t)PY_OFFSET(&target->fake->layout, gc_head, size);
    uint64_t head = fake_gc_head(target->fake, gc.interpreter, 0);
    expect_tracked(target, object, PY_GC_TRACKED);
    expect_tracked(target, last, PY_GC_TRACKED);
    FAKE_SET(target->fake, head, gc_head, prev, object - size); /* memory that was `last` */
    expect_tracked(target, last, PY_GC_UNTRACKED);
    expect_tracked(target, object, PY_GC_TRACKED);
    FAKE_SET(target->fake, object - size, gc_head, prev, 3 << 2 | 2); /* three references */
    expect_tracked(target, object, PY_GC_MARKED);
    FAKE_SET(target->fake, object - size, gc_head, next, 0);
    expect_tracked(target, object, PY_GC_UNTRACKED);
}

FAKE_EACH_VERSION(test_is_tracked)
FAKE_EACH_VERSION(test_every_list)
FAKE_EACH_VERSION(test_flags_in_links)
FAKE_EACH_VERSION(test_torn_list)
FAKE_EACH_VERSION(test_cycle_without_head)
FAKE_EACH_VERSION(test_drift)
FAKE_EACH_VERSION(test_lists_elsewhere)
FAKE_EACH_VERSION(test_collecting)
FAKE_EACH_VERSION(test_error_of_visitor)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_is_tracked),         FAKE_TEST(test_every_list),
        FAKE_TEST(test_flags_in_links),     FAKE_TEST(test_torn_list),
        FAKE_TEST(test_cycle_without_head), FAKE_TEST(test_drift),
        FAKE_TEST(test_lists_elsewhere),    FAKE_TEST(test_collecting),
        FAKE_TEST(test_error_of_visitor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
