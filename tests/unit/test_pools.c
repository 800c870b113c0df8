/* Queues from which connections are lent, and queues that only look so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"

#define ACQUIRE "_acquire_impl /usr/lib/python3/dist-packages/asyncpg/pool.py:821"
#define EXECUTE "execute /usr/lib/python3/dist-packages/asyncpg/connection.py:317"
#define GET "get /usr/lib/python3.11/asyncio/queues.py:158"

static struct snapshot *create(int64_t most) {
    struct snapshot *snapshot = case_create(64);
    struct snapshot_object *queue = case_object(snapshot, SNAPSHOT_OBJECT_QUEUE, "LifoQueue#1");
    case_fact(snapshot, queue, "size", 0);
    case_fact(snapshot, queue, "max_size", most);
    case_fact(snapshot, queue, "unfinished", most + 3);
    return snapshot;
}

static struct snapshot_object *get_queue(struct snapshot *snapshot) {
    return &snapshot->objects.items[0];
}

/* Tasks that call `function` ("" : they are in it themselves), which gets from the queue. */
static void add_waiting(struct snapshot *snapshot, const char *function, int count) {
    for (int i = 0; i < count; i++) {
        struct snapshot_task *task = case_task(snapshot, "handler");
        if (*function)
            case_call(snapshot, &task->frames, function);
        case_call(snapshot, &task->frames, GET);
        case_wait_object(snapshot, task, SNAPSHOT_WAIT_QUEUE_GET, get_queue(snapshot));
    }
}

/* Tasks that have something of asyncpg's open with `async with`, or are in it. */
static void add_holding(struct snapshot *snapshot, int count, bool have_manager) {
    for (int i = 0; i < count; i++) {
        struct snapshot_task *task = case_task(snapshot, "query");
        struct snapshot_socket *socket =
            case_socket(snapshot, 10 + i, "10.0.0.5:50000", "10.0.3.7:5432");
        socket->last_received_s = socket->last_sent_s = 41.2;
        case_read(snapshot, task, 10 + i);
        if (have_manager) {
            struct snapshot_object *manager =
                case_object(snapshot, SNAPSHOT_OBJECT_OTHER, "PoolAcquireContext#1");
            manager->type = "asyncpg.pool.PoolAcquireContext";
            case_hold(snapshot, manager, task, SNAPSHOT_UNKNOWN);
        } else
            case_call(snapshot, &task->frames, EXECUTE);
    }
}

static void expect_holders(struct snapshot *snapshot, size_t count,
                           enum snapshot_confidence confidence) {
    const struct snapshot_object *queue = get_queue(snapshot);
    assert_int_equal(queue->holder_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(queue->holders[i].confidence, confidence);
}

static void test_exhausted(void **state) {
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct snapshot *snapshot = create(3);
        add_holding(snapshot, 3, which == 0);
        for (size_t i = 1; i < 3; i++) /* equal stacks are one array */
            snapshot->tasks.items[i].frames = snapshot->tasks.items[0].frames;
        add_waiting(snapshot, ACQUIRE, 12);
        analyze(snapshot, NULL);
        const struct snapshot_finding *finding =
            case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_LIKELY);
        assert_string_equal(finding->summary, "POOL EXHAUSTED - 12 of 15 tasks wait for "
                                              "LifoQueue#1, 0 of 3 free");
        assert_string_equal(finding->proof[0], "held by 3 tasks, all in query  app/main.py:7");
        assert_string_equal(finding->proof[1],
                            "root: 10.0.3.7:5432 is silent for 41.2 s: 3 sockets ESTABLISHED, "
                            "0 B unread, 0 B unacked");
        assert_int_equal(finding->task_count, 15);
        assert_int_equal(snapshot->findings.count, 1);
        expect_holders(snapshot, 3, SNAPSHOT_LIKELY);
        assert_int_equal(get_queue(snapshot)->holders[0].frame, 0);
        assert_int_equal(snapshot->tasks.items[3].idle, SNAPSHOT_NO);
        snapshot_destroy(snapshot);
    }
}

