/* The screen of `top`: what stands where, the list of processes, every size; and the same as lines.
 */
#include "../support/made_live.h"
#include "../support/top_stage.h"

static void test_layout(void **state) {
    (void)state;
    assert_int_equal(find_selected(), FIRST_ROW);
    assert_shows("header\nheader\nheader\n-----");
    assert_shows("\n  NAME  ");
    assert_shows("\nTab [groups]|tasks|locks|sockets|threads s sort / filter Enter details ");
    assert_shows("f freeze");
    assert_shows("? help q quit\n");
    finding_lines = 1; /* that nothing was found */
    assert_shows("header\n---");
    assert_shows("-\nfinding\n---");
    finding_lines = 2;
    live.finding_count = 2;
    assert_shows("header\n---");
    assert_shows("-\nfinding\nfinding\n---");
    finding_lines = header_lines = 100;
    live.finding_count = 100;
    find_selected();
    assert_shows("-\nfinding\nfinding\nfinding\n---");
    assert_int_equal(find_selected(), ROWS - ROWS / 3);
}

static void check_bar(int width, const char *expected) {
    struct screen *it = screen_create(ROWS, width);
    struct arena *arena = arena_create();
    top_draw(view, &input, it);
    assert_string_equal(made_live_get_row(arena, it, ROWS - 1), expected);
    arena_destroy(arena);
    screen_destroy(it);
}

/* From 80 columns on all keys are there, and most of them with what they do. */
static void test_bar(void **state) {
    (void)state;
    check_bar(120, "Tab [groups]|tasks|locks|sockets|threads  s sort  / filter  Enter details  "
                   "f freeze  d dump  ? help  q quit");
    check_bar(99, "[groups]|tasks|locks|sockets|threads s sort / filter Enter details f freeze "
                  "d dump ? help q quit");
    check_bar(80, "[groups]|tasks|locks|sockets|threads s sort / filter Enter f freeze d dump "
                  "? q");
    check_bar(60, "[groups]|tasks|locks|sockets|threads s sort / Enter f d ? q");
    check_bar(54, "[groups]|tasks|locks|sockets|threads s / Enter f d ? q");
    check_bar(53, "[groups]|tasks|locks|sockets|threads s sort / f d ? q");
    check_bar(30, "s sort / Enter f freeze d ? q");
    check_bar(3, "? q");
    check_bar(1, "q");
    input.can_go_back = true;
    check_bar(80,
              "[groups]|tasks|locks|sockets|threads s sort / Enter f freeze d dump Esc ? help q");
    make_processes();
    check_bar(80, "Enter look into it  s sort  / filter  f freeze  ? help  q quit");
    check_bar(40, "Enter s sort / filter f freeze ? help q");
}

static void test_notice(void **state) {
    (void)state;
    input.notice = "written: \x1b[31m dump.json";
    assert_shows("\nwritten: \\x1b[31m dump.json\n");
    assert_int_equal(screen->cells[(ROWS - 1) * COLUMNS].style, SCREEN_BOLD);
    input.is_notice_alarm = true;
    type("f");
    assert_shows("  FROZEN\n");
    assert_int_equal(screen->cells[(ROWS - 1) * COLUMNS].style, SCREEN_ALARM);
    type("/x"); /* what is typed is seen in any case */
    assert_shows("\n/x_");
}

/* The notice of a process that has ended stays: nobody is to think that these are all rows, or that
 * there is no way back. */
static void test_what_stays_beside_a_notice(void **state) {
    (void)state;
    type("/wor");
    press(TOP_KEY_ENTER);
    input.notice = "process 4242 ended at 04:12:07; d writes a dump, Ctrl-C quits";
    check_bar(80, "/wor  process 4242 ended at 04:12:07; d writes a dump, Ctrl-C quits");
    check_bar(40, "/wor  process 4242 ended at 04:12:07;...");
    type("/ker-with-a-very-long-name");
    press(TOP_KEY_ENTER);
    check_bar(60, "...-a-very-long-name  process 4242 ended at 04:12:07; d w...");
    press(TOP_KEY_ESCAPE);
    check_bar(80, input.notice);
    press(TOP_KEY_ENTER);
    check_bar(80, "Esc back  process 4242 ended at 04:12:07; d writes a dump, Ctrl-C quits");
    check_bar(100, "Esc back  process 4242 ended at 04:12:07; d writes a dump, Ctrl-C quits"
                   "  lines 1-21 of 50");
    type("?");
    check_bar(40, "Esc back  process 4242 ended at 04:12...");
}

