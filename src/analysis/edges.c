#include "asyncspy/analysis/edges.h"

#include "asyncspy/snapshot/task_index.h"

/* The edges are counted, sorted by the awaited task (a counting sort), and made unique per task. */
struct edges {
    struct snapshot *snapshot;
    const struct task_index *index;
    size_t left; /* how many may still be kept */
    bool cut;
    size_t *ends;       /* of each task: where its part of `awaiters` ends */
    uint32_t *awaiters; /* places of tasks, NULL while counting */
};

static void visit(struct edges *edges, size_t awaited, size_t awaiter) {
    if (awaited == TASK_INDEX_NONE || awaiter == TASK_INDEX_NONE)
        return;
    if (edges->left == 0) {
        edges->cut = true;
        return;
    }
    edges->left--;
    if (edges->awaiters)
        edges->awaiters[edges->ends[awaited]] = (uint32_t)awaiter;
    edges->ends[awaited]++;
}

/* First what is known of each awaited task, then what each awaiting one says. */
static void visit_all(struct edges *edges, size_t most) {
    const struct snapshot *snapshot = edges->snapshot;
    edges->left = most;
    edges->cut = false;
    for (size_t i = 0; i < snapshot->tasks.count && !edges->cut; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        for (size_t j = 0; j < task->awaited_by_count; j++)
            visit(edges, i, task_index_find(edges->index, task->awaited_by[j]));
    }
    for (size_t i = 0; i < snapshot->tasks.count && !edges->cut; i++) {
        const struct snapshot_wait *wait = snapshot->tasks.items[i].awaiting;
        for (size_t j = 0; wait && j < wait->task_count; j++)
            visit(edges, task_index_find(edges->index, wait->tasks[j]), i);
    }
}

/* Turns the counts of `ends` into starts; gives their sum. */
static size_t make_starts(size_t *ends, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        size_t here = ends[i];
        ends[i] = sum;
        sum += here;
    }
    return sum;
}

/* `seen` holds, of each awaiter, the task + 1 that it was last found to await. */
static size_t keep_once(uint32_t *awaiters, size_t count, uint32_t *seen, uint32_t mark) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (seen[awaiters[i]] != mark) {
            seen[awaiters[i]] = mark;
            awaiters[kept++] = awaiters[i];
        }
    return kept;
}

static void store(struct edges *edges, size_t place, const uint32_t *awaiters, size_t count) {
    struct snapshot *snapshot = edges->snapshot;
    struct snapshot_task *task = &snapshot->tasks.items[place];
    task->awaited_by =
        count ? arena_alloc_array(snapshot->arena, count, sizeof *task->awaited_by) : NULL;
    task->awaited_by_count = count;
    for (size_t i = 0; i < count; i++)
        task->awaited_by[i] = snapshot->tasks.items[awaiters[i]].id;
}

static void store_all(struct edges *edges, uint32_t *seen) {
    size_t start = 0;
    for (size_t i = 0; i < edges->snapshot->tasks.count; i++) {
        uint32_t *awaiters = edges->awaiters + start;
        size_t kept = keep_once(awaiters, edges->ends[i] - start, seen, (uint32_t)i + 1);
        start = edges->ends[i];
        store(edges, i, awaiters, kept);
    }
}

void edges_find(struct snapshot *snapshot) {
    edges_find_some(snapshot, EDGES_MAX);
}

void edges_find_some(struct snapshot *snapshot, size_t edges_max) {
    struct arena *scratch = arena_create();
    size_t count = snapshot->tasks.count;
    struct edges edges = {
        .snapshot = snapshot,
        .index = task_index_create(scratch, snapshot),
        .ends = arena_alloc_array(scratch, count, sizeof *edges.ends),
    };
    visit_all(&edges, edges_max);
    size_t sum = make_starts(edges.ends, count);
    edges.awaiters = arena_alloc_array(scratch, sum + 1, sizeof *edges.awaiters);
    visit_all(&edges, sum);
    store_all(&edges, arena_alloc_array(scratch, count, sizeof(uint32_t)));
    if (edges.cut)
        snapshot_add_missing(snapshot, "awaited_by",
                             arena_format(snapshot->arena,
                                          "only the first %zu edges between "
                                          "tasks were looked at",
                                          edges_max));
    arena_destroy(scratch);
}
