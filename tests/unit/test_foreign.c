/* What is not CPython's own in await chains: coroutines of Cython, wrappers, uvloop's loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/capture/walk.h"
#include "../support/fake_asyncio.h"
#include "../support/fake_target.h"

static const struct target_thread kernel_thread = {
    .tid = 4712, .namespace_tid = 4711, .name = "python3", .state = 'R', .syscall = -1};

/* How a version of Cython lays out its coroutines. */
struct cython_layout {
    const char *module; /* of their type; NULL: it is called as CPython's own */
    size_t name_at, awaited_at;
};

static const struct cython_layout cython_layouts[] = {
    {NULL, 80, 72},            /* 0.29 */
    {NULL, 88, 80},            /* 0.29 with Python 3.7 to 3.10 */
    {"_cython_3_1_6", 80, 64}, /* with a pointer to a function behind what is awaited */
};

#define LABEL_SUSPENDED 1
#define LABEL_CREATED 0
#define LABEL_FINISHED UINT32_MAX

static uint64_t make_type(struct fake_asyncio *aio, const struct cython_layout *layout) {
    uint64_t type = fake_class(
        aio->fake, &(struct fake_class){.module = layout->module ? layout->module : "cython",
                                        .name = "coroutine",
                                        .size = layout->name_at + 48,
                                        .static_ = true});
    if (!layout->module)
        FAKE_SET(aio->fake, type, type, name,
                 FAKE_GET(aio->fake, aio->fake->types[FAKE_COROUTINE], type, name));
    return type;
}

static uint64_t make_cython(struct fake_asyncio *aio, const struct cython_layout *layout,
                            uint32_t label, uint64_t awaited) {
    struct fake_python *fake = aio->fake;
    uint64_t object = fake_object(fake, make_type(aio, layout), layout->name_at + 48);
    uint64_t name = object + layout->name_at;
    fake_put(fake, object + 16, 0x7f0000000123, 8); /* the function that it is compiled to */
    if (layout->awaited_at + 8 != layout->name_at)
        fake_put(fake, name - 8, 0x7f0000000450, 8);
    fake_put(fake, object + layout->awaited_at, awaited, 8);
    fake_put(fake, name, fake_str(fake, "fetch"), 8);
    fake_put(fake, name + 8, fake_str(fake, "Client.fetch"), 8);
    fake_put(fake, name + 16, fake_str(fake, "fast"), 8);
    fake_put(fake, name + 24, fake_code(fake, "fetch", "Client.fetch", "fast.pyx", 12), 8);
    fake_put(fake, name + 40, label, 4);
    return object;
}

/* types.CoroutineType, which tells CPython's coroutines from others of that name. */
static void create(struct fake_target *target, struct fake_asyncio *aio) {
    fake_asyncio_create(aio, target->fake);
    uint64_t dict = fake_dict(target->fake, false);
    fake_dict_set(target->fake, dict, "CoroutineType", target->fake->types[FAKE_COROUTINE]);
    fake_dict_set(target->fake, aio->modules, "types", fake_module(target->fake, dict));
}

/* The only task. */
static const struct snapshot_task *walk(struct fake_target *target, struct fake_asyncio *aio) {
    struct walk_search search = {0};
    fake_target_open(target, aio->runtime);
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel_thread, 1, NAN}, &search));
    assert_int_equal(target->snapshot->tasks.count, 1);
    return &target->snapshot->tasks.items[0];
}

static void expect_function(const struct snapshot_task *task, size_t index, const char *name) {
    assert_true(task->frames.count > index);
    assert_string_equal(task->frames.frames[index]->function, name);
}

static void expect_cython_frame(const struct snapshot_task *task, size_t index) {
    expect_function(task, index, "fetch");
    const struct snapshot_frame *frame = task->frames.frames[index];
    assert_string_equal(frame->qualified_name, "Client.fetch");
    assert_string_equal(frame->file, "fast.pyx");
    assert_int_equal(frame->line, -1);
}

