/* A process and its descendants: their order and names, the text, and the JSON both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/render/process_names.h"
#include "../support/rendering.h"
#include "asyncspy/render/process_tree.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct snapshot_processes *tree;

static int set_up(void **state) {
    (void)state;
    setlocale(LC_CTYPE, "C.UTF-8");
    tree = snapshot_processes_create();
    tree->complete = true;
    tree->captured_at = "2026-11-21T04:12:07.250Z";
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    snapshot_processes_destroy(tree);
    return 0;
}

/* The words up to NULL. */
static void set_command(struct snapshot_process *process, const char *const *words) {
    size_t count = 0;
    while (words[count])
        count++;
    process->command_line = arena_alloc_array(tree->arena, count + 1, sizeof *words);
    memcpy(process->command_line, words, count * sizeof *words);
    process->command_line_count = count;
}

#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SERVER COMMAND("/usr/bin/python3", "/usr/bin/gunicorn", "app:app")

static struct snapshot_process *add(int64_t pid, int64_t parent, const char *const *words) {
    struct snapshot_process *process = SNAPSHOT_APPEND(tree, &tree->list);
    *process = (struct snapshot_process){.pid = pid,
                                         .parent = parent,
                                         .name = "python3",
                                         .python_version = "3.11.7",
                                         .complete = true,
                                         .state = SNAPSHOT_PROCESS_NO_ASYNCIO};
    set_command(process, words);
    return process;
}

/* One with a report; gives its snapshot. */
static struct snapshot *add_server(int64_t pid, int64_t parent, int64_t tasks, const char *text) {
    struct snapshot_process *process = add(pid, parent, SERVER);
    process->loops = 1;
    process->tasks = tasks;
    process->state = SNAPSHOT_PROCESS_IDLE;
    process->snapshot = snapshot_create();
    process->snapshot->target.pid = pid;
    process->snapshot->verdict =
        (struct snapshot_verdict){SNAPSHOT_FINDING_OK, SNAPSHOT_LIKELY, text};
    return process->snapshot;
}

static void find(struct snapshot *snapshot, enum snapshot_finding_code code,
                 enum snapshot_confidence confidence, const char *text, const char *where) {
    *SNAPSHOT_APPEND(snapshot, &snapshot->findings) = (struct snapshot_finding){
        .code = code, .confidence = confidence, .summary = text, .where = where};
    snapshot->verdict = (struct snapshot_verdict){code, confidence, text};
}

