/*
 * What a hostile program can put in our way: files that say they have terabytes of tables (built by
 * hand in a folder that stands for /proc/PID), tens of thousands of mappings, thousands of threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/target/process_private.h"
#include "../support/child.h"
#include "asyncspy/target/access.h"
#include "asyncspy/target/module.h"
#include "asyncspy/target/stop.h"

#define START UINT64_C(0x555500000000)
#define MAPPINGS 60000

/* --- a small ELF file --- */

static const char names[] = "\0.dynsym\0.dynstr\0.names\0.here";
static const char strings[] = "\0wanted";

enum { SECTION_NONE, SECTION_DYNSYM, SECTION_DYNSTR, SECTION_NAMES, SECTION_HERE, SECTION_COUNT };

struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    Elf64_Shdr sections[SECTION_COUNT];
    Elf64_Sym symbols[2];
    char strings[sizeof strings], names[sizeof names];
};

static Elf64_Shdr make_section(unsigned name, unsigned type, size_t offset, size_t size) {
    return (Elf64_Shdr){.sh_name = name, .sh_type = type, .sh_offset = offset, .sh_size = size};
}

static struct image make_image(void) {
    struct image image = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = EM_X86_64,
                   .e_version = EV_CURRENT,
                   .e_phoff = offsetof(struct image, segment),
                   .e_shoff = offsetof(struct image, sections),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 1,
                   .e_shentsize = sizeof(Elf64_Shdr),
                   .e_shnum = SECTION_COUNT,
                   .e_shstrndx = SECTION_NAMES},
        .segment = {.p_type = PT_LOAD, .p_filesz = 4096, .p_memsz = 4096},
        .symbols = {{.st_name = 0},
                    {.st_name = 1, .st_info = 0x11, .st_shndx = 4, .st_value = 0x40, .st_size = 8}},
    };
    memcpy(image.strings, strings, sizeof strings);
    memcpy(image.names, names, sizeof names);
    image.sections[SECTION_DYNSYM] =
        make_section(1, SHT_DYNSYM, offsetof(struct image, symbols), sizeof image.symbols);
    image.sections[SECTION_DYNSYM].sh_link = SECTION_DYNSTR;
    image.sections[SECTION_DYNSYM].sh_entsize = sizeof(Elf64_Sym);
    image.sections[SECTION_DYNSTR] =
        make_section(9, SHT_STRTAB, offsetof(struct image, strings), sizeof strings);
    image.sections[SECTION_NAMES] =
        make_section(17, SHT_STRTAB, offsetof(struct image, names), sizeof names);
    image.sections[SECTION_HERE] = make_section(24, SHT_PROGBITS, 0x80, 16);
    image.sections[SECTION_HERE].sh_addr = 0x80;
    return image;
}

/* --- a folder that stands for /proc/PID --- */

struct fixture {
    char path[64];
    int folder;
    struct arena *arena;
};

static int set_up(void **state) {
    static struct fixture fixture;
    snprintf(fixture.path, sizeof fixture.path, "/tmp/test_hostile.XXXXXX");
    fixture.arena = arena_create();
    *state = &fixture;
    if (!mkdtemp(fixture.path))
        return -1;
    fixture.folder = open(fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fixture.folder < 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    (void)unlinkat(f->folder, "exe", 0);
    close(f->folder);
    rmdir(f->path);
    arena_destroy(f->arena);
    return 0;
}

/* Opens a file that begins with `image` and is `size` bytes long; NULL when it is refused. */
static struct module_file *open_image(struct fixture *f, const struct image *image, off_t size) {
    struct target_mapping mapping = {
        .start = START, .end = START + 4096, .path = "/bin/x", .inode = 1, .executable = true};
    struct target_process process = {
        .operations = &live_operations, .folder = f->folder, .mappings = {1, &mapping}};
    struct target_module module = {
        .path = mapping.path, .start = START, .end = mapping.end, .is_executable = true};
    struct module_file *file = NULL;
    int descriptor = openat(f->folder, "exe", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, image, sizeof *image), sizeof *image);
    assert_int_equal(ftruncate(descriptor, size), 0);
    close(descriptor);
    struct error *err = module_open(&process, &module, &file);
    if (err)
        assert_int_equal(error_get_kind(err), ERROR_FAULT);
    error_destroy(err);
    return err ? NULL : file;
}

static bool has_symbol(const struct module_file *file) {
    uint64_t address = 0, size = 0;
    bool found = module_find_symbol(file, "wanted", &address, &size);
    assert_true(!found || (address == START + 0x40 && size == 8));
    return found;
}

static bool has_section(const struct module_file *file) {
    uint64_t address = 0, size = 0;
    bool found = module_find_section(file, ".here", &address, &size);
    assert_true(!found || (address == START + 0x80 && size == 16));
    return found;
}

/* Megabytes that this program had at most. */
static long get_peak(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss >> 10;
}

/* --- files --- */

static void test_good_file(void **state) {
    struct image image = make_image();
    struct module_file *file = open_image(*state, &image, 4096);
    assert_non_null(file);
    assert_true(has_symbol(file));
    assert_true(has_section(file));
    module_close(file);
}

