#include "profile_fold.h"

#include <stdlib.h>

#include "profile_build.h"

#define TIME_MAX 1e9 /* seconds: no recording has lasted longer */
#define NODES_MAX 1000000
#define FRAMES_MAX ((size_t)32 << 20) /* of all stacks together: 256 MiB */

const char *profile_mode_name(enum profile_mode mode) {
    static const char *const names[PROFILE_MODE_COUNT] = {"tasks", "running", "cpu", "gil",
                                                          "threads"};
    return names[mode];
}

struct profile_fold *profile_fold_create(enum profile_mode mode, struct sample_filter *filter) {
    struct profile_fold *fold = memory_alloc(sizeof *fold);
    *fold = (struct profile_fold){
        .mode = mode,
        .filter = filter && !sample_filter_is_empty(filter) ? filter : NULL,
        .nodes = profile_nodes_create(NODES_MAX),
        .arena = arena_create(),
        .tasks = task_numbers_create(),
        .scratch = arena_create(),
    };
    return fold;
}

void profile_fold_destroy(struct profile_fold *fold) {
    if (!fold)
        return;
    profile_nodes_destroy(fold->nodes);
    arena_destroy(fold->arena);
    task_numbers_destroy(fold->tasks);
    arena_destroy(fold->scratch);
    free(fold->shown);
    free(fold);
}

bool profile_fold_wants(const struct profile_fold *fold, const struct snapshot_stack *stack,
                        const char *task_name) {
    return !fold->filter || sample_filter_wants(fold->filter, stack, task_name);
}

struct profile_part profile_make_task_part(const struct recording_task *task) {
    if (!task->stack->count)
        return (struct profile_part){.kind = PART_COROUTINE, .name = task->coroutine};
    return (struct profile_part){.kind = PART_STACK, .stack = task->stack};
}

static enum profile_leaf get_leaf(const struct recording_task *task) {
    switch ((int)task->state) {
    case SNAPSHOT_TASK_READY:
        return LEAF_READY;
    case SNAPSHOT_TASK_NOT_STARTED:
        return LEAF_NOT_STARTED;
    case SNAPSHOT_TASK_WAITING:
        return task->wait ? LEAF_WAIT : LEAF_WAIT_MAYBE;
    default:
        return LEAF_NONE;
    }
}

/* NULL: there is no task, it has ended or is not wanted. */
static struct profile_node *get_task_node(struct profile_fold *fold,
                                          const struct recording_task *task) {
    if (!task || task->state == SNAPSHOT_TASK_DONE || task->state == SNAPSHOT_TASK_CANCELLED ||
        !profile_fold_wants(fold, task->stack, task->name))
        return NULL;
    struct profile_part part = profile_make_task_part(task);
    part.leaf = get_leaf(task);
    part.wait = part.leaf == LEAF_WAIT ? task->wait : NULL;
    return profile_nodes_get(fold->nodes, NULL, &part);
}

static void change_task(struct profile_fold *fold, const struct recording_task *task_before,
                        const struct recording_task *task_after) {
    struct profile_node *before = get_task_node(fold, task_before);
    struct profile_node *after = get_task_node(fold, task_after);
    if (before == after)
        return;
    if (before)
        profile_nodes_leave(fold->nodes, before);
    if (after)
        profile_nodes_enter(fold->nodes, after);
}

/* The first sample that is seen need not be the first one of the recording: there all tasks count.
 */
static void change_tasks(struct profile_fold *fold, const struct recording_sample *sample) {
    if (!fold->samples)
        for (size_t i = 0; i < sample->task_count; i++)
            change_task(fold, NULL, sample->tasks[i]);
    else
        for (size_t i = 0; i < sample->change_count; i++)
            change_task(fold, sample->changes[i].before, sample->changes[i].after);
}

/* Time does not go back, whatever the recording says. */
static void set_time(struct profile_fold *fold, double time_s) {
    if (time_s > fold->time_s && time_s < TIME_MAX)
        fold->time_s = time_s;
    profile_nodes_set_time(fold->nodes, fold->time_s, fold->samples);
}

void profile_fold_add(struct profile_fold *fold, const struct recording_sample *sample) {
    set_time(fold, sample->time_s);
    if (fold->mode == PROFILE_TASKS)
        change_tasks(fold, sample);
    else
        profile_fold_show(fold, sample);
    fold->samples++;
}

const struct profile *profile_fold_end(struct profile_fold *fold, const struct recording_end *end) {
    if (fold->profile)
        return fold->profile;
    set_time(fold, end->time_s);
    profile_nodes_finish(fold->nodes);
    fold->profile = arena_alloc(fold->arena, sizeof *fold->profile);
    fold->profile->mode = fold->mode;
    fold->profile->duration_s = fold->time_s;
    fold->profile->samples = fold->samples;
    profile_build(fold->arena, fold->nodes, FRAMES_MAX, fold->profile);
    return fold->profile;
}
