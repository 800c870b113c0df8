/* Futures that the protocols of connections keep: whose bytes they wait for, and where that is not
 * known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"

#define PROTOCOL 0x7000
#define OTHER_PROTOCOL 0x7100
#define LIST 0x7200

/* A task whose future these refer to. */
static struct snapshot_task *ask(struct snapshot *snapshot, size_t count,
                                 const snapshot_id *referrers) {
    struct snapshot_task *task = case_task(snapshot, "ask");
    struct snapshot_wait *wait = case_wait(snapshot, task, SNAPSHOT_WAIT_FUTURE);
    wait->referrers = arena_alloc_array(snapshot->arena, count, sizeof *wait->referrers);
    wait->referrer_count = count;
    wait->referrers_complete = SNAPSHOT_YES;
    for (size_t i = 0; i < count; i++)
        wait->referrers[i] = (struct snapshot_referrer){referrers[i], "asyncpg.protocol.Protocol"};
    return task;
}

static struct snapshot_socket *connect_to(struct snapshot *snapshot, int64_t fd,
                                          snapshot_id protocol) {
    struct snapshot_socket *socket = case_socket(snapshot, fd, "10.0.0.5:50000", "10.0.3.7:5432");
    socket->protocol = protocol;
    socket->last_received_s = socket->last_sent_s = 41.2;
    return socket;
}

static void test_read(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(64);
    connect_to(snapshot, 9, OTHER_PROTOCOL);
    connect_to(snapshot, 10, PROTOCOL);
    struct snapshot_task *task = ask(snapshot, 3, (const snapshot_id[]){LIST, PROTOCOL, PROTOCOL});
    struct snapshot_task *waiting = case_task(snapshot, "main");
    case_await(snapshot, case_wait(snapshot, waiting, SNAPSHOT_WAIT_TASK), task);
    analyze(snapshot, NULL);
    assert_int_equal(task->awaiting->kind, SNAPSHOT_WAIT_STREAM_READ);
    assert_int_equal(task->awaiting->fd, 10);
    assert_string_equal(task->awaiting->text, "socket 10.0.3.7:5432 (read)");
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    assert_string_equal(finding->proof[1], "nothing received for 41.2 s, request sent 41.2 s ago");
    snapshot_destroy(snapshot);
}

/* It waits until the peer takes bytes, perhaps; of two connections either, perhaps; or for what
 * has nothing to do with one. */
static void test_not_known(void **state) {
    (void)state;
    for (int which = 0; which < 5; which++) {
        struct snapshot *snapshot = case_create(64);
        struct snapshot_socket *socket = connect_to(snapshot, 10, PROTOCOL);
        connect_to(snapshot, 11, which == 3 ? PROTOCOL : OTHER_PROTOCOL);
        if (which == 0)
            socket->registered = SNAPSHOT_REGISTERED_BOTH;
        else if (which == 1)
            socket->registered = SNAPSHOT_REGISTERED_WRITE;
        const snapshot_id both[] = {PROTOCOL, OTHER_PROTOCOL}, list = LIST;
        struct snapshot_task *task =
            which == 4 ? ask(snapshot, 1, &list) : ask(snapshot, which == 2 ? 2 : 1, both);
        analyze(snapshot, NULL);
        assert_int_equal(task->awaiting->kind, SNAPSHOT_WAIT_FUTURE);
        assert_int_equal(task->awaiting->fd, SNAPSHOT_UNKNOWN);
        case_expect_ok(snapshot);
        snapshot_destroy(snapshot);
    }
}

/* What is known already stays: a lock of a connection's own. */
static void test_other_waits(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(64);
    connect_to(snapshot, 10, PROTOCOL);
    struct snapshot_task *task = ask(snapshot, 1, (const snapshot_id[]){PROTOCOL});
    struct snapshot_task *runs = case_task(snapshot, "runs");
    runs->state = SNAPSHOT_TASK_READY;
    task->awaiting->kind = SNAPSHOT_WAIT_EVENT;
    analyze(snapshot, NULL);
    assert_int_equal(task->awaiting->kind, SNAPSHOT_WAIT_EVENT);
    assert_int_equal(task->awaiting->fd, SNAPSHOT_UNKNOWN);
    snapshot_destroy(snapshot);
}

/* A server waits for the next request of a client: aiohttp's RequestHandler keeps such a future. */
static void test_client(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(64);
    struct snapshot_socket *socket = case_socket(snapshot, 12, "10.0.0.5:8080", "10.0.9.9:51000");
    case_socket(snapshot, 5, "0.0.0.0:8080", NULL);
    socket->protocol = PROTOCOL;
    socket->last_received_s = socket->last_sent_s = 3600;
    struct snapshot_task *task = ask(snapshot, 1, (const snapshot_id[]){PROTOCOL});
    case_call(snapshot, &task->frames, "receive /app/server.py:9");
    analyze(snapshot, NULL);
    assert_int_equal(task->awaiting->kind, SNAPSHOT_WAIT_STREAM_READ);
    assert_int_equal(task->idle, SNAPSHOT_YES);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->findings.count, 0);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_not_known),
        cmocka_unit_test(test_other_waits),
        cmocka_unit_test(test_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
