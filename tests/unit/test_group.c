/* Folding of equal tasks, and the edges between tasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "asyncspy/analysis/edges.h"
#include "asyncspy/analysis/group.h"
#include "asyncspy/snapshot/task_index.h"

static const struct snapshot_frame frames[] = {
    {.function = "sleep", .file = "tasks.py", .line = 1},
    {.function = "handler", .file = "app.py", .line = 2},
    {.function = "worker", .file = "app.py", .line = 3},
};
static const struct snapshot_frame *handler_stack[] = {&frames[0], &frames[1]};
static const struct snapshot_frame *worker_stack[] = {&frames[0], &frames[2]};

/* A task; a NULL `type` of what it waits for stands for no wait. */
static struct snapshot_task *add_task(struct snapshot *snapshot, enum snapshot_task_state state,
                                      const struct snapshot_frame **stack, const char *type) {
    struct snapshot_task *task = SNAPSHOT_APPEND(snapshot, &snapshot->tasks);
    task->id = 0x1000 + 0x10 * (snapshot->tasks.count - 1);
    task->state = state;
    task->frames = (struct snapshot_stack){.count = stack ? 2 : 0, .frames = stack};
    if (type) {
        task->awaiting = arena_alloc(snapshot->arena, sizeof *task->awaiting);
        *task->awaiting = snapshot_wait_blank;
        task->awaiting->kind = SNAPSHOT_WAIT_FUTURE;
        task->awaiting->id = task->id + 8;
        task->awaiting->type = arena_copy_string(snapshot->arena, type, strlen(type));
    }
    return task;
}

static void test_folds_equal_tasks(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    add_task(snapshot, SNAPSHOT_TASK_WAITING, worker_stack, "_asyncio.Future");
    for (int i = 0; i < 1000; i++)
        add_task(snapshot, SNAPSHOT_TASK_WAITING, handler_stack, "_asyncio.Future");
    add_task(snapshot, SNAPSHOT_TASK_WAITING, worker_stack, "_asyncio.Future");
    add_task(snapshot, SNAPSHOT_TASK_WAITING, worker_stack, "mine.Waiter");
    add_task(snapshot, SNAPSHOT_TASK_READY, worker_stack, NULL);
    add_task(snapshot, SNAPSHOT_TASK_RUNNING, worker_stack, NULL);
    for (int round = 0; round < 2; round++) { /* grouping again changes nothing */
        group_tasks(snapshot);
        const struct snapshot_group *groups = snapshot->groups.items;
        assert_int_equal(snapshot->groups.count, 5);
        assert_int_equal(groups[0].state, SNAPSHOT_TASK_RUNNING);
        assert_int_equal(groups[1].task_count, 1000);
        assert_int_equal(groups[1].tasks[999], 1000);
        assert_ptr_equal(groups[1].frames.frames, handler_stack);
        assert_string_equal(groups[1].awaiting, "a future of unknown owner");
        assert_int_equal(groups[2].task_count, 2);
        assert_int_equal(groups[2].tasks[1], 1001);
        assert_string_equal(groups[3].awaiting, "a future of unknown owner (Waiter)");
        assert_null(groups[4].awaiting);
    }
    snapshot_destroy(snapshot);
}

static void test_no_stack(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    add_task(snapshot, SNAPSHOT_TASK_DONE, NULL, NULL)->coroutine = "a";
    add_task(snapshot, SNAPSHOT_TASK_DONE, NULL, NULL)->coroutine = "b";
    add_task(snapshot, SNAPSHOT_TASK_DONE, NULL, NULL)->coroutine =
        arena_format(snapshot->arena, "a");
    add_task(snapshot, SNAPSHOT_TASK_DONE, NULL, NULL);
    group_tasks(snapshot);
    assert_int_equal(snapshot->groups.count, 3);
    assert_int_equal(snapshot->groups.items[0].task_count, 2);
    snapshot_destroy(snapshot);
}

static void test_empty(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    edges_find(snapshot);
    group_tasks(snapshot);
    assert_int_equal(snapshot->groups.count, 0);
    snapshot_destroy(snapshot);
}

static void await_tasks(struct snapshot *snapshot, struct snapshot_task *task, size_t count,
                        const snapshot_id *ids) {
    task->awaiting = arena_alloc(snapshot->arena, sizeof *task->awaiting);
    *task->awaiting = snapshot_wait_blank;
    task->awaiting->kind = SNAPSHOT_WAIT_TASK;
    task->awaiting->tasks = arena_alloc_array(snapshot->arena, count, sizeof *ids);
    memcpy(task->awaiting->tasks, ids, count * sizeof *ids);
    task->awaiting->task_count = count;
}

static void test_edges(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    for (int i = 0; i < 3; i++)
        add_task(snapshot, SNAPSHOT_TASK_WAITING, handler_stack, NULL);
    struct snapshot_task *tasks = snapshot->tasks.items;
    await_tasks(snapshot, &tasks[0], 3, (snapshot_id[]){0x1010, 0x1020, 0x5555});
    await_tasks(snapshot, &tasks[1], 1, (snapshot_id[]){0x1020});
    for (int round = 0; round < 2; round++) {
        edges_find(snapshot);
        assert_int_equal(tasks[0].awaited_by_count, 0);
        assert_null(tasks[0].awaited_by);
        assert_int_equal(tasks[1].awaited_by_count, 1);
        assert_int_equal(tasks[1].awaited_by[0], 0x1000);
        assert_int_equal(tasks[2].awaited_by_count, 2);
        assert_int_equal(tasks[2].awaited_by[1], 0x1010);
    }
    group_tasks(snapshot);
    assert_string_equal(snapshot->groups.items[0].awaiting, "a task");
    snapshot_destroy(snapshot);
}

static void test_index(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    for (int i = 0; i < 5000; i++)
        add_task(snapshot, SNAPSHOT_TASK_WAITING, NULL, NULL);
    SNAPSHOT_APPEND(snapshot, &snapshot->tasks)->id = 0x1000; /* a second one of the same id */
    const struct task_index *index = task_index_create(snapshot->arena, snapshot);
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(task_index_find(index, 0x1000 + 0x10 * i), i);
    assert_true(task_index_find(index, 0x1008) == TASK_INDEX_NONE);
    assert_true(task_index_find(index, 0) == TASK_INDEX_NONE);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds_equal_tasks),
        cmocka_unit_test(test_no_stack),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
