/* Finding the runtime without symbols: what a module exports, its code, a scan of its memory. The
 * target is a child of this program, which plays the interpreter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "../../src/python/runtime.h"
#include "../support/child.h"
#include "asyncspy/python/layout.h"

#define VERSION_3_6 0x03060ff0u
#define VERSION_3_8 0x030812f0u
#define VERSION_3_13 0x030d00f0u

/* In this program's writable memory, as the variables of CPython would be. */
static struct {
    uint64_t unrelated[4];
    uint64_t runtime[8]; /* head of the list of interpreters, main interpreter, ... */
    uint64_t later[4];
} variables = {.unrelated = {1, 2, 3, 4}};
static uint64_t interpreters[2][512];
static uint64_t threads[2][512];

static void stand_still(void) {
    for (;;)
        pause();
}

static struct target_process *target;
static struct target_module this_program;
static struct arena *arena;
static pid_t child;

static void find_this_program(void) {
    struct target_module *modules;
    size_t count;
    assert_null(module_list(target, arena, &modules, &count));
    for (size_t i = 0; i < count; i++)
        if (modules[i].is_executable)
            this_program = modules[i];
    assert_non_null(this_program.path);
}

static void start_child(void) {
    arena = arena_create();
    child = child_start(stand_still);
    target = child_open(child);
    find_this_program();
}

static void finish_child(void) {
    process_close(target);
    child_finish(child);
    arena_destroy(arena);
}

static size_t index_of(int64_t offset) {
    return (size_t)offset / 8;
}

/* Interpreter number `i` with one thread state, in the layout of `table`. */
static void make_interpreter(const struct py_table *table, size_t i, uint64_t next) {
    const struct py_slot *slots = table->slots;
    memset(interpreters[i], 0, sizeof interpreters[i]);
    memset(threads[i], 0, sizeof threads[i]);
    interpreters[i][index_of(slots[PY_FIELD_interpreter_next].constant)] = next;
    interpreters[i][index_of(slots[PY_FIELD_interpreter_threads_head].constant)] =
        (uint64_t)(uintptr_t)threads[i];
    threads[i][index_of(slots[PY_FIELD_thread_interpreter].constant)] =
        (uint64_t)(uintptr_t)interpreters[i];
    threads[i][index_of(slots[PY_FIELD_thread_thread_id].constant)] = (uint64_t)pthread_self();
}

/* Two interpreters; the variable at `main` points to the older one, `head` to the newer. */
static void make_runtime(unsigned minor, size_t main, size_t head) {
    const struct py_table *table = py_table_find(3, minor);
    assert_non_null(table);
    memset(variables.runtime, 0, sizeof variables.runtime);
    make_interpreter(table, 0, 0);
    make_interpreter(table, 1, (uint64_t)(uintptr_t)interpreters[0]);
    variables.runtime[main] = (uint64_t)(uintptr_t)interpreters[0];
    variables.runtime[head] = (uint64_t)(uintptr_t)interpreters[1];
}

static uint64_t scan(uint32_t version) {
    uint64_t found = 0;
    start_child();
    if (!py_runtime_scan(target, &this_program, version, &found))
        found = 0;
    finish_child();
    return found;
}

static void test_scan_with_a_runtime(void **state) {
    (void)state;
    make_runtime(8, 5, 4); /* the main interpreter stands behind the head */
    uint64_t head = (uint64_t)(uintptr_t)&variables.runtime[4];
    uint64_t offset = py_table_find(3, 8)->slots[PY_FIELD_runtime_interpreters_head].constant;
    assert_int_equal(scan(VERSION_3_8), head - offset);
    make_runtime(8, 6, 4); /* it does not: this is no runtime */
    assert_int_equal(scan(VERSION_3_8), 0);
}

static void test_scan_without_a_runtime(void **state) {
    (void)state;
    make_runtime(6, 1, 5); /* another variable comes first, but reaches fewer */
    assert_int_equal(scan(VERSION_3_6), (uint64_t)(uintptr_t)&variables.runtime[5]);
}

