/* Waits in words, for one task and for groups; who awaits whom; who is idle by design. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/analysis/edges.h"

#define ASYNCIO "/usr/lib/python3.11/asyncio/"

static const struct text_case {
    const char *text;
    struct snapshot_wait wait;
    int object; /* 1: the queue, 2: the group, 3: the barrier */
    bool child;
} text_cases[] = {
    {"task child", {.kind = SNAPSHOT_WAIT_TASK}, 0, true},
    {"shield of task child", {.kind = SNAPSHOT_WAIT_SHIELD}, 0, true},
    {"wait_for(task child), 3.2 s left",
     {.kind = SNAPSHOT_WAIT_TIMEOUT, .deadline_s = 3.2},
     0,
     true},
    {"gather of 10 tasks, 3 done",
     {.kind = SNAPSHOT_WAIT_GATHER, .done = 3, .total = 10},
     0,
     false},
    {"gather of 1 task", {.kind = SNAPSHOT_WAIT_GATHER}, 0, true},
    {"wait for any of 1 task", {.kind = SNAPSHOT_WAIT_WAIT, .any_task = SNAPSHOT_YES}, 0, true},
    {"TaskGroup#1, 2 children left", {.kind = SNAPSHOT_WAIT_TASK_GROUP}, 2, false},
    {"sleep, due in 12.3 s", {.kind = SNAPSHOT_WAIT_SLEEP, .deadline_s = 12.31}, 0, false},
    {"sleep, 250 ms overdue", {.kind = SNAPSHOT_WAIT_SLEEP, .deadline_s = -0.25}, 0, false},
    {"sleep", {.kind = SNAPSHOT_WAIT_SLEEP}, 0, false},
    {"Queue#1 'jobs' empty (0 of 10)", {.kind = SNAPSHOT_WAIT_QUEUE_GET}, 1, false},
    {"join of Queue#1 'jobs', 3 unfinished", {.kind = SNAPSHOT_WAIT_QUEUE_JOIN}, 1, false},
    {"Barrier#1, 2 of 3 there", {.kind = SNAPSHOT_WAIT_BARRIER}, 3, false},
    {"a lock", {.kind = SNAPSHOT_WAIT_LOCK}, 0, false},
    {"an event, timeout in 2.0 s", {.kind = SNAPSHOT_WAIT_EVENT, .deadline_s = 2}, 0, false},
    {"fd 7 (accept)", {.kind = SNAPSHOT_WAIT_SOCKET_ACCEPT, .fd = 7}, 0, false},
    {"a stream (drain)", {.kind = SNAPSHOT_WAIT_STREAM_DRAIN}, 0, false},
    {"process 4711", {.kind = SNAPSHOT_WAIT_SUBPROCESS, .pid = 4711}, 0, false},
    {"DNS lookup", {.kind = SNAPSHOT_WAIT_DNS, .callee = ""}, 0, false},
    {"DNS lookup of db.example", {.kind = SNAPSHOT_WAIT_DNS, .callee = "db.example"}, 0, false},
    {"executor thread MainThread", {.kind = SNAPSHOT_WAIT_EXECUTOR, .tid = CASE_TID}, 0, false},
    {"a free executor thread: 22nd in the queue",
     {.kind = SNAPSHOT_WAIT_EXECUTOR, .position = 22},
     0,
     false},
    {"a future of unknown owner", {.kind = SNAPSHOT_WAIT_FUTURE}, 0, false},
    {"a future of unknown owner (MyFuture)",
     {.kind = SNAPSHOT_WAIT_FUTURE, .type = "mine.MyFuture"},
     0,
     false},
    {"an object of type Odd", {.kind = SNAPSHOT_WAIT_UNKNOWN, .type = "a.Odd"}, 0, false},
};

/* What a case says, and blank for what it leaves at 0. */
static struct snapshot_wait *add_case(struct snapshot *snapshot,
                                      const struct text_case *text_case) {
    const struct snapshot_wait *blank = &snapshot_wait_blank, *from = &text_case->wait;
    struct snapshot_task *task = case_task(snapshot, "task");
    struct snapshot_wait *wait = case_wait(snapshot, task, from->kind);
    wait->type = from->type;
    wait->callee = from->callee;
    wait->any_task = from->any_task;
    wait->deadline_s = from->deadline_s != 0 ? from->deadline_s : blank->deadline_s;
    wait->fd = from->fd ? from->fd : blank->fd;
    wait->tid = from->tid ? from->tid : blank->tid;
    wait->pid = from->pid ? from->pid : blank->pid;
    wait->done = from->done ? from->done : blank->done;
    wait->total = from->total ? from->total : blank->total;
    wait->position = from->position ? from->position : blank->position;
    return wait;
}