/* --- processes --- */

static void test_processes(void **state) {
    (void)state;
    make_processes();
    assert_shows(
        "\n"
        "     PID STATE        BUSY%  TASKS READY BLOCKS  CPU% FINDING                       "
        "COMMAND\n"
        ">    100 -                -      -     -      -     - no asyncio                    "
        "gunicorn app:app\n"
        "     101 busy            75    331     3      3  12.5 no problem found              "
        "  gunicorn ap...\n"
        "     102 -                -      -     -      -     - not watched                   "
        "    gunicorn ...\n"
        "     103 gone             -      -     -      -     - gone 12.0 s ago               "
        "  gunicorn ap...\n");
    live.snapshot = NULL;
    assert_shows("\n     101 -               75      -     3      3     - the first picture is");
    type("/orn");
    press(TOP_KEY_ENTER);
    type("ssss"); /* TASKS; those that have none keep their order */
    assert_int_equal(find_selected(), FIRST_ROW);
    assert_shows("/orn  Enter look into it");
}

/* Where in the tree a process stands says nothing about its command. */
static void test_sorted_by_command(void **state) {
    (void)state;
    static const char *const commands[] = {"bb", "dd", "aa", "cc"};
    make_processes();
    for (size_t i = 0; i < 4; i++) {
        processes[i].command_line = &commands[i];
        processes[i].command_line_count = 1;
    }
    type("S");
    assert_shows(" COMMAND ^\n");
    draw();
    const char *at = text;
    static const char *const shown[] = {"     aa\n", " bb\n", "   cc\n", "   dd\n"};
    for (size_t i = 0; i < 4; i++) {
        at = strstr(at, shown[i]);
        assert_non_null(at);
    }
}

static void test_verdict_of_a_process(void **state) {
    (void)state;
    make_processes();
    snapshot.verdict = (struct snapshot_verdict){.code = SNAPSHOT_FINDING_DEADLOCK,
                                                 .confidence = SNAPSHOT_CERTAIN,
                                                 .text = "two tasks \x1b wait"};
    assert_shows("  12.5 DEADLOCK - two tasks ");
    bool is_alarm = false;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        is_alarm = is_alarm || screen->cells[i].style == SCREEN_ALARM;
    assert_true(is_alarm);
    press(TOP_KEY_DOWN);
    thing_count = 0;
    processes[1] = processes[2]; /* the parent is gone, and the child still there */
    input.process_count = 2;
    assert_shows(
        "\n>    102 -                -      -     -      -     - not watched                "
        "   gunicorn app:app\n");
}

static void test_entering_a_process(void **state) {
    (void)state;
    type("/zeb");
    press(TOP_KEY_ENTER);
    make_processes();
    assert_int_equal(press(TOP_KEY_ENTER), TOP_ENTER_PROCESS);
    assert_int_equal(top_view_get_process(view), 100); /* the caller says that it is not watched */
    press(TOP_KEY_DOWN);
    assert_int_equal(press(TOP_KEY_ENTER), TOP_ENTER_PROCESS);
    assert_int_equal(top_view_get_process(view), 101);
    assert_int_equal(type("d"), TOP_WRITE_DUMP); /* the caller says that there is nothing to it */
    assert_int_equal(type("!3"), TOP_NOTHING);
    assert_int_equal(press(TOP_KEY_TAB), TOP_NOTHING);
    assert_int_equal(press(TOP_KEY_ESCAPE), TOP_NOTHING);
    input.live = &live;
    assert_shows("\nTab [groups]|"); /* without the filter of another process */
    input.live = NULL;
    assert_shows(">    101");
}

