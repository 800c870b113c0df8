/* What threads wait for outside their loops: futures, other threads, locks of threads and who has
 * those, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/syscall.h>

#include "../support/asyncio_walk.h"

enum { MAIN = 4711, WAITER = 4801, OWNER = 4802 };
#define IDENT(tid) (UINT64_C(0x100000) * (uint64_t)(tid))

static void add_thread(struct fake_asyncio *aio, int64_t tid, uint64_t frame) {
    uint64_t thread = fake_thread(aio->fake, aio->interpreter, IDENT(tid), tid);
    fake_thread_set_frame(aio->fake, thread, frame);
}

/* WAITER sleeps in futex(2) at `futex` (0: it does something else); anything may be missing. */
static void walk_torn(struct fake_target *target, struct fake_asyncio *aio, uint64_t futex) {
    const struct target_thread threads[] = {
        {.tid = MAIN, .namespace_tid = MAIN, .syscall = -1},
        {.tid = WAITER,
         .namespace_tid = WAITER,
         .syscall = futex ? SYS_futex : -1,
         .arguments = {futex, 0}},
        {.tid = OWNER, .namespace_tid = OWNER, .syscall = -1},
    };
    asyncio_walk_threads(target, aio, threads, 3);
}

static void walk(struct fake_target *target, struct fake_asyncio *aio, uint64_t futex) {
    walk_torn(target, aio, futex);
    asyncio_walk_expect_complete(target);
}

static const struct snapshot_wait *get_wait(const struct fake_target *target) {
    const struct snapshot_thread *thread = asyncio_walk_thread(target, WAITER);
    assert_non_null(thread->awaiting);
    return thread->awaiting;
}

/* --- futures --- */

/* A thread in future.result(), some frames below the innermost. */
static void add_waiter_of_result(struct fake_asyncio *aio, const char *function, uint64_t future,
                                 uint64_t timeout) {
    struct fake_python *fake = aio->fake;
    const struct fake_body user = {.function = "main"};
    const struct fake_body result = {.file = "concurrent/futures/_base.py",
                                     .function = function,
                                     .variables =
                                         FAKE_NAMED({"self", future}, {"timeout", timeout})};
    const struct fake_body wait = {.file = "threading.py", .function = "wait"};
    uint64_t frame = fake_called(fake, &result, fake_called(fake, &user, 0));
    add_thread(aio, WAITER, fake_called(fake, &wait, frame));
}

static void test_future_of_a_pool(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_concurrent_future(&aio, NULL, 0);
    uint64_t item =
        fake_work_item(&aio, future, fake_builtin(fake, "read", 0), fake_tuple(fake, NULL, 0));
    uint64_t pool = fake_thread_pool(&aio, 4, 1, NULL, 0);
    add_waiter_of_result(&aio, "result", future, fake_float(fake, 2));
    add_thread(&aio, OWNER, fake_worker_frames(&aio, pool, item));
    walk(target, &aio, 0);
    const struct snapshot_wait *wait = get_wait(target);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_EXECUTOR);
    assert_int_equal(wait->id, future);
    assert_string_equal(wait->type, "concurrent.futures._base.Future");
    assert_int_equal(wait->tid, OWNER);
    assert_int_equal(wait->object, pool);
    assert_string_equal(wait->callee, "read");
    assert_int_equal(wait->has_timeout, SNAPSHOT_YES);
    assert_null(asyncio_walk_thread(target, OWNER)->awaiting);
}

/* run_coroutine_threadsafe(): the task is known, and read when nobody else knows it. */
static void test_future_of_a_task(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t task = fake_object(fake, aio.task_type, (size_t)PY_OFFSET(&fake->layout, task, size));
    FAKE_SET(fake, task, task, coroutine,
             fake_coroutine(&aio, "fetch", 10, FAKE_SUSPENDED_AWAIT, fake->none));
    uint64_t callback = fake_closure(fake, "_chain_future.<locals>._call_check_cancel",
                                     FAKE_NAMED({"source", task}));
    add_waiter_of_result(&aio, "exception", fake_concurrent_future(&aio, &callback, 1), fake->none);
    walk(target, &aio, 0);
    assert_int_equal(get_wait(target)->kind, SNAPSHOT_WAIT_THREAD);
    assert_int_equal(get_wait(target)->has_timeout, SNAPSHOT_NO);
    asyncio_walk_expect_tasks(get_wait(target), &task, 1);
    asyncio_walk_task(target, task);
}

