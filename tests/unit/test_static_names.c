/* Types whose names stand in a file that a core lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../support/fake_asyncio.h"
#include "../support/fake_instances.h"
#include "../support/fake_target.h"

/* All static types are instances of `type`, known to modules, and without names. */
static void take_names_away(struct fake_target *target, struct fake_asyncio *aio) {
    struct fake_python *fake = target->fake;
    uint64_t builtins = fake_dict(fake, false), types = fake_dict(fake, false);
    uint64_t type_of_types = fake_alloc(fake, 512);
    fake_asyncio_create(aio, fake);
    for (int i = 0; i < FAKE_TYPE_COUNT; i++) {
        FAKE_SET(fake, fake->types[i], object, type, type_of_types);
        fake_memory_unmap(fake->memory, FAKE_GET(fake, fake->types[i], type, name));
    }
    fake_dict_set(fake, builtins, "str", fake->types[FAKE_STR]);
    fake_dict_set(fake, builtins, "float", fake->types[FAKE_FLOAT]);
    fake_dict_set(fake, builtins, "None", fake->none);
    fake_dict_set(fake, builtins, "__debug__", fake->true_); /* no type */
    fake_dict_set(fake, types, "CoroutineType", fake->types[FAKE_COROUTINE]);
    fake_dict_set(fake, types, "FunctionType", fake->types[FAKE_FUNCTION]);
    fake_dict_set(fake, types, "ModuleType", fake->none); /* no type either */
    fake_dict_set(fake, aio->modules, "builtins", fake_module(fake, builtins));
    fake_dict_set(fake, aio->modules, "types", fake_module(fake, types));
}

static void assert_type(struct fake_target *target, enum fake_type type, enum py_kind kind,
                        const char *name) {
    struct py_type *found;
    fake_expect_success(py_type_read(target->py, target->fake->types[type], &found));
    assert_string_equal(found->tp_name, name);
    assert_string_equal(found->full_name, name);
    assert_int_equal(found->kind, kind);
}

static void test_modules_know(struct fake_target *target) {
    struct fake_asyncio aio;
    take_names_away(target, &aio);
    target->fake->roots.lacks_files = true;
    fake_target_open(target, aio.runtime);
    assert_type(target, FAKE_COROUTINE, PY_KIND_COROUTINE, "coroutine");
    assert_type(target, FAKE_FLOAT, PY_KIND_FLOAT, "float");
    assert_type(target, FAKE_NONE_TYPE, PY_KIND_NONE, "NoneType");
    assert_type(target, FAKE_STR, PY_KIND_STRING, "str"); /* was met nameless on the way */
    assert_type(target, FAKE_HAMT, PY_KIND_OTHER, "?");
    assert_type(target, FAKE_MODULE, PY_KIND_OTHER, "?");
    assert_int_equal(target->snapshot->missing.count, 1);
    assert_string_equal(target->snapshot->missing.items[0].what, "names of types of C");
}

/* No module of 3.7 has the type of cells; a function of `os` has some. */
static void test_cells(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    take_names_away(target, &aio);
    const struct fake_named variables[] = {{"encoding", fake_str(fake, "utf-8")}, {NULL, 0}};
    uint64_t os = fake_dict(fake, false);
    fake_dict_set(fake, os, "fsencode",
                  fake_closure(fake, "_fscodec.<locals>.fsencode", variables));
    fake_dict_set(fake, aio.modules, "os", fake_module(fake, os));
    fake->roots.lacks_files = true;
    fake_target_open(target, aio.runtime);
    assert_type(target, FAKE_CELL, PY_KIND_CELL, "cell");
}

/* What stands there may be no function. */
static void test_no_cells(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_python *fake = target->fake;
    take_names_away(target, &aio);
    uint64_t os = fake_dict(fake, false);
    fake_dict_set(fake, os, "fsencode", fake->none);
    fake_dict_set(fake, aio.modules, "os", fake_module(fake, os));
    fake->roots.lacks_files = true;
    fake_target_open(target, aio.runtime);
    assert_type(target, FAKE_CELL, PY_KIND_OTHER, "?");
    assert_type(target, FAKE_NONE_TYPE, PY_KIND_NONE, "NoneType");
}

/* Of a running process a name that cannot be read is an error. */
static void test_live(struct fake_target *target) {
    struct fake_asyncio aio;
    struct py_type *found;
    take_names_away(target, &aio);
    fake_target_open(target, aio.runtime);
    fake_expect_error(py_type_read(target->py, target->fake->types[FAKE_FLOAT], &found),
                      ERROR_FAULT);
}

static void test_nothing_there(struct fake_target *target) {
    struct fake_asyncio aio;
    take_names_away(target, &aio);
    target->fake->roots.lacks_files = true;
    FAKE_SET(target->fake, aio.interpreter, interpreter, modules, 0);
    fake_target_open(target, aio.runtime);
    assert_type(target, FAKE_COROUTINE, PY_KIND_OTHER, "?");
    assert_type(target, FAKE_LIST, PY_KIND_LIST, "?"); /* by its flags */
}

FAKE_EACH_VERSION(test_modules_know)
FAKE_EACH_VERSION(test_cells)
FAKE_EACH_VERSION(test_no_cells)
FAKE_EACH_VERSION(test_live)
FAKE_EACH_VERSION(test_nothing_there)

int main(void) {
    const struct CMUnitTest tests[] = {FAKE_TEST(test_modules_know), FAKE_TEST(test_cells),
                                       FAKE_TEST(test_no_cells), FAKE_TEST(test_live),
                                       FAKE_TEST(test_nothing_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