static void test_scan_wants_every_proof(void **state) {
    (void)state;
    const struct py_slot *slots = py_table_find(3, 8)->slots;
    make_runtime(8, 5, 4);
    threads[1][index_of(slots[PY_FIELD_thread_thread_id].constant)] =
        (uint64_t)(uintptr_t)variables.unrelated; /* no thread control block */
    assert_int_equal(scan(VERSION_3_8), 0);
    make_runtime(8, 5, 4);
    threads[1][index_of(slots[PY_FIELD_thread_prev].constant)] = 1;
    assert_int_equal(scan(VERSION_3_8), 0);
    make_runtime(8, 5, 4);
    threads[1][index_of(slots[PY_FIELD_thread_interpreter].constant)]++;
    assert_int_equal(scan(VERSION_3_8), 0);
    make_runtime(8, 5, 4);
    assert_int_equal(scan(VERSION_3_13), 0); /* has _Py_DebugOffsets */
    assert_int_equal(scan(0x030100f0), 0);
}

/* --- code --- */

static unsigned char code[32];
static uint64_t table_slot; /* of a global offset table */

static void put_code(const char *bytes, size_t size) {
    memset(code, 0xcc, sizeof code);
    memcpy(code, bytes, size);
}

/* The displacement from behind the instruction that ends at `end` to `target_address`. */
static void put_displacement(size_t at, const void *target_address) {
    int32_t displacement =
        (int32_t)((intptr_t)target_address - (intptr_t)(code + at + sizeof displacement));
    memcpy(code + at, &displacement, sizeof displacement);
}

static uint64_t decode(uint32_t version) {
    uint64_t found = 0;
    start_child();
    if (!py_runtime_decode(target, (uint64_t)(uintptr_t)code, version, &found))
        found = 0;
    finish_child();
    return found;
}

static void test_code_that_loads_the_head(void **state) {
    (void)state;
    put_code("\x48\x8b\x05....\xc3", 8);
    put_displacement(3, &variables.runtime[4]);
    assert_int_equal(decode(VERSION_3_6), (uint64_t)(uintptr_t)&variables.runtime[4]);
    assert_int_equal(decode(VERSION_3_8), (uint64_t)(uintptr_t)&variables.runtime[0]);
    put_code("\xf3\x0f\x1e\xfa\x48\x8b\x05....\xc3", 12); /* for -fcf-protection */
    put_displacement(7, &variables.runtime[4]);
    assert_int_equal(decode(VERSION_3_6), (uint64_t)(uintptr_t)&variables.runtime[4]);
    code[11] = 0x90; /* no return */
    assert_int_equal(decode(VERSION_3_6), 0);
}

static void test_code_that_takes_the_runtime(void **state) {
    (void)state;
    table_slot = (uint64_t)(uintptr_t)variables.runtime;
    put_code("\x48\x8b\x05....\x48\x8b\x40\x20\xc3", 12);
    put_displacement(3, &table_slot);
    assert_int_equal(decode(VERSION_3_8), table_slot);
    assert_int_equal(decode(0x030710f0), 0); /* there the head is at another place */
    put_code("\x48\x8d\x05....\x48\x8b\x80\x20\0\0\0\xc3", 15);
    put_displacement(3, variables.runtime);
    assert_int_equal(decode(VERSION_3_8), table_slot);
    put_code("\x48\x31\xc0\xc3", 4);
    assert_int_equal(decode(VERSION_3_8), 0);
}

/* --- exported symbols --- */

static const struct target_module *find_libc(struct target_module **modules, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strstr(modules[0][i].path, "/libc.so") || strstr(modules[0][i].path, "/libc-"))
            return &modules[0][i];
    fail_msg("the child has no libc");
    return NULL;
}

static void test_exported_symbols(void **state) {
    (void)state;
    static const char *const names[] = {"malloc", "getenv",         "qsort", "fopen",
                                        "dlsym",  "pthread_create", "abort"};
    struct target_module *modules;
    size_t count;
    uint64_t address, size;
    start_child();
    assert_null(module_list(target, arena, &modules, &count));
    const struct target_module *libc = find_libc(&modules, count);
    void *handle =
        dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD); /* not what a sanitizer puts before */
    assert_non_null(handle);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(module_find_exported(target, libc, names[i], &address, &size));
        assert_int_equal(address, (uint64_t)(uintptr_t)dlsym(handle, names[i]));
        assert_true(size > 0);
    }
    assert_false(module_find_exported(target, libc, "_PyRuntime", &address, &size));
    assert_false(module_find_exported(target, libc, "", &address, &size));
    dlclose(handle);
    finish_child();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_with_a_runtime),
        cmocka_unit_test(test_scan_without_a_runtime),
        cmocka_unit_test(test_scan_wants_every_proof),
        cmocka_unit_test(test_code_that_loads_the_head),
        cmocka_unit_test(test_code_that_takes_the_runtime),
        cmocka_unit_test(test_exported_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
