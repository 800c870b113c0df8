/* The list of processes: what counts as Python by name, the word for a state, the order, the table
 * and its JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/capture/look.h"
#include "asyncspy/base/text.h"
#include "asyncspy/render/processes.h"
#include "asyncspy/snapshot/processes.h"

static void test_python_names(void **state) {
    (void)state;
    static const char *const good[] = {
        "python",           "python3",       "/usr/bin/python3.11", "python3-dbg",
        "/a b/python3.13t", "python3.15d",   "/opt/pypy/bin/pypy3", "pypy",
        "ipython3",         "python: worker"};
    static const char *const bad[] = {
        "",       "bash",  "/usr/bin/python/tool", "pythonista", "mypython3", "python/",
        "Python", "pytho", "micropython",          "/srv/pypyx"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!look_is_python_name(good[i]))
            fail_msg("%s is not taken for Python", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (look_is_python_name(bad[i]))
            fail_msg("%s is taken for Python", bad[i]);
}

/* ---- states ---- */

static struct snapshot *snapshot;

static int set_up_snapshot(void **state) {
    (void)state;
    snapshot = snapshot_create();
    return 0;
}

static int tear_down_snapshot(void **state) {
    (void)state;
    snapshot_destroy(snapshot);
    return 0;
}

static void add_interpreter(void) {
    SNAPSHOT_APPEND(snapshot, &snapshot->interpreters)->id = 0;
}

static void add_thread(int64_t tid, const char *os_state) {
    *SNAPSHOT_APPEND(snapshot, &snapshot->threads) =
        (struct snapshot_thread){.tid = tid, .os_state = os_state};
}

static void add_loop(int64_t tid, enum snapshot_loop_state loop_state) {
    *SNAPSHOT_APPEND(snapshot, &snapshot->event_loops) =
        (struct snapshot_loop){.tid = tid, .state = loop_state};
}

static void assert_state(char os_state, const char *expected) {
    assert_string_equal(
        snapshot_process_state_name(snapshot_process_find_state(snapshot, os_state)), expected);
}

static void test_state_without_asyncio(void **state) {
    (void)state;
    assert_state('S', "no_interpreter");
    add_interpreter();
    assert_state('R', "no_asyncio");
    assert_state(0, "no_asyncio");
    snapshot_add_missing(snapshot, "tasks", "torn");
    assert_state('S', "unknown"); /* what was lost may be the loop */
}

static void test_state_of_one_loop(void **state) {
    (void)state;
    static const struct {
        enum snapshot_loop_state loop;
        const char *thread, *expected;
    } rows[] = {
        {SNAPSHOT_LOOP_IDLE, "S", "idle"},           {SNAPSHOT_LOOP_IDLE, NULL, "idle"},
        {SNAPSHOT_LOOP_RUNNING, "R", "busy"},        {SNAPSHOT_LOOP_RUNNING, NULL, "busy"},
        {SNAPSHOT_LOOP_RUNNING, "S", "in_call"},     {SNAPSHOT_LOOP_RUNNING, "D", "in_call"},
        {SNAPSHOT_LOOP_BLOCKED, "S", "in_call"},     {SNAPSHOT_LOOP_STOPPED, "S", "loop_stopped"},
        {SNAPSHOT_LOOP_CLOSED, "R", "loop_stopped"}, {SNAPSHOT_LOOP_STATE_UNKNOWN, "S", "unknown"},
    };
    add_interpreter();
    add_thread(7, NULL);
    add_loop(7, SNAPSHOT_LOOP_IDLE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snapshot->threads.items[0].os_state = rows[i].thread;
        snapshot->event_loops.items[0].state = rows[i].loop;
        assert_state('S', rows[i].expected);
    }
    /* A thread that is not known sleeps no more than it runs. */
    snapshot->event_loops.items[0].tid = SNAPSHOT_UNKNOWN;
    snapshot->threads.items[0] = (struct snapshot_thread){.tid = SNAPSHOT_UNKNOWN, .os_state = "S"};
    snapshot->event_loops.items[0].state = SNAPSHOT_LOOP_RUNNING;
    assert_state('S', "busy");
}

static void test_state_of_many_loops(void **state) {
    (void)state;
    static const struct {
        enum snapshot_loop_state loop;
        const char *expected;
    } rows[] = {{SNAPSHOT_LOOP_CLOSED, "loop_stopped"},
                {SNAPSHOT_LOOP_IDLE, "idle"},
                {SNAPSHOT_LOOP_STATE_UNKNOWN, "unknown"},
                {SNAPSHOT_LOOP_BLOCKED, "in_call"},
                {SNAPSHOT_LOOP_RUNNING, "busy"}};
    add_interpreter();
    add_thread(1, "S"); /* of the blocked loop; the running one's is not known */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        add_loop(rows[i].loop == SNAPSHOT_LOOP_RUNNING ? 2 : 1, rows[i].loop);
        assert_state('S', rows[i].expected);
    }
}

