/* Who refers to an object, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_asyncio.h"
#include "../support/fake_gc.h"
#include "../support/fake_target.h"
#include "asyncspy/python/referrers.h"

#define FLAG_TYPE_SUBCLASS (UINT64_C(1) << 31)
#define SPANS_MAX 2048
#define PAGE UINT64_C(4096)

/* A program whose objects the garbage collector tracks, and one object in question. */
struct scene {
    struct fake_target *target;
    struct fake_python *fake;
    struct fake_asyncio aio;
    uint64_t metatype, holder, future;
};

static uint64_t as_type(struct scene *scene, uint64_t type, size_t size) {
    FAKE_SET(scene->fake, type, object, type, scene->metatype);
    if (size)
        FAKE_SET(scene->fake, type, type, basicsize, size);
    return type;
}

/* Makes an object one that lives. */
static uint64_t live(struct scene *scene, uint64_t object) {
    FAKE_SET(scene->fake, object, object, refcount, 1);
    as_type(scene, FAKE_GET(scene->fake, object, object, type), 0);
    fake_gc_track(scene->fake, fake_gc_head(scene->fake, scene->aio.interpreter, 1), object);
    return object;
}

static uint64_t add_holder(struct scene *scene, uint64_t word) {
    uint64_t holder = live(scene, fake_object(scene->fake, scene->holder, 64));
    fake_put(scene->fake, holder + 24, word, 8);
    return holder;
}

static void create(struct fake_target *target, struct scene *scene) {
    *scene = (struct scene){.target = target, .fake = target->fake};
    fake_asyncio_create(&scene->aio, target->fake);
    scene->metatype = fake_class(
        target->fake,
        &(struct fake_class){.name = "type", .static_ = true, .flags = FLAG_TYPE_SUBCLASS});
    as_type(scene, scene->metatype, 0);
    scene->holder = fake_class(
        target->fake,
        &(struct fake_class){.module = "app", .name = "Holder", .size = 64, .static_ = true});
    scene->future = live(scene, fake_future(&scene->aio, FAKE_PENDING));
}

static struct error *try_find(struct scene *scene, struct py_referred *items, size_t count,
                              struct py_referrers_summary *ret) {
    struct scan_span spans[SPANS_MAX];
    struct fake_python *fake = scene->fake;
    assert_true(fake->block_count <= SPANS_MAX);
    for (size_t i = 0; i < fake->block_count; i++)
        spans[i] = (struct scan_span){fake->blocks[i].start & ~(PAGE - 1),
                                      (fake->blocks[i].end + PAGE - 1) & ~(PAGE - 1)};
    fake_target_open(scene->target, scene->aio.runtime);
    const struct py_referrers_request request = {
        spans, fake->block_count, {.bytes = UINT64_MAX, .seconds = 10}};
    return py_referrers_find(scene->target->py, &request, items, count, ret);
}

static struct py_referred find(struct scene *scene) {
    struct py_referred item = {.address = scene->future};
    struct py_referrers_summary summary;
    FAKE_SET(scene->fake, scene->future, object, refcount, 99); /* so that nothing is left out */
    fake_expect_success(try_find(scene, &item, 1, &summary));
    assert_null(summary.why);
    assert_true(summary.bytes > 0);
    assert_int_equal(item.reference_count, 99);
    return item;
}

/* The future has one referrer, of that type. */
static void expect_one(struct scene *scene, uint64_t referrer, const char *type) {
    struct py_referred item = find(scene);
    assert_int_equal(item.found, 1);
    assert_int_equal(item.referrer_count, 1);
    assert_int_equal(item.referrers[0].object, referrer);
    assert_string_equal(item.referrers[0].type->full_name, type);
}

static void expect_none(struct scene *scene) {
    struct py_referred item = find(scene);
    assert_int_equal(item.found, 0);
    assert_int_equal(item.referrer_count, 0);
}

static void test_nobody(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    expect_none(&scene);
}

