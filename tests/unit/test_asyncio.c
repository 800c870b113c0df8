/* The walk over a whole fake interpreter, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/capture/walk.h"
#include "../support/fake_asyncio.h"
#include "../support/fake_context.h"
#include "../support/fake_frames.h"
#include "../support/fake_functions.h"
#include "../support/fake_target.h"

static const struct target_thread kernel_thread = {.tid = 4712,
                                                   .namespace_tid = 4711,
                                                   .name = "python3",
                                                   .state = 'R',
                                                   .on_cpu = true,
                                                   .syscall = -1};

static void walk(struct fake_target *target, uint64_t runtime) {
    fake_target_open(target, runtime);
    struct walk_search search = {0};
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel_thread, 1, NAN}, &search));
}

/* Walks over the program that has a task in every state. */
static void walk_program(struct fake_target *target, struct fake_asyncio *aio,
                         struct fake_program *program) {
    fake_asyncio_create(aio, target->fake);
    fake_program_create(program, aio);
    walk(target, aio->runtime);
    for (size_t i = 0; i < target->snapshot->missing.count; i++)
        fail_msg("missing %s: %s", target->snapshot->missing.items[i].what,
                 target->snapshot->missing.items[i].why);
}

static const struct snapshot_task *find(struct fake_target *target, uint64_t id) {
    const struct snapshot_task *found = NULL;
    for (size_t i = 0; i < target->snapshot->tasks.count; i++) {
        if (target->snapshot->tasks.items[i].id == id) {
            assert_null(found); /* once each */
            found = &target->snapshot->tasks.items[i];
        }
    }
    assert_non_null(found);
    return found;
}

static void expect_frames(const struct snapshot_task *task, const char *innermost, size_t count) {
    assert_int_equal(task->frames.count, count);
    if (count)
        assert_string_equal(task->frames.frames[0]->function, innermost);
}

/* 3.6 and 3.7 have no names of tasks; those written in Python ignore what the fake gives them. */
static void expect_name(struct fake_target *target, const struct snapshot_task *task,
                        const char *name) {
    if (PY_HAS(&target->fake->layout, task, name))
        assert_string_equal(task->name, name);
    else
        assert_null(task->name);
}

static bool knows_qualified_names(struct fake_target *target) {
    return PY_HAS(&target->fake->layout, code, qualname);
}

static void expect_missing(struct fake_target *target, const char *what, const char *why) {
    for (size_t i = 0; i < target->snapshot->missing.count; i++)
        if (strstr(target->snapshot->missing.items[i].what, what) &&
            strstr(target->snapshot->missing.items[i].why, why))
            return;
    fail_msg("no row of missing tells of %s", what);
}

static void test_thread_and_loop(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    walk_program(target, &aio, &program);
    const struct snapshot *snapshot = target->snapshot;
    assert_int_equal(snapshot->interpreters.count, 1);
    assert_int_equal(snapshot->interpreters.items[0].gil_holder, 4712);
    assert_int_equal(snapshot->interpreters.items[0].gc_collecting,
                     PY_HAS(&target->fake->layout, gc, collecting) ? SNAPSHOT_NO : SNAPSHOT_MAYBE);
    assert_int_equal(snapshot->threads.count, 1);
    const struct snapshot_thread *thread = &snapshot->threads.items[0];
    assert_int_equal(thread->tid, 4712);
    assert_string_equal(thread->name, "MainThread");
    assert_int_equal(thread->holds_gil, SNAPSHOT_YES);
    assert_int_equal(thread->event_loop, aio.event_loop);
    assert_int_equal(thread->current_task, program.running);
    assert_int_equal(thread->frames.count, 3);
    assert_string_equal(thread->frames.frames[0]->function, "busy");
    assert_string_equal(thread->frames.frames[0]->qualified_name, "busy");
    if (knows_qualified_names(target))
        assert_string_equal(thread->frames.frames[1]->qualified_name, "Handle._run");
    else
        assert_null(thread->frames.frames[1]->qualified_name);
    assert_string_equal(thread->frames.frames[2]->function, "main");
    assert_int_equal(snapshot->event_loops.count, 1);
    assert_int_equal(snapshot->event_loops.items[0].state, SNAPSHOT_LOOP_RUNNING);
    assert_int_equal(snapshot->event_loops.items[0].debug, SNAPSHOT_YES);
    assert_string_equal(snapshot->event_loops.items[0].type,
                        "asyncio.unix_events._UnixSelectorEventLoop");
}