static void test_huge_tables(void **state) {
    long before = get_peak();
    for (int i = SECTION_DYNSYM; i <= SECTION_NAMES; i++) {
        struct image image = make_image();
        image.sections[i].sh_size = (uint64_t)300 << 20;
        struct module_file *file = open_image(*state, &image, (off_t)400 << 20);
        assert_non_null(file);
        assert_true(has_symbol(file) == (i == SECTION_NAMES));
        assert_true(has_section(file) == (i != SECTION_NAMES));
        module_close(file);
    }
    assert_true(get_peak() - before < 100);
}

static void test_many_notes(void **state) {
    struct image image = make_image();
    long before = get_peak();
    image.sections[SECTION_HERE].sh_type = SHT_NOTE;
    image.sections[SECTION_HERE].sh_size = (uint64_t)300 << 20;
    struct module_file *file = open_image(*state, &image, (off_t)400 << 20);
    assert_non_null(file);
    assert_string_equal(module_get_build_id(file), "");
    module_close(file);
    assert_true(get_peak() - before < 100);
}

static void test_too_many_headers(void **state) {
    struct image image = make_image();
    long before = get_peak();
    image.header.e_shnum = 0; /* the first section has the number */
    image.sections[SECTION_NONE].sh_size = 1 << 22;
    assert_null(open_image(*state, &image, (off_t)400 << 20));
    image = make_image();
    image.header.e_phnum = PN_XNUM;
    image.sections[SECTION_NONE].sh_info = 1 << 22;
    assert_null(open_image(*state, &image, (off_t)400 << 20));
    assert_true(get_peak() - before < 100);
}

static void test_strings_without_an_end(void **state) {
    struct image image = make_image();
    image.sections[SECTION_DYNSTR].sh_size--;
    struct module_file *file = open_image(*state, &image, 4096);
    assert_non_null(file);
    assert_false(has_symbol(file));
    assert_true(has_section(file));
    module_close(file);
}

static void test_compressed_strings(void **state) {
    struct image image = make_image();
    image.sections[SECTION_DYNSTR].sh_flags = SHF_COMPRESSED;
    struct module_file *file = open_image(*state, &image, 4096);
    assert_non_null(file);
    assert_false(has_symbol(file));
    module_close(file);
}

/* --- mappings --- */

static void add_line(FILE *out, unsigned number, const char *path, const char *permissions) {
    uint64_t start = START + number * UINT64_C(4096);
    fprintf(out, "%llx-%llx %s 00000000 fe:01 %u %s\n", (unsigned long long)start,
            (unsigned long long)start + 4096, permissions, *path ? 7u : 0u, path);
}

/* Two mappings each of very many files, those of one of them far from each other. */
static char *make_maps(void) {
    char *text = NULL, path[64];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    add_line(out, 0, "/first", "r-xp");
    for (unsigned i = 1; i < MAPPINGS; i++) {
        snprintf(path, sizeof path, "/lib/%s%u.so", i / 2 % 3 ? "code" : "font", i / 2);
        add_line(out, i, path, i % 2 && i / 2 % 3 ? "r-xp" : "r--p");
    }
    add_line(out, MAPPINGS, "/first", "rw-p");
    add_line(out, MAPPINGS + 1, "", "rw-p");
    fclose(out);
    return text;
}

static void test_many_mappings(void **state) {
    struct fixture *f = *state;
    char executable[] = "/lib/code1.so", *text = make_maps();
    struct target_process process = {.executable = executable};
    struct target_module *modules;
    size_t count;
    process.mappings = mappings_parse(f->arena, text);
    assert_int_equal(process.mappings.count, MAPPINGS + 2);
    assert_null(module_list(&process, f->arena, &modules, &count));
    assert_int_equal(count, MAPPINGS / 3 + 1);
    assert_string_equal(modules[0].path, "/lib/code1.so");
    assert_true(modules[0].is_executable);
    assert_int_equal(modules[0].end - modules[0].start, 2 * 4096);
    assert_string_equal(modules[1].path, "/first");
    assert_true(modules[1].start == START);
    assert_true(modules[1].end == START + (MAPPINGS + 2) * UINT64_C(4096)); /* with its .bss */
    free(text);
}

/* --- threads --- */

static void sleep_in_2000_threads(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    for (int i = 0; i < 2000; i++)
        pthread_create(&thread, &attributes, child_pause_forever, NULL);
    child_count_forever();
}

static void test_stop_of_2000_threads(void **state) {
    (void)state;
    pid_t pid = child_start(sleep_in_2000_threads);
    struct target_process *process = child_open(pid);
    struct target_stop *stop;
    unsigned long ticks;
    assert_null(stop_begin(process, &stop));
    assert_int_equal(stop_get_unstopped(stop), 0);
    ticks = child_shared->ticks;
    usleep(20000);
    assert_true(ticks == child_shared->ticks);
    stop_end(stop);
    assert_true(child_is_running());
    assert_int_equal(access_get_tracer(pid), 0);
    process_close(process);
    child_finish(pid);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_good_file),
        TEST(test_huge_tables),
        TEST(test_many_notes),
        TEST(test_too_many_headers),
        TEST(test_strings_without_an_end),
        TEST(test_compressed_strings),
        TEST(test_many_mappings),
        cmocka_unit_test(test_stop_of_2000_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