static void test_texts(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(64);
    struct snapshot_object *queue = case_object(snapshot, SNAPSHOT_OBJECT_QUEUE, "Queue#1");
    struct snapshot_object *group =
        case_object(snapshot, SNAPSHOT_OBJECT_TASK_GROUP, "TaskGroup#1");
    struct snapshot_object *barrier = case_object(snapshot, SNAPSHOT_OBJECT_BARRIER, "Barrier#1");
    struct snapshot_task *child = case_task(snapshot, "child");
    queue->name = "jobs";
    case_fact(snapshot, queue, "size", 0);
    case_fact(snapshot, queue, "max_size", 10);
    case_fact(snapshot, queue, "unfinished", 3);
    case_fact(snapshot, group, "children", 2);
    case_fact(snapshot, barrier, "parties", 3);
    case_fact(snapshot, barrier, "count", 2);
    struct snapshot_object *objects[] = {NULL, queue, group, barrier};
    for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++) {
        struct snapshot_wait *wait = add_case(snapshot, &text_cases[i]);
        if (text_cases[i].object)
            wait->object = objects[text_cases[i].object]->id;
        if (text_cases[i].child)
            case_await(snapshot, wait, child);
    }
    for (int round = 0; round < 2; round++) {
        analyze(snapshot, NULL);
        for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++)
            assert_string_equal(snapshot->tasks.items[i + 1].awaiting->text, text_cases[i].text);
    }
    snapshot_destroy(snapshot);
}

static void test_long_names(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *child = case_task(snapshot, "x"), *task = case_task(snapshot, "y");
    case_await(snapshot, case_wait(snapshot, task, SNAPSHOT_WAIT_TASK), child);
    /* 30 times two bytes: it is cut between characters */
    child->name = "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                  "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                  "\u00e9\u00e9\u00e9\u00e9";
    analyze(snapshot, NULL);
    assert_int_equal(strlen(task->awaiting->text), strlen("task ") + 44 + strlen("..."));
    child->name = NULL;
    analyze(snapshot, NULL);
    assert_string_equal(task->awaiting->text, "task 0x1010");
    snapshot_destroy(snapshot);
}

/* Many tasks in one place, each with a number or an object of its own, are one group. */
static void test_groups(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(300);
    struct snapshot_stack stack = {0};
    for (int i = 0; i < 100; i++) {
        struct snapshot_task *task = case_task(snapshot, "job");
        stack = i ? stack : task->frames;
        task->frames = stack;
        if (i < 50)
            case_wait(snapshot, task, SNAPSHOT_WAIT_SLEEP)->deadline_s = 3 + i;
        else
            case_wait_object(snapshot, task, SNAPSHOT_WAIT_EVENT,
                             case_object(snapshot, SNAPSHOT_OBJECT_EVENT, "Event#1"));
    }
    struct snapshot_object *locks[] = {case_object(snapshot, SNAPSHOT_OBJECT_LOCK, "Lock#1"),
                                       case_object(snapshot, SNAPSHOT_OBJECT_LOCK, "Lock#2")};
    for (int i = 0; i < 40; i++) {
        struct snapshot_task *task = case_task(snapshot, "job");
        task->frames = stack;
        case_wait_object(snapshot, task, SNAPSHOT_WAIT_LOCK, locks[i % 4 == 0]);
    }
    analyze(snapshot, NULL);
    assert_int_equal(snapshot->groups.count, 4);
    assert_string_equal(snapshot->groups.items[0].awaiting, "sleep, due in 3.0 s .. 52.0 s");
    assert_string_equal(snapshot->groups.items[1].awaiting, "Event#1");
    assert_string_equal(snapshot->groups.items[2].awaiting, "Lock#1");
    assert_int_equal(snapshot->groups.items[2].task_count, 30);
    assert_string_equal(snapshot->groups.items[3].awaiting, "Lock#2");
    snapshot_destroy(snapshot);
}

