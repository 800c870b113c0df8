/* When samples are due; and what is done before the program ends from within. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "../../src/cmd/pace.h"
#include "asyncspy/base/last_act.h"

#define STEPS 10000
#define PERIOD 0.01

static void test_pace_keeps_the_rate(void **state) {
    (void)state;
    struct pace pace;
    double shortest = PERIOD, longest = 0;
    pace_begin(&pace);
    for (int i = 0; i < STEPS; i++) {
        double now = pace.due;
        assert_true(pace_step(&pace, now, PERIOD) == 0);
        double length = pace.due - now;
        shortest = length < shortest ? length : shortest;
        longest = length > longest ? length : longest;
    }
    assert_true(shortest > 0.49 * PERIOD && shortest < 0.6 * PERIOD);
    assert_true(longest < 1.51 * PERIOD && longest > 1.4 * PERIOD);
    assert_true(pace.due > 0.98 * STEPS * PERIOD && pace.due < 1.02 * STEPS * PERIOD);
}

/* One sample that is a little late does not make the next one late; after a long time without,
 * none are made up for. */
static void test_pace_after_a_delay(void **state) {
    (void)state;
    struct pace pace;
    pace_begin(&pace);
    double late = pace_step(&pace, PERIOD / 2, PERIOD);
    assert_true(late == PERIOD / 2);
    assert_true(pace.due <= 1.5 * PERIOD);
    late = pace_step(&pace, 100, PERIOD);
    assert_true(late > 99);
    assert_true(pace.due > 100);
}

/* So many samples in 100 s, of which a fifth belongs to something else. */
static int count_steps(bool catches_up) {
    struct pace pace;
    int steps = 0;
    pace_begin(&pace);
    pace.catches_up = catches_up;
    for (double now = 0, busy_until = 0; now < 100; now = fmax(pace.due, busy_until)) {
        busy_until = floor(now) + 0.2;
        pace_step(&pace, now, PERIOD);
        assert_true(pace.due >= now + PERIOD / 4 - 1e-9);
        steps++;
    }
    return steps;
}

static void test_pace_makes_up_for_what_was_missed(void **state) {
    (void)state;
    assert_in_range(count_steps(false), 7900, 8300);
    assert_in_range(count_steps(true), 9800, 10200);
}

static void count(const void *context) {
    int *const *counter = context;
    ++**counter;
}

static void test_last_act_is_done_once(void **state) {
    (void)state;
    int done = 0, *counter = &done;
    last_act_do();
    last_act_set(count, &counter);
    last_act_do();
    last_act_do();
    assert_int_equal(done, 1);
    last_act_set(count, &counter);
    last_act_set(NULL, NULL);
    last_act_do();
    assert_int_equal(done, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace_keeps_the_rate),
        cmocka_unit_test(test_pace_after_a_delay),
        cmocka_unit_test(test_pace_makes_up_for_what_was_missed),
        cmocka_unit_test(test_last_act_is_done_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
