/*
 * Memory that lies: pointers that lead to other objects than they should, in a circle too, and a
 * copy for a frozen walk that gets only a part, or something else than was there before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/whole_walk.h"

#define OBJECT_AT 64  /* in its block: fake_alloc() */
#define COPIES_MAX 40 /* each finds what the one before missed */
/* The walk over the program takes 100,000 units; a confused pointer may make one line table of it
 * that claims megabytes. */
#define ENOUGH_WORK 20000000

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static uint64_t pick_object(const struct fake_python *fake, uint64_t *seed) {
    return fake->blocks[next_random(seed) % fake->block_count].start + OBJECT_AT;
}

static bool is_pointer(const struct fake_python *fake, uint64_t word) {
    return word >= fake->blocks[0].start && word < fake->next;
}

/* --- confusion --- */

static void walk_within_bounds(struct fake_target *target, const struct whole_program *program) {
    memory_forget(target->memory);
    *py_get_layout(target->py) = target->fake->layout;
    py_set_walk_units(target->py, ENOUGH_WORK);
    struct whole_walk result = whole_walk_take(target->py, target->snapshot, program);
    assert_non_null(result.json);
    assert_false(py_is_exhausted(target->py));
    free(result.json);
}

/* Sets each pointer of a block in turn to its own object, and to some other object; in the parts of
 * a server to one of the two. */
static size_t confuse_block(struct fake_target *target, const struct whole_program *program,
                            const struct fake_block *block, uint64_t *seed) {
    size_t count = 0;
    for (uint64_t at = block->start; at + 8 <= block->end; at += 8) {
        uint64_t word = fake_get(target->fake, at, 8);
        if (!is_pointer(target->fake, word))
            continue;
        fake_put(target->fake, at, block->start + OBJECT_AT, 8);
        if (!program->is_part || count % 2)
            walk_within_bounds(target, program);
        fake_put(target->fake, at, pick_object(target->fake, seed), 8);
        if (!program->is_part || count % 2 == 0)
            walk_within_bounds(target, program);
        fake_put(target->fake, at, word, 8);
        count++;
    }
    return count;
}

static void test_every_pointer_leads_elsewhere(struct fake_target *target,
                                               const struct whole_program *program) {
    uint64_t seed = target->fake->table->minor;
    size_t count = 0;
    for (size_t i = program->first_block; i < target->fake->block_count; i++)
        count += confuse_block(target, program, &target->fake->blocks[i], &seed);
    assert_true(count > (program->is_part ? 300u : 500u));
}

/* Many of them at once. */
static void test_many_pointers_lead_elsewhere(struct fake_target *target,
                                              const struct whole_program *program) {
    struct fake_python *fake = target->fake;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t random = seed, places[20], words[20];
        size_t count = 0;
        while (count < 20) {
            const struct fake_block *block =
                &fake->blocks[next_random(&random) % fake->block_count];
            uint64_t words_in_block = (block->end - block->start) / 8;
            uint64_t at = block->start + 8 * (next_random(&random) % words_in_block);
            words[count] = fake_get(fake, at, 8);
            if (!is_pointer(fake, words[count]))
                continue;
            fake_put(fake, at, pick_object(fake, &random), 8);
            places[count++] = at;
        }
        walk_within_bounds(target, program);
        while (count--)
            fake_put(fake, places[count], words[count], 8);
    }
}

/* --- copies --- */

/* Walks so that the memory knows its blocks. */
static struct whole_walk learn(struct fake_target *target, const struct whole_program *program,
                               size_t fetch_size) {
    memory_freeze(target->memory, false);
    memory_forget(target->memory);
    memory_set_fetch_size(target->memory, fetch_size);
    return whole_walk_take(target->py, target->snapshot, program);
}

static struct whole_walk walk_frozen(struct fake_target *target,
                                     const struct whole_program *program) {
    memory_reset_missed(target->memory);
    memory_freeze(target->memory, true);
    struct whole_walk result = whole_walk_take(target->py, target->snapshot, program);
    memory_freeze(target->memory, false);
    return result;
}

static bool has_missed(const struct fake_target *target) {
    return memory_get_statistics(target->memory).missed > 0;
}

/* A page that the copy does not get costs what is in it, and that is told. */
static void test_fault_at_every_page_of_a_copy(struct fake_target *target,
                                               const struct whole_program *program) {
    struct whole_walk whole = learn(target, program, 16384);
    uint64_t pages = 0, before = 0;
    for (uint64_t n = 1; n == 1 || n <= pages; n += program->is_part ? 3 : 1) {
        free(learn(target, program, n % 2 ? 16384 : 262144).json);
        fake_memory_fail_at(target->fake->memory, n);
        before = fake_memory_get_page_reads(target->fake->memory);
        fake_expect_success(memory_recopy(target->memory));
        pages = fake_memory_get_page_reads(target->fake->memory) - before;
        fake_memory_fail_at(target->fake->memory, 0);
        struct whole_walk result = walk_frozen(target, program);
        assert_non_null(result.json);
        if (!has_missed(target)) /* else it looked elsewhere, and is to be repeated */
            whole_walk_check_told(&result, &whole, n);
        free(result.json);
    }
    assert_true(pages > 200);
    free(whole.json);
}