static void test_processes_in_circles(void **state) {
    (void)state;
    make_processes();
    for (size_t i = 0; i < 4; i++) {
        processes[i].parent = 100 + (int64_t)(i + 1) % 4;
        processes[i].command_line_count = 0;
    }
    processes[3].pid = 102;
    for (int i = 0; i < 4; i++)
        press(TOP_KEY_DOWN);
    assert_shows("   102");
}

/* --- all sizes --- */

static void draw_at(int height, int width) {
    struct screen *it = screen_create(height, width);
    top_draw(view, &input, it);
    for (int i = 0; i < height * width; i++)
        for (const char *at = it->cells[i].text; *at; at++)
            assert_true(!input.ascii || (*at >= ' ' && *at <= '~'));
    screen_destroy(it);
    const struct top_key key = {.kind = TOP_KEY_PAGE_DOWN};
    top_view_press(view, &input, &key, height, width);
}

static void draw_all_sizes(void) {
    for (int height = 1; height <= 30; height++)
        for (int width = 1; width <= 120; width++)
            draw_at(height, width);
}

static void test_all_sizes(void **state) {
    (void)state;
    header_lines = 5;
    finding_lines = 3;
    live.finding_count = 3;
    draw_all_sizes();
    type("s");
    input.ascii = true;
    draw_all_sizes();
    input.notice = "caf\u00e9";
    type("f");
    draw_all_sizes();
    press(TOP_KEY_ENTER);
    draw_all_sizes();
    press(TOP_KEY_ESCAPE);
    input.notice = NULL;
    type("/\xc3\xa9");
    draw_all_sizes();
    press(TOP_KEY_ESCAPE);
    type("?");
    draw_all_sizes();
    type("q");
    press(TOP_KEY_ENTER);
    draw_all_sizes();
}

static void test_processes_in_all_sizes(void **state) {
    (void)state;
    make_processes();
    draw_all_sizes();
    header_lines = 0;
    draw_all_sizes();
}

static void test_small(void **state) {
    (void)state;
    header_lines = finding_lines = 9;
    live.finding_count = 9;
    rows = 1;
    assert_shows("header\n");
    rows = 2;
    assert_shows("header\nTab");
    rows = 3;
    assert_shows("header\n> api.list");
    rows = 4;
    assert_shows("header\n  NAME");
    assert_shows("\n> api.list");
    rows = 5;
    assert_shows("header\nheader\n  NAME");
    rows = 12;
    assert_hides("finding");
}

/* --- for a reader --- */

static const char *print(size_t most) {
    size_t size;
    free(text);
    FILE *out = open_memstream(&text, &size);
    struct error *err = top_print(&input, 20, most, out);
    (void)fclose(out);
    assert_null(err);
    return text;
}

static void test_print(void **state) {
    (void)state;
    header_lines = 1;
    finding_lines = 1;
    live.finding_count = 1;
    print(2);
    assert_non_null(strstr(text, "header\n---"));
    assert_non_null(strstr(text, "\nfinding\n---"));
    assert_non_null(strstr(text, "\n  NAME  "));
    assert_non_null(strstr(text, "\n  api.list"));
    assert_string_equal(strstr(text, "\n ... 38"), "\n ... 38 more rows\n");
    assert_null(strstr(print(100), "more"));
    assert_null(strstr(print(SIZE_MAX), "more"));
    assert_null(strstr(text, " \n"));
    thing_count = 0;
    assert_non_null(strstr(print(100), "\n no sockets\n"));
    live.snapshot = NULL;
    assert_non_null(strstr(print(100), "\n the first picture is being taken\n"));
    make_processes();
    assert_non_null(strstr(print(100), "not watched"));
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        return;
    struct error *err = top_print(&input, 100, 5, full);
    assert_non_null(err);
    error_destroy(err);
    (void)fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)
        TEST(test_layout),
        TEST(test_bar),
        TEST(test_notice),
        TEST(test_what_stays_beside_a_notice),
        TEST(test_processes),
        TEST(test_sorted_by_command),
        TEST(test_verdict_of_a_process),
        TEST(test_entering_a_process),
        TEST(test_processes_in_circles),
        TEST(test_all_sizes),
        TEST(test_processes_in_all_sizes),
        TEST(test_small),
        TEST(test_print),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
