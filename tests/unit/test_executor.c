/* Work in executors: which thread runs it or where it stands in the queue, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../support/asyncio_walk.h"

enum { WORKER = 4800 };

static uint64_t make_task(struct fake_asyncio *aio, uint64_t future) {
    return fake_waiting_task(aio, "main", future, FAKE_BODIES(FAKE_USER("handle", {"x", 0})));
}

/* An item of work for `function`, and a task that waits for it. */
static uint64_t make_work(struct fake_asyncio *aio, uint64_t function, uint64_t *ret_task) {
    uint64_t concurrent = fake_concurrent_future(aio, NULL, 0);
    *ret_task = make_task(aio, fake_chained_future(aio, concurrent));
    return fake_work_item(aio, concurrent, function,
                          fake_tuple_of_one(aio->fake, fake_str(aio->fake, "argument")));
}

static uint64_t make_function(struct fake_asyncio *aio, const char *name) {
    return fake_closure(aio->fake, name, FAKE_NAMED({NULL, 0}));
}

static void add_thread(struct fake_asyncio *aio, int64_t tid, uint64_t frame) {
    uint64_t thread =
        fake_thread(aio->fake, aio->interpreter, UINT64_C(0x100000) * (uint64_t)tid, tid);
    fake_thread_set_frame(aio->fake, thread, frame);
}

/* With the main thread and `workers` more. */
static void walk(struct fake_target *target, struct fake_asyncio *aio, pid_t workers) {
    struct target_thread threads[8] = {{.tid = 4711, .namespace_tid = 4711, .syscall = -1}};
    for (pid_t i = 0; i < workers; i++)
        threads[1 + i] =
            (struct target_thread){.tid = WORKER + i, .namespace_tid = WORKER + i, .syscall = -1};
    asyncio_walk_threads(target, aio, threads, 1 + (size_t)workers);
    asyncio_walk_expect_complete(target);
}

static void test_pool(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t running, queued[2], items[2];
    fake_asyncio_create(&aio, fake);
    uint64_t item = make_work(&aio, make_function(&aio, "read_file"), &running);
    uint64_t partial = fake_partial(fake, make_function(&aio, "load"), fake_tuple(fake, NULL, 0));
    uint64_t to_thread =
        fake_partial(fake, fake_builtin(fake, "run", fake->none), fake_tuple_of_one(fake, partial));
    items[0] = make_work(&aio, to_thread, &queued[0]);
    items[1] = make_work(&aio, fake_builtin(fake, "sleep", 0), &queued[1]);
    const uint64_t in_queue[] = {items[0], items[1], fake->none}; /* None ends a thread */
    uint64_t pool = fake_thread_pool(&aio, 2, 2, in_queue, 3);
    add_thread(&aio, WORKER, fake_worker_frames(&aio, pool, item));
    add_thread(&aio, WORKER + 1, fake_worker_frames(&aio, pool, 0));
    walk(target, &aio, 2);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, running);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_EXECUTOR);
    assert_int_equal(wait->tid, WORKER);
    assert_int_equal(wait->position, SNAPSHOT_UNKNOWN);
    assert_int_equal(wait->object, pool);
    assert_string_equal(wait->callee, "read_file");
    wait = asyncio_walk_wait(target, queued[0]);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_EXECUTOR);
    assert_int_equal(wait->tid, SNAPSHOT_UNKNOWN);
    assert_int_equal(wait->position, 1);
    assert_string_equal(wait->callee, "load");
    assert_int_equal(asyncio_walk_wait(target, queued[1])->position, 2);
    assert_string_equal(asyncio_walk_wait(target, queued[1])->callee, "sleep");
    assert_int_equal(asyncio_walk_fact(target, pool, "busy"), 1);
    assert_int_equal(asyncio_walk_fact(target, pool, "idle"), 1);
    assert_int_equal(asyncio_walk_fact(target, pool, "queued"), 2);
    assert_string_equal(asyncio_walk_object(target, pool)->label, "ThreadPoolExecutor#1");
}

/* 3.14's WorkerContext.run() is no item of work; the frame that called it is one. */
static void test_frames_called_run(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t task;
    fake_asyncio_create(&aio, fake);
    uint64_t item = make_work(&aio, make_function(&aio, "read_file"), &task);
    uint64_t pool = fake_thread_pool(&aio, 1, 1, NULL, 0);
    uint64_t context =
        fake_new(fake, "concurrent.futures.thread.WorkerContext", FAKE_NAMED({"x", 0}));
    const struct fake_body run = {.file = "concurrent/futures/thread.py",
                                  .function = "run",
                                  .variables = FAKE_NAMED({"self", context})};
    add_thread(&aio, WORKER, fake_called(fake, &run, fake_worker_frames(&aio, pool, item)));
    walk(target, &aio, 1);
    assert_int_equal(asyncio_walk_wait(target, task)->tid, WORKER);
    assert_int_equal(asyncio_walk_fact(target, pool, "busy"), 1);
}

