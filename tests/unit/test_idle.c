/* Waits that are idle by design, by the functions of servers that wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"

#define PACKAGES "/usr/lib/python3/dist-packages/"
#define WAIT "wait /usr/lib/python3.11/asyncio/locks.py:213"

/* A task of a handler that calls `function`, and is called `depth` frames further out. */
static struct snapshot_task *call(struct snapshot *snapshot, const char *function, int depth) {
    struct snapshot_task *task = case_task(snapshot, "handler");
    case_call(snapshot, &task->frames, function);
    for (int i = 0; i < depth; i++)
        case_call(snapshot, &task->frames, WAIT);
    case_wait(snapshot, task, SNAPSHOT_WAIT_FUTURE);
    return task;
}

static void expect_idle(const char *function, int depth, enum snapshot_tristate idle) {
    struct snapshot *snapshot = case_create(64);
    struct snapshot_task *task = call(snapshot, function, depth);
    analyze(snapshot, NULL);
    assert_int_equal(task->idle, idle);
    snapshot_destroy(snapshot);
}

static void test_servers(void **state) {
    (void)state;
    static const char *const functions[] = {
        "serve_forever /usr/lib/python3.11/asyncio/base_events.py:373",
        "start " PACKAGES "aiohttp/web_protocol.py:519",
        "receive " PACKAGES "aiohttp/web_ws.py:462",
        "_run_app " PACKAGES "aiohttp/web.py:433",
        "main_loop " PACKAGES "uvicorn/server.py:220",
        "receive " PACKAGES "uvicorn/lifespan/on.py:135",
        "receive " PACKAGES "uvicorn/protocols/http/h11_impl.py:532",
        "asgi_receive " PACKAGES "uvicorn/protocols/websockets/websockets_impl.py:381",
        "worker_serve " PACKAGES "hypercorn/asyncio/run.py:152",
        "asgi_receive " PACKAGES "hypercorn/asyncio/lifespan.py:75",
        "_receive " PACKAGES "gunicorn/asgi/lifespan.py:153",
        "receive " PACKAGES "gunicorn/asgi/protocol.py:259",
        "_read_exact " PACKAGES "gunicorn/asgi/websocket.py:357",
        "wait_closed uvicorn/../asyncio/base_events.py:380",
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        expect_idle(functions[i], 3, SNAPSHOT_YES);
}

/* Another function, another file, another package, or far away from the wait. */
static void test_others(void **state) {
    (void)state;
    expect_idle("send " PACKAGES "uvicorn/protocols/http/h11_impl.py:457", 1, SNAPSHOT_MAYBE);
    expect_idle("receive " PACKAGES "uvicorn/lifespan/on.pyc:135", 1, SNAPSHOT_MAYBE);
    expect_idle("receive /app/myuvicorn/lifespan/on.py:135", 1, SNAPSHOT_MAYBE);
    expect_idle("receive " PACKAGES "myuvicorn/protocols/http/h11_impl.py:532", 1, SNAPSHOT_MAYBE);
    expect_idle("main_loop " PACKAGES "uvicorn/server.py:220", 4, SNAPSHOT_MAYBE);
}

/* What others wait for is not idle, wherever it waits. */
static void test_held(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(64);
    struct snapshot_task *task =
        call(snapshot, "receive " PACKAGES "uvicorn/protocols/http/h11_impl.py:532", 1);
    struct snapshot_object *lock = case_object(snapshot, SNAPSHOT_OBJECT_LOCK, "Lock#1");
    case_hold(snapshot, lock, task, SNAPSHOT_UNKNOWN);
    case_wait_object(snapshot, case_task(snapshot, "waits"), SNAPSHOT_WAIT_LOCK, lock);
    analyze(snapshot, NULL);
    assert_int_equal(task->idle, SNAPSHOT_NO);
    snapshot_destroy(snapshot);
}

/* A subscriber reads from a peer that may have nothing to say; one that asks does not. */
static void test_subscriber(void **state) {
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct snapshot *snapshot = case_create(64);
        struct snapshot_socket *socket =
            case_socket(snapshot, 10, "10.0.0.5:50000", "10.0.3.7:6379");
        socket->last_received_s = socket->last_sent_s = 41.2;
        struct snapshot_task *task =
            call(snapshot,
                 which == 1 ? "get " PACKAGES "redis/asyncio/client.py:9"
                            : "listen " PACKAGES "redis/asyncio/client.py:866",
                 12);
        struct snapshot_task *waiting = case_task(snapshot, "main");
        case_read(snapshot, task, 10);
        if (which == 2) { /* it lost its connection and makes another */
            task->awaiting->kind = SNAPSHOT_WAIT_SOCKET_CONNECT;
            socket->registered = SNAPSHOT_REGISTERED_WRITE;
        }
        case_await(snapshot, case_wait(snapshot, waiting, SNAPSHOT_WAIT_TASK), task);
        analyze(snapshot, NULL);
        assert_int_equal(task->idle, which ? SNAPSHOT_NO : SNAPSHOT_YES);
        assert_int_equal(waiting->idle, which ? SNAPSHOT_NO : SNAPSHOT_YES);
        if (which)
            case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
        else
            case_expect_ok(snapshot);
        snapshot_destroy(snapshot);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_subscriber),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
