/* Cores made by hand: what is read of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/fake_core.h"
#include "../support/fake_target.h"
#include "asyncspy/target/core.h"
#include "asyncspy/target/module.h"
#include "asyncspy/target/scan.h"
#include "asyncspy/target/stop.h"

#define PROGRAM FAKE_CORE_PROGRAM
#define HEAP FAKE_CORE_HEAP
#define STACK UINT64_C(0x7ffc00000000)
#define EXECUTABLE_PATH "/usr/bin/python3"

struct fixture {
    char folder[64], path[128];
    struct arena *arena;
    struct fake_core *core;
};

static int set_up(void **state) {
    static struct fixture fixture;
    snprintf(fixture.folder, sizeof fixture.folder, "/tmp/test_core.XXXXXX");
    if (!mkdtemp(fixture.folder))
        return -1;
    snprintf(fixture.path, sizeof fixture.path, "%s/core", fixture.folder);
    fixture.arena = arena_create();
    fixture.core = fake_core_create_usual();
    *state = &fixture;
    return 0;
}

static char *in_folder(const struct fixture *f, const char *name) {
    return arena_format(f->arena, "%s/%s", f->folder, name);
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {
        "core",  "root/usr/bin/python3", "root/usr/bin/link", "root/usr/bin", "root/usr", "root",
        "python"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)remove(in_folder(f, names[i]));
    rmdir(f->folder);
    fake_core_destroy(f->core);
    arena_destroy(f->arena);
    return 0;
}

static struct target_process *open_with(struct fixture *f, const struct core_options *options) {
    struct target_process *process = NULL;
    size_t size;
    unsigned char *bytes = fake_core_get(f->core, &size);
    fake_file_write(f->path, bytes, size);
    fake_expect_success(core_open(f->path, options, &process));
    return process;
}

/* Without the files of this machine. */
static struct target_process *open_core(struct fixture *f) {
    return open_with(f, &(struct core_options){.executable = "/nonexistent"});
}

static bool can_read(struct target_process *process, uint64_t address, void *buffer, size_t size) {
    struct error *err = memory_read(process_get_memory(process), address, buffer, size);
    if (err)
        assert_int_equal(error_get_kind(err), ERROR_FAULT);
    error_destroy(err);
    return !err;
}

/* ---- memory ---- */

static void test_memory(void **state) {
    unsigned char bytes[FAKE_CORE_HEAP_SIZE];
    struct target_process *process = open_core(*state);
    assert_true(can_read(process, HEAP, bytes, sizeof bytes));
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], (unsigned char)(i * 7 + i / 256));
    assert_true(can_read(process, HEAP + sizeof bytes - 1, bytes, 1));
    assert_false(can_read(process, HEAP + sizeof bytes - 1, bytes, 2));
    assert_false(can_read(process, HEAP - 1, bytes, 1));
    assert_false(can_read(process, PROGRAM + 4096, bytes, 1)); /* left to a file */
    assert_false(can_read(process, UINT64_MAX - 8, bytes, 8));
    process_close(process);
}

/* Two segments claim the same addresses: the one that begins first has them. */
static void test_overlap(void **state) {
    struct fixture *f = *state;
    unsigned char bytes[4096], page[3 * 4096];
    memset(page, 0xaa, sizeof page);
    memset(page + 2 * 4096, 0xbb, 4096);
    fake_core_add_memory(f->core, HEAP + 4096, sizeof page, page, sizeof page, PF_R | PF_W);
    struct target_process *process = open_core(f);
    assert_true(can_read(process, HEAP + 4096, bytes, 1));
    assert_int_equal(bytes[0], 4096 / 256);
    assert_true(can_read(process, HEAP + 8192, bytes, 4096));
    assert_int_equal(bytes[0], 0xaa);
    assert_true(can_read(process, HEAP + 3 * 4096, bytes, 4096));
    assert_int_equal(bytes[4095], 0xbb);
    process_close(process);
}

static void test_mappings(void **state) {
    struct fixture *f = *state;
    fake_core_add_name(f->core, HEAP + 0x100000, HEAP + 0x102000, 3, "/lib/gone.so (deleted)");
    struct target_process *process = open_core(f);
    struct target_mappings mappings = process_get_mappings(process);
    assert_int_equal(mappings.count, 4);
    const struct target_mapping *header = &mappings.items[0], *code = &mappings.items[1];
    assert_string_equal(header->path, EXECUTABLE_PATH);
    assert_true(header->readable && !header->writable && !header->executable);
    assert_int_equal(code->start, PROGRAM + 4096);
    assert_int_equal(code->file_offset, 4096);
    assert_true(code->executable);
    assert_string_equal(mappings.items[2].path, "");
    assert_true(mappings.items[2].writable);
    /* gcore has no segment for what it leaves out. */
    assert_string_equal(mappings.items[3].path, "/lib/gone.so");
    assert_true(mappings.items[3].deleted && mappings.items[3].readable);
    assert_false(mappings.items[3].writable);
    process_close(process);
}

