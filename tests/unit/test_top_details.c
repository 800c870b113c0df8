/* Details of rows and findings: everything is told, nothing is too wide, nothing too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <string.h>

#include "../support/full_snapshot.h"
#include "../support/made_live.h"
#include "../support/rendering.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/base/text.h"

#define EVIL "\033[31m\u202e\nevil\u4e2d\u6587"
#define SEM 0x1000
#define TASKS 200
#define DEEP 10000

static struct snapshot *snapshot;
static struct arena *arena;
static struct live *live;
static struct top_input input;

static struct snapshot_stack make_stack(void) {
    const struct snapshot_frame *frames[] = {
        rendering_make_frame(snapshot, "acquire", "/usr/lib/python3.11/asyncio/locks.py", 10),
        rendering_make_frame(snapshot, "Pool.take", "/srv/app/db.py", 20),
        rendering_make_frame(snapshot, "handler", "/srv/app/main.py", 30),
    };
    return rendering_make_stack(snapshot, 3, frames);
}

/* Tasks that wait for a semaphore; task 1 has it. */
static void fill(void) {
    static snapshot_id waiters[TASKS];
    static struct snapshot_holder holders[] = {{0x10, SNAPSHOT_UNKNOWN, 1, SNAPSHOT_CERTAIN}};
    static struct snapshot_fact facts[] = {{"value", 0, false}, {"bound", 1, false}};
    struct snapshot_stack stack = make_stack();
    for (size_t i = 0; i < TASKS; i++) {
        struct snapshot_task *task =
            rendering_add_task(snapshot, arena_format(snapshot->arena, "req-%zu", i));
        struct snapshot_wait *wait =
            rendering_add_wait(snapshot, task, SNAPSHOT_WAIT_SEMAPHORE, NULL);
        task->frames = stack;
        wait->object = i ? SEM : 0;
        wait->kind = i ? SNAPSHOT_WAIT_SEMAPHORE : SNAPSHOT_WAIT_STREAM_READ;
        wait->fd = i ? SNAPSHOT_UNKNOWN : 9;
        waiters[i] = task->id;
    }
    *SNAPSHOT_APPEND(snapshot, &snapshot->objects) =
        (struct snapshot_object){.id = SEM,
                                 .kind = SNAPSHOT_OBJECT_SEMAPHORE,
                                 .label = "Semaphore#1",
                                 .name = "pool.sem",
                                 .facts = facts,
                                 .fact_count = 2,
                                 .waiters = waiters + 1,
                                 .waiter_count = TASKS - 1,
                                 .holders = holders,
                                 .holder_count = 1};
    struct snapshot_socket *socket = SNAPSHOT_APPEND(snapshot, &snapshot->sockets);
    *socket = snapshot_socket_blank;
    socket->fd = 9;
    socket->peer = "10.0.3.7:5432";
    socket->last_received_s = socket->last_sent_s = 50;
    struct snapshot_thread *thread = SNAPSHOT_APPEND(snapshot, &snapshot->threads);
    *thread = snapshot_thread_blank;
    thread->tid = 4242;
    thread->name = "MainThread";
    thread->frames = stack;
}

static void open_live(void) {
    analyze(snapshot, NULL);
    live = made_live_create(snapshot);
    input = (struct top_input){.live = live};
}

static int set_up(void **state) {
    (void)state;
    snapshot = snapshot_create();
    arena = arena_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    snapshot_destroy(snapshot);
    return 0;
}

/* The lines as one text, each in its columns and safe. */
static const char *join(struct top_lines lines, int columns) {
    size_t size = 1;
    for (size_t i = 0; i < lines.count; i++)
        size += strlen(lines.items[i]) + 1;
    char *text = arena_alloc(arena, size), *end = text;
    for (size_t i = 0; i < lines.count; i++) {
        assert_in_range(text_width(lines.items[i]), 0, columns);
        end = stpcpy(stpcpy(end, lines.items[i]), "\n");
    }
    char *copy = arena_copy_string(arena, text, strlen(text));
    rendering_check_lines(copy, columns, input.ascii);
    return text;
}

