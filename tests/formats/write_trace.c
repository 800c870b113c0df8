/*
 * Writes a recording that is made up, in the form that argv[1] names: "trace", "lines",
 * "speedscope".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/recorded.h"
#include "asyncspy/analysis/profile.h"
#include "asyncspy/render/profile_formats.h"
#include "asyncspy/render/recording_formats.h"

#define SAMPLES 200
#define STEP_S 0.01

#define HOSTILE "</script><img src=x onerror=alert(1)>\"\\\n\x1b[31m\xe2\x80\xae\xe2\x80\xa8\xff"

/* Who has the lock in this sample, of two tasks that take turns and sleep between. */
static void set_workers(struct recorded *recorded, size_t step) {
    for (uint64_t number = 2; number <= 3; number++) {
        struct recording_task task = recorded_task(recorded, number);
        bool sleeps = (step / 10 + number) % 2;
        task.coroutine = "worker";
        task.awaited_by = 1;
        task.stack = recorded_stack(recorded, sleeps ? "sleep /usr/lib/python3.11/asyncio/tasks.py:"
                                                       "639; worker shop.py:21; main shop.py:40"
                                                     : "Lock.acquire /usr/lib/python3.11/asyncio/"
                                                       "locks.py:114; worker shop.py:20; main "
                                                       "shop.py:40");
        task.wait = sleeps ? recorded_wait(recorded, SNAPSHOT_WAIT_SLEEP, NULL, NULL)
                           : recorded_wait(recorded, SNAPSHOT_WAIT_LOCK, "Lock#1", "pool.sem");
        recorded_set_task(recorded, &task);
    }
}

/* Tasks that live for five samples: not started, running, waiting, ready, done. */
static void set_visitor(struct recorded *recorded, size_t step) {
    uint64_t number = 10 + step / 5;
    struct recording_task task = recorded_task(recorded, number);
    static const enum snapshot_task_state states[] = {SNAPSHOT_TASK_NOT_STARTED,
                                                      SNAPSHOT_TASK_RUNNING, SNAPSHOT_TASK_WAITING,
                                                      SNAPSHOT_TASK_READY, SNAPSHOT_TASK_DONE};
    task.state = states[step % 5];
    task.coroutine = "Shop.<locals>.visit";
    if (task.state != SNAPSHOT_TASK_NOT_STARTED && task.state != SNAPSHOT_TASK_DONE)
        task.stack = recorded_stack(recorded, task.state == SNAPSHOT_TASK_RUNNING
                                                  ? "dumps json.py:7; visit shop.py:3"
                                                  : "visit shop.py:4");
    if (task.state == SNAPSHOT_TASK_RUNNING)
        task.tid = 42;
    recorded_set_task(recorded, &task);
    if (step >= 5 && step % 5 == 0)
        recorded_drop_task(recorded, number - 1);
}

static void set_tasks(struct recorded *recorded, size_t step) {
    struct recording_task task = recorded_task(recorded, 1);
    task.stack = recorded_stack(recorded, "main shop.py:50");
    task.wait = recorded_wait(recorded, SNAPSHOT_WAIT_GATHER, NULL, NULL);
    if (step == 0)
        recorded_set_task(recorded, &task);
    task = recorded_task(recorded, 4);
    task.name = HOSTILE;
    task.coroutine = NULL;
    task.stack = recorded_stack(recorded, "<lambda>" HOSTILE " /tmp/" HOSTILE ":1");
    task.wait = recorded_wait(recorded, SNAPSHOT_WAIT_QUEUE_GET, "Queue#1", HOSTILE);
    if (step == 0)
        recorded_set_task(recorded, &task);
    if (step == 150)
        recorded_drop_task(recorded, 4);
    set_workers(recorded, step);
    set_visitor(recorded, step);
}

static void set_threads(struct recorded *recorded, size_t step) {
    struct recording_thread threads[] = {recorded_thread(recorded, 42, "MainThread"),
                                         recorded_thread(recorded, 43, HOSTILE),
                                         recorded_thread(recorded, SNAPSHOT_UNKNOWN, NULL)};
    bool runs = step % 5 == 1;
    threads[0].stack = recorded_stack(
        recorded, runs
                      ? "dumps json.py:7; visit shop.py:3; run base_events.py:8; <module> shop.py:9"
                      : "select selectors.py:5; run base_events.py:9; <module> shop.py:9");
    threads[0].task = runs ? 10 + step / 5 : 0;
    threads[0].event_loop = 0x10;
    threads[0].holds_gil = runs ? SNAPSHOT_YES : SNAPSHOT_NO;
    threads[0].cpu_s = (double)step / 1000;
    threads[1].stack = recorded_stack(recorded, "crunch jobs.py:3; run thread.py:1");
    threads[1].waits_for_gil = runs ? SNAPSHOT_YES : SNAPSHOT_NO;
    threads[1].holds_gil = runs ? SNAPSHOT_NO : SNAPSHOT_YES;
    threads[1].on_cpu = SNAPSHOT_MAYBE;
    threads[2].ident = 0x7f0000001000;
    recorded_set_threads(recorded, threads, step < 100 ? 3 : 1);
}

