/*
 * Random recordings: a profile says the same as going over every task, thread and loop of every
 * sample, slowly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/profile_text.h"
#include "../support/recorded.h"
#include "asyncspy/analysis/profile.h"
#include "asyncspy/base/table.h"

#define ROUNDS 60
#define SAMPLES 40
#define TASKS 12
#define THREADS 4

struct total {
    double weight_s;
    uint64_t samples;
};

/* What the slow way has found: from the text of a stack to a `total`. */
struct slow {
    struct arena *arena;
    struct table *table;
    struct total all;
    size_t stacks;
};

static unsigned pick(unsigned *seed, unsigned below) {
    *seed = *seed * 1103515245U + 12345U;
    return (*seed >> 16) % below;
}

static void add(struct slow *slow, const char *text, double weight_s) {
    struct total *total = table_find(slow->table, text, strlen(text));
    if (!total) {
        total = arena_alloc(slow->arena, sizeof *total);
        table_add(slow->table, text, strlen(text), total);
        slow->stacks++;
    }
    total->weight_s += weight_s;
    total->samples++;
    slow->all.weight_s += weight_s;
    slow->all.samples++;
}

/* --- the recording --- */

static const char *const stacks[] = {
    "",         "f a.py:1",          "g a.py:2; f a.py:1",
    "f a.py:3", "<locals>.f a.py:3", "sleep /lib/python3.11/asyncio/tasks.py:3; f a.py:1"};

static const struct recording_wait *pick_wait(struct recorded *recorded, unsigned *seed) {
    static const char *const objects[] = {"Lock#1", "Lock#2", "Lock#3"};
    switch (pick(seed, 4)) {
    case 0:
        return NULL;
    case 1:
        return recorded_wait(recorded, SNAPSHOT_WAIT_SLEEP, NULL, NULL);
    default:
        return recorded_wait(recorded, SNAPSHOT_WAIT_LOCK, objects[pick(seed, 3)],
                             pick(seed, 2) ? "pool" : NULL);
    }
}

static void change_task(struct recorded *recorded, unsigned *seed) {
    uint64_t number = 1 + pick(seed, TASKS);
    if (!pick(seed, 4)) {
        recorded_drop_task(recorded, number);
        return;
    }
    struct recording_task task = recorded_task(recorded, number);
    task.state = (enum snapshot_task_state)pick(seed, SNAPSHOT_TASK_STATE_COUNT);
    task.stack = recorded_stack(recorded, stacks[pick(seed, 6)]);
    task.wait = pick_wait(recorded, seed);
    task.awaited_by = pick(seed, TASKS + 2);
    recorded_set_task(recorded, &task);
}

static enum snapshot_tristate pick_tristate(unsigned *seed) {
    return (enum snapshot_tristate)((int)pick(seed, 3) - 1);
}

static void set_threads(struct recorded *recorded, unsigned *seed, double time_s) {
    struct recording_thread threads[THREADS];
    size_t count = pick(seed, THREADS + 1);
    unsigned first = pick(seed, THREADS);
    for (size_t i = 0; i < count; i++) {
        int64_t tid = (int64_t)(first + i) % THREADS + 1;
        threads[i] = recorded_thread(recorded, tid, tid % 2 ? "odd" : NULL);
        threads[i].stack = recorded_stack(recorded, stacks[pick(seed, 6)]);
        threads[i].on_cpu = pick_tristate(seed);
        threads[i].holds_gil = pick_tristate(seed);
        threads[i].waits_for_gil = pick_tristate(seed);
        threads[i].cpu_s = pick(seed, 8) ? time_s * (double)tid / 4 : NAN;
        threads[i].task = pick(seed, TASKS);
    }
    recorded_set_threads(recorded, threads, count);
}

/* --- the slow way --- */

static const char *join(struct slow *slow, const char *outer, const char *inner) {
    return *outer && *inner ? arena_format(slow->arena, "%s;%s", outer, inner)
           : *outer         ? outer
                            : inner;
}

