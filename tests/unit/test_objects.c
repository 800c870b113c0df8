/* Locks, queues and the like: their labels, names and facts, and who waits for them, of every
 * version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../support/asyncio_walk.h"

/* A task that holds the object, whose coroutine has one variable and these globals. */
static uint64_t hold(struct fake_asyncio *aio, uint64_t object, struct fake_named variable,
                     uint64_t globals) {
    struct fake_stack stack = {.count = 0};
    fake_push_exit(aio->fake, &stack, "__aexit__", object);
    return fake_waiting_task(aio, "holder", fake_future(aio, FAKE_PENDING),
                             FAKE_BODIES({.function = "handle",
                                          .variables = FAKE_NAMED(variable),
                                          .stack = &stack,
                                          .globals = globals,
                                          .use = PY_AWAIT_EXPRESSION}));
}

static uint64_t hold_unnamed(struct fake_asyncio *aio, uint64_t object) {
    return hold(aio, object, (struct fake_named){"x", 0}, 0);
}

static uint64_t make_deque(struct fake_asyncio *aio, size_t count) {
    uint64_t items[8];
    for (size_t i = 0; i < count; i++)
        items[i] = fake_future(aio, FAKE_PENDING);
    return fake_deque_of(aio->fake, items, count);
}

static uint64_t make_lock(struct fake_asyncio *aio) {
    return fake_new(aio->fake, "asyncio.locks.Lock", FAKE_NAMED({"_locked", aio->fake->true_}));
}

/* --- what they are --- */

static void test_labels(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = make_lock(&aio), other = make_lock(&aio);
    uint64_t event = fake_new(fake, "asyncio.locks.Event", FAKE_NAMED({"_value", fake->false_}));
    uint64_t mine = fake_new_derived(fake, "mine.Lock", FAKE_GET(fake, lock, object, type), 0,
                                     FAKE_NAMED({"_locked", fake->false_}));
    hold_unnamed(&aio, lock);
    hold_unnamed(&aio, event);
    hold_unnamed(&aio, other);
    hold_unnamed(&aio, lock);
    hold_unnamed(&aio, mine);
    asyncio_walk(target, &aio, false);
    assert_int_equal(target->snapshot->objects.count, 4);
    const uint64_t objects[] = {lock, other, mine};
    char seen[4] = "";
    for (size_t i = 0; i < 3; i++) { /* numbered in the order in which they are met */
        const char *label = asyncio_walk_object(target, objects[i])->label;
        assert_int_equal(strncmp(label, "Lock#", 5), 0);
        seen[i] = label[5];
        assert_int_equal(asyncio_walk_object(target, objects[i])->kind, SNAPSHOT_OBJECT_LOCK);
    }
    assert_int_equal('1' + '2' + '3', seen[0] + seen[1] + seen[2]);
    assert_string_equal(asyncio_walk_object(target, event)->label, "Event#1");
    assert_string_equal(asyncio_walk_object(target, event)->type, "asyncio.locks.Event");
    assert_string_equal(asyncio_walk_object(target, mine)->type, "mine.Lock");
}

/* --- facts --- */

struct fact {
    const char *key;
    int64_t value;
};

