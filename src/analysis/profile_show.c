/*
 * Threads and loops: there are few, so each sample is looked at whole.
 */
#include "profile_fold.h"

#define WAITERS_MAX 128 /* tasks, one waiting for the other */

static uint64_t get_key(const struct recording_thread *thread) {
    return thread->tid == SNAPSHOT_UNKNOWN ? thread->ident : (uint64_t)thread->tid;
}

static void find_threads(struct profile_fold *fold, const struct recording_sample *sample) {
    arena_reset(fold->scratch);
    fold->threads = id_table_create(fold->scratch, sample->thread_count);
    const struct recording_thread **places =
        arena_alloc_array(fold->scratch, sample->thread_count, sizeof *places);
    for (size_t i = 0; i < sample->thread_count; i++) {
        places[i] = &sample->threads[i];
        id_table_add(fold->threads, get_key(places[i]), &places[i]);
    }
}

static const struct recording_thread *find_thread(const struct profile_fold *fold, uint64_t key) {
    const struct recording_thread *const *place = id_table_find(fold->threads, key);
    return place ? *place : NULL;
}

/* What was shown is over; CPU time is known only now. */
static void end_shown(struct profile_fold *fold) {
    for (size_t i = 0; i < fold->shown_count; i++) {
        const struct profile_shown *shown = &fold->shown[i];
        if (fold->mode == PROFILE_CPU) {
            const struct recording_thread *thread = find_thread(fold, shown->thread);
            if (thread && thread->cpu_s > shown->cpu_s)
                profile_node_charge(shown->node, thread->cpu_s - shown->cpu_s);
        } else {
            profile_nodes_leave(fold->nodes, shown->node);
        }
    }
    fold->shown_count = 0;
}

/* From now on; `thread` is that whose CPU time it costs, or NULL. */
static void show(struct profile_fold *fold, struct profile_node *node,
                 const struct recording_thread *thread) {
    if (!node)
        return;
    if (fold->shown_count == fold->shown_capacity) {
        fold->shown_capacity = 2 * fold->shown_capacity + 16;
        fold->shown = memory_realloc(fold->shown, fold->shown_capacity * sizeof *fold->shown);
    }
    fold->shown[fold->shown_count++] =
        (struct profile_shown){node, thread ? get_key(thread) : 0, thread ? thread->cpu_s : NAN};
    if (fold->mode != PROFILE_CPU)
        profile_nodes_enter(fold->nodes, node);
}

static struct profile_node *get_root(struct profile_fold *fold,
                                     const struct recording_thread *thread) {
    struct profile_part part = {.kind = PART_THREAD, .name = thread->name, .tid = thread->tid};
    return profile_nodes_get(fold->nodes, NULL, &part);
}

/* Its stack; its name where it has none. NULL: it is not wanted. */
static struct profile_node *get_thread_node(struct profile_fold *fold,
                                            const struct recording_thread *thread,
                                            const char *task_name) {
    if (!profile_fold_wants(fold, thread->stack, task_name))
        return NULL;
    if (!thread->stack->count)
        return get_root(fold, thread);
    struct profile_part part = {.kind = PART_STACK, .stack = thread->stack};
    return profile_nodes_get(fold->nodes, NULL, &part);
}

/* The task, the one that waits for it, and so on; up to where it is a circle. */
static size_t find_waiters(const struct profile_fold *fold, const struct recording_task *task,
                           const struct recording_task *ret[WAITERS_MAX]) {
    size_t count = 0;
    while (task && count < WAITERS_MAX) {
        for (size_t i = 0; i < count; i++)
            if (ret[i] == task)
                return count;
        ret[count++] = task;
        task = task_numbers_find(fold->tasks, task->awaited_by);
    }
    return count;
}

/* The frames of the tasks that wait for it, then its own. NULL: it is not wanted. */
static struct profile_node *get_running_node(struct profile_fold *fold,
                                             const struct recording_task *task) {
    const struct recording_task *chain[WAITERS_MAX];
    struct profile_node *node = NULL;
    if (!profile_fold_wants(fold, task->stack, task->name))
        return NULL;
    for (size_t i = find_waiters(fold, task, chain); i-- > 0;) {
        struct profile_part part = profile_make_task_part(chain[i]);
        node = profile_nodes_get(fold->nodes, node, &part);
    }
    return node;
}

static bool is_busy(const struct recording_loop *loop, const struct recording_thread *thread) {
    return loop->task || loop->state == SNAPSHOT_LOOP_RUNNING ||
           loop->state == SNAPSHOT_LOOP_BLOCKED ||
           (loop->state == SNAPSHOT_LOOP_STATE_UNKNOWN && thread && thread->on_cpu == SNAPSHOT_YES);
}

static void show_loop(struct profile_fold *fold, const struct recording_loop *loop) {
    const struct recording_task *task = task_numbers_find(fold->tasks, loop->task);
    const struct recording_thread *thread =
        loop->tid == SNAPSHOT_UNKNOWN ? NULL : find_thread(fold, (uint64_t)loop->tid);
    struct profile_part part = {.kind = PART_LOOP};
    if (task)
        show(fold, get_running_node(fold, task), thread);
    else if (!is_busy(loop, thread))
        return;
    else if (thread)
        show(fold, get_thread_node(fold, thread, NULL), thread);
    else if (!fold->filter)
        show(fold, profile_nodes_get(fold->nodes, NULL, &part), NULL);
}

static enum profile_leaf get_leaf(const struct recording_thread *thread) {
    if (thread->waits_for_gil == SNAPSHOT_YES)
        return LEAF_NO_GIL;
    return thread->on_cpu == SNAPSHOT_NO ? LEAF_OFF_CPU : LEAF_NONE;
}

static void show_thread(struct profile_fold *fold, const struct recording_thread *thread) {
    const struct recording_task *task = task_numbers_find(fold->tasks, thread->task);
    const char *name = task ? task->name : NULL;
    struct profile_part part = {
        .kind = PART_STACK, .leaf = get_leaf(thread), .stack = thread->stack};
    if (fold->mode == PROFILE_CPU && task)
        show(fold, get_running_node(fold, task), thread);
    else if (fold->mode == PROFILE_CPU ||
             (fold->mode == PROFILE_GIL && thread->holds_gil == SNAPSHOT_YES))
        show(fold, get_thread_node(fold, thread, name), thread);
    else if (fold->mode == PROFILE_THREADS && profile_fold_wants(fold, thread->stack, name))
        show(fold, profile_nodes_get(fold->nodes, get_root(fold, thread), &part), thread);
}

void profile_fold_show(struct profile_fold *fold, const struct recording_sample *sample) {
    find_threads(fold, sample);
    end_shown(fold);
    task_numbers_follow(fold->tasks, sample);
    for (size_t i = 0; fold->mode == PROFILE_RUNNING && i < sample->loop_count; i++)
        show_loop(fold, &sample->loops[i]);
    for (size_t i = 0; fold->mode != PROFILE_RUNNING && i < sample->thread_count; i++)
        show_thread(fold, &sample->threads[i]);
}