static const char *get_details(enum top_tab tab, size_t row, int columns) {
    struct top_table table = top_table_make(top_words_create(arena, &input, columns), tab);
    return join(top_details(&table, row, columns), columns);
}

static void assert_all(const char *text, size_t count, const char *const *expected) {
    for (size_t i = 0; i < count; i++)
        if (!strstr(text, expected[i]))
            fail_msg("no \"%s\" in:\n%s", expected[i], text);
}

#define ASSERT_ALL(text, ...)                                                                      \
    do {                                                                                           \
        const char *const expected_[] = {__VA_ARGS__};                                             \
        assert_all((text), sizeof expected_ / sizeof *expected_, expected_);                       \
    } while (0)

static void test_group(void **state) {
    (void)state;
    fill();
    open_live();
    ASSERT_ALL(get_details(TOP_TAB_GROUPS, 0, 100),
               "199 tasks, waiting  oldest -, - moved, -/s, - CPU\n",
               "waits for   Semaphore#1 'pool.sem', 0 of 1 free\n",
               "tasks       req-1 .. req-199\n", "    acquire ", "locks.py:10\n", "  > Pool.take ",
               "/srv/app/db.py:20\n", "\nSemaphore#1 'pool.sem'\n", "holders     held by req-0\n",
               "waiters     199: req-1, req-2,", "+149 more\n",
               "HOLDER  req-0\nwaits for   socket 10.0.3.7:5432 (read)\n");
}

static void test_task(void **state) {
    (void)state;
    fill();
    snapshot->tasks.items[1].awaiting->has_timeout = SNAPSHOT_NO;
    snapshot->tasks.items[2].awaiting->deadline_s = 3;
    open_live();
    ASSERT_ALL(get_details(TOP_TAB_TASKS, 1, 100), "req-1  waiting, for -, - CPU\n",
               "timeout     none\n", "  > Pool.take", "\nSemaphore#1 'pool.sem'\n");
    ASSERT_ALL(get_details(TOP_TAB_TASKS, 2, 100), "timeout     in 3.0 s\n");
}

static void test_others(void **state) {
    (void)state;
    fill();
    open_live();
    ASSERT_ALL(get_details(TOP_TAB_OBJECTS, 0, 100), "Semaphore#1 'pool.sem'\n",
               "state       0 of 1 free\n", "HOLDER  req-0\n");
    ASSERT_ALL(get_details(TOP_TAB_SOCKETS, 0, 100), "fd 9", "peer        10.0.3.7:5432\n",
               "received    last 50.0 s ago\n", "waited for  req-0\n");
    ASSERT_ALL(get_details(TOP_TAB_THREADS, 0, 100), "tid 4242 MainThread\n", "  > Pool.take");
    assert_string_equal(get_details(TOP_TAB_THREADS, 1, 100), "");
}

static void test_rows_for_their_cpu(void **state) {
    (void)state;
    static const struct live_group groups[] = {
        {LIVE_GROUP_ENDED, 1, SIZE_MAX, "handler", 0, NAN, {NAN, false}, NAN, 0.3},
        {LIVE_GROUP_CALLBACKS, 2, SIZE_MAX, NULL, 0, NAN, {NAN, false}, NAN, 0.2},
    };
    open_live();
    live->groups = groups;
    live->group_count = 2;
    ASSERT_ALL(get_details(TOP_TAB_GROUPS, 0, 200), "Tasks of this coroutine that have ended");
    ASSERT_ALL(get_details(TOP_TAB_GROUPS, 1, 200), "outside of any task");
}

static void test_finding(void **state) {
    (void)state;
    fill();
    open_live();
    assert_true(snapshot->findings.count > 0);
    struct top_words *words = top_words_create(arena, &input, 100);
    ASSERT_ALL(join(top_finding_details(words, 0, 100), 100), "POOL EXHAUSTED - ", "proof", "next",
               "many tasks wait for a semaphore or pool that is used up\n",
               "\nSemaphore#1 'pool.sem'\n", "\nTASK  req-");
    assert_int_equal(top_finding_details(words, SIZE_MAX, 100).count, 0);
    input.live = NULL;
    words = top_words_create(arena, &input, 100);
    assert_int_equal(top_finding_details(words, 0, 100).count, 0);
}

