#include "whole_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/syscall.h>

#include "../../src/capture/walk.h"
#include "asyncspy/snapshot/json.h"
#include "fake_server.h"

#define STATES (-1) /* the program with a task in every state, beside the parts of a server */

static const char *const names[] = {
    [FAKE_SERVER_LOCKS] = "locks",     [FAKE_SERVER_FUTURES] = "futures",
    [FAKE_SERVER_FILES] = "files",     [FAKE_SERVER_POOLS] = "pools",
    [FAKE_SERVER_THREADS] = "threads", [FAKE_SERVER_DETOURS] = "detours"};

static struct whole_program make_program(struct fake_target *target, int part) {
    struct fake_asyncio aio;
    struct fake_program program;
    fake_asyncio_create(&aio, target->fake);
    struct whole_program whole = {.name = part == STATES ? "states" : names[part],
                                  .is_part = part != STATES,
                                  .runtime = aio.runtime};
    if (part == STATES) {
        fake_program_create(&program, &aio);
        return whole;
    }
    whole.first_block = target->fake->block_count;
    whole.futex = fake_server_create(&aio, (enum fake_server_part)part);
    return whole;
}

void whole_each_program(void (*test)(struct fake_target *target,
                                     const struct whole_program *program)) {
    const struct py_table *table;
    for (size_t i = 0; (table = py_table_get(i)); i++) {
        for (int part = STATES; part < FAKE_SERVER_PART_COUNT; part++) {
            struct fake_target target = fake_target_create(table);
            struct whole_program program = make_program(&target, part);
            print_message("             with the layout of 3.%u: %s\n", table->minor, program.name);
            fake_target_open(&target, program.runtime);
            test(&target, &program);
            fake_target_free(&target);
        }
    }
}

/* --- how much a walk found --- */

static void mix(uint64_t *mixed, uint64_t value) {
    *mixed = *mixed * 31 + value;
}

static uint64_t is_known(double seconds) {
    return isnan(seconds) ? 0u : 1u;
}

static void tally_wait(const struct snapshot_wait *wait, struct whole_tally *ret) {
    mix(&ret->waits, wait != NULL);
    if (!wait)
        return;
    mix(&ret->waits, (uint64_t)wait->kind);
    mix(&ret->waits, wait->task_count);
    mix(&ret->waits, wait->object != 0);
    mix(&ret->waits, is_known(wait->deadline_s));
    mix(&ret->waits, (uint64_t)wait->has_timeout);
    mix(&ret->waits, (uint64_t)(wait->fd ^ wait->tid ^ wait->pid ^ wait->position));
    mix(&ret->waits, (uint64_t)(wait->done ^ wait->total));
    mix(&ret->waits, wait->callee != NULL);
}

static void tally_task(const struct snapshot_task *task, struct whole_walk *result) {
    for (size_t i = 0; i < task->note_count; i++)
        for (const char *at = task->notes[i]; *at; at++)
            mix(&result->notes, (unsigned char)*at);
    result->tally.frames += task->frames.count;
    result->tally.holds += task->hold_count;
    mix(&result->tally.states, (uint64_t)task->state);
    tally_wait(task->awaiting, &result->tally);
}

static void tally_object(const struct snapshot_object *object, struct whole_tally *ret) {
    ret->facts += object->fact_count;
    ret->holders += object->holder_count;
    ret->waiters += object->waiter_count;
}

static void tally_loop(const struct snapshot_loop *loop, struct whole_tally *ret) {
    mix(&ret->runs, (uint64_t)loop->state);
    mix(&ret->runs, is_known(loop->iteration_age_s));
    mix(&ret->runs, (uint64_t)(loop->callback_index ^ loop->callback_count));
    mix(&ret->runs, loop->callback != NULL);
    mix(&ret->runs, (uint64_t)(loop->ready ^ loop->timers ^ loop->overdue_timers));
    mix(&ret->runs, is_known(loop->overdue_s));
    mix(&ret->runs, (uint64_t)(loop->executor.max_workers ^ loop->executor.busy));
    mix(&ret->runs, (uint64_t)(loop->executor.idle ^ loop->executor.queued));
}

static void tally(const struct snapshot *snapshot, struct whole_walk *result) {
    result->tally = (struct whole_tally){.interpreters = snapshot->interpreters.count,
                                         .threads = snapshot->threads.count,
                                         .loops = snapshot->event_loops.count,
                                         .tasks = snapshot->tasks.count,
                                         .objects = snapshot->objects.count};
    result->missing = snapshot->missing.count;
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads.items[i];
        result->gaps += thread->tid == SNAPSHOT_UNKNOWN || !thread->frames.count;
        result->tally.frames += thread->frames.count;
        tally_wait(thread->awaiting, &result->tally);
    }
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        tally_task(&snapshot->tasks.items[i], result);
    for (size_t i = 0; i < snapshot->objects.count; i++)
        tally_object(&snapshot->objects.items[i], &result->tally);
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        tally_loop(&snapshot->event_loops.items[i], &result->tally);
}

static char *write_json(const struct snapshot *snapshot) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    fake_expect_success(snapshot_json_write(snapshot, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

struct whole_walk whole_walk_take(struct py *py, struct snapshot *snapshot,
                                  const struct whole_program *program) {
    const struct target_thread threads[] = {
        {.tid = 4711, .namespace_tid = 4711, .name = "python3", .state = 'R', .syscall = -1},
        {.tid = FAKE_SERVER_WAITER,
         .namespace_tid = FAKE_SERVER_WAITER,
         .syscall = program->futex ? SYS_futex : -1,
         .arguments = {program->futex}},
        {.tid = FAKE_SERVER_WORKER, .namespace_tid = FAKE_SERVER_WORKER, .syscall = -1},
        {.tid = FAKE_SERVER_JOINER, .namespace_tid = FAKE_SERVER_JOINER, .syscall = -1},
    };
    const struct walk_kernel kernel = {threads, sizeof threads / sizeof *threads, FAKE_SERVER_NOW};
    struct whole_walk result = {.json = NULL};
    struct walk_search search = {0};
    snapshot_reset(snapshot);
    struct error *err = walk_interpreters(py, snapshot, &kernel, &search);
    tally(snapshot, &result);
    if (err)
        result.error = error_get_kind(err);
    else
        result.json = write_json(snapshot);
    error_destroy(err);
    return result;
}

void whole_walk_check_told(const struct whole_walk *result, const struct whole_walk *whole,
                           uint64_t n) {
    if (result->missing || result->gaps || result->notes != whole->notes)
        return;
    if (memcmp(&result->tally, &whole->tally, sizeof whole->tally) != 0)
        fail_msg("a fault at page %llu costs something without a word", (unsigned long long)n);
}
