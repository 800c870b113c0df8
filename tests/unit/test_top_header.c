/* What stands above the table of `top`: known numbers, unknown ones, hostile names, any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <string.h>

#include "../support/made_live.h"

#define EVIL "\033[31m\u202e\nevil\u4e2d\u6587"

static struct snapshot *snapshot;
static struct live *live;
static struct arena *arena;
static struct top_input input;
static struct screen *screen;

static int set_up(void **state) {
    (void)state;
    static const char *words[] = {"/usr/bin/python3", "/srv/uvicorn.py", "app:api"};
    snapshot = snapshot_create();
    arena = arena_create();
    snapshot->target.pid = 4242;
    snapshot->target.python_version = "3.11.7";
    snapshot->target.command_line = words;
    snapshot->target.command_line_count = 3;
    snapshot->files = (struct snapshot_files){SNAPSHOT_UNKNOWN, SNAPSHOT_UNKNOWN};
    live = made_live_create(snapshot);
    input = (struct top_input){.clock = "04:12:07", .refresh_s = 1, .live = live};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    screen_destroy(screen);
    screen = NULL;
    arena_destroy(arena);
    snapshot_destroy(snapshot);
    return 0;
}

static const struct live_loop busy_loop = {
    .id = 1,
    .tid = 4242,
    .thread = "MainThread",
    .state = SNAPSHOT_LOOP_RUNNING,
    .busy = 0.61,
    .iteration_median_s = 0.002,
    .iteration_worst_s = 1.24,
    .lag_s = 0.009,
    .ready = 14,
    .blocks = 7,
    .worst = {12, 1.24, "req-812", "build_csv", "app/report.py", 57, "sleep"},
    .executor = {.id = 2, .max_workers = 6, .busy = 6, .idle = 0, .queued = 9},
};

static void know_everything(void) {
    static const struct live_wait waits[] = {
        {SNAPSHOT_WAIT_STREAM_READ, 200}, {SNAPSHOT_WAIT_LOCK, 63},
        {SNAPSHOT_WAIT_QUEUE_GET, 22},    {SNAPSHOT_WAIT_SLEEP, 18},
        {SNAPSHOT_WAIT_EXECUTOR, 9},      {SNAPSHOT_WAIT_TASK, 3},
        {SNAPSHOT_WAIT_SOCKET_WRITE, 1},
    };
    snapshot->files = (struct snapshot_files){88, 1024};
    live->loops = &busy_loop;
    live->loop_count = 1;
    live->tasks = 331;
    live->states[SNAPSHOT_TASK_RUNNING] = 1;
    live->states[SNAPSHOT_TASK_READY] = 10;
    live->states[SNAPSHOT_TASK_NOT_STARTED] = 4;
    live->states[SNAPSHOT_TASK_WAITING] = 316;
    live->births = 12;
    live->deaths = 11;
    live->waits = waits;
    live->wait_count = 7;
    live->gil = 0.58;
    live->gil_others = 0.2;
    live->gc = 0.01;
    live->accept_queue = 0;
    live->accept_max = 128;
    live->samples = 60;
    live->torn = 2;
    live->paused = 0.004;
    live->longest_pause_s = 0.0009;
    live->own_cpu = 0.013;
    live->picture_age_s = 0.1;
}

static struct top_words *open_screen(int rows, int columns) {
    screen_destroy(screen);
    screen = screen_create(rows, columns);
    return top_words_create(arena, &input, columns);
}

static int draw_header(int rows, int columns, int most) {
    struct top_words *words = open_screen(rows, columns);
    return top_draw_header(words, screen, 0, most);
}

static int draw_findings(int rows, int columns, int most) {
    struct top_words *words = open_screen(rows, columns);
    return top_draw_findings(words, screen, 0, most);
}

static void check_rows(int count, const char *const *expected) {
    for (int i = 0; i < count; i++)
        assert_string_equal(made_live_get_row(arena, screen, i), expected[i]);
    assert_string_equal(made_live_get_row(arena, screen, count), "");
}

static void test_narrow(void **state) {
    (void)state;
    static const char *const expected[] = {
        "asyncspy top  pid 4242  uvicorn.py app:api  CPython 3.11.7              04:12:07",
        "Loop [###--] 61% busy  iteration >=2.0 ms, worst >=1.2 s  lag 9.0 ms  ready 14",
        "Blocked 7 times >100 ms in 60 s, worst >=1.2 s  req-812  sleep  app/report.py:57",
        "Tasks 331 (+12/s -11/s)  run 1  ready 14  wait 316   Executor 6/6 busy, 9 queued",
        "GIL 58% (other threads 20%)  GC 1%  accept queue 0/128  fds 88/1024",
        "Wait [socket 201][lock 63][queue 22][sleep 18][executor 9][task 3]",
        "60 samples, 0 failed, 2 torn  asyncspy 1.3 % CPU  stopped 0.4 %  longest 0.9 ms",
    };
    know_everything();
    assert_int_equal(draw_header(24, 80, 10), 7);
    check_rows(7, expected);
    assert_int_equal(draw_header(19, 80, 10), 6);
    check_rows(6, expected);
    assert_int_equal(draw_header(24, 80, 3), 3);
    check_rows(3, expected);
}

static void test_wide(void **state) {
    (void)state;
    know_everything();
    draw_header(60, 200, 10);
    assert_string_equal(made_live_get_row(arena, screen, 0),
                        arena_format(arena, "%-165s04:12:07   every 1 s  stopped 0.4 %%",
                                     "asyncspy top  pid 4242  uvicorn.py app:api  CPython 3.11.7"));
    assert_string_equal(made_live_get_row(arena, screen, 1),
                        "Loop MainThread [############--------] 61% busy  iteration >=2.0 ms "
                        "median, >=1.2 s worst  lag 9.0 ms  ready 14");
    assert_string_equal(made_live_get_row(arena, screen, 2),
                        "Blocked 7 times >100 ms in the last 60 s, worst >=1.2 s 12 s ago  req-812"
                        "  sleep < build_csv  app/report.py:57");
    assert_string_equal(made_live_get_row(arena, screen, 3),
                        "Tasks 331 (+12/s -11/s)  run 1  ready 14  wait 316   Executor 6/6 busy, "
                        "9 queued   GIL 58% (other threads 20%)  GC 1%  accept queue 0/128  fds "
                        "88/1024");
}

/* The numbers that found no room stand at the end of the line of waits. */
static void test_shared_line(void **state) {
    (void)state;
    know_everything();
    draw_header(24, 120, 10);
    assert_string_equal(made_live_get_row(arena, screen, 4),
                        "Wait [socket 201][lock 63][queue 22][sleep 18][executor 9][task 3]"
                        "                       accept queue 0/128  fds 88/1024");
}

