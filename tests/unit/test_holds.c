/* What tasks have open: locks and other managers, and how much time their timeouts leave them, of
 * every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/asyncio_walk.h"

static uint64_t make_lock(struct fake_asyncio *aio) {
    return fake_new(aio->fake, "asyncio.locks.Lock",
                    FAKE_NAMED({"_locked", aio->fake->true_}, {"_waiters", 0}));
}

/* A task whose outer coroutine has these managers open and whose inner one none; `use` is that of
 * the outer one's await. */
static uint64_t make_task(struct fake_asyncio *aio, const struct fake_stack *stack,
                          enum py_await_use use) {
    return fake_waiting_task(
        aio, "holder", fake_future(aio, FAKE_PENDING),
        FAKE_BODIES({.function = "query", .variables = FAKE_NAMED({"self", 0})},
                    {.function = "handle",
                     .variables = FAKE_NAMED({"x", 0}, {"y", 0}),
                     .stack = stack,
                     .use = use}));
}

static uint64_t make_holder(struct fake_asyncio *aio, const char *exit, uint64_t manager) {
    struct fake_stack stack = {.count = 0};
    fake_push_exit(aio->fake, &stack, exit, manager);
    return make_task(aio, &stack, PY_AWAIT_EXPRESSION);
}

static void expect_holder(const struct fake_target *target, uint64_t object, uint64_t task,
                          int64_t frame) {
    const struct snapshot_object *it = asyncio_walk_object(target, object);
    assert_int_equal(it->holder_count, 1);
    assert_int_equal(it->holders[0].task, task);
    assert_int_equal(it->holders[0].tid, SNAPSHOT_UNKNOWN);
    assert_int_equal(it->holders[0].frame, frame);
    assert_int_equal(it->holders[0].confidence, SNAPSHOT_CERTAIN);
}

/* --- managers --- */

static void test_holder(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t lock = make_lock(&aio),
             file = fake_new(target->fake, "mine.File", FAKE_NAMED({"x", 0}));
    struct fake_stack stack = {.count = 0};
    fake_push_exit(target->fake, &stack, "__exit__", file);
    stack.words[stack.count++] = target->fake->none; /* the iterator of a loop */
    fake_push_exit(target->fake, &stack, "__aexit__", lock);
    uint64_t task = make_task(&aio, &stack, PY_AWAIT_EXPRESSION);
    asyncio_walk(target, &aio, false);
    const struct snapshot_task *it = asyncio_walk_task(target, task);
    assert_int_equal(it->hold_count, 2);
    assert_int_equal(it->holds[0].object, file);
    assert_int_equal(it->holds[1].object, lock);
    assert_int_equal(it->holds[1].frame, 1); /* the outer one of two */
    assert_int_equal(asyncio_walk_object(target, file)->kind, SNAPSHOT_OBJECT_OTHER);
    expect_holder(target, lock, task, 1);
    expect_holder(target, file, task, 1);
}

/* Who is only entering a lock does not hold it; what it has entered before, it does. */
static void test_entering(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t lock = make_lock(&aio), before = make_lock(&aio);
    struct fake_stack stack = {.count = 0};
    fake_push_exit(target->fake, &stack, "__aexit__", before);
    fake_push_exit(target->fake, &stack, "__aexit__", lock);
    uint64_t task = fake_waiting_task(
        &aio, "t", fake_future(&aio, FAKE_PENDING),
        FAKE_BODIES(FAKE_OWN("locks.py", "acquire", {"self", lock}),
                    FAKE_OWN("locks.py", "__aenter__", {"self", lock}),
                    {.function = "handle", .stack = &stack, .use = PY_AWAIT_ENTER}));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, task)->object, lock);
    assert_int_equal(asyncio_walk_object(target, lock)->holder_count, 0);
    assert_int_equal(asyncio_walk_task(target, task)->hold_count, 1);
    expect_holder(target, before, task, 2);
}

