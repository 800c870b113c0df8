/* The rows of every tab: what they say, in which order, and that keys outlive a picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <string.h>

#include "../../src/render/top_cells.h"
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

/* Rows that are only sorted have the same numbers. */
static void check_orders(enum top_tab tab) {
    struct top_table table = open_table(tab), brief = table;
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

/* Whether rows are in the order of their numbers, and those without one at the end, does not depend
 * on what else is asked for. */
static void test_groups_without_a_number(void **state) {
    (void)state;
    struct live_group groups[7];
    memcpy(groups, live->groups, 5 * sizeof *groups);
    groups[5] = (struct live_group){LIVE_GROUP_ENDED, 80,  SIZE_MAX, "handler", 0, NAN,
                                    {NAN, false},     NAN, 0.3};
    groups[6] = (struct live_group){LIVE_GROUP_CALLBACKS, 90,  SIZE_MAX, NULL, 0, NAN,
                                    {NAN, false},         NAN, 0.4};
    live->groups = groups;
    live->group_count = 7;
    check_orders(TOP_TAB_GROUPS);
    static const char *const filters[] = {"", "e"};
    struct top_source source = {.table = open_table(TOP_TAB_GROUPS),
                                .get_row = top_table_get_row,
                                .get_key = top_table_get_key};
    for (size_t i = 0; i < COUNT(filters); i++)
        for (int is_reversed = 0; is_reversed < 2; is_reversed++) {
            const struct top_order order = {
                .sort = 1, .is_reversed = is_reversed, .filter = filters[i]};
            struct top_list list = top_list_make(&source, &order, arena);
            assert_int_equal(list.count, 7);
            assert_int_equal(source.get_key(&source.table, list.items[5]), 80);
            assert_int_equal(source.get_key(&source.table, list.items[6]), 90);
        }
}

/* Tasks that are done stand below those that are not. */
static void test_groups_that_are_done(void **state) {
    (void)state;
    static const char *const expected[] = {
        "1|-|run|-|-|-|-|busy crunch main.py:20 < handler",
        "1|-|wait|socket 10.0.3.7:5432 (read)|-|-|-|read main.py:20 < handler",
        "1|-|new|its first turn|-|-|-|start main.py:20 < handler",
        "1|-|idle|Queue#1 empty|-|-|-|work main.py:20 < handler",
        "3|-|done|-|-|-|-|fetch main.py:20 < handler",
        "-|-|-|-|-|-|-|callbacks of the loop, not of tasks",
    };
    struct live_group groups[6];
    memcpy(groups, live->groups, 5 * sizeof *groups);
    groups[5] = (struct live_group){LIVE_GROUP_CALLBACKS, 90,  SIZE_MAX, NULL, 0, NAN,
                                    {NAN, false},         NAN, NAN};
    live->groups = groups;
    live->group_count = 6;
    for (size_t i = 0; i < 3; i++) {
        snapshot->tasks.items[i].state = i ? SNAPSHOT_TASK_DONE : SNAPSHOT_TASK_CANCELLED;
        snapshot->tasks.items[i].awaiting = NULL;
    }
    check_rows(TOP_TAB_GROUPS, COUNT(expected), expected);
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

/* Nothing says that two threads without a tid are one. */
static void test_threads_without_tid(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        snapshot->threads.items[i].tid = SNAPSHOT_UNKNOWN;
        snapshot->threads.items[i].ident = 0x7f0012345678;
    }
    struct top_table table = open_table(TOP_TAB_THREADS);
    assert_true(top_table_get_key(&table, 0) != top_table_get_key(&table, 1));
}

static const char *get_age(double seconds, bool is_bound) {
    struct top_words *words = top_words_create(arena, &input, 100);
    return top_age(words, (struct live_age){seconds, is_bound});
}

/* What moved since the picture before did so within that time; 0 is never told. Bounds are true as
 * they stand there: those behind ">=" are rounded down, those behind "<" up. */
static void test_ages(void **state) {
    (void)state;
    snapshot->capture.second_look_s = 1.04;
    assert_string_equal(get_age(0, false), "<1.1 s");
    assert_string_equal(get_age(0, true), "-");
    assert_string_equal(get_age(0.049, false), "<0.1 s");
    assert_string_equal(get_age(0.049, true), "-");
    assert_string_equal(get_age(0.06, true), "-");
    assert_string_equal(get_age(0.205, true), ">=0.2 s");
    assert_string_equal(get_age(0.98, true), ">=0.9 s");
    assert_string_equal(get_age(0.96, false), "1.0 s");
    assert_string_equal(get_age(47.96, true), ">=47.9 s");
    assert_string_equal(get_age(48, true), ">=48.0 s");
    assert_string_equal(get_age(119.6, true), ">=1m59s");
    assert_string_equal(get_age(1e13, true), "-");
    assert_string_equal(get_age(400, false), "6m40s");
    assert_string_equal(get_age(NAN, false), "-");
    assert_string_equal(get_age(-1, false), "-");
    snapshot->capture.second_look_s = NAN;
    live->interval_s = 2.0000001;
    assert_string_equal(get_age(0, false), "<2.0 s");
    live->interval_s = NAN;
    assert_string_equal(get_age(0, false), "-");
}

static void test_rates(void **state) {
    (void)state;
    static const struct {
        double rate;
        const char *expected;
    } cases[] = {{0, "0"},        {0.04, "0"},  {-0.04, "0"},   {0.3, "+0.3"},
                 {-0.94, "-0.9"}, {0.96, "+1"}, {-9.7, "-10"},  {3, "+3"},
                 {2473, "+2473"}, {NAN, "-"},   {INFINITY, "-"}};
    struct top_words *words = top_words_create(arena, &input, 100);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(top_rate(words, cases[i].rate), cases[i].expected);
}

/* --- what tasks wait for --- */

static struct snapshot_object *find_object(snapshot_id id) {
    struct snapshot_object *objects = snapshot->objects.items;
    return objects[0].id == id ? &objects[0] : &objects[1];
}

static void set_facts(struct snapshot_object *object, size_t count, struct snapshot_fact *facts) {
    object->facts = facts;
    object->fact_count = count;
}

static void check_wait(size_t task, const char *text, const char *head, const char *rest) {
    struct top_words *words = top_words_create(arena, &input, 100);
    struct top_cell cell = top_cell_wait(words, &snapshot->tasks.items[task], text);
    assert_string_equal(cell.text, head);
    assert_string_equal(cell.rest ? cell.rest : "", rest);
}

#define WAITER 0
#define READER 3
#define WORKER 4

static void test_waits_for_objects(void **state) {
    (void)state;
    struct snapshot_fact facts[] = {{"value", 0, false}, {"bound", 2, false}};
    set_facts(find_object(SEM), 2, facts);
    check_wait(WAITER, "Semaphore#1 'pool.sem', 0 of 2 free", "Semaphore#1 0/2 free",
               " 'pool.sem'");
    check_wait(WAITER, "Semaphore#1 'pool.sem', 0 of 2 free, timeout in 3.0 s .. 5.0 s",
               "Semaphore#1 0/2 free", " 'pool.sem', timeout in 3.0 s .. 5.0 s");
    check_wait(WAITER, "Semaphore#1 'pool.sem', 1.0 s overdue .. 2.0 s left",
               "Semaphore#1 0/2 free", " 'pool.sem', 1.0 s overdue .. 2.0 s left");
    /* Tasks of a group that wait for different ones. */
    check_wait(WAITER, "a semaphore, timeout in 3.0 s", "a semaphore, timeout in 3.0 s", "");
    check_wait(WAITER, "Semaphore#12", "Semaphore#12", "");
    find_object(SEM)->label = NULL;
    check_wait(WAITER, "Semaphore#1", "Semaphore#1", "");
    find_object(SEM)->kind = SNAPSHOT_OBJECT_LOCK;
    find_object(SEM)->label = "Lock#1";
    struct snapshot_fact locked[] = {{"locked", 1, true}};
    set_facts(find_object(SEM), 1, locked);
    check_wait(WAITER, "Lock#1 'pool.sem'", "Lock#1 locked", " 'pool.sem'");
    set_facts(find_object(SEM), 0, NULL);
    check_wait(WAITER, "Lock#1 'pool.sem'", "Lock#1", " 'pool.sem'");
}

static void test_waits_for_queues(void **state) {
    (void)state;
    struct snapshot_fact facts[] = {
        {"size", 3, false}, {"max_size", 10, false}, {"unfinished", 4, false}};
    struct snapshot_object *queue = find_object(QUEUE);
    set_facts(queue, 3, facts);
    check_wait(WORKER, "Queue#1 get (3 of 10)", "Queue#1 3/10 items", "");
    facts[0].value = 10;
    check_wait(WORKER, "Queue#1 full (10 of 10)", "Queue#1 10/10 full", "");
    facts[0].value = 0;
    check_wait(WORKER, "Queue#1 empty", "Queue#1 empty", "");
    queue->name = "jobs";
    check_wait(WORKER, "join of Queue#1 'jobs', 4 unfinished", "join of Queue#1 4 unfinished",
               " 'jobs'");
    set_facts(queue, 1, (struct snapshot_fact[]){{"size", 5, false}});
    check_wait(WORKER, "Queue#1 'jobs' (get)", "Queue#1 5 items", " 'jobs'");
    check_wait(WORKER, "join of Queue#1 'jobs'", "join of Queue#1", " 'jobs'");
}

static void test_other_waits(void **state) {
    (void)state;
    check_wait(READER, "socket 10.0.3.7:5432 (read), timeout in 3.0 s", "socket 10.0.3.7:5432",
               " (read), timeout in 3.0 s");
    check_wait(READER, "fd 9 (read)", "fd 9 (read)", "");
    snapshot->tasks.items[READER].awaiting->kind = SNAPSHOT_WAIT_SLEEP;
    check_wait(READER, "sleep, due in 3.8 ms .. 34 ms", "sleep, due in 3.8 ms", " .. 34 ms");
    check_wait(READER, "sleep, due in 3.8 ms", "sleep, due in 3.8 ms", "");
    snapshot->tasks.items[WAITER].state = SNAPSHOT_TASK_READY;
    check_wait(WAITER, "its turn", "its turn", "");
    check_wait(WAITER, NULL, "-", "");
}

/* --- where they are --- */

static void check_place(const char *file, int32_t line, const char *expected) {
    const struct snapshot_frame *frames[] = {rendering_make_frame(snapshot, "work", file, line)};
    struct snapshot_stack stack = rendering_make_stack(snapshot, 1, frames);
    struct top_cell cell = top_cell_where(top_words_create(arena, &input, 100), &stack, "");
    assert_string_equal(top_cell_join(arena, &cell), expected);
}

static void test_places(void **state) {
    (void)state;
    check_place("/srv/app/jobs.py", 71, "work jobs.py:71");
    check_place("jobs.py", 71, "work jobs.py:71");
    check_place("/srv/app/__init__.py", 5, "work app/__init__.py:5");
    check_place("/usr/lib/python3.11/asyncio/__main__.py", 5, "work asyncio/__main__.py:5");
    check_place("/srv/app/jobs.py", -1, "work jobs.py");
    check_place(NULL, 5, "work");
    struct top_words *words = top_words_create(arena, &input, 100);
    const struct snapshot_stack empty = {0};
    assert_string_equal(top_cell_where(words, &empty, "handler").text, "handler");
    assert_string_equal(top_cell_where(words, &empty, NULL).text, "-");
}

static void test_orders(void **state) {
    (void)state;
    for (int tab = 0; tab < TOP_TAB_COUNT; tab++)
        check_orders((enum top_tab)tab);
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
        cmocka_unit_test_setup_teardown(test_groups_without_a_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_groups_that_are_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sockets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads_without_tid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waits_for_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waits_for_queues, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_orders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_picture, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
