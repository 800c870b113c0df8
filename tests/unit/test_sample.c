/* Samples of a fake program: what has changed is read, what has not is what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_samples.h"

#define ENOUGH_WORK 20000000

struct fixture {
    struct fake_samples samples;
    struct fake_asyncio aio;
    struct fake_program program;
    struct fake_python *fake;
};

static void set_up(struct fixture *f, struct fake_target *target) {
    f->fake = target->fake;
    fake_python_add_metatype(f->fake);
    fake_asyncio_create(&f->aio, f->fake);
    fake_program_create(&f->program, &f->aio);
    fake_samples_open(&f->samples, target, f->aio.runtime);
    fake_samples_look(&f->samples);
}

static uint64_t get_version(const struct fixture *f, uint64_t task) {
    return fake_samples_task(&f->samples, task)->version;
}

static bool is_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* --- as a walk has it --- */

static void check_task(const struct fixture *f, const struct snapshot_task *walked) {
    const struct snapshot_task *task = &fake_samples_task(&f->samples, walked->id)->task;
    assert_true(is_text(task->name, walked->name));
    assert_true(is_text(task->coroutine, walked->coroutine));
    assert_int_equal(task->state, walked->state);
    assert_int_equal(task->tid, walked->tid);
    assert_true(task->event_loop == walked->event_loop);
    assert_int_equal(task->frames.count, walked->frames.count);
    for (size_t i = 0; i < task->frames.count; i++) {
        assert_string_equal(task->frames.frames[i]->function, walked->frames.frames[i]->function);
        assert_int_equal(task->frames.frames[i]->line, walked->frames.frames[i]->line);
    }
    assert_int_equal(task->awaiting != NULL, walked->awaiting != NULL);
    if (task->awaiting)
        assert_int_equal(task->awaiting->kind, walked->awaiting->kind);
}

/* The same memory, walked afresh. */
static void check_against_walk(const struct fixture *f) {
    struct memory_source source = fake_memory_source(f->fake->memory);
    struct target_memory *memory = memory_create(&source);
    struct py *py = fake_python_open(f->fake, memory, f->aio.runtime);
    struct snapshot *snapshot = snapshot_create();
    struct walk_search search = {0};
    const struct target_thread thread = {
        .tid = 4711, .namespace_tid = 4711, .state = 'R', .syscall = -1};
    uint64_t failed;
    fake_expect_success(
        walk_interpreters(py, snapshot, &(struct walk_kernel){&thread, 1, 1000}, &search));
    assert_int_equal(snapshot->tasks.count,
                     aio_memo_get_tasks(f->samples.looks.items[0].memo, &failed)->count);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        check_task(f, &snapshot->tasks.items[i]);
    snapshot_destroy(snapshot);
    py_destroy(py);
    memory_destroy(memory);
}

static void test_is_what_a_walk_finds(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    check_against_walk(&f);
    fake_samples_look(&f.samples);
    check_against_walk(&f);
    fake_samples_look_again(&f.samples);
    fake_samples_look_running(&f.samples);
    check_against_walk(&f);
    fake_samples_close(&f.samples);
}

/* --- only what has changed is read --- */

/* Fails unless of all tasks but the running one only `changed` (0: none) is read in the next look,
 * which then is what a walk finds. */
static void expect_only(struct fixture *f, uint64_t changed) {
    const struct fake_program *p = &f->program;
    const uint64_t tasks[] = {p->not_started, p->waiting,  p->ready,        p->joining,
                              p->done,        p->numbered, p->no_coroutine, p->python,
                              p->generators,  p->cancelled};
    uint64_t versions[sizeof tasks / sizeof *tasks];
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        versions[i] = get_version(f, tasks[i]);
    fake_samples_look(&f->samples);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if ((tasks[i] != p->joining || changed != p->waiting) && /* the one waits for the other */
            !fake_samples_task(&f->samples, tasks[i])->task.note_count) /* it is tried again */
            assert_int_equal(get_version(f, tasks[i]), versions[i] + (tasks[i] == changed));
    check_against_walk(f);
}