/* What is not known is left out; it is never 0. */
static void test_unknown(void **state) {
    (void)state;
    static const char *const expected[] = {
        "asyncspy top                                                04:12:07   every 1 s",
        "Loop busy -",
        "Tasks 0  run 0  ready 0  wait 0",
        "0 samples, 0 failed, 0 torn",
    };
    live->loops = &made_live_loop;
    live->loop_count = 1;
    snapshot->target = (struct snapshot_target){.pid = SNAPSHOT_UNKNOWN};
    assert_int_equal(draw_header(24, 80, 10), 4);
    check_rows(4, expected);
}

static void test_no_picture(void **state) {
    (void)state;
    static const char *const expected[] = {
        "asyncspy top                                                04:12:07   every 1 s",
        "Loop MainThread stopped",
        "GIL 58%",
        "0 samples, 0 failed, 0 torn",
    };
    struct live_loop loop = made_live_loop;
    loop.thread = "MainThread";
    loop.state = SNAPSHOT_LOOP_STOPPED;
    live->snapshot = NULL;
    live->gil = 0.58;
    live->loops = &loop;
    live->loop_count = 1;
    assert_int_equal(draw_header(24, 80, 10), 4);
    check_rows(4, expected);
    input.live = NULL;
    assert_int_equal(draw_header(24, 80, 10), 1);
}

static void test_many_loops(void **state) {
    (void)state;
    struct live_loop loops[5];
    for (size_t i = 0; i < 5; i++)
        loops[i] = busy_loop;
    live->loops = loops;
    live->loop_count = 5;
    draw_header(24, 80, 10);
    assert_string_equal(
        made_live_get_row(arena, screen, 2),
        "Loop MainThread 61% busy  iter >=2.0 ms, worst >=1.2 s  lag 9.0 ms  ready 14");
    assert_string_equal(made_live_get_row(arena, screen, 3), "and 3 more loops");
    assert_non_null(strstr(made_live_get_row(arena, screen, 4), "Blocked 35 times"));
    draw_header(60, 80, 10);
    assert_string_equal(made_live_get_row(arena, screen, 5), made_live_get_row(arena, screen, 1));
}

