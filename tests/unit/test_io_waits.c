/* Tasks that wait for files, names of hosts, processes: the frames and handles that tell so, of
 * every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/asyncio_walk.h"

/* A task in `function` of asyncio with one variable. */
static uint64_t make_task(struct fake_asyncio *aio, const char *file, const char *function,
                          const char *variable, uint64_t value) {
    return fake_waiting_task(
        aio, function, fake_future(aio, FAKE_PENDING),
        FAKE_BODIES(
            {.file = file, .function = function, .variables = FAKE_NAMED({variable, value})}));
}

/* --- streams --- */

static void test_streams(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t transport = fake_new(fake, "asyncio.selector_events._SelectorSocketTransport",
                                  FAKE_NAMED({"_sock_fd", fake_int(fake, 7)}));
    uint64_t pipe = fake_new(fake, "asyncio.unix_events._UnixReadPipeTransport",
                             FAKE_NAMED({"_fileno", fake_int(fake, 9)}));
    uint64_t reader =
        fake_new(fake, "asyncio.streams.StreamReader", FAKE_NAMED({"_transport", transport}));
    uint64_t piped =
        fake_new(fake, "asyncio.streams.StreamReader", FAKE_NAMED({"_transport", pipe}));
    uint64_t writer =
        fake_new(fake, "asyncio.streams.StreamWriter", FAKE_NAMED({"_transport", transport}));
    uint64_t closed =
        fake_new(fake, "asyncio.streams.StreamWriter", FAKE_NAMED({"_transport", fake->none}));
    uint64_t reading = make_task(&aio, "asyncio/streams.py", "_wait_for_data", "self", reader);
    uint64_t piping = make_task(&aio, "asyncio/streams.py", "_wait_for_data", "self", piped);
    uint64_t draining = make_task(&aio, "asyncio/streams.py", "drain", "self", writer);
    uint64_t closing = make_task(&aio, "asyncio/streams.py", "wait_closed", "self", closed);
    asyncio_walk(target, &aio, false);
    const struct snapshot_wait *wait = asyncio_walk_wait(target, reading);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_STREAM_READ);
    assert_int_equal(wait->fd, 7);
    assert_int_equal(wait->object, 0);
    assert_int_equal(asyncio_walk_wait(target, piping)->fd, 9);
    wait = asyncio_walk_wait(target, draining);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_STREAM_DRAIN);
    assert_int_equal(wait->fd, 7);
    assert_null(wait->callee);
    wait = asyncio_walk_wait(target, closing);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_STREAM_DRAIN);
    assert_int_equal(wait->fd, SNAPSHOT_UNKNOWN);
    assert_string_equal(wait->callee, "wait_closed");
}

/* A transport of TLS stands on its protocol, that on the socket's; in a circle it has no file. */
static void test_transports_of_tls(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t plain = fake_new(fake, "asyncio.selector_events._SelectorSocketTransport",
                              FAKE_NAMED({"_sock_fd", fake_int(fake, 11)}));
    uint64_t protocol =
        fake_new(fake, "asyncio.sslproto.SSLProtocol", FAKE_NAMED({"_transport", plain}));
    uint64_t tls = fake_new(fake, "asyncio.sslproto._SSLProtocolTransport",
                            FAKE_NAMED({"_ssl_protocol", protocol}));
    uint64_t reader =
        fake_new(fake, "asyncio.streams.StreamReader", FAKE_NAMED({"_transport", tls}));
    uint64_t circle = fake_new(fake, "asyncio.sslproto.SSLProtocol", FAKE_NAMED({"_transport", 0}));
    uint64_t round = fake_new(fake, "asyncio.sslproto._SSLProtocolTransport",
                              FAKE_NAMED({"_ssl_protocol", circle}));
    uint64_t lost =
        fake_new(fake, "asyncio.streams.StreamReader", FAKE_NAMED({"_transport", round}));
    fake_set_attribute(fake, circle, "_transport", round);
    uint64_t reading = make_task(&aio, "asyncio/streams.py", "_wait_for_data", "self", reader);
    uint64_t circling = make_task(&aio, "asyncio/streams.py", "_wait_for_data", "self", lost);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, reading)->fd, 11);
    assert_int_equal(asyncio_walk_wait(target, circling)->kind, SNAPSHOT_WAIT_STREAM_READ);
    assert_int_equal(asyncio_walk_wait(target, circling)->fd, SNAPSHOT_UNKNOWN);
}

