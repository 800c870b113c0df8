#include "asyncio_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <sys/syscall.h>

#include "../../src/capture/walk.h"

#define TID 4711 /* fake_asyncio_create() */

void asyncio_walk_threads(struct fake_target *target, const struct fake_asyncio *aio,
                          const struct target_thread *threads, size_t count) {
    struct walk_search search = {0};
    fake_target_open(target, aio->runtime);
    fake_expect_success(walk_interpreters(
        target->py, target->snapshot, &(struct walk_kernel){threads, count, ASYNCIO_NOW}, &search));
}

void asyncio_walk(struct fake_target *target, const struct fake_asyncio *aio, bool is_idle) {
    const struct target_thread thread = {.tid = TID,
                                         .namespace_tid = TID,
                                         .name = "python3",
                                         .on_cpu = !is_idle,
                                         .syscall = is_idle ? SYS_epoll_wait : -1};
    asyncio_walk_threads(target, aio, &thread, 1);
    asyncio_walk_expect_complete(target);
}

void asyncio_walk_expect_complete(const struct fake_target *target) {
    const struct snapshot *snapshot = target->snapshot;
    for (size_t i = 0; i < snapshot->missing.count; i++)
        fail_msg("missing %s: %s", snapshot->missing.items[i].what, snapshot->missing.items[i].why);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        if (snapshot->tasks.items[i].note_count)
            fail_msg("a task has a note: %s", snapshot->tasks.items[i].notes[0]);
}

void asyncio_walk_expect_missing(const struct fake_target *target, const char *what,
                                 const char *why) {
    for (size_t i = 0; i < target->snapshot->missing.count; i++)
        if (strstr(target->snapshot->missing.items[i].what, what) &&
            strstr(target->snapshot->missing.items[i].why, why))
            return;
    for (size_t i = 0; i < target->snapshot->missing.count; i++)
        print_message("  %s: %s\n", target->snapshot->missing.items[i].what,
                      target->snapshot->missing.items[i].why);
    fail_msg("no row of missing tells of %s", what);
}

const struct snapshot_task *asyncio_walk_task(const struct fake_target *target, uint64_t id) {
    for (size_t i = 0; i < target->snapshot->tasks.count; i++)
        if (target->snapshot->tasks.items[i].id == id)
            return &target->snapshot->tasks.items[i];
    fail_msg("there is no task 0x%llx", (unsigned long long)id);
    return target->snapshot->tasks.items;
}

const struct snapshot_wait *asyncio_walk_wait(const struct fake_target *target, uint64_t task) {
    const struct snapshot_task *it = asyncio_walk_task(target, task);
    assert_int_equal(it->state, SNAPSHOT_TASK_WAITING);
    assert_non_null(it->awaiting);
    return it->awaiting;
}

static const struct snapshot_object *find_object(const struct fake_target *target, uint64_t id) {
    for (size_t i = 0; i < target->snapshot->objects.count; i++)
        if (target->snapshot->objects.items[i].id == id)
            return &target->snapshot->objects.items[i];
    return NULL;
}

bool asyncio_walk_has_object(const struct fake_target *target, uint64_t id) {
    return find_object(target, id) != NULL;
}

const struct snapshot_object *asyncio_walk_object(const struct fake_target *target, uint64_t id) {
    const struct snapshot_object *object = find_object(target, id);
    if (!object)
        fail_msg("there is no object 0x%llx", (unsigned long long)id);
    return object ? object : target->snapshot->objects.items;
}

const struct snapshot_thread *asyncio_walk_thread(const struct fake_target *target, int64_t tid) {
    for (size_t i = 0; i < target->snapshot->threads.count; i++)
        if (target->snapshot->threads.items[i].tid == tid)
            return &target->snapshot->threads.items[i];
    fail_msg("there is no thread %lld", (long long)tid);
    return target->snapshot->threads.items;
}

int64_t asyncio_walk_fact(const struct fake_target *target, uint64_t object, const char *key) {
    int64_t value = SNAPSHOT_UNKNOWN;
    snapshot_object_get_fact(asyncio_walk_object(target, object), key, &value);
    return value;
}

void asyncio_walk_expect_tasks(const struct snapshot_wait *wait, const uint64_t *tasks,
                               size_t count) {
    assert_int_equal(wait->task_count, count);
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;
        for (size_t j = 0; j < wait->task_count; j++)
            found += wait->tasks[j] == tasks[i];
        assert_int_equal(found, 1);
    }
}
