/* Files that are no cores, cores that are damaged or cut off, and cores that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/fake_core.h"
#include "../support/fake_target.h"
#include "asyncspy/python/discovery.h"
#include "asyncspy/target/core.h"
#include "asyncspy/target/module.h"
#include "asyncspy/target/scan.h"

#define DAMAGES 4000

struct fixture {
    char path[64];
    struct arena *arena;
    struct fake_core *core;
};

static int set_up(void **state) {
    static struct fixture fixture;
    snprintf(fixture.path, sizeof fixture.path, "/tmp/test_core_bad.XXXXXX");
    int file = mkstemp(fixture.path);
    close(file);
    fixture.arena = arena_create();
    fixture.core = fake_core_create_usual();
    *state = &fixture;
    return file < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    unlink(f->path);
    fake_core_destroy(f->core);
    arena_destroy(f->arena);
    return 0;
}

static const struct core_options options = {.executable = "/nonexistent"};

static struct error *open_bytes(struct fixture *f, const void *bytes, size_t size,
                                struct target_process **ret) {
    *ret = NULL;
    fake_file_write(f->path, bytes, size);
    return core_open(f->path, &options, ret);
}

static void assert_refused(struct fixture *f, const void *bytes, size_t size, enum error_kind kind,
                           const char *words) {
    struct target_process *process;
    struct error *err = open_bytes(f, bytes, size, &process);
    if (!err)
        fail_msg("it was opened; expected: %s", words);
    if (!strstr(error_get_message(err), words) || !strstr(error_get_message(err), f->path))
        fail_msg("`%s` is not in `%s`", words, error_get_message(err));
    assert_int_equal(error_get_kind(err), kind);
    error_destroy(err);
}

/* Reads whatever there is. */
static void read_all(struct fixture *f, struct target_process *process) {
    struct target_mappings mappings = process_get_mappings(process);
    struct target_module *modules;
    struct target_thread *threads;
    struct scan_span *spans;
    struct arena *arena = arena_create();
    size_t count;
    uint64_t word;
    for (size_t i = 0; i < mappings.count; i++) {
        error_destroy(memory_read(process_get_memory(process), mappings.items[i].start, &word, 8));
        error_destroy(
            memory_read(process_get_memory(process), mappings.items[i].end - 8, &word, 8));
    }
    fake_expect_success(module_list(process, arena, &modules, &count));
    fake_expect_success(process_list_threads(process, arena, &threads, &count));
    fake_expect_success(scan_list_spans(process, arena, &spans, &count));
    (void)process_get_command_line(process, arena, &count);
    (void)core_list_losses(process, arena, &count);
    (void)f;
    arena_destroy(arena);
}

/* ---- what is no core ---- */

static void test_no_core(void **state) {
    struct fixture *f = *state;
    struct fake_elf program = fake_elf_make(NULL);
    assert_refused(f, "", 0, ERROR_UNSUPPORTED, "it is empty");
    assert_refused(f, "x", 1, ERROR_UNSUPPORTED, "it is no core file");
    assert_refused(f, "{\"schema\": \"asyncspy.snapshot/1\", and much more text than a header}", 64,
                   ERROR_UNSUPPORTED, "it is no core file");
    assert_refused(f, &program, sizeof program, ERROR_UNSUPPORTED, "a program or a library");
    assert_refused(f, &program, 40, ERROR_UNSUPPORTED, "it is no core file");
    struct target_process *process = NULL;
    struct error *err = core_open("/tmp", &options, &process);
    assert_non_null(strstr(error_get_message(err), "it is a folder"));
    error_destroy(err);
    err = core_open("/tmp/no such file", &options, &process);
    assert_int_equal(error_get_kind(err), ERROR_OS);
    error_destroy(err);
}

static void test_other_machines(void **state) {
    struct fixture *f = *state;
    size_t size;
    Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)fake_core_get(f->core, &size);
    header->e_machine = EM_AARCH64;
    assert_refused(f, header, size, ERROR_UNSUPPORTED, "of another machine (ELF machine 183)");
    header->e_machine = EM_X86_64;
    header->e_ident[EI_DATA] = ELFDATA2MSB;
    assert_refused(f, header, size, ERROR_UNSUPPORTED, "of another machine");
    header->e_ident[EI_CLASS] = ELFCLASS32;
    assert_refused(f, header, size, ERROR_UNSUPPORTED, "of a 32-bit program");
}

/* ---- headers that lie ---- */