/* A mapping of a file may cover a part of a segment, or several. */
static void test_mappings_are_cut(void **state) {
    struct fixture *f = *state;
    fake_core_add_name(f->core, HEAP + 4096, HEAP + 3 * 4096, 0, "/x");
    struct target_process *process = open_core(f);
    struct target_mappings mappings = process_get_mappings(process);
    assert_int_equal(mappings.count, 5);
    assert_int_equal(mappings.items[2].end, HEAP + 4096);
    assert_string_equal(mappings.items[3].path, "/x");
    assert_int_equal(mappings.items[3].end, HEAP + 8192);
    assert_true(mappings.items[3].writable);
    assert_int_equal(mappings.items[4].file_offset, 4096);
    assert_false(mappings.items[4].writable);
    process_close(process);
}

static void test_spans(void **state) {
    struct fixture *f = *state;
    struct scan_span *spans;
    size_t count;
    fake_core_add_memory(f->core, HEAP + 0x10000, 8192, NULL, 0, PF_R | PF_W);
    struct target_process *process = open_core(f);
    fake_expect_success(scan_list_spans(process, f->arena, &spans, &count));
    assert_int_equal(count, 1); /* what is writable, and there */
    assert_int_equal(spans[0].start, HEAP);
    assert_int_equal(spans[0].end, HEAP + FAKE_CORE_HEAP_SIZE);
    process_close(process);
}

/* ---- the process ---- */

static void test_process(void **state) {
    struct fixture *f = *state;
    struct target_process *process = open_core(f);
    size_t count;
    assert_false(process_is_live(process));
    assert_true(process_is_alive(process));
    assert_int_equal(process_get_pid(process), FAKE_CORE_PID);
    assert_int_equal(process_get_namespace_pid(process), FAKE_CORE_PID);
    assert_string_equal(process_get_executable(process), EXECUTABLE_PATH);
    assert_int_equal(core_get_signal(process), 6);
    assert_true(isnan(process_get_monotonic(process)));
    assert_true(isnan(process_get_start_time(process)));
    char **arguments = process_get_command_line(process, f->arena, &count);
    assert_int_equal(count, 1); /* the stack is not there */
    assert_string_equal(arguments[0], "python3 app.py");
    process_close(process);
}

static void test_threads(void **state) {
    struct fixture *f = *state;
    struct target_thread *threads;
    size_t count;
    fake_core_add_thread(f->core, 4700, &(struct user_regs_struct){.orig_rax = 202, .r10 = 5});
    struct target_process *process = open_core(f);
    fake_expect_success(process_list_threads(process, f->arena, &threads, &count));
    assert_int_equal(count, 3);
    assert_int_equal(threads[0].tid, 4700);
    assert_int_equal(threads[0].syscall, 202);
    assert_int_equal(threads[0].arguments[3], 5);
    assert_string_equal(threads[0].name, "");
    assert_int_equal(threads[1].tid, FAKE_CORE_PID);
    assert_int_equal(threads[1].syscall, 232);
    assert_int_equal(process_syscall_fd(&threads[1]), 3);
    assert_string_equal(threads[1].name, "python3");
    assert_int_equal(threads[2].syscall, -1);
    assert_true(threads[2].on_cpu);
    assert_true(isnan(threads[2].cpu_s));
    assert_int_equal(threads[2].state, 0);
    process_close(process);
}

#define TID_AT 720

