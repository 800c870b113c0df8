/* Silent peers, files that nobody watches, clients that nobody accepts; and idle connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"

/* A task that reads from a server far away. */
static struct snapshot *make_reader(void) {
    struct snapshot *snapshot = case_create(64);
    case_socket(snapshot, 9, "10.0.0.5:51324", "10.1.2.3:443");
    case_read(snapshot, case_task(snapshot, "fetch"), 9);
    return snapshot;
}

static void test_silent(void **state) {
    (void)state;
    struct snapshot *snapshot = make_reader();
    struct snapshot_task *main = case_task(snapshot, "main");
    case_await(snapshot, case_wait(snapshot, main, SNAPSHOT_WAIT_TASK), &snapshot->tasks.items[0]);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    assert_string_equal(finding->summary, "PEER SILENT - fetch waits for bytes from 10.1.2.3:443");
    assert_string_equal(finding->proof[0], "fd 9: 10.0.0.5:51324 -> 10.1.2.3:443, ESTABLISHED, "
                                           "watched for read");
    assert_string_equal(finding->proof[1], "0 B unread, 0 B unacked");
    assert_string_equal(snapshot->tasks.items[0].awaiting->text, "socket 10.1.2.3:443 (read)");
    snapshot_destroy(snapshot);
}

static void set_times(struct snapshot *snapshot, double received, double sent) {
    snapshot->sockets.items[0].last_received_s = received;
    snapshot->sockets.items[0].last_sent_s = sent;
}

/* Two looks say little, the kernel says since when. */
static void test_silence(void **state) {
    (void)state;
    struct snapshot *snapshot = make_reader();
    struct snapshot_task *fetch = &snapshot->tasks.items[0], *main = case_task(snapshot, "main");
    case_await(snapshot, case_wait(snapshot, main, SNAPSHOT_WAIT_TASK), fetch);
    snapshot->event_loops.items[0].moved = SNAPSHOT_YES;
    set_times(snapshot, 41.2, 41.2);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    assert_string_equal(finding->proof[1], "nothing received for 41.2 s, request sent 41.2 s ago");
    assert_string_equal(finding->proof[2], "0 B unread, 0 B unacked");
    fetch->moved = SNAPSHOT_MAYBE; /* with one look, too */
    set_times(snapshot, 41.2, 3600);
    analyze(snapshot, NULL);
    finding = case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    assert_string_equal(finding->proof[1], "nothing received for 41.2 s");
    fetch->awaiting->kind = SNAPSHOT_WAIT_STREAM_DRAIN;
    snapshot->sockets.items[0].registered = SNAPSHOT_REGISTERED_BOTH;
    analyze(snapshot, NULL);
    finding = case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    assert_string_equal(finding->proof[1],
                        "nothing received for 41.2 s, bytes sent last 1h00m ago");
    snapshot_destroy(snapshot);
}

/* Slow answers, and a wait that began between the looks. */
static void test_slow_answers(void **state) {
    (void)state;
    struct snapshot *snapshot = make_reader();
    struct snapshot_task *fetch = &snapshot->tasks.items[0], *main = case_task(snapshot, "main");
    case_await(snapshot, case_wait(snapshot, main, SNAPSHOT_WAIT_TASK), fetch);
    static const double times[][2] = {{0.3, 0.3}, {60, 0.3}, {0.3, 60}, {1.9, 1.9}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        set_times(snapshot, times[i][0], times[i][1]);
        analyze(snapshot, NULL);
        case_expect_ok(snapshot);
        assert_int_equal(snapshot->findings.count, 0);
    }
    set_times(snapshot, 60, 60);
    fetch->moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    assert_int_equal(snapshot->findings.count, 0);
    /* Another of that peer's connections says nothing meanwhile. */
    case_socket(snapshot, 10, "10.0.0.5:51325", "10.1.2.3:443")->last_received_s = 50;
    snapshot->sockets.items[1].last_sent_s = 50;
    struct snapshot_task *other = case_task(snapshot, "other"), *waits = case_task(snapshot, "run");
    case_read(snapshot, other, 10);
    case_await(snapshot, case_wait(snapshot, waits, SNAPSHOT_WAIT_TASK), other);
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    assert_string_equal(finding->summary, "PEER SILENT - other waits for bytes from 10.1.2.3:443");
    assert_int_equal(finding->task_count, 1);
    snapshot_destroy(snapshot);
}

