/* Cores that asyncspy writes itself, and what is read of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/fake_core.h"
#include "../support/fake_target.h"
#include "asyncspy/target/core.h"
#include "asyncspy/target/core_writer.h"

#define PROGRAM FAKE_CORE_PROGRAM
#define HEAP FAKE_CORE_HEAP
#define LIBRARY UINT64_C(0x555700000000)
#define OWNER "asyncspy"
#define NOTE_TEXT 0x41530001
#define NOTE_PAGES 0x41530002

struct fixture {
    char folder[64], path[128], saved[128];
    struct arena *arena;
    struct fake_core *core;
    struct target_process *process; /* that the saved one is made of */
};

static const struct core_options options = {.executable = "/nonexistent"};

static struct target_process *open_fake(struct fixture *f) {
    struct target_process *process = NULL;
    size_t size;
    unsigned char *bytes = fake_core_get(f->core, &size);
    fake_file_write(f->path, bytes, size);
    fake_expect_success(core_open(f->path, &options, &process));
    return process;
}

static int set_up(void **state) {
    static struct fixture fixture;
    snprintf(fixture.folder, sizeof fixture.folder, "/tmp/test_core_writer.XXXXXX");
    if (!mkdtemp(fixture.folder))
        return -1;
    snprintf(fixture.path, sizeof fixture.path, "%s/core", fixture.folder);
    snprintf(fixture.saved, sizeof fixture.saved, "%s/saved", fixture.folder);
    fixture.arena = arena_create();
    fixture.core = fake_core_create_usual();
    fixture.process = open_fake(&fixture);
    memory_keep(process_get_memory(fixture.process), true);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    process_close(f->process);
    unlink(f->path);
    unlink(f->saved);
    if (rmdir(f->folder) != 0)
        fail_msg("there is more in %s", f->folder);
    fake_core_destroy(f->core);
    arena_destroy(f->arena);
    return 0;
}

static struct error *read_from(struct target_process *process, uint64_t address, void *buffer,
                               size_t size) {
    return memory_read(process_get_memory(process), address, buffer, size);
}

static void need(struct fixture *f, uint64_t address, size_t size) {
    unsigned char bytes[8192];
    fake_expect_success(read_from(f->process, address, bytes, size));
}

static struct error *save(struct fixture *f, const char *note, uint64_t *ret_size) {
    struct core_writer *writer;
    struct target_thread *threads;
    size_t count;
    struct error *err = core_writer_open(f->saved, &writer);
    if (err)
        return err;
    fake_expect_success(process_list_threads(f->process, f->arena, &threads, &count));
    err = core_writer_add_memory(writer, f->process);
    if (!err)
        err = core_writer_finish(writer, f->process, threads, count, note, strlen(note), ret_size);
    core_writer_close(writer);
    return err;
}

static struct target_process *save_and_open(struct fixture *f) {
    struct target_process *process = NULL;
    struct stat status;
    uint64_t size;
    fake_expect_success(save(f, "a text", &size));
    assert_int_equal(stat(f->saved, &status), 0);
    assert_int_equal(status.st_size, size);
    assert_int_equal(status.st_mode & 0777, 0600);
    fake_expect_success(core_open(f->saved, &options, &process));
    return process;
}

/* ---- what is in it ---- */

static void test_holds_what_was_read(void **state) {
    struct fixture *f = *state;
    unsigned char bytes[192];
    need(f, HEAP + 64, 192);
    need(f, HEAP + 4096, 1);
    struct target_process *process = save_and_open(f);
    fake_expect_success(read_from(process, HEAP + 64, bytes, 192));
    for (size_t i = 0; i < 192; i++)
        assert_int_equal(bytes[i], (unsigned char)((i + 64) * 7 + (i + 64) / 256));
    fake_expect_success(read_from(process, HEAP + 4096, bytes, 64));
    fake_expect_error(read_from(process, HEAP + 63, bytes, 2), ERROR_FAULT);
    fake_expect_error(read_from(process, HEAP + 255, bytes, 2), ERROR_FAULT);
    fake_expect_error(read_from(process, HEAP + 4096, bytes, 65), ERROR_FAULT);
    fake_expect_error(read_from(process, PROGRAM, bytes, 1), ERROR_FAULT);
    process_close(process);
}

/* Neighbours may be anything: a password, a key. */
static void test_holds_nothing_else(void **state) {
    struct fixture *f = *state;
    unsigned char unread[64];
    uint64_t size;
    need(f, HEAP + 64, 64);
    fake_expect_success(save(f, "", &size));
    char *bytes = arena_alloc(f->arena, size);
    FILE *file = fopen(f->saved, "r");
    assert_true(file && fread(bytes, 1, size, file) == size);
    fclose(file);
    for (size_t i = 0; i < sizeof unread; i++)
        unread[i] = (unsigned char)((i + 128) * 7 + (i + 128) / 256);
    assert_null(memmem(bytes, size, unread, 8));
}

