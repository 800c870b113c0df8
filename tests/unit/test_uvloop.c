/* uvloop's loops, timers, handles and transports: read where all of it makes sense together, and
 * left unknown where one word does not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/asyncio/uvloop.h"
#include "../../src/capture/walk.h"
#include "../support/fake_asyncio.h"
#include "../support/fake_functions.h"
#include "../support/fake_target.h"

#define NOW 1000.0
#define ASYNC_FD 5 /* that libuv's own watcher is for */
#define STREAM_FD 9
#define POLL_FD 7
#define WATCHERS 12

static const struct target_thread kernel_thread = {
    .tid = 4712, .namespace_tid = 4711, .name = "python3", .state = 'R', .syscall = -1};

struct fake_uvloop {
    struct fake_asyncio aio;
    uint64_t loop, uv, watchers;
    uint64_t timer_type, timers, polls, timer; /* the one that is due next */
    uint64_t float_type;
    uint64_t future, task;
};

static uint64_t make_class(struct fake_python *fake, const char *name, size_t size, uint64_t base) {
    return fake_class(fake, &(struct fake_class){
                                .module = "uvloop.loop", .name = name, .size = size, .base = base});
}

static uint64_t make_empty(struct fake_uvloop *uvloop, char letter) {
    struct fake_python *fake = uvloop->aio.fake;
    switch (letter) {
    case 'q':
        return fake_deque(fake, fake->none, 3, 0);
    case 's':
        return fake_set(fake, 7);
    case 'd':
        return fake_dict(fake, true);
    default:
        return fake->none;
    }
}

/* `layout`: see uvloop.c. */
static void make_members(struct fake_uvloop *uvloop, const char *layout) {
    struct fake_python *fake = uvloop->aio.fake;
    for (size_t i = 0; layout[i]; i++)
        fake_put(fake, uvloop->loop + UVLOOP_MEMBERS_AT + 8 * i,
                 layout[i] == '-' ? 0xffffffff00000001 : make_empty(uvloop, layout[i]), 8);
    uvloop->timers = fake_get(fake, uvloop->loop + UVLOOP_TIMERS_AT, 8);
    uvloop->polls = fake_get(fake, uvloop->loop + UVLOOP_POLLS_AT, 8);
}

/* A watcher of libuv's that the loop watches. */
static void watch(struct fake_uvloop *uvloop, uint64_t watcher, int fd) {
    struct fake_python *fake = uvloop->aio.fake;
    fake_put(fake, watcher + UV_WATCHER_FD_AT, (uint64_t)fd, 4);
    fake_put(fake, uvloop->watchers + 8 * (uint64_t)fd, watcher, 8);
}

static void make_uv(struct fake_uvloop *uvloop) {
    struct fake_python *fake = uvloop->aio.fake;
    uvloop->uv = fake_alloc(fake, 848);
    uvloop->watchers = fake_alloc(fake, 8 * (WATCHERS + 2));
    fake_put(fake, uvloop->loop + UVLOOP_UV_AT, uvloop->uv, 8);
    fake_put(fake, uvloop->uv + UV_LOOP_DATA_AT, uvloop->loop, 8);
    fake_put(fake, uvloop->uv + UV_LOOP_WATCHERS_AT, uvloop->watchers, 8);
    fake_put(fake, uvloop->uv + UV_LOOP_WATCHER_COUNT_AT, WATCHERS, 4);
    fake_put(fake, uvloop->uv + UV_LOOP_TIMER_COUNT_AT, 2, 4);
    fake_put(fake, uvloop->uv + UV_LOOP_TIME_AT, 998500, 8);
    watch(uvloop, uvloop->uv + UV_LOOP_ASYNC_WATCHER_AT, ASYNC_FD);
}

static uint64_t make_timer(struct fake_uvloop *uvloop, double when, uint64_t future) {
    struct fake_python *fake = uvloop->aio.fake;
    uint64_t timer = fake_object(fake, uvloop->timer_type, UVLOOP_TIMER_SIZE);
    fake_put(fake, timer + UVLOOP_TIMER_CALLBACK_AT, fake_builtin(fake, "set_result", 0), 8);
    fake_put(fake, timer + UVLOOP_TIMER_ARGUMENTS_AT, fake_tuple(fake, &future, 1), 8);
    fake_put(fake, timer + UVLOOP_TIMER_LOOP_AT, uvloop->loop, 8);
    fake_put(fake, timer + UVLOOP_TIMER_WHEN_AT, fake_float(fake, when), 8);
    fake_set_add(fake, uvloop->timers, timer);
    return timer;
}