/* Work whose executor is gone still has its thread. */
static void test_executor_that_is_gone(struct fake_target *target) {
    struct fake_asyncio aio;
    uint64_t task;
    fake_asyncio_create(&aio, target->fake);
    uint64_t item = make_work(&aio, make_function(&aio, "read_file"), &task);
    add_thread(&aio, WORKER, fake_worker_frames(&aio, target->fake->none, item));
    walk(target, &aio, 1);
    assert_int_equal(asyncio_walk_wait(target, task)->kind, SNAPSHOT_WAIT_EXECUTOR);
    assert_int_equal(asyncio_walk_wait(target, task)->tid, WORKER);
    assert_int_equal(asyncio_walk_wait(target, task)->object, 0);
}

/* The thread that manages an executor of processes has the work in a dict: in a variable, or from
 * 3.9 on in an attribute of its own. */
static void test_processes(struct fake_target *target) {
    for (int is_attribute = 0; is_attribute < 2; is_attribute++) {
        struct fake_asyncio aio;
        struct fake_python *fake = target->fake;
        uint64_t task;
        fake_asyncio_create(&aio, fake);
        uint64_t concurrent = fake_concurrent_future(&aio, NULL, 0),
                 pending = fake_dict(fake, true);
        task = make_task(&aio, fake_chained_future(&aio, concurrent));
        uint64_t item = fake_new(
            fake, "concurrent.futures.process._WorkItem",
            FAKE_NAMED({"future", concurrent}, {"fn", make_function(&aio, "square")}, {"args", 0}));
        fake_dict_add(fake, pending, fake_int(fake, 3), item);
        uint64_t manager = fake_new(fake, "concurrent.futures.process._ExecutorManagerThread",
                                    FAKE_NAMED({"pending_work_items", pending}));
        const struct fake_body body = {
            .file = "concurrent/futures/process.py",
            .function = is_attribute ? "run" : "_queue_management_worker",
            .variables = is_attribute ? FAKE_NAMED({"self", manager})
                                      : FAKE_NAMED({"pending_work_items", pending})};
        add_thread(&aio, WORKER, fake_called(fake, &body, 0));
        walk(target, &aio, 1);
        assert_int_equal(asyncio_walk_wait(target, task)->kind, SNAPSHOT_WAIT_EXECUTOR);
        assert_string_equal(asyncio_walk_wait(target, task)->callee, "square");
        assert_int_equal(asyncio_walk_wait(target, task)->tid, SNAPSHOT_UNKNOWN);
    }
}

/* A concurrent future that no executor has: another thread will complete it, or a task of another
 * loop that run_coroutine_threadsafe() started. */
static void test_futures_of_threads(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t remote = make_task(&aio, fake_future(&aio, FAKE_PENDING));
    uint64_t callback = fake_closure(target->fake, "_chain_future.<locals>._call_check_cancel",
                                     FAKE_NAMED({"source", remote}));
    uint64_t unknown =
        make_task(&aio, fake_chained_future(&aio, fake_concurrent_future(&aio, NULL, 0)));
    uint64_t known =
        make_task(&aio, fake_chained_future(&aio, fake_concurrent_future(&aio, &callback, 1)));
    walk(target, &aio, 0);
    assert_int_equal(asyncio_walk_wait(target, unknown)->kind, SNAPSHOT_WAIT_THREAD);
    assert_int_equal(asyncio_walk_wait(target, unknown)->task_count, 0);
    assert_int_equal(asyncio_walk_wait(target, known)->kind, SNAPSHOT_WAIT_THREAD);
    asyncio_walk_expect_tasks(asyncio_walk_wait(target, known), &remote, 1);
}

/* A queue of an impossible length costs the pool its queue, no more. */
static void test_torn_queue(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    uint64_t task;
    fake_asyncio_create(&aio, fake);
    uint64_t item = make_work(&aio, make_function(&aio, "read_file"), &task);
    uint64_t pool = fake_thread_pool(&aio, 1, 1, NULL, 0);
    fake_set_attribute(fake, pool, "_work_queue", 0x10000);
    add_thread(&aio, WORKER, fake_worker_frames(&aio, pool, item));
    const struct target_thread thread = {.tid = WORKER, .namespace_tid = WORKER, .syscall = -1};
    asyncio_walk_threads(target, &aio, &thread, 1);
    asyncio_walk_expect_missing(target, "an executor of threads", "cannot read");
    assert_int_equal(asyncio_walk_wait(target, task)->tid, WORKER);
    assert_int_equal(asyncio_walk_wait(target, task)->object, pool);
    assert_int_equal(asyncio_walk_fact(target, pool, "queued"), SNAPSHOT_UNKNOWN);
}

FAKE_EACH_VERSION(test_pool)
FAKE_EACH_VERSION(test_frames_called_run)
FAKE_EACH_VERSION(test_executor_that_is_gone)
FAKE_EACH_VERSION(test_processes)
FAKE_EACH_VERSION(test_futures_of_threads)
FAKE_EACH_VERSION(test_torn_queue)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_pool),
        FAKE_TEST(test_frames_called_run),
        FAKE_TEST(test_executor_that_is_gone),
        FAKE_TEST(test_processes),
        FAKE_TEST(test_futures_of_threads),
        FAKE_TEST(test_torn_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
