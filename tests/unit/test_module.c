/* ELF modules of live processes: good ones, replaced ones, and files that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/fake_target.h"
#include "asyncspy/target/module.h"

#define PREFIX_MAX 4096
#define CORRUPTIONS 1500

/* What is looked for in this very program. */
char test_module_variable[24] = "not zero";
char test_module_bss[40];
int test_module_function(int number);

int test_module_function(int number) {
    return number + test_module_bss[0];
}

struct fixture {
    struct arena *arena;
    char folder[64];
};

static int set_up(void **state) {
    static struct fixture fixture;
    snprintf(fixture.folder, sizeof fixture.folder, "/tmp/test_module.XXXXXX");
    fixture.arena = arena_create();
    *state = &fixture;
    return mkdtemp(fixture.folder) ? 0 : -1;
}

static char *file_in(const struct fixture *f, const char *name) {
    return arena_format(f->arena, "%s/%s", f->folder, name);
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"elf", "elf.c", "elf2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(file_in(f, names[i]));
    rmdir(f->folder);
    arena_destroy(f->arena);
    return 0;
}

static void finish(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static struct target_process *open_process(pid_t pid) {
    struct target_process *process = NULL;
    struct error *err = process_open(pid, &process);
    if (err)
        fail_msg("%s", error_get_message(err));
    return process;
}

static struct target_module *list(struct fixture *f, struct target_process *process,
                                  size_t *count) {
    struct target_module *modules = NULL;
    assert_null(process_refresh_mappings(process));
    assert_null(module_list(process, f->arena, &modules, count));
    return modules;
}

/* The module whose path ends in `name`; an empty one if there is none. */
static struct target_module find(struct fixture *f, struct target_process *process,
                                 const char *name) {
    size_t count;
    struct target_module *modules = list(f, process, &count);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(modules[i].path);
        if (length >= strlen(name) && strcmp(modules[i].path + length - strlen(name), name) == 0)
            return modules[i];
    }
    return (struct target_module){.path = ""};
}

static struct module_file *open_module(struct target_process *process,
                                       const struct target_module *module) {
    struct module_file *file = NULL;
    struct error *err = module_open(process, module, &file);
    if (err)
        fail_msg("%s", error_get_message(err));
    return file;
}

static void assert_not_opened(struct target_process *process, const struct target_module *module) {
    struct module_file *file = NULL;
    struct error *err = module_open(process, module, &file);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_FAULT);
    error_destroy(err);
}

/* ---- what is there ---- */

static void test_own_symbols(void **state) {
    uint64_t address, size;
    struct target_process *process = open_process(getpid());
    struct target_module module = find(*state, process, "test_module");
    assert_true(module.is_executable);
    struct module_file *file = open_module(process, &module);
    assert_true(module_find_symbol(file, "test_module_variable", &address, &size));
    assert_int_equal(address, (uintptr_t)test_module_variable);
    assert_true(size >= sizeof test_module_variable);
    assert_true(module_find_symbol(file, "test_module_function", &address, &size));
    assert_int_equal(address, (uintptr_t)test_module_function);
    assert_true(module_find_symbol(file, "test_module_bss", &address, &size));
    assert_int_equal(address, (uintptr_t)test_module_bss);
    assert_true(address >= module.start && address < module.end);
    assert_false(module_find_symbol(file, "test_module_nothing", &address, &size));
    assert_false(module_find_symbol(file, "", &address, &size));
    module_close(file);
    module_close(NULL);
    process_close(process);
}

static void test_library_symbol(void **state) {
    uint64_t address, size;
    struct target_process *process = open_process(getpid());
    struct target_module module = find(*state, process, "libc.so.6");
    assert_false(module.is_executable);
    struct module_file *file = open_module(process, &module);
    assert_true(module_find_symbol(file, "environ", &address, &size));
    assert_true(module_find_symbol(file, "getppid", &address, &size));
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(libc);
    assert_int_equal(address, (uintptr_t)dlsym(libc, "getppid"));
    dlclose(libc);
    size_t length = strlen(module_get_build_id(file));
    assert_true(length >= 16 && length % 2 == 0);
    module_close(file);
    process_close(process);
}

