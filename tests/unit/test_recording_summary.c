/* What a recording tells at first sight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/made_profile.h"
#include "../support/rendering.h"
#include "asyncspy/render/recording_summary.h"

static const char *command_line[] = {"python3", "app.py", "--port=80"};

struct fixture {
    struct made_profile *running, *tasks;
    struct recording_info info;
    struct recording_end end;
    struct recording_summary summary;
};

static int set_up(void **state) {
    static struct fixture f;
    f.running = made_profile_create(PROFILE_RUNNING);
    f.tasks = made_profile_create(PROFILE_TASKS);
    f.info = (struct recording_info){.rate = 100};
    f.info.target.pid = 42;
    f.info.target.python_version = "3.11.7";
    f.info.target.command_line = command_line;
    f.info.target.command_line_count = 3;
    f.end = (struct recording_end){.time_s = 10, .reason = "the process ended", .samples = 1000};
    f.summary = (struct recording_summary){.info = &f.info, .end = &f.end};
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    made_profile_destroy(f->running);
    made_profile_destroy(f->tasks);
    return 0;
}

/* free() it. */
static char *write_summary(struct fixture *f, int width) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    f->summary.running = made_profile_end(f->running, f->end.time_s);
    f->summary.tasks = made_profile_end(f->tasks, f->end.time_s);
    assert_null(render_recording_summary(&f->summary, width, out));
    fclose(out);
    return text;
}

static void expect(struct fixture *f, const char *expected) {
    char *text = write_summary(f, 80);
    assert_string_equal(text, expected);
    rendering_check_lines(text, 80, false);
    free(text);
}

static void test_normal(void **state) {
    struct fixture *f = *state;
    made_profile_add(f->running, "main app.py:3; parse json.py:12", 2.5);
    made_profile_add(f->running, "main app.py:3; other app.py:30", 0.5);
    made_profile_add(f->running, "main app.py:3; seldom app.py:31", 0.001);
    made_profile_add(f->tasks, "work app.py:9; ~Lock#1 'pool'", 30);
    made_profile_add(f->tasks, "work app.py:10; ~sleep", 10);
    f->end.failed = 10;
    f->end.late_s = 2;
    f->end.pause_s = 0.1;
    f->end.longest_pause_s = 0.004;
    f->summary.file = "out.html";
    f->summary.where = "a browser";
    expect(f, "1000 samples in 10.0 s of process 42, python 3.11.7, until the process ended\n"
              "  python3 app.py --port=80\n"
              "  errors: 10 (1.0 %); late: 2.0 ms on average\n"
              "  the process was stopped 1.0 % of the time, 4.0 ms at most\n"
              "on the loop, by the time in the function itself\n"
              "   25.0 %      2.5 s  parse (json.py)\n"
              "    5.0 %     500 ms  other (app.py)\n"
              "tasks wait for, by the time of all tasks\n"
              "   75.0 %     30.0 s  Lock#1 'pool'\n"
              "   25.0 %     10.0 s  sleep\n"
              "written: out.html\n"
              "  open it with a browser\n");
}

static void test_nothing_ran(void **state) {
    expect(*state, "1000 samples in 10.0 s of process 42, python 3.11.7, until the process ended\n"
                   "  python3 app.py --port=80\n"
                   "  errors: 0 (0.0 %); late: 0.0 ms on average\n"
                   "  the process was never stopped\n"
                   "on the loop, by the time in the function itself\n"
                   "  nothing ran\n"
                   "tasks wait for, by the time of all tasks\n"
                   "  no task waited\n");
}

static void test_empty(void **state) {
    struct fixture *f = *state;
    f->end = (struct recording_end){.reason = "interrupted", .failed = 3};
    f->info.target.command_line_count = 0;
    f->info.target.python_version = NULL;
    expect(f, "0 samples in 0.0 ms of process 42, python ?, until interrupted\n"
              "  errors: 3 (75.0 %); late: 0.0 ms on average\n"
              "  the process was never stopped\n");
}

static void test_cut_off(void **state) {
    struct fixture *f = *state;
    f->end = (struct recording_end){.time_s = 1};
    expect(f, "0 samples in 1.0 s of process 42, python 3.11.7, cut off\n"
              "  python3 app.py --port=80\n"
              "  errors: 0 (0.0 %); late: 0.0 ms on average\n"
              "  the process was never stopped\n");
}

/* Names of any length that want to take over the terminal. */
static void test_hostile_names(void **state) {
    struct fixture *f = *state;
    char name[600];
    memset(name, 'x', sizeof name);
    memcpy(name, "\x1b[2J\n\xe2\x80\xae\xff", 9);
    name[sizeof name - 1] = 0;
    const char *hostile[] = {name, "\x1b]0;a\x07", "\n"};
    f->info.target.command_line = hostile;
    f->info.target.python_version = name;
    f->end.reason = name;
    f->summary.file = f->summary.where = name;
    struct profile_frame frame = {
        .kind = PROFILE_FRAME_CODE, .name = name, .file = name, .line = 1};
    made_profile_add_frames(f->running, &frame, 1, 5, 500);
    frame.kind = PROFILE_FRAME_WAIT;
    made_profile_add_frames(f->tasks, &frame, 1, 5, 500);
    for (int width = 20; width <= 200; width += 20) {
        char *text = write_summary(f, width);
        assert_int_equal(rendering_count_lines(text), 10);
        rendering_check_lines(text, width, false);
        free(text);
    }
}

static void test_disk_is_full(void **state) {
    struct fixture *f = *state;
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    setvbuf(out, NULL, _IONBF, 0);
    f->summary.running = made_profile_end(f->running, 10);
    f->summary.tasks = made_profile_end(f->tasks, 10);
    struct error *err = render_recording_summary(&f->summary, 80, out);
    assert_non_null(err);
    error_destroy(err);
    fclose(out);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_normal),  TEST(test_nothing_ran),   TEST(test_empty),
        TEST(test_cut_off), TEST(test_hostile_names), TEST(test_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
