/*
 * measure_analysis [TASKS]: how long the analysis of a made-up snapshot takes, and how long `top`
 * needs behind it until its screen is drawn, in milliseconds; the best of five runs, for each of
 * some shapes that servers in trouble have.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "asyncspy/analysis/analyze.h"
#include "asyncspy/render/top.h"

#define DEPTH 8
#define RUNS 5

static const struct snapshot_frame frames[DEPTH] = {
    {.function = "acquire", .file = "/usr/lib/python3.11/asyncio/locks.py", .line = 387},
    {.function = "__aenter__", .file = "/usr/lib/python3.11/asyncio/locks.py", .line = 15},
    {.function = "query", .file = "/srv/app/db.py", .line = 14},
    {.function = "handler", .file = "/srv/app/main.py", .line = 20},
    {.function = "app", .file = "/srv/lib/python3.11/site-packages/x/routing.py", .line = 66},
    {.function = "call", .file = "/srv/lib/python3.11/site-packages/x/call.py", .line = 70},
    {.function = "run", .file = "/srv/lib/python3.11/site-packages/x/run.py", .line = 408},
    {.function = "serve", .file = "/srv/app/main.py", .line = 3},
};

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static struct snapshot_wait *add_wait(struct snapshot *snapshot, struct snapshot_task *task,
                                      enum snapshot_wait_kind kind) {
    struct snapshot_wait *wait = arena_alloc(snapshot->arena, sizeof *wait);
    *wait = snapshot_wait_blank;
    wait->kind = kind;
    wait->has_timeout = SNAPSHOT_NO;
    wait->id = task->id + 8;
    return task->awaiting = wait;
}

static void add_tasks(struct snapshot *snapshot, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct snapshot_task *task = SNAPSHOT_APPEND(snapshot, &snapshot->tasks);
        *task = snapshot_task_blank;
        task->id = 0x7f0000000000 + 0x100 * i;
        task->name = arena_format(snapshot->arena, "Task-%zu", i);
        task->event_loop = 0x10;
        task->moved = SNAPSHOT_NO;
        task->frames.count = DEPTH;
        task->frames.frames = arena_alloc_array(snapshot->arena, DEPTH, sizeof(void *));
        for (size_t j = 0; j < DEPTH; j++)
            task->frames.frames[j] = &frames[j];
    }
}

static void add_objects(struct snapshot *snapshot, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct snapshot_object *object = SNAPSHOT_APPEND(snapshot, &snapshot->objects);
        object->id = 0x900000 + 0x10 * i;
        object->kind = SNAPSHOT_OBJECT_LOCK;
        object->label = arena_format(snapshot->arena, "Lock#%zu", i + 1);
        object->holders = arena_alloc(snapshot->arena, sizeof *object->holders);
        object->holder_count = 1;
        object->holders[0] = (struct snapshot_holder){.task = snapshot->tasks.items[i].id,
                                                      .tid = SNAPSHOT_UNKNOWN,
                                                      .confidence = SNAPSHOT_CERTAIN};
    }
}

/* All but one wait for the lock that this one holds. */
static void make_pile(struct snapshot *snapshot) {
    add_objects(snapshot, 1);
    add_wait(snapshot, &snapshot->tasks.items[0], SNAPSHOT_WAIT_EVENT);
    for (size_t i = 1; i < snapshot->tasks.count; i++)
        add_wait(snapshot, &snapshot->tasks.items[i], SNAPSHOT_WAIT_LOCK)->object = 0x900000;
}

/* Each has a lock and waits for that of the next: one circle. */
static void make_circle(struct snapshot *snapshot) {
    size_t count = snapshot->tasks.count;
    add_objects(snapshot, count);
    for (size_t i = 0; i < count; i++)
        add_wait(snapshot, &snapshot->tasks.items[i], SNAPSHOT_WAIT_LOCK)->object =
            snapshot->objects.items[(i + 1) % count].id;
}

