/*
 * The walk over a fake interpreter whose memory fails: at every page that is read in turn, and
 * with bytes at every read that make no sense. It must end, soon, without a crash or a leak, and
 * nothing may be lost without a word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/whole_walk.h"

#define READS_MAX 10000 /* a walk over the program takes some hundreds */

/* --- a source that spoils one read --- */

enum damage {
    DAMAGE_NONE,
    DAMAGE_ALL_BYTES, /* random ones */
    DAMAGE_ONE_WORD,  /* of those that are not zero */
    DAMAGE_SHORT,     /* the read ends early */
    DAMAGE_GONE,      /* the target ended */
};

struct spoiler {
    struct memory_source inner;
    enum damage damage;
    uint64_t spoil_at, reads; /* the read from 1 that is spoilt */
    uint64_t seed;
};

static uint64_t next_random(struct spoiler *spoiler) {
    spoiler->seed = spoiler->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return spoiler->seed >> 16 ^ spoiler->seed << 40;
}

/* A word that could hurt: a small number, a huge one, another object, anything. */
static uint64_t bad_word(struct spoiler *spoiler, uint64_t old) {
    uint64_t random = next_random(spoiler);
    switch (random % 7) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return old + 8;
    case 3:
        return UINT64_C(1) << (random >> 8) % 64;
    case 4:
        return old ^ (UINT64_C(1) << (random >> 8) % 64);
    case 5:
        return (UINT64_C(0x7f1000000000) + (random >> 8) % 600 * 16384) + 64;
    default:
        return random;
    }
}

static void spoil_word(struct spoiler *spoiler, unsigned char *bytes, size_t size) {
    uint64_t words = size / 8, first = next_random(spoiler) % (words ? words : 1), word = 0;
    for (uint64_t i = 0; i < words; i++) {
        unsigned char *at = bytes + 8 * ((first + i) % words);
        memcpy(&word, at, sizeof word);
        if (!word)
            continue;
        word = bad_word(spoiler, word);
        memcpy(at, &word, sizeof word);
        return;
    }
}

static struct error *read_spoilt(void *context, const struct memory_range *ranges, size_t count,
                                 size_t *done) {
    struct spoiler *spoiler = context;
    struct error *err = spoiler->inner.read(spoiler->inner.context, ranges, count, done);
    if (err || ++spoiler->reads != spoiler->spoil_at)
        return err;
    for (size_t i = 0; i < count; i++) {
        unsigned char *bytes = ranges[i].buffer;
        for (size_t at = 0; spoiler->damage == DAMAGE_ALL_BYTES && at < done[i]; at++)
            bytes[at] = (unsigned char)next_random(spoiler);
        if (spoiler->damage == DAMAGE_ONE_WORD)
            spoil_word(spoiler, bytes, done[i]);
        if (spoiler->damage == DAMAGE_SHORT)
            done[i] = next_random(spoiler) % (done[i] + 1);
    }
    return spoiler->damage == DAMAGE_GONE ? error_create(ERROR_GONE, "it ended") : NULL;
}

static bool clamp(void *context, uint64_t address, uint64_t *start, uint64_t *end) {
    struct spoiler *spoiler = context;
    return spoiler->inner.clamp(spoiler->inner.context, address, start, end);
}

/* --- one walk --- */

struct result {
    struct whole_walk walk;
    uint64_t page_reads, reads;
};

static struct result walk(struct fake_python *fake, uint64_t runtime, struct spoiler *spoiler) {
    struct result result;
    struct memory_source source = {spoiler, read_spoilt, clamp};
    spoiler->inner = fake_memory_source(fake->memory);
    struct target_memory *memory = memory_create(&source);
    struct snapshot *snapshot = snapshot_create();
    struct py_roots roots = fake->roots;
    roots.runtime = runtime;
    struct py *py = py_create(memory, &fake->layout, &roots);
    uint64_t before = fake_memory_get_page_reads(fake->memory);
    result.walk = whole_walk_take(py, snapshot);
    result.page_reads = fake_memory_get_page_reads(fake->memory) - before;
    result.reads = spoiler->reads;
    py_destroy(py);
    snapshot_destroy(snapshot);
    memory_destroy(memory);
    return result;
}

/* --- tests --- */

static void test_fault_at_every_page(struct fake_target *target) {
    uint64_t runtime = whole_program(target), n = 1;
    struct result whole = walk(target->fake, runtime, &(struct spoiler){.damage = DAMAGE_NONE});
    assert_non_null(whole.walk.json);
    for (;; n++) {
        fake_memory_fail_at(target->fake->memory, n);
        struct result result = walk(target->fake, runtime, &(struct spoiler){.spoil_at = 0});
        assert_true(result.page_reads < READS_MAX);
        assert_non_null(result.walk.json); /* a page that is not there ends no walk */
        whole_walk_check_told(&result.walk, &whole.walk, n);
        bool same = strcmp(result.walk.json, whole.walk.json) == 0;
        free(result.walk.json);
        if (result.page_reads < n) {
            assert_true(same);
            break;
        }
    }
    assert_true(n > 300);
    fake_memory_fail_at(target->fake->memory, 0);
    free(whole.walk.json);
}

static void spoil_every_read(struct fake_target *target, enum damage damage, uint64_t seeds) {
    uint64_t runtime = whole_program(target);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        for (uint64_t n = 1;; n++) {
            struct spoiler spoiler = {.damage = damage, .spoil_at = n, .seed = seed * 7919 + n};
            struct result result = walk(target->fake, runtime, &spoiler);
            assert_true(result.reads < READS_MAX);
            if (!result.walk.json)
                assert_int_equal(result.walk.error, damage == DAMAGE_GONE ? ERROR_GONE : -1);
            free(result.walk.json);
            if (result.reads < n)
                break;
        }
    }
}

static void test_random_bytes_at_every_read(struct fake_target *target) {
    spoil_every_read(target, DAMAGE_ALL_BYTES, 3);
}

static void test_one_bad_word_at_every_read(struct fake_target *target) {
    spoil_every_read(target, DAMAGE_ONE_WORD, 4);
}

static void test_short_read_at_every_read(struct fake_target *target) {
    spoil_every_read(target, DAMAGE_SHORT, 1);
}

static void test_target_ends_at_every_read(struct fake_target *target) {
    spoil_every_read(target, DAMAGE_GONE, 1);
}

/* Nothing but noise, from the first byte on. */
static void test_noise(struct fake_target *target) {
    uint64_t runtime = whole_program(target);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        fake_memory_randomize(target->fake->memory, seed);
        struct result result = walk(target->fake, runtime, &(struct spoiler){.spoil_at = 0});
        assert_true(!result.walk.json || result.walk.missing > 0);
        free(result.walk.json);
    }
    fake_memory_randomize(target->fake->memory, 0);
}

FAKE_EACH_VERSION(test_fault_at_every_page)
FAKE_EACH_VERSION(test_random_bytes_at_every_read)
FAKE_EACH_VERSION(test_one_bad_word_at_every_read)
FAKE_EACH_VERSION(test_short_read_at_every_read)
FAKE_EACH_VERSION(test_target_ends_at_every_read)
FAKE_EACH_VERSION(test_noise)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_fault_at_every_page),        FAKE_TEST(test_random_bytes_at_every_read),
        FAKE_TEST(test_one_bad_word_at_every_read), FAKE_TEST(test_short_read_at_every_read),
        FAKE_TEST(test_target_ends_at_every_read),  FAKE_TEST(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