static bool has_style(int row, enum screen_style style) {
    for (int i = 0; i < screen->columns; i++)
        if (screen->cells[row * screen->columns + i].style == style)
            return true;
    return false;
}

/* What needs a look has a colour, and words that say the same. */
static void test_alarms(void **state) {
    (void)state;
    struct live_loop loop = busy_loop;
    know_everything();
    draw_header(24, 120, 10);
    assert_false(has_style(1, SCREEN_ALARM) || has_style(2, SCREEN_ALARM));
    assert_true(has_style(3, SCREEN_WARNING) && !has_style(4, SCREEN_WARNING));
    loop.state = SNAPSHOT_LOOP_BLOCKED;
    loop.worst.ended_s = 0;
    live->loops = &loop;
    live->picture_age_s = 7;
    snapshot->files.open = 1000;
    draw_header(24, 120, 10);
    assert_true(has_style(1, SCREEN_ALARM) && has_style(2, SCREEN_ALARM));
    assert_true(has_style(4, SCREEN_WARNING) && has_style(5, SCREEN_WARNING));
    assert_non_null(strstr(made_live_get_row(arena, screen, 1), "blocked, 61%"));
    assert_non_null(strstr(made_live_get_row(arena, screen, 2), "worst >=1.2 s goes on"));
    assert_non_null(strstr(made_live_get_row(arena, screen, 5), "picture 7.0 s old  60 samples"));
}

static void be_hostile(struct live_loop *loop, struct live_finding *finding) {
    static const char *words[] = {EVIL EVIL, EVIL};
    know_everything();
    *loop = busy_loop;
    loop->thread = loop->worst.task = loop->worst.frame = loop->worst.callee = EVIL;
    loop->worst.file = EVIL ".py";
    *finding = (struct live_finding){
        SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN, EVIL EVIL, EVIL, LIVE_NEW, 4, false, 0};
    live->loops = loop;
    live->findings = finding;
    live->finding_count = 1;
    snapshot->target.command_line = words;
    snapshot->target.command_line_count = 2;
    snapshot->target.python_version = EVIL;
    input.clock = EVIL;
}

/* Whatever the names and the size. */
static void test_hostile(void **state) {
    (void)state;
    struct live_loop loop;
    struct live_finding finding;
    be_hostile(&loop, &finding);
    for (int ascii = 0; ascii < 2; ascii++)
        for (int columns = 1; columns < 220; columns += columns < 100 ? 1 : 17)
            for (int most = 0; most < 9; most += 2) {
                input.ascii = ascii;
                struct top_words *words = open_screen(24, columns);
                int used = top_draw_header(words, screen, 0, most);
                assert_in_range(used, 0, most);
                assert_in_range(top_draw_findings(words, screen, used, 2), 0, 2);
                made_live_check_screen(screen, ascii);
            }
    assert_non_null(
        strstr(made_live_get_row(arena, screen, 0), "\\x1b[31m\\u202e\\x0aevil\\u4e2d"));
}

static const struct live_finding findings[] = {
    {SNAPSHOT_FINDING_POOL_EXHAUSTED, SNAPSHOT_CERTAIN, "63 tasks wait for Semaphore#1",
     "StreamReader._wait_for_data <- Protocol.fetch  app/db.py:22", LIVE_KNOWN, 48, true, 0},
    {SNAPSHOT_FINDING_BACKLOG, SNAPSHOT_POSSIBLE, "3 clients", NULL, LIVE_KNOWN, 3, false, 1},
    {SNAPSHOT_FINDING_LOST_FUTURE, SNAPSHOT_LIKELY, "3 tasks", "app/hooks.py:88", LIVE_NEW, 4,
     false, 2},
    {SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN, "2 tasks", NULL, LIVE_GONE, 3, false, SIZE_MAX},
};

