#include "recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"

#define TASKS_MAX 256

struct recorded {
    struct arena *arena;
    struct string_pool *strings;
    struct table *frames, *stacks, *waits; /* by what makes them */
    struct recording_info info;
    const struct recording_task *last[TASKS_MAX], *next[TASKS_MAX], *all[TASKS_MAX];
    struct recording_change changes[TASKS_MAX];
    struct recording_sample sample;
    uint64_t taken;
};

struct recorded *recorded_create(void) {
    struct arena *arena = arena_create();
    struct recorded *recorded = arena_alloc(arena, sizeof *recorded);
    memset(recorded, 0, sizeof *recorded);
    recorded->arena = arena;
    recorded->strings = string_pool_create(arena);
    recorded->frames = table_create();
    recorded->stacks = table_create();
    recorded->waits = table_create();
    static const char *command_line[] = {"python3", "shop.py"};
    recorded->info = (struct recording_info){
        .asyncspy = "0.1.0", .started_at = "2026-11-21T12:00:00.000Z", .rate = 100};
    recorded->info.target = (struct snapshot_target){.kind = "process",
                                                     .pid = 42,
                                                     .executable = "/usr/bin/python3.11",
                                                     .command_line = command_line,
                                                     .command_line_count = 2,
                                                     .architecture = "x86_64",
                                                     .python_version = "3.11.7",
                                                     .debug_build = SNAPSHOT_NO,
                                                     .free_threaded = SNAPSHOT_NO,
                                                     .started_at = "2026-11-21T11:00:00.000Z"};
    return recorded;
}

void recorded_destroy(struct recorded *recorded) {
    table_destroy(recorded->frames);
    table_destroy(recorded->stacks);
    table_destroy(recorded->waits);
    string_pool_destroy(recorded->strings);
    arena_destroy(recorded->arena);
}

const struct recording_info *recorded_get_info(struct recorded *recorded) {
    return &recorded->info;
}

static const char *intern(struct recorded *recorded, const char *text, size_t length) {
    return string_pool_add(recorded->strings, text, length);
}

/* "function file:line" */
static const struct snapshot_frame *get_frame(struct recorded *recorded, const char *text,
                                              size_t length) {
    const char *whole = intern(recorded, text, length);
    struct snapshot_frame *frame = table_find(recorded->frames, whole, length);
    if (frame)
        return frame;
    const char *space = strchr(whole, ' '), *colon = strrchr(whole, ':');
    if (!space || !colon)
        abort();
    frame = arena_alloc(recorded->arena, sizeof *frame);
    *frame =
        (struct snapshot_frame){.qualified_name = intern(recorded, whole, (size_t)(space - whole)),
                                .file = intern(recorded, space + 1, (size_t)(colon - space - 1)),
                                .line = (int32_t)strtol(colon + 1, NULL, 10),
                                .end_line = -1,
                                .column = -1,
                                .end_column = -1};
    const char *dot = strrchr(frame->qualified_name, '.');
    frame->function = dot ? dot + 1 : frame->qualified_name;
    table_add(recorded->frames, whole, length, frame);
    return frame;
}

const struct snapshot_stack *recorded_stack(struct recorded *recorded, const char *text) {
    const char *whole = intern(recorded, text, strlen(text));
    struct snapshot_stack *stack = table_find(recorded->stacks, whole, strlen(whole));
    if (stack)
        return stack;
    stack = arena_alloc(recorded->arena, sizeof *stack);
    *stack = (struct snapshot_stack){0};
    stack->frames = arena_alloc_array(recorded->arena, strlen(whole), sizeof *stack->frames);
    for (const char *at = whole; *at;) {
        size_t length = strcspn(at, ";");
        stack->frames[stack->count++] = get_frame(recorded, at, length);
        at += length;
        at += strspn(at, "; ");
    }
    table_add(recorded->stacks, whole, strlen(whole), stack);
    return stack;
}