/* A loop with a running task, one that waits for `future`, a timer that is late, one in time. */
static void create_with(struct fake_target *target, struct fake_uvloop *uvloop,
                        const char *layout) {
    struct fake_python *fake = target->fake;
    memset(uvloop, 0, sizeof *uvloop);
    fake_asyncio_create(&uvloop->aio, fake);
    uint64_t base = make_class(fake, "Loop", 512, 0);
    uint64_t type = fake_class(
        fake, &(struct fake_class){.module = "uvloop", .name = "Loop", .size = 512, .base = base});
    uvloop->loop = uvloop->aio.event_loop = fake_object(fake, type, 512);
    uvloop->timer_type = make_class(fake, "TimerHandle", UVLOOP_TIMER_SIZE, 0);
    fake_put(fake, uvloop->loop + UVLOOP_SLOW_CALLBACK_AT, fake_float(fake, 0.1), 8);
    fake_put(fake, uvloop->loop + UVLOOP_RUNNING_AT, 1, 4);
    fake_put(fake, uvloop->loop + UVLOOP_THREAD_AT, 0x7f00, 8);
    make_members(uvloop, layout);
    make_uv(uvloop);
    uint64_t running = fake_coroutine(&uvloop->aio, "blocks", 40, FAKE_EXECUTING, 0);
    fake_run_task(&uvloop->aio, fake_task(&uvloop->aio, &(struct fake_task){.coroutine = running}),
                  running);
    uvloop->future = fake_future(&uvloop->aio, FAKE_PENDING);
    make_timer(uvloop, NOW - 2, fake->none);
    uvloop->timer = make_timer(uvloop, NOW + 30, fake->none);
}

static void create(struct fake_target *target, struct fake_uvloop *uvloop) {
    create_with(target, uvloop, "oooqsssosdddsdoo-sd");
}

static const struct snapshot_loop *walk(struct fake_target *target, struct fake_uvloop *uvloop) {
    struct walk_search search = {0};
    fake_target_open(target, uvloop->aio.runtime);
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel_thread, 1, NOW}, &search));
    for (size_t i = 0; i < target->snapshot->event_loops.count; i++)
        if (target->snapshot->event_loops.items[i].id == uvloop->loop)
            return &target->snapshot->event_loops.items[i];
    fail_msg("the loop is not there");
    return NULL;
}

static const struct snapshot_wait *walk_to_wait(struct fake_target *target,
                                                struct fake_uvloop *uvloop) {
    walk(target, uvloop);
    for (size_t i = 0; i < target->snapshot->tasks.count; i++)
        if (target->snapshot->tasks.items[i].id == uvloop->task)
            return target->snapshot->tasks.items[i].awaiting;
    fail_msg("the task is not there");
    return NULL;
}

static void expect_close(double value, double expected) {
    assert_true(fabs(value - expected) < 1e-6);
}

/* --- the loop --- */

static void test_loop(struct fake_target *target) {
    static const char *const layouts[] = {"oooqss-sosddsdoo-sd", "oooqsssosdddsdoo-sd"};
    struct fake_uvloop uvloop;
    for (size_t i = 0; i < 2; i++) {
        create_with(target, &uvloop, layouts[i]);
        const struct snapshot_loop *loop = walk(target, &uvloop);
        assert_int_equal(loop->state, SNAPSHOT_LOOP_RUNNING);
        assert_int_equal(loop->ready, 3);
        assert_int_equal(loop->timers, 2);
        assert_int_equal(loop->overdue_timers, 1);
        expect_close(loop->overdue_s, 2);
        expect_close(loop->iteration_age_s, 1.5);
        assert_int_equal(loop->callback_count, SNAPSHOT_UNKNOWN);
        assert_int_equal(loop->executor.id, 0);
        assert_int_equal(target->snapshot->missing.count, 0);
    }
}