/* --- sockets --- */

static void test_sockets(struct fake_target *target) {
    static const struct {
        const char *function;
        enum snapshot_wait_kind kind;
    } cases[] = {
        {"sock_recv", SNAPSHOT_WAIT_SOCKET_READ},
        {"sock_recv_into", SNAPSHOT_WAIT_SOCKET_READ},
        {"sock_recvfrom", SNAPSHOT_WAIT_SOCKET_READ},
        {"sock_recvfrom_into", SNAPSHOT_WAIT_SOCKET_READ},
        {"sock_sendall", SNAPSHOT_WAIT_SOCKET_WRITE},
        {"sock_sendto", SNAPSHOT_WAIT_SOCKET_WRITE},
        {"sock_accept", SNAPSHOT_WAIT_SOCKET_ACCEPT},
        {"sock_connect", SNAPSHOT_WAIT_SOCKET_CONNECT},
    };
    struct fake_asyncio aio;
    uint64_t tasks[8], odd;
    fake_asyncio_create(&aio, target->fake);
    for (int64_t i = 0; i < 8; i++)
        tasks[i] = make_task(&aio, "asyncio/selector_events.py", cases[i].function, "fd",
                             fake_int(target->fake, 20 + i));
    odd = make_task(&aio, "asyncio/selector_events.py", "sock_recv", "fd",
                    fake_str(target->fake, "no number"));
    asyncio_walk(target, &aio, false);
    for (int64_t i = 0; i < 8; i++) {
        const struct snapshot_wait *wait = asyncio_walk_wait(target, tasks[i]);
        assert_int_equal(wait->kind, cases[i].kind);
        assert_int_equal(wait->fd, 20 + i);
    }
    assert_int_equal(asyncio_walk_wait(target, odd)->fd, SNAPSHOT_UNKNOWN);
}

/* functools.partial(loop._sock_read_done, fd) is called when the future is done. */
static uint64_t make_done_future(struct fake_asyncio *aio, const char *name, int64_t fd) {
    struct fake_python *fake = aio->fake;
    uint64_t future = fake_future(aio, FAKE_PENDING);
    uint64_t method = fake_bound_method(aio, name, aio->event_loop);
    uint64_t callback = fake_partial(fake, method, fake_tuple_of_one(fake, fake_int(fake, fd)));
    fake_set_callbacks(aio, future, &callback, 1);
    return future;
}

static void test_sockets_by_callbacks(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t read = make_done_future(&aio, "BaseSelectorEventLoop._sock_read_done", 5);
    uint64_t write = make_done_future(&aio, "BaseSelectorEventLoop._sock_write_done", 6);
    uint64_t other = make_done_future(&aio, "Pool._connection_done", 8);
    uint64_t reading = fake_waiting_task(&aio, "r", read, FAKE_BODIES(FAKE_USER("r", {"x", 0})));
    uint64_t writing = fake_waiting_task(&aio, "w", write, FAKE_BODIES(FAKE_USER("w", {"x", 0})));
    uint64_t waiting = fake_waiting_task(&aio, "o", other, FAKE_BODIES(FAKE_USER("o", {"x", 0})));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, reading)->kind, SNAPSHOT_WAIT_SOCKET_READ);
    assert_int_equal(asyncio_walk_wait(target, reading)->fd, 5);
    assert_int_equal(asyncio_walk_wait(target, writing)->kind, SNAPSHOT_WAIT_SOCKET_WRITE);
    assert_int_equal(asyncio_walk_wait(target, writing)->fd, 6);
    assert_int_equal(asyncio_walk_wait(target, waiting)->kind, SNAPSHOT_WAIT_FUTURE);
}