static void test_states(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    walk_program(target, &aio, &program);
    assert_int_equal(target->snapshot->tasks.count, 12);
    const struct snapshot_task *task = find(target, program.not_started);
    assert_int_equal(task->state, SNAPSHOT_TASK_NOT_STARTED);
    expect_name(target, task, "new");
    expect_frames(task, "fresh", 1);
    task = find(target, program.ready);
    assert_int_equal(task->state, SNAPSHOT_TASK_READY);
    assert_int_equal(task->cancel_requests,
                     PY_HAS(&target->fake->layout, task, cancel_requests) ? 1 : SNAPSHOT_UNKNOWN);
    assert_int_equal(task->must_cancel, SNAPSHOT_YES);
    assert_null(task->awaiting);
    task = find(target, program.running);
    assert_int_equal(task->state, SNAPSHOT_TASK_RUNNING);
    assert_int_equal(task->tid, 4712);
    assert_int_equal(task->must_cancel, SNAPSHOT_NO);
    expect_frames(task, "busy", 1);
    task = find(target, program.done);
    assert_int_equal(task->state, SNAPSHOT_TASK_DONE);
    assert_non_null(task->exception);
    assert_string_equal(task->exception->type, "ValueError");
    assert_string_equal(task->exception->text, "no such host");
    expect_frames(task, NULL, 0);
    task = find(target, program.cancelled);
    assert_int_equal(task->state, SNAPSHOT_TASK_CANCELLED);
    assert_string_equal(task->coroutine, "stop");
    assert_null(task->exception);
}

/* A flag among others tells whether somebody looked at an exception. */
static void test_retrieved(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    struct fake_task it = {.state = FAKE_FINISHED_STATE,
                           .coroutine = fake_coroutine(&aio, "fail", 70, FAKE_FINISHED, 0),
                           .exception = fake_exception(&aio, "ValueError", "no such host")};
    uint64_t seen = fake_task(&aio, &it), seen_too = fake_python_task(&aio, &it);
    it.log_traceback = true;
    uint64_t unseen = fake_task(&aio, &it), unseen_too = fake_python_task(&aio, &it);
    it.exception = 0;
    uint64_t fine = fake_task(&aio, &it);
    walk(target, aio.runtime);
    assert_int_equal(find(target, seen)->exception_retrieved, SNAPSHOT_YES);
    assert_int_equal(find(target, seen_too)->exception_retrieved, SNAPSHOT_YES);
    assert_int_equal(find(target, unseen)->exception_retrieved, SNAPSHOT_NO);
    assert_int_equal(find(target, unseen_too)->exception_retrieved, SNAPSHOT_NO);
    assert_int_equal(find(target, fine)->exception_retrieved, SNAPSHOT_MAYBE);
}

/* Puts what a `with` of a manager leaves on a stack that has nothing else, behind one variable. */
static void put_manager(struct fake_target *target, uint64_t frame, uint64_t manager) {
    struct fake_python *fake = target->fake;
    bool keeps_manager = fake->layout.traits.with_keeps_manager;
    uint64_t code = FAKE_GET(fake, frame, frame, code) & ~UINT64_C(3);
    uint64_t exit = fake_function(fake, fake_code(fake, "__exit__", "__exit__", "app.py", 1),
                                  "__exit__", "__exit__", 0);
    fake_frame_put(fake, frame, 1, keeps_manager ? exit : fake_method(fake, exit, manager));
    if (keeps_manager)
        fake_frame_put(fake, frame, 2, manager);
    FAKE_SET(fake, frame, frame, valuestack,
             frame + (uint64_t)PY_OFFSET(&fake->layout, frame, localsplus) + 8);
    fake_frame_set_block(fake, frame, keeps_manager ? 2 : 1);
    if (PY_HAS(&fake->layout, code, exception_table))
        fake_code_set_handler(fake, code, FAKE_UNIT_CALL, 2, keeps_manager ? 2 : 1);
}