static void test_object(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t holder = add_holder(&scene, scene.future);
    add_holder(&scene, scene.future + 8);
    expect_one(&scene, holder, "app.Holder");
    fake_put(scene.fake, holder + 32, scene.future, 8); /* twice in one object */
    struct py_referred item = find(&scene);
    assert_int_equal(item.found, 2);
    assert_int_equal(item.referrer_count, 1);
}

/* Memory that was freed, or is none of an object. */
static void test_leftovers(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t dead = fake_object(scene.fake, as_type(&scene, scene.holder, 0), 64);
    fake_put(scene.fake, dead + 24, scene.future, 8);
    uint64_t holder = add_holder(&scene, 0);
    FAKE_SET(scene.fake, scene.holder, type, basicsize, 32);
    fake_put(scene.fake, holder + 40, scene.future, 8); /* behind its end */
    fake_put(scene.fake, fake_alloc(scene.fake, 64) + 16, scene.future, 8);
    expect_none(&scene);
}

static void test_no_type(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t holder = add_holder(&scene, scene.future);
    FAKE_SET(scene.fake, scene.holder, object, type, scene.holder);
    expect_none(&scene);
    FAKE_SET(scene.fake, holder, object, type, 0x1000);
    expect_none(&scene);
}

/* An object whose type is this: of what stands there, the type is `metatype`. */
static uint64_t add_impostor(struct scene *scene, uint64_t type, uint64_t metatype) {
    uint64_t object = add_holder(scene, scene->future);
    FAKE_SET(scene->fake, object, object, type, type);
    FAKE_SET(scene->fake, type, object, type, metatype);
    return object;
}

/* What is no type may have all that is looked at in one, but for what its own type leads to. */
static void test_impostors(struct fake_target *target) {
    for (int which = 0; which < 6; which++) {
        struct scene scene;
        create(target, &scene);
        struct fake_python *fake = scene.fake;
        const struct fake_class flagged = {
            .module = "app", .name = "Flagged", .static_ = true, .flags = FLAG_TYPE_SUBCLASS};
        uint64_t type = fake_class(fake, &flagged), metatype = fake_class(fake, &flagged);
        uint64_t object = add_impostor(&scene, type, metatype);
        FAKE_SET(fake, metatype, object, type, scene.metatype);
        if (which == 0) {
            FAKE_SET(fake, type, type, basicsize, 64);
            expect_one(&scene, object, "app.Flagged"); /* it has a metaclass */
            continue;
        }
        if (which == 1) /* an instance of a class that is no metaclass */
            FAKE_SET(fake, metatype, type, flags, 0);
        else if (which == 2) /* a circle, as lists are: the heads of the collector's look so */
            FAKE_SET(fake, metatype, object, type, type);
        else if (which == 3) /* its own, as the head of an empty list is */
            FAKE_SET(fake, metatype, object, type, metatype);
        else if (which == 4)
            FAKE_SET(fake, metatype, object, type, 0x1001);
        else { /* a type that is being freed */
            const uint64_t name = UINT64_C(0x7F0123456710);
            FAKE_SET(fake, type, type, name, fake_alloc(fake, 16));
            fake_put(fake, FAKE_GET(fake, type, type, name), name, 8);
        }
        FAKE_SET(fake, type, type, basicsize, 64);
        expect_none(&scene);
    }
}

static void test_weak_reference(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    as_type(&scene, scene.fake->types[FAKE_WEAKREF], 64);
    live(&scene, fake_weakref(scene.fake, scene.future));
    uint64_t type =
        fake_class(scene.fake, &(struct fake_class){.module = "weakref",
                                                    .name = "KeyedRef",
                                                    .base = scene.fake->types[FAKE_WEAKREF],
                                                    .size = 64});
    uint64_t object = live(&scene, fake_object(scene.fake, type, 64));
    FAKE_SET(scene.fake, object, weakref, object, scene.future);
    struct py_referred item = find(&scene);
    assert_int_equal(item.found, 0); /* not counted, but told */
    assert_int_equal(item.referrer_count, 2);
    assert_int_equal(item.referrers[1].object, object);
    fake_put(scene.fake, object + 48, scene.future, 8);
    assert_int_equal(find(&scene).found, 1);
}