/* A handle of the selector's whose first argument, or the object of whose method, is the future. */
static void test_files_of_the_selector(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t read = fake_future(&aio, FAKE_PENDING), write = fake_future(&aio, FAKE_PENDING);
    uint64_t reader = fake_handle(&aio, fake_bound_method(&aio, "Loop._sock_recv", aio.event_loop),
                                  fake_tuple_of_one(fake, read), false, NAN);
    uint64_t writer = fake_handle(&aio, fake_builtin(fake, "set_result", write), 0, false, NAN);
    fake_loop_set(&aio, "_selector", fake_selector(&aio, 31, reader, writer));
    uint64_t reading = fake_waiting_task(&aio, "r", read, FAKE_BODIES(FAKE_USER("r", {"x", 0})));
    uint64_t writing = fake_waiting_task(&aio, "w", write, FAKE_BODIES(FAKE_USER("w", {"x", 0})));
    /* its frame tells what it does, the selector which file that is about */
    uint64_t accepting = fake_waiting_task(
        &aio, "a", read, FAKE_BODIES(FAKE_OWN("selector_events.py", "sock_accept", {"fut", read})));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, reading)->kind, SNAPSHOT_WAIT_SOCKET_READ);
    assert_int_equal(asyncio_walk_wait(target, reading)->fd, 31);
    assert_int_equal(asyncio_walk_wait(target, writing)->kind, SNAPSHOT_WAIT_SOCKET_WRITE);
    assert_int_equal(asyncio_walk_wait(target, accepting)->kind, SNAPSHOT_WAIT_SOCKET_ACCEPT);
    assert_int_equal(asyncio_walk_wait(target, accepting)->fd, 31);
}

static void test_kinds_of_watchers(struct fake_target *target) {
    static const struct {
        const char *callback;
        bool writes;
        enum snapshot_wait_kind kind;
    } cases[] = {
        {"BaseSelectorEventLoop._sock_accept", false, SNAPSHOT_WAIT_SOCKET_ACCEPT},
        {"BaseSelectorEventLoop._sock_connect_cb", true, SNAPSHOT_WAIT_SOCKET_CONNECT},
        {"BaseSelectorEventLoop._sock_sendall", true, SNAPSHOT_WAIT_SOCKET_WRITE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_asyncio aio;
        fake_asyncio_create(&aio, target->fake);
        uint64_t future = fake_future(&aio, FAKE_PENDING);
        uint64_t handle =
            fake_handle(&aio, fake_bound_method(&aio, cases[i].callback, aio.event_loop),
                        fake_tuple_of_one(target->fake, future), false, NAN);
        fake_loop_set(&aio, "_selector",
                      cases[i].writes ? fake_selector(&aio, 4, 0, handle)
                                      : fake_selector(&aio, 4, handle, 0));
        uint64_t task = fake_waiting_task(&aio, "t", future, FAKE_BODIES(FAKE_USER("t", {"x", 0})));
        asyncio_walk(target, &aio, false);
        assert_int_equal(asyncio_walk_wait(target, task)->kind, cases[i].kind);
        assert_int_equal(asyncio_walk_wait(target, task)->fd, 4);
    }
}

/* --- timers --- */

/* A future of which only the loop's timers tell; a timer that was cancelled does not. One that does
 * not give the result only ends the wait, the earliest of several does. */
static void test_timers(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING), other = fake_future(&aio, FAKE_PENDING);
    uint64_t set = fake_closure(fake, "_set_result_unless_cancelled", FAKE_NAMED({NULL, 0}));
    uint64_t limited = fake_future(&aio, FAKE_PENDING);
    uint64_t cancel = fake_builtin(fake, "cancel", limited);
    uint64_t expire = fake_closure(fake, "expire", FAKE_NAMED({NULL, 0}));
    const uint64_t timers[] = {
        fake_handle(&aio, set, fake_tuple_of_one(fake, other), true, ASYNCIO_NOW + 1),
        fake_handle(&aio, set, fake_tuple_of_one(fake, future), false, ASYNCIO_NOW + 2),
        fake_handle(&aio, cancel, 0, false, ASYNCIO_NOW + 9),
        fake_handle(&aio, expire, fake_tuple_of_one(fake, limited), false, ASYNCIO_NOW + 3),
    };
    fake_loop_set(&aio, "_scheduled", fake_list(fake, timers, 4));
    uint64_t sleeping = fake_waiting_task(&aio, "s", future, FAKE_BODIES(FAKE_USER("s", {"x", 0})));
    uint64_t waiting = fake_waiting_task(&aio, "w", other, FAKE_BODIES(FAKE_USER("w", {"x", 0})));
    uint64_t task = fake_waiting_task(&aio, "l", limited, FAKE_BODIES(FAKE_USER("l", {"x", 0})));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, task)->kind, SNAPSHOT_WAIT_FUTURE);
    assert_int_equal(asyncio_walk_wait(target, task)->has_timeout, SNAPSHOT_YES);
    assert_true(asyncio_walk_wait(target, task)->deadline_s == 3);
    assert_int_equal(asyncio_walk_wait(target, sleeping)->kind, SNAPSHOT_WAIT_SLEEP);
    assert_true(asyncio_walk_wait(target, sleeping)->deadline_s == 2);
    assert_int_equal(asyncio_walk_wait(target, waiting)->kind, SNAPSHOT_WAIT_FUTURE);
}