/* gcore names threads as they are called outside of a container. */
static void test_outer_thread_ids(void **state) {
    struct fixture *f = *state;
    struct target_thread *threads;
    size_t count;
    int32_t page[1024] = {0};
    page[TID_AT / 4] = 1;
    page[(1024 + TID_AT) / 4] = 17;
    fake_core_destroy(f->core);
    f->core = fake_core_create();
    fake_core_add_process(f->core, 900, "python3", "");
    fake_core_add_thread(f->core, 900, &(struct user_regs_struct){.fs_base = HEAP});
    fake_core_add_thread(f->core, 901, &(struct user_regs_struct){.fs_base = HEAP + 1024});
    fake_core_add_name(f->core, PROGRAM, PROGRAM + 4096, 0, EXECUTABLE_PATH);
    fake_core_add_memory(f->core, HEAP, 4096, page, sizeof page, PF_R | PF_W);
    struct target_process *process = open_core(f);
    fake_expect_success(process_list_threads(process, f->arena, &threads, &count));
    assert_int_equal(process_get_pid(process), 900);
    assert_int_equal(process_get_namespace_pid(process), 1);
    assert_int_equal(threads[0].namespace_tid, 1);
    assert_int_equal(threads[1].tid, 901);
    assert_int_equal(threads[1].namespace_tid, 17);
    process_close(process);
}

/* A stack as the kernel makes it: argc, argv, environment, auxiliary vector, then the strings. */
static void add_stack(struct fake_core *core, uint64_t argc) {
    uint64_t words[512] = {0};
    char *strings = (char *)&words[64];
    const uint64_t at = STACK + 64 * sizeof *words;
    const uint64_t auxiliary[] = {AT_PHDR, PROGRAM + 64, AT_RANDOM, STACK + 4080, AT_NULL, 0};
    memcpy(strings, "python3\0-c\0\0a b\0HOME=/\0", 24);
    const uint64_t start[] = {argc, at, at + 8, at + 11, at + 12, 0, at + 16, 0};
    memcpy(&words[10], start, sizeof start);
    memcpy(&words[18], auxiliary, sizeof auxiliary);
    fake_core_add_note(core, NT_AUXV, auxiliary, sizeof auxiliary);
    fake_core_add_memory(core, STACK, sizeof words, words, sizeof words, PF_R | PF_W);
}

static struct target_process *open_stack(struct fixture *f, uint64_t argc) {
    fake_core_destroy(f->core);
    f->core = fake_core_create();
    fake_core_add_process(f->core, 9, "python3", "python3 -c  a b ");
    fake_core_add_name(f->core, PROGRAM, PROGRAM + 4096, 0, EXECUTABLE_PATH);
    add_stack(f->core, argc);
    return open_core(f);
}

static void test_command_line(void **state) {
    struct fixture *f = *state;
    size_t count;
    struct target_process *process = open_stack(f, 4);
    char **arguments = process_get_command_line(process, f->arena, &count);
    assert_int_equal(count, 4);
    assert_string_equal(arguments[0], "python3");
    assert_string_equal(arguments[1], "-c");
    assert_string_equal(arguments[2], "");
    assert_string_equal(arguments[3], "a b");
    process_close(process);
    process = open_stack(f, 7); /* nothing agrees */
    arguments = process_get_command_line(process, f->arena, &count);
    assert_int_equal(count, 1);
    assert_string_equal(arguments[0], "python3 -c  a b");
    process_close(process);
}

/* ---- nothing of a core runs ---- */

static void test_stands_still(void **state) {
    struct target_process *process = open_core(*state);
    struct target_quiet *quiet;
    struct target_stop *stop = NULL;
    bool is_quiet = false;
    fake_expect_success(quiet_begin(process, &quiet, &is_quiet));
    assert_true(is_quiet);
    assert_true(quiet_check(quiet));
    quiet_end(quiet);
    struct error *err = stop_begin(process, &stop); /* nor is the process of that id touched */
    assert_non_null(err);
    error_destroy(err);
    process_close(process);
}

/* ---- files ---- */

#define TEXT_AT (PROGRAM + offsetof(struct fake_elf, text))

/* The core has the first bytes of the program only, as far as its build id. */
static void cut_program(struct fixture *f, const char *build_id) {
    struct fake_elf program = fake_elf_make(build_id);
    fake_core_destroy(f->core);
    f->core = fake_core_create();
    const uint64_t auxiliary[] = {AT_PHDR, PROGRAM + 64, AT_NULL, 0};
    fake_core_add_note(f->core, NT_AUXV, auxiliary, sizeof auxiliary);
    fake_core_add_name(f->core, PROGRAM, PROGRAM + 4096, 0, EXECUTABLE_PATH);
    fake_core_add_memory(f->core, PROGRAM, 4096, &program, offsetof(struct fake_elf, text), PF_R);
}