/* Where the kernel does not say since when, nothing else may happen in the process. */
static void test_unknown_silence(void **state) {
    (void)state;
    struct snapshot *snapshot = make_reader();
    struct snapshot_loop *loop = &snapshot->event_loops.items[0];
    struct snapshot_task *fetch = &snapshot->tasks.items[0], *main = case_task(snapshot, "main");
    case_await(snapshot, case_wait(snapshot, main, SNAPSHOT_WAIT_TASK), fetch);
    static const struct {
        enum snapshot_tristate moved;
        double idle_s;
        enum snapshot_confidence confidence;
    } cases[] = {{SNAPSHOT_NO, NAN, SNAPSHOT_LIKELY},
                 {SNAPSHOT_NO, 2.5, SNAPSHOT_LIKELY},
                 {SNAPSHOT_NO, 0.5, SNAPSHOT_POSSIBLE},
                 {SNAPSHOT_YES, NAN, SNAPSHOT_POSSIBLE},
                 {SNAPSHOT_MAYBE, NAN, SNAPSHOT_POSSIBLE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        loop->moved = cases[i].moved;
        loop->idle_s = cases[i].idle_s;
        analyze(snapshot, NULL);
        case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, cases[i].confidence);
    }
    snapshot_destroy(snapshot);
}

/* A program that waits for itself: why, other findings tell. */
static void test_own_peer(void **state) {
    (void)state;
    struct snapshot *snapshot = make_reader();
    struct snapshot_task *main = case_task(snapshot, "main");
    case_await(snapshot, case_wait(snapshot, main, SNAPSHOT_WAIT_TASK), &snapshot->tasks.items[0]);
    case_socket(snapshot, 12, "10.1.2.3:443", "10.0.0.5:51325");
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    case_socket(snapshot, 11, "10.1.2.3:443", "10.0.0.5:51324");
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->findings.count, 0);
    snapshot_destroy(snapshot);
}

static void test_unacknowledged(void **state) {
    (void)state;
    struct snapshot *snapshot = make_reader();
    struct snapshot_socket *socket = &snapshot->sockets.items[0];
    socket->send_queue = 512;
    socket->retransmits = 6;
    set_times(snapshot, 60, 0.4); /* sent again a moment ago */
    analyze(snapshot, NULL);
    const struct snapshot_finding *finding =
        case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_CERTAIN);
    assert_string_equal(finding->proof[1],
                        "nothing received for 60.0 s, bytes sent last 400 ms ago");
    assert_string_equal(finding->proof[2], "0 B unread, 512 B unacked, retransmitted 6 times");
    socket->retransmits = 1;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    socket->moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->findings.count, 0);
    snapshot_destroy(snapshot);
}

/* A reader of its own, one behind gather() with other services, one with a timeout, ... */
static void test_healthy_readers(void **state) {
    (void)state;
    for (int which = 0; which < 6; which++) {
        struct snapshot *snapshot = make_reader();
        struct snapshot_task *fetch = &snapshot->tasks.items[0];
        struct snapshot_task *main = case_task(snapshot, "main");
        struct snapshot_wait *wait =
            case_wait(snapshot, main, which == 1 ? SNAPSHOT_WAIT_GATHER : SNAPSHOT_WAIT_TASK);
        if (which > 0)
            case_await(snapshot, wait, fetch);
        else
            case_wait(snapshot, main, SNAPSHOT_WAIT_EVENT);
        if (which == 1)
            wait->done = 0;
        else if (which == 2)
            fetch->awaiting->has_timeout = SNAPSHOT_YES;
        else if (which == 3)
            fetch->moved = SNAPSHOT_YES;
        else if (which == 4)
            fetch->moved = SNAPSHOT_MAYBE;
        else if (which == 5)
            snapshot->sockets.items[0].receive_queue = 100;
        analyze(snapshot, NULL);
        case_expect_ok(snapshot);
        snapshot_destroy(snapshot);
    }
}

/* The last of a batch is no service. */
static void test_last_of_gather(void **state) {
    (void)state;
    struct snapshot *snapshot = make_reader();
    struct snapshot_wait *wait =
        case_wait(snapshot, case_task(snapshot, "main"), SNAPSHOT_WAIT_GATHER);
    case_await(snapshot, wait, &snapshot->tasks.items[0]);
    wait->done = 9;
    wait->total = 10;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY);
    assert_string_equal(snapshot->tasks.items[1].awaiting->text, "gather of 10 tasks, 9 done");
    snapshot_destroy(snapshot);
}

