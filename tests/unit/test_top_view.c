/* The screen of `top`: what each key does, what stays selected, and that every size can be drawn.
 * What the tabs show is made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/render/top_parts.h"
#include "asyncspy/base/text.h"

#define ROWS 24
#define COLUMNS 100

/* --- a process with tasks that are easy to tell apart --- */

struct thing {
    uint64_t key;
    const char *name;
    double number;
};

static struct thing things[200];
static size_t thing_count;
static int header_lines, finding_lines, detail_lines;
static bool details_were_asked_for;

static const struct top_column columns[] = {
    {.title = "NAME", .columns = 10, .share = 1},
    {.title = "N", .columns = 4, .is_number = true},
    {.title = "HIDDEN", .columns = 500, .rank = 1},
    {.title = "LAST", .columns = 4},
};

struct top_words *top_words_create(struct arena *arena, const struct top_input *input, int width) {
    struct top_words *words = arena_alloc(arena, sizeof *words);
    *words = (struct top_words){
        .input = input, .report.page = {.scratch = arena, .width = width, .ascii = input->ascii}};
    words->report.snapshot = input->live ? input->live->snapshot : NULL;
    return words;
}

static int draw_lines(struct screen *screen, int row, int most, int count, const char *text) {
    assert_true(most >= 1);
    int lines = count < most ? count : most;
    for (int i = 0; i < lines; i++)
        screen_put(screen, row + i, 0, SCREEN_PLAIN, text, screen->columns);
    return lines;
}

int top_draw_header(struct top_words *words, struct screen *screen, int row, int most) {
    (void)words;
    return draw_lines(screen, row, most, header_lines, "header");
}

int top_draw_findings(struct top_words *words, struct screen *screen, int row, int most) {
    (void)words;
    return draw_lines(screen, row, most, finding_lines, "finding");
}

struct top_table top_table_make(struct top_words *words, enum top_tab tab) {
    if (tab == TOP_TAB_PROCESSES)
        return top_processes_make(words, tab);
    return (struct top_table){.words = words,
                              .tab = tab,
                              .columns = columns,
                              .column_count = 4,
                              .row_count = tab == TOP_TAB_SOCKETS ? 0 : thing_count,
                              .nothing = "no sockets"};
}

void top_table_get_row(const struct top_table *table, size_t row,
                       struct top_cell ret[TOP_COLUMNS_MAX]) {
    struct arena *scratch = table->words->report.page.scratch;
    if (table->tab == TOP_TAB_PROCESSES) {
        top_processes_get_row(table, row, ret);
        return;
    }
    ret[0] = (struct top_cell){.text = things[row].name};
    ret[1] = (struct top_cell){.text = arena_format(scratch, "%.0f", things[row].number),
                               .order = things[row].number};
    ret[2] = (struct top_cell){.text = "hidden"};
    ret[3] = (struct top_cell){.text = "z"};
}

uint64_t top_table_get_key(const struct top_table *table, size_t row) {
    return table->tab == TOP_TAB_PROCESSES ? top_processes_get_key(table, row) : things[row].key;
}

static struct top_lines make_lines(struct arena *arena, const char *what, int count) {
    struct top_lines lines = {.count = (size_t)count};
    lines.items = arena_alloc_array(arena, lines.count, sizeof *lines.items);
    for (int i = 0; i < count; i++)
        lines.items[i] = arena_format(arena, "%s line %d", what, i + 1);
    return lines;
}

struct top_lines top_details(const struct top_table *table, size_t row, int width) {
    (void)width;
    details_were_asked_for = true;
    return make_lines(table->words->report.page.scratch, things[row].name, detail_lines);
}

struct top_lines top_finding_details(struct top_words *words, size_t index, int width) {
    (void)width;
    struct arena *arena = words->report.page.scratch;
    return make_lines(arena, arena_format(arena, "finding %zu", index), 2);
}

/* --- what is looked at --- */