/* What a task that runs has open in the frames of its thread. */
static void test_running_holds(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, fake);
    uint64_t type = fake_class(fake, &(struct fake_class){.module = "app", .name = "Gate"});
    uint64_t gates[] = {fake_instance(fake, type, NULL), fake_instance(fake, type, NULL)};
    uint64_t coroutine = fake_coroutine(&aio, "busy", 50, FAKE_EXECUTING, 0);
    uint64_t id = fake_task(&aio, &(struct fake_task){.coroutine = coroutine});
    fake_run_task(&aio, id, coroutine);
    uint64_t frame = fake_generator_get_frame(fake, coroutine);
    uint64_t inner = fake_frame(fake, fake_code(fake, "query", "query", "app.py", 60),
                                FAKE_UNIT_CALL, frame, false);
    fake_thread_set_frame(fake, aio.thread, inner);
    put_manager(target, frame, gates[0]);
    put_manager(target, inner, gates[1]);
    walk(target, aio.runtime);
    const struct snapshot_task *task = find(target, id);
    assert_int_equal(task->state, SNAPSHOT_TASK_RUNNING);
    assert_int_equal(task->note_count, 0);
    assert_int_equal(task->hold_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(task->holds[i].object, gates[i]);
        assert_int_equal(task->holds[i].frame, 1 - i);
        assert_int_equal(target->snapshot->objects.items[i].holders[0].task, id);
    }
}

static void walk_with_context(struct fake_target *target, uint64_t runtime) {
    struct walk_search search = {.want_context = true};
    fake_target_open(target, runtime);
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel_thread, 1, NAN}, &search));
}

/* Only where it is asked for; by name; one that cannot be read costs itself and a note. */
static void test_context(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, fake);
    struct fake_task it = {.coroutine = fake_coroutine(&aio, "work", 70, FAKE_CREATED, 0)};
    if (!PY_HAS(&fake->layout, hamt, root))
        return;
    uint64_t words[] = {fake_context_variable(fake, "user"), fake->none,
                        fake_context_variable(fake, "request"), fake_int(fake, 7)};
    it.context = fake_context(fake, fake_bitmap_node(fake, words, 4));
    uint64_t first = fake_task(&aio, &it), second = fake_task(&aio, &it);
    words[2] = fake->none;
    it.context = fake_context(fake, fake_bitmap_node(fake, words, 4));
    uint64_t torn = fake_task(&aio, &it);
    walk(target, aio.runtime);
    assert_false(find(target, first)->has_context);
    walk_with_context(target, aio.runtime);
    const struct snapshot_task *task = find(target, first);
    assert_int_equal(task->context_count, 2);
    assert_string_equal(task->context[0].name, "request");
    assert_string_equal(task->context[0].value, "7");
    assert_string_equal(task->context[1].value, "None");
    assert_ptr_equal(find(target, second)->context, task->context);
    task = find(target, torn);
    assert_true(task->has_context);
    assert_int_equal(task->context_count, 1);
    assert_int_equal(task->note_count, 1);
}

static void test_waiting(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    walk_program(target, &aio, &program);
    const struct snapshot_task *task = find(target, program.waiting);
    assert_int_equal(task->state, SNAPSHOT_TASK_WAITING);
    expect_name(target, task, "worker");
    assert_string_equal(task->type, "_asyncio.Task");
    assert_string_equal(task->coroutine, "handle");
    assert_int_equal(task->event_loop, aio.event_loop);
    assert_int_equal(task->awaiting->kind, SNAPSHOT_WAIT_FUTURE);
    assert_string_equal(task->awaiting->type, "_asyncio.Future");
    expect_frames(task, "read", 2);
    assert_string_equal(task->frames.frames[1]->function, "handle");
    assert_int_equal(task->frames.frames[0]->line, 23);
    bool has_columns = target->fake->layout.traits.line_kind == PY_LINE_LOCATIONS;
    assert_int_equal(task->frames.frames[0]->column, has_columns ? 8 : -1);
    assert_true(task->has_created_at);
    assert_int_equal(task->created_at.count, 2);
    assert_string_equal(task->created_at.frames[1]->function, "<module>");
    assert_string_equal(task->created_at.frames[0]->function, "main");
    assert_int_equal(task->created_at.frames[0]->line, 203);
    assert_int_equal(task->created_at.frames[0]->end_column, -1);
    task = find(target, program.joining);
    assert_int_equal(task->state, SNAPSHOT_TASK_WAITING);
    assert_int_equal(task->awaiting->kind, SNAPSHOT_WAIT_TASK);
    assert_int_equal(task->awaiting->task_count, 1);
    assert_int_equal(task->awaiting->tasks[0], program.waiting);
    expect_frames(find(target, program.generators), "last", 3);
}

