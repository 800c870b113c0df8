/* The Chrome trace; its consumers' rules are checked by tests/formats/check_trace.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../support/recorded.h"
#include "asyncspy/render/recording_formats.h"

struct case_ {
    struct recorded *recorded;
    struct sample_filter *filter;
    struct chrome_trace *trace;
    FILE *out;
    char *text;
    size_t size;
};

static void begin(struct case_ *case_, struct sample_filter *filter) {
    *case_ = (struct case_){.recorded = recorded_create(), .filter = filter};
    case_->out = open_memstream(&case_->text, &case_->size);
    assert_null(
        chrome_trace_begin(recorded_get_info(case_->recorded), filter, case_->out, &case_->trace));
}

static void take(struct case_ *case_, double time_s) {
    assert_null(chrome_trace_add(case_->trace, recorded_take(case_->recorded, time_s)));
}

static size_t count(const struct case_ *case_, const char *text) {
    size_t found = 0;
    for (const char *at = case_->text; (at = strstr(at, text)); at++)
        found++;
    return found;
}

/* The whole text; what begins has ended. */
static const char *end(struct case_ *case_, double time_s) {
    struct recording_end how = recorded_end(case_->recorded, time_s);
    assert_null(chrome_trace_end(case_->trace, &how));
    fflush(case_->out);
    assert_int_equal(count(case_, "\"ph\":\"B\""), count(case_, "\"ph\":\"E\""));
    assert_true(strstr(case_->text, "\n]}\n"));
    return case_->text;
}

static void destroy(struct case_ *case_) {
    chrome_trace_destroy(case_->trace);
    recorded_destroy(case_->recorded);
    sample_filter_destroy(case_->filter);
    fclose(case_->out);
    free(case_->text);
}

static void set(struct case_ *case_, uint64_t number, const char *stack,
                const struct recording_wait *wait) {
    struct recording_task task = recorded_task(case_->recorded, number);
    task.stack = recorded_stack(case_->recorded, stack);
    task.wait = wait;
    recorded_set_task(case_->recorded, &task);
}

static const struct recording_wait *make_wait(struct case_ *case_, enum snapshot_wait_kind kind) {
    return recorded_wait(case_->recorded, kind, NULL, NULL);
}

/* Whoever waits for one thing after the other is one slice with short ones in it. */
static void test_outer_slices_last(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    set(&case_, 1, "get q.py:3; work app.py:10; main app.py:50",
        make_wait(&case_, SNAPSHOT_WAIT_QUEUE_GET));
    take(&case_, 0.01);
    set(&case_, 1, "sleep t.py:3; work app.py:11; main app.py:50",
        make_wait(&case_, SNAPSHOT_WAIT_SLEEP));
    take(&case_, 0.02);
    take(&case_, 0.03); /* nothing changes */
    set(&case_, 1, "sleep t.py:3; work app.py:11; main app.py:50",
        make_wait(&case_, SNAPSHOT_WAIT_EVENT));
    take(&case_, 0.04);
    set(&case_, 1, "sleep other.py:3; main app.py:51", make_wait(&case_, SNAPSHOT_WAIT_EVENT));
    take(&case_, 0.05);
    end(&case_, 0.06);
    assert_int_equal(count(&case_, "\"name\":\"main\",\"args\""), 1);
    assert_int_equal(count(&case_, "\"name\":\"work\",\"args\":{\"file\":\"app.py\",\"line\":10"),
                     1);
    assert_int_equal(count(&case_, "\"name\":\"work\",\"args\""), 1);
    assert_int_equal(count(&case_, "\"name\":\"sleep\",\"args\":{\"file\""), 2);
    assert_int_equal(count(&case_, "\"cat\":\"wait\""), 4);
    assert_int_equal(count(&case_, "\"ph\":\"E\",\"ts\":20000,"), 2); /* get, and its wait */
    assert_int_equal(count(&case_, "\"ph\":\"E\",\"ts\":40000,"), 1);
    assert_int_equal(count(&case_, "\"ph\":\"E\",\"ts\":50000,"), 3);
    assert_int_equal(count(&case_, "\"ph\":\"E\",\"ts\":60000,"), 3);
    destroy(&case_);
}