static void test_state_of_a_stopped_process(void **state) {
    (void)state;
    add_interpreter();
    add_thread(1, "S");
    add_loop(1, SNAPSHOT_LOOP_RUNNING);
    assert_state('T', "stopped");
    assert_state('t', "traced");
    snapshot->threads.items[0].os_state = "T";
    assert_state('Z', "stopped"); /* its main thread has ended */
    snapshot->threads.items[0].os_state = "t";
    assert_state('Z', "traced");
}

static void test_state_of_tasks_without_loop(void **state) {
    (void)state;
    add_interpreter();
    SNAPSHOT_APPEND(snapshot, &snapshot->tasks)->id = 1;
    assert_state('S', "unknown");
}

/* ---- the list ---- */

static struct snapshot_processes *processes;

static int set_up_list(void **state) {
    (void)state;
    setlocale(LC_CTYPE, "C.UTF-8");
    processes = snapshot_processes_create();
    processes->captured_at = "2026-11-21T04:12:07.250Z";
    return 0;
}

static int tear_down_list(void **state) {
    (void)state;
    snapshot_processes_destroy(processes);
    return 0;
}

static struct snapshot_process *add_process(int64_t pid, enum snapshot_process_state process_state,
                                            const char *script) {
    struct snapshot_process *process = SNAPSHOT_APPEND(processes, &processes->list);
    const char **words = arena_alloc_array(processes->arena, 2, sizeof *words);
    bool read = process_state < SNAPSHOT_PROCESS_NOT_PERMITTED;
    words[0] = "/usr/bin/python3";
    words[1] = script;
    *process = (struct snapshot_process){.pid = pid,
                                         .user = "root",
                                         .name = "python3",
                                         .python_version = read ? "3.11.2" : NULL,
                                         .loops = read ? 1 : SNAPSHOT_UNKNOWN,
                                         .tasks = read ? 2 : SNAPSHOT_UNKNOWN,
                                         .complete = true,
                                         .state = process_state,
                                         .why = read ? NULL : "not yours",
                                         .command_line = words,
                                         .command_line_count = script ? 2 : 0};
    return process;
}