static void test_only_what_changed_is_read(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    expect_only(&f, 0);
    uint64_t waiting = f.program.waiting;
    if (PY_HAS(&f.fake->layout, task, name)) {
        FAKE_SET(f.fake, waiting, task, name, fake_str(f.fake, "renamed"));
        expect_only(&f, waiting);
        assert_string_equal(fake_samples_task(&f.samples, waiting)->task.name, "renamed");
    }
    uint64_t ready = f.program.ready;
    uint64_t coroutine = fake_coroutine(&f.aio, "other", 300, FAKE_CREATED, 0);
    FAKE_SET(f.fake, ready, task, coroutine, coroutine);
    expect_only(&f, ready);
    assert_int_equal(fake_samples_task(&f.samples, ready)->task.state, SNAPSHOT_TASK_NOT_STARTED);
    FAKE_SET(f.fake, f.program.not_started, task, state, FAKE_FINISHED_STATE);
    expect_only(&f, f.program.not_started);
    expect_only(&f, 0);
    fake_samples_close(&f.samples);
}

/* What it waits for, too, is a part of what was read. */
static void test_future_is_done(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    uint64_t future = FAKE_GET(f.fake, f.program.waiting, task, fut_waiter);
    uint64_t version = get_version(&f, f.program.waiting);
    FAKE_SET(f.fake, f.program.waiting, task, fut_waiter, 0);
    FAKE_SET(f.fake, future, future, state, FAKE_FINISHED_STATE);
    fake_samples_look(&f.samples);
    assert_int_equal(get_version(&f, f.program.waiting), version + 1);
    check_against_walk(&f);
    fake_samples_close(&f.samples);
}

static void test_frame_goes_on(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    uint64_t task = f.program.waiting, version = get_version(&f, task);
    uint64_t coroutine = FAKE_GET(f.fake, task, task, coroutine);
    uint64_t frame = fake_generator_get_frame(f.fake, coroutine);
    if (PY_HAS(&f.fake->layout, frame, instruction))
        FAKE_SET(f.fake, frame, frame, instruction,
                 FAKE_GET(f.fake, frame, frame, instruction) - 12);
    else
        FAKE_SET(f.fake, frame, frame, lasti, FAKE_GET(f.fake, frame, frame, lasti) - 2);
    fake_samples_look(&f.samples);
    assert_int_equal(get_version(&f, task), version + 1);
    check_against_walk(&f);
    fake_samples_close(&f.samples);
}

/* --- what runs --- */

/* It stopped in the first of two looks at one moment: both are told. */
static void test_task_stops_between_two_looks(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    fake_samples_add(&f.samples, false);
    uint64_t running = f.program.running;
    FAKE_SET(f.fake, running, task, coroutine,
             fake_coroutine(&f.aio, "busy", 50, FAKE_SUSPENDED_AWAIT, f.fake->none));
    fake_thread_set_frame(f.fake, f.aio.thread, f.aio.step_frame);
    if (PY_HAS(&f.fake->layout, thread, asyncio_running_task))
        FAKE_SET(f.fake, f.aio.thread, thread, asyncio_running_task, 0);
    else
        fake_dict_set(f.fake, f.aio.tasks_module, "_current_tasks", fake_dict(f.fake, false));
    fake_samples_look_running(&f.samples);
    fake_samples_look_running(&f.samples);
    const struct recording_sample *sample = fake_samples_add_running(&f.samples, false);
    size_t found = 0;
    for (size_t i = 0; i < sample->task_count; i++) {
        assert_int_not_equal(sample->tasks[i]->state, SNAPSHOT_TASK_RUNNING);
        found += sample->tasks[i]->id == running;
    }
    assert_int_equal(found, 1);
    fake_samples_close(&f.samples);
}

static void test_verifies(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    const struct aio_memo *memo = f.samples.looks.items[0].memo;
    fake_expect_success(py_look(target->py, MEMORY_LOOK_AT_RECENT));
    assert_false(aio_sample_verify(target->py, memo, true)); /* what cannot be read is doubted */
    FAKE_SET(f.fake, f.program.waiting, task, state, FAKE_FINISHED_STATE);
    fake_samples_look(&f.samples);
    FAKE_SET(f.fake, f.program.waiting, task, state, FAKE_PENDING);
    fake_samples_look(&f.samples);
    assert_false(fake_samples_task(&f.samples, f.program.waiting)->is_verified);
    fake_expect_success(py_look(target->py, MEMORY_LOOK_AT_RECENT));
    assert_false(aio_sample_verify(target->py, memo, false)); /* one runs */
    assert_true(fake_samples_task(&f.samples, f.program.waiting)->is_verified);
    assert_false(fake_samples_task(&f.samples, f.program.running)->is_verified);
    assert_true(aio_sample_verify(target->py, memo, true));
    FAKE_SET(f.fake, f.program.ready, task, state, FAKE_FINISHED_STATE);
    fake_samples_look(&f.samples);
    assert_false(fake_samples_task(&f.samples, f.program.ready)->is_verified);
    FAKE_SET(f.fake, f.program.ready, task, state, FAKE_CANCELLED);
    fake_expect_success(py_look(target->py, MEMORY_LOOK_AT_RECENT));
    assert_false(aio_sample_verify(target->py, memo, true));
    assert_false(fake_samples_task(&f.samples, f.program.ready)->is_verified);
    fake_samples_look_again(&f.samples);
    assert_int_equal(fake_samples_task(&f.samples, f.program.ready)->task.state,
                     SNAPSHOT_TASK_CANCELLED);
    fake_samples_close(&f.samples);
}

