/* A recording as JSON Lines; tests/formats/check_lines.py holds it against the schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../support/recorded.h"
#include "asyncspy/render/recording_formats.h"

struct page {
    FILE *out;
    char *text;
    size_t size, read;
};

static void open_page(struct page *page) {
    *page = (struct page){0};
    page->out = open_memstream(&page->text, &page->size);
}

/* What was written since the last time. */
static const char *read_page(struct page *page) {
    fflush(page->out);
    const char *text = page->text + page->read;
    page->read = page->size;
    return text;
}

static void close_page(struct page *page) {
    fclose(page->out);
    free(page->text);
}

static void test_info_and_end(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    struct page page;
    open_page(&page);
    struct recording_info info = *recorded_get_info(recorded);
    assert_null(render_recording_info_line(&info, page.out));
    assert_string_equal(
        read_page(&page),
        "{\"recording\":{\"schema\":\"asyncspy.recording/1\",\"asyncspy\":\"0.1.0\","
        "\"started_at\":\"2026-11-21T12:00:00.000Z\",\"rate\":100,\"target\":{\"pid\":42,"
        "\"executable\":\"/usr/bin/python3.11\",\"command_line\":[\"python3\",\"shop.py\"],"
        "\"architecture\":\"x86_64\",\"python_version\":\"3.11.7\",\"debug_build\":false,"
        "\"free_threaded\":false,\"started_at\":\"2026-11-21T11:00:00.000Z\"}}}\n");
    struct recording_end end = {.time_s = 86400.000001, .samples = 3, .pause_s = NAN, .late_s = -1};
    assert_null(render_recording_end_line(&end, page.out));
    assert_string_equal(read_page(&page),
                        "{\"end\":{\"time_s\":86400.000001,\"reason\":null,\"samples\":3,"
                        "\"failed\":0,\"pause_s\":null,\"longest_pause_s\":0,\"late_s\":null}}\n");
    close_page(&page);
    recorded_destroy(recorded);
}

static void test_task(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    struct page page;
    open_page(&page);
    struct recording_task task = recorded_task(recorded, 7);
    task.stack = recorded_stack(recorded, "A.f a.py:3");
    task.wait = recorded_wait(recorded, SNAPSHOT_WAIT_LOCK, "Lock#1", "\"");
    task.awaited_by = 9;
    recorded_set_task(recorded, &task);
    assert_null(render_recording_sample_line(recorded_take(recorded, 0.25), NULL, page.out));
    assert_string_equal(
        read_page(&page),
        "{\"sample\":{\"number\":1,\"time_s\":0.25,\"pause_s\":0,\"late_s\":0,\"torn\":0,"
        "\"reads_failed\":0,\"gc\":[],\"changes\":[{\"change\":\"new\",\"number\":7,\"task\":{"
        "\"number\":7,\"id\":\"0x7000\",\"name\":\"Task-7\",\"coroutine\":\"main\",\"event_loop\":"
        "\"0x10\",\"state\":\"waiting\",\"tid\":null,\"frames\":[{\"function\":\"f\","
        "\"qualified_name\":\"A.f\",\"file\":\"a.py\",\"line\":3}],\"awaiting\":{\"kind\":\"lock\","
        "\"text\":\"Lock#1 '\\\"'\",\"object\":\"Lock#1\",\"name\":\"\\\"\",\"type\":null,\"peer\":"
        "null,\"callee\":null,\"task\":null,\"tasks\":null,\"fd\":null,\"pid\":null,\"is_client\":"
        "false},\"awaited_by\":9,\"since_s\":0.25}}],\"threads\":[],\"loops\":[]}}\n");
    recorded_drop_task(recorded, 7);
    assert_null(render_recording_sample_line(recorded_take(recorded, 0.5), NULL, page.out));
    assert_non_null(
        strstr(read_page(&page), "\"changes\":[{\"change\":\"gone\",\"number\":7,\"task\":null}]"));
    close_page(&page);
    recorded_destroy(recorded);
}

static void test_threads_and_loops(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    struct page page;
    open_page(&page);
    struct recording_thread thread = recorded_thread(recorded, SNAPSHOT_UNKNOWN, NULL);
    thread.ident = UINT64_MAX;
    thread.holds_gil = SNAPSHOT_MAYBE;
    recorded_set_threads(recorded, &thread, 1);
    struct recording_loop loop = recorded_loop(0x10);
    loop.state = SNAPSHOT_LOOP_STATE_UNKNOWN;
    loop.type = NULL;
    loop.task = 3;
    loop.ready = SNAPSHOT_UNKNOWN;
    loop.overdue_s = INFINITY;
    recorded_set_loops(recorded, &loop, 1);
    struct recording_sample sample = *recorded_take(recorded, 0);
    sample.gc = UINT64_C(1) << 63 | 1;
    assert_null(render_recording_sample_line(&sample, NULL, page.out));
    assert_non_null(strstr(
        read_page(&page),
        "\"gc\":[0,63],\"changes\":[],\"threads\":[{\"tid\":null,\"ident\":18446744073709551615,"
        "\"name\":null,\"holds_gil\":null,\"waits_for_gil\":false,\"on_cpu\":false,\"cpu_s\":null,"
        "\"event_loop\":null,\"task\":null,\"frames\":[]}],\"loops\":[{\"id\":\"0x10\",\"type\":"
        "null,\"tid\":null,\"state\":null,\"task\":3,\"ready\":null,\"timers\":0,\"overdue_s\":"
        "null,\"blocked_s\":null}]}}\n"));
    close_page(&page);
    recorded_destroy(recorded);
}

/* What the filter lets through comes and goes as if there was nothing else. */
static void test_filter(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    struct sample_filter *filter = sample_filter_create();
    sample_filter_add(filter, FILTER_FUNCTION, false, "wanted");
    struct page page;
    open_page(&page);
    static const struct {
        const char *stack, *expected;
    } steps[] = {
        {"other a.py:1", "\"changes\":[]"},
        {"wanted a.py:1", "\"change\":\"new\""},
        {"wanted a.py:2", "\"change\":\"changed\""},
        {"other a.py:2", "\"changes\":[{\"change\":\"gone\",\"number\":1,\"task\":null}]"},
        {"other a.py:3", "\"changes\":[]"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct recording_task task = recorded_task(recorded, 1);
        task.stack = recorded_stack(recorded, steps[i].stack);
        recorded_set_task(recorded, &task);
        struct recording_thread thread = recorded_thread(recorded, 1, "unwanted");
        recorded_set_threads(recorded, &thread, 1);
        assert_null(
            render_recording_sample_line(recorded_take(recorded, (double)i), filter, page.out));
        const char *text = read_page(&page);
        assert_non_null(strstr(text, steps[i].expected));
        assert_null(strstr(text, "unwanted"));
    }
    close_page(&page);
    sample_filter_destroy(filter);
    recorded_destroy(recorded);
}

static void test_full_disk(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    setbuf(full, NULL);
    struct recording_end end = {0};
    struct error *err = render_recording_end_line(&end, full);
    assert_non_null(err);
    assert_string_equal(error_get_message(err), "writing the recording: No space left on device");
    error_destroy(err);
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info_and_end),      cmocka_unit_test(test_task),
        cmocka_unit_test(test_threads_and_loops), cmocka_unit_test(test_filter),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