/* One member is not what it should be: none of them is believed. */
static void test_members(struct fake_target *target) {
    static const char layout[] = "oooqsssosdddsdoo-sd";
    struct fake_uvloop uvloop;
    for (size_t i = 0; layout[i]; i++) {
        if (layout[i] == '-')
            continue;
        create_with(target, &uvloop, layout);
        uint64_t at = uvloop.loop + UVLOOP_MEMBERS_AT + 8 * i;
        static const uint64_t words[] = {0, 1, 0x123450};
        for (size_t j = 0; j < sizeof words / sizeof *words; j++) {
            fake_put(target->fake, at, words[j], 8);
            const struct snapshot_loop *loop = walk(target, &uvloop);
            assert_int_equal(loop->ready, SNAPSHOT_UNKNOWN);
            assert_int_equal(loop->timers, SNAPSHOT_UNKNOWN);
            assert_true(isnan(loop->iteration_age_s));
        }
    }
}

static void expect_no_clock(struct fake_target *target, struct fake_uvloop *uvloop) {
    const struct snapshot_loop *loop = walk(target, uvloop);
    assert_int_equal(loop->ready, 3);
    assert_true(isnan(loop->iteration_age_s));
    assert_int_equal(target->snapshot->missing.count, 0);
}

/* Words of libuv's loop that do not agree: its clock is not believed. */
static void test_clock(struct fake_target *target) {
    struct fake_uvloop uvloop;
    create(target, &uvloop);
    const struct {
        uint64_t address, value;
        size_t width;
    } wrong[] = {
        {uvloop.loop + UVLOOP_UV_AT, 0, 8},
        {uvloop.loop + UVLOOP_UV_AT, 0x123450, 8},
        {uvloop.uv + UV_LOOP_DATA_AT, uvloop.uv, 8},
        {uvloop.uv + UV_LOOP_WATCHERS_AT, 0x123450, 8},
        {uvloop.uv + UV_LOOP_WATCHER_COUNT_AT, ASYNC_FD, 4},
        {uvloop.uv + UV_LOOP_ASYNC_WATCHER_AT + UV_WATCHER_FD_AT, ASYNC_FD + 1, 4},
        {uvloop.uv + UV_LOOP_ASYNC_WATCHER_AT + UV_WATCHER_FD_AT, UINT32_MAX, 4},
        {uvloop.uv + UV_LOOP_TIMER_COUNT_AT, 3, 4},
        {uvloop.uv + UV_LOOP_TIMER_COUNT_AT, 0, 4},
        {uvloop.uv + UV_LOOP_TIME_AT, 0, 8},
        {uvloop.uv + UV_LOOP_TIME_AT, 1000500, 8},
        {uvloop.uv + UV_LOOP_TIME_AT, UINT64_MAX, 8},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t right = fake_get(target->fake, wrong[i].address, wrong[i].width);
        fake_put(target->fake, wrong[i].address, wrong[i].value, wrong[i].width);
        expect_no_clock(target, &uvloop);
        fake_put(target->fake, wrong[i].address, right, wrong[i].width);
    }
    fake_put(target->fake, uvloop.uv + UV_LOOP_TIMER_COUNT_AT, 1, 4); /* one that runs */
    expect_close(walk(target, &uvloop)->iteration_age_s, 1.5);
}

/* --- timers --- */

static void test_sleep(struct fake_target *target) {
    struct fake_uvloop uvloop;
    create(target, &uvloop);
    make_timer(&uvloop, NOW + 12, uvloop.future);
    uint64_t coroutine = fake_coroutine(&uvloop.aio, "waits", 20, FAKE_SUSPENDED_AWAIT,
                                        fake_future_iter(&uvloop.aio, uvloop.future));
    uvloop.task = fake_task(
        &uvloop.aio, &(struct fake_task){.coroutine = coroutine, .fut_waiter = uvloop.future});
    const struct snapshot_wait *wait = walk_to_wait(target, &uvloop);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_SLEEP);
    expect_close(wait->deadline_s, 12);
}

