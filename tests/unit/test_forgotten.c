/* Coroutines that nobody awaited, exceptions that nobody looked at, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_asyncio.h"
#include "../support/fake_gc.h"
#include "../support/fake_target.h"
#include "asyncspy/asyncio/asyncio.h"

#define SECONDS 10

/* A program with what is to be found, and what is not. */
struct program {
    struct fake_asyncio aio;
    uint64_t forgotten, started, failed;
    struct py_interpreter interpreter;
};

static uint64_t track(struct fake_target *target, struct program *program, uint64_t object) {
    fake_gc_track(target->fake, fake_gc_head(target->fake, program->aio.interpreter, 0), object);
    return object;
}

static uint64_t make_coroutine(struct fake_target *target, struct program *program,
                               enum fake_state state) {
    return track(target, program, fake_coroutine(&program->aio, "saves", 10, state, 0));
}

static uint64_t make_task(struct fake_target *target, struct program *program,
                          struct fake_task task) {
    return track(target, program, fake_task(&program->aio, &task));
}

static void make_program(struct fake_target *target, struct program *program) {
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&program->aio, fake);
    uint64_t code = fake_code(fake, "items", "items", "/srv/app.py", 30);
    uint64_t error = fake_exception(&program->aio, "ValueError", "boom");
    program->started = make_coroutine(target, program, FAKE_CREATED);
    program->forgotten = make_coroutine(target, program, FAKE_CREATED);
    make_coroutine(target, program, FAKE_SUSPENDED_AWAIT);
    make_coroutine(target, program, FAKE_FINISHED);
    track(target, program, fake_generator(fake, FAKE_ASYNC_GENERATOR, code, FAKE_CREATED, 0));
    track(target, program, fake_generator(fake, FAKE_GENERATOR, code, FAKE_CREATED, 0));
    make_task(target, program, (struct fake_task){.coroutine = program->started});
    program->failed =
        make_task(target, program,
                  (struct fake_task){
                      .state = FAKE_FINISHED_STATE, .exception = error, .log_traceback = true});
    make_task(target, program,
              (struct fake_task){.state = FAKE_FINISHED_STATE, .exception = error});
    track(target, program, fake_future(&program->aio, FAKE_PENDING));
}

static void open_program(struct fake_target *target, struct program *program) {
    struct py_interpreter *interpreters;
    size_t count;
    fake_target_open(target, program->aio.runtime);
    fake_expect_success(py_interpreters_read(target->py, &interpreters, &count));
    program->interpreter = interpreters[0];
}

static void test_found(struct fake_target *target) {
    struct program program;
    struct aio_forgotten found = {.why = NULL};
    make_program(target, &program);
    open_program(target, &program);
    fake_expect_success(aio_forgotten_find(target->py, &program.interpreter, SECONDS, &found));
    assert_null(found.why);
    assert_false(found.is_cut);
    assert_int_equal(found.coroutines.count, 1);
    assert_int_equal(found.coroutines.items[0], program.forgotten);
    assert_int_equal(found.tasks.count, 1);
    assert_int_equal(found.tasks.items[0], program.failed);
    aio_forgotten_free(&found);
}

/* A tuple of (file, line, function), as debug mode keeps it. */
static void set_origin(struct fake_target *target, uint64_t coroutine) {
    struct fake_python *fake = target->fake;
    uint64_t items[] = {fake_str(fake, "/srv/app.py"), fake_int(fake, 77),
                        fake_str(fake, "handler")};
    uint64_t frame = fake_tuple(fake, items, 3);
    FAKE_SET(fake, coroutine, coroutine, origin, fake_tuple(fake, &frame, 1));
}