static void test_list(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t items[3] = {scene.fake->none, scene.fake->none, scene.future};
    uint64_t list = live(&scene, fake_list(scene.fake, items, 3));
    expect_one(&scene, list, "list");
    FAKE_SET(scene.fake, list, list, count, 2); /* it was popped */
    expect_none(&scene);
    FAKE_SET(scene.fake, list, list, count, 3);
    as_type(&scene, scene.fake->types[FAKE_LIST], 0);
    expect_one(&scene, list, "list");
    uint64_t type = scene.fake->types[FAKE_LIST];
    FAKE_SET(scene.fake, type, object, type, type); /* it only looks like a list */
    expect_none(&scene);
}

static void test_tuple(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t items[300] = {scene.fake->none, scene.future};
    uint64_t small = live(&scene, fake_tuple(scene.fake, items, 2));
    expect_one(&scene, small, "tuple");
    FAKE_SET(scene.fake, small, tuple, count, 1);
    expect_none(&scene);
    items[1] = 0;
    items[299] = scene.future; /* too far from its start */
    expect_one(&scene, live(&scene, fake_tuple(scene.fake, items, 300)), "tuple");
}

static void test_dict(struct fake_target *target) {
    for (int general = 0; general < 2; general++) {
        struct scene scene;
        create(target, &scene);
        uint64_t dict = live(&scene, fake_dict(scene.fake, general));
        fake_dict_set(scene.fake, dict, "a", scene.fake->none);
        fake_dict_set(scene.fake, dict, "b", scene.future);
        expect_one(&scene, dict, "dict");
        uint64_t keys = FAKE_GET(scene.fake, dict, dict, keys);
        FAKE_SET(scene.fake, keys, dict_keys, entry_count, 1);
        expect_none(&scene);
    }
}

static void test_set(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t set = live(&scene, fake_set(scene.fake, 7));
    expect_none(&scene);
    fake_set_add(scene.fake, set, scene.future);
    expect_one(&scene, set, "set");
    FAKE_SET(scene.fake, set, set, table, fake_alloc(scene.fake, 256)); /* it grew */
    expect_none(&scene);
}

/* Items from the last word of its first block on, two in the next. */
static void test_deque(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    struct fake_python *fake = scene.fake;
    uint64_t deque = live(&scene, fake_object(fake, fake->types[FAKE_DEQUE],
                                              (size_t)PY_OFFSET(&fake->layout, deque, size)));
    uint64_t first = fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, deque_block, size));
    uint64_t second = fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, deque_block, size));
    uint64_t items = (uint64_t)PY_OFFSET(&fake->layout, deque_block, items);
    uint64_t room = ((uint64_t)PY_OFFSET(&fake->layout, deque_block, next) - items) / 8;
    FAKE_SET(fake, deque, deque, first_block, first);
    FAKE_SET(fake, deque, deque, first_index, room - 1);
    FAKE_SET(fake, deque, deque, count, 3);
    FAKE_SET(fake, first, deque_block, next, second);
    fake_put(fake, second + items + 8, scene.future, 8);
    expect_one(&scene, deque, "collections.deque");
    fake_put(fake, first + items, scene.future, 8); /* popped from the left */
    FAKE_SET(fake, deque, deque, count, 2);         /* and from the right */
    expect_none(&scene);
}

static const char *const keys[] = {"name", "waiter", NULL};

/* The values of an instance are wherever the version has them; it is told, not its dict. */
static void test_instance(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t values[2] = {scene.fake->none, scene.future};
    uint64_t type = fake_class(
        scene.fake, &(struct fake_class){.module = "app", .name = "Connection", .keys = keys});
    uint64_t object = live(&scene, fake_instance(scene.fake, type, values));
    if (scene.fake->layout.traits.instance_kind == PY_INSTANCE_DICT)
        live(&scene,
             fake_get(scene.fake, object + FAKE_GET(scene.fake, type, type, dictoffset), 8));
    expect_one(&scene, object, "app.Connection");
}