static void assert_pids(const int64_t *expected, size_t count) {
    assert_int_equal(tree->list.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(tree->list.items[i].pid, expected[i]);
}

/* --- order --- */

static void test_order(void **state) {
    (void)state;
    static const int64_t expected[] = {10, 3, 20, 30, 7, 5, 40};
    add(10, SNAPSHOT_UNKNOWN, SERVER); /* nearest first, as they are found */
    add(3, 10, SERVER);
    add(7, 10, SERVER);
    add(5, 10, SERVER);
    add(20, 3, SERVER);
    add(40, 5, SERVER);
    add(30, 20, SERVER);
    snapshot_processes_sort_as_tree(tree);
    assert_pids(expected, COUNT(expected));
    snapshot_processes_sort_as_tree(tree);
    assert_pids(expected, COUNT(expected));
}

/* A file may say anything of parents. */
static void test_order_of_nonsense(void **state) {
    (void)state;
    static const int64_t expected[] = {1, 1, 2, 3, 4};
    add(1, 1, SERVER);
    add(2, 3, SERVER); /* whose child stands behind it */
    add(3, 2, SERVER);
    add(1, 99, SERVER);
    add(4, SNAPSHOT_UNKNOWN, SERVER);
    snapshot_processes_sort_as_tree(tree);
    size_t *parents = snapshot_processes_find_parents(tree, tree->arena);
    for (size_t i = 1; i <= tree->list.count; i++)
        assert_true(parents[i] < i);
    assert_int_equal(tree->list.count, COUNT(expected));
    tree->list.count = 0;
    snapshot_processes_sort_as_tree(tree);
}

/* --- names --- */

static void assert_name(const struct process_name *name, const char *text, size_t depth) {
    assert_string_equal(name->text, text);
    assert_int_equal(name->depth, depth);
}

static void test_names(void **state) {
    (void)state;
    add(1, SNAPSHOT_UNKNOWN, SERVER);
    add(2, 1, SERVER);
    add(3, 1, COMMAND("/usr/bin/sleep", "600"));
    add(4, 1, SERVER);
    add(5, 4, SERVER);
    add(6, 1, COMMAND("gunicorn: worker [app]"));
    const struct process_name *names = process_names_make(tree, tree->arena);
    assert_name(&names[0], "gunicorn app:app", 0);
    assert_name(&names[1], "worker 1", 1);
    assert_name(&names[2], "sleep 600", 1);
    assert_name(&names[3], "worker 2", 1);
    assert_name(&names[4], "worker 1", 2);
    assert_name(&names[5], "gunicorn: worker [app]", 1);
    assert_true(names[0].has_children && names[3].has_children && !names[1].has_children);
}

/* As CPython 3.6 to 3.15 start them. */
static void test_names_of_multiprocessing(void **state) {
    (void)state;
    const char *const *server = COMMAND(
        "python3", "-c", "from multiprocessing.forkserver import main; main(7, 9, ['a'], **{})");
    add(1, SNAPSHOT_UNKNOWN, COMMAND("python3", "main.py"));
    add(2, 1,
        COMMAND("python3", "-B", "-c",
                "from multiprocessing.resource_tracker import main;main(4)"));
    add(3, 1,
        COMMAND("python3", "-c",
                "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, "
                "pipe_handle=7)",
                "--multiprocessing-fork"));
    add(4, 1, server);
    add(5, 4, server);
    add(6, 1,
        COMMAND("python3", "-c", "from multiprocessing.semaphore_tracker import main;main(4)"));
    add(7, 1, COMMAND("python3", "-c"));
    add(8, 1, COMMAND(NULL))->name = NULL;
    const struct process_name *names = process_names_make(tree, tree->arena);
    assert_name(&names[1], "resource tracker", 1);
    assert_name(&names[2], "worker 1", 1);
    assert_name(&names[3], "fork server", 1);
    assert_name(&names[4], "worker 1", 2);
    assert_name(&names[5], "semaphore tracker", 1);
    assert_name(&names[6], "python3 -c", 1);
    assert_name(&names[7], "[?]", 1);
}

static void assert_command(const char *const *words, const char *expected) {
    tree->list.count = 0;
    add(1, SNAPSHOT_UNKNOWN, words);
    assert_string_equal(process_names_make(tree, tree->arena)->text, expected);
}

static void test_names_of_commands(void **state) {
    (void)state;
    assert_command(COMMAND("/usr/bin/python3", "/srv/app.py", "-x", "/srv/y"), "app.py -x /srv/y");
    assert_command(COMMAND("python3.11", "-m", "uvicorn", "app:app"), "uvicorn app:app");
    assert_command(COMMAND("python3", "-Bm", "uvicorn"), "uvicorn");
    assert_command(COMMAND("python3", "-u", "-W", "ignore", "-Xdev", "a/b.py"), "b.py");
    assert_command(COMMAND("python3", "-X", "dev", "-X", "b.py"), "python3 -X dev -X b.py");
    assert_command(COMMAND("python3", "-c", "code"), "python3 -c code");
    assert_command(COMMAND("python3", "-Ic", "code"), "python3 -Ic code");
    assert_command(COMMAND("python3", "-"), "python3 -");
    assert_command(COMMAND("python3", "", "a"), "python3  a");
    assert_command(COMMAND("python3", "-m"), "python3 -m");
    assert_command(COMMAND("python3"), "python3");
    assert_command(COMMAND("python3", "--version", "-W"), "python3 --version -W");
    assert_command(COMMAND("/opt/server", "-m", "x"), "server -m x");
}

/* --- text --- */

static char *render(const struct text_options *options) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_null(render_process_tree(tree, options, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_lines(const char *expected) {
    struct text_options options = {.width = 80, .verdict_only = true};
    char *text = render(&options);
    assert_string_equal(text, expected);
    rendering_check_lines(text, 80, true);
    free(text);
}

static void test_lines(void **state) {
    (void)state;
    add(4711, SNAPSHOT_UNKNOWN, SERVER);
    add_server(4712, 4711, 1331, "OK: no problem found: loop healthy, idle for 1.1 s, 0 ready");
    find(add_server(4713, 4711, 40, ""), SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN,
         "EVENT LOOP BLOCKED for 41.2 s - nothing else can run", "backoff  /srv/app/report.py:57");
    find(add_server(4714, 4711, 2, ""), SNAPSHOT_FINDING_PEER_SILENT, SNAPSHOT_LIKELY,
         "10 tasks wait", NULL);
    struct snapshot_process *process = add(4715, 4714, COMMAND("sleep", "1"));
    process->python_version = NULL;
    process->tasks = SNAPSHOT_UNKNOWN;
    process->state = SNAPSHOT_PROCESS_NOT_PYTHON;
    process = add(4716, 4711, SERVER);
    process->state = SNAPSHOT_PROCESS_NOT_PERMITTED;
    process->why = "not yours";
    process->tasks = SNAPSHOT_UNKNOWN;
    assert_lines(
        "PROCESSES  6, 3 with asyncio, 1 not read                          CPython 3.11.7\n"
        "    PID  PROCESS           TASKS  VERDICT\n"
        "   4711  gunicorn app:app      0  no asyncio\n"
        "OK 4712    worker 1        1,331  no problem found: loop healthy, idle for 1....\n"
        "!! 4713    worker 2           40  EVENT LOOP BLOCKED for 41.2 s - nothing else\n"
        "                                  can run\n"
        "                                  backoff  /srv/app/report.py:57\n"
        " ! 4714    worker 3            2  PEER SILENT - 10 tasks wait\n"
        "   4715      sleep 1           -  no Python\n"
        "   4716    worker 4            -  not yours\n");
}

/* Siblings that say the same share a line; what differs in anything that matters does not. */
static void test_folding(void **state) {
    (void)state;
    add(1, SNAPSHOT_UNKNOWN, SERVER);
    for (int i = 0; i < 9; i++) {
        const char *text = arena_format(tree->arena, "EVENT LOOP BLOCKED for %d.0 s", i + 1);
        struct snapshot *snapshot = add_server(10 + i, 1, 100 + i, "no problem found: idle");
        if (i % 3 == 1)
            find(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN, text, "f  a.py:1");
        if (i == 8)
            find(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN, text, "g  a.py:2");
    }
    for (int i = 0; i < 3; i++) {
        struct snapshot_process *process = add(30 + i, 1, COMMAND("sh", i % 2 ? "a.sh" : "b.sh"));
        process->state = SNAPSHOT_PROCESS_NOT_PYTHON;
        process->tasks = SNAPSHOT_UNKNOWN;
        process->python_version = NULL;
    }
    tree->complete = false;
    assert_lines(
        "PROCESSES  13, 9 with asyncio                                     CPython 3.11.7\n"
        "  ! there may be more: not all descendants could be listed\n"
        "   PID  PROCESS           TASKS  VERDICT\n"
        "     1  gunicorn app:app      0  no asyncio\n"
        "OK        5 workers         516  no problem found\n"
        "          pids 10 12 13 15 16\n"
        "!!        3 workers         312  EVENT LOOP BLOCKED for 2.0 s\n"
        "                                 f  a.py:1\n"
        "          pids 11 14 17\n"
        "!!  18    worker 9          108  EVENT LOOP BLOCKED for 9.0 s\n"
        "                                 g  a.py:2\n"
        "          3 processes         -  no Python\n"
        "          pids 30 31 32\n");
}

static void test_two_are_not_folded(void **state) {
    (void)state;
    add(1, SNAPSHOT_UNKNOWN, SERVER)->python_version = "3.12.1";
    add_server(2, 1, 1, "no problem found");
    add_server(3, 1, 1, "no problem found");
    assert_lines("PROCESSES  3, 2 with asyncio\n"
                 "   PID  PROCESS           PYTHON  TASKS  VERDICT\n"
                 "     1  gunicorn app:app  3.12.1      0  no asyncio\n"
                 "OK   2    worker 1        3.11.7      1  no problem found\n"
                 "OK   3    worker 2        3.11.7      1  no problem found\n");
}

static void test_reports(void **state) {
    (void)state;
    add_server(1, SNAPSHOT_UNKNOWN, 1, "no problem found");
    find(add_server(2, 1, 1, ""), SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_LIKELY, "two", NULL);
    find(add_server(3, 1, 1, ""), SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN, "three", NULL);
    find(add_server(4, 1, 1, ""), SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN, "four", NULL);
    for (int i = 0; i < 2; i++) {
        struct text_options options = {.width = 80, .verbose = i};
        char *text = render(&options), *at = text;
        static const char *const order[] = {
            "=== pid 4, worker 3 ===",         "DEADLOCK - four",
            "=== pid 3, worker 2 ===",         "LOOP BLOCKED - three",
            "=== pid 2, worker 1 ===",         "DEADLOCK - two",
            "=== pid 1, gunicorn app:app ===", "OK no problem"};
        for (size_t j = 0; j < COUNT(order); j++)
            if (!(at = strstr(at, order[j])))
                fail_msg("%s is not in its place: %s", order[j], text);
        rendering_check_lines(text, 80, true);
        free(text);
    }
}

/* Whatever processes call themselves, and whatever a file says of them. */
static void test_hostile_text(void **state) {
    (void)state;
    const char *bad =
        "\x1b[2J\n\r\t漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字";
    struct snapshot_process *process = add(INT64_MAX, SNAPSHOT_UNKNOWN, COMMAND(bad, bad));
    process->tasks = INT64_MAX;
    process->python_version = bad;
    process->why = bad;
    for (int64_t i = 1; i < 12; i++) {
        find(add_server(i, i == 1 ? INT64_MAX : i - 1, INT64_MAX, ""),
             SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_POSSIBLE, bad, bad);
        set_command(&tree->list.items[i], COMMAND(bad));
    }
    tree->list.items[3].pid = SNAPSHOT_UNKNOWN;
    for (int width = 0; width <= 140; width += 10) {
        struct text_options options = {.width = width,
                                       .ascii = width % 20 == 0,
                                       .verbose = width % 30 == 0,
                                       .verdict_only = width % 40 == 0};
        char *text = render(&options);
        rendering_check_lines(text, width < 80 ? 80 : width, options.ascii);
        free(text);
    }
}

/* --- JSON --- */

static char *write_json(const struct snapshot_processes *processes) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_null(snapshot_tree_json_write(processes, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void add_all_states(void) {
    for (int i = 0; i < SNAPSHOT_PROCESS_STATE_COUNT; i++) {
        struct snapshot_process *process = add(i + 1, i ? 1 : SNAPSHOT_UNKNOWN, SERVER);
        process->state = (enum snapshot_process_state)i;
        process->why = i % 2 ? "\x1b\"\n\\" : NULL;
        process->tasks = i % 3 ? i : SNAPSHOT_UNKNOWN;
        process->complete = i % 2;
        process->user = i % 2 ? "root" : NULL;
        process->container = i % 3 ? "3f1a2b4c5d6e" : NULL;
    }
    add_server(100, 1, 5, "no problem found");
    find(add_server(101, 100, 5, ""), SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN, "dead", "here");
}

static void test_json_round_trip(void **state) {
    (void)state;
    add_all_states();
    char *text = write_json(tree);
    struct snapshot *snapshot = snapshot_create();
    struct snapshot_processes *again = snapshot_processes_create();
    bool is_tree = false;
    struct error *err = snapshot_tree_json_read(snapshot, again, text, strlen(text), &is_tree);
    if (err)
        fail_msg("%s", error_get_message(err));
    assert_true(is_tree);
    assert_int_equal(again->list.count, tree->list.count);
    char *text_again = write_json(again);
    assert_string_equal(text_again, text);
    assert_non_null(
        strstr(text, "\"parent\":100,\"snapshot\":{\"schema\": \"asyncspy.snapshot/1\""));
    assert_non_null(strstr(text, "\"parent\":null,\"snapshot\":null}"));
    free(text);
    free(text_again);
    snapshot_processes_destroy(again);
    snapshot_destroy(snapshot);
}

static void assert_refused(const char *text, const char *problem) {
    struct snapshot *snapshot = snapshot_create();
    struct snapshot_processes *again = snapshot_processes_create();
    bool is_tree;
    struct error *err = snapshot_tree_json_read(snapshot, again, text, strlen(text), &is_tree);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_INVALID);
    if (!strstr(error_get_message(err), problem))
        fail_msg("%s: %s", text, error_get_message(err));
    error_destroy(err);
    snapshot_processes_destroy(again);
    snapshot_destroy(snapshot);
}

#define TREE(rest) "{\"schema\": \"asyncspy.snapshots/1\", \"processes\": " rest "}"

static void test_json_that_is_wrong(void **state) {
    (void)state;
    assert_refused("[]", "one JSON object");
    assert_refused("{\"schema\": \"asyncspy.snapshots/2\"}", "schema");
    assert_refused(TREE("{}"), "processes: is no array");
    assert_refused(TREE("[1]"), "processes[0].record: is no object");
    assert_refused(TREE("[{\"pid\": 1}]"), "processes[0].state: is missing");
    assert_refused(TREE("[{\"pid\": -1, \"state\": \"idle\"}]"),
                   "processes[0].pid: is out of range");
    assert_refused(TREE("[{\"state\": \"idle\"}, {\"state\": \"happy\"}]"),
                   "processes[1].state: is no state of a process");
    assert_refused(TREE("[{\"state\": \"idle\", \"snapshot\": 7}]"),
                   "processes[0].snapshot: is no object");
    assert_refused(TREE("[{\"state\": \"idle\", \"command_line\": [7]}]"),
                   "processes[0].command_line: is no string");
    assert_refused(TREE("[{\"state\": \"idle\", \"snapshot\": {\"schema\": \"x\"}}]"),
                   "processes[0].snapshot: schema");
}

/* A snapshot alone is read as what it is. */
static void test_json_of_one(void **state) {
    (void)state;
    static const char text[] = "{\"schema\": \"asyncspy.snapshot/1\", \"asyncspy\": \"7\"}";
    struct snapshot *snapshot = snapshot_create();
    bool is_tree = true;
    assert_null(snapshot_tree_json_read(snapshot, tree, text, strlen(text), &is_tree));
    assert_false(is_tree);
    assert_string_equal(snapshot->asyncspy, "7");
    assert_int_equal(tree->list.count, 0);
    snapshot_destroy(snapshot);
}

static void test_writing_fails(void **state) {
    (void)state;
    add_all_states();
    for (int i = 0; i < 2; i++) {
        FILE *full = fopen("/dev/full", "w");
        if (!full)
            skip();
        struct text_options options = {.width = 80};
        struct error *err =
            i ? snapshot_tree_json_write(tree, full) : render_process_tree(tree, &options, full);
        assert_non_null(err);
        assert_int_equal(error_get_kind(err), ERROR_OS);
        error_destroy(err);
        (void)fclose(full);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_order),
        TEST(test_order_of_nonsense),
        TEST(test_names),
        TEST(test_names_of_multiprocessing),
        TEST(test_names_of_commands),
        TEST(test_lines),
        TEST(test_folding),
        TEST(test_two_are_not_folded),
        TEST(test_reports),
        TEST(test_hostile_text),
        TEST(test_json_round_trip),
        TEST(test_json_that_is_wrong),
        TEST(test_json_of_one),
        TEST(test_writing_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