/* --- nothing is shown that is over --- */

static bool shows(const struct aio_sampled_task *it, const char *function) {
    for (size_t i = 0; i < it->task.frames.count; i++)
        if (strcmp(it->task.frames.frames[i]->function, function) == 0)
            return true;
    return false;
}

static uint64_t get_code(const struct fixture *f, uint64_t task) {
    uint64_t coroutine = FAKE_GET(f->fake, task, task, coroutine);
    uint64_t frame = fake_generator_get_frame(f->fake, coroutine);
    return FAKE_GET(f->fake, frame, frame, code) & ~UINT64_C(3);
}

static void test_code_is_replaced(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    uint64_t code = get_code(&f, f.program.running);
    fake_samples_look(&f.samples);
    assert_false(py_renew_lasting(target->py));
    assert_true(shows(fake_samples_task(&f.samples, f.program.running), "busy"));
    FAKE_SET(f.fake, code, code, name, fake_str(f.fake, "other"));
    fake_samples_look_running(&f.samples);
    assert_false(shows(fake_samples_task(&f.samples, f.program.running), "busy"));
    fake_samples_look(&f.samples);
    assert_true(py_renew_lasting(target->py));
    fake_samples_look(&f.samples);
    assert_true(shows(fake_samples_task(&f.samples, f.program.running), "other"));
    fake_samples_close(&f.samples);
}

static void test_type_is_replaced(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    uint64_t name = FAKE_GET(f.fake, f.aio.task_type, type, name);
    fake_put_bytes(f.fake, name, "_asyncio.Mask", 13);
    fake_samples_look(&f.samples);
    assert_true(py_renew_lasting(target->py));
    fake_samples_close(&f.samples);
}

/* A type stays one that is watched when it was met on the way to something that is no code. */
static void test_type_met_on_a_way_to_nowhere(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    uint64_t type = fake_class(f.fake, &(struct fake_class){.module = "app", .name = "Odd"});
    uint64_t object = fake_instance(f.fake, type, NULL);
    uint64_t coroutine = FAKE_GET(f.fake, f.program.waiting, task, coroutine);
    uint64_t frame = fake_generator_get_frame(f.fake, coroutine);
    uint64_t word = FAKE_GET(f.fake, frame, frame, code);
    FAKE_SET(f.fake, frame, frame, code, object);
    fake_samples_look(&f.samples);
    FAKE_SET(f.fake, frame, frame, code, word);
    fake_samples_look(&f.samples);
    assert_false(py_renew_lasting(target->py));
    FAKE_SET(f.fake, type, type, basicsize, 4096);
    fake_samples_look(&f.samples);
    assert_true(py_renew_lasting(target->py));
    fake_samples_close(&f.samples);
}

/* --- registries --- */

/* The sets cannot be read, the list is cut. */
static void test_torn_registry_loses_nothing(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    const uint64_t sets[] = {f.aio.weak_set, f.aio.python_weak_set};
    uint64_t tables[2];
    for (size_t i = 0; i < 2; i++) {
        tables[i] = sets[i] ? FAKE_GET(f.fake, sets[i], set, table) : 0;
        if (sets[i])
            FAKE_SET(f.fake, sets[i], set, table, 0x123000);
    }
    uint64_t head = 0, first = 0;
    if (PY_HAS(&f.fake->layout, task, node)) {
        head = f.aio.thread + (uint64_t)PY_OFFSET(&f.fake->layout, thread, asyncio_tasks_head);
        first = fake_get(f.fake, head, 8);
        fake_put(f.fake, head, 0x123000, 8);
    }
    for (int i = 0; i < 3; i++) {
        fake_samples_look(&f.samples);
        fake_samples_task(&f.samples, f.program.waiting);
        fake_samples_task(&f.samples, f.program.python);
        fake_samples_task(&f.samples, f.program.done);
    }
    for (size_t i = 2; i-- > 0;) /* both may be one */
        if (sets[i])
            FAKE_SET(f.fake, sets[i], set, table, tables[i]);
    if (head)
        fake_put(f.fake, head, first, 8);
    fake_samples_look(&f.samples);
    check_against_walk(&f);
    fake_samples_close(&f.samples);
}