/* The style of the line that begins with `start`. */
static enum screen_style get_style(struct top_lines lines, const char *start) {
    for (size_t i = 0; i < lines.count; i++)
        if (strncmp(lines.items[i], start, strlen(start)) == 0)
            return lines.styles[i];
    fail_msg("no line begins with \"%s\"", start);
    return SCREEN_PLAIN;
}

/* Headings and the user's own frames stand out; colour is not the only sign. */
static void test_styles(void **state) {
    (void)state;
    fill();
    open_live();
    struct top_words *words = top_words_create(arena, &input, 100);
    struct top_table table = top_table_make(words, TOP_TAB_GROUPS);
    struct top_lines lines = top_details(&table, 0, 100);
    assert_int_equal(get_style(lines, "199 tasks, waiting"), SCREEN_BOLD);
    assert_int_equal(get_style(lines, "waits for "), SCREEN_PLAIN);
    assert_int_equal(get_style(lines, "  > Pool.take"), SCREEN_BOLD);
    assert_int_equal(get_style(lines, "    acquire"), SCREEN_PLAIN);
    assert_int_equal(get_style(lines, "HOLDER "), SCREEN_BOLD);
    snapshot->findings.items[0].confidence = SNAPSHOT_CERTAIN;
    lines = top_finding_details(words, 0, 100);
    assert_int_equal(lines.styles[0], SCREEN_ALARM);
    assert_int_equal(get_style(lines, "TASK "), SCREEN_BOLD);
}

/* Whatever is known, at any width. */
static void check_everything(void) {
    for (int columns = 1; columns < 200; columns += columns < 100 ? 9 : 33) {
        struct top_words *words = top_words_create(arena, &input, columns);
        for (int tab = 0; tab < TOP_TAB_COUNT; tab++) {
            struct top_table table = top_table_make(words, (enum top_tab)tab);
            for (size_t row = 0; row < table.row_count && row < 3; row++)
                join(top_details(&table, row, columns), columns);
        }
        for (size_t i = 0; i < snapshot->findings.count; i++)
            join(top_finding_details(words, i, columns), columns);
    }
}

static void test_full(void **state) {
    (void)state;
    snapshot_destroy(snapshot);
    snapshot = full_snapshot_create();
    open_live();
    check_everything();
}

static void test_hostile(void **state) {
    (void)state;
    fill();
    struct snapshot_frame *frame = arena_alloc(snapshot->arena, sizeof *frame);
    *frame = *snapshot->tasks.items[0].frames.frames[1];
    frame->function = frame->qualified_name = frame->file = frame->source = EVIL;
    snapshot->tasks.items[0].frames.frames[1] = frame;
    for (size_t i = 0; i < 3; i++)
        snapshot->tasks.items[i].name = EVIL;
    snapshot->objects.items[0].name = snapshot->objects.items[0].type = EVIL;
    snapshot->sockets.items[0].peer = snapshot->sockets.items[0].protocol_type = EVIL;
    snapshot->threads.items[0].name = snapshot->threads.items[0].syscall = EVIL;
    open_live();
    check_everything();
    input.ascii = true;
    check_everything();
}

/* A stack of many frames is cut, and says so. */
static void test_deep(void **state) {
    (void)state;
    fill();
    const struct snapshot_frame **frames = arena_alloc_array(arena, DEEP, sizeof *frames);
    for (size_t i = 0; i < DEEP; i++)
        frames[i] = snapshot->threads.items[0].frames.frames[i % 3];
    snapshot->threads.items[0].frames = rendering_make_stack(snapshot, DEEP, frames);
    open_live();
    struct top_table table = top_table_make(top_words_create(arena, &input, 100), TOP_TAB_THREADS);
    struct top_lines lines = top_details(&table, 0, 100);
    assert_in_range(lines.count, 100, 5000);
    assert_non_null(strstr(lines.items[lines.count - 1], "more lines"));
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_task, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rows_for_their_cpu, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_finding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_styles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deep, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