/* A manager that is being left because of an exception still stands there. */
static void test_leaving(struct fake_target *target) {
    struct fake_asyncio aio;
    bool is_told = target->fake->layout.traits.with_opcodes.with_except_start != 0;
    fake_asyncio_create(&aio, target->fake);
    uint64_t lock = make_lock(&aio), outer = make_lock(&aio);
    struct fake_stack stack = {.count = 0};
    fake_push_exit(target->fake, &stack, "__aexit__", outer);
    fake_push_exit(target->fake, &stack, "__aexit__", lock);
    uint64_t task = make_task(&aio, &stack, PY_AWAIT_EXIT);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_task(target, task)->hold_count, is_told ? 1 : 2);
    expect_holder(target, outer, task, 1);
}

static void test_several_holders(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t semaphore =
        fake_new(target->fake, "asyncio.locks.Semaphore", FAKE_NAMED({"_value", 0}));
    for (int i = 0; i < 5; i++)
        make_holder(&aio, "__aexit__", semaphore);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_object(target, semaphore)->holder_count, 5);
    assert_int_equal(target->snapshot->objects.count, 1);
}

/* A task that is ready holds what it has open, too. */
static void test_ready_holder(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t lock = make_lock(&aio);
    struct fake_stack stack = {.count = 0};
    fake_push_exit(target->fake, &stack, "__aexit__", lock);
    uint64_t coroutine =
        fake_suspended(target->fake, &(struct fake_body){.function = "handle", .stack = &stack},
                       target->fake->none);
    uint64_t task = fake_task(&aio, &(struct fake_task){.coroutine = coroutine});
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_task(target, task)->state, SNAPSHOT_TASK_READY);
    assert_null(asyncio_walk_task(target, task)->awaiting);
    expect_holder(target, lock, task, 0);
}

/* A task that runs: what its coroutine has open, and the functions that this has called. Those that
 * called the coroutine are not the task's. */
static void test_running_holder(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t locks[] = {make_lock(&aio), make_lock(&aio), make_lock(&aio)};
    struct fake_stack stacks[3] = {{.count = 0}};
    for (size_t i = 0; i < 3; i++)
        fake_push_exit(fake, &stacks[i], i == 1 ? "__exit__" : "__aexit__", locks[i]);
    const struct fake_body callee = {.function = "save", .stack = &stacks[1]};
    const struct fake_body loop = {.function = "run_all", .stack = &stacks[2]};
    uint64_t coroutine =
        fake_executing(fake, &(struct fake_body){.function = "busy",
                                                 .variables = FAKE_NAMED({"lock", locks[0]}),
                                                 .stack = &stacks[0]});
    uint64_t task = fake_task(&aio, &(struct fake_task){.coroutine = coroutine});
    aio.step_frame = fake_called(fake, &loop, aio.step_frame);
    fake_run_task(&aio, task, coroutine);
    fake_thread_set_frame(fake, aio.thread,
                          fake_called(fake, &callee, fake_generator_get_frame(fake, coroutine)));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_task(target, task)->state, SNAPSHOT_TASK_RUNNING);
    assert_int_equal(asyncio_walk_task(target, task)->hold_count, 2);
    expect_holder(target, locks[0], task, 1);
    expect_holder(target, locks[1], task, 0);
    assert_string_equal(asyncio_walk_object(target, locks[0])->name, "lock");
    assert_false(asyncio_walk_has_object(target, locks[2]));
}

/* --- conditions --- */

static uint64_t make_condition(struct fake_asyncio *aio, uint64_t lock) {
    return fake_new(aio->fake, "asyncio.locks.Condition", FAKE_NAMED({"_lock", lock}));
}