static void test_many_segments(void **state) {
    struct fixture *f = *state;
    size_t size;
    Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)fake_core_get(f->core, &size);
    header->e_phnum = 0xfffe;
    assert_refused(f, header, size, ERROR_INVALID, "cut off in its headers");
    header->e_phnum = PN_XNUM; /* the number stands in the first section */
    header->e_shoff = 64;
    header->e_shentsize = sizeof(Elf64_Shdr);
    header->e_shnum = 1;
    ((Elf64_Shdr *)(void *)((char *)header + 64))->sh_info = UINT32_MAX;
    assert_refused(f, header, size, ERROR_INVALID, "makes no sense");
    header->e_phnum = 3;
    header->e_shnum = 0;
    ((Elf64_Shdr *)(void *)((char *)header + 64))->sh_size = UINT64_C(1) << 60;
    assert_refused(f, header, size, ERROR_INVALID, "makes no sense");
    header->e_shoff = 0;
    header->e_phoff = UINT64_MAX - 8;
    assert_refused(f, header, size, ERROR_INVALID, "cut off in its headers");
}

static void test_segments_that_make_no_sense(void **state) {
    struct fixture *f = *state;
    static const Elf64_Phdr bad[] = {
        {.p_vaddr = UINT64_C(1) << 57, .p_memsz = 4096},
        {.p_vaddr = 4096, .p_memsz = UINT64_MAX - 4096},
        {.p_vaddr = 4096, .p_memsz = 4096, .p_filesz = 8192},
        {.p_vaddr = 4097, .p_memsz = 4096},
        {.p_vaddr = 4096, .p_memsz = 4096, .p_filesz = 4096, .p_offset = UINT64_MAX - 100},
    };
    struct target_process *process;
    size_t size, count;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Elf64_Phdr segment = bad[i];
        segment.p_type = PT_LOAD;
        fake_core_add_segment(f->core, &segment);
    }
    unsigned char *bytes = fake_core_get(f->core, &size);
    fake_expect_success(open_bytes(f, bytes, size, &process));
    struct core_loss *losses = core_list_losses(process, f->arena, &count);
    assert_int_equal(count, 1);
    assert_string_equal(losses[0].what, "5 segments");
    assert_int_equal(process_get_mappings(process).count, 3);
    read_all(f, process);
    process_close(process);
}

static void test_no_memory(void **state) {
    struct fixture *f = *state;
    size_t size;
    struct fake_core *core = fake_core_create();
    fake_core_add_name(core, 4096, 8192, 0, "/x");
    unsigned char *bytes = fake_core_get(core, &size);
    assert_refused(f, bytes, size, ERROR_INVALID, "there is no memory in it");
    fake_core_destroy(core);
}

/* ---- notes that lie ---- */

static void test_bad_notes(void **state) {
    struct fixture *f = *state;
    static const struct {
        uint32_t type;
        uint64_t words[8];
        size_t size;
    } notes[] = {
        {NT_PRSTATUS, {0}, 64},
        {NT_PRPSINFO, {0}, 8},
        {NT_FILE, {0}, 8},
        {NT_FILE, {UINT64_C(1) << 60, 4096}, 64},
        {NT_FILE, {2, 4096, 4096, 8192, 0}, 64},
        {NT_FILE, {1, 0, 4096, 8192, 0, 0}, 64},
        {NT_FILE, {1, 4096, 4096, 8192, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX}, 64}, /* no NUL */
    };
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        size_t size;
        struct fake_core *core = fake_core_create();
        fake_core_add_note(core, notes[i].type, notes[i].words, notes[i].size);
        fake_core_add_memory(core, 4096, 4096, NULL, 0, PF_R);
        unsigned char *bytes = fake_core_get(core, &size);
        assert_refused(f, bytes, size, ERROR_INVALID, "its notes are damaged");
        fake_core_destroy(core);
    }
}

/* No kernel writes them so; the header tells what the padding is. */
static void test_notes_padded_to_8(void **state) {
    struct fixture *f = *state;
    static const struct {
        Elf64_Nhdr header;
        char owner[12];
        uint64_t words[5];
        char path[8];
        Elf64_Nhdr next;
    } notes = {.header = {.n_namesz = 5, .n_descsz = 48, .n_type = NT_FILE},
               .owner = "CORE",
               .words = {1, 4096, 4096, 8192, 0},
               .path = "/a file"};
    struct target_process *process;
    unsigned char core[8192] = {0};
    const Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_phoff = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 2};
    const Elf64_Phdr segments[] = {
        {.p_type = PT_NOTE, .p_offset = 1024, .p_filesz = sizeof notes, .p_align = 8},
        {.p_type = PT_LOAD, .p_offset = 4096, .p_filesz = 4096, .p_memsz = 4096, .p_vaddr = 4096}};
    memcpy(core, &header, sizeof header);
    memcpy(core + sizeof header, segments, sizeof segments);
    memcpy(core + 1024, &notes, sizeof notes);
    fake_expect_success(open_bytes(f, core, sizeof core, &process));
    assert_string_equal(process_get_mappings(process).items[0].path, "/a file");
    process_close(process);
}