static void test_findings(void **state) {
    (void)state;
    static const char *const expected[] = {
        "!! POOL EXHAUSTED - 63 tasks wait for Semaphore#1                   app/db.py:22",
        " ! LOST FUTURE - 3 tasks                              app/hooks.py:88  new 4.0 s",
        "!! DEADLOCK - 2 tasks                                             gone 3.0 s ago",
        " ? BACKLOG - 3 clients",
    };
    live->findings = findings;
    live->finding_count = 4;
    assert_int_equal(draw_findings(24, 80, 9), 4);
    check_rows(4, expected);
    assert_true(has_style(0, SCREEN_ALARM) && has_style(1, SCREEN_WARNING));
    assert_false(has_style(2, SCREEN_ALARM));
    assert_int_equal(draw_findings(24, 80, 2), 2);
    assert_string_equal(made_live_get_row(arena, screen, 0), expected[0]);
    assert_string_equal(made_live_get_row(arena, screen, 1), "   ... 3 more findings (!)");
    assert_int_equal(draw_findings(24, 80, 1), 1);
    assert_string_equal(made_live_get_row(arena, screen, 0), "   ... 4 findings (!)");
    assert_int_equal(draw_findings(24, 80, 0), 0);
    draw_findings(24, 150, 9);
    assert_non_null(
        strstr(made_live_get_row(arena, screen, 0), "Protocol.fetch  app/db.py:22  for >=48.0 s"));
}

/* That it was looked for is told too. */
static void test_nothing_found(void **state) {
    (void)state;
    snapshot->verdict = (struct snapshot_verdict){.code = SNAPSHOT_FINDING_OK,
                                                  .text = "no problem found: \x1b loop healthy"};
    assert_int_equal(draw_findings(24, 80, 9), 1);
    assert_string_equal(made_live_get_row(arena, screen, 0),
                        "OK no problem found: \\x1b loop healthy");
    assert_true(has_style(0, SCREEN_GOOD));
    live->findings = findings + 3;
    live->finding_count = 1;
    assert_int_equal(draw_findings(24, 80, 9), 2);
    assert_non_null(strstr(made_live_get_row(arena, screen, 0), "OK no problem"));
    assert_non_null(strstr(made_live_get_row(arena, screen, 1), "gone 3.0 s ago"));
    assert_int_equal(draw_findings(24, 80, 1), 1);
    assert_int_equal(draw_findings(24, 80, 0), 0);
    assert_int_equal(draw_findings(24, 2, 9), 2);
    live->finding_count = 0;
    snapshot->verdict.code = SNAPSHOT_FINDING_DEADLOCK;
    assert_int_equal(draw_findings(24, 80, 9), 0);
    live->snapshot = NULL;
    assert_int_equal(draw_findings(24, 80, 9), 0);
}

/* A bound of 0 says nothing. */
static void test_finding_of_the_first_picture(void **state) {
    (void)state;
    static const struct live_finding first = {
        SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN, "2 tasks", NULL, LIVE_KNOWN, 0, true, 0};
    live->findings = &first;
    live->finding_count = 1;
    draw_findings(24, 150, 9);
    assert_string_equal(made_live_get_row(arena, screen, 0), "!! DEADLOCK - 2 tasks");
}

static void test_findings_that_come_and_go_now(void **state) {
    (void)state;
    struct live_finding now[4];
    memcpy(now, findings, sizeof now);
    now[2].since_s = now[3].since_s = 0.4;
    live->findings = now;
    live->finding_count = 4;
    draw_findings(24, 80, 9);
    const char *comes = made_live_get_row(arena, screen, 1);
    assert_string_equal(comes + strlen(comes) - 20, "app/hooks.py:88  new");
    const char *goes = made_live_get_row(arena, screen, 2);
    assert_string_equal(goes + strlen(goes) - 6, "  gone");
}

/* The place where a loop is blocked and that it still is are told on the smallest screen. */
static void test_block_on_small_screens(void **state) {
    (void)state;
    struct live_loop loop = busy_loop;
    know_everything();
    loop.worst.ended_s = 0;
    live->loops = &loop;
    draw_header(24, 80, 10);
    assert_string_equal(
        made_live_get_row(arena, screen, 2),
        "Blocked 7 times >100 ms, worst >=1.2 s goes on  req-812  sleep  app/report.py:57");
    draw_header(10, 45, 10);
    assert_string_equal(made_live_get_row(arena, screen, 2),
                        "Blocked >=1.2 s goes on  sleep  report.py:57");
    draw_header(12, 40, 10);
    assert_string_equal(made_live_get_row(arena, screen, 2),
                        "Blocked >=1.2 s goes on  report.py:57");
    loop.worst.ended_s = 0.4;
    draw_header(24, 200, 10);
    assert_non_null(strstr(made_live_get_row(arena, screen, 2), "worst >=1.2 s just now  req"));
}

