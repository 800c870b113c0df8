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
    assert_int_equal(memory_get_statistics(f->memory).missed, 0);
    assert_reads(f, BASE + 40 * BLOCK, "\11", 1); /* missed: as it is now */
    assert_int_equal(memory_get_statistics(f->memory).missed, 1);
    bytes[40 * BLOCK] = 10;
    assert_null(memory_recopy(f->memory));
    assert_reads(f, BASE + 40 * BLOCK, "\12", 1);
    assert_reads(f, BASE, "\3", 1);
    assert_int_equal(memory_get_statistics(f->memory).missed, 1);
}

/* Where a copy lacked something the target makes new objects, so the next one has what is around.
 */
static void test_around_what_was_missed(void **state) {
    struct fixture *f = *state;
    fake_memory_map(f->fake, BASE, 64 * BLOCK);
    memory_set_fetch_size(f->memory, 16 * BLOCK);
    assert_reads(f, BASE, "\0", 1);
    assert_null(memory_recopy(f->memory));
    memory_freeze(f->memory, true);
    assert_reads(f, BASE + 20 * BLOCK, "\0", 1);
    assert_int_equal(memory_get_statistics(f->memory).missed, 1);
    assert_null(memory_recopy(f->memory));
    assert_reads(f, BASE + 25 * BLOCK, "\0", 1);
    assert_int_equal(memory_get_statistics(f->memory).missed, 1);
    assert_reads(f, BASE + 5 * BLOCK, "\0", 1); /* beside one that was not missed */
    assert_int_equal(memory_get_statistics(f->memory).missed, 2);
}

