/*
 * When `top` takes samples and pictures of a process, by a clock of the test: also what fails stops
 * the process, and is paid for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../src/cmd/top.h"
#include "asyncspy/capture/capture.h"
#include "asyncspy/capture/sampler.h"

/* --- a process that is read as the test wants --- */

static double now;
static struct {
    double sample_s, picture_s, pause_s; /* what each takes; of a picture: stopped */
    bool sample_fails, picture_fails;
    bool may_stop; /* the last sample */
    unsigned samples, stops, pictures;
} fake;
static struct top_session *session;

struct error *sampler_open(pid_t pid, const struct sampler_options *options, struct sampler **ret) {
    (void)pid, (void)options;
    *ret = NULL;
    return NULL;
}

void sampler_close(struct sampler *sampler) {
    (void)sampler;
}

double sampler_get_time(const struct sampler *sampler) {
    (void)sampler;
    return now;
}

void sampler_set_nonblocking(struct sampler *sampler, bool nonblocking) {
    (void)sampler;
    fake.may_stop = !nonblocking;
}

struct error *sampler_take(struct sampler *sampler, const struct recording_sample **ret,
                           uint64_t *ret_epoch) {
    static struct recording_sample sample;
    (void)sampler;
    sample = (struct recording_sample){.number = ++fake.samples, .time_s = now};
    fake.stops += fake.may_stop;
    now += fake.sample_s;
    *ret = &sample;
    *ret_epoch = 1;
    return fake.sample_fails ? error_create(ERROR_FAULT, "it failed") : NULL;
}

struct error *capture_open(pid_t pid, const struct capture_options *options, struct capture **ret) {
    (void)pid, (void)options;
    *ret = NULL;
    return NULL;
}

void capture_close(struct capture *capture) {
    (void)capture;
}

struct error *capture_watch_threads(struct capture *capture) {
    (void)capture;
    return NULL;
}

struct error *capture_take_next(struct capture *capture, struct snapshot *before,
                                struct snapshot *snapshot) {
    (void)capture, (void)before;
    fake.pictures++;
    now += fake.picture_s;
    snapshot_reset(snapshot);
    snapshot->capture.pause_s = fake.pause_s;
    return fake.picture_fails ? error_create(ERROR_FAULT, "it failed") : NULL;
}

/* --- the tests --- */

static int set_up(void **state) {
    (void)state;
    now = 0;
    memset(&fake, 0, sizeof fake);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    top_session_close(session);
    session = NULL;
    return 0;
}

static void open_session(void) {
    const struct top_options options = {.delay_s = 1, .rate = 10};
    struct error *err = top_session_open(getpid(), &options, &session);
    assert_null(err);
}

static void run_until(double time_s) {
    while (now < time_s) {
        now += fmax(top_session_get_wait(session), 0);
        (void)top_session_work(session);
    }
}

static double get_own_cpu(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void test_own_cpu_counts_from_the_beginning(void **state) {
    (void)state;
    while (get_own_cpu() < 0.2)
        ;
    open_session();
    fake.picture_s = 0.1;
    (void)top_session_work(session);
    const struct live *live = top_session_get_live(session);
    assert_true(live->interval_s > 0.09 && live->interval_s < 0.11);
    assert_true(live->own_cpu < 0.5); /* 50 ms of 100; before it were 200 */
}

static void test_failed_samples_stop_the_process_no_more_often(void **state) {
    (void)state;
    open_session();
    run_until(1);
    assert_true(fake.stops > 0);
    fake.sample_s = 0.06;
    fake.sample_fails = true;
    fake.stops = 0;
    run_until(5); /* 60 ms are 1 % of 6 s */
    assert_int_equal(fake.stops, 1);
    assert_true(fake.samples > 25);
    run_until(9); /* of a hundred failures in a row that would be the end */
    assert_int_equal(fake.stops, 2);
}

/* Only the first one can have stopped it. */
static void test_failed_samples_without_a_stop_cost_nothing(void **state) {
    (void)state;
    open_session();
    fake.sample_fails = true;
    fake.sample_s = 0.1;
    run_until(7);
    assert_int_equal(fake.stops, 1);
    fake.sample_fails = false;
    fake.sample_s = 0;
    run_until(14);
    assert_true(fake.stops > 5);
}

static void test_failed_pictures_wait_for_their_turn(void **state) {
    (void)state;
    open_session();
    fake = (typeof(fake)){.picture_fails = true, .picture_s = 0.1, .pause_s = 0.06};
    run_until(9.9); /* 60 ms are 0.6 % of 10 s */
    assert_int_equal(fake.pictures, 1);
    assert_non_null(top_session_get_trouble(session));
    run_until(12);
    assert_int_equal(fake.pictures, 2);
}

static void test_failed_picture_is_stopped_time(void **state) {
    (void)state;
    open_session();
    fake = (typeof(fake)){.picture_fails = true, .picture_s = 0.1, .pause_s = 0.1};
    run_until(9);
    assert_int_equal(fake.pictures, 1);
    assert_int_equal(fake.stops, 0);
    run_until(14);
    assert_true(fake.stops > 0);
}

/* Each takes 1 s, then none comes for 5. */
static void test_pictures_take_their_share(void **state) {
    (void)state;
    open_session();
    fake.picture_s = 1;
    run_until(51);
    assert_in_range(fake.pictures, 8, 10);
}

static void test_pictures_of_one_of_many(void **state) {
    (void)state;
    open_session();
    fake.picture_s = 1;
    top_session_set_pace(session, 1, 1, 0.1);
    run_until(151);
    assert_in_range(fake.pictures, 3, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_own_cpu_counts_from_the_beginning),
        TEST(test_failed_samples_stop_the_process_no_more_often),
        TEST(test_failed_samples_without_a_stop_cost_nothing),
        TEST(test_failed_pictures_wait_for_their_turn),
        TEST(test_failed_picture_is_stopped_time),
        TEST(test_pictures_take_their_share),
        TEST(test_pictures_of_one_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
