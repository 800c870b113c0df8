/* Scans of much memory: of a fake one, and of a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "../support/child.h"
#include "../support/fake_memory.h"
#include "../support/fake_target.h"
#include "asyncspy/target/scan.h"

#define PAGE 4096
#define START UINT64_C(0x10000000)
#define PAGES 200 /* more than one piece */

/* Each word of the fake holds its own address. */
struct seen {
    uint64_t words, last;
    uint64_t wanted, found; /* a value, and where it stood last */
};

static void visit(void *context, uint64_t address, const uint64_t *words, size_t count) {
    struct seen *seen = context;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(words[i], address + 8 * i);
        assert_true(words[i] > seen->last);
        seen->last = words[i];
    }
    seen->words += count;
}

static struct fake_memory *make_memory(void) {
    struct fake_memory *fake = fake_memory_create();
    uint64_t *words = (uint64_t *)(void *)fake_memory_map(fake, START, PAGES * PAGE);
    for (uint64_t i = 0; i < PAGES * PAGE / 8; i++)
        words[i] = START + 8 * i;
    return fake;
}

static struct seen scan(struct fake_memory *fake, const struct scan_span *spans, size_t count,
                        struct scan_limits limits, struct scan_summary *ret) {
    struct seen seen = {0};
    struct memory_source source = fake_memory_source(fake);
    struct target_memory *memory = memory_create(&source);
    fake_expect_success(memory_scan(memory, spans, count, &limits, visit, &seen, ret));
    memory_destroy(memory);
    return seen;
}

static const struct scan_limits no_limits = {.bytes = UINT64_MAX, .seconds = 1e9};
static const struct scan_span whole = {START, START + PAGES *PAGE};

static void test_whole(void **state) {
    (void)state;
    struct scan_summary summary;
    struct fake_memory *fake = make_memory();
    struct seen seen = scan(fake, &whole, 1, no_limits, &summary);
    assert_int_equal(seen.words, PAGES * PAGE / 8);
    assert_int_equal(summary.bytes, PAGES * PAGE);
    assert_null(summary.why);
    const struct scan_span two[] = {{START + PAGE, START + 2 * PAGE},
                                    {START + 5 * PAGE, START + 7 * PAGE}};
    seen = scan(fake, two, 2, no_limits, &summary);
    assert_int_equal(seen.words, 3 * PAGE / 8);
    assert_int_equal(seen.last, START + 7 * PAGE - 8);
    seen = scan(fake, two, 0, no_limits, &summary);
    assert_int_equal(seen.words, 0);
    assert_null(summary.why);
    fake_memory_destroy(fake);
}

static void test_bad_page(void **state) {
    (void)state;
    struct scan_summary summary;
    struct fake_memory *fake = make_memory();
    fake_memory_set_bad_page(fake, START + 70 * PAGE);
    struct seen seen = scan(fake, &whole, 1, no_limits, &summary);
    assert_int_equal(seen.words, (PAGES - 1) * PAGE / 8);
    assert_string_equal(summary.why, "some of its memory cannot be read");
    fake_memory_destroy(fake);
}

static void test_limits(void **state) {
    (void)state;
    struct scan_summary summary;
    struct fake_memory *fake = make_memory();
    struct scan_limits limits = {.bytes = PAGE, .seconds = 1e9};
    struct seen seen = scan(fake, &whole, 1, limits, &summary);
    assert_true(seen.words > 0 && seen.words < PAGES * PAGE / 8);
    assert_string_equal(summary.why, "it has more memory than is searched");
    limits = (struct scan_limits){.bytes = UINT64_MAX, .seconds = -1};
    seen = scan(fake, &whole, 1, limits, &summary);
    assert_int_equal(seen.words, 0);
    assert_string_equal(summary.why, "searching its memory takes too long");
    fake_memory_destroy(fake);
}

/* --- a child --- */

#define RESERVED ((size_t)64 << 20)
#define GUARD_INSTALL 102 /* MADV_GUARD_INSTALL, Linux 6.13 */
#define MARK UINT64_C(0x6b63757274736e6f)

static uint64_t *reserved;

static void touch_and_wait(void) {
    reserved[RESERVED / 16] = MARK;
    madvise(reserved, PAGE, GUARD_INSTALL); /* as glibc does below a stack; no matter if it fails */
    child_count_forever();
}

static void look_for_mark(void *context, uint64_t address, const uint64_t *words, size_t count) {
    struct seen *seen = context;
    for (size_t i = 0; i < count; i++)
        if (words[i] == seen->wanted)
            seen->found = address + 8 * i;
}

/* Of what was reserved only the page that was touched; nothing that is shared or read-only. */
static void test_spans_of_child(void **state) {
    (void)state;
    struct scan_summary summary;
    struct scan_span *spans;
    size_t count;
    struct arena *arena = arena_create();
    reserved = mmap(NULL, RESERVED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(reserved != MAP_FAILED);
    madvise(reserved, RESERVED, MADV_NOHUGEPAGE);
    pid_t pid = child_start(touch_and_wait);
    while (child_shared->ticks == 0)
        usleep(1000);
    struct target_process *process = child_open(pid);
    fake_expect_success(scan_list_spans(process, arena, &spans, &count));
    uint64_t start = (uint64_t)(uintptr_t)reserved, size = 0, shared = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(spans[i].start < spans[i].end && spans[i].start % PAGE == 0);
        assert_true(!i || spans[i].start > spans[i - 1].end);
        if (spans[i].start >= start && spans[i].end <= start + RESERVED)
            size += spans[i].end - spans[i].start;
        shared |= spans[i].start <= (uint64_t)(uintptr_t)child_shared &&
                  (uint64_t)(uintptr_t)child_shared < spans[i].end;
    }
    assert_int_equal(size, PAGE);
    assert_int_equal(shared, 0);
    struct seen seen = {.wanted = MARK};
    fake_expect_success(memory_scan(process_get_memory(process), spans, count, &no_limits,
                                    look_for_mark, &seen, &summary));
    assert_int_equal(seen.found, start + RESERVED / 2);
    assert_null(summary.why);
    process_close(process);
    child_finish(pid);
    munmap(reserved, RESERVED);
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_bad_page),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_spans_of_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
