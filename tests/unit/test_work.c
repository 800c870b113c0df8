/*
 * The work that a target can make us do is limited: a walk that is led on and on ends with what it
 * has and says so, and no real program comes near the limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/capture/walk.h"
#include "../support/fake_asyncio.h"
#include "../support/fake_target.h"
#include "../support/whole_walk.h"
#include "asyncspy/python/frame.h"

#define SMALL_WORK 300000
#define ENDLESS UINT64_C(0x600000000000)
#define ENDLESS_SIZE (UINT64_C(1) << 32)

/* --- memory --- */

static void test_reads_cost_work(void **state) {
    (void)state;
    struct fake_memory *fake = fake_memory_create();
    struct memory_source source = fake_memory_source(fake);
    struct target_memory *memory = memory_create(&source);
    unsigned char bytes[6400];
    unsigned reads = 0;
    struct error *err = NULL;
    fake_memory_map(fake, 0x10000, 16384);
    for (int i = 0; i < 5000; i++) /* no limit at first */
        fake_expect_success(memory_read(memory, 0x10000, bytes, sizeof bytes));
    assert_false(memory_is_exhausted(memory));
    memory_set_work(memory, 1000);
    while (!(err = memory_read(memory, 0x10000, bytes, sizeof bytes)))
        reads++;
    fake_expect_error(err, ERROR_EXHAUSTED);
    assert_int_equal(reads, 10); /* of 101 units each */
    assert_true(memory_is_exhausted(memory));
    fake_expect_error(memory_read_uncached(memory, 0x10000, bytes, 1), ERROR_EXHAUSTED);
    memory_set_work(memory, 1000);
    memory_charge(memory, 5000);
    assert_true(memory_is_exhausted(memory));
    memory_set_work(memory, MEMORY_NO_LIMIT);
    memory_charge(memory, 5000);
    fake_expect_success(memory_read_uncached(memory, 0x10000, bytes, 1));
    memory_destroy(memory);
    fake_memory_destroy(fake);
}

static void test_misses_cost_more(void **state) {
    (void)state;
    struct fake_memory *fake = fake_memory_create();
    struct memory_source source = fake_memory_source(fake);
    struct target_memory *memory = memory_create(&source);
    uint64_t address = 0;
    unsigned char byte;
    struct error *err = NULL;
    fake_memory_map(fake, 0, 4 << 20);
    memory_set_work(memory, 40700); /* 407 a block: a call, 16 KiB, the read itself */
    for (; !err; address += 16384)
        err = memory_read(memory, address, &byte, 1);
    fake_expect_error(err, ERROR_EXHAUSTED);
    assert_int_equal(address / 16384, 101);
    memory_destroy(memory);
    fake_memory_destroy(fake);
}

static void test_faults_cost_more(void **state) {
    (void)state;
    struct fake_memory *fake = fake_memory_create();
    struct memory_source source = fake_memory_source(fake);
    struct target_memory *memory = memory_create(&source);
    unsigned char byte;
    memory_set_work(memory, 10100); /* 101 each: nothing is mapped there, the source is not asked */
    for (int i = 0; i < 100; i++)
        fake_expect_error(memory_read(memory, 0x10000, &byte, 1), ERROR_FAULT);
    fake_expect_error(memory_read(memory, 0x10000, &byte, 1), ERROR_EXHAUSTED);
    memory_destroy(memory);
    fake_memory_destroy(fake);
}

/* --- walks --- */

/* The fake's memory, and behind it lots in which one pair of words stands again and again. */
struct endless {
    struct memory_source inner;
    uint64_t words[2];
    bool differ; /* in place of the first word an address where nothing is, each time another */
};

static struct error *read_ranges(void *context, const struct memory_range *ranges, size_t count,
                                 size_t *done) {
    struct endless *endless = context;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].address < ENDLESS || ranges[i].address >= ENDLESS + ENDLESS_SIZE) {
            fake_expect_success(
                endless->inner.read(endless->inner.context, &ranges[i], 1, done + i));
            continue;
        }
        for (size_t at = 0; at < ranges[i].size; at += sizeof endless->words) {
            if (endless->differ)
                endless->words[0] = ENDLESS - (ranges[i].address + at - ENDLESS + 1) * 4096;
            memcpy((unsigned char *)ranges[i].buffer + at, endless->words, sizeof endless->words);
        }
        done[i] = ranges[i].size;
    }
    return NULL;
}

static void open_endless(struct fake_target *target, struct endless *endless, uint64_t runtime) {
    fake_target_open(target, runtime);
    py_destroy(target->py);
    memory_destroy(target->memory);
    endless->inner = fake_memory_source(target->fake->memory);
    target->memory =
        memory_create(&(struct memory_source){.context = endless, .read = read_ranges});
    target->py = fake_python_open(target->fake, target->memory, runtime);
}

static size_t count_rows(const struct snapshot *snapshot, const char *what) {
    size_t count = 0;
    for (size_t i = 0; i < snapshot->missing.count; i++)
        count += strcmp(snapshot->missing.items[i].what, what) == 0;
    return count;
}

static void walk(struct fake_target *target) {
    struct target_thread kernel = {.tid = 4711, .namespace_tid = 4711, .name = "python3"};
    struct walk_search search = {0};
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel, 1, NAN}, &search));
}