/* The loop has not come to making the task yet: the callback is in its queue. */
static void test_future_of_a_queued_call(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_concurrent_future(&aio, NULL, 0);
    static const char callback[] = "run_coroutine_threadsafe.<locals>.callback";
    const uint64_t handles[] = {
        fake_handle(&aio, fake_builtin(fake, "print", 0), 0, false, NAN),
        fake_handle(&aio, fake_closure(fake, callback, FAKE_NAMED({"future", fake->none})), 0,
                    false, NAN),
        fake_handle(&aio, fake_closure(fake, callback, FAKE_NAMED({"coro", 0}, {"future", future})),
                    0, false, NAN)};
    add_waiter_of_result(&aio, "result", future, fake->none);
    fake_loop_set(&aio, "_ready", fake_deque_of(fake, handles, 2));
    walk(target, &aio, 0);
    assert_int_equal(get_wait(target)->object, 0);
    fake_loop_set(&aio, "_ready", fake_deque_of(fake, handles, 3));
    walk(target, &aio, 0);
    assert_int_equal(get_wait(target)->kind, SNAPSHOT_WAIT_THREAD);
    assert_int_equal(get_wait(target)->object, aio.event_loop);
}

static void test_join(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t thread =
        fake_new(fake, "threading.Thread",
                 FAKE_NAMED({"_name", 0}, {"_ident", fake_int(fake, (int64_t)IDENT(OWNER))}));
    const struct fake_body join = {.file = "threading.py",
                                   .function = "join",
                                   .variables = FAKE_NAMED({"self", thread}, {"timeout", 0})};
    const struct fake_body work = {.function = "work"};
    add_thread(&aio, WAITER, fake_called(fake, &join, 0));
    add_thread(&aio, OWNER, fake_called(fake, &work, 0));
    walk(target, &aio, 0);
    assert_int_equal(get_wait(target)->kind, SNAPSHOT_WAIT_THREAD);
    assert_int_equal(get_wait(target)->tid, OWNER);
    assert_int_equal(get_wait(target)->id, thread);
    assert_int_equal(get_wait(target)->has_timeout, SNAPSHOT_NO);
}

/* result() of something else, and a result() of another file. */
static void test_other_frames(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    add_waiter_of_result(&aio, "result", fake_new(fake, "mine.Future", FAKE_NAMED({"x", 0})), 0);
    const struct fake_body result = {
        .file = "mine/_base.py",
        .function = "result",
        .variables = FAKE_NAMED({"self", fake_concurrent_future(&aio, NULL, 0)})};
    add_thread(&aio, OWNER, fake_called(fake, &result, 0));
    walk(target, &aio, 0);
    assert_null(asyncio_walk_thread(target, WAITER)->awaiting);
    assert_null(asyncio_walk_thread(target, OWNER)->awaiting);
}

/* --- locks --- */

/* Where a thread sleeps that waits for the lock. */
static uint64_t futex_of(struct fake_python *fake, uint64_t lock, uint64_t semaphore,
                         bool is_recursive) {
    if (is_recursive)
        return PY_HAS(&fake->layout, thread_rlock, mutex)
                   ? fake_wait_entry(fake,
                                     lock + (uint64_t)PY_OFFSET(&fake->layout, thread_rlock, mutex))
                   : semaphore;
    return PY_HAS(&fake->layout, thread_lock, mutex)
               ? fake_wait_entry(fake,
                                 lock + (uint64_t)PY_OFFSET(&fake->layout, thread_lock, mutex))
               : semaphore;
}

