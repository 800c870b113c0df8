/* The screen of `top`: what each key does, and what stays selected. */
#include "../support/made_live.h"
#include "../support/top_stage.h"

/* --- rows --- */

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

/* A row that is gone leaves the selection where it was seen last, not where a key chose it. */
static void test_selection_stays_in_place(void **state) {
    (void)state;
    press_many(TOP_KEY_DOWN, 5);
    assert_int_equal(find_selected(), FIRST_ROW + 5);
    struct thing moved = things[5];
    memmove(things + 1, things, 5 * sizeof *things);
    things[0] = moved;
    assert_int_equal(find_selected(), FIRST_ROW);
    things[0].key = 77;
    assert_int_equal(find_selected(), FIRST_ROW);
    type("/caf"); /* what a filter hides is not gone */
    press(TOP_KEY_ENTER);
    things[8].key = moved.key;
    assert_int_equal(find_selected(), FIRST_ROW);
    press(TOP_KEY_ESCAPE);
    assert_int_equal(find_selected(), FIRST_ROW + 8);
    type("2"); /* so it is in each tab */
    press_many(TOP_KEY_DOWN, 3);
    type("1");
    assert_int_equal(find_selected(), FIRST_ROW + 8);
    things[8].key = 78;
    assert_int_equal(find_selected(), FIRST_ROW + 8);
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

static void test_clicks_on_tabs(void **state) {
    (void)state;
    draw();
    click_on("threads");
    assert_shows("|[threads]");
    click_on("[threads]");
    click_on("groups");
    assert_shows("Tab [groups]|tasks|");
    click_on("Tab");
    click_on("|tasks");
    assert_shows("[groups]|");
    click_on("tasks");
    assert_shows("|[tasks]|");
    click_at(FIRST_ROW, 10); /* only in the last row */
    assert_shows("|[tasks]|");
    input.notice = "tasks";
    draw();
    click_on("tasks");
    assert_int_equal(get_selected(), 0);
    input.notice = NULL;
    assert_shows("|[tasks]|");
    input.live = NULL;
    make_processes();
    click_at(ROWS - 1, 6);
    input.live = &live;
    assert_shows("|[tasks]|");
}

static void test_clicks_on_headings(void **state) {
    (void)state;
    draw();
    click_on("NAME");
    assert_shows("NAME ^");
    click_on("NAME");
    assert_shows("NAME v");
    click_on("NAME");
    assert_shows("NAME ^");
    click_on("LAST");
    assert_shows("LAST ^");
    click_at(FIRST_ROW - 1, 0); /* no column */
    click_at(FIRST_ROW - 1, COLUMNS);
    assert_shows("LAST ^");
    rows = 3; /* there is no heading */
    click_at(0, 5);
    click_at(1, 5);
    rows = ROWS;
    assert_shows("LAST ^");
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

/* A column that has no room comes into sight when the rows are sorted by it. */
static void test_sort_where_room_is_short(void **state) {
    (void)state;
    static const char *const titles[] = {"PID v",    "STATE ^", "BUSY% v",   "TASKS v",  "READY v",
                                         "BLOCKS v", "CPU% v",  "FINDING ^", "COMMAND ^"};
    const struct top_key key = {.kind = TOP_KEY_CHARACTER, .character = 's'};
    make_processes();
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        struct screen *narrow = screen_create(ROWS, 72);
        struct arena *arena = arena_create();
        top_view_press(view, &input, &key, ROWS, 72);
        top_draw(view, &input, narrow);
        assert_non_null(strstr(made_live_get_row(arena, narrow, FIRST_ROW - 1), titles[i]));
        arena_destroy(arena);
        screen_destroy(narrow);
    }
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
    assert_shows("\n/zeb  [groups]|tasks|");
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

/* What is opened while the filter is typed: from then on keys are keys. */
static void test_filter_ends_with_a_click(void **state) {
    (void)state;
    type("/wor");
    click(FIRST_ROW + 1);
    assert_shows("\n/wor_");
    click(FIRST_ROW + 1);
    assert_shows("worker line 1");
    type("q");
    assert_shows("\n/wor  ");
    make_processes();
    type("/orn");
    click(FIRST_ROW + 1);
    assert_int_equal(click(FIRST_ROW + 1), TOP_ENTER_PROCESS);
    assert_int_equal(type("q"), TOP_QUIT);
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
    assert_int_equal(screen->cells[2 * COLUMNS].text[0], 'K');
    assert_int_equal(screen->cells[2 * COLUMNS].style, SCREEN_BOLD);
    assert_int_equal(screen->cells[3 * COLUMNS].style, SCREEN_PLAIN);
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
    assert_int_equal(type("d"), TOP_WRITE_DUMP); /* the caller says that there is none */
    press(TOP_KEY_DOWN);
    press(TOP_KEY_ENTER);
    type("s!");
    assert_shows("nothing was found");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)
        TEST(test_moving),
        TEST(test_selection_sticks),
        TEST(test_selection_stays_in_place),
        TEST(test_clicks),
        TEST(test_clicks_on_tabs),
        TEST(test_clicks_on_headings),
        TEST(test_tabs),
        TEST(test_tabs_keep_what_is_selected),
        TEST(test_sort),
        TEST(test_sort_where_room_is_short),
        TEST(test_filter),
        TEST(test_filter_beyond_ascii),
        TEST(test_filter_ends_with_a_click),
        TEST(test_filter_is_bounded),
        TEST(test_details),
        TEST(test_ways_out_of_details),
        TEST(test_details_of_what_is_gone),
        TEST(test_finding_details),
        TEST(test_help),
        TEST(test_actions),
        TEST(test_no_picture_yet),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