static void assert_file(struct fixture *f, const struct core_options *options, const char *why) {
    char text[64];
    size_t count;
    struct target_process *process = open_with(f, options);
    assert_int_equal(can_read(process, TEXT_AT, text, sizeof text), !why);
    struct core_loss *losses = core_list_losses(process, f->arena, &count);
    assert_int_equal(count, why != NULL);
    if (why) {
        assert_string_equal(losses[0].what, "memory that is mapped from " EXECUTABLE_PATH);
        if (!strstr(losses[0].why, why))
            fail_msg("`%s` is not in `%s`", why, losses[0].why);
    } else {
        assert_string_equal(text, "the text of the program");
        assert_int_equal(text[40], 0); /* behind the end of the file */
    }
    process_close(process);
}

static void test_executable(void **state) {
    struct fixture *f = *state;
    struct core_options options = {.executable = in_folder(f, "python")};
    struct fake_elf program = fake_elf_make("ABCDEFGH");
    cut_program(f, "ABCDEFGH");
    assert_file(f, &options, "not here");
    fake_file_write(options.executable, &program, sizeof program);
    assert_file(f, &options, NULL);
    fake_file_write(options.executable, "#!/bin/sh\n", 10);
    assert_file(f, &options, "no program");
    program = fake_elf_make("ABCDEFGX");
    fake_file_write(options.executable, &program, sizeof program);
    assert_file(f, &options, "build id 4142434445464758, that of the core 4142434445464748");
    program = fake_elf_make(NULL);
    fake_file_write(options.executable, &program, sizeof program);
    assert_file(f, &options, "build id none");
    unlink(options.executable);
    assert_int_equal(mkfifo(options.executable, 0600), 0);
    assert_file(f, &options, "not here");
}

/* Who names a device in a core does not have it opened: that alone may do something. */
static void test_opens_no_device(void **state) {
    struct fixture *f = *state;
    struct core_options options = {.executable = in_folder(f, "python")};
    int events = inotify_init1(IN_NONBLOCK);
    char event[512];
    cut_program(f, "ABCDEFGH");
    assert_int_equal(mkfifo(options.executable, 0600), 0);
    assert_true(inotify_add_watch(events, options.executable, IN_OPEN) >= 0);
    assert_file(f, &options, "not here");
    assert_int_equal(read(events, event, sizeof event), -1);
    close(events);
}

/* Without build ids the first page tells. */
static void test_no_build_id(void **state) {
    struct fixture *f = *state;
    struct core_options options = {.executable = in_folder(f, "python")};
    struct fake_elf program = fake_elf_make(NULL);
    fake_core_destroy(f->core);
    f->core = fake_core_create_usual();
    cut_program(f, NULL);
    fake_file_write(options.executable, &program, sizeof program);
    assert_file(f, &options, "build id none, that of the core none"); /* not a whole page of it */
}

/* A tool has put the notes behind all else, where the core does not have them. */
static void test_build_id_elsewhere(void **state) {
    struct fixture *f = *state;
    struct core_options options = {.executable = in_folder(f, "python")};
    struct fake_elf program = fake_elf_make("ABCDEFGH");
    unsigned char file[3 * 4096];
    char byte;
    memset(file, 'f', sizeof file);
    memcpy(file + 2 * 4096, &program.note, sizeof program.note);
    for (size_t i = 0; i < 2; i++)
        if (program.segments[i].p_type == PT_NOTE)
            program.segments[i].p_offset = 2 * 4096;
    memset(&program.note, 0, sizeof program.note);
    memcpy(file, &program, sizeof program);
    fake_core_destroy(f->core);
    f->core = fake_core_create();
    const uint64_t auxiliary[] = {AT_PHDR, PROGRAM + 64, AT_NULL, 0};
    fake_core_add_note(f->core, NT_AUXV, auxiliary, sizeof auxiliary);
    fake_core_add_name(f->core, PROGRAM, PROGRAM + 3 * 4096, 0, EXECUTABLE_PATH);
    fake_core_add_memory(f->core, PROGRAM, 3 * 4096, file, 4096, PF_R);
    fake_file_write(options.executable, file, sizeof file);
    struct target_process *process = open_with(f, &options);
    assert_true(can_read(process, PROGRAM + 4096, &byte, 1));
    assert_int_equal(byte, 'f');
    process_close(process);
    file[200]++;
    fake_file_write(options.executable, file, sizeof file);
    process = open_with(f, &options);
    assert_false(can_read(process, PROGRAM + 4096, &byte, 1));
    process_close(process);
}