/* Who has entered a condition holds its lock. */
static void test_condition(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t lock = make_lock(&aio), condition = make_condition(&aio, lock);
    uint64_t task = make_holder(&aio, "__aexit__", condition);
    asyncio_walk(target, &aio, false);
    expect_holder(target, lock, task, 1);
    assert_int_equal(asyncio_walk_object(target, condition)->holder_count, 0);
    assert_int_equal(asyncio_walk_fact(target, condition, "locked"), 1);
    assert_int_equal(asyncio_walk_fact(target, lock, "locked"), 1);
}

/* In Condition.wait() it has let go of it; in the wait() of another condition it has not. */
static void test_condition_waits(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t locks[] = {make_lock(&aio), make_lock(&aio)};
    uint64_t conditions[] = {make_condition(&aio, locks[0]), make_condition(&aio, locks[1])};
    struct fake_stack stack = {.count = 0};
    fake_push_exit(target->fake, &stack, "__aexit__", conditions[0]);
    fake_push_exit(target->fake, &stack, "__aexit__", conditions[1]);
    uint64_t task = fake_waiting_task(
        &aio, "t", fake_future(&aio, FAKE_PENDING),
        FAKE_BODIES(FAKE_OWN("locks.py", "wait", {"self", conditions[1]}),
                    {.function = "handle", .stack = &stack, .use = PY_AWAIT_EXPRESSION}));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, task)->kind, SNAPSHOT_WAIT_CONDITION);
    assert_int_equal(asyncio_walk_wait(target, task)->object, conditions[1]);
    expect_holder(target, locks[0], task, 1);
    assert_false(asyncio_walk_has_object(target, locks[1]));
}

/* --- timeouts --- */

static void push_timeout(struct fake_python *fake, struct fake_stack *stack, uint64_t timer,
                         uint64_t when) {
    fake_push_exit(fake, stack, "__aexit__",
                   fake_new(fake, "asyncio.timeouts.Timeout",
                            FAKE_NAMED({"_timeout_handler", timer}, {"_when", when})));
}

/* The earliest counts, and the wait says so; one that is over has no timer any more. */
static void test_timeouts(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    struct fake_stack stack = {.count = 0}, none = {.count = 0};
    push_timeout(fake, &stack, fake->true_, fake_int(fake, 1004));
    push_timeout(fake, &stack, fake->none, fake_int(fake, 1001));
    push_timeout(fake, &stack, fake->true_, fake_float(fake, ASYNCIO_NOW + 9));
    push_timeout(fake, &stack, fake->none, fake->none);
    push_timeout(fake, &none, fake->none, fake->none);
    push_timeout(fake, &none, fake->none, fake_int(fake, 999));
    uint64_t limited = make_task(&aio, &stack, PY_AWAIT_EXPRESSION);
    uint64_t unlimited = make_task(&aio, &none, PY_AWAIT_EXPRESSION);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, limited)->has_timeout, SNAPSHOT_YES);
    assert_true(asyncio_walk_wait(target, limited)->deadline_s == 4);
    assert_int_equal(asyncio_walk_task(target, limited)->hold_count, 0);
    assert_int_equal(asyncio_walk_wait(target, unlimited)->has_timeout, SNAPSHOT_NO);
    assert_int_equal(target->snapshot->objects.count, 0);
}

/* --- managers behind managers --- */

/* `with await lock` up to 3.8. */
static void test_lock_context(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t lock = make_lock(&aio);
    uint64_t task = make_holder(
        &aio, "__exit__",
        fake_new(target->fake, "asyncio.locks._ContextManager", FAKE_NAMED({"_lock", lock})));
    asyncio_walk(target, &aio, false);
    expect_holder(target, lock, task, 1);
    assert_int_equal(target->snapshot->objects.count, 1);
}

