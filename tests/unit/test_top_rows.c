/* The rows of every tab: what they say, in which order, and that keys outlive a picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <string.h>

#include "../../src/render/top_table.h"
#include "../support/made_live.h"
#include "../support/rendering.h"
#include "asyncspy/analysis/analyze.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define EVIL "\033[31m\u202e\nevil\u4e2d\u6587"
#define SEM 0x1000
#define QUEUE 0x2000

static struct snapshot *snapshot;
static struct arena *arena;
static struct live *live;
static struct top_input input;

/* Puts a task where `name` of app/main.py calls asyncio. */
static struct snapshot_task *add_task(const char *task_name, enum snapshot_task_state state,
                                      const char *name) {
    struct snapshot_task *task = rendering_add_task(snapshot, task_name);
    const struct snapshot_task *before = task - (snapshot->tasks.count > 1);
    const struct snapshot_frame *frames[] = {
        rendering_make_frame(snapshot, "acquire", "/usr/lib/python3.11/asyncio/locks.py", 10),
        rendering_make_frame(snapshot, name, "/srv/app/main.py", 20),
        rendering_make_frame(snapshot, "handler", "/srv/app/main.py", 30),
    };
    bool is_same = before != task && before->frames.frames[1]->function == name;
    task->frames = is_same ? before->frames : rendering_make_stack(snapshot, COUNT(frames), frames);
    task->state = state;
    return task;
}

static void add_waiters(void) {
    for (int i = 0; i < 3; i++) {
        const char *name = arena_format(snapshot->arena, "req-%d", i);
        struct snapshot_task *task = add_task(name, SNAPSHOT_TASK_WAITING, "fetch");
        rendering_add_wait(snapshot, task, SNAPSHOT_WAIT_SEMAPHORE, NULL)->object = SEM;
    }
    struct snapshot_task *reader = add_task("reader", SNAPSHOT_TASK_WAITING, "read");
    rendering_add_wait(snapshot, reader, SNAPSHOT_WAIT_STREAM_READ, NULL)->fd = 9;
    struct snapshot_task *idle = add_task("worker", SNAPSHOT_TASK_WAITING, "work");
    rendering_add_wait(snapshot, idle, SNAPSHOT_WAIT_QUEUE_GET, NULL)->object = QUEUE;
}

static void add_objects(void) {
    static snapshot_id waiters[] = {0x10, 0x20, 0x30};
    static struct snapshot_holder holders[] = {{0x40, SNAPSHOT_UNKNOWN, 0, SNAPSHOT_CERTAIN}};
    static struct snapshot_fact free_facts[] = {{"value", 0, false}};
    static struct snapshot_fact queue_facts[] = {{"size", 0, false}};
    *SNAPSHOT_APPEND(snapshot, &snapshot->objects) =
        (struct snapshot_object){.id = QUEUE,
                                 .kind = SNAPSHOT_OBJECT_QUEUE,
                                 .label = "Queue#1",
                                 .facts = queue_facts,
                                 .fact_count = 1};
    *SNAPSHOT_APPEND(snapshot, &snapshot->objects) =
        (struct snapshot_object){.id = SEM,
                                 .kind = SNAPSHOT_OBJECT_SEMAPHORE,
                                 .label = "Semaphore#1",
                                 .name = "pool.sem",
                                 .facts = free_facts,
                                 .fact_count = 1,
                                 .waiters = waiters,
                                 .waiter_count = 3,
                                 .holders = holders,
                                 .holder_count = 1};
}

static struct snapshot_socket *add_socket(int64_t fd, const char *state) {
    struct snapshot_socket *socket = SNAPSHOT_APPEND(snapshot, &snapshot->sockets);
    *socket = snapshot_socket_blank;
    socket->fd = fd;
    socket->state = state;
    return socket;
}

static void add_sockets(void) {
    struct snapshot_socket *socket = add_socket(6, "LISTEN");
    socket->local = "0.0.0.0:8000";
    socket->receive_queue = 3;
    socket->backlog_max = 128;
    socket = add_socket(9, "ESTABLISHED");
    socket->local = "10.0.0.5:51324";
    socket->peer = "10.0.3.7:5432";
    socket->receive_queue = 0;
    socket->send_queue = 512;
    socket->last_received_s = 4.5;
    socket->last_sent_s = 4.1;
    socket->registered = SNAPSHOT_REGISTERED_READ;
}