/* Who resolves symbols of his own process maps the file once more, below or above the library. */
static void test_mapped_to_be_read(void **state) {
    struct target_process *process = open_process(getpid());
    struct target_module before = find(*state, process, "libc.so.6");
    int file = open(before.path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    assert_true(file >= 0);
    for (uint64_t side = 0; side < 2; side++) {
        uint64_t address = side ? before.end + ((uint64_t)64 << 30) : (uint64_t)1 << 32;
        void *mapped = mmap((void *)(uintptr_t)address, (size_t)status.st_size, PROT_READ,
                            MAP_PRIVATE | MAP_FIXED_NOREPLACE, file, 0);
        if (mapped == MAP_FAILED) /* the end of the addresses */
            continue;
        fake_expect_success(process_refresh_mappings(process));
        struct target_module after = find(*state, process, "libc.so.6");
        assert_int_equal(after.start, before.start);
        assert_int_equal(after.end, before.end);
        munmap(mapped, (size_t)status.st_size);
    }
    close(file);
    process_close(process);
}

static void test_sections(void **state) {
    uint64_t address, size;
    struct target_process *process = open_process(getpid());
    struct target_module module = find(*state, process, "test_module");
    struct module_file *file = open_module(process, &module);
    assert_true(module_find_section(file, ".data", &address, &size));
    assert_true((uintptr_t)test_module_variable >= address &&
                (uintptr_t)test_module_variable < address + size);
    assert_true(module_find_section(file, ".bss", &address, &size));
    assert_true((uintptr_t)test_module_bss >= address &&
                (uintptr_t)test_module_bss < address + size);
    assert_false(module_find_section(file, ".nothing", &address, &size));
    assert_false(module_find_section(file, ".symtab", &address, &size)); /* it is not in memory */
    module_close(file);
    process_close(process);
}

static void test_order(void **state) {
    size_t count;
    struct target_process *process = open_process(getpid());
    struct target_module *modules = list(*state, process, &count);
    assert_true(count >= 3);
    assert_true(modules[0].is_executable);
    for (size_t i = 1; i < count; i++) {
        assert_false(modules[i].is_executable);
        assert_true(i == 1 || modules[i - 1].start < modules[i].start);
    }
    process_close(process);
}

static void test_scan(void **state) {
    uint64_t found[4];
    struct target_process *process = open_process(getpid());
    struct target_module module = find(*state, process, "test_module");
    char pattern[] = "Not zero";
    pattern[0] = 'n'; /* so that the pattern itself stands on the stack only */
    size_t count = module_scan_writable(process, &module, pattern, 8, 8, found, 4);
    assert_int_equal(count, 1);
    assert_int_equal(found[0], (uintptr_t)test_module_variable);
    assert_int_equal(module_scan_writable(process, &module, pattern + 1, 7, 8, found, 4), 0);
    assert_int_equal(module_scan_writable(process, &module, pattern, 8, 8, found, 0), 0);
    assert_int_equal(module_scan_writable(process, &module, "\0\0\0\0\0\0\0\0", 8, 8, found, 4), 4);
    process_close(process);
}

/* ---- files that this test makes ---- */

/* Not truncated to nothing first: some file systems write to the disk then. */
static void write_file(const char *path, const void *bytes, size_t size) {
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    assert_int_equal(ftruncate(file, (off_t)size), 0);
    close(file);
}

static unsigned char *read_whole(struct fixture *f, const char *path, size_t *size) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(fstat(file, &status), 0);
    *size = (size_t)status.st_size;
    unsigned char *bytes = arena_alloc(f->arena, *size);
    assert_int_equal(read(file, bytes, *size), *size);
    close(file);
    return bytes;
}

/* Waits until `pid` has become the program at `path`. */
static bool becomes(pid_t pid, const char *path) {
    char link[64], target[4096];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    for (int i = 0; i < 500; i++) {
        ssize_t length = readlink(link, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        if (strcmp(target, path) == 0)
            return true;
        usleep(10000);
    }
    return false;
}

static pid_t run(const char *path) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(path, path, "60", (char *)NULL);
        _exit(1);
    }
    assert_true(becomes(pid, path));
    usleep(50000); /* for the dynamic linker */
    return pid;
}

