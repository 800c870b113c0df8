/* Compressed cores, cores through pipes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lz4frame.h>
#include <lzma.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "../support/fake_core.h"
#include "../support/fake_target.h"
#include "asyncspy/target/core.h"

#define BIG UINT64_C(0x700000000000)
#define BIG_SIZE ((size_t)3 << 20) /* more than one piece */
#define ROOM ((size_t)8 << 20)

struct fixture {
    char path[64];
    struct arena *arena;
    unsigned char *packed, *whole;
    size_t size, whole_size;
    struct fake_core *core;
};

static int set_up(void **state) {
    static struct fixture fixture;
    unsigned char *bytes = memory_alloc(BIG_SIZE);
    snprintf(fixture.path, sizeof fixture.path, "/tmp/test_core_unpack.XXXXXX");
    int file = mkstemp(fixture.path);
    close(file);
    fixture.arena = arena_create();
    fixture.packed = memory_alloc(ROOM);
    fixture.core = fake_core_create_usual();
    srandom(3);
    for (size_t i = 0; i < BIG_SIZE; i++) /* the middle was never touched */
        bytes[i] = i / (BIG_SIZE / 3) == 1 ? 0 : (unsigned char)random();
    fake_core_add_memory(fixture.core, BIG, BIG_SIZE, bytes, BIG_SIZE, PF_R | PF_W);
    fixture.whole = fake_core_get(fixture.core, &fixture.whole_size);
    free(bytes);
    *state = &fixture;
    return file < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    unlink(f->path);
    free(f->packed);
    fake_core_destroy(f->core);
    arena_destroy(f->arena);
    return 0;
}

/* ---- packing ---- */

static void pack_gzip(struct fixture *f) {
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = f->whole;
    stream.avail_in = (unsigned)f->whole_size;
    stream.next_out = f->packed;
    stream.avail_out = (unsigned)ROOM;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    f->size = stream.total_out;
    deflateEnd(&stream);
}

static void pack_lz4(struct fixture *f) {
    f->size = LZ4F_compressFrame(f->packed, ROOM, f->whole, f->whole_size, NULL);
    assert_false(LZ4F_isError(f->size));
}

static void pack_xz(struct fixture *f) {
    f->size = 0;
    assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, f->whole, f->whole_size,
                                             f->packed, &f->size, ROOM),
                     LZMA_OK);
}

static void pack_zstd(struct fixture *f) {
    f->size = ZSTD_compress(f->packed, ROOM, f->whole, f->whole_size, 1);
    assert_false(ZSTD_isError(f->size));
}

/* As `zstd` does with several threads, or `cat a.zst b.zst`. */
static void pack_two_frames(struct fixture *f) {
    size_t half = f->whole_size / 2;
    size_t first = ZSTD_compress(f->packed, ROOM, f->whole, half, 1);
    f->size = first + ZSTD_compress(f->packed + first, ROOM - first, f->whole + half,
                                    f->whole_size - half, 1);
}

/* ---- reading ---- */

struct seen {
    uint64_t calls, done, total;
};

static void report(void *context, uint64_t done, uint64_t total) {
    struct seen *seen = context;
    assert_true(done >= seen->done);
    *seen = (struct seen){seen->calls + 1, done, total};
}

static struct error *open_packed(struct fixture *f, size_t size, struct target_process **ret) {
    fake_file_write(f->path, f->packed, size);
    *ret = NULL;
    return core_open(f->path, &(struct core_options){.executable = "/nonexistent"}, ret);
}

static void assert_same(struct fixture *f, struct target_process *process) {
    unsigned char *bytes = memory_alloc(BIG_SIZE);
    fake_expect_success(memory_read_uncached(process_get_memory(process), BIG, bytes, BIG_SIZE));
    assert_memory_equal(bytes, f->whole + f->whole_size - BIG_SIZE, BIG_SIZE);
    free(bytes);
}

static void check_format(struct fixture *f, void (*pack)(struct fixture *f)) {
    struct target_process *process;
    struct seen seen = {0};
    size_t count;
    pack(f);
    fake_file_write(f->path, f->packed, f->size);
    fake_expect_success(core_open(
        f->path, &(struct core_options){.executable = "/nonexistent", .progress = {report, &seen}},
        &process));
    assert_same(f, process);
    (void)core_list_losses(process, f->arena, &count);
    assert_int_equal(count, 0);
    process_close(process);
    assert_true(seen.calls > 1);
    assert_int_equal(seen.done, f->size);
    assert_int_equal(seen.total, f->size);
}

static void test_formats(void **state) {
    check_format(*state, pack_gzip);
    check_format(*state, pack_lz4);
    check_format(*state, pack_xz);
    check_format(*state, pack_zstd);
    check_format(*state, pack_two_frames);
}

/* What was unpacked until there is shown. */
static void check_cut(struct fixture *f, void (*pack)(struct fixture *f)) {
    pack(f);
    for (size_t size = 1; size < f->size; size = size * 3 + 1) {
        struct target_process *process;
        struct error *err = open_packed(f, size, &process);
        size_t count = 1;
        if (!err) {
            (void)core_list_losses(process, f->arena, &count);
            process_close(process);
        }
        assert_int_equal(count, 1);
        error_destroy(err);
    }
    struct target_process *process;
    uint64_t word;
    fake_expect_success(open_packed(f, f->size - 1000, &process));
    fake_expect_success(memory_read(process_get_memory(process), BIG, &word, 8));
    process_close(process);
}