/* A timer that is not as expected is counted, and nothing else is known of it. */
static void test_odd_timers(struct fake_target *target) {
    struct fake_uvloop uvloop;
    create(target, &uvloop);
    const struct {
        uint64_t at, value;
        size_t width;
    } wrong[] = {
        {UVLOOP_TIMER_WHEN_AT, target->fake->none, 8},
        {UVLOOP_TIMER_WHEN_AT, 0, 8},
        {UVLOOP_TIMER_CANCELLED_AT, 7, 4},
        {UVLOOP_TIMER_ARGUMENTS_AT, fake_int(target->fake, 1), 8},
        {UVLOOP_TIMER_LOOP_AT, target->fake->none, 8},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t right = fake_get(target->fake, uvloop.timer + wrong[i].at, wrong[i].width);
        fake_put(target->fake, uvloop.timer + wrong[i].at, wrong[i].value, wrong[i].width);
        const struct snapshot_loop *loop = walk(target, &uvloop);
        assert_int_equal(loop->timers, 2);
        expect_close(loop->overdue_s, 2);
        assert_int_equal(loop->overdue_timers, 1);
        fake_put(target->fake, uvloop.timer + wrong[i].at, right, wrong[i].width);
    }
    FAKE_SET(target->fake, uvloop.timer_type, type, basicsize, UVLOOP_TIMER_SIZE + 8);
    assert_true(isnan(walk(target, &uvloop)->overdue_s));
}

/* --- files --- */

/* A task that waits for `uvloop->future` in a function of asyncio's with this `self`. */
static void add_waiter(struct fake_uvloop *uvloop, const char *function, uint64_t self) {
    struct fake_python *fake = uvloop->aio.fake;
    uint64_t code = fake_code(fake, function, function, "/usr/lib/python3/asyncio/streams.py", 500);
    uint64_t coroutine = fake_generator(fake, FAKE_COROUTINE, code, FAKE_SUSPENDED_AWAIT,
                                        fake_future_iter(&uvloop->aio, uvloop->future));
    if (self)
        fake_frame_put(fake, fake_generator_get_frame(fake, coroutine), 0, self);
    uvloop->task = fake_task(
        &uvloop->aio, &(struct fake_task){.coroutine = coroutine, .fut_waiter = uvloop->future});
}

static uint64_t make_transport(struct fake_uvloop *uvloop, uint64_t *ret_handle) {
    struct fake_python *fake = uvloop->aio.fake;
    uint64_t base = make_class(fake, "UVHandle", UVLOOP_UVHANDLE_SIZE, 0);
    uint64_t type = make_class(fake, "TCPTransport", 256, base);
    uint64_t transport = fake_object(fake, type, 256), handle = fake_alloc(fake, 248);
    fake_put(fake, transport + UVLOOP_UVHANDLE_UV_AT, handle, 8);
    fake_put(fake, transport + UVLOOP_UVHANDLE_LOOP_AT, uvloop->loop, 8);
    fake_put(fake, handle + UV_HANDLE_DATA_AT, transport, 8);
    fake_put(fake, handle + UV_HANDLE_LOOP_AT, uvloop->uv, 8);
    fake_put(fake, handle + UV_HANDLE_TYPE_AT, UV_HANDLE_TYPE_TCP, 4);
    watch(uvloop, handle + UV_STREAM_WATCHER_AT, STREAM_FD);
    *ret_handle = handle;
    return transport;
}

static void test_transport(struct fake_target *target) {
    static const char *const keys[] = {"_transport", NULL};
    struct fake_uvloop uvloop;
    uint64_t handle;
    create(target, &uvloop);
    uint64_t transport = make_transport(&uvloop, &handle);
    uint64_t type = fake_class(
        target->fake,
        &(struct fake_class){.module = "asyncio.streams", .name = "StreamReader", .keys = keys});
    add_waiter(&uvloop, "_wait_for_data", fake_instance(target->fake, type, &transport));
    const struct snapshot_wait *wait = walk_to_wait(target, &uvloop);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_STREAM_READ);
    assert_int_equal(wait->fd, STREAM_FD);
    const struct {
        uint64_t address, value;
        size_t width;
    } wrong[] = {
        {transport + UVLOOP_UVHANDLE_UV_AT, 0, 8},
        {transport + UVLOOP_UVHANDLE_LOOP_AT, target->fake->none, 8},
        {handle + UV_HANDLE_DATA_AT, uvloop.loop, 8},
        {handle + UV_HANDLE_LOOP_AT, uvloop.loop, 8},
        {handle + UV_HANDLE_TYPE_AT, 13, 4},
        {handle + UV_STREAM_WATCHER_AT + UV_WATCHER_FD_AT, ASYNC_FD, 4},
        {handle + UV_STREAM_WATCHER_AT + UV_WATCHER_FD_AT, WATCHERS + 1, 4},
        {uvloop.watchers + 8 * STREAM_FD, 0, 8}, /* it is not watched now */
        {uvloop.uv + UV_LOOP_DATA_AT, 0, 8},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t right = fake_get(target->fake, wrong[i].address, wrong[i].width);
        fake_put(target->fake, wrong[i].address, wrong[i].value, wrong[i].width);
        wait = walk_to_wait(target, &uvloop);
        assert_int_equal(wait->kind, SNAPSHOT_WAIT_STREAM_READ);
        assert_int_equal(wait->fd, SNAPSHOT_UNKNOWN);
        fake_put(target->fake, wrong[i].address, right, wrong[i].width);
    }
}