static void expect_facts(const struct fake_target *target, uint64_t object,
                         enum snapshot_object_kind kind, const struct fact *facts, size_t count) {
    const struct snapshot_object *it = asyncio_walk_object(target, object);
    assert_int_equal(it->kind, kind);
    assert_int_equal(it->fact_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(asyncio_walk_fact(target, object, facts[i].key), facts[i].value);
}
#define EXPECT_FACTS(target, object, kind, ...)                                                    \
    expect_facts((target), (object), (kind), (const struct fact[]){__VA_ARGS__},                   \
                 sizeof((const struct fact[]){__VA_ARGS__}) / sizeof(struct fact))

static void test_facts(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t two = fake_int(fake, 2), three = fake_int(fake, 3);
    uint64_t lock = make_lock(&aio);
    uint64_t semaphore = fake_new(fake, "asyncio.locks.BoundedSemaphore", FAKE_NAMED({"x", 0}));
    semaphore = fake_new_derived(
        fake, "asyncio.locks.BoundedSemaphore",
        FAKE_GET(fake, fake_new(fake, "asyncio.locks.Semaphore", FAKE_NAMED({"_value", two})),
                 object, type),
        0, FAKE_NAMED({"_value", two}, {"_bound_value", three}));
    uint64_t event = fake_new(fake, "asyncio.locks.Event", FAKE_NAMED({"_value", fake->true_}));
    uint64_t condition = fake_new(fake, "asyncio.locks.Condition", FAKE_NAMED({"_lock", lock}));
    uint64_t barrier =
        fake_new(fake, "asyncio.locks.Barrier", FAKE_NAMED({"_parties", three}, {"_count", two}));
    uint64_t queue =
        fake_new(fake, "asyncio.queues.Queue",
                 FAKE_NAMED({"_queue", make_deque(&aio, 3)}, {"_maxsize", three},
                            {"_unfinished_tasks", fake_int(fake, 7)},
                            {"_getters", make_deque(&aio, 0)}, {"_putters", make_deque(&aio, 2)}));
    const uint64_t objects[] = {lock, semaphore, event, condition, barrier, queue};
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        hold_unnamed(&aio, objects[i]);
    asyncio_walk(target, &aio, false);
    EXPECT_FACTS(target, lock, SNAPSHOT_OBJECT_LOCK, {"locked", 1});
    EXPECT_FACTS(target, semaphore, SNAPSHOT_OBJECT_SEMAPHORE, {"value", 2}, {"bound", 3});
    EXPECT_FACTS(target, event, SNAPSHOT_OBJECT_EVENT, {"set", 1});
    EXPECT_FACTS(target, condition, SNAPSHOT_OBJECT_CONDITION, {"locked", 1});
    EXPECT_FACTS(target, barrier, SNAPSHOT_OBJECT_BARRIER, {"parties", 3}, {"count", 2});
    EXPECT_FACTS(target, queue, SNAPSHOT_OBJECT_QUEUE, {"size", 3}, {"max_size", 3},
                 {"unfinished", 7}, {"getters", 0}, {"putters", 2});
}

/* What is not set, or something else than it should be, is not known. */
static void test_facts_that_are_not_there(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = fake_new(fake, "asyncio.locks.Lock", FAKE_NAMED({"x", 0}));
    uint64_t queue = fake_new(
        fake, "asyncio.queues.Queue",
        FAKE_NAMED({"_queue", fake->types[0]}, {"_maxsize", fake->none}, {"_getters", fake->none}));
    FAKE_SET(fake, fake->types[0], object, type, fake->types[FAKE_STR]);
    hold_unnamed(&aio, lock);
    hold_unnamed(&aio, queue);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_object(target, lock)->fact_count, 0);
    EXPECT_FACTS(target, queue, SNAPSHOT_OBJECT_QUEUE, {"getters", 0});
}

/* An object that cannot be read any further is listed all the same, and that is told. */
static void test_facts_that_fault(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t lock = fake_new(target->fake, "asyncio.locks.Lock", FAKE_NAMED({"_locked", 0x10000}));
    uint64_t task = hold_unnamed(&aio, lock);
    asyncio_walk_threads(target, &aio, NULL, 0);
    asyncio_walk_expect_missing(target, "Lock#1", "cannot read");
    assert_int_equal(asyncio_walk_object(target, lock)->holder_count, 1);
    assert_int_equal(asyncio_walk_task(target, task)->note_count, 0);
}

/* --- names --- */

static void expect_name(struct fake_target *target, struct fake_asyncio *aio, uint64_t object,
                        const char *name) {
    asyncio_walk(target, aio, false);
    if (name)
        assert_string_equal(asyncio_walk_object(target, object)->name, name);
    else
        assert_null(asyncio_walk_object(target, object)->name);
}

