/*
 * write_profile FORMAT CASE [MODE]: a made-up recording, folded and written to stdout as
 * "collapsed" or "pprof". The cases: "server": tasks whose times are known; "weird": names that are
 * trouble; "large": many stacks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/recorded.h"
#include "asyncspy/render/profile_formats.h"

static void set_task(struct recorded *recorded, uint64_t number, enum snapshot_task_state state,
                     const char *stack, const struct recording_wait *wait) {
    struct recording_task task = recorded_task(recorded, number);
    task.state = state;
    task.stack = recorded_stack(recorded, stack);
    task.wait = wait;
    recorded_set_task(recorded, &task);
}

static void take(struct recorded *recorded, struct profile_fold *fold, double time_s) {
    profile_fold_add(fold, recorded_take(recorded, time_s));
}

/* Ten tasks in all, over ten seconds: 6 wait for the lock, 3 sleep, 1 runs for 2 s and is ready for
 * 8 s. */
static double record_server(struct recorded *recorded, struct profile_fold *fold) {
    const struct recording_wait *lock =
        recorded_wait(recorded, SNAPSHOT_WAIT_LOCK, "Lock#1", "pool.sem");
    const struct recording_wait *sleep = recorded_wait(recorded, SNAPSHOT_WAIT_SLEEP, NULL, NULL);
    struct recording_thread thread = recorded_thread(recorded, 42, "MainThread");
    for (uint64_t i = 1; i <= 9; i++)
        if (i <= 6)
            set_task(recorded, i, SNAPSHOT_TASK_WAITING,
                     "Pool.acquire /srv/app/shop/db.py:30; handler /srv/app/shop/web.py:12", lock);
        else
            set_task(recorded, i, SNAPSHOT_TASK_WAITING,
                     "sleep /usr/lib/python3.11/asyncio/tasks.py:639; tick /srv/app/shop/web.py:50",
                     sleep);
    for (int i = 0; i < 10; i++) {
        set_task(recorded, 10, i < 2 ? SNAPSHOT_TASK_RUNNING : SNAPSHOT_TASK_READY,
                 i % 2 ? "loads /srv/app/shop/json.py:3; report /srv/app/shop/web.py:70"
                       : "loads /srv/app/shop/json.py:4; report /srv/app/shop/web.py:70",
                 NULL);
        thread.cpu_s = i < 2 ? i * 0.5 : 1;
        thread.task = 10;
        recorded_set_threads(recorded, &thread, 1);
        take(recorded, fold, i);
    }
    return 10;
}

/* A line of its own, a second weight, a script, a terminal's command, nothing at all. */
#define WEIRD(text)                                                                                \
    { .function = (text), .file = (text), .line = -1 }
static const struct snapshot_frame weird_frames[] = {
    WEIRD("a;b"),
    WEIRD("line\nbreak"),
    WEIRD("tab\tbed"),
    WEIRD("<script>alert(1)"),
    WEIRD("\x1b[31m"),
    WEIRD("caf\u00e9 \u202etxt"),
    WEIRD("50% {\"a\"}"),
    WEIRD(""),
    {.function = "x 12", .line = -1},
};
#define WEIRD_COUNT (sizeof weird_frames / sizeof *weird_frames)

static double record_weird(struct recorded *recorded, struct profile_fold *fold) {
    static const struct snapshot_frame *frames[WEIRD_COUNT];
    static struct snapshot_stack stack = {WEIRD_COUNT, frames};
    static const struct recording_wait wait = {.kind = SNAPSHOT_WAIT_SUBPROCESS, .pid = 4711};
    for (size_t i = 0; i < WEIRD_COUNT; i++)
        frames[i] = &weird_frames[WEIRD_COUNT - 1 - i];
    struct recording_task task = recorded_task(recorded, 1);
    task.stack = &stack;
    task.wait = &wait;
    recorded_set_task(recorded, &task);
    task = recorded_task(recorded, 2);
    task.state = SNAPSHOT_TASK_RUNNING;
    task.coroutine = "x 5.";
    recorded_set_task(recorded, &task);
    take(recorded, fold, 0);
    return 1;
}

static double record_large(struct recorded *recorded, struct profile_fold *fold) {
    const struct recording_wait *sleep = recorded_wait(recorded, SNAPSHOT_WAIT_SLEEP, NULL, NULL);
    for (int i = 0; i < 20000; i++) {
        char stack[200];
        snprintf(stack, sizeof stack, "f%d /srv/a.py:%d; g%d /srv/b.py:%d; main /srv/c.py:1",
                 i % 1000, i % 1000, i / 100, i);
        set_task(recorded, 1, SNAPSHOT_TASK_WAITING, stack, sleep);
        take(recorded, fold, i * 0.01);
    }
    return 200;
}

static enum profile_mode parse_mode(const char *name) {
    for (unsigned mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        if (strcmp(profile_mode_name((enum profile_mode)mode), name) == 0)
            return (enum profile_mode)mode;
    abort();
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    struct recorded *recorded = recorded_create();
    struct profile_fold *fold =
        profile_fold_create(argc > 3 ? parse_mode(argv[3]) : PROFILE_TASKS, NULL);
    double time_s = strcmp(argv[2], "server") == 0  ? record_server(recorded, fold)
                    : strcmp(argv[2], "weird") == 0 ? record_weird(recorded, fold)
                                                    : record_large(recorded, fold);
    struct recording_end end = recorded_end(recorded, time_s);
    const struct profile *profile = profile_fold_end(fold, &end);
    struct error *err = strcmp(argv[1], "pprof") == 0
                            ? render_pprof(recorded_get_info(recorded), profile, stdout)
                            : render_collapsed(profile, stdout);
    if (err)
        fprintf(stderr, "%s\n", error_get_message(err));
    bool failed = err;
    error_destroy(err);
    profile_fold_destroy(fold);
    recorded_destroy(recorded);
    return failed;
}
