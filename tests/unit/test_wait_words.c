/* Recorded waits in words: those of a snapshot, without what changes while a task waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "asyncspy/analysis/wait_words.h"

#define UNKNOWN .tasks = SNAPSHOT_UNKNOWN, .fd = SNAPSHOT_UNKNOWN, .pid = SNAPSHOT_UNKNOWN

static const struct {
    const char *text;
    struct recording_wait wait;
} cases[] = {
    {"task child", {.kind = SNAPSHOT_WAIT_TASK, .task = "child", .tasks = 1}},
    {"3 tasks", {.kind = SNAPSHOT_WAIT_TASK, .tasks = 3}},
    {"a task", {.kind = SNAPSHOT_WAIT_TASK, .tasks = SNAPSHOT_UNKNOWN}},
    {"gather of 10 tasks", {.kind = SNAPSHOT_WAIT_GATHER, .tasks = 10}},
    {"gather", {.kind = SNAPSHOT_WAIT_GATHER, .tasks = SNAPSHOT_UNKNOWN}},
    {"gather", {.kind = SNAPSHOT_WAIT_GATHER, .tasks = -7}},
    {"wait for 10,000 tasks", {.kind = SNAPSHOT_WAIT_WAIT, .tasks = 10000}},
    {"TaskGroup", {.kind = SNAPSHOT_WAIT_TASK_GROUP}},
    {"TaskGroup#2", {.kind = SNAPSHOT_WAIT_TASK_GROUP, .object = "TaskGroup#2"}},
    {"shield of task child", {.kind = SNAPSHOT_WAIT_SHIELD, .task = "child"}},
    {"shield of a future", {.kind = SNAPSHOT_WAIT_SHIELD, .tasks = SNAPSHOT_UNKNOWN}},
    {"wait_for(task child)", {.kind = SNAPSHOT_WAIT_TIMEOUT, .task = "child"}},
    {"wait_for()", {.kind = SNAPSHOT_WAIT_TIMEOUT}},
    {"sleep", {.kind = SNAPSHOT_WAIT_SLEEP}},
    {"a lock", {.kind = SNAPSHOT_WAIT_LOCK}},
    {"Lock#1 'pool.sem'", {.kind = SNAPSHOT_WAIT_LOCK, .object = "Lock#1", .name = "pool.sem"}},
    {"Event#3", {.kind = SNAPSHOT_WAIT_EVENT, .object = "Event#3"}},
    {"Queue#1 'jobs' (get)",
     {.kind = SNAPSHOT_WAIT_QUEUE_GET, .object = "Queue#1", .name = "jobs"}},
    {"Queue#1 (put)", {.kind = SNAPSHOT_WAIT_QUEUE_PUT, .object = "Queue#1"}},
    {"join of Queue#1", {.kind = SNAPSHOT_WAIT_QUEUE_JOIN, .object = "Queue#1"}},
    {"a queue (get)", {.kind = SNAPSHOT_WAIT_QUEUE_GET}},
    {"socket 10.0.0.3:5432 (read)",
     {.kind = SNAPSHOT_WAIT_STREAM_READ, .peer = "10.0.0.3:5432", .fd = 7}},
    {"socket 0.0.0.0:80 (accept)", {.kind = SNAPSHOT_WAIT_SOCKET_ACCEPT, .peer = "0.0.0.0:80"}},
    {"client socket (read)",
     {.kind = SNAPSHOT_WAIT_SOCKET_READ, .peer = "10.0.0.9:51324", .is_client = true}},
    {"client socket (write)", {.kind = SNAPSHOT_WAIT_STREAM_DRAIN, .fd = 7, .is_client = true}},
    {"fd 12 (read)", {.kind = SNAPSHOT_WAIT_SOCKET_READ, .peer = "", .fd = 12}},
    {"a socket (connect)", {.kind = SNAPSHOT_WAIT_SOCKET_CONNECT, UNKNOWN}},
    {"DNS lookup of db.example", {.kind = SNAPSHOT_WAIT_DNS, .callee = "db.example"}},
    {"DNS lookup", {.kind = SNAPSHOT_WAIT_DNS}},
    {"executor: crunch", {.kind = SNAPSHOT_WAIT_EXECUTOR, .callee = "crunch"}},
    {"an executor", {.kind = SNAPSHOT_WAIT_EXECUTOR}},
    {"a future of another thread", {.kind = SNAPSHOT_WAIT_THREAD}},
    {"process 4711", {.kind = SNAPSHOT_WAIT_SUBPROCESS, .pid = 4711}},
    {"a child process", {.kind = SNAPSHOT_WAIT_SUBPROCESS, UNKNOWN}},
    {"an async generator", {.kind = SNAPSHOT_WAIT_ASYNC_GENERATOR}},
    {"a future of unknown owner", {.kind = SNAPSHOT_WAIT_FUTURE, .type = "_asyncio.Future"}},
    {"a future of unknown owner (MyFuture)",
     {.kind = SNAPSHOT_WAIT_FUTURE, .type = "mine.MyFuture"}},
    {"an object of type Odd", {.kind = SNAPSHOT_WAIT_UNKNOWN, .type = "a.Odd"}},
    {"an unknown object", {.kind = SNAPSHOT_WAIT_UNKNOWN}},
};

static void test_words(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(recording_wait_describe(arena, &cases[i].wait), cases[i].text);
    arena_destroy(arena);
}

/* No kind is without words, whatever of it is known. */
static void test_every_kind(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    for (int kind = 0; kind < SNAPSHOT_WAIT_KIND_COUNT; kind++) {
        struct recording_wait wait = {.kind = (enum snapshot_wait_kind)kind, UNKNOWN};
        assert_non_null(recording_wait_describe(arena, &wait));
        wait = (struct recording_wait){.kind = (enum snapshot_wait_kind)kind,
                                       .object = "",
                                       .name = "",
                                       .type = "",
                                       .peer = "",
                                       .callee = "",
                                       .task = ""};
        assert_non_null(recording_wait_describe(arena, &wait));
    }
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_every_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