static void test_says_what_the_process_was(void **state) {
    struct fixture *f = *state;
    struct target_thread *threads;
    size_t count, size;
    need(f, HEAP, 1);
    struct target_process *process = save_and_open(f);
    assert_int_equal(process_get_pid(process), FAKE_CORE_PID);
    assert_string_equal(process_get_executable(process), "/usr/bin/python3");
    char **arguments = process_get_command_line(process, f->arena, &count);
    assert_int_equal(count, 1);
    assert_string_equal(arguments[0], "python3 app.py");
    fake_expect_success(process_list_threads(process, f->arena, &threads, &count));
    assert_int_equal(count, 2);
    assert_int_equal(threads[0].tid, FAKE_CORE_PID);
    assert_int_equal(threads[0].syscall, 232);
    assert_int_equal(threads[0].arguments[0], 3);
    assert_int_equal(threads[1].syscall, -1);
    const char *note = core_get_note(process, &size);
    assert_int_equal(size, 6);
    assert_memory_equal(note, "a text", 6);
    process_close(process);
}

/* For gdb: of a file, the bytes that tell its build id, and not more. */
static void test_has_build_ids(void **state) {
    struct fixture *f = *state;
    unsigned char page[4096] = {0};
    struct fake_elf library = fake_elf_make("IJKLMNOP");
    uint64_t size;
    memcpy(page, &library, sizeof library);
    fake_core_add_name(f->core, LIBRARY, LIBRARY + 4096, 0, "/usr/lib/libpython3.so");
    fake_core_add_memory(f->core, LIBRARY, sizeof page, page, sizeof page, PF_R);
    process_close(f->process);
    f->process = open_fake(f);
    memory_keep(process_get_memory(f->process), true);
    need(f, HEAP, 1);
    fake_expect_success(save(f, "", &size));
    char *bytes = arena_alloc(f->arena, size);
    FILE *file = fopen(f->saved, "r");
    assert_true(file && fread(bytes, 1, size, file) == size);
    fclose(file);
    assert_non_null(memmem(bytes, size, "IJKLMNOP", 8));
    assert_null(memmem(bytes, size, "the text of the program", 8));
}

static void test_of_one_that_was_saved(void **state) {
    struct fixture *f = *state;
    unsigned char bytes[64];
    need(f, HEAP, 1);
    struct target_process *first = save_and_open(f);
    memory_keep(process_get_memory(first), true);
    fake_expect_success(read_from(first, HEAP, bytes, 64));
    unlink(f->saved);
    process_close(f->process);
    f->process = first;
    struct target_process *process = save_and_open(f);
    fake_expect_success(read_from(process, HEAP, bytes, 64));
    fake_expect_error(read_from(process, HEAP, bytes, 65), ERROR_FAULT);
    process_close(process);
}

/* ---- where it is put ---- */

static void test_any_umask(void **state) {
    struct fixture *f = *state;
    mode_t before = umask(0777);
    need(f, HEAP, 1);
    process_close(save_and_open(f));
    umask(before);
}

static void test_overwrites_nothing(void **state) {
    struct fixture *f = *state;
    uint64_t size;
    struct stat status;
    fake_file_write(f->saved, "mine", 4);
    fake_expect_error(save(f, "", &size), ERROR_USAGE);
    assert_int_equal(stat(f->saved, &status), 0);
    assert_int_equal(status.st_size, 4);
}

static void test_follows_no_link(void **state) {
    struct fixture *f = *state;
    uint64_t size;
    assert_int_equal(symlink("elsewhere", f->saved), 0);
    fake_expect_error(save(f, "", &size), ERROR_USAGE);
}

static void test_no_folder(void **state) {
    struct fixture *f = *state;
    struct core_writer *writer;
    struct error *err = core_writer_open(arena_format(f->arena, "%s/no/core", f->folder), &writer);
    assert_non_null(err);
    assert_non_null(strstr(error_get_message(err), "/no/core: No such file"));
    error_destroy(err);
}

/* tear_down sees that nothing is left. */
static void test_given_up(void **state) {
    struct fixture *f = *state;
    struct core_writer *writer;
    need(f, HEAP, 1);
    fake_expect_success(core_writer_open(f->saved, &writer));
    fake_expect_success(core_writer_add_memory(writer, f->process));
    core_writer_close(writer);
    assert_int_equal(access(f->saved, F_OK), -1);
}