static void test_frozen_garbage_is_missed_once(void **state) {
    struct fixture *f = *state;
    fake_memory_map(f->fake, BASE, BLOCK);
    assert_fails(f, BASE + 100 * BLOCK, 8, ERROR_FAULT);
    assert_reads(f, BASE, "\0", 1);
    assert_null(memory_recopy(f->memory));
    memory_freeze(f->memory, true);
    assert_fails(f, BASE + 100 * BLOCK, 8, ERROR_FAULT);
    assert_int_equal(memory_get_statistics(f->memory).missed, 0);
    assert_fails(f, BASE + 200 * BLOCK, 8, ERROR_FAULT);
    assert_int_equal(memory_get_statistics(f->memory).missed, 1);
    assert_null(memory_recopy(f->memory));
    assert_fails(f, BASE + 200 * BLOCK, 8, ERROR_FAULT);
    assert_int_equal(memory_get_statistics(f->memory).missed, 1);
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

static void test_release(void **state) {
    struct fixture *f = *state;
    unsigned char *bytes = fake_memory_map(f->fake, BASE, BLOCK);
    memory_release(f->memory);
    for (unsigned char i = 0; i < 3; i++) {
        bytes[0] = i;
        assert_reads(f, BASE, &i, 1);
        memory_release(f->memory);
    }
    memory_forget(f->memory);
    assert_reads(f, BASE, "\2", 1);
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

#define RANDOM_PAGES 512

/* A source without clamp: everything may be mapped, pages of `holes` are not; short reads. */
struct plain {
    unsigned char *bytes;
    const bool *holes;
    bool gone;
    uint64_t calls;
};

static struct error *read_plain(void *context, const struct memory_range *ranges, size_t count,
                                size_t *done) {
    struct plain *plain = context;
    plain->calls++;
    if (plain->gone)
        return error_create(ERROR_GONE, "gone");
    for (size_t i = 0; i < count; i++) {
        uint64_t at = ranges[i].address - BASE;
        for (done[i] = 0; done[i] < ranges[i].size; done[i]++, at++) {
            if (at >= RANDOM_PAGES * 4096 || plain->holes[at / 4096])
                break;
            ((unsigned char *)ranges[i].buffer)[done[i]] = plain->bytes[at];
        }
    }
    return NULL;
}

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static bool has_hole(const bool *holes, size_t at, size_t size) {
    for (size_t page = at / 4096; page <= (at + size - 1) / 4096; page++)
        if (page >= RANDOM_PAGES || holes[page])
            return true;
    return false;
}

static void assert_like_plain(struct target_memory *memory, const struct plain *plain, size_t at,
                              size_t size) {
    static unsigned char buffer[3 * BLOCK];
    struct error *err = memory_read(memory, BASE + at, buffer, size);
    assert_int_equal(err != NULL, has_hole(plain->holes, at, size));
    if (err)
        assert_int_equal(error_get_kind(err), ERROR_FAULT);
    else
        assert_memory_equal(buffer, plain->bytes + at, size);
    error_destroy(err);
}

/* What the cache says is what a plain array of bytes with holes says. */
static void test_random_reads(void **state) {
    (void)state;
    static unsigned char bytes[RANDOM_PAGES * 4096];
    static bool holes[RANDOM_PAGES];
    uint64_t seed = 20240229;
    struct plain plain = {bytes, holes, false, 0};
    struct memory_source source = {.context = &plain, .read = read_plain};
    struct target_memory *memory = memory_create(&source);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)next_random(&seed);
    for (size_t i = 0; i < RANDOM_PAGES; i++)
        holes[i] = next_random(&seed) % 10 == 0;
    for (int i = 0; i < 10000; i++) {
        size_t at = (size_t)(next_random(&seed) % sizeof bytes);
        uint64_t most = next_random(&seed) % 8 ? 200 : 3 * BLOCK;
        assert_like_plain(memory, &plain, at, 1 + (size_t)(next_random(&seed) % most));
        if (i % 500 == 0) {
            bytes[at] ^= 0xff; /* seen after a copy only */
            assert_null(memory_recopy(memory));
            memory_set_fetch_size(memory, BLOCK << next_random(&seed) % 5);
        }
        if (i % 3000 == 2999)
            memory_forget(memory);
    }
    memory_destroy(memory);
}

static void test_gone(void **state) {
    (void)state;
    static unsigned char bytes[RANDOM_PAGES * 4096];
    static const bool holes[RANDOM_PAGES];
    unsigned char byte;
    struct plain plain = {bytes, holes, true, 0};
    struct memory_source source = {.context = &plain, .read = read_plain};
    struct target_memory *memory = memory_create(&source);
    for (int round = 0; round < 2; round++) {
        struct error *errors[] = {
            memory_read(memory, BASE, &byte, 1), memory_read_uncached(memory, BASE, &byte, 1),
            round ? memory_recopy(memory) : error_create(ERROR_GONE, "nothing to copy")};
        for (size_t i = 0; i < 3; i++) {
            assert_non_null(errors[i]);
            assert_int_equal(error_get_kind(errors[i]), ERROR_GONE);
            error_destroy(errors[i]);
        }
    }
    plain.gone = false;
    assert_null(memory_read(memory, BASE, &byte, 1)); /* a failure is not remembered as bytes */
    memory_destroy(memory);
}

static void test_large_fetch(void **state) {
    struct fixture *f = *state;
    fake_memory_map(f->fake, BASE, 32 * BLOCK);
    memory_set_fetch_size(f->memory, 256 * 1024);
    for (size_t i = 0; i < 16; i++)
        assert_reads(f, BASE + i * BLOCK + 5, "\0", 1);
    assert_int_equal(fake_memory_get_reads(f->fake), 1);
    assert_int_equal(memory_get_statistics(f->memory).bytes_read, 256 * 1024);
    assert_int_equal(memory_get_statistics(f->memory).reads, 1);
    memory_freeze(f->memory, true);
    assert_reads(f, BASE + 16 * BLOCK, "\0", 1);
    assert_int_equal(memory_get_statistics(f->memory).missed, 1);
    memory_reset_missed(f->memory);
    assert_int_equal(memory_get_statistics(f->memory).missed, 0);
}

/* ---- what is kept ---- */

struct seen {
    size_t count;
    uint64_t addresses[8], pieces[8];
    unsigned char first[8]; /* byte of the page */
};

static struct error *see(void *context, uint64_t address, const unsigned char *page,
                         uint64_t pieces) {
    struct seen *seen = context;
    assert_true(seen->count < 8);
    seen->addresses[seen->count] = address;
    seen->pieces[seen->count] = pieces;
    seen->first[seen->count++] = page[0];
    return NULL;
}

static struct seen list_kept(struct fixture *f) {
    struct seen seen = {0};
    assert_null(memory_visit_kept(f->memory, see, &seen));
    return seen;
}

static void test_keeps_what_was_read(void **state) {
    struct fixture *f = *state;
    unsigned char bytes[256];
    fake_memory_map(f->fake, BASE, 4 * BLOCK)[5 * 4096] = 7;
    memory_keep(f->memory, true);
    assert_null(memory_read(f->memory, BASE + 3 * BLOCK, bytes, 1));
    assert_null(memory_read(f->memory, BASE + 6 * 4096 - 65, bytes, 130));
    assert_null(memory_read_uncached(f->memory, BASE + 64, bytes, 64));
    struct seen seen = list_kept(f);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.addresses[0], BASE);
    assert_int_equal(seen.pieces[0], 2);
    assert_int_equal(seen.addresses[1], BASE + 5 * 4096);
    assert_true(seen.pieces[1] == UINT64_C(3) << 62);
    assert_int_equal(seen.first[1], 7);
    assert_int_equal(seen.pieces[2], 3);
    assert_int_equal(seen.addresses[3], BASE + 3 * BLOCK);
    assert_int_equal(seen.pieces[3], 1);
}

