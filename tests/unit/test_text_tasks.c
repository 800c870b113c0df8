/* Tasks and threads in the text: what they hold, whom they wait for, who started whom, and that
 * many of them take few lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../support/rendering.h"
#include "asyncspy/analysis/group.h"

#define MANY 20000

static struct snapshot *snapshot;

static int open_snapshot(void **state) {
    (void)state;
    snapshot = snapshot_create();
    return 0;
}

static int close_snapshot(void **state) {
    (void)state;
    snapshot_destroy(snapshot);
    return 0;
}

static struct snapshot_object *add_object(enum snapshot_object_kind kind, const char *label,
                                          const char *type) {
    struct snapshot_object *object = SNAPSHOT_APPEND(snapshot, &snapshot->objects);
    *object = (struct snapshot_object){
        .id = 0x1000 + 0x10 * snapshot->objects.count, .kind = kind, .label = label, .type = type};
    return object;
}

static void hold(struct snapshot_task *task, const struct snapshot_object *object, int64_t frame) {
    struct snapshot_hold *holds =
        arena_alloc_array(snapshot->arena, task->hold_count + 1, sizeof *holds);
    if (task->hold_count)
        memcpy(holds, task->holds, task->hold_count * sizeof *holds);
    holds[task->hold_count++] = (struct snapshot_hold){object->id, frame};
    task->holds = holds;
}

static struct snapshot_stack make_stack(size_t count) {
    const struct snapshot_frame *frames[] = {
        rendering_make_frame(snapshot, "Future.result", "/usr/lib/python3.12/concurrent/f.py", 7),
        rendering_make_frame(snapshot, "work", "/srv/app/main.py", 3),
        rendering_make_frame(snapshot, "main", "/srv/app/main.py", 9),
    };
    return rendering_make_stack(snapshot, count, frames);
}

static struct snapshot_thread *add_thread(int64_t tid, const char *name) {
    struct snapshot_thread *thread = SNAPSHOT_APPEND(snapshot, &snapshot->threads);
    *thread = snapshot_thread_blank;
    thread->tid = tid;
    thread->name = name;
    return thread;
}

static char *render(struct text_options options) {
    options.width = 100;
    group_tasks(snapshot);
    return rendering_text(snapshot, &options);
}

static void assert_text(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("no \"%s\" in\n%s", part, text);
}

static void assert_no_text(const char *text, const char *part) {
    if (strstr(text, part))
        fail_msg("\"%s\" in\n%s", part, text);
}

/* A line for what is a lock or is waited for, a word for other managers of the program, and nothing
 * for how libraries are built. */
static void test_holds(void **state) {
    (void)state;
    static snapshot_id waiters[] = {0x10};
    struct snapshot_object *objects[] = {
        add_object(SNAPSHOT_OBJECT_LOCK, "Lock#1", "asyncio.locks.Lock"),
        add_object(SNAPSHOT_OBJECT_OTHER, "Pool#1", "db.Pool"),
        add_object(SNAPSHOT_OBJECT_OTHER, "Atomic#1", "db.Atomic"),
        add_object(SNAPSHOT_OBJECT_OTHER, "AsyncExitStack#1", "contextlib.AsyncExitStack"),
        add_object(SNAPSHOT_OBJECT_TASK_GROUP, "TaskGroup#1", "asyncio.taskgroups.TaskGroup"),
        add_object(SNAPSHOT_OBJECT_CONDITION, "Condition#1", "threading.Condition"),
    };
    struct snapshot_task *task = rendering_add_task(snapshot, "holder");
    task->frames = make_stack(3);
    objects[1]->waiters = waiters;
    objects[1]->waiter_count = 1;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        hold(task, objects[i], i == 5 ? 0 : 1);
    char *text = render((struct text_options){0});
    assert_text(text, "\n          holds       Lock#1 in work\n");
    assert_text(text, "\n          holds       Pool#1 in work\n");
    assert_text(text, "\n          within      Atomic\n");
    assert_no_text(text, "AsyncExitStack");
    assert_no_text(text, "TaskGroup");
    assert_no_text(text, "Condition"); /* of a frame of the library, and nobody waits for it */
    free(text);
    text = render((struct text_options){.verbose = true});
    assert_text(text, "holds       AsyncExitStack#1 in work\n");
    assert_text(text, "holds       Condition#1 in Future.result\n");
    assert_text(text, "holds       Atomic#1 in work\n");
    free(text);
}

/* Locks that each of many tasks has for itself are one line. */
static void test_own_locks(void **state) {
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct snapshot_task *task = rendering_add_task(snapshot, "same");
        task->frames = make_stack(0);
        hold(
            task,
            add_object(SNAPSHOT_OBJECT_LOCK, arena_format(snapshot->arena, "Lock#%d", i), "x.Lock"),
            -1);
        hold(task,
             add_object(SNAPSHOT_OBJECT_OTHER, arena_format(snapshot->arena, "Use#%d", i), "x.Use"),
             -1);
    }
    char *text = render((struct text_options){0});
    assert_text(text, "\n          hold        Lock  x 40\n");
    assert_text(text, "\n          within      Use x 40\n");
    free(text);
}

static void await_task(struct snapshot_task *task, snapshot_id id) {
    rendering_wait_for(snapshot, task, 1, &id);
    task->awaiting->kind = SNAPSHOT_WAIT_TASK;
    task->awaiting->text = "task";
}

