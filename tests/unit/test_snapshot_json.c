/* The JSON form: round trip, what is hostile, and what no JSON must become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/snapshot/json.h"

static char *write_json(const struct snapshot *snapshot) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_null(snapshot_json_write(snapshot, out));
    fclose(out);
    return text;
}

static struct snapshot *read_json(const char *text) {
    struct snapshot *snapshot = snapshot_create();
    struct error *err = snapshot_json_read(snapshot, text, strlen(text));
    if (err)
        print_error("%s\n", error_get_message(err));
    assert_null(err);
    return snapshot;
}

static const struct snapshot_frame frame_sleep = {
    .function = "sleep",
    .qualified_name = "sleep",
    .file = "/usr/lib/python3.11/asyncio/tasks.py",
    .line = 639,
    .end_line = 639,
    .column = 15,
    .end_column = 27,
};
static const struct snapshot_frame frame_main = {
    .function = "main",
    .file = "/srv/app.py",
    .line = 7,
    .end_line = -1,
    .column = -1,
    .end_column = -1,
    .source = "await sleep()",
};
static const struct snapshot_frame frame_native = {
    .native = true,
    .function = "epoll_wait",
    .file = "libc.so.6",
    .line = -1,
    .end_line = -1,
    .column = -1,
    .end_column = -1,
    .address = UINT64_MAX,
};
static const struct snapshot_frame *stack_items[] = {&frame_sleep, &frame_main};
static const struct snapshot_frame *native_items[] = {&frame_native};

static void fill_task(struct snapshot *snapshot, snapshot_id id, const char *name) {
    static snapshot_id awaiters[] = {0x20};
    static const char *notes[] = {"torn", "very torn"};
    struct snapshot_task *task = SNAPSHOT_APPEND(snapshot, &snapshot->tasks);
    *task = (struct snapshot_task){
        .id = id,
        .name = name,
        .type = "_asyncio.Task",
        .event_loop = 0x99,
        .state = SNAPSHOT_TASK_WAITING,
        .coroutine = "main",
        .frames = {2, stack_items},
        .awaited_by = awaiters,
        .awaited_by_count = 1,
        .created_at = {1, stack_items + 1},
        .has_created_at = true,
        .cancel_requests = 3,
        .must_cancel = SNAPSHOT_YES,
        .notes = notes,
        .note_count = 2,
        .tid = SNAPSHOT_UNKNOWN,
    };
    task->awaiting = arena_alloc(snapshot->arena, sizeof *task->awaiting);
    *task->awaiting = (struct snapshot_wait){.kind = SNAPSHOT_WAIT_TASK,
                                             .id = 0x20,
                                             .text = "_asyncio.Task",
                                             .tasks = awaiters,
                                             .task_count = 1};
    task->exception = arena_alloc(snapshot->arena, sizeof *task->exception);
    task->exception->type = "ValueError";
}

static struct snapshot *make_snapshot(void) {
    static const char *arguments[] = {"python3", "app.py", "caf\u00e9"};
    static size_t members[] = {1, 0};
    struct snapshot *snapshot = snapshot_create();
    snapshot->asyncspy = "0.1.0";
    snapshot->captured_at = "2026-11-21T04:12:07.250Z";
    snapshot->target.kind = "process";
    snapshot->target.pid = 4242;
    snapshot->target.command_line = arguments;
    snapshot->target.command_line_count = 3;
    snapshot->target.debug_build = SNAPSHOT_NO;
    snapshot->capture.mode = "paused";
    snapshot->capture.pause_s = 0.0038;
    snapshot->capture.bytes_read = (int64_t)1 << 40;
    snapshot_add_missing(snapshot, "task 0x10", "address 0x0 cannot be read");
    *SNAPSHOT_APPEND(snapshot, &snapshot->interpreters) =
        (struct snapshot_interpreter){.gil_holder = SNAPSHOT_UNKNOWN};
    *SNAPSHOT_APPEND(snapshot, &snapshot->event_loops) =
        (struct snapshot_loop){.id = 0x99,
                               .type = "uvloop.Loop",
                               .tid = 4242,
                               .state = SNAPSHOT_LOOP_STATE_UNKNOWN,
                               .debug = SNAPSHOT_MAYBE};
    *SNAPSHOT_APPEND(snapshot, &snapshot->threads) =
        (struct snapshot_thread){.tid = 4242,
                                 .ident = 0x7fffdeadbeef,
                                 .name = "MainThread",
                                 .holds_gil = SNAPSHOT_YES,
                                 .os_state = "S",
                                 .cpu_s = 1.25,
                                 .event_loop = 0x99,
                                 .frames = {1, native_items}};
    fill_task(snapshot, 0x10, "first");
    fill_task(snapshot, 0x20, NULL);
    *SNAPSHOT_APPEND(snapshot, &snapshot->groups) =
        (struct snapshot_group){.state = SNAPSHOT_TASK_WAITING,
                                .awaiting = "a task",
                                .frames = {2, stack_items},
                                .tasks = members,
                                .task_count = 2};
    return snapshot;
}

static void test_round_trip(void **state) {
    (void)state;
    struct snapshot *snapshot = make_snapshot();
    char *text = write_json(snapshot);
    struct snapshot *copy = read_json(text);
    char *again = write_json(copy);
    assert_string_equal(text, again);
    assert_int_equal(copy->tasks.items[0].frames.frames[0]->column, 15);
    assert_ptr_equal(copy->tasks.items[0].frames.frames[1],
                     copy->tasks.items[1].created_at.frames[0]);
    assert_int_equal(copy->groups.items[0].tasks[0], 1);
    assert_true(copy->threads.items[0].frames.frames[0]->address == UINT64_MAX);
    free(text);
    free(again);
    snapshot_destroy(copy);
    snapshot_destroy(snapshot);
}

static void test_empty(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    char *text = write_json(snapshot);
    assert_non_null(strstr(text, "\"tasks\": []"));
    assert_non_null(strstr(text, "\"pid\":null"));
    struct snapshot *copy = read_json(text);
    assert_int_equal(copy->tasks.count, 0);
    snapshot_destroy(copy);
    free(text);
    snapshot_destroy(snapshot);
    snapshot_destroy(NULL);
}

static void test_strings(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    fill_task(snapshot, 0x10, "\x1b[31m \"\\ \xff \\u0000 \U0001f40d");
    char *text = write_json(snapshot);
    assert_non_null(strstr(text, "\"\\u001b[31m \\\"\\\\ \\\\udcff \\\\u0000 \U0001f40d\""));
    struct snapshot *copy = read_json(text);
    assert_string_equal(copy->tasks.items[0].name, "\x1b[31m \"\\ \\udcff \\u0000 \U0001f40d");
    snapshot_destroy(copy);
    free(text);
    snapshot_destroy(snapshot);
}

static void test_reset(void **state) {
    (void)state;
    struct snapshot *snapshot = make_snapshot();
    char *text = write_json(snapshot);
    snapshot_reset(snapshot);
    assert_int_equal(snapshot->tasks.count, 0);
    assert_true(snapshot->target.pid == SNAPSHOT_UNKNOWN);
    assert_null(snapshot_json_read(snapshot, text, strlen(text)));
    char *again = write_json(snapshot);
    assert_string_equal(text, again);
    free(text);
    free(again);
    snapshot_destroy(snapshot);
}

static void test_rows_once(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    snapshot_add_missing(snapshot, "a", "b");
    snapshot_add_missing(snapshot, "a", "b");
    snapshot_add_missing(snapshot, "a", "c");
    assert_int_equal(snapshot->missing.count, 2);
    for (int i = 0; i < 2000; i++)
        snapshot_add_missing(snapshot, arena_format(snapshot->arena, "task %d", i), "torn");
    assert_int_equal(snapshot->missing.count, 1001);
    assert_string_equal(snapshot->missing.items[1000].what, "more");
    fill_task(snapshot, 1, "x");
    snapshot_add_note(snapshot, &snapshot->tasks.items[0], "torn");
    assert_int_equal(snapshot->tasks.items[0].note_count, 2);
    snapshot_add_note(snapshot, &snapshot->tasks.items[0], "new");
    assert_int_equal(snapshot->tasks.items[0].note_count, 3);
    snapshot_destroy(snapshot);
}

#define HEAD "{\"schema\": \"asyncspy.snapshot/1\", "

static void test_hostile(void **state) {
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "no JSON"},
        {"[]", "one JSON object"},
        {"{} {}", "one JSON object"},
        {"{\"schema\": 1}", "schema: is no string"},
        {"{\"schema\": \"asyncspy.snapshot/2\"}", "schema: is not"},
        {"{}", "schema: is missing"},
        {HEAD "\"tasks\": {}}", "tasks: is no array"},
        {HEAD "\"tasks\": [1]}", "tasks[0].record: is no object"},
        {HEAD "\"tasks\": [{}]}", "tasks[0].id: is missing"},
        {HEAD "\"tasks\": [{\"id\": 16}]}", "tasks[0].id: is no id"},
        {HEAD "\"tasks\": [{\"id\": \"16\"}]}", "is no id"},
        {HEAD "\"tasks\": [{\"id\": \"0x\"}]}", "is no id"},
        {HEAD "\"tasks\": [{\"id\": \"0xAB\"}]}", "is no id"},
        {HEAD "\"tasks\": [{\"id\": \"0x11112222333344445\"}]}", "is no id"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"asleep\"}]}", "tasks[0].state"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"done\", \"name\": 5}]}",
         "tasks[0].name: is no string"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"done\", \"frames\": [5]}]}",
         "tasks[0].frames[0].frame: is no object"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"done\", \"frames\": [{\"kind\": "
              "\"python\", \"line\": 1e99}]}]}",
         "tasks[0].frames[0].line: is no integer"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"done\", \"frames\": [{\"kind\": "
              "\"python\", \"line\": -1}]}]}",
         "out of range"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"done\", \"frames\": [{}]}]}",
         "kind: is neither"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"done\", \"notes\": [null]}]}",
         "notes: is no string"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"done\", \"awaited_by\": [null]}]}",
         "awaited_by: is no id"},
        {HEAD "\"tasks\": [{\"id\": \"0x1\", \"state\": \"done\", \"awaiting\": {}}]}",
         "tasks[0].awaiting.kind: is missing"},
        {HEAD "\"groups\": [{\"state\": \"done\", \"tasks\": [\"0x5\"]}]}", "not in tasks"},
        {HEAD "\"target\": []}", "target: is no object"},
        {HEAD "\"target\": {\"pid\": 1.5}}", "target.pid: is no integer"},
        {HEAD "\"target\": {\"debug_build\": 1}}", "neither true nor false"},
        {HEAD "\"capture\": {\"pause_s\": \"1\"}}", "capture.pause_s: is no number"},
        {HEAD "\"threads\": [{\"ident\": -1}]}", "threads[0].ident"},
        {HEAD "\"event_loops\": [{\"state\": \"\"}]}", "event_loops[0].state"},
        {HEAD "\"missing\": [{\"what\": \"x\"}]}", "missing[0].why: is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct snapshot *snapshot = snapshot_create();
        struct error *err = snapshot_json_read(snapshot, rows[i].text, strlen(rows[i].text));
        assert_non_null(err);
        assert_int_equal(error_get_kind(err), ERROR_INVALID);
        if (!strstr(error_get_message(err), rows[i].message))
            fail_msg("%s: %s", rows[i].text, error_get_message(err));
        error_destroy(err);
        snapshot_destroy(snapshot);
    }
}

/* Every prefix of a good snapshot, and every one of its bytes replaced: no crash, no leak. */
static void test_damaged(void **state) {
    (void)state;
    struct snapshot *snapshot = make_snapshot();
    char *text = write_json(snapshot);
    size_t length = strlen(text) - 1;
    for (size_t i = 0; i < length; i++) {
        char kept = text[i];
        snapshot_reset(snapshot);
        struct error *err = snapshot_json_read(snapshot, text, i);
        assert_non_null(err);
        error_destroy(err);
        snapshot_reset(snapshot);
        text[i] = "\"{}[],:0\xff"[i % 9];
        error_destroy(snapshot_json_read(snapshot, text, length));
        text[i] = kept;
    }
    free(text);
    snapshot_destroy(snapshot);
}

static void test_nesting(void **state) {
    (void)state;
    size_t length = 1 << 20;
    char *text = malloc(length);
    memset(text, '[', length);
    struct snapshot *snapshot = snapshot_create();
    struct error *err = snapshot_json_read(snapshot, text, length);
    assert_non_null(err);
    error_destroy(err);
    snapshot_destroy(snapshot);
    free(text);
}

static void test_full_disk(void **state) {
    (void)state;
    struct snapshot *snapshot = make_snapshot();
    FILE *out = fopen("/dev/full", "w");
    struct error *err = snapshot_json_write(snapshot, out);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_OS);
    assert_non_null(strstr(error_get_message(err), "No space left"));
    error_destroy(err);
    fclose(out);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_strings),    cmocka_unit_test(test_reset),
        cmocka_unit_test(test_rows_once),  cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_damaged),    cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