static void set_loops(struct recorded *recorded, size_t step) {
    struct recording_loop loops[] = {recorded_loop(0x10), recorded_loop(0x20)};
    bool runs = step % 5 == 1;
    loops[0].tid = 42;
    loops[0].state = runs ? SNAPSHOT_LOOP_BLOCKED : SNAPSHOT_LOOP_IDLE;
    loops[0].task = runs ? 10 + step / 5 : 0;
    loops[0].ready = runs ? 3 : 0;
    loops[0].overdue_s = runs ? 0.0041 : NAN;
    loops[0].blocked_s = runs ? 0.25 : NAN;
    loops[1].state = step % 2 ? SNAPSHOT_LOOP_RUNNING : SNAPSHOT_LOOP_STOPPED;
    loops[1].type = NULL;
    loops[1].ready = SNAPSHOT_UNKNOWN;
    recorded_set_loops(recorded, loops, step < 150 ? 2 : 1);
}

static const struct recording_sample *take(struct recorded *recorded, size_t step) {
    set_tasks(recorded, step);
    set_threads(recorded, step);
    set_loops(recorded, step);
    return recorded_take(recorded, 0.001 + STEP_S * (double)step);
}

static struct error *write_trace(struct recorded *recorded) {
    struct chrome_trace *trace = NULL;
    struct error *err = chrome_trace_begin(recorded_get_info(recorded), NULL, stdout, &trace);
    for (size_t step = 0; step < SAMPLES && !err; step++) {
        struct recording_sample sample = *take(recorded, step);
        sample.gc = step % 50 == 7 ? 5 : 0;
        err = chrome_trace_add(trace, &sample);
    }
    struct recording_end end = recorded_end(recorded, STEP_S * SAMPLES);
    if (!err)
        err = chrome_trace_end(trace, &end);
    chrome_trace_destroy(trace);
    return err;
}

static struct error *write_lines(struct recorded *recorded) {
    struct error *err = render_recording_info_line(recorded_get_info(recorded), stdout);
    for (size_t step = 0; step < SAMPLES && !err; step++) {
        struct recording_sample sample = *take(recorded, step);
        sample.gc = step % 50 == 7 ? 5 : 0;
        err = render_recording_sample_line(&sample, NULL, stdout);
    }
    struct recording_end end = recorded_end(recorded, STEP_S * SAMPLES);
    return err ? err : render_recording_end_line(&end, stdout);
}

static struct error *write_speedscope(struct recorded *recorded) {
    struct profile_fold *folds[PROFILE_MODE_COUNT];
    const struct profile *profiles[PROFILE_MODE_COUNT];
    for (size_t i = 0; i < PROFILE_MODE_COUNT; i++)
        folds[i] = profile_fold_create((enum profile_mode)i, NULL);
    for (size_t step = 0; step < SAMPLES; step++) {
        const struct recording_sample *sample = take(recorded, step);
        for (size_t i = 0; i < PROFILE_MODE_COUNT; i++)
            profile_fold_add(folds[i], sample);
    }
    struct recording_end end = recorded_end(recorded, STEP_S * SAMPLES);
    for (size_t i = 0; i < PROFILE_MODE_COUNT; i++)
        profiles[i] = profile_fold_end(folds[i], &end);
    struct error *err =
        render_speedscope(recorded_get_info(recorded), profiles, PROFILE_MODE_COUNT, stdout);
    for (size_t i = 0; i < PROFILE_MODE_COUNT; i++)
        profile_fold_destroy(folds[i]);
    return err;
}

int main(int argc, char **argv) {
    struct recorded *recorded = recorded_create();
    struct error *err;
    const char *format = argc > 1 ? argv[1] : "";
    if (strcmp(format, "trace") == 0)
        err = write_trace(recorded);
    else if (strcmp(format, "lines") == 0)
        err = write_lines(recorded);
    else if (strcmp(format, "speedscope") == 0)
        err = write_speedscope(recorded);
    else
        err = error_create(ERROR_USAGE, "write_trace trace|lines|speedscope");
    if (err)
        fprintf(stderr, "%s\n", error_get_message(err));
    int status = err ? 1 : 0;
    error_destroy(err);
    recorded_destroy(recorded);
    return fflush(stdout) == 0 ? status : 1;
}