static struct snapshot snapshot;
static struct live_finding findings[3];
static struct live live;
static struct top_input input;
static struct top_view *view;
static int rows;
static char *text; /* of the screen */
static struct screen *screen;

static void add_thing(const char *name, double number) {
    things[thing_count] = (struct thing){.key = 1000 + thing_count, .name = name, .number = number};
    thing_count++;
}

static int set_up(void **state) {
    static const char *const names[] = {"api.list", "worker", "Zebra", "caf\u00e9"};
    (void)state;
    thing_count = 0;
    for (size_t i = 0; i < 40; i++)
        add_thing(names[i % 4], (double)(i * 7 % 40));
    header_lines = 3;
    finding_lines = 0;
    detail_lines = 50;
    details_were_asked_for = false;
    for (size_t i = 0; i < 3; i++)
        findings[i] = (struct live_finding){.index = i};
    findings[1].index = SIZE_MAX;
    snapshot = (struct snapshot){0};
    live = (struct live){.snapshot = &snapshot, .findings = findings};
    input = (struct top_input){.clock = "04:12:07", .live = &live};
    rows = ROWS;
    view = top_view_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    top_view_destroy(view);
    free(text);
    text = NULL;
    screen_destroy(screen);
    screen = NULL;
    return 0;
}

static void draw(void) {
    screen_destroy(screen);
    screen = screen_create(rows, COLUMNS);
    top_draw(view, &input, screen);
    size_t size;
    free(text);
    FILE *out = open_memstream(&text, &size);
    struct error *err = screen_write(screen, rows, out);
    (void)fclose(out);
    assert_null(err);
}

static bool shows(const char *what) {
    draw();
    return strstr(text, what) != NULL;
}

#define assert_shows(what_)                                                                        \
    do {                                                                                           \
        if (!shows(what_))                                                                         \
            fail_msg("there is no '%s' in:\n%s", what_, text);                                     \
    } while (0)

#define assert_hides(what_)                                                                        \
    do {                                                                                           \
        if (shows(what_))                                                                          \
            fail_msg("there is '%s' in:\n%s", what_, text);                                        \
    } while (0)

static enum top_action press(enum top_key_kind kind) {
    const struct top_key key = {.kind = kind};
    return top_view_press(view, &input, &key, rows, COLUMNS);
}

static enum top_action type(const char *characters) {
    enum top_action action = TOP_NOTHING;
    for (; *characters; characters++) {
        const struct top_key key = {.kind = TOP_KEY_CHARACTER,
                                    .character = (unsigned char)*characters};
        action = top_view_press(view, &input, &key, rows, COLUMNS);
    }
    return action;
}

static void press_many(enum top_key_kind kind, int times) {
    for (int i = 0; i < times; i++)
        press(kind);
}

static enum top_action click(int row) {
    const struct top_key key = {.kind = TOP_KEY_CLICK, .row = row};
    return top_view_press(view, &input, &key, rows, COLUMNS);
}

/* The selected row, and where it stands; -1: none is. */
static int find_selected(void) {
    draw();
    for (int i = 0; i < screen->rows; i++)
        if (screen->cells[i * COLUMNS].is_reversed) {
            assert_string_equal(screen->cells[i * COLUMNS].text, ">");
            return i;
        }
    return -1;
}

/* The number in the selected row. */
static int get_selected(void) {
    int row = find_selected();
    assert_true(row >= 0);
    char line[COLUMNS + 1] = "";
    for (int i = 80; i < COLUMNS; i++)
        line[i - 80] = screen->cells[row * COLUMNS + i].text[0];
    return (int)strtol(line, NULL, 10);
}

/* --- rows --- */

/* 24 rows: 3 of the header, a rule, the heading, 18 rows, the bar. */
#define FIRST_ROW 5
#define PAGE 18