static void test_cut_off(void **state) {
    check_cut(*state, pack_gzip);
    check_cut(*state, pack_lz4);
    check_cut(*state, pack_xz);
    check_cut(*state, pack_zstd);
}

static void check_damage(struct fixture *f, void (*pack)(struct fixture *f), const char *name) {
    struct target_process *process;
    pack(f);
    memset(f->packed + f->size / 2, 0x5a, 4096);
    struct error *err = open_packed(f, f->size, &process);
    assert_non_null(err);
    assert_non_null(strstr(error_get_message(err), "it is damaged: no valid"));
    assert_non_null(strstr(error_get_message(err), name));
    error_destroy(err);
}

static void test_damage(void **state) {
    check_damage(*state, pack_gzip, "gzip");
    check_damage(*state, pack_xz, "xz");
}

static void test_random_damage(void **state) {
    struct fixture *f = *state;
    static void (*const packs[])(struct fixture * f) = {pack_gzip, pack_lz4, pack_xz, pack_zstd};
    for (size_t i = 0; i < 40; i++) {
        struct target_process *process;
        packs[i % 4](f);
        for (int left = 3; left; left--)
            f->packed[(size_t)random() % (i % 2 ? 64 : f->size)] = (unsigned char)random();
        struct error *err = open_packed(f, f->size, &process);
        process_close(err ? NULL : process);
        error_destroy(err);
    }
}

/* A few kilobytes that say that they are gigabytes of zeros cost neither memory nor disk. */
static void test_bomb(void **state) {
    struct fixture *f = *state;
    struct target_process *process;
    size_t size = (size_t)1 << 30;
    unsigned char *zeros = calloc(1, size);
    f->size = ZSTD_compress(f->packed, ROOM, zeros, size, 1);
    free(zeros);
    struct error *err = open_packed(f, f->size, &process);
    assert_non_null(strstr(error_get_message(err), "it is no core file"));
    error_destroy(err);
}

/* Nor is anything unpacked to its end that is no core. */
static void test_no_core(void **state) {
    struct fixture *f = *state;
    struct target_process *process;
    struct seen seen = {0};
    for (size_t i = 0; i < f->whole_size; i++)
        f->whole[i] = (unsigned char)random();
    pack_zstd(f);
    fake_file_write(f->path, f->packed, f->size);
    const struct core_options all = {.progress = {report, &seen}};
    struct error *err = core_open(f->path, &all, &process);
    assert_non_null(strstr(error_get_message(err), "it is no core file"));
    assert_true(seen.done < f->size);
    error_destroy(err);
    seen = (struct seen){0};
    err = core_open("/dev/zero", &all, &process);
    assert_non_null(strstr(error_get_message(err), "it is no core file"));
    assert_true(seen.done < 1 << 20);
    error_destroy(err);
}

static void check_padding(struct fixture *f, void (*pack)(struct fixture *f)) {
    struct target_process *process;
    size_t count;
    pack(f);
    memset(f->packed + f->size, 0, 8192);
    fake_expect_success(open_packed(f, f->size + 8192, &process));
    assert_same(f, process);
    (void)core_list_losses(process, f->arena, &count);
    assert_int_equal(count, 0);
    process_close(process);
}

/* As tar and devices leave it behind a file. */
static void test_padding(void **state) {
    check_padding(*state, pack_gzip);
    check_padding(*state, pack_lz4);
    check_padding(*state, pack_xz);
    check_padding(*state, pack_zstd);
}

static void *feed(void *context) {
    const struct fixture *f = context;
    FILE *file = fopen(f->path, "w");
    fwrite(f->packed, 1, f->size, file);
    fclose(file);
    return NULL;
}

static void check_pipe(struct fixture *f) {
    struct target_process *process;
    pthread_t thread;
    unlink(f->path);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, feed, f), 0);
    fake_expect_success(
        core_open(f->path, &(struct core_options){.executable = "/nonexistent"}, &process));
    pthread_join(thread, NULL);
    assert_same(f, process);
    process_close(process);
}

static void test_pipe(void **state) {
    struct fixture *f = *state;
    pack_zstd(f);
    check_pipe(f);
    memcpy(f->packed, f->whole, f->size = f->whole_size);
    check_pipe(f);
}

static void test_no_room(void **state) {
    struct fixture *f = *state;
    struct target_process *process;
    pack_zstd(f);
    setenv("TMPDIR", "/proc/nonexistent", 1);
    struct error *err = open_packed(f, f->size, &process);
    unsetenv("TMPDIR");
    assert_int_equal(error_get_kind(err), ERROR_OS);
    assert_non_null(strstr(error_get_message(err), "unpack"));
    error_destroy(err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_formats),       TEST(test_cut_off), TEST(test_damage),
        TEST(test_random_damage), TEST(test_bomb),    TEST(test_no_core),
        TEST(test_padding),       TEST(test_pipe),    TEST(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