/* A limit for files fails as a full disk does. */
static void test_full_disk(void **state) {
    struct fixture *f = *state;
    struct rlimit before, limit;
    uint64_t size;
    need(f, HEAP, 8192);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){6000, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct error *err = save(f, "", &size);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(err);
    assert_non_null(strstr(error_get_message(err), "File too large"));
    error_destroy(err);
    assert_int_equal(access(f->saved, F_OK), -1);
}

/* ---- what others may have written ---- */

static struct error *open_again(struct fixture *f) {
    size_t size;
    struct target_process *process;
    unsigned char *bytes = fake_core_get(f->core, &size);
    fake_file_write(f->saved, bytes, size);
    struct error *err = core_open(f->saved, &options, &process);
    if (!err)
        process_close(process);
    return err;
}

static void test_pages_out_of_order(void **state) {
    struct fixture *f = *state;
    const uint64_t pages[] = {HEAP + 4096, 1, HEAP, 1};
    fake_core_add_note_of(f->core, OWNER, NOTE_PAGES, pages, sizeof pages);
    fake_expect_error(open_again(f), ERROR_INVALID);
}

static void test_half_a_row_of_pages(void **state) {
    struct fixture *f = *state;
    const uint64_t pages[] = {HEAP, 1, HEAP + 4096};
    fake_core_add_note_of(f->core, OWNER, NOTE_PAGES, pages, sizeof pages);
    fake_expect_error(open_again(f), ERROR_INVALID);
}

/* Pages that the core does not have are not there, whatever the note says. */
static void test_pages_that_are_not_there(void **state) {
    struct fixture *f = *state;
    const uint64_t pages[] = {4096, UINT64_MAX, HEAP, 1};
    unsigned char byte;
    fake_core_add_note_of(f->core, OWNER, NOTE_PAGES, pages, sizeof pages);
    fake_core_add_note_of(f->core, OWNER, NOTE_TEXT, "", 0);
    fake_expect_success(open_again(f));
    process_close(f->process);
    fake_expect_success(core_open(f->saved, &options, &f->process));
    fake_expect_success(read_from(f->process, HEAP, &byte, 1));
    fake_expect_error(read_from(f->process, 4096, &byte, 1), ERROR_FAULT);
    fake_expect_error(read_from(f->process, HEAP + 64, &byte, 1), ERROR_FAULT);
}

/* A text without the pages, or pages without the text, is what is left of a core that is cut off.
 */
static void test_half_of_the_notes(void **state) {
    struct fixture *f = *state;
    const uint64_t pages[] = {HEAP, 1};
    fake_core_add_note_of(f->core, OWNER, NOTE_PAGES, pages, sizeof pages);
    fake_expect_error(open_again(f), ERROR_INVALID);
    fake_core_destroy(f->core);
    f->core = fake_core_create_usual();
    fake_core_add_note_of(f->core, OWNER, NOTE_TEXT, "{}", 2);
    fake_expect_error(open_again(f), ERROR_INVALID);
}

/* What nobody read is zero in it: that must not be taken for memory. */
static void test_cut_off(void **state) {
    struct fixture *f = *state;
    struct stat status;
    need(f, HEAP, 64);
    process_close(save_and_open(f));
    assert_int_equal(stat(f->saved, &status), 0);
    for (int length = 4; length < 1200; length += 4) {
        struct target_process *process = NULL;
        assert_int_equal(truncate(f->saved, status.st_size - length), 0);
        struct error *err = core_open(f->saved, &options, &process);
        process_close(process);
        fake_expect_error(err, ERROR_INVALID);
    }
}

/* Notes of a type that this version does not know. */
static void test_other_notes(void **state) {
    struct fixture *f = *state;
    size_t size;
    fake_core_add_note_of(f->core, OWNER, NOTE_TEXT + 7, "?", 1);
    fake_core_add_note_of(f->core, "asyncspx", NOTE_TEXT, "?", 1);
    fake_expect_success(open_again(f));
    process_close(f->process);
    fake_expect_success(core_open(f->saved, &options, &f->process));
    assert_null(core_get_note(f->process, &size));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_holds_what_was_read),
        TEST(test_holds_nothing_else),
        TEST(test_says_what_the_process_was),
        TEST(test_has_build_ids),
        TEST(test_of_one_that_was_saved),
        TEST(test_any_umask),
        TEST(test_overwrites_nothing),
        TEST(test_follows_no_link),
        TEST(test_no_folder),
        TEST(test_given_up),
        TEST(test_full_disk),
        TEST(test_pages_out_of_order),
        TEST(test_half_a_row_of_pages),
        TEST(test_pages_that_are_not_there),
        TEST(test_half_of_the_notes),
        TEST(test_cut_off),
        TEST(test_other_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