/* What the generator of a @contextmanager has open, one inside another. */
static void test_context_managers(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = make_lock(&aio), manager = lock;
    for (int i = 0; i < 3; i++) {
        struct fake_stack stack = {.count = 0};
        fake_push_exit(fake, &stack, "__aexit__", manager);
        uint64_t generator =
            fake_suspended(fake, &(struct fake_body){.function = "locked", .stack = &stack}, 0);
        manager = fake_new(fake,
                           i ? "contextlib._AsyncGeneratorContextManager"
                             : "contextlib._GeneratorContextManager",
                           FAKE_NAMED({"gen", generator}, {"args", 0}));
    }
    uint64_t task = make_holder(&aio, "__aexit__", manager);
    asyncio_walk(target, &aio, false);
    expect_holder(target, lock, task, 1);
    assert_int_equal(asyncio_walk_task(target, task)->hold_count, 4);
}

/* A generator that has itself open. */
static void test_circle_of_managers(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t manager =
        fake_new(fake, "contextlib._GeneratorContextManager", FAKE_NAMED({"gen", 0}));
    struct fake_stack stack = {.count = 0};
    fake_push_exit(fake, &stack, "__exit__", manager);
    fake_push_exit(fake, &stack, "__exit__", manager);
    fake_set_attribute(
        fake, manager, "gen",
        fake_suspended(fake, &(struct fake_body){.function = "f", .stack = &stack}, 0));
    uint64_t task = make_holder(&aio, "__exit__", manager);
    asyncio_walk(target, &aio, false);
    assert_true(asyncio_walk_task(target, task)->hold_count <= 64); /* INNER_MAX */
    assert_int_equal(target->snapshot->objects.count, 1);
}

/* An exit stack: pairs of a flag and the exit, in 3.6 only the exits; in 3.7 closures. */
static void test_exit_stack(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t locks[] = {make_lock(&aio), make_lock(&aio), make_lock(&aio)};
    const uint64_t pair[] = {fake->true_, fake_bound_method(&aio, "Lock.__aexit__", locks[0])};
    const uint64_t callbacks[] = {
        fake_tuple(fake, pair, 2), fake_bound_method(&aio, "Lock.__aexit__", locks[1]),
        fake_closure(fake, "ExitStack._create_exit_wrapper.<locals>._exit_wrapper",
                     FAKE_NAMED({"cm", locks[2]}, {"cm_exit", fake->none})),
        fake_builtin(fake, "print", 0), fake_bound_method(&aio, "Server.close", make_lock(&aio))};
    uint64_t stack = fake_new(fake, "contextlib.AsyncExitStack",
                              FAKE_NAMED({"_exit_callbacks", fake_deque_of(fake, callbacks, 5)}));
    uint64_t task = make_holder(&aio, "__aexit__", stack);
    asyncio_walk(target, &aio, false);
    for (size_t i = 0; i < 3; i++)
        expect_holder(target, locks[i], task, 1);
    assert_int_equal(asyncio_walk_task(target, task)->hold_count, 4); /* the stack itself */
}

FAKE_EACH_VERSION(test_holder)
FAKE_EACH_VERSION(test_entering)
FAKE_EACH_VERSION(test_leaving)
FAKE_EACH_VERSION(test_several_holders)
FAKE_EACH_VERSION(test_ready_holder)
FAKE_EACH_VERSION(test_running_holder)
FAKE_EACH_VERSION(test_condition)
FAKE_EACH_VERSION(test_condition_waits)
FAKE_EACH_VERSION(test_timeouts)
FAKE_EACH_VERSION(test_lock_context)
FAKE_EACH_VERSION(test_context_managers)
FAKE_EACH_VERSION(test_circle_of_managers)
FAKE_EACH_VERSION(test_exit_stack)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_holder),           FAKE_TEST(test_entering),
        FAKE_TEST(test_leaving),          FAKE_TEST(test_several_holders),
        FAKE_TEST(test_ready_holder),     FAKE_TEST(test_running_holder),
        FAKE_TEST(test_condition),        FAKE_TEST(test_condition_waits),
        FAKE_TEST(test_timeouts),         FAKE_TEST(test_lock_context),
        FAKE_TEST(test_context_managers), FAKE_TEST(test_circle_of_managers),
        FAKE_TEST(test_exit_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
