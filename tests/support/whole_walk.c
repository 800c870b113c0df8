#include "whole_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/capture/walk.h"
#include "asyncspy/snapshot/json.h"
#include "fake_asyncio.h"

static const struct target_thread kernel_thread = {
    .tid = 4711, .namespace_tid = 4711, .name = "python3", .state = 'R', .syscall = -1};

uint64_t whole_program(struct fake_target *target) {
    struct fake_asyncio aio;
    struct fake_program program;
    fake_asyncio_create(&aio, target->fake);
    fake_program_create(&program, &aio);
    return aio.runtime;
}

static void tally(const struct snapshot *snapshot, struct whole_walk *result) {
    result->tally = (struct whole_tally){.interpreters = snapshot->interpreters.count,
                                         .threads = snapshot->threads.count,
                                         .loops = snapshot->event_loops.count,
                                         .tasks = snapshot->tasks.count};
    result->missing = snapshot->missing.count;
    for (size_t i = 0; i < snapshot->threads.count; i++)
        result->tally.frames += snapshot->threads.items[i].frames.count;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        for (size_t j = 0; j < task->note_count; j++)
            for (const char *at = task->notes[j]; *at; at++)
                result->notes = result->notes * 31 + (unsigned char)*at;
        result->tally.frames += task->frames.count;
        result->tally.states = result->tally.states * 31 + (uint64_t)task->state;
    }
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

struct whole_walk whole_walk_take(struct py *py, struct snapshot *snapshot) {
    struct whole_walk result = {.json = NULL};
    snapshot_reset(snapshot);
    struct walk_search search = {0};
    struct error *err =
        walk_interpreters(py, snapshot, &(struct walk_kernel){&kernel_thread, 1, NAN}, &search);
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
    if (result->missing || result->notes != whole->notes)
        return;
    if (memcmp(&result->tally, &whole->tally, sizeof whole->tally) != 0)
        fail_msg("a fault at page %llu costs something without a word", (unsigned long long)n);
}