/* Each a little shorter than the one before: together they would fill the memory. */
static void test_many_notes(void **state) {
    struct fixture *f = *state;
    const Elf64_Off size = 100 << 20;
    const Elf64_Nhdr note = {.n_namesz = 4, .n_descsz = (Elf64_Word)size, .n_type = 7};
    size_t core_size;
    for (uint64_t i = 0; i < 10; i++)
        fake_core_add_segment(
            f->core, &(Elf64_Phdr){.p_type = PT_NOTE, .p_offset = 1 << 20, .p_filesz = size - i});
    unsigned char *bytes = fake_core_get(f->core, &core_size);
    fake_file_write(f->path, bytes, core_size);
    FILE *file = fopen(f->path, "r+");
    assert_int_equal(fseek(file, 1 << 20, SEEK_SET), 0);
    assert_int_equal(fwrite(&note, sizeof note, 1, file), 1);
    fclose(file);
    assert_int_equal(truncate(f->path, (off_t)size + (2 << 20)), 0);
    struct target_process *process = NULL;
    struct error *err = core_open(f->path, &options, &process);
    process_close(process);
    assert_non_null(err);
    assert_non_null(strstr(error_get_message(err), "its notes are too large"));
    error_destroy(err);
}

/* Rows that make no sense are left out, and overlaps. */
static void test_bad_names(void **state) {
    struct fixture *f = *state;
    struct target_process *process;
    size_t size;
    fake_core_add_name(f->core, 8192, 4096, 0, "/backwards");
    fake_core_add_name(f->core, 4096, UINT64_MAX, 0, "/endless");
    fake_core_add_name(f->core, 4096, 8192, UINT64_MAX / 2, "/far");
    fake_core_add_name(f->core, FAKE_CORE_PROGRAM + 4096, FAKE_CORE_PROGRAM + 8192, 0, "/over");
    unsigned char *bytes = fake_core_get(f->core, &size);
    fake_expect_success(open_bytes(f, bytes, size, &process));
    assert_int_equal(process_get_mappings(process).count, 3);
    read_all(f, process);
    process_close(process);
}

#define MODULES ((size_t)60000)

/* As many modules as fit, a page each, all of them the same page of the core. */
static void write_many_modules(const char *path) {
    FILE *file = fopen(path, "w");
    const uint64_t head[] = {MODULES, 4096}, auxiliary[] = {AT_PHDR, 4096, AT_NULL, 0};
    const Elf64_Nhdr vector = {.n_namesz = 5, .n_descsz = sizeof auxiliary, .n_type = NT_AUXV};
    const Elf64_Nhdr files = {
        .n_namesz = 5, .n_descsz = sizeof head + MODULES * (24 + 8), .n_type = NT_FILE};
    const size_t notes_at = sizeof(Elf64_Ehdr) + (MODULES + 1) * sizeof(Elf64_Phdr);
    const size_t notes_size = 2 * (sizeof vector + 8) + sizeof auxiliary + files.n_descsz;
    const Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_phoff = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)(MODULES + 1)};
    const Elf64_Phdr notes = {.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes_size};
    fwrite(&header, sizeof header, 1, file);
    fwrite(&notes, sizeof notes, 1, file);
    for (uint64_t i = 1; i <= MODULES; i++)
        fwrite(&(Elf64_Phdr){.p_type = PT_LOAD,
                             .p_flags = PF_R | PF_W | PF_X,
                             .p_vaddr = 8192 * i,
                             .p_memsz = 4096,
                             .p_filesz = 4096},
               sizeof notes, 1, file);
    fwrite(&vector, sizeof vector, 1, file);
    fwrite("CORE\0\0\0", 8, 1, file);
    fwrite(auxiliary, sizeof auxiliary, 1, file);
    fwrite(&files, sizeof files, 1, file);
    fwrite("CORE\0\0\0", 8, 1, file);
    fwrite(head, sizeof head, 1, file);
    for (uint64_t i = 1; i <= MODULES; i++)
        fwrite((const uint64_t[]){8192 * i, 8192 * i + 4096, 0}, 24, 1, file);
    for (size_t i = 1; i <= MODULES; i++)
        fprintf(file, "/%06zu%c", i, '\0');
    assert_int_equal(fclose(file), 0);
}

