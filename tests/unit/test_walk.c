/* The whole walk over a fake interpreter of every version, and what faults make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../support/fake_server.h"

/* Runs `test` for every table in offsets/. */
static void for_every_table(void (*test)(const struct py_table *table)) {
    size_t count = 0;
    for (; py_table_get(count); count++)
        test(py_table_get(count));
    assert_true(count >= 5);
}

static void walk(struct fake_interpreter *fake, struct snapshot *snapshot) {
    struct error *err = fake_server_walk(fake, snapshot);
    if (err)
        fail_msg("%s", error_get_message(err));
}

static void check_task(const struct fake_interpreter *fake, const struct snapshot *snapshot,
                       enum fake_server_task which, const char *name,
                       enum snapshot_task_state state, size_t frames) {
    const struct snapshot_task *task = fake_server_find(fake, snapshot, which);
    assert_non_null(task);
    assert_string_equal(task->name, name);
    assert_string_equal(task->type, "_asyncio.Task");
    assert_int_equal(task->state, state);
    assert_int_equal(task->frames.count, frames);
    assert_int_equal(task->event_loop, fake->loop);
}

static void check_waiting(const struct fake_interpreter *fake, const struct snapshot *snapshot) {
    const struct snapshot_task *task = fake_server_find(fake, snapshot, SERVER_WAITING);
    const struct snapshot_frame *inner = task->frames.frames[0], *outer = task->frames.frames[1];
    assert_string_equal(inner->qualified_name, "inner");
    assert_int_equal(inner->line, 21); /* instruction 9 is the second entry of the line table */
    assert_string_equal(outer->qualified_name, "outer");
    assert_int_equal(outer->line, 11);
    assert_string_equal(outer->file, "/srv/app.py");
    assert_int_equal(outer->column, -1);
    assert_string_equal(task->coroutine, "outer");
    assert_int_equal(task->awaiting->kind, SNAPSHOT_WAIT_FUTURE);
    assert_int_equal(task->note_count, 0);
}

static void check_states(const struct py_table *table) {
    struct fake_interpreter *fake = fake_server_create(table);
    struct snapshot *snapshot = snapshot_create();
    walk(fake, snapshot);
    assert_int_equal(snapshot->tasks.count, SERVER_TASK_COUNT);
    assert_int_equal(snapshot->missing.count, 0);
    check_task(fake, snapshot, SERVER_WAITING, "worker", SNAPSHOT_TASK_WAITING, 2);
    check_waiting(fake, snapshot);
    check_task(fake, snapshot, SERVER_NOT_STARTED, "Task-7", SNAPSHOT_TASK_NOT_STARTED, 1);
    check_task(fake, snapshot, SERVER_ON_TASK, "waiter", SNAPSHOT_TASK_WAITING, 1);
    check_task(fake, snapshot, SERVER_READY, "ready", SNAPSHOT_TASK_READY, 1);
    check_task(fake, snapshot, SERVER_RUNNING, "busy", SNAPSHOT_TASK_RUNNING, 1);
    check_task(fake, snapshot, SERVER_DONE, "done", SNAPSHOT_TASK_DONE, 0);
    check_task(fake, snapshot, SERVER_CANCELLED, "cancelled", SNAPSHOT_TASK_CANCELLED, 0);
    check_task(fake, snapshot, SERVER_IMPOSTOR, "impostor", SNAPSHOT_TASK_WAITING, 1);
    assert_null(fake_server_find(fake, snapshot, SERVER_READY)->awaiting);
    assert_int_equal(fake_server_find(fake, snapshot, SERVER_RUNNING)->tid, 4242);
    snapshot_destroy(snapshot);
    fake_interpreter_destroy(fake);
}

static void test_states(void **state) {
    (void)state;
    for_every_table(check_states);
}

static void check_damage(const struct py_table *table) {
    struct fake_interpreter *fake = fake_server_create(table);
    struct snapshot *snapshot = snapshot_create();
    walk(fake, snapshot);
    const struct snapshot_task *cycle = fake_server_find(fake, snapshot, SERVER_CYCLE);
    assert_int_equal(cycle->note_count, 1);
    assert_non_null(strstr(cycle->notes[0], "cycle"));
    assert_true(cycle->frames.count < 20);
    const struct snapshot_task *none = fake_server_find(fake, snapshot, SERVER_NO_COROUTINE);
    assert_int_equal(none->note_count, 1);
    assert_string_equal(none->notes[0], "it has no coroutine");
    const struct snapshot_task *waiter = fake_server_find(fake, snapshot, SERVER_ON_TASK);
    assert_int_equal(waiter->awaiting->kind, SNAPSHOT_WAIT_TASK);
    assert_int_equal(waiter->awaiting->tasks[0], fake->tasks[SERVER_WAITING]);
    snapshot_destroy(snapshot);
    fake_interpreter_destroy(fake);
}

static void test_damage(void **state) {
    (void)state;
    for_every_table(check_damage);
}