static void test_layout(void **state) {
    (void)state;
    assert_int_equal(find_selected(), FIRST_ROW);
    assert_shows("header\nheader\nheader\n-----");
    assert_shows("\n  NAME  ");
    assert_shows("\nTab [groups]|tasks|locks|sockets|threads s sort / filter Enter details ");
    assert_shows("f freeze");
    assert_shows("? help q quit\n");
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

static void test_moving(void **state) {
    (void)state;
    assert_int_equal(get_selected(), 0);
    press(TOP_KEY_UP);
    assert_int_equal(get_selected(), 0);
    press(TOP_KEY_DOWN);
    assert_int_equal(get_selected(), 7);
    press(TOP_KEY_WHEEL_DOWN);
    assert_int_equal(get_selected(), 28);
    press(TOP_KEY_WHEEL_UP);
    press(TOP_KEY_UP);
    assert_int_equal(get_selected(), 0);
    press(TOP_KEY_PAGE_DOWN);
    assert_int_equal(get_selected(), PAGE * 7 % 40);
    assert_int_equal(find_selected(), FIRST_ROW + PAGE - 1);
    press(TOP_KEY_END);
    assert_int_equal(get_selected(), 39 * 7 % 40);
    press(TOP_KEY_DOWN);
    press(TOP_KEY_PAGE_DOWN);
    assert_int_equal(get_selected(), 39 * 7 % 40);
    assert_int_equal(find_selected(), FIRST_ROW + PAGE - 1);
    press(TOP_KEY_UP);
    assert_int_equal(find_selected(), FIRST_ROW + PAGE - 2);
    press(TOP_KEY_PAGE_UP);
    assert_int_equal(get_selected(), 20 * 7 % 40);
    press(TOP_KEY_HOME);
    assert_int_equal(get_selected(), 0);
    assert_int_equal(find_selected(), FIRST_ROW);
}

static void test_selection_sticks(void **state) {
    (void)state;
    press_many(TOP_KEY_DOWN, 3); /* 21 */
    struct thing kept = things[3];
    memmove(things + 5, things, 40 * sizeof *things); /* five more before it */
    for (size_t i = 0; i < 5; i++)
        things[i] = (struct thing){.key = i, .name = "new", .number = 100};
    thing_count = 45;
    assert_int_equal(get_selected(), 21);
    assert_int_equal(find_selected(), FIRST_ROW + 8);
    things[44] = kept;
    things[8].key = 77;
    assert_int_equal(get_selected(), 21);
    assert_int_equal(find_selected(), FIRST_ROW + PAGE - 1);
    type("s"); /* NAME */
    assert_int_equal(get_selected(), 21);
    things[44].key = 78; /* it is gone: what stands in its place is selected, not the top */
    assert_true(find_selected() > FIRST_ROW);
    thing_count = 0;
    assert_int_equal(find_selected(), -1);
    assert_shows("no sockets");
    press(TOP_KEY_DOWN);
    press(TOP_KEY_ENTER);
    assert_int_equal(find_selected(), -1);
}

static void test_clicks(void **state) {
    (void)state;
    assert_int_equal(click(FIRST_ROW), TOP_NOTHING);
    assert_hides("line 1");
    assert_int_equal(get_selected(), 0);
    click(FIRST_ROW + 4);
    assert_int_equal(get_selected(), 28);
    click(0);
    click(FIRST_ROW - 1);
    click(ROWS - 1);
    click(-5);
    click(5000);
    assert_int_equal(get_selected(), 28);
    click(FIRST_ROW + 4);
    assert_shows("api.list line 1");
    click(FIRST_ROW + 4);
    assert_shows("api.list line 1");
}

/* --- tabs, order, filter --- */

static void test_tabs(void **state) {
    (void)state;
    press(TOP_KEY_TAB);
    assert_shows("groups|[tasks]|");
    press(TOP_KEY_RIGHT);
    assert_shows("|[locks]|");
    press(TOP_KEY_LEFT);
    press(TOP_KEY_BACK_TAB);
    press(TOP_KEY_BACK_TAB);
    assert_shows("|[threads]");
    press(TOP_KEY_TAB);
    assert_shows("[groups]|");
    type("4");
    assert_shows("|[sockets]|");
    assert_shows("no sockets");
    type("6");
    type("0");
    assert_shows("|[sockets]|");
}

static void test_tabs_keep_what_is_selected(void **state) {
    (void)state;
    press(TOP_KEY_DOWN);
    type("2");
    assert_int_equal(get_selected(), 0);
    type("1");
    assert_int_equal(get_selected(), 7);
}

static void test_sort(void **state) {
    (void)state;
    type("s");
    assert_shows("NAME ^");
    type("s");
    assert_shows("  N v");
    assert_int_equal(get_selected(), 39);
    type("r");
    assert_shows("  N ^");
    assert_int_equal(get_selected(), 0);
    type("s"); /* HIDDEN is skipped */
    assert_shows("LAST ^");
    type("s");
    assert_hides("^");
    type("S");
    assert_shows("LAST ^");
    type("SSSr");
    assert_shows("\n^ NAME");
    assert_int_equal(get_selected(), 39 * 7 % 40);
}

static void test_filter(void **state) {
    (void)state;
    type("/");
    assert_shows("\n/_  Enter keep");
    type("zebq");
    assert_shows("\n/zebq_");
    assert_shows("no row has what the filter asks for");
    press(TOP_KEY_BACKSPACE);
    assert_shows("Zebra");
    assert_hides("worker");
    press(TOP_KEY_DOWN);
    assert_int_equal(get_selected(), 6 * 7 % 40);
    press(TOP_KEY_ENTER);
    assert_shows("\n/zeb  Tab [groups]|");
    assert_hides("worker");
    press(TOP_KEY_ESCAPE);
    assert_shows("worker");
    assert_hides("/zeb");
    assert_int_equal(get_selected(), 6 * 7 % 40);
    type("/wor");
    press(TOP_KEY_ESCAPE);
    assert_shows("Zebra");
    assert_shows("\nTab");
}

static void test_filter_beyond_ascii(void **state) {
    (void)state;
    type("/");
    static const uint32_t characters[] = {0xe9, 0, 0x1b, 0x202e, 0x110000, 0xd800, UINT32_MAX};
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        const struct top_key key = {.kind = TOP_KEY_CHARACTER, .character = characters[i]};
        top_view_press(view, &input, &key, rows, COLUMNS);
    }
    assert_shows("\n/\u00e9_");
    assert_shows("caf\u00e9");
    assert_hides("Zebra");
    input.ascii = true;
    assert_shows("\n/\\xe9_");
    press(TOP_KEY_BACKSPACE);
    press(TOP_KEY_BACKSPACE);
    assert_shows("\n/_");
}