static void test_states(void **state) {
    (void)state;
    static const struct {
        enum snapshot_task_state state;
        const char *expected;
    } cases[] = {
        {SNAPSHOT_TASK_WAITING, "\"cat\":\"wait\",\"name\":\"waiting\""},
        {SNAPSHOT_TASK_READY, "\"cat\":\"ready\",\"name\":\"ready\""},
        {SNAPSHOT_TASK_NOT_STARTED, "\"cat\":\"ready\",\"name\":\"not started\""},
        {SNAPSHOT_TASK_RUNNING, "\"waiting\":0,\"ready\":0,\"running\":1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct case_ case_;
        begin(&case_, NULL);
        struct recording_task task = recorded_task(case_.recorded, 1);
        task.state = cases[i].state;
        recorded_set_task(case_.recorded, &task);
        take(&case_, 0);
        assert_non_null(strstr(end(&case_, 1), cases[i].expected));
        assert_int_equal(count(&case_, "\"cat\":\"coroutine\",\"name\":\"main\""), 1);
        destroy(&case_);
    }
}

/* Done tasks have no track, and a track ends with its task. */
static void test_births_and_deaths(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    struct recording_task task = recorded_task(case_.recorded, 1);
    task.state = SNAPSHOT_TASK_DONE;
    recorded_set_task(case_.recorded, &task);
    set(&case_, 2, "main app.py:1", NULL);
    take(&case_, 0.01);
    recorded_drop_task(case_.recorded, 1);
    recorded_drop_task(case_.recorded, 2);
    set(&case_, 3, "main app.py:1", NULL);
    take(&case_, 0.02);
    end(&case_, 0.03);
    assert_int_equal(count(&case_, "\"thread_name\""), 2);
    assert_int_equal(count(&case_, "\"ph\":\"E\",\"ts\":20000,"), 2);
    assert_int_equal(count(&case_, "\"name\":\"Task-1 main()\""), 0);
    assert_int_equal(count(&case_, "\"tid\":100000002,\"name\":\"thread_name\",\"args\":{\"name\":"
                                   "\"Task-3 main()\"}"),
                     1);
    destroy(&case_);
}

static void test_names(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    struct recording_task task = recorded_task(case_.recorded, 1);
    task.wait = make_wait(&case_, SNAPSHOT_WAIT_SLEEP);
    task.awaited_by = 2; /* which is met later */
    recorded_set_task(case_.recorded, &task);
    set(&case_, 2, "", NULL);
    take(&case_, 0);
    task.name = "\"quoted\"\xff\x1b[0m";
    recorded_set_task(case_.recorded, &task);
    take(&case_, 1);
    end(&case_, 2);
    assert_int_equal(count(&case_, "\"awaited_by\":\"Task-2 main()\""), 1);
    assert_int_equal(count(&case_, "\\\"quoted\\\"\\\\udcff\\u001b[0m main()"), 1);
    destroy(&case_);
}

static void test_filter(void **state) {
    (void)state;
    struct case_ case_;
    struct sample_filter *filter = sample_filter_create();
    sample_filter_add(filter, FILTER_FUNCTION, false, "wanted");
    begin(&case_, filter);
    set(&case_, 1, "wanted app.py:1", NULL);
    set(&case_, 2, "other app.py:1", NULL);
    struct recording_thread thread = recorded_thread(case_.recorded, 7, "unwanted");
    recorded_set_threads(case_.recorded, &thread, 1);
    take(&case_, 0.01);
    set(&case_, 1, "other app.py:1", NULL);
    set(&case_, 2, "wanted app.py:1", NULL);
    take(&case_, 0.02);
    end(&case_, 0.03);
    assert_int_equal(count(&case_, "\"name\":\"wanted\",\"args\""), 2);
    assert_int_equal(count(&case_, "\"name\":\"other\""), 0);
    assert_int_equal(count(&case_, "unwanted"), 0);
    assert_int_equal(count(&case_, "\"ph\":\"E\",\"ts\":20000,"), 2);
    destroy(&case_);
}

/* A thread that is left out of a sample has a gap. */
static void test_threads(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    struct recording_thread threads[] = {recorded_thread(case_.recorded, 42, "MainThread"),
                                         recorded_thread(case_.recorded, SNAPSHOT_UNKNOWN, NULL)};
    threads[0].stack = threads[1].stack = recorded_stack(case_.recorded, "run app.py:1");
    threads[0].holds_gil = threads[1].waits_for_gil = SNAPSHOT_YES;
    recorded_set_threads(case_.recorded, threads, 2);
    take(&case_, 0.01);
    recorded_set_threads(case_.recorded, threads, 1);
    take(&case_, 0.02);
    recorded_set_threads(case_.recorded, threads, 2);
    take(&case_, 0.03);
    threads[1].holds_gil = SNAPSHOT_YES;
    recorded_set_threads(case_.recorded, threads, 2);
    take(&case_, 0.04);
    end(&case_, 0.05);
    assert_int_equal(count(&case_, "\"name\":\"run\",\"args\""), 3);
    assert_int_equal(count(&case_, "\"tid\":42,\"cat\":\"thread\",\"name\":\"run\""), 1);
    assert_int_equal(count(&case_, "\"waits for the GIL\",\"args\""), 2);
    assert_int_equal(count(&case_, "\"cat\":\"gil\",\"name\":\"MainThread\""), 1);
    assert_int_equal(count(&case_, "\"cat\":\"gil\",\"name\":\"several threads\""), 1);
    destroy(&case_);
}

/* Counters are written when they change, at the begin and at the end; of a loop that is gone zero.
 */
static void test_counters(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    struct recording_loop loop = recorded_loop(0x10);
    static const double lags[] = {NAN, 0.5, 0.5, 0.25, INFINITY};
    for (size_t i = 0; i < 5; i++) {
        loop.overdue_s = lags[i];
        recorded_set_loops(case_.recorded, &loop, 1);
        take(&case_, (double)i / 100);
    }
    loop.overdue_s = 1;
    recorded_set_loops(case_.recorded, &loop, 1);
    take(&case_, 0.05);
    recorded_set_loops(case_.recorded, &loop, 0);
    take(&case_, 0.06);
    end(&case_, 0.07);
    static const char name[] = "\"event loop 1: lag\",\"args\":{\"ms\":";
    assert_int_equal(count(&case_, name), 6);
    assert_int_equal(count(&case_, "lag\",\"args\":{\"ms\":0}"), 3);
    assert_int_equal(count(&case_, "\"event loop 1: blocked\""), 1);
    assert_int_equal(count(&case_, "\"name\":\"tasks\""), 2);
    destroy(&case_);
}

/* What lies too deep for Perfetto is left out with its end. */
static void test_deep_stack(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    static char stack[64 * 1000];
    size_t length = 0;
    for (size_t i = 0; i < 1000; i++)
        length += (size_t)snprintf(stack + length, sizeof stack - length, "%sf%zu app.py:1",
                                   i ? "; " : "", i);
    set(&case_, 1, stack, make_wait(&case_, SNAPSHOT_WAIT_SLEEP));
    take(&case_, 0);
    set(&case_, 1, strchr(stack, ';') + 2, make_wait(&case_, SNAPSHOT_WAIT_SLEEP));
    take(&case_, 1);
    set(&case_, 1, "f999 app.py:1", make_wait(&case_, SNAPSHOT_WAIT_SLEEP));
    take(&case_, 2);
    end(&case_, 3);
    assert_int_equal(count(&case_, "\"cat\":\"coroutine\""), 250);
    assert_int_equal(count(&case_, "\"deeper_functions\":750"), 1);
    assert_int_equal(count(&case_, "\"cat\":\"wait\""), 2);
    destroy(&case_);
}

/* Times that go back or are none, changes of what nobody knows. */
static void test_hostile(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    set(&case_, 1, "main app.py:1", NULL);
    static const double times[] = {0.01, -5, NAN, INFINITY, 1e300, 0.005};
    struct recording_sample sample = {0};
    struct recording_task task = recorded_task(case_.recorded, UINT64_MAX);
    const struct recording_change changes[] = {
        {NULL, &task}, {&task, NULL}, {&task, NULL}, {NULL, NULL}, {&task, &task}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        take(&case_, times[i]);
        sample = (struct recording_sample){
            .time_s = times[i], .changes = changes, .change_count = 5, .gc = UINT64_MAX};
        assert_null(chrome_trace_add(case_.trace, &sample));
    }
    end(&case_, -1);
    assert_int_equal(count(&case_, "\"ph\":\"E\",\"ts\":10000,"), count(&case_, "\"ph\":\"E\""));
    assert_int_equal(count(&case_, "\"collecting garbage\",\"args\""), 6 * 64);
    destroy(&case_);
}

static void test_empty(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    assert_memory_equal(end(&case_, 0), "{\"displayTimeUnit\":\"ms\",", 24);
    destroy(&case_);
    chrome_trace_destroy(NULL);
}

/* Whoever breaks off loses nothing. */
static void test_broken_off(void **state) {
    (void)state;
    struct case_ case_;
    begin(&case_, NULL);
    set(&case_, 1, "", NULL);
    struct recording_loop loop = recorded_loop(0x10);
    recorded_set_loops(case_.recorded, &loop, 1);
    take(&case_, 0);
    destroy(&case_);
}

static void test_full_disk(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    setbuf(full, NULL);
    struct recorded *recorded = recorded_create();
    struct chrome_trace *trace = NULL;
    struct error *err = chrome_trace_begin(recorded_get_info(recorded), NULL, full, &trace);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_OS);
    assert_string_equal(error_get_message(err), "writing the trace: No space left on device");
    error_destroy(err);
    chrome_trace_destroy(trace);
    recorded_destroy(recorded);
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outer_slices_last),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_births_and_deaths),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_deep_stack),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_broken_off),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
