/*
 * The walk over a fake interpreter whose memory fails, at every page that is read in turn: it must
 * end, soon, without a crash or a leak, and nothing may be lost without a word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/spoiler.h"

static void test_fault_at_every_page(struct fake_target *target,
                                     const struct whole_program *program) {
    uint64_t n = 1;
    struct spoiler spoiler;
    spoiler_open(&spoiler, target, program);
    struct spoiler_result whole = spoiler_walk(&spoiler, SPOILER_NONE, 0, 0);
    assert_non_null(whole.walk.json);
    assert_int_equal(whole.walk.missing + whole.walk.gaps, 0);
    for (;; n++) {
        fake_memory_fail_at(target->fake->memory, n);
        struct spoiler_result result = spoiler_walk(&spoiler, SPOILER_NONE, 0, 0);
        assert_true(result.page_reads < SPOILER_READS_MAX);
        assert_non_null(result.walk.json); /* a page that is not there ends no walk */
        whole_walk_check_told(&result.walk, &whole.walk, n);
        bool same = strcmp(result.walk.json, whole.walk.json) == 0;
        free(result.walk.json);
        if (result.page_reads < n) {
            assert_true(same);
            break;
        }
    }
    assert_true(n > 200);
    fake_memory_fail_at(target->fake->memory, 0);
    free(whole.walk.json);
    spoiler_close(&spoiler);
}

static void test_short_read_at_every_read(struct fake_target *target,
                                          const struct whole_program *program) {
    spoiler_spoil_every_read(target, program, SPOILER_SHORT, 1);
}

static void test_target_ends_at_every_read(struct fake_target *target,
                                           const struct whole_program *program) {
    spoiler_spoil_every_read(target, program, SPOILER_GONE, 1);
}

WHOLE_EACH_PROGRAM(test_fault_at_every_page)
WHOLE_EACH_PROGRAM(test_short_read_at_every_read)
WHOLE_EACH_PROGRAM(test_target_ends_at_every_read)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_fault_at_every_page),
        FAKE_TEST(test_short_read_at_every_read),
        FAKE_TEST(test_target_ends_at_every_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