/* How the innermost frame can reach the lock. */
enum way { BY_VARIABLE, BY_INSTANCE, BY_GLOBAL };

static void add_waiter_of_lock(struct fake_asyncio *aio, enum way way, uint64_t lock) {
    struct fake_python *fake = aio->fake;
    uint64_t globals = fake_dict(fake, false);
    uint64_t pool = fake_new(fake, "mine.Pool", FAKE_NAMED({"size", fake->none}, {"guard", lock}));
    struct fake_named variable = {"x", fake->none};
    if (way == BY_VARIABLE)
        variable = (struct fake_named){"lock", lock};
    if (way == BY_INSTANCE)
        variable = (struct fake_named){"pool", pool};
    if (way == BY_GLOBAL)
        fake_dict_set(fake, globals, "GUARD", lock);
    const struct fake_body body = {
        .function = "work", .variables = FAKE_NAMED(variable), .globals = globals};
    add_thread(aio, WAITER, fake_called(fake, &body, 0));
}

static void find_lock_by(struct fake_target *target, enum way way, const char *name) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t semaphore, other;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = fake_thread_lock(fake, true, true, &semaphore);
    fake_thread_lock(fake, true, true, &other);
    add_waiter_of_lock(&aio, way, lock);
    struct fake_stack stack = {.count = 0};
    fake_push_builtin(fake, &stack, "__exit__", lock);
    const struct fake_body owner = {.function = "owner", .stack = &stack};
    const struct fake_body inner = {.function = "inner"};
    add_thread(&aio, OWNER, fake_called(fake, &inner, fake_called(fake, &owner, 0)));
    walk(target, &aio, futex_of(fake, lock, semaphore, false));
    assert_int_equal(get_wait(target)->kind, SNAPSHOT_WAIT_LOCK);
    assert_int_equal(get_wait(target)->object, lock);
    assert_string_equal(get_wait(target)->type, "_thread.lock");
    const struct snapshot_object *object = asyncio_walk_object(target, lock);
    assert_int_equal(object->kind, SNAPSHOT_OBJECT_THREAD_LOCK);
    assert_string_equal(object->name, name);
    assert_int_equal(asyncio_walk_fact(target, lock, "locked"), 1);
    assert_int_equal(object->holder_count, 1);
    assert_int_equal(object->holders[0].task, 0);
    assert_int_equal(object->holders[0].tid, OWNER);
    assert_int_equal(object->holders[0].frame, 1);
}

static void test_lock(struct fake_target *target) {
    find_lock_by(target, BY_VARIABLE, "lock");
    find_lock_by(target, BY_INSTANCE, "pool.guard");
    find_lock_by(target, BY_GLOBAL, "GUARD");
}

/* An RLock knows its owner; of an owner that is gone nothing is said. */
static void test_recursive_lock(struct fake_target *target) {
    for (int is_there = 0; is_there < 2; is_there++) {
        struct fake_asyncio aio;
        struct fake_python *fake = target->fake;
        uint64_t semaphore;
        fake_asyncio_create(&aio, fake);
        uint64_t lock = fake_thread_rlock(fake, IDENT(is_there ? OWNER : 9999), true, &semaphore);
        add_waiter_of_lock(&aio, BY_VARIABLE, lock);
        const struct fake_body owner = {.function = "owner"};
        add_thread(&aio, OWNER, fake_called(fake, &owner, 0));
        walk(target, &aio, futex_of(fake, lock, semaphore, true));
        assert_int_equal(get_wait(target)->object, lock);
        assert_int_equal(asyncio_walk_object(target, lock)->holder_count, is_there ? 1 : 0);
        if (is_there)
            assert_int_equal(asyncio_walk_object(target, lock)->holders[0].tid, OWNER);
    }
}

