/*
 * measure_profile [SAMPLES]: how long folding a recording of 10,000 tasks takes, 500 of which
 * change in each sample, in milliseconds of CPU time for each mode.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "asyncspy/analysis/profile.h"

#define TASKS 10000
#define CHANGES 500
#define VARIANTS 4 /* of each task */
#define STACKS 3000
#define DEPTH 8
#define LOCKS 500
#define THREADS 20

struct server {
    struct snapshot_frame frames[STACKS];
    const struct snapshot_frame *lists[STACKS][DEPTH];
    struct snapshot_stack stacks[STACKS];
    struct recording_wait waits[LOCKS];
    char names[LOCKS][32];
    struct recording_task variants[TASKS][VARIANTS];
    const struct recording_task *tasks[TASKS];
    struct recording_change changes[CHANGES];
    struct recording_thread threads[THREADS];
    struct recording_loop loop;
};

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static unsigned pick(unsigned *seed, unsigned below) {
    *seed = *seed * 1103515245U + 12345U;
    return (*seed >> 8) % below;
}

static void fill_parts(struct server *server, unsigned *seed) {
    for (unsigned i = 0; i < STACKS; i++) {
        server->frames[i] =
            (struct snapshot_frame){.function = "f", .file = "/srv/app.py", .line = (int32_t)i};
        for (unsigned j = 0; j < DEPTH; j++)
            server->lists[i][j] = &server->frames[pick(seed, STACKS)];
        server->stacks[i] = (struct snapshot_stack){DEPTH, server->lists[i]};
    }
    for (unsigned i = 0; i < LOCKS; i++) {
        snprintf(server->names[i], sizeof server->names[i], "Lock#%u", i);
        server->waits[i] =
            (struct recording_wait){.kind = SNAPSHOT_WAIT_LOCK, .object = server->names[i]};
    }
    for (unsigned i = 0; i < THREADS; i++)
        server->threads[i] = (struct recording_thread){
            .tid = i + 1, .task = i + 1, .holds_gil = i == 0, .stack = &server->stacks[i]};
}

static struct server *create(unsigned *seed) {
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        exit(1);
    fill_parts(server, seed);
    for (unsigned i = 0; i < TASKS; i++) {
        for (unsigned j = 0; j < VARIANTS; j++)
            server->variants[i][j] =
                (struct recording_task){.number = i + 1,
                                        .state = SNAPSHOT_TASK_WAITING,
                                        .stack = &server->stacks[pick(seed, STACKS)],
                                        .wait = &server->waits[pick(seed, LOCKS)],
                                        .awaited_by = i + 2};
        server->tasks[i] = &server->variants[i][0];
    }
    server->loop = (struct recording_loop){.tid = 1, .task = 9990};
    return server;
}

static struct recording_sample take(struct server *server, unsigned *seed, double time_s) {
    for (size_t i = 0; i < CHANGES; i++) {
        unsigned task = pick(seed, TASKS);
        server->changes[i].before = server->tasks[task];
        server->changes[i].after = server->tasks[task] =
            &server->variants[task][pick(seed, VARIANTS)];
    }
    for (size_t i = 0; i < THREADS; i++)
        server->threads[i].cpu_s = time_s;
    return (struct recording_sample){.time_s = time_s,
                                     .tasks = server->tasks,
                                     .task_count = TASKS,
                                     .changes = server->changes,
                                     .change_count = CHANGES,
                                     .threads = server->threads,
                                     .thread_count = THREADS,
                                     .loops = &server->loop,
                                     .loop_count = 1};
}

int main(int argc, char **argv) {
    long samples = argc > 1 ? strtol(argv[1], NULL, 10) : 6000;
    for (unsigned mode = 0; mode < PROFILE_MODE_COUNT; mode++) {
        unsigned seed = 1;
        struct server *server = create(&seed);
        struct profile_fold *fold = profile_fold_create((enum profile_mode)mode, NULL);
        double began = now();
        for (long i = 0; i < samples; i++) {
            struct recording_sample sample = take(server, &seed, (double)i / 100);
            profile_fold_add(fold, &sample);
        }
        double folded = now();
        const struct recording_end end = {.time_s = (double)samples / 100};
        const struct profile *profile = profile_fold_end(fold, &end);
        printf("profile, %s: %ld samples %.0f ms, end %.0f ms, %zu stacks\n",
               profile_mode_name((enum profile_mode)mode), samples, 1e3 * (folded - began),
               1e3 * (now() - folded), profile->stack_count);
        profile_fold_destroy(fold);
        free(server);
    }
    return 0;
}