/* Pairs in deadlock. */
static void make_pairs(struct snapshot *snapshot) {
    add_objects(snapshot, snapshot->tasks.count & ~(size_t)1);
    for (size_t i = 0; i < snapshot->objects.count; i++)
        add_wait(snapshot, &snapshot->tasks.items[i], SNAPSHOT_WAIT_LOCK)->object =
            snapshot->objects.items[i ^ 1].id;
}

/* Each reads from a peer of its own. */
static void make_readers(struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct snapshot_socket *socket = SNAPSHOT_APPEND(snapshot, &snapshot->sockets);
        *socket = snapshot_socket_blank;
        socket->fd = (int64_t)i;
        socket->family = "inet";
        socket->local = "10.0.0.1:50000";
        socket->peer = arena_format(snapshot->arena, "10.%zu.%zu.1:443", i / 250, i % 250);
        socket->state = "ESTABLISHED";
        add_wait(snapshot, &snapshot->tasks.items[i], SNAPSHOT_WAIT_STREAM_READ)->fd = (int64_t)i;
    }
}

/* Everybody awaits the same few thousand: many edges. */
static void make_edges(struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct snapshot_wait *wait =
            add_wait(snapshot, &snapshot->tasks.items[i], SNAPSHOT_WAIT_GATHER);
        wait->task_count = 40;
        wait->tasks = arena_alloc_array(snapshot->arena, 40, sizeof *wait->tasks);
        for (size_t j = 0; j < 40; j++)
            wait->tasks[j] =
                snapshot->tasks.items[(i * 7919 + j * 104729) % 5000 % snapshot->tasks.count].id;
    }
}

struct stage {
    struct live_fold *fold;
    struct top_view *view;
    struct screen *screen;
};

static void refresh(struct stage *stage, const struct snapshot *snapshot, double time_s) {
    live_fold_add_picture(stage->fold, snapshot, time_s);
    struct top_input input = {.clock = "04:12:07", .refresh_s = 1};
    input.live = live_fold_update(stage->fold, time_s, 0.01);
    top_draw(stage->view, &input, stage->screen);
}

/* Seconds that the best refresh took; the first one, in which nothing is known, does not count. */
static double measure_refresh(const struct snapshot *snapshot) {
    struct stage stage = {live_fold_create(), top_view_create(), screen_create(30, 100)};
    double best = INFINITY;
    for (int i = 0; i <= RUNS; i++) {
        double start = now();
        refresh(&stage, snapshot, i + 1);
        if (i)
            best = fmin(best, now() - start);
    }
    screen_destroy(stage.screen);
    top_view_destroy(stage.view);
    live_fold_destroy(stage.fold);
    return best;
}

static double measure_analysis(struct snapshot *snapshot) {
    double best = INFINITY;
    for (int i = 0; i < RUNS; i++) {
        double start = now();
        analyze(snapshot, NULL);
        best = fmin(best, now() - start);
    }
    return best;
}

static void measure(const char *name, size_t tasks, void (*make)(struct snapshot *)) {
    struct snapshot *snapshot = snapshot_create();
    snapshot->capture.second_look_s = 0.2;
    add_tasks(snapshot, tasks);
    make(snapshot);
    double analysis_s = measure_analysis(snapshot), refresh_s = measure_refresh(snapshot);
    printf("%-10s %8zu tasks %8zu objects %8.1f ms %8.1f ms   %s\n", name, tasks,
           snapshot->objects.count, analysis_s * 1e3, refresh_s * 1e3, snapshot->verdict.text);
    snapshot_destroy(snapshot);
}

int main(int argc, char **argv) {
    size_t tasks = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    printf("\n%-40s %11s %11s\n", "a made-up picture", "analysis", "top");
    measure("pile", tasks, make_pile);
    measure("circle", tasks, make_circle);
    measure("pairs", tasks, make_pairs);
    measure("readers", tasks, make_readers);
    measure("edges", tasks, make_edges);
    return 0;
}