static void test_odd_tasks(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    walk_program(target, &aio, &program);
    expect_name(target, find(target, program.numbered), "Task-7");
    const struct snapshot_task *task = find(target, program.cyclic);
    assert_int_equal(task->note_count, 1);
    assert_string_equal(task->notes[0], "await chain: it forms a cycle");
    assert_true(task->frames.count >= 2 && task->frames.count <= 8);
    task = find(target, program.no_coroutine);
    assert_int_equal(task->note_count, 1);
    assert_string_equal(task->notes[0], "it has no coroutine");
    assert_null(task->coroutine);
    task = find(target, program.python);
    assert_string_equal(task->type, "asyncio.tasks.Task");
    assert_string_equal(task->name, "slow");
    assert_int_equal(task->state, SNAPSHOT_TASK_WAITING);
    assert_int_equal(task->cancel_requests, 2);
    expect_frames(task, "old", 1);
}

/* A task that is only awaited is found too. */
static void test_task_that_is_not_registered(struct fake_target *target) {
    struct fake_asyncio aio;
    fake_asyncio_create(&aio, target->fake);
    size_t size = (size_t)PY_OFFSET(&target->fake->layout, task, size);
    uint64_t task = fake_object(target->fake, aio.task_type, size);
    uint64_t joining = fake_task(&aio, &(struct fake_task){.fut_waiter = task});
    walk(target, aio.runtime);
    assert_int_equal(target->snapshot->tasks.count, 2);
    assert_int_equal(find(target, joining)->awaiting->tasks[0], task);
    assert_int_equal(find(target, task)->state, SNAPSHOT_TASK_READY);
}

/* A release whose C structures are not the known ones. */
static void test_unknown_size(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    fake_asyncio_create(&aio, target->fake);
    fake_program_create(&program, &aio);
    FAKE_SET(target->fake, aio.task_type, type, basicsize,
             PY_OFFSET(&target->fake->layout, task, size) + 8);
    walk(target, aio.runtime);
    expect_missing(target, "fields of _asyncio.Task", "its fields are not guessed");
    assert_false(PY_HAS(py_get_layout(target->py), task, fut_waiter));
    const struct snapshot_task *task = find(target, program.waiting);
    assert_int_equal(task->cancel_requests, SNAPSHOT_UNKNOWN);
    assert_int_equal(task->must_cancel, SNAPSHOT_MAYBE);
    assert_int_equal(task->event_loop, 0);
    assert_false(task->has_created_at);
    assert_int_not_equal(task->state, SNAPSHOT_TASK_READY); /* the absence of a field is no fact */
    assert_int_equal(task->note_count, 1);
    assert_non_null(strstr(task->notes[0], "is not known"));
    assert_int_not_equal(find(target, program.ready)->state, SNAPSHOT_TASK_READY);
}

/* Releases of 3.10 without fut_exception_tb: the sizes of Task and Future tell them. */
static void test_variant_of_a_minor(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    struct fake_python *fake = target->fake;
    const struct py_table *variant = py_table_find_variant(fake->table, PY_FIELD_task_size, 184);
    if (!variant)
        return;
    py_layout_adopt_struct(&fake->layout, variant, PY_STRUCT_task); /* the fake is such a release */
    py_layout_adopt_struct(&fake->layout, variant, PY_STRUCT_future);
    fake_asyncio_create(&aio, fake);
    fake_program_create(&program, &aio);
    struct py_layout early = fake->layout;
    for (int i = 0; i < PY_FIELD_COUNT; i++) /* what the program knows beforehand */
        fake->layout.offset[i] = fake->table->slots[i].source == PY_SLOT_CONSTANT
                                     ? (int32_t)fake->table->slots[i].constant
                                     : PY_ABSENT;
    walk(target, aio.runtime);
    assert_int_equal(target->snapshot->missing.count, 0);
    assert_string_equal(find(target, program.waiting)->name, "worker");
    assert_int_equal(find(target, program.joining)->awaiting->tasks[0], program.waiting);
    assert_int_equal(find(target, program.done)->state, SNAPSHOT_TASK_DONE);
    assert_int_equal(PY_OFFSET(py_get_layout(target->py), task, fut_waiter),
                     PY_OFFSET(&early, task, fut_waiter));
}