static void test_instance_with_dict(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t type = fake_class(
        scene.fake, &(struct fake_class){.module = "app", .name = "Connection", .keys = keys});
    uint64_t dict = live(&scene, fake_dict(scene.fake, false));
    fake_dict_set(scene.fake, dict, "waiter", scene.future);
    uint64_t object = live(&scene, fake_instance_with_dict(scene.fake, type, dict));
    add_holder(&scene, dict); /* refers to the dict, and is not what it belongs to */
    expect_one(&scene, object, "app.Connection");
}

static void test_module(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t dict = live(&scene, fake_dict(scene.fake, false));
    fake_dict_set(scene.fake, dict, "waiter", scene.future);
    as_type(&scene, scene.fake->types[FAKE_MODULE], 64);
    expect_one(&scene, live(&scene, fake_module(scene.fake, dict)), "module");
}

/* --- frames --- */

/* A coroutine that awaits, with the future in its variable; up to 3.10 its frame is an object. */
static uint64_t add_coroutine(struct scene *scene, const char *name, enum fake_state state,
                              uint64_t awaited) {
    struct fake_python *fake = scene->fake;
    uint64_t coroutine =
        live(scene, fake_coroutine(&scene->aio, name, 1, state, awaited ? awaited : fake->none));
    uint64_t frame = fake_generator_get_frame(fake, coroutine);
    if (PY_HAS(&fake->layout, frame, generator)) {
        uint64_t type = fake_class(
            fake,
            &(struct fake_class){.module = "", .name = "frame", .static_ = true, .size = 400});
        fake_put_bytes(fake, FAKE_GET(fake, type, type, name), "frame", sizeof "frame");
        FAKE_SET(fake, frame, object, type, type);
        FAKE_SET(fake, frame, frame, generator, coroutine);
        live(scene, frame);
    }
    return coroutine;
}

/* Address of slot `index` of a coroutine's frame: 0 its variable, 1 what it awaits. */
static uint64_t slot(struct scene *scene, uint64_t coroutine, size_t index) {
    return fake_generator_get_frame(scene->fake, coroutine) +
           (uint64_t)PY_OFFSET(&scene->fake->layout, frame, localsplus) + 8 * index;
}

static void test_variable_of_coroutine(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t coroutine = add_coroutine(&scene, "main", FAKE_SUSPENDED_AWAIT, 0);
    fake_put(scene.fake, slot(&scene, coroutine, 0), scene.future, 8);
    expect_one(&scene, coroutine, "coroutine");
}

/* What stands above the top of the stack, and in room of the frame that is not cleared. */
static void test_leftovers_in_frame(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t coroutine = add_coroutine(&scene, "main", FAKE_SUSPENDED_AWAIT, 0);
    size_t used = 1 + scene.fake->layout.traits.awaited_depth;
    fake_put(scene.fake, slot(&scene, coroutine, used), scene.future, 8);
    if (PY_HAS(&scene.fake->layout, frame, generator))
        fake_put(scene.fake, slot(&scene, coroutine, 0) - 16, scene.future, 8);
    expect_none(&scene);
    fake_put(scene.fake, slot(&scene, coroutine, used - 1), scene.future, 8);
    expect_one(&scene, coroutine, "coroutine");
}

/* A borrowed reference on a stack (3.14+) is not counted. */
static void test_borrowed_reference(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t coroutine = add_coroutine(&scene, "main", FAKE_SUSPENDED_AWAIT, 0);
    fake_put(scene.fake, slot(&scene, coroutine, 0), scene.future | 1, 8);
    expect_none(&scene);
}