/* Who has what is not known where there are more or fewer candidates than connections. */
static void test_unknown_holders(void **state) {
    (void)state;
    for (int holding = 0; holding < 5; holding++) {
        if (holding == 3)
            continue;
        struct snapshot *snapshot = create(3);
        add_holding(snapshot, holding, true);
        add_waiting(snapshot, ACQUIRE, 12);
        analyze(snapshot, NULL);
        const struct snapshot_finding *finding =
            case_find(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED);
        assert_int_equal(snapshot->verdict.code, SNAPSHOT_FINDING_POOL_EXHAUSTED);
        assert_int_equal(finding->confidence, SNAPSHOT_LIKELY);
        assert_string_equal(finding->proof[0], "none of the waiting tasks has a timeout");
        assert_int_equal(finding->task_count, 12);
        expect_holders(snapshot, (size_t)holding, SNAPSHOT_POSSIBLE);
        snapshot_destroy(snapshot);
    }
    struct snapshot *snapshot = create(3); /* few wait, and nobody is known to have any */
    add_waiting(snapshot, ACQUIRE, 9);
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(case_find(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED)->confidence,
                     SNAPSHOT_POSSIBLE);
    snapshot_destroy(snapshot);
}

static void test_healthy_pools(void **state) {
    (void)state;
    for (int which = 0; which < 5; which++) {
        struct snapshot *snapshot = create(3);
        add_holding(snapshot, 3, true);
        add_waiting(snapshot, ACQUIRE, 12);
        if (which == 0)
            snapshot->tasks.items[1].moved = SNAPSHOT_YES;
        else if (which == 1)
            snapshot->tasks.items[9].moved = SNAPSHOT_YES;
        else if (which == 2)
            case_fact(snapshot, get_queue(snapshot), "size", 1);
        else if (which == 3)
            snapshot->sockets.items[1].last_sent_s = 0.3;
        else
            snapshot->tasks.items[2].state = SNAPSHOT_TASK_READY;
        analyze(snapshot, NULL);
        case_expect_ok(snapshot);
        snapshot_destroy(snapshot);
    }
}

/* A pool of the program's own: "pool" stands in a name. */
static void test_own_pools(void **state) {
    (void)state;
    for (int which = 0; which < 4; which++) {
        struct snapshot *snapshot = create(3);
        add_waiting(snapshot, which == 3 ? "connection /app/db.py:3" : "acquire /app/db.py:3", 12);
        case_socket(snapshot, 5, "0.0.0.0:80", NULL);
        struct snapshot_frame frame = *snapshot->tasks.items[0].frames.frames[1];
        if (which == 0)
            get_queue(snapshot)->name = "Database._pool";
        else if (which == 1)
            frame.qualified_name = "ConnectionPool.acquire";
        else if (which == 3)
            frame.qualified_name = "Pool.connection";
        snapshot->tasks.items[0].frames.frames[1] = &frame;
        analyze(snapshot, NULL);
        if (which == 2)
            case_expect_ok(snapshot);
        else
            case_expect(snapshot, SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_LIKELY);
        assert_int_equal(get_queue(snapshot)->holder_count, 0);
        snapshot_destroy(snapshot);
    }
}

/* Workers that wait for jobs, and whoever reads messages: no pools. A server brings them work. */
static void test_other_queues(void **state) {
    (void)state;
    static const char *const functions[] = {
        ACQUIRE,
        ACQUIRE,
        "release /usr/lib/python3/dist-packages/lib/jobs.py:8",
        "next_job /usr/lib/python3/dist-packages/lib/jobs.py:8",
        "handle_connection /usr/lib/python3/dist-packages/lib/jobs.py:8",
        "",
        ACQUIRE,
    };
    for (size_t which = 0; which < sizeof functions / sizeof *functions; which++) {
        struct snapshot *snapshot = create(which == 0 ? 0 : 3);
        case_socket(snapshot, 5, "0.0.0.0:80", NULL);
        add_waiting(snapshot, functions[which], 12);
        if (which == 1) /* somebody calls task_done() */
            case_fact(snapshot, get_queue(snapshot), "unfinished", 0);
        if (which == 6) /* the loop of a worker, whatever it is called */
            for (size_t i = 0; i < snapshot->tasks.count; i++)
                snapshot->tasks.items[i].frames.count = 2;
        analyze(snapshot, NULL);
        case_expect_ok(snapshot);
        assert_int_equal(snapshot->findings.count, 0);
        assert_int_equal(snapshot->tasks.items[0].idle, which >= 5 ? SNAPSHOT_YES : SNAPSHOT_MAYBE);
        snapshot_destroy(snapshot);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exhausted),     cmocka_unit_test(test_unknown_holders),
        cmocka_unit_test(test_healthy_pools), cmocka_unit_test(test_own_pools),
        cmocka_unit_test(test_other_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