static void test_filter_is_bounded(void **state) {
    (void)state;
    type("/");
    for (int i = 0; i < 100; i++) {
        const struct top_key key = {.kind = TOP_KEY_CHARACTER, .character = 0x1f40d};
        top_view_press(view, &input, &key, rows, COLUMNS);
    }
    draw();
    size_t snakes = 0;
    for (const char *at = text; (at = strstr(at, "\U0001f40d")) != NULL; at++)
        snakes++;
    assert_in_range(snakes, 40, 60);
    for (int i = 0; i < 60; i++)
        press(TOP_KEY_BACKSPACE);
    assert_shows("\n/_");
}

/* --- details, findings, help --- */

static void test_details(void **state) {
    (void)state;
    press(TOP_KEY_DOWN);
    press(TOP_KEY_ENTER);
    assert_shows("header\n---");
    assert_shows("\nworker line 1\n");
    assert_shows("worker line 21\nEsc back  up/down/PgUp/PgDn scroll  lines 1-21 of 50");
    press(TOP_KEY_UP);
    press(TOP_KEY_DOWN);
    assert_shows("-\nworker line 2\n");
    press(TOP_KEY_PAGE_DOWN);
    assert_shows("-\nworker line 23\n");
    press_many(TOP_KEY_DOWN, 500);
    assert_shows("worker line 50\nEsc");
    press(TOP_KEY_UP);
    assert_shows("worker line 49\nEsc");
    press(TOP_KEY_HOME);
    press(TOP_KEY_END);
    assert_shows("worker line 50\nEsc");
    press(TOP_KEY_ESCAPE);
    assert_int_equal(get_selected(), 7);
}

