/* The block cache over a fake source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_memory.h"
#include "asyncspy/target/memory.h"

#define BASE UINT64_C(0x7f0000000000)
#define BLOCK ((size_t)16384)

struct fixture {
    struct fake_memory *fake;
    struct target_memory *memory;
};

static int set_up(void **state) {
    static struct fixture fixture;
    fixture.fake = fake_memory_create();
    struct memory_source source = fake_memory_source(fixture.fake);
    fixture.memory = memory_create(&source);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    memory_destroy(fixture->memory);
    fake_memory_destroy(fixture->fake);
    return 0;
}

static void assert_reads(struct fixture *f, uint64_t address, const void *bytes, size_t size) {
    unsigned char buffer[64];
    assert_true(size <= sizeof buffer);
    struct error *err = memory_read(f->memory, address, buffer, size);
    if (err)
        fail_msg("%s", error_get_message(err));
    assert_memory_equal(buffer, bytes, size);
}

static void assert_fails(struct fixture *f, uint64_t address, size_t size, enum error_kind kind) {
    static unsigned char buffer[64];
    struct error *err = memory_read(f->memory, address, buffer, size);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), kind);
    error_destroy(err);
}

static void test_hits_read_nothing(void **state) {
    struct fixture *f = *state;
    memcpy(fake_memory_map(f->fake, BASE, BLOCK) + 100, "abcdefgh", 8);
    assert_reads(f, BASE + 100, "abcdefgh", 8);
    assert_reads(f, BASE + 104, "efgh", 4);
    assert_int_equal(fake_memory_get_reads(f->fake), 1);
    assert_int_equal(memory_get_statistics(f->memory).bytes_read, BLOCK);
}

static void test_crosses_blocks(void **state) {
    struct fixture *f = *state;
    memcpy(fake_memory_map(f->fake, BASE, 2 * BLOCK) + BLOCK - 4, "abcdefgh", 8);
    assert_reads(f, BASE + BLOCK - 4, "abcdefgh", 8);
}

static void test_small_mappings_of_one_block(void **state) {
    struct fixture *f = *state;
    memcpy(fake_memory_map(f->fake, BASE + 4096, 4096), "one", 3);
    memcpy(fake_memory_map(f->fake, BASE + 3 * 4096, 4096), "two", 3);
    assert_reads(f, BASE + 4096, "one", 3);
    assert_reads(f, BASE + 3 * 4096, "two", 3);
    assert_fails(f, BASE, 8, ERROR_FAULT);
    assert_fails(f, BASE + 2 * 4096 - 4, 8, ERROR_FAULT);
}

static void test_bad_page_costs_itself(void **state) {
    struct fixture *f = *state;
    unsigned char *bytes = fake_memory_map(f->fake, BASE, 16 * BLOCK);
    fake_memory_set_bad_page(f->fake, BASE + 5 * 4096);
    bytes[4 * 4096] = 4;
    bytes[6 * 4096] = 6;
    bytes[16 * BLOCK - 1] = 7;
    memory_set_fetch_size(f->memory, 16 * BLOCK);
    assert_reads(f, BASE + 4 * 4096, "\4", 1);
    assert_reads(f, BASE + 6 * 4096, "\6", 1);
    assert_reads(f, BASE + 16 * BLOCK - 1, "\7", 1);
    assert_int_equal(fake_memory_get_reads(f->fake), 2);
    assert_fails(f, BASE + 5 * 4096, 1, ERROR_FAULT);
}

static void test_addresses_that_cannot_be(void **state) {
    struct fixture *f = *state;
    assert_fails(f, 0, 8, ERROR_FAULT);
    assert_fails(f, UINT64_MAX, 8, ERROR_FAULT);
    assert_fails(f, UINT64_MAX - 3, 4, ERROR_FAULT);
    assert_fails(f, UINT64_C(0x8000000000000000), 8, ERROR_FAULT);
    assert_fails(f, BASE, SIZE_MAX, ERROR_FAULT);
    assert_fails(f, BASE, (size_t)3 << 30, ERROR_INVALID);
    assert_null(memory_read(f->memory, BASE, NULL, 0));
}

static void test_recopy_and_freeze(void **state) {
    struct fixture *f = *state;
    unsigned char *bytes = fake_memory_map(f->fake, BASE, 64 * BLOCK);
    bytes[0] = 1;
    assert_reads(f, BASE, "\1", 1);
    bytes[0] = 2;
    assert_reads(f, BASE, "\1", 1);
    assert_null(memory_recopy(f->memory));
    memory_freeze(f->memory, true);
    bytes[0] = 3;
    bytes[40 * BLOCK] = 9;
    assert_reads(f, BASE, "\2", 1);
    assert_fails(f, BASE + 40 * BLOCK, 1, ERROR_MISSED);
    assert_int_equal(memory_get_statistics(f->memory).missed, 1);
    assert_null(memory_recopy(f->memory));
    assert_reads(f, BASE + 40 * BLOCK, "\11", 1);
    assert_reads(f, BASE, "\3", 1);
}

static void test_frozen_garbage_is_missed_once(void **state) {
    struct fixture *f = *state;
    fake_memory_map(f->fake, BASE, BLOCK);
    assert_fails(f, BASE + 100 * BLOCK, 8, ERROR_FAULT);
    assert_reads(f, BASE, "\0", 1);
    assert_null(memory_recopy(f->memory));
    memory_freeze(f->memory, true);
    assert_fails(f, BASE + 100 * BLOCK, 8, ERROR_FAULT);
    assert_fails(f, BASE + 200 * BLOCK, 8, ERROR_MISSED);
    assert_null(memory_recopy(f->memory));
    assert_fails(f, BASE + 200 * BLOCK, 8, ERROR_FAULT);
}

static void test_recopy_loses_what_was_unmapped(void **state) {
    struct fixture *f = *state;
    fake_memory_map(f->fake, BASE, BLOCK);
    assert_reads(f, BASE, "\0", 1);
    fake_memory_unmap(f->fake, BASE);
    assert_null(memory_recopy(f->memory));
    memory_freeze(f->memory, true);
    assert_fails(f, BASE, 1, ERROR_FAULT);
}

static void test_forget(void **state) {
    struct fixture *f = *state;
    unsigned char *bytes = fake_memory_map(f->fake, BASE, BLOCK);
    assert_reads(f, BASE, "\0", 1);
    bytes[0] = 5;
    memory_forget(f->memory);
    assert_reads(f, BASE, "\5", 1);
}

static void test_many_blocks(void **state) {
    struct fixture *f = *state;
    unsigned char *bytes = fake_memory_map(f->fake, BASE, 1000 * BLOCK);
    for (size_t i = 0; i < 1000; i++)
        memcpy(bytes + i * BLOCK + 7, &i, sizeof i);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 1000; i++) {
            size_t k = i * 617 % 1000;
            assert_reads(f, BASE + k * BLOCK + 7, &k, sizeof k);
        }
        assert_null(memory_recopy(f->memory));
    }
}

static void test_every_fault(void **state) {
    struct fixture *f = *state;
    fake_memory_map(f->fake, BASE, 3 * BLOCK);
    unsigned char buffer[2 * BLOCK];
    for (uint64_t n = 1;; n++) {
        memory_forget(f->memory);
        fake_memory_fail_at(f->fake, n);
        struct error *err = memory_read(f->memory, BASE + 100, buffer, sizeof buffer);
        if (!err) {
            assert_true(n > 8);
            break;
        }
        assert_int_equal(error_get_kind(err), ERROR_FAULT);
        error_destroy(err);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_hits_read_nothing),
        TEST(test_crosses_blocks),
        TEST(test_small_mappings_of_one_block),
        TEST(test_bad_page_costs_itself),
        TEST(test_addresses_that_cannot_be),
        TEST(test_recopy_and_freeze),
        TEST(test_frozen_garbage_is_missed_once),
        TEST(test_recopy_loses_what_was_unmapped),
        TEST(test_forget),
        TEST(test_many_blocks),
        TEST(test_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