/* Clients of this server that say nothing are idle, and are one group. */
static void test_clients(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(64);
    struct snapshot_stack stack = {0};
    case_socket(snapshot, 3, "0.0.0.0:8000", NULL);
    for (int i = 0; i < 20; i++) {
        struct snapshot_task *task = case_task(snapshot, "serve");
        case_socket(snapshot, 10 + i, "10.0.0.5:8000",
                    arena_format(snapshot->arena, "10.9.0.1:%d", 40000 + i));
        case_read(snapshot, task, 10 + i);
        stack = i ? stack : task->frames;
        task->frames = stack;
    }
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->findings.count, 0);
    assert_int_equal(snapshot->tasks.items[0].idle, SNAPSHOT_YES);
    assert_int_equal(snapshot->groups.count, 1);
    assert_string_equal(snapshot->groups.items[0].awaiting, "next request (keep-alive socket)");
    snapshot->sockets.items[0].receive_queue = 7;
    snapshot->sockets.items[0].moved = SNAPSHOT_MAYBE;
    analyze(snapshot, NULL);
    assert_int_equal(snapshot->findings.count, 0);
    snapshot->sockets.items[0].moved = SNAPSHOT_NO;
    analyze(snapshot, NULL);
    assert_string_equal(case_expect(snapshot, SNAPSHOT_FINDING_BACKLOG, SNAPSHOT_LIKELY)->summary,
                        "BACKLOG - 7 clients in the accept queue of 0.0.0.0:8000");
    snapshot_destroy(snapshot);
}

/* Of a core: transports know the ends, nobody knows whether bytes are there. */
static void test_ends_only(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(64);
    for (int i = 0; i < 2; i++) {
        case_read(snapshot, case_task(snapshot, i ? "query" : "serve"), 10 + i);
        struct snapshot_socket *socket = SNAPSHOT_APPEND(snapshot, &snapshot->sockets);
        *socket = snapshot_socket_blank;
        socket->fd = 10 + i;
        socket->local = i ? "10.0.0.5:51324" : "10.0.0.5:8000";
        socket->peer = i ? "10.0.0.9:5432" : "10.9.0.1:40000";
        socket->accepted = i ? SNAPSHOT_MAYBE : SNAPSHOT_YES;
    }
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(snapshot->findings.count, 0);
    assert_int_equal(snapshot->tasks.items[0].idle, SNAPSHOT_YES);
    assert_int_equal(snapshot->tasks.items[1].idle, SNAPSHOT_NO);
    assert_string_equal(snapshot->groups.items[1].awaiting, "socket 10.0.0.9:5432 (read)");
    snapshot_destroy(snapshot);
}

static void test_not_polled(void **state) {
    (void)state;
    struct snapshot *snapshot = make_reader();
    struct snapshot_socket *socket = &snapshot->sockets.items[0];
    socket->registered = SNAPSHOT_REGISTERED_NONE;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_FD_NOT_POLLED, SNAPSHOT_CERTAIN);
    socket->registered = SNAPSHOT_REGISTERED_WRITE;
    analyze(snapshot, NULL);
    case_expect(snapshot, SNAPSHOT_FINDING_FD_NOT_POLLED, SNAPSHOT_LIKELY);
    snapshot->tasks.items[0].moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot->tasks.items[0].moved = SNAPSHOT_NO;
    snapshot->event_loops.items[0].state = SNAPSHOT_LOOP_RUNNING;
    snapshot->event_loops.items[0].moved = SNAPSHOT_YES;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot->event_loops.items[0].state = SNAPSHOT_LOOP_IDLE;
    socket->registered = SNAPSHOT_REGISTERED_UNKNOWN;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent),          cmocka_unit_test(test_own_peer),
        cmocka_unit_test(test_unacknowledged),  cmocka_unit_test(test_healthy_readers),
        cmocka_unit_test(test_last_of_gather),  cmocka_unit_test(test_clients),
        cmocka_unit_test(test_ends_only),       cmocka_unit_test(test_not_polled),
        cmocka_unit_test(test_silence),         cmocka_unit_test(test_slow_answers),
        cmocka_unit_test(test_unknown_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
