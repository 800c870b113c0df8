/* The protocols behind the files that a loop watches, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "../support/asyncio_walk.h"

/* The loop watches file 31 for a transport with that protocol. */
static void watch(struct fake_asyncio *aio, const char *callback, uint64_t protocol) {
    struct fake_python *fake = aio->fake;
    uint64_t transport = fake_new(fake, "asyncio.selector_events._SelectorSocketTransport",
                                  FAKE_NAMED({"_sock_fd", fake_int(fake, 31)},
                                             {"_protocol", protocol ? protocol : fake->none}));
    uint64_t reader = fake_handle(aio, fake_bound_method(aio, callback, transport), 0, false, NAN);
    fake_loop_set(aio, "_selector", fake_selector(aio, 31, reader, 0));
}

/* A protocol that keeps the future, and a task that awaits it. */
static uint64_t make_client(struct fake_asyncio *aio) {
    uint64_t future = fake_future(aio, FAKE_PENDING);
    fake_waiting_task(aio, "asks", future, FAKE_BODIES(FAKE_USER("ask", {"x", 0})));
    return fake_new(aio->fake, "asyncpg.protocol.Protocol", FAKE_NAMED({"waiter", future}));
}

static void expect_protocol(const struct fake_target *target, uint64_t protocol) {
    const struct snapshot *snapshot = target->snapshot;
    assert_int_equal(snapshot->protocols.count, 1);
    assert_int_equal(snapshot->protocols.items[0].fd, 31);
    assert_int_equal(snapshot->protocols.items[0].id, protocol);
    assert_string_equal(snapshot->protocols.items[0].type, "asyncpg.protocol.Protocol");
}

static void test_protocol(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t protocol = make_client(&aio);
    watch(&aio, "_SelectorSocketTransport._read_ready", protocol);
    asyncio_walk(target, &aio, true);
    expect_protocol(target, protocol);
}

/* What stands on TLS gets the bytes. */
static void test_protocol_behind_tls(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    uint64_t protocol = make_client(&aio);
    watch(&aio, "_SelectorSocketTransport._read_ready",
          fake_new(target->fake, "asyncio.sslproto.SSLProtocol",
                   FAKE_NAMED({"_app_protocol", protocol})));
    asyncio_walk(target, &aio, true);
    expect_protocol(target, protocol);
}

/* Neither a watcher of another kind nor a transport that lost its protocol has one. */
static void test_no_protocol(struct fake_target *target) {
    static const char *const callbacks[] = {"Server._accept_connection", "._read_ready", "ready"};
    struct fake_asyncio aio;
    for (size_t i = 0; i < sizeof callbacks / sizeof *callbacks; i++) {
        bool reads = i == 1;
        fake_asyncio_create(&aio, target->fake);
        uint64_t protocol = make_client(&aio);
        watch(&aio, callbacks[i], reads ? 0 : protocol);
        asyncio_walk(target, &aio, true);
        assert_int_equal(target->snapshot->protocols.count, 0);
    }
}

/* Where no task waits for a future of unknown owner, nobody asks. */
static void test_not_wanted(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&aio, fake);
    uint64_t future = fake_future(&aio, FAKE_PENDING);
    uint64_t set = fake_closure(fake, "_set_result_unless_cancelled", FAKE_NAMED({NULL, 0}));
    uint64_t timer =
        fake_handle(&aio, set, fake_tuple_of_one(fake, future), false, ASYNCIO_NOW + 2);
    fake_loop_set(&aio, "_scheduled", fake_list(fake, &timer, 1));
    fake_waiting_task(&aio, "s", future, FAKE_BODIES(FAKE_USER("s", {"x", 0})));
    watch(&aio, "_SelectorSocketTransport._read_ready", fake->true_);
    asyncio_walk(target, &aio, true);
    assert_int_equal(target->snapshot->protocols.count, 0);
}

/* A protocol that cannot be read costs a word, and the walk nothing else. */
static void test_protocol_that_is_gone(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    make_client(&aio);
    watch(&aio, "_SelectorSocketTransport._read_ready", 0x10);
    asyncio_walk_threads(target, &aio, NULL, 0);
    asyncio_walk_expect_missing(target, "the protocol of a connection", "cannot read");
    assert_int_equal(target->snapshot->protocols.count, 0);
    assert_int_equal(target->snapshot->tasks.count, 1);
}

FAKE_EACH_VERSION(test_protocol)
FAKE_EACH_VERSION(test_protocol_behind_tls)
FAKE_EACH_VERSION(test_no_protocol)
FAKE_EACH_VERSION(test_not_wanted)
FAKE_EACH_VERSION(test_protocol_that_is_gone)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_protocol),
        FAKE_TEST(test_protocol_behind_tls),
        FAKE_TEST(test_no_protocol),
        FAKE_TEST(test_not_wanted),
        FAKE_TEST(test_protocol_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