static void add_thread(int64_t tid, const char *name, snapshot_id loop, snapshot_id task) {
    struct snapshot_thread *thread = SNAPSHOT_APPEND(snapshot, &snapshot->threads);
    *thread = snapshot_thread_blank;
    thread->tid = tid;
    thread->name = name;
    thread->event_loop = loop;
    thread->current_task = task;
    thread->os_state = "S";
    thread->syscall = "futex";
}

static int set_up(void **state) {
    (void)state;
    snapshot = snapshot_create();
    arena = arena_create();
    add_waiters();
    add_task("busy", SNAPSHOT_TASK_RUNNING, "crunch");
    add_task("next", SNAPSHOT_TASK_NOT_STARTED, "start");
    add_objects();
    add_sockets();
    add_thread(4243, "helper", 0, 0);
    add_thread(4242, "MainThread", 0x77, 0x60);
    analyze(snapshot, NULL);
    snapshot->tasks.items[4].idle = SNAPSHOT_YES;
    live = made_live_create(snapshot);
    input = (struct top_input){.live = live};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    snapshot_destroy(snapshot);
    return 0;
}

/* A row as its cells with bars between them. */
static const char *get_row(const struct top_table *table, size_t row) {
    struct top_cell cells[TOP_COLUMNS_MAX];
    const char *text = "";
    top_table_get_row(table, row, cells);
    for (size_t i = 0; i < table->column_count; i++)
        text = arena_format(arena, "%s%s%s", text, i ? "|" : "", top_cell_join(arena, &cells[i]));
    return text;
}

static struct top_table open_table(enum top_tab tab) {
    struct top_table table = top_table_make(top_words_create(arena, &input, 100), tab);
    const char *titles = "";
    for (size_t i = 0; i < table.column_count; i++)
        titles = arena_format(arena, "%s%s%s", titles, i ? "|" : "", table.columns[i].title);
    assert_true(table.column_count <= TOP_COLUMNS_MAX);
    return table;
}

static void check_rows(enum top_tab tab, size_t count, const char *const *expected) {
    struct top_table table = open_table(tab);
    for (size_t i = 0; i < count && i < table.row_count; i++)
        assert_string_equal(get_row(&table, i), expected[i]);
    assert_int_equal(table.row_count, count);
}

static void test_groups(void **state) {
    (void)state;
    static const char *const expected[] = {
        "1|-|run|-|-|-|-|busy crunch main.py:20 < handler",
        ("3|+21|wait|Semaphore#1 0 free 'pool.sem'|>=48.0 s|33%|12.0|fetch main.py:20 "
         "< handler"),
        "1|-|wait|socket 10.0.3.7:5432 (read)|-|-|-|read main.py:20 < handler",
        "1|-|new|its first turn|-|-|-|start main.py:20 < handler",
        "1|-0.5|idle|Queue#1 empty|4.1 s|-|-|work main.py:20 < handler",
        "-|-|ended|-|-|-|30.0|handler",
        "-|-|-|-|-|-|-|callbacks of the loop, not of tasks",
    };
    struct live_group groups[7];
    memcpy(groups, live->groups, live->group_count * sizeof *groups);
    assert_int_equal(live->group_count, 5);
    for (size_t i = 0; i < 5; i++) {
        if (groups[i].count == 3)
            groups[i] = (struct live_group){LIVE_GROUP_TASKS, 70,      i,   NULL, 3, 21.2,
                                            {48, true},       1.0 / 3, 0.12};
        if (snapshot->tasks.items[snapshot->groups.items[i].tasks[0]].idle == SNAPSHOT_YES) {
            groups[i].change = -0.5;
            groups[i].oldest = (struct live_age){4.1, false};
        }
    }
    groups[5] = (struct live_group){LIVE_GROUP_ENDED, 80,  SIZE_MAX, "handler", 0, NAN,
                                    {NAN, false},     NAN, 0.3};
    groups[6] = (struct live_group){LIVE_GROUP_CALLBACKS, 90,  SIZE_MAX, NULL, 0, NAN,
                                    {NAN, false},         NAN, NAN};
    live->groups = groups;
    live->group_count = 7;
    check_rows(TOP_TAB_GROUPS, COUNT(expected), expected);
    struct top_table table = open_table(TOP_TAB_GROUPS);
    assert_int_equal(top_table_get_key(&table, 1), 70);
    assert_int_equal(top_table_get_key(&table, 6), 90);
}