static void test_cython_as_root(struct fake_target *target) {
    for (size_t i = 0; i < sizeof cython_layouts / sizeof *cython_layouts; i++) {
        struct fake_asyncio aio;
        create(target, &aio);
        uint64_t future = fake_future(&aio, FAKE_PENDING);
        uint64_t inner =
            fake_coroutine(&aio, "read", 20, FAKE_SUSPENDED_AWAIT, fake_future_iter(&aio, future));
        uint64_t root = make_cython(&aio, &cython_layouts[i], LABEL_SUSPENDED, inner);
        fake_task(&aio, &(struct fake_task){.coroutine = root, .fut_waiter = future});
        const struct snapshot_task *task = walk(target, &aio);
        assert_int_equal(task->note_count, 0);
        assert_int_equal(task->state, SNAPSHOT_TASK_WAITING);
        assert_string_equal(task->coroutine, "Client.fetch");
        assert_int_equal(task->frames.count, 2);
        expect_function(task, 0, "read");
        expect_cython_frame(task, 1);
    }
}

static void test_cython_in_chain(struct fake_target *target) {
    for (size_t i = 0; i < sizeof cython_layouts / sizeof *cython_layouts; i++) {
        struct fake_asyncio aio;
        create(target, &aio);
        uint64_t future = fake_future(&aio, FAKE_PENDING);
        uint64_t last =
            make_cython(&aio, &cython_layouts[i], LABEL_SUSPENDED, fake_future_iter(&aio, future));
        uint64_t wrapper_type =
            fake_class(target->fake, &(struct fake_class){.module = "_cython_3_1_6",
                                                          .name = "coroutine_wrapper",
                                                          .size = 24,
                                                          .static_ = true});
        uint64_t wrapper = fake_object(target->fake, wrapper_type, 24);
        fake_put(target->fake, wrapper + 16, last, 8);
        uint64_t root = fake_coroutine(&aio, "main", 30, FAKE_SUSPENDED_AWAIT, wrapper);
        fake_task(&aio, &(struct fake_task){.coroutine = root, .fut_waiter = future});
        const struct snapshot_task *task = walk(target, &aio);
        assert_int_equal(task->note_count, 0);
        assert_int_equal(task->frames.count, 2);
        expect_cython_frame(task, 0);
        expect_function(task, 1, "main");
    }
}

