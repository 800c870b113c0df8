/*
 * What the picture counts: tasks by their states and waits, connections that nobody has accepted.
 */
#include <stdlib.h>
#include <string.h>

#include "live_fold.h"

static int compare_waits(const void *a, const void *b) {
    const struct live_wait *first = a, *second = b;
    if (first->tasks != second->tasks)
        return first->tasks > second->tasks ? -1 : 1;
    return (first->kind > second->kind) - (first->kind < second->kind);
}

static void show_waits(struct live_fold *fold, const size_t counts[SNAPSHOT_WAIT_KIND_COUNT],
                       struct live *live) {
    struct live_wait *waits =
        arena_alloc_array(fold->shown, SNAPSHOT_WAIT_KIND_COUNT, sizeof *waits);
    size_t count = 0;
    for (size_t i = 0; i < SNAPSHOT_WAIT_KIND_COUNT; i++)
        if (counts[i])
            waits[count++] = (struct live_wait){(enum snapshot_wait_kind)i, counts[i]};
    if (count)
        qsort(waits, count, sizeof *waits, compare_waits);
    live->waits = waits;
    live->wait_count = count;
}

static void count_tasks(struct live_fold *fold, struct live *live) {
    size_t waits[SNAPSHOT_WAIT_KIND_COUNT] = {0};
    for (size_t i = 0; i < live->snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &live->snapshot->tasks.items[i];
        if ((unsigned)task->state >= SNAPSHOT_TASK_STATE_COUNT)
            continue;
        live->states[task->state]++;
        live->tasks += task->state != SNAPSHOT_TASK_DONE && task->state != SNAPSHOT_TASK_CANCELLED;
        if (task->state == SNAPSHOT_TASK_WAITING && task->awaiting &&
            (unsigned)task->awaiting->kind < SNAPSHOT_WAIT_KIND_COUNT)
            waits[task->awaiting->kind]++;
    }
    show_waits(fold, waits, live);
}

static void add_known(int64_t *sum, int64_t value) {
    if (value < 0)
        return;
    if (*sum == SNAPSHOT_UNKNOWN)
        *sum = 0;
    if (__builtin_add_overflow(*sum, value, sum))
        *sum = INT64_MAX;
}

void live_counts_end(struct live_fold *fold, struct live *live) {
    live->accept_queue = live->accept_max = SNAPSHOT_UNKNOWN;
    if (!live->snapshot)
        return;
    count_tasks(fold, live);
    for (size_t i = 0; i < live->snapshot->sockets.count; i++) {
        const struct snapshot_socket *socket = &live->snapshot->sockets.items[i];
        if (!socket->state || strcmp(socket->state, "LISTEN") != 0)
            continue;
        add_known(&live->accept_queue, socket->receive_queue);
        add_known(&live->accept_max, socket->backlog_max);
    }
}