/* Each of them is searched for Python, and for each all mappings are gone through. */
static void test_many_modules(void **state) {
    struct fixture *f = *state;
    struct target_process *process;
    struct py_discovery discovery;
    write_many_modules(f->path);
    fake_expect_success(core_open(f->path, &options, &process));
    assert_int_equal(process_get_mappings(process).count, MODULES);
    fake_expect_error(py_discover(process, f->arena, &discovery), ERROR_EXHAUSTED);
    process_close(process);
}

/* ---- cut off ---- */

static void cut_anywhere(struct fixture *f) {
    size_t size, opened = 0;
    unsigned char *bytes = fake_core_get(f->core, &size);
    for (size_t length = 0; length < size; length += length < 4096 ? 7 : 501) {
        struct target_process *process;
        struct error *err = open_bytes(f, bytes, length, &process);
        if (err) {
            assert_int_not_equal(error_get_kind(err), ERROR_OS);
            error_destroy(err);
            continue;
        }
        size_t count;
        (void)core_list_losses(process, f->arena, &count);
        assert_true(count >= 1); /* it says so */
        read_all(f, process);
        process_close(process);
        opened++;
    }
    assert_true(opened > 0);
}

static void test_cut_off(void **state) {
    cut_anywhere(*state);
}

static void test_cut_off_with_notes_last(void **state) {
    struct fixture *f = *state;
    size_t size;
    fake_core_put_notes_last(f->core);
    unsigned char *bytes = fake_core_get(f->core, &size);
    struct target_process *process;
    fake_expect_success(open_bytes(f, bytes, size, &process));
    process_close(process);
    assert_refused(f, bytes, size - 2000, ERROR_INVALID, "cut off before its notes");
}

static void test_what_is_left_of_a_cut_one(void **state) {
    struct fixture *f = *state;
    size_t size, count;
    struct target_process *process;
    unsigned char *bytes = fake_core_get(f->core, &size), word[8];
    fake_expect_success(open_bytes(f, bytes, size - 4096, &process));
    struct core_loss *losses = core_list_losses(process, f->arena, &count);
    assert_int_equal(count, 1);
    assert_string_equal(losses[0].what, "0.0 of 0.0 MiB of memory");
    fake_expect_success(memory_read(process_get_memory(process), FAKE_CORE_HEAP, word, 8));
    struct error *err = memory_read(process_get_memory(process), FAKE_CORE_HEAP + 4096, word, 8);
    assert_int_equal(error_get_kind(err), ERROR_FAULT);
    error_destroy(err);
    /* It goes on shrinking: no signal, a fault. */
    memory_forget(process_get_memory(process));
    assert_int_equal(truncate(f->path, 100), 0);
    err = memory_read(process_get_memory(process), FAKE_CORE_HEAP, word, 8);
    assert_int_equal(error_get_kind(err), ERROR_FAULT);
    error_destroy(err);
    process_close(process);
}

/* ---- damage ---- */

static void test_random_damage(void **state) {
    struct fixture *f = *state;
    size_t size;
    srandom(5);
    for (int i = 0; i < DAMAGES; i++) {
        struct target_process *process;
        unsigned char *bytes = fake_core_get(f->core, &size);
        for (long left = 1 + random() % 4; left; left--) {
            size_t at = (size_t)random() % 3000;
            bytes[at] = random() % 3 ? (unsigned char)random() : random() % 2 ? 0xff : 0;
        }
        struct error *err = open_bytes(f, bytes, size, &process);
        if (!err)
            read_all(f, process);
        error_destroy(err);
        process_close(process);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_no_core),
        TEST(test_other_machines),
        TEST(test_many_segments),
        TEST(test_segments_that_make_no_sense),
        TEST(test_no_memory),
        TEST(test_bad_notes),
        TEST(test_notes_padded_to_8),
        TEST(test_many_notes),
        TEST(test_bad_names),
        TEST(test_many_modules),
        TEST(test_cut_off),
        TEST(test_cut_off_with_notes_last),
        TEST(test_what_is_left_of_a_cut_one),
        TEST(test_random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