/* The copy is noise: so much is missing, and it says so. */
static void test_copy_of_noise(struct fake_target *target, const struct whole_program *program) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        free(learn(target, program, 16384).json);
        fake_memory_randomize(target->fake->memory, seed);
        fake_expect_success(memory_recopy(target->memory));
        fake_memory_randomize(target->fake->memory, 0);
        struct whole_walk result = walk_frozen(target, program);
        assert_true(!result.json || result.missing > 0);
        free(result.json);
    }
}

/* Exchanges what two pointers point to. */
static void exchange(struct fake_python *fake, uint64_t *seed) {
    uint64_t places[2], words[2];
    for (size_t count = 0; count < 2;) {
        const struct fake_block *block = &fake->blocks[next_random(seed) % fake->block_count];
        uint64_t at = block->start + 8 * (next_random(seed) % ((block->end - block->start) / 8));
        words[count] = fake_get(fake, at, 8);
        places[count] = at;
        count += is_pointer(fake, words[count]);
    }
    fake_put(fake, places[0], words[1], 8);
    fake_put(fake, places[1], words[0], 8);
}

/* A target that ran between the walk that learned and the copy: a frozen walk that missed nothing
 * sees what a walk over the memory as it is sees, and after some copies none misses anything. */
static void test_target_changes_before_the_copy(struct fake_target *target,
                                                const struct whole_program *program) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t random = seed;
        free(learn(target, program, seed % 2 ? 16384 : 262144).json);
        for (int i = 0; i < 3; i++) /* they add up */
            exchange(target->fake, &random);
        struct whole_walk frozen = {.json = NULL};
        for (int i = 0; i == 0 || has_missed(target); i++) {
            assert_true(i < COPIES_MAX);
            free(frozen.json);
            fake_expect_success(memory_recopy(target->memory));
            *py_get_layout(target->py) = target->fake->layout;
            frozen = walk_frozen(target, program);
            assert_non_null(frozen.json);
        }
        *py_get_layout(target->py) = target->fake->layout;
        struct whole_walk direct = learn(target, program, 16384);
        assert_string_equal(frozen.json, direct.json);
        free(frozen.json);
        free(direct.json);
    }
}

/* --- a source that is lost while it is copied --- */

struct ending {
    struct memory_source inner;
    uint64_t calls, end_at;
};

static struct error *read_until_end(void *context, const struct memory_range *ranges, size_t count,
                                    size_t *done) {
    struct ending *ending = context;
    if (++ending->calls == ending->end_at)
        return error_create(ERROR_GONE, "it ended");
    return ending->inner.read(ending->inner.context, ranges, count, done);
}

static void test_target_ends_while_copied(struct fake_target *target,
                                          const struct whole_program *program) {
    struct ending ending = {.inner = fake_memory_source(target->fake->memory)};
    struct target_memory *memory =
        memory_create(&(struct memory_source){.context = &ending, .read = read_until_end});
    struct py *py = fake_python_open(target->fake, memory, program->runtime);
    free(whole_walk_take(py, target->snapshot, program).json);
    ending.end_at = ending.calls + 1;
    fake_expect_error(memory_recopy(memory), ERROR_GONE);
    memory_freeze(memory, true); /* what there is can still be walked, and makes no sense */
    struct whole_walk result = whole_walk_take(py, target->snapshot, program);
    assert_true(!result.json || result.missing > 0);
    free(result.json);
    py_destroy(py);
    memory_destroy(memory);
}

WHOLE_EACH_PROGRAM(test_every_pointer_leads_elsewhere)
WHOLE_EACH_PROGRAM(test_many_pointers_lead_elsewhere)
WHOLE_EACH_PROGRAM(test_fault_at_every_page_of_a_copy)
WHOLE_EACH_PROGRAM(test_copy_of_noise)
WHOLE_EACH_PROGRAM(test_target_changes_before_the_copy)
WHOLE_EACH_PROGRAM(test_target_ends_while_copied)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_every_pointer_leads_elsewhere),
        FAKE_TEST(test_many_pointers_lead_elsewhere),
        FAKE_TEST(test_fault_at_every_page_of_a_copy),
        FAKE_TEST(test_copy_of_noise),
        FAKE_TEST(test_target_changes_before_the_copy),
        FAKE_TEST(test_target_ends_while_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