static void test_torn_task_list(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    const struct py_layout *layout = &target->fake->layout;
    if (!PY_HAS(layout, task, node))
        return;
    fake_asyncio_create(&aio, target->fake);
    fake_program_create(&program, &aio);
    uint64_t node = program.ready + (uint64_t)PY_OFFSET(layout, task, node);
    fake_put(target->fake, node + 8, node, 8);
    walk(target, aio.runtime);
    expect_missing(target, "tasks of a thread", "its links do not agree");
    find(target, program.not_started);
    find(target, program.running); /* the thread's current task all the same */
}

static void test_without_asyncio(struct fake_target *target) {
    uint64_t runtime = fake_runtime(target->fake);
    uint64_t second = fake_interpreter(target->fake, runtime, 1);
    uint64_t first = fake_interpreter(target->fake, runtime, 0);
    fake_thread(target->fake, first, 1, 10);
    fake_thread(target->fake, first, 2, 11);
    fake_thread(target->fake, second, 3, 12);
    walk(target, runtime);
    assert_int_equal(target->snapshot->interpreters.count, 2);
    assert_int_equal(target->snapshot->threads.count, 3);
    assert_int_equal(target->snapshot->tasks.count, 0);
    assert_int_equal(target->snapshot->missing.count, 0);
}

static void test_cycles_of_threads_and_interpreters(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t runtime = fake_runtime(fake);
    uint64_t interpreter = fake_interpreter(fake, runtime, 0);
    uint64_t thread = fake_thread(fake, interpreter, 1, 10);
    FAKE_SET(fake, thread, thread, next, thread);
    FAKE_SET(fake, interpreter, interpreter, next, interpreter);
    walk(target, runtime);
    assert_true(target->snapshot->interpreters.count >= 1);
    assert_true(target->snapshot->interpreters.count <= 4);
    assert_true(target->snapshot->threads.count <= 16);
    FAKE_SET(fake, thread, thread, interpreter, runtime);
    walk(target, runtime);
    expect_missing(target, "threads of an interpreter", "belongs to nobody");
}

FAKE_EACH_VERSION(test_thread_and_loop)
FAKE_EACH_VERSION(test_states)
FAKE_EACH_VERSION(test_retrieved)
FAKE_EACH_VERSION(test_running_holds)
FAKE_EACH_VERSION(test_context)
FAKE_EACH_VERSION(test_waiting)
FAKE_EACH_VERSION(test_odd_tasks)
FAKE_EACH_VERSION(test_task_that_is_not_registered)
FAKE_EACH_VERSION(test_unknown_size)
FAKE_EACH_VERSION(test_variant_of_a_minor)
FAKE_EACH_VERSION(test_torn_task_list)
FAKE_EACH_VERSION(test_without_asyncio)
FAKE_EACH_VERSION(test_cycles_of_threads_and_interpreters)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_thread_and_loop),
        FAKE_TEST(test_states),
        FAKE_TEST(test_retrieved),
        FAKE_TEST(test_running_holds),
        FAKE_TEST(test_context),
        FAKE_TEST(test_waiting),
        FAKE_TEST(test_odd_tasks),
        FAKE_TEST(test_task_that_is_not_registered),
        FAKE_TEST(test_unknown_size),
        FAKE_TEST(test_variant_of_a_minor),
        FAKE_TEST(test_torn_task_list),
        FAKE_TEST(test_without_asyncio),
        FAKE_TEST(test_cycles_of_threads_and_interpreters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