static void test_cython_states(struct fake_target *target) {
    static const struct {
        uint32_t label;
        enum snapshot_task_state state;
        size_t frames;
    } cases[] = {{LABEL_CREATED, SNAPSHOT_TASK_NOT_STARTED, 1},
                 {LABEL_FINISHED, SNAPSHOT_TASK_READY, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_asyncio aio;
        create(target, &aio);
        uint64_t root = make_cython(&aio, &cython_layouts[0], cases[i].label, 0);
        fake_task(&aio, &(struct fake_task){.coroutine = root});
        const struct snapshot_task *task = walk(target, &aio);
        assert_int_equal(task->state, cases[i].state);
        assert_int_equal(task->frames.count, cases[i].frames);
        assert_string_equal(task->coroutine, "Client.fetch");
    }
}

/* A coroutine of Cython has no frame on the stack; that of Python which it runs has. */
static void test_cython_runs_python(struct fake_target *target) {
    struct fake_asyncio aio;
    create(target, &aio);
    uint64_t inner = fake_coroutine(&aio, "busy", 20, FAKE_EXECUTING, 0);
    uint64_t root = make_cython(&aio, &cython_layouts[0], LABEL_SUSPENDED, inner);
    fake_put(target->fake, root + cython_layouts[0].name_at + 44, 1, 1);
    uint64_t address = fake_task(&aio, &(struct fake_task){.coroutine = root});
    fake_run_task(&aio, address, inner);
    const struct snapshot_task *task = walk(target, &aio);
    assert_int_equal(task->state, SNAPSHOT_TASK_RUNNING);
    assert_int_equal(task->tid, 4712);
    assert_int_equal(task->note_count, 0);
    assert_int_equal(task->frames.count, 2);
    expect_function(task, 0, "busy");
    expect_cython_frame(task, 1);
    assert_false(py_is_unsettled(target->py));
}

/* Another version of Cython may have it all elsewhere. */
static void test_cython_of_unknown_layout(struct fake_target *target) {
    struct fake_asyncio aio;
    create(target, &aio);
    uint64_t root = make_cython(&aio, &cython_layouts[2], LABEL_SUSPENDED, 0);
    fake_put(target->fake, root + cython_layouts[2].name_at + 8, 0, 8);
    fake_task(&aio, &(struct fake_task){.coroutine = root});
    const struct snapshot_task *task = walk(target, &aio);
    assert_int_equal(task->note_count, 1);
    assert_non_null(strstr(task->notes[0], "unknown version of Cython"));
    assert_int_equal(task->frames.count, 0);
}

/* Debug mode up to 3.7 wraps every coroutine. */
static void test_coroutine_wrapper_of_asyncio(struct fake_target *target) {
    static const char *const keys[] = {"gen", "func", NULL};
    struct fake_asyncio aio;
    create(target, &aio);
    uint64_t type = fake_class(
        target->fake,
        &(struct fake_class){.module = "asyncio.coroutines", .name = "CoroWrapper", .keys = keys});
    uint64_t values[2] = {fake_coroutine(&aio, "main", 20, FAKE_CREATED, 0), target->fake->none};
    fake_task(&aio, &(struct fake_task){.coroutine = fake_instance(target->fake, type, values)});
    const struct snapshot_task *task = walk(target, &aio);
    assert_int_equal(task->state, SNAPSHOT_TASK_NOT_STARTED);
    assert_string_equal(task->coroutine, "main");
    expect_function(task, 0, "main");
}

/* --- uvloop --- */

static uint64_t make_uvloop(struct fake_target *target, struct fake_asyncio *aio) {
    struct fake_python *fake = target->fake;
    uint64_t base = fake_class(
        fake, &(struct fake_class){.module = "uvloop.loop", .name = "Loop", .size = 512});
    uint64_t type = fake_class(
        fake, &(struct fake_class){.module = "uvloop", .name = "Loop", .size = 512, .base = base});
    uint64_t float_type =
        fake_class(fake, &(struct fake_class){.name = "float", .module = "builtins"});
    uint64_t loop = fake_object(fake, type, 512);
    fake_put(fake, loop + 40, fake_object(fake, float_type, 24), 8);
    aio->event_loop = loop;
    fake_task(aio,
              &(struct fake_task){.coroutine = fake_coroutine(aio, "main", 20, FAKE_CREATED, 0)});
    return loop;
}

static const struct snapshot_loop *walk_to_loop(struct fake_target *target,
                                                struct fake_asyncio *aio) {
    walk(target, aio);
    for (size_t i = 0; i < target->snapshot->event_loops.count; i++)
        if (target->snapshot->event_loops.items[i].id == aio->event_loop)
            return &target->snapshot->event_loops.items[i];
    fail_msg("the loop is not there");
    return NULL;
}

static void test_uvloop(struct fake_target *target) {
    struct fake_asyncio aio;
    create(target, &aio);
    uint64_t address = make_uvloop(target, &aio);
    const struct snapshot_loop *loop = walk_to_loop(target, &aio);
    assert_string_equal(loop->type, "uvloop.Loop");
    assert_int_equal(loop->state, SNAPSHOT_LOOP_STOPPED);
    assert_int_equal(loop->debug, SNAPSHOT_NO);
    fake_put(target->fake, address + 52, 1, 4);
    assert_int_equal(walk_to_loop(target, &aio)->debug, SNAPSHOT_YES);
    fake_put(target->fake, address + 48, 1, 4);
    assert_int_equal(walk_to_loop(target, &aio)->state, SNAPSHOT_LOOP_CLOSED);
    fake_put(target->fake, address + 56, 1, 4); /* closed and running: these are no flags */
    loop = walk_to_loop(target, &aio);
    assert_int_equal(loop->state, SNAPSHOT_LOOP_STATE_UNKNOWN);
    assert_int_equal(loop->debug, SNAPSHOT_MAYBE);
}

FAKE_EACH_VERSION(test_cython_as_root)
FAKE_EACH_VERSION(test_cython_in_chain)
FAKE_EACH_VERSION(test_cython_states)
FAKE_EACH_VERSION(test_cython_runs_python)
FAKE_EACH_VERSION(test_cython_of_unknown_layout)
FAKE_EACH_VERSION(test_coroutine_wrapper_of_asyncio)
FAKE_EACH_VERSION(test_uvloop)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_cython_as_root),
        FAKE_TEST(test_cython_in_chain),
        FAKE_TEST(test_cython_states),
        FAKE_TEST(test_cython_runs_python),
        FAKE_TEST(test_cython_of_unknown_layout),
        FAKE_TEST(test_coroutine_wrapper_of_asyncio),
        FAKE_TEST(test_uvloop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