static char *render(const struct text_options *options) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_null(render_processes(processes, options, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_rendered(const struct text_options *options, const char *expected) {
    char *text = render(options);
    assert_string_equal(text, expected);
    free(text);
}

static void test_order(void **state) {
    (void)state;
    static const int64_t expected[] = {40, 300, 7, 8, 2, 500};
    add_process(500, SNAPSHOT_PROCESS_NOT_SUPPORTED, "a.py");
    add_process(300, SNAPSHOT_PROCESS_BUSY, "a.py");
    struct snapshot_process *plain = add_process(8, SNAPSHOT_PROCESS_NO_ASYNCIO, "a.py");
    plain->loops = plain->tasks = 0;
    plain = add_process(7, SNAPSHOT_PROCESS_STOPPED, "a.py");
    plain->loops = plain->tasks = 0;
    add_process(2, SNAPSHOT_PROCESS_NOT_PERMITTED, "a.py");
    add_process(40, SNAPSHOT_PROCESS_STOPPED, "a.py");
    snapshot_processes_sort(processes);
    for (size_t i = 0; i < processes->list.count; i++)
        assert_int_equal(processes->list.items[i].pid, expected[i]);
}

static void test_table(void **state) {
    (void)state;
    add_process(4711, SNAPSHOT_PROCESS_IDLE, "server.py")->tasks = 1234567;
    add_process(12, SNAPSHOT_PROCESS_IN_CALL, "job.py")->complete = false;
    add_process(123456, SNAPSHOT_PROCESS_NOT_PERMITTED, NULL);
    struct text_options options = {.width = 80};
    assert_rendered(&options, "   PID  PYTHON  LOOPS      TASKS  STATE      COMMAND\n"
                              "  4711  3.11.2      1  1,234,567  idle       python3 server.py\n"
                              "    12  3.11.2      1         2+  in a call  python3 job.py\n"
                              "123456  -           -          -  not yours  [python3]\n");
}

static void test_columns_that_tell_something(void **state) {
    (void)state;
    processes->user_id = 1000; /* theirs is 0 */
    add_process(1, SNAPSHOT_PROCESS_IDLE, "a.py")->container = "3f1a2b4c5d6e";
    add_process(2, SNAPSHOT_PROCESS_BUSY, "b.py")->user = NULL;
    struct text_options options = {.width = 80, .verbose = true};
    assert_rendered(
        &options, "PID  USER  PYTHON  LOOPS  TASKS  STATE  CONTAINER     COMMAND\n"
                  "  1  root  3.11.2      1      2  idle   3f1a2b4c5d6e  /usr/bin/python3 a.py\n"
                  "  2  0     3.11.2      1      2  busy   -             /usr/bin/python3 b.py\n");
}

static void test_nothing(void **state) {
    (void)state;
    struct text_options options = {.width = 80};
    assert_rendered(&options, "");
}

static void assert_lines_fit(const char *text, int width) {
    char *copy = strdup(text), *rest = copy;
    assert_non_null(copy);
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (text_width(line) > width)
            fail_msg("%d columns: %s", text_width(line), line);
        assert_null(strpbrk(line, "\x1b\r\t"));
    }
    free(copy);
}

/* Whatever a target calls itself, a line is a line. */
static void test_hostile_text(void **state) {
    (void)state;
    processes->user_id = 1;
    struct snapshot_process *process = add_process(1, SNAPSHOT_PROCESS_NOT_SUPPORTED,
                                                   "\x1b[2J\n\r\t漢字漢字漢字漢字漢字漢字漢字漢字"
                                                   "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字");
    process->user = "\x1b]0;title\x07 and a name that is longer than all names";
    process->container = "漢字漢字漢字漢字漢字漢字漢字";
    process->why = "\x1b[31m";
    process->python_version = "\n\n";
    add_process(2, SNAPSHOT_PROCESS_IDLE, "\xff\xfe/\xe2\x80\xae.py");
    for (int width = 0; width <= 130; width += 10) {
        struct text_options options = {.width = width, .ascii = width % 20 == 0};
        char *text = render(&options);
        assert_lines_fit(text, width < 80 ? 80 : width);
        assert_true(width < 130 || strstr(text, "COMMAND\n")); /* names are cut to leave it room */
        free(text);
    }
}

static void test_program_names(void **state) {
    (void)state;
    struct text_options options = {.width = 80};
    add_process(1, SNAPSHOT_PROCESS_IDLE, "/srv/app/main.py");
    add_process(2, SNAPSHOT_PROCESS_IDLE, "x")->command_line[0] = "/ends/in/";
    add_process(3, SNAPSHOT_PROCESS_IDLE, "")->command_line[0] = "";
    char *text = render(&options);
    assert_non_null(strstr(text, " python3 /srv/app/main.py\n"));
    assert_non_null(strstr(text, " /ends/in/ x\n"));
    free(text);
}

static void test_json(void **state) {
    (void)state;
    add_process(1, SNAPSHOT_PROCESS_IDLE, "\x1b\"\n\xff");
    struct snapshot_process *process = add_process(2, SNAPSHOT_PROCESS_NOT_PERMITTED, NULL);
    process->user = NULL;
    process->complete = false;
    process->container = "3f1a2b4c5d6e";
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_null(snapshot_processes_json_write(processes, out));
    assert_int_equal(fclose(out), 0);
    assert_string_equal(
        text, "{\"schema\": \"asyncspy.processes/1\",\n\"asyncspy\": \"" ASYNCSPY_VERSION "\",\n"
              "\"captured_at\": \"2026-11-21T04:12:07.250Z\",\n\"processes\": [\n"
              "{\"pid\":1,\"user_id\":0,\"user\":\"root\",\"name\":\"python3\","
              "\"python_version\":\"3.11.2\",\"event_loops\":1,\"tasks\":2,\"complete\":true,"
              "\"state\":\"idle\",\"why\":null,\"container\":null,"
              "\"command_line\":[\"/usr/bin/python3\",\"\\u001b\\\"\\n\\\\udcff\"]},\n"
              "{\"pid\":2,\"user_id\":0,\"user\":null,\"name\":\"python3\",\"python_version\":null,"
              "\"event_loops\":null,\"tasks\":null,\"complete\":false,\"state\":\"not_permitted\","
              "\"why\":\"not yours\",\"container\":\"3f1a2b4c5d6e\",\"command_line\":[]}]}\n");
    free(text);
}

static void test_json_that_cannot_be_written(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    add_process(1, SNAPSHOT_PROCESS_IDLE, "a.py");
    struct error *err = snapshot_processes_json_write(processes, full);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_OS);
    error_destroy(err);
    (void)fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_python_names),
#define WITH_SNAPSHOT(test_)                                                                       \
    cmocka_unit_test_setup_teardown(test_, set_up_snapshot, tear_down_snapshot)
        WITH_SNAPSHOT(test_state_without_asyncio),
        WITH_SNAPSHOT(test_state_of_one_loop),
        WITH_SNAPSHOT(test_state_of_many_loops),
        WITH_SNAPSHOT(test_state_of_a_stopped_process),
        WITH_SNAPSHOT(test_state_of_tasks_without_loop),
#define WITH_LIST(test_) cmocka_unit_test_setup_teardown(test_, set_up_list, tear_down_list)
        WITH_LIST(test_order),
        WITH_LIST(test_table),
        WITH_LIST(test_columns_that_tell_something),
        WITH_LIST(test_nothing),
        WITH_LIST(test_hostile_text),
        WITH_LIST(test_program_names),
        WITH_LIST(test_json),
        WITH_LIST(test_json_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