/* A task that is suspended with the lock taken holds it; nobody else is asked. */
static void test_lock_of_a_task(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t semaphore;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = fake_thread_lock(fake, true, true, &semaphore);
    struct fake_stack stack = {.count = 0};
    fake_push_builtin(fake, &stack, "__exit__", lock);
    uint64_t task = fake_waiting_task(
        &aio, "t", fake_future(&aio, FAKE_PENDING),
        FAKE_BODIES({.function = "handle", .stack = &stack, .use = PY_AWAIT_EXPRESSION}));
    add_waiter_of_lock(&aio, BY_GLOBAL, fake->none); /* its frame does not reach it */
    walk(target, &aio, futex_of(fake, lock, semaphore, false));
    assert_int_equal(get_wait(target)->object, lock);
    assert_int_equal(asyncio_walk_object(target, lock)->holder_count, 1);
    assert_int_equal(asyncio_walk_object(target, lock)->holders[0].task, task);
}

/* Another lock, one that is free, a place that no lock has. */
static void test_no_lock(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t semaphore, other;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = fake_thread_lock(fake, true, true, &semaphore);
    uint64_t free_lock = fake_thread_lock(fake, false, false, &other);
    const struct fake_body body = {.function = "work",
                                   .variables = FAKE_NAMED({"lock", lock}, {"free", free_lock})};
    add_thread(&aio, WAITER, fake_called(fake, &body, 0));
    walk(target, &aio, futex_of(fake, free_lock, other, false));
    assert_null(asyncio_walk_thread(target, WAITER)->awaiting);
    walk(target, &aio, fake_alloc(fake, 64) + 32);
    assert_null(asyncio_walk_thread(target, WAITER)->awaiting);
}

/* A variable that cannot be read may have been the lock, unless another one is it. */
static void test_torn_variable(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t semaphore;
    fake_asyncio_create(&aio, fake);
    uint64_t lock = fake_thread_lock(fake, true, true, &semaphore);
    const struct fake_body body = {
        .function = "work",
        .variables = FAKE_NAMED({"torn", 0x10000}, {"other", 0x20000}, {"lock", lock})};
    add_thread(&aio, WAITER, fake_called(fake, &body, 0));
    walk(target, &aio, futex_of(fake, lock, semaphore, false));
    assert_int_equal(get_wait(target)->object, lock);
    walk_torn(target, &aio, 0x30000);
    asyncio_walk_expect_missing(target, "what a thread waits for", "cannot read");
    assert_null(asyncio_walk_thread(target, WAITER)->awaiting);
}

/* Condition.wait() of threading sleeps on a lock that nobody ever holds. */
static void test_threading_condition(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t semaphore;
    fake_asyncio_create(&aio, fake);
    uint64_t waiter = fake_thread_lock(fake, true, true, &semaphore);
    const struct fake_body body = {
        .file = "threading.py", .function = "wait", .variables = FAKE_NAMED({"waiter", waiter})};
    add_thread(&aio, WAITER, fake_called(fake, &body, 0));
    walk(target, &aio, futex_of(fake, waiter, semaphore, false));
    assert_null(asyncio_walk_thread(target, WAITER)->awaiting);
}

FAKE_EACH_VERSION(test_future_of_a_pool)
FAKE_EACH_VERSION(test_future_of_a_task)
FAKE_EACH_VERSION(test_future_of_a_queued_call)
FAKE_EACH_VERSION(test_join)
FAKE_EACH_VERSION(test_other_frames)
FAKE_EACH_VERSION(test_lock)
FAKE_EACH_VERSION(test_recursive_lock)
FAKE_EACH_VERSION(test_lock_of_a_task)
FAKE_EACH_VERSION(test_no_lock)
FAKE_EACH_VERSION(test_torn_variable)
FAKE_EACH_VERSION(test_threading_condition)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_future_of_a_pool),
        FAKE_TEST(test_future_of_a_task),
        FAKE_TEST(test_future_of_a_queued_call),
        FAKE_TEST(test_join),
        FAKE_TEST(test_other_frames),
        FAKE_TEST(test_lock),
        FAKE_TEST(test_recursive_lock),
        FAKE_TEST(test_lock_of_a_task),
        FAKE_TEST(test_no_lock),
        FAKE_TEST(test_torn_variable),
        FAKE_TEST(test_threading_condition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