static const char *describe_stack(struct slow *slow, const struct snapshot_stack *stack) {
    static const char lib[] = "/lib/python3.11/", local[] = "<locals>.";
    const char *text = "";
    for (size_t i = stack->count; i-- > 0;) {
        const struct snapshot_frame *frame = stack->frames[i];
        const char *file = frame->file, *name = frame->qualified_name;
        file += strncmp(file, lib, strlen(lib)) == 0 ? strlen(lib) : 0;
        name += strncmp(name, local, strlen(local)) == 0 ? strlen(local) : 0;
        text =
            join(slow, text, arena_format(slow->arena, "%s %s:%d", name, file, (int)frame->line));
    }
    return text;
}

static const char *describe_task(struct slow *slow, const struct recording_task *task) {
    return task->stack->count ? describe_stack(slow, task->stack) : "<main>";
}

static const char *describe_wait(struct slow *slow, const struct recording_wait *wait) {
    if (!wait)
        return "[not known what for]";
    if (wait->kind == SNAPSHOT_WAIT_SLEEP)
        return "[sleep]";
    return wait->name ? arena_format(slow->arena, "[%s '%s']", wait->object, wait->name)
                      : arena_format(slow->arena, "[%s]", wait->object);
}

static void add_task(struct slow *slow, const struct recording_task *task, double weight_s) {
    const char *leaf = "";
    switch ((int)task->state) {
    case SNAPSHOT_TASK_DONE:
    case SNAPSHOT_TASK_CANCELLED:
        return;
    case SNAPSHOT_TASK_READY:
        leaf = "[ready]";
        break;
    case SNAPSHOT_TASK_NOT_STARTED:
        leaf = "[not started]";
        break;
    case SNAPSHOT_TASK_WAITING:
        leaf = describe_wait(slow, task->wait);
        break;
    default:
        break;
    }
    add(slow, join(slow, describe_task(slow, task), leaf), weight_s);
}

static const struct recording_task *find_task(const struct recording_sample *sample,
                                              uint64_t number) {
    for (size_t i = 0; i < sample->task_count; i++)
        if (sample->tasks[i]->number == number)
            return sample->tasks[i];
    return NULL;
}

static const char *describe_running(struct slow *slow, const struct recording_sample *sample,
                                    const struct recording_task *task) {
    bool seen[TASKS + 2] = {false};
    const char *text = "";
    for (; task && !seen[task->number]; task = find_task(sample, task->awaited_by)) {
        seen[task->number] = true;
        text = join(slow, describe_task(slow, task), text);
    }
    return text;
}

static const char *describe_root(struct slow *slow, const struct recording_thread *thread) {
    return arena_format(slow->arena, "{Thread%s%s (%d)}", thread->name ? " " : "",
                        thread->name ? thread->name : "", (int)thread->tid);
}

static const char *describe_thread(struct slow *slow, const struct recording_thread *thread) {
    return thread->stack->count ? describe_stack(slow, thread->stack) : describe_root(slow, thread);
}

static double find_cpu(const struct recording_thread *threads, size_t count, int64_t tid) {
    for (size_t i = 0; i < count; i++)
        if (threads[i].tid == tid)
            return threads[i].cpu_s;
    return NAN;
}

static void add_thread(struct slow *slow, const struct recording_sample *sample,
                       const struct recording_thread *thread, enum profile_mode mode,
                       double weight_s) {
    const struct recording_task *task = find_task(sample, thread->task);
    const char *leaf = thread->waits_for_gil == SNAPSHOT_YES ? "[waits for the GIL]"
                       : thread->on_cpu == SNAPSHOT_NO       ? "[idle]"
                                                             : "";
    if (mode == PROFILE_THREADS)
        add(slow,
            join(slow, join(slow, describe_root(slow, thread), describe_stack(slow, thread->stack)),
                 leaf),
            weight_s);
    else if (mode == PROFILE_GIL && thread->holds_gil == SNAPSHOT_YES)
        add(slow, describe_thread(slow, thread), weight_s);
    else if (mode == PROFILE_CPU && weight_s > 0)
        add(slow, task ? describe_running(slow, sample, task) : describe_thread(slow, thread),
            weight_s);
}