/* How long a loop was blocked, and that it still is, do not give way to names and places. */
static void test_block_with_long_names(void **state) {
    (void)state;
    static const struct {
        double length_s, ended_s;
        uint64_t blocks;
        const char *task, *callee, *file, *expected;
    } cases[] = {
        {0.358, 3, 1, "request-export", "back_off", "server.py",
         "Blocked 1 time >100 ms, worst >=358 ms  request-export  back_off  server.py:76"},
        {5.96, 0, 1, "request-export", "back_off", "demo_server.py",
         "Blocked 1 time >100 ms, worst >=5.9 s goes on  back_off  demo_server.py:76"},
        {0.3586, 3, 15, "/pay", "Semaphore.acquire", "demo_server.py",
         "Blocked 15 times >100 ms, worst >=358 ms  Semaphore.acquire  demo_server.py:76"},
        {5.96, 0, 15, "/pay", "Semaphore.acquire", "demo_server.py",
         "Blocked 15 times, worst >=5.9 s goes on  Semaphore.acquire  demo_server.py:76"},
        {5.96, 0, 15, "/pay", "ConnectionPool.acquire", "app/demo_server.py",
         "Blocked 15 times, worst >=5.9 s goes on  ConnectionPool.acq... demo_server.py:76"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct live_loop loop = busy_loop;
        loop.blocks = cases[i].blocks;
        loop.worst = (struct live_block){.ended_s = cases[i].ended_s,
                                         .length_s = cases[i].length_s,
                                         .task = cases[i].task,
                                         .callee = cases[i].callee,
                                         .file = cases[i].file,
                                         .line = 76};
        live->loops = &loop;
        live->loop_count = 1;
        draw_header(24, 80, 10);
        assert_string_equal(made_live_get_row(arena, screen, 2), cases[i].expected);
    }
}

/* A colour never says more than the words: the longest block is over, a shorter one goes on. */
static void test_alarm_of_another_block(void **state) {
    (void)state;
    struct live_loop loops[2] = {busy_loop, busy_loop};
    loops[1].worst.ended_s = 0;
    loops[1].worst.length_s = 0.2;
    live->loops = loops;
    live->loop_count = 2;
    draw_header(24, 120, 10);
    assert_null(strstr(made_live_get_row(arena, screen, 3), "goes on"));
    assert_false(has_style(3, SCREEN_ALARM));
}

/* Which is not the same as that nothing was late. */
static void test_unknown_lag(void **state) {
    (void)state;
    struct live_loop loop = busy_loop;
    live->loops = &loop;
    live->loop_count = 1;
    loop.lag_s = NAN;
    draw_header(24, 80, 10);
    assert_string_equal(made_live_get_row(arena, screen, 1),
                        "Loop [######----] 61% busy  iteration >=2.0 ms, worst >=1.2 s  ready 14");
    loop.lag_s = 0;
    draw_header(24, 80, 10);
    assert_string_equal(
        made_live_get_row(arena, screen, 1),
        "Loop [###--] 61% busy  iteration >=2.0 ms, worst >=1.2 s  lag 0 ms  ready 14");
}

static void test_refresh(void **state) {
    (void)state;
    input.refresh_s = 0.14;
    draw_header(24, 120, 10);
    assert_non_null(strstr(made_live_get_row(arena, screen, 0), "every 0.14 s"));
}

/* Half a number would be another one. */
static void test_pid_on_small_screens(void **state) {
    (void)state;
    draw_header(5, 20, 1);
    assert_string_equal(made_live_get_row(arena, screen, 0), "pid 4242");
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_narrow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wide, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shared_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_loops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_alarms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_findings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_finding_of_the_first_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_findings_that_come_and_go_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_block_on_small_screens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_block_with_long_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_alarm_of_another_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_lag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refresh, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pid_on_small_screens, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