static void test_running_frame(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t code = fake_code(scene.fake, "serve", "serve", "/srv/app.py", 1);
    uint64_t shim = fake_shim_frame(scene.fake, code);
    uint64_t frame = fake_frame(scene.fake, code, FAKE_UNIT_CALL, shim, true);
    uint64_t local = frame + (uint64_t)PY_OFFSET(&scene.fake->layout, frame, localsplus);
    FAKE_SET(scene.fake, frame, frame, valuestack, local + 8);
    fake_put(scene.fake, local, scene.future, 8);
    fake_put(scene.fake, local + 8, scene.future, 8); /* of the stack: perhaps a leftover */
    fake_thread_set_frame(scene.fake, scene.aio.thread, frame);
    struct py_referred item = find(&scene);
    assert_int_equal(item.found, 1);
    assert_int_equal(item.referrers[0].object, frame);
    assert_null(item.referrers[0].type);
}

/* --- who waits --- */

static bool awaits(struct scene *scene, uint64_t object, uint64_t awaited) {
    bool ret;
    struct py_type *type;
    fake_target_open(scene->target, scene->aio.runtime);
    fake_expect_success(py_type_of(scene->target->py, object, &type));
    const struct py_referrer referrer = {object, type};
    fake_expect_success(py_referrer_awaits(scene->target->py, &referrer, awaited, &ret));
    return ret;
}

static void test_awaits(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t iterator = fake_future_iter(&scene.aio, scene.future);
    uint64_t inner = add_coroutine(&scene, "inner", FAKE_SUSPENDED_AWAIT, iterator);
    uint64_t outer = add_coroutine(&scene, "outer", FAKE_SUSPENDED_AWAIT, inner);
    uint64_t other = add_coroutine(&scene, "other", FAKE_SUSPENDED_AWAIT, 0);
    assert_true(awaits(&scene, iterator, scene.future));
    assert_true(awaits(&scene, inner, scene.future));
    assert_true(awaits(&scene, outer, scene.future));
    assert_false(awaits(&scene, other, scene.future));
    assert_false(awaits(&scene, outer, other));
    assert_false(awaits(&scene, add_holder(&scene, scene.future), scene.future));
    fake_generator_await(scene.fake, inner, outer); /* a cycle */
    assert_false(awaits(&scene, outer, scene.future));
}

/* The generator of a future that is written in Python. */
static void test_awaits_python_future(struct fake_target *target) {
    struct scene scene;
    create(target, &scene);
    uint64_t code =
        fake_code(scene.fake, "__await__", "Future.__await__", "/lib/asyncio/futures.py", 280);
    uint64_t generator = fake_generator(scene.fake, FAKE_GENERATOR, code, FAKE_SUSPENDED_YIELD, 0);
    fake_put(scene.fake, slot(&scene, generator, 0), scene.future, 8);
    uint64_t coroutine = add_coroutine(&scene, "main", FAKE_SUSPENDED_AWAIT, generator);
    assert_true(awaits(&scene, coroutine, scene.future));
    fake_put(scene.fake, slot(&scene, generator, 0), scene.fake->none, 8);
    assert_false(awaits(&scene, coroutine, scene.future));
}

/* --- counts and limits --- */

static void test_reference_count(struct fake_target *target) {
    struct scene scene;
    uint64_t count;
    create(target, &scene);
    fake_target_open(target, scene.aio.runtime);
    fake_expect_success(py_reference_count(target->py, scene.future, &count));
    assert_int_equal(count, 1);
    FAKE_SET(scene.fake, scene.future, object, refcount, 0xc0000000);
    fake_target_open(target, scene.aio.runtime);
    fake_expect_success(py_reference_count(target->py, scene.future, &count));
    assert_int_equal(count, PY_IMMORTAL);
    fake_expect_error(py_reference_count(target->py, 0x10, &count), ERROR_FAULT);
    assert_int_equal(count, PY_IMMORTAL);
}