/* How the frame that holds the object can reach it. */
enum way { BY_VARIABLE, BY_SELF, BY_INSTANCE, BY_GLOBAL, BY_NOTHING };

static void name_by(struct fake_target *target, enum way way, const char *name) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = make_lock(&aio), globals = fake_dict(fake, false);
    uint64_t pool = fake_new(fake, "mine.db.Pool", FAKE_NAMED({"size", fake->none}, {"sem", lock}));
    struct fake_named variable = {"x", fake->none};
    if (way == BY_VARIABLE)
        variable = (struct fake_named){"lock", lock};
    else if (way == BY_SELF)
        variable = (struct fake_named){"self", pool};
    else if (way == BY_INSTANCE)
        variable = (struct fake_named){"pool", pool};
    fake_dict_set(fake, globals, "other", fake->none);
    if (way == BY_GLOBAL)
        fake_dict_set(fake, globals, "LIMIT", lock);
    hold(&aio, lock, variable, globals);
    expect_name(target, &aio, lock, name);
}

static void test_names(struct fake_target *target) {
    name_by(target, BY_VARIABLE, "lock");
    name_by(target, BY_SELF, "Pool.sem");
    name_by(target, BY_INSTANCE, "pool.sem");
    name_by(target, BY_GLOBAL, "LIMIT");
    name_by(target, BY_NOTHING, NULL);
}

/* A name is an aid: what cannot be read on the way to it is not told. */
static void test_names_behind_faults(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = make_lock(&aio), globals = fake_dict(fake, false);
    fake_dict_set(fake, globals, "LIMIT", lock);
    hold(&aio, lock, (struct fake_named){"torn", 0x10000}, globals);
    expect_name(target, &aio, lock, "LIMIT");
    uint64_t other = make_lock(&aio);
    hold(&aio, other, (struct fake_named){"x", 0}, 0x20000);
    expect_name(target, &aio, other, NULL);
}

/* Who waits may have a name for it, too; after some that have none, nobody is asked any more. */
static void test_who_is_asked_for_names(struct fake_target *target) {
    for (size_t others = 0; others <= 3; others += 3) {
        struct fake_asyncio aio;
        fake_asyncio_create(&aio, target->fake);
        uint64_t lock = make_lock(&aio), future = fake_future(&aio, FAKE_PENDING);
        for (size_t i = 0; i < others; i++)
            hold_unnamed(&aio, lock);
        fake_waiting_task(&aio, "w", future,
                          FAKE_BODIES(FAKE_OWN("locks.py", "acquire", {"self", lock}),
                                      FAKE_USER("handle", {"limit", lock})));
        asyncio_walk(target, &aio, false);
        bool in_order = target->fake->layout.traits.task_registry & PY_TASKS_LINKED_LISTS;
        const char *name = asyncio_walk_object(target, lock)->name;
        if (others == 0)
            assert_string_equal(name, "limit");
        else if (in_order) /* else the set's order decides */
            assert_null(name);
    }
}

/* --- who waits --- */

#define WAITERS 4

/* Tasks that wait in `function` for an object whose `attribute` has their futures in this order;
 * one more waits with a future that is not there. */