static void check_thread(const struct py_table *table) {
    struct fake_interpreter *fake = fake_server_create(table);
    struct snapshot *snapshot = snapshot_create();
    walk(fake, snapshot);
    assert_int_equal(snapshot->threads.count, 1);
    const struct snapshot_thread *thread = &snapshot->threads.items[0];
    assert_int_equal(thread->tid, 4242);
    assert_int_equal(thread->ident, 0x7000);
    assert_string_equal(thread->kernel_name, "python3");
    assert_string_equal(thread->syscall, "epoll_wait");
    assert_int_equal(thread->holds_gil, SNAPSHOT_NO);
    assert_int_equal(thread->current_task, fake->tasks[SERVER_RUNNING]);
    assert_int_equal(thread->frames.count, 1);
    assert_int_equal(snapshot->interpreters.count, 1);
    assert_int_equal(snapshot->interpreters.items[0].gc_collecting, SNAPSHOT_NO);
    snapshot_destroy(snapshot);
    fake_interpreter_destroy(fake);
}

static void test_thread(void **state) {
    (void)state;
    for_every_table(check_thread);
}

/* An unknown release: the type says another size than the table. */
static void check_unknown_size(const struct py_table *table) {
    struct fake_interpreter *fake = fake_server_create(table);
    struct snapshot *snapshot = snapshot_create();
    fake_interpreter_put(fake, fake->types[FAKE_TASK], PY_FIELD_type_basicsize, 4000, 8);
    walk(fake, snapshot);
    assert_int_equal(snapshot->missing.count, 1);
    assert_string_equal(snapshot->missing.items[0].what, "fields of _asyncio.Task");
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        assert_null(snapshot->tasks.items[i].awaiting); /* not guessed */
    snapshot_destroy(snapshot);
    fake_interpreter_destroy(fake);
}

static void test_unknown_size(void **state) {
    (void)state;
    for_every_table(check_unknown_size);
}

static size_t count_losses(const struct snapshot *snapshot) {
    size_t losses = snapshot->missing.count;
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        losses += snapshot->tasks.items[i].note_count;
    return losses;
}

/* Every page that the walk reads fails once. Each fault is seen: in the tasks, the notes or the
 * rows of what is missing; and the walk goes on. */
static void check_every_fault(const struct py_table *table) {
    struct fake_interpreter *fake = fake_server_create(table);
    struct snapshot *snapshot = snapshot_create();
    walk(fake, snapshot);
    size_t losses = count_losses(snapshot), harmless = 0;
    uint64_t reads = fake_memory_get_page_reads(fake->memory), n = 1;
    for (; n <= reads; n++) {
        snapshot_reset(snapshot);
        fake_memory_fail_at(fake->memory, n);
        walk(fake, snapshot);
        harmless += count_losses(snapshot) <= losses;
    }
    assert_true(n > 50);
    /* A fault of a page that was fetched beside the wanted one costs nothing. */
    assert_true(harmless < reads / 2);
    snapshot_destroy(snapshot);
    fake_interpreter_destroy(fake);
}

static void test_every_fault(void **state) {
    (void)state;
    for_every_table(check_every_fault);
}

/* A target whose memory is noise, from the n-th page on: the walk ends, with or without an error.
 */
static void check_noise(const struct py_table *table) {
    struct snapshot *snapshot = snapshot_create();
    for (unsigned round = 0; round < 300; round++) {
        struct fake_interpreter *fake = fake_server_create(table);
        srand(round);
        for (unsigned i = 0; i < 40; i++) {
            uint64_t span = fake->next - UINT64_C(0x500000000000);
            uint64_t at = UINT64_C(0x500000000000) + (uint64_t)rand() * 8 % span;
            unsigned char *byte = fake_memory_at(fake->memory, at);
            if (byte)
                *byte = (unsigned char)rand();
        }
        snapshot_reset(snapshot);
        error_destroy(fake_server_walk(fake, snapshot));
        fake_interpreter_destroy(fake);
    }
    snapshot_destroy(snapshot);
}

static void test_noise(void **state) {
    (void)state;
    for_every_table(check_noise);
}

static void check_random_reads(const struct py_table *table) {
    struct fake_interpreter *fake = fake_server_create(table);
    struct snapshot *snapshot = snapshot_create();
    for (uint64_t seed = 1; seed < 200; seed++) {
        snapshot_reset(snapshot);
        fake_memory_randomize(fake->memory, seed);
        error_destroy(fake_server_walk(fake, snapshot));
    }
    snapshot_destroy(snapshot);
    fake_interpreter_destroy(fake);
}

static void test_random_reads(void **state) {
    (void)state;
    for_every_table(check_random_reads);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),       cmocka_unit_test(test_damage),
        cmocka_unit_test(test_thread),       cmocka_unit_test(test_unknown_size),
        cmocka_unit_test(test_every_fault),  cmocka_unit_test(test_noise),
        cmocka_unit_test(test_random_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