static void test_edges(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(8);
    struct snapshot_task *child = case_task(snapshot, "child");
    struct snapshot_task *known = case_task(snapshot, "known"),
                         *other = case_task(snapshot, "other");
    case_await(snapshot, case_wait(snapshot, other, SNAPSHOT_WAIT_TASK), child);
    case_await(snapshot, other->awaiting, child); /* twice */
    child->awaited_by = (snapshot_id[]){known->id, 0x5555, known->id};
    child->awaited_by_count = 3;
    for (int round = 0; round < 2; round++) {
        edges_find(snapshot);
        assert_int_equal(child->awaited_by_count, 2);
        assert_int_equal(child->awaited_by[0], known->id);
        assert_int_equal(child->awaited_by[1], other->id);
    }
    assert_int_equal(snapshot->missing.count, 0);
    edges_find_some(snapshot, 4); /* all there are */
    assert_int_equal(snapshot->missing.count, 0);
    edges_find_some(snapshot, 1);
    assert_int_equal(child->awaited_by_count, 1);
    assert_int_equal(snapshot->missing.count, 1);
    snapshot_destroy(snapshot);
}

static void test_idle(void **state) {
    (void)state;
    struct snapshot *snapshot = case_create(32);
    struct snapshot_object *queue = case_object(snapshot, SNAPSHOT_OBJECT_QUEUE, "Queue#1");
    struct snapshot_object *lock = case_object(snapshot, SNAPSHOT_OBJECT_LOCK, "Lock#1");
    case_fact(snapshot, queue, "size", 0);
    struct snapshot_task *server = case_task(snapshot, "main");
    struct snapshot_task *worker = case_task(snapshot, "worker"),
                         *pulse = case_task(snapshot, "pulse");
    struct snapshot_task *services = case_task(snapshot, "services");
    struct snapshot_task *pooled = case_task(snapshot, "pooled"),
                         *query = case_task(snapshot, "query");
    struct snapshot_task *holder = case_task(snapshot, "holder"),
                         *late = case_task(snapshot, "late");
    struct snapshot_task *ready = case_task(snapshot, "ready");
    case_call(snapshot, &server->frames, "serve_forever " ASYNCIO "base_events.py:370");
    case_wait(snapshot, server, SNAPSHOT_WAIT_FUTURE);
    case_call(snapshot, &worker->frames, "get " ASYNCIO "queues.py:158");
    case_wait_object(snapshot, worker, SNAPSHOT_WAIT_QUEUE_GET, queue);
    case_call(snapshot, &pulse->frames, "sleep " ASYNCIO "tasks.py:639");
    case_wait(snapshot, pulse, SNAPSHOT_WAIT_SLEEP)->deadline_s = 5;
    case_await(snapshot, case_wait(snapshot, services, SNAPSHOT_WAIT_GATHER), worker);
    case_await(snapshot, services->awaiting, pulse);
    case_call(snapshot, &pooled->frames, "acquire /app/pool.py:3");
    case_wait_object(snapshot, pooled, SNAPSHOT_WAIT_QUEUE_GET, queue);
    case_await(snapshot, case_wait(snapshot, query, SNAPSHOT_WAIT_TASK), pooled);
    case_wait(snapshot, holder, SNAPSHOT_WAIT_SLEEP)->deadline_s = 5;
    case_hold(snapshot, lock, holder, SNAPSHOT_UNKNOWN);
    case_wait_object(snapshot, late, SNAPSHOT_WAIT_LOCK, lock);
    ready->state = SNAPSHOT_TASK_READY;
    analyze(snapshot, NULL);
    case_expect_ok(snapshot);
    assert_int_equal(server->idle, SNAPSHOT_YES);
    assert_int_equal(worker->idle, SNAPSHOT_YES);
    assert_int_equal(pulse->idle, SNAPSHOT_YES);
    assert_int_equal(services->idle, SNAPSHOT_YES);
    assert_int_equal(pooled->idle, SNAPSHOT_NO);
    assert_int_equal(query->idle, SNAPSHOT_NO);
    assert_int_equal(holder->idle, SNAPSHOT_NO);
    assert_int_equal(late->idle, SNAPSHOT_NO);
    assert_int_equal(ready->idle, SNAPSHOT_NO);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),  cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_groups), cmocka_unit_test(test_edges),
        cmocka_unit_test(test_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