/* `next_*`: the threads of the next sample, for CPU time. */
static void add_sample(struct slow *slow, const struct recording_sample *sample,
                       enum profile_mode mode, double weight_s, const struct recording_thread *next,
                       size_t next_count) {
    for (size_t i = 0; mode == PROFILE_TASKS && i < sample->task_count; i++)
        add_task(slow, sample->tasks[i], weight_s);
    for (size_t i = 0; mode != PROFILE_TASKS && i < sample->thread_count; i++) {
        const struct recording_thread *thread = &sample->threads[i];
        double used = find_cpu(next, next_count, thread->tid) - thread->cpu_s;
        add_thread(slow, sample, thread, mode, mode == PROFILE_CPU ? used : weight_s);
    }
    for (size_t i = 0; mode == PROFILE_RUNNING && i < sample->loop_count; i++) {
        const struct recording_task *task = find_task(sample, sample->loops[i].task);
        if (task)
            add(slow, describe_running(slow, sample, task), weight_s);
        else if (sample->loops[i].task)
            add(slow, "{an event loop}", weight_s);
    }
}

/* --- both --- */

static void compare(struct slow *slow, const struct profile *profile) {
    for (size_t i = 0; i < profile->stack_count; i++) {
        const struct profile_stack *stack = &profile->stacks[i];
        char *text = profile_stack_text(stack);
        const struct total *total = table_find(slow->table, text, strlen(text));
        if (!total)
            fail_msg("never seen: %s", text);
        else if (fabs(total->weight_s - stack->weight_s) > 1e-9 || total->samples != stack->samples)
            fail_msg("%s: %g, %g expected", text, stack->weight_s, total->weight_s);
        free(text);
    }
    assert_int_equal(profile->stack_count, slow->stacks);
    assert_true(fabs(profile->weight_s - slow->all.weight_s) < 1e-8);
}

/* What a sample shows, kept until the next one tells how long that lasted. */
struct kept {
    struct recording_sample sample;
    const struct recording_task *tasks[TASKS + 2];
};

static void keep(struct kept *kept, const struct recording_sample *sample) {
    kept->sample = *sample;
    memcpy(kept->tasks, sample->tasks, sample->task_count * sizeof *sample->tasks);
    kept->sample.tasks = kept->tasks;
}

static void run_round(enum profile_mode mode, unsigned seed) {
    struct recorded *recorded = recorded_create();
    struct profile_fold *fold = profile_fold_create(mode, NULL);
    struct slow slow = {.arena = arena_create(), .table = table_create()};
    struct kept last = {0};
    double time_s = 0;
    for (int i = 0; i < SAMPLES; i++) {
        for (unsigned j = pick(&seed, 5); j > 0; j--)
            change_task(recorded, &seed);
        set_threads(recorded, &seed, time_s);
        struct recording_loop loops[2] = {recorded_loop(0x10), recorded_loop(0x20)};
        loops[0].task = pick(&seed, TASKS);
        loops[1].task = pick(&seed, TASKS);
        recorded_set_loops(recorded, loops, pick(&seed, 3));
        const struct recording_sample *sample = recorded_take(recorded, time_s);
        add_sample(&slow, &last.sample, mode, sample->time_s - last.sample.time_s, sample->threads,
                   sample->thread_count);
        keep(&last, sample);
        profile_fold_add(fold, sample);
        time_s += 0.001 * pick(&seed, 50);
    }
    struct recording_end end = recorded_end(recorded, time_s);
    add_sample(&slow, &last.sample, mode, time_s - last.sample.time_s, NULL, 0);
    compare(&slow, profile_fold_end(fold, &end));
    profile_fold_destroy(fold);
    recorded_destroy(recorded);
    table_destroy(slow.table);
    arena_destroy(slow.arena);
}

static void test_random(void **state) {
    (void)state;
    for (unsigned mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        for (unsigned i = 0; i < ROUNDS; i++)
            run_round((enum profile_mode)mode, i * 7919 + mode);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