static void test_ways_out_of_details(void **state) {
    (void)state;
    static const enum top_key_kind ways[] = {TOP_KEY_ESCAPE, TOP_KEY_ENTER, TOP_KEY_LEFT,
                                             TOP_KEY_BACKSPACE};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        press(TOP_KEY_ENTER);
        assert_shows("line 1");
        assert_int_equal(press(ways[i]), TOP_NOTHING);
        assert_hides("line 1");
    }
    press(TOP_KEY_ENTER);
    assert_int_equal(type("q"), TOP_NOTHING);
    assert_hides("line 1");
}

static void test_details_of_what_is_gone(void **state) {
    (void)state;
    press(TOP_KEY_ENTER);
    things[0].key = 5;
    assert_shows("it is not there any more");
    live.snapshot = NULL;
    assert_shows("it is not there any more");
    input.live = NULL;
    assert_shows("there is no process");
    press(TOP_KEY_DOWN);
}

static void test_finding_details(void **state) {
    (void)state;
    type("!");
    assert_shows("nothing was found");
    press(TOP_KEY_ESCAPE);
    live.finding_count = 3;
    type("!");
    assert_shows("\nfinding 0 line 1\nfinding 0 line 2\n\nfinding 2 line 1\nfinding 2 line 2\n");
}

static void test_help(void **state) {
    (void)state;
    type("?");
    assert_shows("\nKEYS\nup, down      select a row;");
    type("h");
    assert_hides("KEYS");
    type("h");
    press(TOP_KEY_END);
    assert_shows("\nFINDING ");
    type("?");
    press(TOP_KEY_ENTER);
    type("?");
    assert_shows("KEYS");
}

/* --- what the caller is to do --- */

static void test_actions(void **state) {
    (void)state;
    assert_int_equal(type("d"), TOP_WRITE_DUMP);
    assert_false(top_view_is_frozen(view));
    assert_int_equal(type("f"), TOP_FREEZE);
    assert_true(top_view_is_frozen(view));
    assert_shows("  FROZEN\n");
    assert_shows("f go on");
    assert_int_equal(type(" "), TOP_FREEZE);
    assert_hides("FROZEN");
    press(TOP_KEY_ENTER);
    assert_int_equal(type("f"), TOP_FREEZE);
    assert_shows("  FROZEN\n");
    assert_int_equal(type("d"), TOP_WRITE_DUMP);
    type("q");
    assert_int_equal(type("q"), TOP_QUIT);
    assert_int_equal(type("/q"), TOP_NOTHING);
    press(TOP_KEY_ENTER);
    assert_int_equal(press(TOP_KEY_ESCAPE), TOP_NOTHING);
    assert_int_equal(press(TOP_KEY_ESCAPE), TOP_NOTHING);
    input.can_go_back = true;
    assert_shows("Esc processes");
    assert_int_equal(press(TOP_KEY_ESCAPE), TOP_LEAVE_PROCESS);
}

