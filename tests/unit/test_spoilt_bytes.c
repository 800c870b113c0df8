/*
 * The walk over a fake interpreter whose memory holds bytes that make no sense, at every read in
 * turn. It must end, soon, without a crash or a leak.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../support/spoiler.h"

static void test_random_bytes_at_every_read(struct fake_target *target,
                                            const struct whole_program *program) {
    spoiler_spoil_every_read(target, program, SPOILER_ALL_BYTES, 3);
}

static void test_one_bad_word_at_every_read(struct fake_target *target,
                                            const struct whole_program *program) {
    spoiler_spoil_every_read(target, program, SPOILER_ONE_WORD, 4);
}

/* Nothing but noise, from the first byte on. */
static void test_noise(struct fake_target *target, const struct whole_program *program) {
    struct spoiler spoiler;
    spoiler_open(&spoiler, target, program);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        fake_memory_randomize(target->fake->memory, seed);
        struct spoiler_result result = spoiler_walk(&spoiler, SPOILER_NONE, 0, 0);
        assert_true(!result.walk.json || result.walk.missing > 0);
        free(result.walk.json);
    }
    fake_memory_randomize(target->fake->memory, 0);
    spoiler_close(&spoiler);
}

WHOLE_EACH_PROGRAM(test_random_bytes_at_every_read)
WHOLE_EACH_PROGRAM(test_one_bad_word_at_every_read)
WHOLE_EACH_PROGRAM(test_noise)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_random_bytes_at_every_read),
        FAKE_TEST(test_one_bad_word_at_every_read),
        FAKE_TEST(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