/* It is mapped once more, to be read and shared: of that the core has no bytes. */
static void test_mapped_twice(void **state) {
    struct fixture *f = *state;
    struct fake_elf program = fake_elf_make("ABCDEFGH");
    cut_program(f, "ABCDEFGH");
    fake_core_add_name(f->core, PROGRAM - 8192, PROGRAM - 4096, 0, EXECUTABLE_PATH);
    fake_core_add_memory(f->core, PROGRAM - 8192, 4096, NULL, 0, PF_R);
    fake_file_write(in_folder(f, "python"), &program, sizeof program);
    assert_file(f, &(struct core_options){.executable = in_folder(f, "python")}, NULL);
    program.note.id[0]++;
    fake_file_write(in_folder(f, "python"), &program, sizeof program);
    assert_file(f, &(struct core_options){.executable = in_folder(f, "python")}, "another build");
}

static void make_root(struct fixture *f) {
    static const char *const folders[] = {"root", "root/usr", "root/usr/bin"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mkdir(in_folder(f, folders[i]), 0700), 0);
}

static void test_sysroot(void **state) {
    struct fixture *f = *state;
    struct core_options options = {.sysroot = in_folder(f, "root")};
    struct fake_elf program = fake_elf_make("ABCDEFGH");
    cut_program(f, "ABCDEFGH");
    make_root(f);
    fake_file_write(in_folder(f, "root/usr/bin/python3"), &program, sizeof program);
    assert_file(f, &options, NULL);
    /* An absolute link leads to somewhere inside. */
    assert_int_equal(
        rename(in_folder(f, "root/usr/bin/python3"), in_folder(f, "root/usr/bin/link")), 0);
    assert_int_equal(symlink("/usr/bin/link", in_folder(f, "root/usr/bin/python3")), 0);
    assert_file(f, &options, NULL);
}

/* What is cut off was written to since it was mapped; the file would show it as it began. */
static void test_cut_off_is_not_in_the_file(void **state) {
    struct fixture *f = *state;
    struct core_options options = {.executable = in_folder(f, "python")};
    struct fake_elf program = fake_elf_make("ABCDEFGH");
    unsigned char file[3 * 4096], byte;
    memset(file, 'f', sizeof file);
    memcpy(file, &program, sizeof program);
    cut_program(f, "ABCDEFGH");
    fake_file_write(options.executable, file, sizeof file);
    fake_core_add_name(f->core, PROGRAM + 4096, PROGRAM + 3 * 4096, 1, EXECUTABLE_PATH);
    fake_core_add_memory(f->core, PROGRAM + 4096, 2 * 4096, NULL, 4096, PF_R | PF_W);
    struct target_process *process = open_with(f, &options);
    assert_true(can_read(process, PROGRAM + 4096, &byte, 1));
    assert_int_equal(byte, 0);
    assert_true(can_read(process, PROGRAM + 2 * 4096, &byte, 1));
    assert_int_equal(byte, 'f');
    process_close(process);
    size_t size;
    unsigned char *bytes = fake_core_get(f->core, &size);
    fake_file_write(f->path, bytes, size - 4096);
    fake_expect_success(core_open(f->path, &options, &process));
    assert_false(can_read(process, PROGRAM + 4096, &byte, 1));
    assert_true(can_read(process, PROGRAM + 2 * 4096, &byte, 1)); /* of this there was no more */
    process_close(process);
}

static void test_module(void **state) {
    struct fixture *f = *state;
    struct target_module *modules;
    struct module_file *file;
    size_t count;
    struct fake_elf program = fake_elf_make("ABCDEFGH");
    struct core_options options = {.executable = in_folder(f, "python")};
    fake_file_write(options.executable, &program, sizeof program);
    struct target_process *process = open_with(f, &options);
    fake_expect_success(module_list(process, f->arena, &modules, &count));
    assert_int_equal(count, 1);
    assert_true(modules[0].is_executable);
    fake_expect_success(module_open(process, &modules[0], &file));
    module_close(file);
    fake_expect_success(module_open(process, &modules[0], &file)); /* once more */
    module_close(file);
    process_close(process);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_memory),
        TEST(test_overlap),
        TEST(test_mappings),
        TEST(test_mappings_are_cut),
        TEST(test_spans),
        TEST(test_process),
        TEST(test_threads),
        TEST(test_outer_thread_ids),
        TEST(test_command_line),
        TEST(test_stands_still),
        TEST(test_executable),
        TEST(test_no_build_id),
        TEST(test_opens_no_device),
        TEST(test_build_id_elsewhere),
        TEST(test_mapped_twice),
        TEST(test_sysroot),
        TEST(test_cut_off_is_not_in_the_file),
        TEST(test_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
