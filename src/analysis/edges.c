#include "asyncspy/analysis/edges.h"

#include "asyncspy/snapshot/task_index.h"

typedef void visit_edge(struct snapshot_task *awaited, snapshot_id awaiter);

static void count_edge(struct snapshot_task *awaited, snapshot_id awaiter) {
    (void)awaiter;
    awaited->awaited_by_count++;
}

static void add_edge(struct snapshot_task *awaited, snapshot_id awaiter) {
    awaited->awaited_by[awaited->awaited_by_count++] = awaiter;
}

static void visit_edges(struct snapshot *snapshot, const struct task_index *index,
                        visit_edge *visit) {
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        for (size_t j = 0; task->awaiting && j < task->awaiting->task_count; j++) {
            size_t place = task_index_find(index, task->awaiting->tasks[j]);
            if (place != TASK_INDEX_NONE)
                visit(&snapshot->tasks.items[place], task->id);
        }
    }
}

void edges_find(struct snapshot *snapshot) {
    struct arena *scratch = arena_create();
    const struct task_index *index = task_index_create(scratch, snapshot);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        snapshot->tasks.items[i].awaited_by_count = 0;
    visit_edges(snapshot, index, count_edge);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct snapshot_task *task = &snapshot->tasks.items[i];
        task->awaited_by = task->awaited_by_count
                               ? arena_alloc_array(snapshot->arena, task->awaited_by_count,
                                                   sizeof *task->awaited_by)
                               : NULL;
        task->awaited_by_count = 0;
    }
    visit_edges(snapshot, index, add_edge);
    arena_destroy(scratch);
}
