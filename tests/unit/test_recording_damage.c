/* Recordings that are cut off, damaged, made to harm, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/snapshot/pack.h"
#include "../../src/snapshot/recording_format.h"
#include "../support/fake_target.h"
#include "../support/recorded.h"
#include "../support/recorded_file.h"
#include "../support/recorded_play.h"

#define SAMPLES 12

/* A recording. */
struct original {
    int file;
    unsigned char *bytes;
    size_t size;
};

static struct original create_original(void) {
    struct original original = {.file = recorded_file_create()};
    recorded_play_write(original.file, 3, SAMPLES, 1000);
    original.bytes = recorded_file_load(original.file, &original.size);
    return original;
}

static void destroy_original(struct original *original) {
    free(original->bytes);
    close(original->file);
}

/* Reads a recording whose first samples must be those of the original. How many there are; *ret:
 * the error behind them. */
static size_t read_beside(const struct original *original, struct recording_reader *reader,
                          struct error **ret) {
    struct recording_reader *beside = recorded_file_read(original->file);
    const struct recording_sample *sample = NULL;
    size_t count = 0;
    while (!(*ret = recording_read_next(reader, &sample)) && sample) {
        recorded_assert_same(recorded_file_next(beside), sample);
        count++;
    }
    assert_null(sample);
    recording_reader_destroy(beside);
    return count;
}

/* ---- cut off ---- */

static size_t count_samples(const struct original *original, size_t size, bool *ret_ended) {
    struct recording_reader *reader;
    struct error *err;
    int file = recorded_file_of(original->bytes, size);
    size_t count = 0;
    *ret_ended = false;
    err = recorded_file_try(file, &reader);
    close(file);
    if (err) {
        fake_expect_error(err, ERROR_INVALID);
        return 0;
    }
    count = read_beside(original, reader, &err);
    fake_expect_success(err);
    *ret_ended = recording_get_end(reader)->reason != NULL;
    if (!*ret_ended)
        assert_int_equal(recording_get_end(reader)->samples, count);
    recording_reader_destroy(reader);
    return count;
}

/* However much is missing, what is whole can be read and nothing else. */
static void test_cut_off(void **state) {
    (void)state;
    struct original original = create_original();
    size_t last = 0, steps = 0;
    bool has_ended;
    for (size_t size = 0; size <= original.size; size++) {
        size_t count = count_samples(&original, size, &has_ended);
        assert_true(count == last || count == last + 1);
        assert_int_equal(has_ended, size == original.size);
        steps += count != last;
        last = count;
    }
    assert_int_equal(last, SAMPLES);
    assert_int_equal(steps, SAMPLES);
    destroy_original(&original);
}

/* ---- damaged ---- */

static void check_damaged(const struct original *original, size_t place, unsigned char mask) {
    struct recording_reader *reader = NULL;
    original->bytes[place] ^= mask;
    int file = recorded_file_of(original->bytes, original->size);
    original->bytes[place] ^= mask;
    struct error *err = recorded_file_try(file, &reader);
    close(file);
    if (!err) {
        read_beside(original, reader, &err);
        const struct recording_sample *sample;
        fake_expect_success(recording_read_next(reader, &sample));
        assert_null(sample);
        assert_null(recording_get_end(reader)->reason);
    }
    fake_expect_error(err, ERROR_INVALID);
    recording_reader_destroy(reader);
}

/* A byte that is another one is noticed, wherever it is. */
static void test_damaged_bytes(void **state) {
    (void)state;
    static const unsigned char masks[] = {0x01, 0x80, 0xff, 0x20, 0x7f};
    struct original original = create_original();
    for (size_t i = 0; i < original.size; i++)
        check_damaged(&original, i, masks[i % 5]);
    destroy_original(&original);
}

static void test_what_follows_the_end(void **state) {
    (void)state;
    struct original original = create_original();
    struct error *err;
    assert_true(pwrite(original.file, "", 1, (off_t)original.size) == 1);
    struct recording_reader *reader = recorded_file_read(original.file);
    assert_int_equal(read_beside(&original, reader, &err), SAMPLES);
    assert_non_null(strstr(error_get_message(err), "something follows the end"));
    fake_expect_error(err, ERROR_INVALID);
    recording_reader_destroy(reader);
    destroy_original(&original);
}