static void test_no_picture_yet(void **state) {
    (void)state;
    live.snapshot = NULL;
    live.finding_count = 3;
    assert_shows("the first picture is being taken");
    assert_int_equal(type("d"), TOP_NOTHING);
    press(TOP_KEY_DOWN);
    press(TOP_KEY_ENTER);
    type("s!");
    assert_shows("nothing was found");
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

/* --- processes --- */

static const char *const master[] = {"/usr/bin/gunicorn", "app:app"};
static struct top_process processes[4];
static struct live_loop loops[2];

static void make_processes(void) {
    for (size_t i = 0; i < 4; i++)
        processes[i] = (struct top_process){.pid = 100 + (int64_t)i,
                                            .parent = 100,
                                            .command_line = master,
                                            .command_line_count = 2,
                                            .gone_s = NAN};
    processes[0].parent = SNAPSHOT_UNKNOWN;
    processes[0].why = "no asyncio";
    processes[1].live = &live;
    processes[2].parent = 101;
    processes[3].gone_s = 12;
    processes[3].live = &live;
    snapshot.verdict.text = "OK - no problem found";
    loops[0] = (struct live_loop){.busy = 0.25, .ready = 3, .blocks = 2};
    loops[1] = (struct live_loop){.busy = 0.75, .ready = SNAPSHOT_UNKNOWN, .blocks = 1};
    static struct snapshot_loop loop = {.state = SNAPSHOT_LOOP_RUNNING, .tid = 7};
    static struct snapshot_thread threads[3];
    static const struct live_thread thread_rows[3] = {{.cpu = NAN}, {.cpu = 0.1}, {.cpu = 0.025}};
    snapshot.event_loops.items = &loop;
    snapshot.event_loops.count = 1;
    snapshot.threads.items = threads;
    snapshot.threads.count = 3;
    live.thread_rows = thread_rows;
    live.loops = loops;
    live.loop_count = 2;
    live.tasks = 331;
    input.live = NULL;
    input.processes = processes;
    input.process_count = 4;
}

static void test_processes(void **state) {
    (void)state;
    make_processes();
    assert_shows(
        "\n"
        "      PID STATE        BUSY%  TASKS READY BLOCKS  CPU% FINDING                      "
        "COMMAND\n"
        ">     100 -                -      -     -      -     - no asyncio                   "
        "gunicorn app:app\n"
        "      101 busy            75    331     3      3  12.5 no problem found             "
        "  gunicorn ap...\n"
        "      102 -                -      -     -      -     - not watched                  "
        "    gunicorn ...\n"
        "      103 gone             -      -     -      -     - gone 12.0 s ago              "
        "  gunicorn ap...\n");
    live.snapshot = NULL;
    assert_shows("\n      101 -               75      -     3      3     - the first picture is");
    type("/orn");
    press(TOP_KEY_ENTER);
    type("ssss"); /* TASKS; those that have none keep their order */
    assert_int_equal(find_selected(), FIRST_ROW);
    assert_shows("/orn  Enter look into it");
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
        "\n>     102 -                -      -     -      -     - not watched               "
        "   gunicorn app:app\n");
}

static void test_entering_a_process(void **state) {
    (void)state;
    type("/zeb");
    press(TOP_KEY_ENTER);
    make_processes();
    assert_int_equal(press(TOP_KEY_ENTER), TOP_NOTHING); /* not watched */
    press(TOP_KEY_DOWN);
    assert_int_equal(press(TOP_KEY_ENTER), TOP_ENTER_PROCESS);
    assert_int_equal(top_view_get_process(view), 101);
    assert_int_equal(type("d"), TOP_NOTHING);
    assert_int_equal(type("!3"), TOP_NOTHING);
    assert_int_equal(press(TOP_KEY_TAB), TOP_NOTHING);
    assert_int_equal(press(TOP_KEY_ESCAPE), TOP_NOTHING);
    input.live = &live;
    assert_shows("\nTab [groups]|"); /* without the filter of another process */
    input.live = NULL;
    assert_shows(">     101");
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
        for (int width = 1; width <= 120; width += height % 3 ? 3 : 1)
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
        TEST(test_moving),
        TEST(test_selection_sticks),
        TEST(test_clicks),
        TEST(test_tabs),
        TEST(test_tabs_keep_what_is_selected),
        TEST(test_sort),
        TEST(test_filter),
        TEST(test_filter_beyond_ascii),
        TEST(test_filter_is_bounded),
        TEST(test_details),
        TEST(test_ways_out_of_details),
        TEST(test_details_of_what_is_gone),
        TEST(test_finding_details),
        TEST(test_help),
        TEST(test_actions),
        TEST(test_no_picture_yet),
        TEST(test_notice),
        TEST(test_processes),
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