static void test_tasks(void **state) {
    (void)state;
    static const char *const expected[] = {
        "busy|run|-|-|-|-|crunch main.py:20 < handler",
        "next|new|its first turn|-|-|-|start main.py:20 < handler",
        "req-0|wait|Semaphore#1 0 free 'pool.sem'|>=2.0 s|no|1.5|fetch main.py:20 < handler",
        "req-1|wait|Semaphore#1 0 free 'pool.sem'|-|-|-|fetch main.py:20 < handler",
        "req-2|wait|Semaphore#1 0 free 'pool.sem'|-|-|-|fetch main.py:20 < handler",
        "reader|wait|socket 10.0.3.7:5432 (read)|-|-|-|read main.py:20 < handler",
        "worker|idle|Queue#1 empty|-|-|-|work main.py:20 < handler",
    };
    struct live_task tasks[7];
    memcpy(tasks, live->task_rows, sizeof tasks);
    tasks[0] = (struct live_task){{2, true}, SNAPSHOT_NO, 0.015};
    live->task_rows = tasks;
    check_rows(TOP_TAB_TASKS, COUNT(expected), expected);
    struct top_table table = open_table(TOP_TAB_TASKS);
    uint64_t key = top_table_get_key(&table, 2);
    assert_true(key != top_table_get_key(&table, 3));
    snapshot->tasks.items[0].name = "another at the same address";
    assert_true(key != top_table_get_key(&table, 2));
}

static void test_objects(void **state) {
    (void)state;
    static const char *const expected[] = {
        "Semaphore#1 'pool.sem'|0 free|3|+21|>=48.0 s|reader",
        "Queue#1|0 items|0|-|-|-",
    };
    struct live_object objects[] = {{{NAN, false}, NAN}, {{48, true}, 21}};
    live->object_rows = objects;
    check_rows(TOP_TAB_OBJECTS, COUNT(expected), expected);
    struct top_table table = open_table(TOP_TAB_OBJECTS);
    assert_int_equal(top_table_get_key(&table, 0), SEM);
}

static void test_sockets(void **state) {
    (void)state;
    static const char *const expected[] = {
        "9|ESTABLISHED|10.0.0.5:51324|10.0.3.7:5432|0|512|4.1 s|1|read",
        "6|LISTEN|0.0.0.0:8000|-|3/128|-|-|0|-",
    };
    check_rows(TOP_TAB_SOCKETS, COUNT(expected), expected);
    struct top_table table = open_table(TOP_TAB_SOCKETS);
    assert_true(top_table_get_key(&table, 0) != top_table_get_key(&table, 1));
}

static void test_threads(void **state) {
    (void)state;
    static const char *const expected[] = {
        "4242|MainThread|50.0|25|-|asleep in futex|busy",
        "4243|helper|-|-|-|asleep in futex|-",
    };
    struct live_thread threads[] = {{NAN, NAN, NAN, NAN}, {0.5, 0.5, 0.25, NAN}};
    live->thread_rows = threads;
    check_rows(TOP_TAB_THREADS, COUNT(expected), expected);
    struct top_table table = open_table(TOP_TAB_THREADS);
    assert_int_equal(top_table_get_key(&table, 1), 4243);
}

/* Rows that are only sorted have the same numbers. */
static void test_orders(void **state) {
    (void)state;
    for (int tab = 0; tab < TOP_TAB_COUNT; tab++) {
        struct top_table table = open_table((enum top_tab)tab), brief = table;
        struct top_cell cells[TOP_COLUMNS_MAX], other[TOP_COLUMNS_MAX];
        brief.orders_only = true;
        for (size_t row = 0; row < table.row_count; row++) {
            top_table_get_row(&table, row, cells);
            top_table_get_row(&brief, row, other);
            for (size_t i = 0; i < table.column_count; i++)
                if (table.columns[i].is_number)
                    assert_memory_equal(&cells[i].order, &other[i].order, sizeof(double));
        }
    }
}

static void test_no_picture(void **state) {
    (void)state;
    live->snapshot = NULL;
    for (int tab = 0; tab < TOP_TAB_COUNT; tab++) {
        struct top_table table = open_table((enum top_tab)tab);
        assert_int_equal(table.row_count, 0);
        assert_string_equal(table.nothing, "no picture yet");
        assert_true(table.column_count > 0);
    }
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sockets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_orders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_picture, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