static void check_order(struct fake_target *target, const char *class, const char *attribute,
                        const char *file, const char *function) {
    static const size_t order[WAITERS] = {2, 0, 3, 1};
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t futures[WAITERS], tasks[WAITERS], listed[WAITERS];
    fake_asyncio_create(&aio, fake);
    for (size_t i = 0; i < WAITERS; i++)
        futures[i] = fake_future(&aio, FAKE_PENDING);
    for (size_t i = 0; i < WAITERS; i++)
        listed[i] = futures[order[i]];
    uint64_t deque = fake_deque_of(fake, listed, WAITERS);
    uint64_t object = fake_new(fake, class, FAKE_NAMED({attribute, deque}));
    const struct fake_body body = {.file = file, .function = function};
    uint64_t stranger = 0;
    for (size_t i = 0; i <= WAITERS; i++) {
        struct fake_body own = body;
        own.variables = FAKE_NAMED({"self", object});
        uint64_t future = i < WAITERS ? futures[i] : fake_future(&aio, FAKE_PENDING);
        uint64_t task = fake_waiting_task(&aio, "w", future, FAKE_BODIES(own));
        if (i < WAITERS)
            tasks[i] = task;
        else
            stranger = task;
    }
    asyncio_walk(target, &aio, false);
    const struct snapshot_object *it = asyncio_walk_object(target, object);
    assert_int_equal(it->waiter_count, WAITERS + 1);
    for (size_t i = 0; i < WAITERS; i++)
        assert_int_equal(it->waiters[i], tasks[order[i]]);
    assert_int_equal(it->waiters[WAITERS], stranger);
}

static void test_waiters(struct fake_target *target) {
    check_order(target, "asyncio.locks.Lock", "_waiters", "asyncio/locks.py", "acquire");
    check_order(target, "asyncio.locks.Semaphore", "_waiters", "asyncio/locks.py", "acquire");
    check_order(target, "asyncio.locks.Event", "_waiters", "asyncio/locks.py", "wait");
    check_order(target, "asyncio.locks.Condition", "_waiters", "asyncio/locks.py", "wait");
    check_order(target, "asyncio.queues.Queue", "_getters", "asyncio/queues.py", "get");
    check_order(target, "asyncio.queues.Queue", "_putters", "asyncio/queues.py", "put");
}

/* A future that stands there twice, one of another object, and a list that is no deque. */
static void test_odd_lists_of_waiters(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t futures[3], locks[2], tasks[3];
    for (size_t i = 0; i < 3; i++)
        futures[i] = fake_future(&aio, FAKE_PENDING);
    const uint64_t listed[] = {futures[1], futures[2], futures[1], futures[0], fake->none};
    locks[0] = fake_new(fake, "asyncio.locks.Lock",
                        FAKE_NAMED({"_waiters", fake_deque_of(fake, listed, 5)}));
    locks[1] = fake_new(fake, "asyncio.locks.Lock", FAKE_NAMED({"_waiters", fake->true_}));
    for (size_t i = 0; i < 3; i++)
        tasks[i] = fake_waiting_task(
            &aio, "w", futures[i],
            FAKE_BODIES(FAKE_OWN("locks.py", "acquire", {"self", locks[i == 2]})));
    asyncio_walk(target, &aio, false);
    const struct snapshot_object *it = asyncio_walk_object(target, locks[0]);
    assert_int_equal(it->waiter_count, 2);
    assert_int_equal(it->waiters[0], tasks[1]);
    assert_int_equal(it->waiters[1], tasks[0]);
    assert_int_equal(asyncio_walk_object(target, locks[1])->waiter_count, 1);
}

FAKE_EACH_VERSION(test_labels)
FAKE_EACH_VERSION(test_facts)
FAKE_EACH_VERSION(test_facts_that_are_not_there)
FAKE_EACH_VERSION(test_facts_that_fault)
FAKE_EACH_VERSION(test_names)
FAKE_EACH_VERSION(test_names_behind_faults)
FAKE_EACH_VERSION(test_who_is_asked_for_names)
FAKE_EACH_VERSION(test_waiters)
FAKE_EACH_VERSION(test_odd_lists_of_waiters)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_labels),
        FAKE_TEST(test_facts),
        FAKE_TEST(test_facts_that_are_not_there),
        FAKE_TEST(test_facts_that_fault),
        FAKE_TEST(test_names),
        FAKE_TEST(test_names_behind_faults),
        FAKE_TEST(test_who_is_asked_for_names),
        FAKE_TEST(test_waiters),
        FAKE_TEST(test_odd_lists_of_waiters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