static void test_added(struct fake_target *target) {
    struct program program;
    make_program(target, &program);
    bool has_origin = PY_HAS(&target->fake->layout, coroutine, origin);
    if (has_origin)
        set_origin(target, program.forgotten);
    uint64_t coroutines[] = {program.started, program.forgotten};
    const char *holders[] = {NULL, "module"};
    struct aio_forgotten found = {.coroutines = {.items = coroutines, .count = 2},
                                  .tasks = {.items = &program.failed, .count = 1}};
    open_program(target, &program);
    fake_expect_success(aio_forgotten_add(target->py, &program.interpreter, &found, holders));
    fake_expect_success(aio_forgotten_add(target->py, &program.interpreter,
                                          &(struct aio_forgotten){.tasks = found.tasks}, NULL));
    const struct snapshot *snapshot = target->snapshot;
    assert_int_equal(snapshot->tasks.count, 1); /* once */
    assert_int_equal(snapshot->tasks.items[0].exception_retrieved, SNAPSHOT_NO);
    assert_int_equal(snapshot->coroutines.count, 1);
    const struct snapshot_coroutine *coroutine = &snapshot->coroutines.items[0];
    assert_int_equal(coroutine->id, program.forgotten);
    assert_string_equal(coroutine->name, "saves");
    assert_string_equal(coroutine->holder, "module");
    assert_int_equal(coroutine->frames.count, has_origin ? 2 : 1);
    assert_string_equal(coroutine->frames.frames[0]->function, "saves");
    if (has_origin) {
        assert_string_equal(coroutine->frames.frames[1]->function, "handler");
        assert_int_equal(coroutine->frames.frames[1]->line, 77);
    }
}

static enum aio_holder classify(struct fake_target *target, uint64_t object) {
    struct py_type *type;
    fake_expect_success(py_type_of(target->py, object, &type));
    return aio_holder_classify(type);
}

static void test_holders(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t type = fake_class(fake, &(struct fake_class){.module = "app", .name = "Job"});
    uint64_t own = fake_instance(fake, type, NULL);
    type = fake_class(fake, &(struct fake_class){.module = "asyncio.events", .name = "Handle"});
    uint64_t handle = fake_instance(fake, type, NULL), code = fake_code(fake, "f", "f", "f.py", 1);
    assert_int_equal(classify(target, fake_module(fake, 0)), AIO_HOLDER_OWNER);
    assert_int_equal(classify(target, own), AIO_HOLDER_OWNER);
    assert_int_equal(classify(target, handle), AIO_HOLDER_USER);
    assert_int_equal(classify(target, fake_list(fake, NULL, 0)), AIO_HOLDER_CONTAINER);
    assert_int_equal(classify(target, fake_dict(fake, false)), AIO_HOLDER_CONTAINER);
    assert_int_equal(
        classify(target, fake_generator(fake, FAKE_COROUTINE, code, FAKE_SUSPENDED_AWAIT, 0)),
        AIO_HOLDER_USER);
}

/* With a fault at the n-th page (0: none); returns how many pages were read. */
static uint64_t find_with_fault(struct fake_target *target, struct program *program, uint64_t n) {
    struct fake_memory *memory = target->fake->memory;
    struct aio_forgotten found = {.why = NULL};
    const char *holders[AIO_FORGOTTEN_MAX];
    open_program(target, program);
    uint64_t before = fake_memory_get_page_reads(memory);
    fake_memory_fail_at(memory, n);
    struct error *err = aio_forgotten_find(target->py, &program->interpreter, SECONDS, &found);
    for (size_t i = 0; i < found.coroutines.count; i++)
        holders[i] = "module";
    if (!err)
        err = aio_forgotten_add(target->py, &program->interpreter, &found, holders);
    fake_memory_fail_at(memory, 0);
    assert_true(n || (!err && !found.why));
    error_destroy(err);
    aio_forgotten_free(&found);
    return fake_memory_get_page_reads(memory) - before;
}

static void test_faults(struct fake_target *target) {
    struct program program;
    make_program(target, &program);
    uint64_t reads = find_with_fault(target, &program, 0);
    assert_true(reads > 20);
    for (uint64_t n = 1; n <= reads; n++)
        find_with_fault(target, &program, n);
}

FAKE_EACH_VERSION(test_found)
FAKE_EACH_VERSION(test_added)
FAKE_EACH_VERSION(test_holders)
FAKE_EACH_VERSION(test_faults)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_found),
        FAKE_TEST(test_added),
        FAKE_TEST(test_holders),
        FAKE_TEST(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