/* --- the rest --- */

static void test_processes(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t transport = fake_new(target->fake, "asyncio.unix_events._UnixSubprocessTransport",
                                  FAKE_NAMED({"_pid", fake_int(target->fake, 4242)}));
    uint64_t task = make_task(&aio, "asyncio/base_subprocess.py", "_wait", "self", transport);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, task)->kind, SNAPSHOT_WAIT_SUBPROCESS);
    assert_int_equal(asyncio_walk_wait(target, task)->pid, 4242);
}

static void test_serve_forever(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t task = make_task(&aio, "asyncio/base_events.py", "serve_forever", "self", 0);
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, task)->kind, SNAPSHOT_WAIT_FUTURE);
    assert_string_equal(asyncio_walk_wait(target, task)->callee, "serve_forever");
}

/* getaddrinfo() runs in an executor; sock_connect() waits for it first. */
static void test_names_of_hosts(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t concurrent = fake_concurrent_future(&aio, NULL, 0);
    uint64_t item = fake_work_item(&aio, concurrent, fake_builtin(fake, "getaddrinfo", 0),
                                   fake_tuple_of_one(fake, fake_str(fake, "argument.example")));
    uint64_t pool = fake_thread_pool(&aio, 1, 1, NULL, 0);
    fake_thread_set_frame(fake, fake_thread(fake, aio.interpreter, 0x9000, 4800),
                          fake_worker_frames(&aio, pool, item));
    uint64_t future = fake_chained_future(&aio, concurrent);
    uint64_t connecting = fake_waiting_task(
        &aio, "c", future,
        FAKE_BODIES(
            FAKE_OWN("base_events.py", "getaddrinfo", {"host", fake_str(fake, "db.example")}),
            FAKE_OWN("selector_events.py", "sock_connect", {"fd", fake_int(fake, 3)})));
    uint64_t framed = fake_waiting_task(
        &aio, "f", future,
        FAKE_BODIES(FAKE_OWN("base_events.py", "getnameinfo", {"host", fake->none})));
    uint64_t frameless =
        fake_waiting_task(&aio, "o", future, FAKE_BODIES(FAKE_USER("o", {"x", 0})));
    asyncio_walk(target, &aio, false);
    assert_int_equal(asyncio_walk_wait(target, connecting)->kind, SNAPSHOT_WAIT_DNS);
    assert_string_equal(asyncio_walk_wait(target, connecting)->callee, "db.example");
    assert_int_equal(asyncio_walk_wait(target, framed)->kind, SNAPSHOT_WAIT_DNS);
    assert_int_equal(asyncio_walk_wait(target, frameless)->kind, SNAPSHOT_WAIT_DNS);
    assert_string_equal(asyncio_walk_wait(target, frameless)->callee, "argument.example");
    assert_int_equal(asyncio_walk_wait(target, frameless)->object, pool);
}

FAKE_EACH_VERSION(test_streams)
FAKE_EACH_VERSION(test_transports_of_tls)
FAKE_EACH_VERSION(test_sockets)
FAKE_EACH_VERSION(test_sockets_by_callbacks)
FAKE_EACH_VERSION(test_files_of_the_selector)
FAKE_EACH_VERSION(test_kinds_of_watchers)
FAKE_EACH_VERSION(test_timers)
FAKE_EACH_VERSION(test_processes)
FAKE_EACH_VERSION(test_serve_forever)
FAKE_EACH_VERSION(test_names_of_hosts)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_streams),
        FAKE_TEST(test_transports_of_tls),
        FAKE_TEST(test_sockets),
        FAKE_TEST(test_sockets_by_callbacks),
        FAKE_TEST(test_files_of_the_selector),
        FAKE_TEST(test_kinds_of_watchers),
        FAKE_TEST(test_timers),
        FAKE_TEST(test_processes),
        FAKE_TEST(test_serve_forever),
        FAKE_TEST(test_names_of_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