/* Tasks of a group need not wait for the same task. */
static void test_awaited(void **state) {
    (void)state;
    const struct snapshot_stack stacks[] = {make_stack(3), make_stack(2)};
    for (int i = 1; i <= 6; i++) {
        struct snapshot_task *task =
            rendering_add_task(snapshot, arena_format(snapshot->arena, "Task-%d", i));
        if (i <= 3)
            await_task(task, (snapshot_id)(0x10 * (i + 3)));
        task->frames = stacks[i > 3];
    }
    char *text = render((struct text_options){0});
    assert_text(text, "  waiting      tasks Task-4 .. Task-6  Task-1 .. Task-3\n");
    free(text);
    for (size_t i = 0; i < 3; i++)
        snapshot->tasks.items[i].awaiting->tasks[0] = 0x40;
    text = render((struct text_options){0});
    assert_text(text, "  waiting      task Task-4           Task-1 .. Task-3\n");
    free(text);
}

/* One by one they say what each of them waits for, and stand in the order of their names. */
static void test_every_task(void **state) {
    (void)state;
    static const char *const names[] = {"Task-10", "Task-9", NULL, "Task-2"};
    for (size_t i = 0; i < 4; i++)
        rendering_add_wait(snapshot, rendering_add_task(snapshot, names[i]), SNAPSHOT_WAIT_EVENT,
                           arena_format(snapshot->arena, "event of %zu", i));
    char *text = render((struct text_options){.all_tasks = true});
    const char *at = text;
    static const char *const expected[] = {"event of 3", "event of 1", "event of 0", "event of 2"};
    for (size_t i = 0; i < 4; i++) {
        at = strstr(at, expected[i]);
        assert_non_null(at);
    }
    free(text);
}

/* A task that was started eagerly runs within the step of the one that started it: its frames are
 * printed once. */
static void test_eager(void **state) {
    (void)state;
    struct snapshot_task *outer = rendering_add_task(snapshot, "outer");
    outer->state = SNAPSHOT_TASK_RUNNING;
    outer->frames = make_stack(3);
    struct snapshot_task *inner = rendering_add_task(snapshot, "inner");
    inner->state = SNAPSHOT_TASK_RUNNING;
    inner->frames = snapshot->tasks.items[0].frames;
    inner->frames.count = 2;
    inner->tid = 7;
    add_thread(7, "loop");
    char *text = render((struct text_options){0});
    assert_text(text, "\nRUNNING  inner  in tid 7 loop\n"
                      "    Future.result             concurrent/f.py:7\n"
                      "  > work                      app/main.py:3\n"
                      "\nRUNNING  outer  has started inner eagerly, which runs\n"
                      "  > main                      app/main.py:9\n");
    free(text);
}

static void test_many_running(void **state) {
    (void)state;
    for (int i = 0; i < MANY; i++) {
        struct snapshot_task *task = rendering_add_task(snapshot, "runs");
        task->state = SNAPSHOT_TASK_RUNNING;
        task->frames = make_stack(3);
    }
    char *text = render((struct text_options){0});
    assert_text(text, "\nRUNNING  ... 19,988 more (-v)\n");
    assert_true(rendering_count_lines(text) < 100);
    free(text);
    text = render((struct text_options){.verbose = true});
    assert_true(rendering_count_lines(text) > MANY * 4);
    free(text);
}

/* Threads that all do something else; and then all the same. */
static void test_many_threads(void **state) {
    (void)state;
    for (int i = 0; i < MANY; i++) {
        struct snapshot_thread *thread = add_thread(100 + i, "worker");
        thread->syscall = arena_format(snapshot->arena, "call_%d", i);
        thread->frames = make_stack(1);
    }
    char *text = render((struct text_options){0});
    assert_text(text, "\n  ... 19,980 more stacks, 19,980 threads (-v)\n");
    assert_true(rendering_count_lines(text) < 100);
    free(text);
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        snapshot->threads.items[i].syscall = "futex";
        snapshot->threads.items[i].frames = snapshot->threads.items[0].frames;
    }
    text = render((struct text_options){0});
    assert_text(text, "\n  20,000 threads worker x 20,000, in futex\n");
    free(text);
}

/* How Python starts a thread is no news; what it runs then is. */
static void test_bootstrap(void **state) {
    (void)state;
    static const char file[] = "/usr/lib/python3.12/threading.py";
    const struct snapshot_frame *frames[] = {
        rendering_make_frame(snapshot, "wait", file, 1),
        rendering_make_frame(snapshot, "_worker", "/usr/lib/python3.12/concurrent/thread.py", 2),
        rendering_make_frame(snapshot, "run", file, 3),
        rendering_make_frame(snapshot, "_bootstrap_inner", file, 4),
        rendering_make_frame(snapshot, "_bootstrap", file, 5),
    };
    add_thread(1, "a")->frames = rendering_make_stack(snapshot, 5, frames);
    add_thread(2, "b")->frames = rendering_make_stack(snapshot, 3, frames + 2);
    char *text = render((struct text_options){0});
    assert_text(text, "\n  tid 1 a\n"
                      "      wait                      threading.py:1\n"
                      "      _worker                   concurrent/thread.py:2\n"
                      "  tid 2 b\n"
                      "      run                       threading.py:3\n");
    free(text);
    text = render((struct text_options){.verbose = true});
    assert_text(text, "_bootstrap_inner");
    free(text);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_snapshot, close_snapshot)
    const struct CMUnitTest tests[] = {
        TEST(test_holds), TEST(test_own_locks),    TEST(test_awaited),      TEST(test_every_task),
        TEST(test_eager), TEST(test_many_running), TEST(test_many_threads), TEST(test_bootstrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