/* What sock_recv() leaves with the loop: a method of Cython with the future. */
static uint64_t make_poll(struct fake_uvloop *uvloop, uint64_t *ret_handle) {
    struct fake_python *fake = uvloop->aio.fake;
    uint64_t handle_type = make_class(fake, "Handle", UVLOOP_HANDLE_SIZE, 0);
    uint64_t handle = fake_object(fake, handle_type, UVLOOP_HANDLE_SIZE);
    uint64_t poll =
        fake_object(fake, make_class(fake, "UVPoll", UVLOOP_POLL_SIZE, 0), UVLOOP_POLL_SIZE);
    fake_put(fake, handle + UVLOOP_HANDLE_LOOP_AT, uvloop->loop, 8);
    fake_put(fake, handle + UVLOOP_HANDLE_NAME_AT, fake_str(fake, "Loop._sock_accept"), 8);
    fake_put(fake, handle + UVLOOP_HANDLE_FORM_AT, 5, 4);
    fake_put(fake, handle + UVLOOP_HANDLE_ARGUMENTS_AT, uvloop->loop, 8);
    fake_put(fake, handle + UVLOOP_HANDLE_ARGUMENTS_AT + 8, uvloop->future, 8);
    fake_put(fake, poll + UVLOOP_UVHANDLE_LOOP_AT, uvloop->loop, 8);
    fake_put(fake, poll + UVLOOP_POLL_FD_AT, POLL_FD, 4);
    fake_put(fake, poll + UVLOOP_POLL_READER_AT, handle, 8);
    fake_put(fake, poll + UVLOOP_POLL_WRITER_AT, fake->none, 8);
    fake_dict_add(fake, uvloop->polls, fake_int(fake, POLL_FD), poll);
    *ret_handle = handle;
    return poll;
}

static void test_poll(struct fake_target *target) {
    struct fake_uvloop uvloop;
    uint64_t handle;
    create(target, &uvloop);
    uint64_t poll = make_poll(&uvloop, &handle);
    add_waiter(&uvloop, "anything", 0);
    const struct snapshot_wait *wait = walk_to_wait(target, &uvloop);
    assert_int_equal(wait->kind, SNAPSHOT_WAIT_SOCKET_ACCEPT);
    assert_int_equal(wait->fd, POLL_FD);
    const struct {
        uint64_t address, value;
        size_t width;
    } wrong[] = {
        {poll + UVLOOP_POLL_FD_AT, POLL_FD + 1, 4},
        {poll + UVLOOP_UVHANDLE_LOOP_AT, target->fake->none, 8},
        {handle + UVLOOP_HANDLE_LOOP_AT, target->fake->none, 8},
        {handle + UVLOOP_HANDLE_FORM_AT, 6, 4},
        {handle + UVLOOP_HANDLE_CANCELLED_AT, 2, 4},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t right = fake_get(target->fake, wrong[i].address, wrong[i].width);
        fake_put(target->fake, wrong[i].address, wrong[i].value, wrong[i].width);
        wait = walk_to_wait(target, &uvloop);
        assert_int_equal(wait->kind, SNAPSHOT_WAIT_FUTURE);
        assert_int_equal(wait->fd, SNAPSHOT_UNKNOWN);
        fake_put(target->fake, wrong[i].address, right, wrong[i].width);
    }
}

FAKE_EACH_VERSION(test_loop)
FAKE_EACH_VERSION(test_members)
FAKE_EACH_VERSION(test_clock)
FAKE_EACH_VERSION(test_sleep)
FAKE_EACH_VERSION(test_odd_timers)
FAKE_EACH_VERSION(test_transport)
FAKE_EACH_VERSION(test_poll)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_loop),  FAKE_TEST(test_members),    FAKE_TEST(test_clock),
        FAKE_TEST(test_sleep), FAKE_TEST(test_odd_timers), FAKE_TEST(test_transport),
        FAKE_TEST(test_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