static bool compile(struct fixture *f, const char *path) {
    static const char source[] = "int here[2] = {7, 8};\n"
                                 "int pause(void);\n"
                                 "int main(void) { for (;;) pause(); }\n";
    char *source_path = file_in(f, "elf.c");
    int status;
    write_file(source_path, source, sizeof source - 1);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("gcc", "gcc", "-no-pie", "-fno-pie", "-o", path, source_path, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_fixed_addresses(void **state) {
    struct fixture *f = *state;
    uint64_t address, size;
    int value[2];
    char *path = file_in(f, "elf");
    if (!compile(f, path)) {
        print_message("no gcc that makes a program at fixed addresses\n");
        skip();
    }
    pid_t pid = run(path);
    struct target_process *process = open_process(pid);
    struct target_module module = find(f, process, "/elf");
    assert_true(module.is_executable);
    struct module_file *file = open_module(process, &module);
    assert_true(module_find_symbol(file, "here", &address, &size));
    assert_int_equal(size, sizeof value);
    assert_true(address < UINT32_MAX);
    assert_null(memory_read(process_get_memory(process), address, value, sizeof value));
    assert_int_equal(value[0] * 10 + value[1], 78);
    module_close(file);
    process_close(process);
    finish(pid);
}

static pid_t run_copy(struct fixture *f, const char *path) {
    size_t size;
    unsigned char *bytes = read_whole(f, "/bin/sleep", &size);
    write_file(path, bytes, size);
    return run(path);
}

static void test_deleted_executable(void **state) {
    struct fixture *f = *state;
    uint64_t address, size;
    char *path = file_in(f, "elf");
    pid_t pid = run_copy(f, path);
    assert_int_equal(unlink(path), 0);
    struct target_process *process = open_process(pid);
    assert_string_equal(process_get_executable(process), path);
    struct target_module module = find(f, process, "/elf");
    assert_true(module.is_executable);
    struct module_file *file = open_module(process, &module);
    assert_true(module_find_section(file, ".text", &address, &size));
    assert_true(address >= module.start && address + size <= module.end);
    module_close(file);
    process_close(process);
    finish(pid);
}

/* Maps the file at `path` as a loader would and tells where; the tests look at themselves. */
static void *map(const char *path, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    void *bytes = mmap(NULL, size ? size : 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    close(file);
    return bytes;
}

/* Another file, or none that ends, stands at the path of what is mapped. */
static void test_replaced_library(void **state) {
    struct fixture *f = *state;
    size_t size;
    char *path = file_in(f, "elf");
    unsigned char *bytes = read_whole(f, "/bin/sleep", &size);
    write_file(path, bytes, size);
    void *mapped = map(path, size);
    assert_int_equal(rename(path, file_in(f, "elf2")), 0);
    struct target_process *process = open_process(getpid());
    struct target_module module = find(f, process, "/elf2");
    module_close(open_module(process, &module)); /* renamed: still to be had */
    module.path = path;                          /* maps read before the rename */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_not_opened(process, &module);
    process_close(process);
    munmap(mapped, size);
}

static void test_fifo(void **state) {
    struct fixture *f = *state;
    size_t size;
    char *path = file_in(f, "elf");
    unsigned char *bytes = read_whole(f, "/bin/sleep", &size);
    write_file(path, bytes, size);
    void *mapped = map(path, size);
    struct target_process *process = open_process(getpid());
    struct target_module module = find(f, process, "/elf");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(20); /* a FIFO that is opened to be read would hang here */
    struct module_file *file = NULL;
    struct error *err = module_open(process, &module, &file); /* root gets it by map_files */
    alarm(0);
    assert_true(geteuid() == 0 ? !err : err != NULL);
    error_destroy(err);
    module_close(file);
    process_close(process);
    munmap(mapped, size);
}

static void assert_build_id(struct fixture *f, const unsigned char *bytes, size_t size,
                            size_t length) {
    char *path = file_in(f, "elf");
    write_file(path, bytes, size);
    void *mapped = map(path, size);
    struct target_process *process = open_process(getpid());
    struct target_module module = find(f, process, "/elf");
    struct module_file *file = open_module(process, &module);
    assert_int_equal(strlen(module_get_build_id(file)), length);
    module_close(file);
    process_close(process);
    munmap(mapped, size);
}

/* Other owners number their notes as they like: a probe of SystemTap has the 3 of a build id. */
static void test_build_id(void **state) {
    struct fixture *f = *state;
    static const Elf64_Nhdr header = {.n_namesz = 4, .n_descsz = 20, .n_type = 3};
    size_t size;
    unsigned char *bytes = read_whole(f, "/bin/sleep", &size);
    unsigned char *note = memmem(bytes, size, &header, sizeof header);
    if (!note)
        skip();
    assert_build_id(f, bytes, size, 40);
    Elf64_Ehdr *elf = (Elf64_Ehdr *)(void *)bytes;
    elf->e_shoff = elf->e_shnum = elf->e_shstrndx = 0; /* sections may be stripped */
    assert_build_id(f, bytes, size, 40);
    bytes = read_whole(f, "/bin/sleep", &size);
    note = memmem(bytes, size, &header, sizeof header);
    memcpy(note + sizeof header, "TAP", 4);
    assert_build_id(f, bytes, size, 0);
}

static void use(struct module_file *file) {
    uint64_t address, size;
    module_find_symbol(file, "stdout", &address, &size);
    module_find_symbol(file, "no such symbol", &address, &size);
    module_find_section(file, ".data", &address, &size);
    module_find_section(file, "no such section", &address, &size);
    assert_true(strlen(module_get_build_id(file)) <= 128);
    module_close(file);
}

/* Writes the bytes over the file that is mapped, and asks it everything. */
static bool try_bytes(struct target_process *process, const struct target_module *module,
                      const void *bytes, size_t size) {
    struct module_file *file = NULL;
    write_file(module->path, bytes, size);
    struct error *err = module_open(process, module, &file);
    if (err) {
        assert_int_equal(error_get_kind(err), ERROR_FAULT);
        error_destroy(err);
        return false;
    }
    use(file);
    return true;
}

struct broken {
    struct target_process *process;
    struct target_module module;
    unsigned char *bytes, *copy;
    void *mapped;
    size_t size;
};

static struct broken set_up_broken(struct fixture *f) {
    struct broken broken = {.copy = NULL};
    char *path = file_in(f, "elf");
    broken.bytes = read_whole(f, "/bin/sleep", &broken.size);
    broken.copy = arena_alloc(f->arena, broken.size);
    write_file(path, broken.bytes, broken.size);
    broken.mapped = map(path, broken.size);
    broken.process = open_process(getpid());
    broken.module = find(f, broken.process, "/elf");
    assert_true(try_bytes(broken.process, &broken.module, broken.bytes, broken.size));
    return broken;
}

static void tear_down_broken(struct broken *broken) {
    process_close(broken->process);
    munmap(broken->mapped, broken->size);
}

static void test_every_prefix(void **state) {
    struct broken broken = set_up_broken(*state);
    for (size_t size = 0; size <= PREFIX_MAX; size++)
        try_bytes(broken.process, &broken.module, broken.bytes, size);
    for (size_t size = broken.size - 4200; size < broken.size; size += 7)
        try_bytes(broken.process, &broken.module, broken.bytes, size);
    tear_down_broken(&broken);
}

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Where a parser believes what it reads: the headers, section headers, notes, symbol tables. */
static size_t pick_offset(const struct broken *broken, uint64_t *seed) {
    const Elf64_Ehdr *header = (const void *)broken->bytes;
    uint64_t random = next_random(seed);
    size_t headers = (size_t)header->e_shoff;
    switch (random % 4) {
    case 0:
        return (size_t)(next_random(seed) % sizeof *header);
    case 1:
        return (size_t)(next_random(seed) % 4096);
    case 2:
        return headers + (size_t)(next_random(seed) % (broken->size - headers));
    default:
        return (size_t)(next_random(seed) % broken->size);
    }
}

static void test_random_corruptions(void **state) {
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe};
    struct broken broken = set_up_broken(*state);
    uint64_t seed = 20240229;
    for (int i = 0; i < CORRUPTIONS; i++) {
        memcpy(broken.copy, broken.bytes, broken.size);
        for (uint64_t k = 1 + next_random(&seed) % 12; k; k--) {
            size_t at = pick_offset(&broken, &seed), run = 1 + next_random(&seed) % 8;
            unsigned char value = values[next_random(&seed) % sizeof values];
            for (size_t j = at; j < at + run && j < broken.size; j++)
                broken.copy[j] = next_random(&seed) % 2 ? value : (unsigned char)next_random(&seed);
        }
        try_bytes(broken.process, &broken.module, broken.copy, broken.size);
    }
    tear_down_broken(&broken);
}

static void test_random_bytes(void **state) {
    struct broken broken = set_up_broken(*state);
    uint64_t seed = 20240301;
    for (int i = 0; i < 300; i++) {
        size_t size = (size_t)(next_random(&seed) % 8192);
        for (size_t k = 0; k < size; k++)
            broken.copy[k] = (unsigned char)next_random(&seed);
        if (i % 2 && size >= 20)
            memcpy(broken.copy, broken.bytes, 20); /* ident, type, machine */
        try_bytes(broken.process, &broken.module, broken.copy, size);
    }
    tear_down_broken(&broken);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_own_symbols),
        TEST(test_library_symbol),
        TEST(test_sections),
        TEST(test_order),
        TEST(test_scan),
        TEST(test_fixed_addresses),
        TEST(test_deleted_executable),
        TEST(test_replaced_library),
        TEST(test_build_id),
        TEST(test_mapped_to_be_read),
        TEST(test_fifo),
        TEST(test_every_prefix),
        TEST(test_random_corruptions),
        TEST(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