/* A copy is walked again: what only the walk before it read is not of interest. */
static void test_keeps_what_was_read_of_the_copy(void **state) {
    struct fixture *f = *state;
    fake_memory_map(f->fake, BASE, 2 * BLOCK);
    memory_keep(f->memory, true);
    assert_reads(f, BASE, "", 1);
    assert_reads(f, BASE + BLOCK, "", 1);
    assert_null(memory_recopy(f->memory));
    memory_freeze(f->memory, true);
    assert_reads(f, BASE + BLOCK + 64, "", 1);
    struct seen seen = list_kept(f);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.addresses[0], BASE + BLOCK);
    assert_int_equal(seen.pieces[0], 2);
    memory_forget(f->memory);
    assert_int_equal(list_kept(f).count, 0);
}

static bool holds_little(void *context, uint64_t address, size_t size) {
    (void)context;
    return address >= BASE && address + size <= BASE + 100;
}

/* A page that is there, but not all of it is what it was. */
static void test_page_with_holes(void **state) {
    struct fixture *f = *state;
    static const unsigned char zeros[64];
    unsigned char byte;
    struct memory_source source = fake_memory_source(f->fake);
    source.holds = holds_little;
    fake_memory_map(f->fake, BASE, BLOCK);
    memory_destroy(f->memory);
    f->memory = memory_create(&source);
    for (int i = 0; i < 2; i++) { /* once from the source, once from the cache */
        assert_reads(f, BASE + 36, zeros, 64);
        assert_fails(f, BASE + 37, 64, ERROR_FAULT);
    }
    struct error *err = memory_read_uncached(f->memory, BASE + 100, &byte, 1);
    assert_non_null(err);
    error_destroy(err);
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
        TEST(test_around_what_was_missed),
        TEST(test_frozen_garbage_is_missed_once),
        TEST(test_recopy_loses_what_was_unmapped),
        TEST(test_forget),
        TEST(test_release),
        TEST(test_keeps_what_was_read),
        TEST(test_keeps_what_was_read_of_the_copy),
        TEST(test_page_with_holes),
        TEST(test_many_blocks),
        TEST(test_every_fault),
        TEST(test_large_fetch),
        cmocka_unit_test(test_random_reads),
        cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