/* Each of several objects has its own referrers; one of them is nothing. */
static void test_several(struct fake_target *target) {
    struct scene scene;
    struct py_referrers_summary summary;
    create(target, &scene);
    uint64_t other = live(&scene, fake_future(&scene.aio, FAKE_PENDING));
    uint64_t first = add_holder(&scene, scene.future), second = add_holder(&scene, other);
    uint64_t third = add_holder(&scene, other);
    struct py_referred items[3] = {
        {.address = other}, {.address = 0x10}, {.address = scene.future}};
    fake_expect_success(try_find(&scene, items, 3, &summary));
    assert_int_equal(items[0].referrer_count, 2);
    assert_int_equal(items[0].referrers[0].object, second);
    assert_int_equal(items[0].referrers[1].object, third);
    assert_int_equal(items[1].referrer_count, 0);
    assert_int_equal(items[1].reference_count, PY_IMMORTAL);
    assert_int_equal(items[2].referrer_count, 1);
    assert_int_equal(items[2].referrers[0].object, first);
    assert_int_equal(items[2].reference_count, 1);
    fake_expect_success(try_find(&scene, items, 0, &summary));
}

/* With a fault at every page in turn: no crash, no referrer that is none. */
static void test_faults(struct fake_target *target) {
    struct scene scene;
    struct py_referrers_summary summary;
    create(target, &scene);
    uint64_t items[1] = {scene.future};
    uint64_t holder = add_holder(&scene, scene.future);
    uint64_t list = live(&scene, fake_list(scene.fake, items, 1));
    FAKE_SET(scene.fake, scene.future, object, refcount, 99);
    for (uint64_t n = 1;; n++) {
        struct py_referred item = {.address = scene.future};
        uint64_t before = fake_memory_get_page_reads(scene.fake->memory);
        fake_memory_fail_at(scene.fake->memory, n);
        struct error *err = try_find(&scene, &item, 1, &summary);
        assert_true(!err || !error_is_fatal(err));
        for (size_t i = 0; !err && i < item.referrer_count; i++)
            assert_true(item.referrers[i].object == holder || item.referrers[i].object == list);
        error_destroy(err);
        if (fake_memory_get_page_reads(scene.fake->memory) - before < n) {
            assert_int_equal(item.found, 2);
            break;
        }
    }
    fake_memory_fail_at(scene.fake->memory, 0);
}

FAKE_EACH_VERSION(test_nobody)
FAKE_EACH_VERSION(test_object)
FAKE_EACH_VERSION(test_leftovers)
FAKE_EACH_VERSION(test_no_type)
FAKE_EACH_VERSION(test_impostors)
FAKE_EACH_VERSION(test_weak_reference)
FAKE_EACH_VERSION(test_list)
FAKE_EACH_VERSION(test_tuple)
FAKE_EACH_VERSION(test_dict)
FAKE_EACH_VERSION(test_set)
FAKE_EACH_VERSION(test_deque)
FAKE_EACH_VERSION(test_instance)
FAKE_EACH_VERSION(test_instance_with_dict)
FAKE_EACH_VERSION(test_module)
FAKE_EACH_VERSION(test_variable_of_coroutine)
FAKE_EACH_VERSION(test_leftovers_in_frame)
FAKE_EACH_VERSION(test_borrowed_reference)
FAKE_EACH_VERSION(test_running_frame)
FAKE_EACH_VERSION(test_awaits)
FAKE_EACH_VERSION(test_awaits_python_future)
FAKE_EACH_VERSION(test_reference_count)
FAKE_EACH_VERSION(test_several)
FAKE_EACH_VERSION(test_faults)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_nobody),
        FAKE_TEST(test_object),
        FAKE_TEST(test_leftovers),
        FAKE_TEST(test_no_type),
        FAKE_TEST(test_impostors),
        FAKE_TEST(test_weak_reference),
        FAKE_TEST(test_list),
        FAKE_TEST(test_tuple),
        FAKE_TEST(test_dict),
        FAKE_TEST(test_set),
        FAKE_TEST(test_deque),
        FAKE_TEST(test_instance),
        FAKE_TEST(test_instance_with_dict),
        FAKE_TEST(test_module),
        FAKE_TEST(test_variable_of_coroutine),
        FAKE_TEST(test_leftovers_in_frame),
        FAKE_TEST(test_borrowed_reference),
        FAKE_TEST(test_running_frame),
        FAKE_TEST(test_awaits),
        FAKE_TEST(test_awaits_python_future),
        FAKE_TEST(test_reference_count),
        FAKE_TEST(test_several),
        FAKE_TEST(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