const struct recording_wait *recorded_wait(struct recorded *recorded, enum snapshot_wait_kind kind,
                                           const char *object, const char *name) {
    const char *key = arena_format(recorded->arena, "%d/%s/%s", (int)kind, object ? object : "",
                                   name ? name : "");
    struct recording_wait *wait = table_find(recorded->waits, key, strlen(key));
    if (wait)
        return wait;
    wait = arena_alloc(recorded->arena, sizeof *wait);
    *wait = (struct recording_wait){.kind = kind,
                                    .object = object,
                                    .name = name,
                                    .tasks = SNAPSHOT_UNKNOWN,
                                    .fd = SNAPSHOT_UNKNOWN,
                                    .pid = SNAPSHOT_UNKNOWN};
    table_add(recorded->waits, key, strlen(key), wait);
    return wait;
}

struct recording_task recorded_task(struct recorded *recorded, uint64_t number) {
    return (struct recording_task){
        .number = number,
        .id = 0x1000 * number,
        .name = arena_format(recorded->arena, "Task-%llu", (unsigned long long)number),
        .coroutine = "main",
        .event_loop = 0x10,
        .state = SNAPSHOT_TASK_WAITING,
        .tid = SNAPSHOT_UNKNOWN,
        .stack = recorded_stack(recorded, "")};
}

void recorded_set_task(struct recorded *recorded, const struct recording_task *task) {
    struct recording_task *copy = arena_alloc(recorded->arena, sizeof *copy);
    if (task->number >= TASKS_MAX)
        abort();
    *copy = *task;
    recorded->next[task->number] = copy;
}

void recorded_drop_task(struct recorded *recorded, uint64_t number) {
    recorded->next[number] = NULL;
}

struct recording_thread recorded_thread(struct recorded *recorded, int64_t tid, const char *name) {
    return (struct recording_thread){.tid = tid,
                                     .ident = (uint64_t)tid * 0x1000,
                                     .name = name,
                                     .holds_gil = SNAPSHOT_NO,
                                     .waits_for_gil = SNAPSHOT_NO,
                                     .on_cpu = SNAPSHOT_NO,
                                     .cpu_s = NAN,
                                     .stack = recorded_stack(recorded, "")};
}

void recorded_set_threads(struct recorded *recorded, const struct recording_thread *threads,
                          size_t count) {
    struct recording_thread *copy = arena_alloc_array(recorded->arena, count, sizeof *copy);
    memcpy(copy, threads, count * sizeof *copy);
    recorded->sample.threads = copy;
    recorded->sample.thread_count = count;
}

struct recording_loop recorded_loop(snapshot_id id) {
    return (struct recording_loop){.id = id,
                                   .type = "asyncio.unix_events._UnixSelectorEventLoop",
                                   .tid = SNAPSHOT_UNKNOWN,
                                   .state = SNAPSHOT_LOOP_IDLE,
                                   .ready = 0,
                                   .timers = 0,
                                   .overdue_s = NAN,
                                   .blocked_s = NAN};
}

void recorded_set_loops(struct recorded *recorded, const struct recording_loop *loops,
                        size_t count) {
    struct recording_loop *copy = arena_alloc_array(recorded->arena, count, sizeof *copy);
    memcpy(copy, loops, count * sizeof *copy);
    recorded->sample.loops = copy;
    recorded->sample.loop_count = count;
}

/* A task that is another one than in the last sample begins to be so now. */
static void take_task(struct recorded *recorded, size_t number, double time_s) {
    struct recording_sample *sample = &recorded->sample;
    const struct recording_task *before = recorded->last[number], *after = recorded->next[number];
    if (before != after) {
        if (after) {
            struct recording_task *dated = arena_alloc(recorded->arena, sizeof *dated);
            *dated = *after;
            dated->since_s = time_s;
            recorded->next[number] = after = dated;
        }
        recorded->changes[sample->change_count++] = (struct recording_change){before, after};
    }
    if (after)
        recorded->all[sample->task_count++] = after;
    recorded->last[number] = after;
}

const struct recording_sample *recorded_take(struct recorded *recorded, double time_s) {
    struct recording_sample *sample = &recorded->sample;
    sample->number = ++recorded->taken;
    sample->time_s = time_s;
    sample->is_whole = true;
    sample->change_count = sample->task_count = 0;
    for (size_t i = 0; i < TASKS_MAX; i++)
        take_task(recorded, i, time_s);
    sample->changes = recorded->changes;
    sample->tasks = recorded->all;
    return sample;
}

struct recording_end recorded_end(const struct recorded *recorded, double time_s) {
    return (struct recording_end){
        .time_s = time_s, .reason = "interrupted", .samples = recorded->taken};
}