/* A set of weak references that claims 16 million entries. */
static void test_endless_set(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct fake_asyncio aio;
    struct fake_program program;
    struct endless endless = {.differ = false};
    fake_asyncio_create(&aio, fake);
    fake_program_create(&program, &aio);
    endless.words[0] = fake_weakref(fake, program.waiting);
    endless.words[1] = 1;
    FAKE_SET(fake, aio.weak_set, set, mask, PY_ITEMS_MAX - 1);
    FAKE_SET(fake, aio.weak_set, set, table, ENDLESS);
    open_endless(target, &endless, aio.runtime);
    py_set_walk_units(target->py, SMALL_WORK);
    walk(target);
    assert_true(py_is_exhausted(target->py));
    assert_int_equal(count_rows(target->snapshot, "all that was not read yet"), 1);
    assert_int_equal(target->snapshot->interpreters.count, 1);
    assert_int_equal(target->snapshot->threads.count, 1);
    assert_true(target->snapshot->threads.items[0].event_loop == aio.event_loop);
    assert_true(memory_get_statistics(target->memory).reads < SMALL_WORK / 50);
}

/* More rows of missing than are listed: that the walk was given up is listed all the same. */
static void test_endless_faults(struct fake_target *target) {
    struct fake_asyncio aio;
    struct endless endless = {.words = {0, 1}, .differ = true};
    fake_asyncio_create(&aio, target->fake);
    FAKE_SET(target->fake, aio.weak_set, set, mask, PY_ITEMS_MAX - 1);
    FAKE_SET(target->fake, aio.weak_set, set, table, ENDLESS);
    open_endless(target, &endless, aio.runtime);
    py_set_walk_units(target->py, 4 * SMALL_WORK);
    walk(target);
    assert_true(py_is_exhausted(target->py));
    assert_int_equal(target->snapshot->missing.count, 1002);
    assert_int_equal(count_rows(target->snapshot, "more"), 1);
    assert_int_equal(count_rows(target->snapshot, "all that was not read yet"), 1);
}

/* The next walk has all its work before it again. */
static void test_next_walk_is_whole(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    fake_asyncio_create(&aio, target->fake);
    fake_program_create(&program, &aio);
    fake_target_open(target, aio.runtime);
    py_set_walk_units(target->py, 1000);
    walk(target);
    assert_true(py_is_exhausted(target->py));
    py_set_walk_units(target->py, SMALL_WORK);
    snapshot_reset(target->snapshot);
    walk(target);
    assert_false(py_is_exhausted(target->py));
    assert_int_equal(target->snapshot->tasks.count, 12);
    assert_int_equal(count_rows(target->snapshot, "all that was not read yet"), 0);
}

/* Ending early at any moment costs nothing but what was not read. */
static void test_exhausted_at_every_moment(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    size_t tasks = 0;
    fake_asyncio_create(&aio, target->fake);
    fake_program_create(&program, &aio);
    fake_target_open(target, aio.runtime);
    for (uint64_t units = 1;; units += 97) {
        py_set_walk_units(target->py, units);
        snapshot_reset(target->snapshot);
        memory_forget(target->memory);
        walk(target);
        assert_true(target->snapshot->tasks.count >= tasks);
        tasks = target->snapshot->tasks.count;
        if (!py_is_exhausted(target->py))
            break;
        assert_true(units < SMALL_WORK);
        if (target->snapshot->missing.count == 0) /* the last thing that was read spent the rest */
            assert_int_equal(tasks, 12);
    }
    assert_int_equal(tasks, 12);
}

/* The same in programs that wait for everything there is: it is told, whenever that is. */
static void test_exhausted_in_every_program(struct fake_target *target,
                                            const struct whole_program *program) {
    for (uint64_t units = 1;; units += 997) {
        py_set_walk_units(target->py, units);
        memory_forget(target->memory);
        struct whole_walk result = whole_walk_take(target->py, target->snapshot, program);
        assert_non_null(result.json);
        free(result.json);
        if (!py_is_exhausted(target->py))
            break;
        assert_true(units < SMALL_WORK);
    }
    assert_int_equal(target->snapshot->missing.count, 0);
}

/* A code object whose line table is megabytes long costs what it is long, at each position. */
static void test_long_line_table(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t code = fake_code(fake, "f", "f", "/srv/app.py", 1);
    unsigned char *bytes = calloc(1, 1 << 20);
    uint64_t long_table = fake_bytes(fake, bytes, 1 << 20);
    struct py_frame *frames;
    size_t count;
    const char *why;
    uint64_t frame = fake_frame(fake, code, FAKE_UNIT_CALL, 0, true);
    FAKE_SET(fake, code, code, linetable, long_table);
    fake_target_open(target, 0);
    py_set_walk_units(target->py, 1 << 18);
    py_begin_walk(target->py, target->snapshot);
    fake_expect_error(py_frames_read(target->py, frame, &frames, &count, &why), ERROR_EXHAUSTED);
    free(bytes);
}

FAKE_EACH_VERSION(test_endless_set)
FAKE_EACH_VERSION(test_endless_faults)
FAKE_EACH_VERSION(test_next_walk_is_whole)
FAKE_EACH_VERSION(test_exhausted_at_every_moment)
WHOLE_EACH_PROGRAM(test_exhausted_in_every_program)
FAKE_EACH_VERSION(test_long_line_table)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_cost_work),
        cmocka_unit_test(test_misses_cost_more),
        cmocka_unit_test(test_faults_cost_more),
        FAKE_TEST(test_endless_set),
        FAKE_TEST(test_endless_faults),
        FAKE_TEST(test_next_walk_is_whole),
        FAKE_TEST(test_exhausted_at_every_moment),
        FAKE_TEST(test_exhausted_in_every_program),
        FAKE_TEST(test_long_line_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