/* --- hostile memory --- */

static void look_in_all_ways(struct fixture *f) {
    fake_samples_look(&f->samples);
    fake_samples_look_again(&f->samples);
    fake_samples_add(&f->samples, false);
    fake_samples_look_running(&f->samples);
    fake_samples_add_running(&f->samples, true);
}

static void test_fault_at_every_page(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    uint64_t n = 0;
    for (bool reached = true; reached; n++) {
        fake_samples_begin_epoch(&f.samples);
        uint64_t before = fake_memory_get_page_reads(f.fake->memory);
        fake_memory_fail_at(f.fake->memory, n + 1);
        look_in_all_ways(&f);
        reached = fake_memory_get_page_reads(f.fake->memory) - before > n;
    }
    assert_true(n > 100);
    fake_memory_fail_at(f.fake->memory, 0);
    fake_samples_look(&f.samples);
    check_against_walk(&f);
    fake_samples_close(&f.samples);
}

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* Sets words of all objects to some object, to themselves, or to anything. */
static size_t confuse(struct fixture *f, uint64_t *seed, uint64_t *places, uint64_t *words,
                      size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct fake_block *block = &f->fake->blocks[next_random(seed) % f->fake->block_count];
        const struct fake_block *other = &f->fake->blocks[next_random(seed) % f->fake->block_count];
        places[i] = block->start + 8 * (next_random(seed) % ((block->end - block->start) / 8));
        words[i] = fake_get(f->fake, places[i], 8);
        uint64_t values[] = {other->start + 64, block->start + 64, next_random(seed)};
        fake_put(f->fake, places[i], values[next_random(seed) % 3], 8);
    }
    return count;
}

static void test_confused_memory(struct fake_target *target) {
    struct fixture f;
    uint64_t seed = target->fake->table->minor, places[40], words[40];
    set_up(&f, target);
    py_set_walk_units(target->py, ENOUGH_WORK);
    for (int round = 0; round < 150; round++) {
        size_t count = confuse(&f, &seed, places, words, 1 + next_random(&seed) % 40);
        look_in_all_ways(&f);
        while (count-- > 0)
            fake_put(f.fake, places[count], words[count], 8);
        look_in_all_ways(&f);
        if (round % 10 == 0)
            fake_samples_begin_epoch(&f.samples);
    }
    fake_samples_begin_epoch(&f.samples);
    fake_samples_look(&f.samples);
    check_against_walk(&f);
    fake_samples_close(&f.samples);
}

FAKE_EACH_VERSION(test_is_what_a_walk_finds)
FAKE_EACH_VERSION(test_only_what_changed_is_read)
FAKE_EACH_VERSION(test_future_is_done)
FAKE_EACH_VERSION(test_frame_goes_on)
FAKE_EACH_VERSION(test_task_stops_between_two_looks)
FAKE_EACH_VERSION(test_verifies)
FAKE_EACH_VERSION(test_code_is_replaced)
FAKE_EACH_VERSION(test_type_is_replaced)
FAKE_EACH_VERSION(test_type_met_on_a_way_to_nowhere)
FAKE_EACH_VERSION(test_torn_registry_loses_nothing)
FAKE_EACH_VERSION(test_fault_at_every_page)
FAKE_EACH_VERSION(test_confused_memory)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_is_what_a_walk_finds),
        FAKE_TEST(test_only_what_changed_is_read),
        FAKE_TEST(test_future_is_done),
        FAKE_TEST(test_frame_goes_on),
        FAKE_TEST(test_task_stops_between_two_looks),
        FAKE_TEST(test_verifies),
        FAKE_TEST(test_code_is_replaced),
        FAKE_TEST(test_type_is_replaced),
        FAKE_TEST(test_type_met_on_a_way_to_nowhere),
        FAKE_TEST(test_torn_registry_loses_nothing),
        FAKE_TEST(test_fault_at_every_page),
        FAKE_TEST(test_confused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