/* ---- a full disk ---- */

static void test_full_device(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    struct recording_writer *writer = NULL;
    int file = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct error *err = recording_write_begin(file, recorded_get_info(recorded), &writer);
    assert_non_null(strstr(error_get_message(err), "No space left"));
    fake_expect_error(err, ERROR_OS);
    assert_null(writer);
    recorded_destroy(recorded);
    close(file);
}

/* Writes until the file may grow no more; how many samples went in. */
static size_t write_until_full(struct recording_writer *writer, struct recorded_play *play) {
    struct error *err = NULL;
    size_t count = 0;
    while (!(err = recording_write_sample(writer, 0, recorded_play_next(play))))
        count++;
    assert_non_null(strstr(error_get_message(err), "File too large"));
    fake_expect_error(err, ERROR_OS);
    return count;
}

/* The same, and what fails: whatever room there is then, nothing follows. */
static size_t write_limited(int file, rlim_t size) {
    struct rlimit before;
    struct recording_end end = {.reason = "interrupted"};
    struct recording_writer *writer = NULL;
    struct recorded *recorded = recorded_create();
    struct recorded_play *play = recorded_play_create(3);
    fake_expect_success(recording_write_begin(file, recorded_get_info(recorded), &writer));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {size, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    size_t count = write_until_full(writer, play);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    fake_expect_error(recording_write_sample(writer, 0, recorded_play_next(play)), ERROR_OS);
    fake_expect_error(recording_write_end(writer, &end), ERROR_OS);
    assert_int_equal(recording_get_size(writer), size);
    recording_writer_destroy(writer);
    recorded_play_destroy(play);
    recorded_destroy(recorded);
    return count;
}

static void test_full_disk(void **state) {
    (void)state;
    const struct recording_sample *sample;
    int file = recorded_file_create();
    size_t count = write_limited(file, 1500); /* in the middle of a sample */
    assert_true(count > 0);
    assert_int_equal(lseek(file, 0, SEEK_CUR), 1500);
    struct recording_reader *reader = recorded_file_read(file);
    while (count-- > 0)
        recorded_file_next(reader);
    fake_expect_success(recording_read_next(reader, &sample));
    assert_null(sample);
    recording_reader_destroy(reader);
    close(file);
}

/* ---- no recordings ---- */

static void expect_refused(const char *path, enum error_kind kind, const char *message) {
    struct recording_reader *reader;
    struct error *err = recording_read_begin(path, &reader);
    assert_non_null(err);
    if (!strstr(error_get_message(err), message))
        fail_msg("\"%s\" has no \"%s\"", error_get_message(err), message);
    fake_expect_error(err, kind);
}

static void expect_refused_bytes(const void *bytes, size_t size, const char *message) {
    char path[64];
    int file = recorded_file_of(bytes, size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    expect_refused(path, ERROR_INVALID, message);
    close(file);
}

static void test_other_files(void **state) {
    (void)state;
    char path[] = "/tmp/asyncspy-test-XXXXXX", pipe_path[64];
    assert_non_null(mkdtemp(path));
    snprintf(pipe_path, sizeof pipe_path, "%s/pipe", path);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    expect_refused(pipe_path, ERROR_INVALID, "is no file");
    expect_refused(path, ERROR_INVALID, "is no file");
    unlink(pipe_path);
    expect_refused(pipe_path, ERROR_OS, "No such file");
    rmdir(path);
    expect_refused("/dev/zero", ERROR_INVALID, "is no file");
    expect_refused_bytes("", 0, "it is empty");
    expect_refused_bytes("{\"schema\": 1}", 13, "is no recording of asyncspy");
    expect_refused_bytes("asyncspy recording ", 19, "is no recording of asyncspy");
    expect_refused_bytes("asyncspy recording 1", 20, "is no recording of asyncspy");
    expect_refused_bytes("asyncspy recording x\n", 21, "is no recording of asyncspy");
    expect_refused_bytes("asyncspy recording \n", 20, "is no recording of asyncspy");
    expect_refused_bytes("asyncspy recording 0\n", 21, "is no recording of asyncspy");
    expect_refused_bytes("asyncspy recording 1\n", 21, "does not say what was recorded");
    expect_refused_bytes("asyncspy recording 2\n", 21, "of form 2, made by a later asyncspy");
    expect_refused_bytes("asyncspy recording 10\nwhatever", 30, "of form 10");
}

/* ---- made to harm: the checksums are right ---- */

#define MAGIC RECORDING_MAGIC RECORDING_VERSION_TEXT "\n"
#define INFO "\1\1\0\0\0\0\0\0\0\0\0\0\0\0"

static void add_chunk(struct pack *file, char type, const void *payload, size_t size) {
    struct pack copy = {0};
    pack_bytes(&copy, payload, size);
    pack_chunk(file, type, &copy);
    free(copy.bytes);
}

static struct pack begin_file(void) {
    struct pack pack = {0};
    pack_bytes(&pack, MAGIC, strlen(MAGIC));
    add_chunk(&pack, 'I', INFO, sizeof INFO - 1);
    return pack;
}

/* Reads all of it; that ends with an error that says so, or NULL: well. */
static void read_all(struct pack *pack, const char *message) {
    int file = recorded_file_of(pack->bytes, pack->size);
    struct recording_reader *reader = recorded_file_read(file);
    const struct recording_sample *sample = NULL;
    struct error *err;
    while (!(err = recording_read_next(reader, &sample)) && sample)
        assert_true(sample->number > 0);
    if (message) {
        if (!err || !strstr(error_get_message(err), message))
            fail_msg("\"%s\" has no \"%s\"", err ? error_get_message(err) : "", message);
        fake_expect_error(err, ERROR_INVALID);
    } else {
        fake_expect_success(err);
    }
    recording_reader_destroy(reader);
    close(file);
    free(pack->bytes);
}

/* What cannot be in a chunk that follows some definitions, and a sample with task 1, a thread and a
 * loop. */
static const struct hostile {
    char type;
    const char *payload;
    size_t size;
    const char *message;
} hostile[] = {
#define HOSTILE(type, payload, message)                                                            \
    { type, payload, sizeof payload - 1, message }
    HOSTILE('I', INFO, "twice what was recorded"),
    HOSTILE('D', "\4", "an unknown definition"),
    HOSTILE('D', "\0\5abc", "a text that has no end"),
    HOSTILE('D', "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", "a text that has no end"),
    HOSTILE('D', "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", "a number that has no end"),
    HOSTILE('D', "\0\x80", "a number that has no end"),
    HOSTILE('D', "\1\2\0\0\0\0\0\0\0\0\0", "an unknown kind of frame"),
    HOSTILE('D', "\1\0\2\0\0\0\0\0\0\0\0", "not defined"),
    HOSTILE('D', "\1\0\0\0\0\0\xfe\xff\xff\xff\xff\1\0\0\0\0", "line or column"),
    HOSTILE('D', "\1\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0\0\0", "line or column"),
    HOSTILE('D', "\2\x38\0\0\0\0\0\0\0\0\0", "an unknown kind of wait"),
    HOSTILE('D', "\2\0\0\0\0\0\0\0\0", "a number that has no end"),
    HOSTILE('D', "\3\2\1\1", "not defined"),
    HOSTILE('D', "\3\0\2\1", "more of something than there are bytes"),
    HOSTILE('D', "\3\0\1\0", "a frame that is none"),
    HOSTILE('D', "\3\0\1\2", "not defined"),
    HOSTILE('S', "", "a number that has no end"),
    HOSTILE('S', "\x80\2\1\0", "unknown facts of a sample"),
    HOSTILE('S', "\0\0\0", "does not follow"),
    HOSTILE('S', "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0", "does not follow"),
    HOSTILE('S', "\0\1\x81\x80\x80\x80\x80\x80\x80\2", "a time that cannot be"),
    HOSTILE('S', "\0\1\0\0", "more than a sample"),
    HOSTILE('S', "\1\1\0\x81\x80\x80\x80\x80\x80\x80\2", "a time that cannot be"),
    HOSTILE('S', "\x10\1\0\2\0", "more of something than there are bytes"),
    HOSTILE('S', "\x10\1\0\1\1\0", "a task without a number"),
    HOSTILE('S', "\x10\1\0\1\2\0", "a task that is not there"),
    HOSTILE('S', "\x10\1\0\1\2\x20", "a task that is not there"),
    HOSTILE('S', "\x10\1\0\1\0\x40", "a task that is there already"),
    HOSTILE('S', "\x10\1\0\2\0\0\0\0", "a task that changes twice"),
    HOSTILE('S', "\x10\1\0\1\0\x21\0", "there and gone"),
    HOSTILE('S', "\x10\1\0\1\0\x80\2", "unknown facts of a task"),
    HOSTILE('S', "\x10\1\0\1\0\4\6", "an unknown state of a task"),
    HOSTILE('S', "\x10\1\0\1\0\1\2", "not defined"),
    HOSTILE('S', "\x10\1\0\1\0\2\1", "not defined"),
    HOSTILE('S', "\x20\1\0\1\2", "beyond the last one"),
    HOSTILE('S', "\x20\1\0\1\1\x80\1", "unknown facts of a thread"),
    HOSTILE('S', "\x20\1\0\2\0", "threads that nothing is said of"),
    HOSTILE('S', "\x20\1\0\3\3\0\0", "threads that nothing is said of"),
    HOSTILE('S', "\x20\1\0\1\1\1\2\0", "a thread that was none"),
    HOSTILE('S', "\x20\1\0\1\1\1\1\0", "a thread that was none"),
    HOSTILE('S', "\x20\1\0\1\1\x08\3\0", "neither yes nor no"),
    HOSTILE('S', "\x20\1\0\1\1\x08\x40\0", "unknown facts of a thread"),
    HOSTILE('S', "\x20\1\0\1\1\4\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0", "a time that cannot be"),
    HOSTILE('S', "\x20\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0", "nothing is said of"),
    HOSTILE('S', "\x40\1\0\1\2", "beyond the last one"),
    HOSTILE('S', "\x40\1\0\3\3\0\0", "loops that nothing is said of"),
    HOSTILE('S', "\x40\1\0\2\0", "loops that nothing is said of"),
    HOSTILE('S', "\x40\1\0\1\1\x80\1", "unknown facts of a loop"),
    HOSTILE('S', "\x40\1\0\1\1\1\6\0", "an unknown state of a loop"),
    HOSTILE('E', "\0\0\0\0\0\0\0", "an end that is none"),
    HOSTILE('E', "\0\0\0\0\0\0\0the end", "an end that is none"),
    HOSTILE('E', "\0\0\0\0\0\0\0the end\n\n", "an end that is none"),
    HOSTILE('E', "\0\5abc", "an end that is none"),
    HOSTILE('X', "", "nothing that is known begins so"),
    HOSTILE('\0', "", "nothing that is known begins so"),
    /* that is not hostile */
    HOSTILE('S', "\0\1\x80\x80\x80\x80\x80\x80\x80\2", NULL),
    HOSTILE('D', "\0\3\xff\0a\1\0\1\0\0\0\5\0\0\0\0\3\0\1\1", NULL),
    HOSTILE('S', "\x10\1\0\2\0\x20\0\x40", NULL),
    HOSTILE('S', "\x60\1\0\0\0\0\0", NULL),
    HOSTILE('E', "\0\0\0\0\0\0\0the end\n", NULL),
};

static void test_hostile_chunks(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct pack pack = begin_file();
        add_chunk(&pack, 'D', "\0\1f\1\0\1\0\0\0\0\0\0\0\0", 14);
        add_chunk(&pack, 'S', "\x70\1\0\1\2\x40\1\1\0\0\1\1\0\0", 14);
        add_chunk(&pack, hostile[i].type, hostile[i].payload, hostile[i].size);
        read_all(&pack, hostile[i].message);
    }
}

/* Numbers of before mean nothing any more. */
static void test_reset(void **state) {
    (void)state;
    struct pack pack = begin_file();
    add_chunk(&pack, 'D', "\0\1f", 3);
    add_chunk(&pack, 'D', "\1\0\1\0\0\0\0\0\0\0\0", 11);
    add_chunk(&pack, 'R', "", 0);
    add_chunk(&pack, 'D', "\1\0\1\0\0\0\0\0\0\0\0", 11);
    read_all(&pack, "not defined");
}

static void test_hostile_lengths(void **state) {
    (void)state;
    struct pack pack = begin_file();
    pack_bytes(&pack, "S\xff\xff\xff\xff\xff\xff\xff\xff\xff\1____", 15);
    read_all(&pack, NULL); /* cut off, as far as one can tell */
    pack = begin_file();
    pack_bytes(&pack, "S\xff\xff\xff\xff\xff\xff\xff\xff\xff\2____", 15);
    read_all(&pack, "a length that has no end");
}

/* Stacks that share all frames but one: as a file some bytes each, read 2 MB each. */
static void test_hostile_stacks(void **state) {
    (void)state;
    struct pack pack = begin_file(), payload = {0};
    const size_t depth = RECORDING_DEPTH_MAX - 1, count = 200;
    add_chunk(&pack, 'D', "\1\0\0\0\0\0\0\0\0\0\0", 11);
    pack_bytes(&payload, "\3\0", 2);
    pack_number(&payload, depth);
    for (size_t i = 0; i < depth; i++)
        pack_number(&payload, 1);
    for (size_t i = 0; i < count; i++) {
        pack_bytes(&payload, "\1\0\0\0\0\0", 6);
        pack_number(&payload, 2 * (i + 1));
        pack_bytes(&payload, "\0\0\0\0\3", 5);
        pack_number(&payload, depth);
        pack_number(&payload, 1);
        pack_number(&payload, i + 2);
    }
    pack_chunk(&pack, 'D', &payload);
    for (size_t i = 0; i < count; i++) {
        payload.size = 0;
        pack_bytes(&payload, "\x20\1\0\1\1\2", 6);
        pack_number(&payload, depth + i + 1);
        pack_bytes(&payload, "", 1);
        pack_chunk(&pack, 'S', &payload);
    }
    free(payload.bytes);
    read_all(&pack, "its stacks take more memory");
}

static void test_too_deep(void **state) {
    (void)state;
    struct pack pack = begin_file(), payload = {0};
    add_chunk(&pack, 'D', "\1\0\0\0\0\0\0\0\0\0\0", 11);
    pack_bytes(&payload, "\3\0", 2);
    pack_number(&payload, RECORDING_DEPTH_MAX);
    for (size_t i = 0; i < RECORDING_DEPTH_MAX; i++)
        pack_number(&payload, 1);
    pack_chunk(&pack, 'D', &payload);
    payload.size = 0;
    pack_number(&payload, 3);
    pack_number(&payload, RECORDING_DEPTH_MAX);
    pack_bytes(&payload, "\1\1", 2);
    pack_chunk(&pack, 'D', &payload);
    free(payload.bytes);
    read_all(&pack, "a stack that is too deep");
}

/* A file that goes on while it is read. */
static void test_growing(void **state) {
    (void)state;
    struct pack pack = begin_file();
    int file = recorded_file_of(pack.bytes, pack.size);
    struct recording_reader *reader = recorded_file_read(file);
    size_t before = pack.size;
    add_chunk(&pack, 'S', "\0\1\0", 3);
    assert_true(write(file, pack.bytes + before, pack.size - before) ==
                (ssize_t)(pack.size - before));
    assert_int_equal(recorded_file_next(reader)->number, 1);
    assert_true(recording_get_progress(reader) <= 1);
    recording_reader_destroy(reader);
    close(file);
    free(pack.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_damaged_bytes),
        cmocka_unit_test(test_what_follows_the_end),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_hostile_chunks),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_hostile_lengths),
        cmocka_unit_test(test_hostile_stacks),
        cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
