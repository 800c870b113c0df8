#include "asyncspy/snapshot/task_index.h"

#include "asyncspy/base/id_table.h"

struct task_index {
    const struct snapshot_task *tasks;
    struct id_table *table;
};

struct task_index *task_index_create(struct arena *arena, const struct snapshot *snapshot) {
    struct task_index *index = arena_alloc(arena, sizeof *index);
    *index = (struct task_index){.tasks = snapshot->tasks.items,
                                 .table = id_table_create(arena, snapshot->tasks.count)};
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        id_table_add(index->table, snapshot->tasks.items[i].id, &snapshot->tasks.items[i]);
    return index;
}

size_t task_index_find(const struct task_index *index, snapshot_id id) {
    const struct snapshot_task *task = id_table_find(index->table, id);
    return task ? (size_t)(task - index->tasks) : TASK_INDEX_NONE;
}
