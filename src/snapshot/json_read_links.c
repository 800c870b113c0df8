/* Records that tell of each other by id. */
#include "asyncspy/base/id_table.h"
#include "asyncspy/snapshot/task_index.h"
#include "json_read.h"

/* From the ids of the tasks of groups to their places. */
static void link_groups(struct json_decoder *decoder, const struct task_index *index) {
    for (size_t i = 0; i < decoder->snapshot->groups.count; i++) {
        struct snapshot_group *group = &decoder->snapshot->groups.items[i];
        for (size_t j = 0; j < group->task_count; j++) {
            group->tasks[j] = task_index_find(index, group->tasks[j]);
            if (group->tasks[j] == TASK_INDEX_NONE)
                json_fail(decoder, "groups", "a group has a task that is not in tasks");
        }
    }
}

/* A running task runs in the thread whose current task it is. */
static void link_threads(struct json_decoder *decoder, const struct task_index *index) {
    struct snapshot *snapshot = decoder->snapshot;
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        size_t place = task_index_find(index, snapshot->threads.items[i].current_task);
        if (place != TASK_INDEX_NONE && snapshot->tasks.items[place].state == SNAPSHOT_TASK_RUNNING)
            snapshot->tasks.items[place].tid = snapshot->threads.items[i].tid;
    }
}

/* From the tid to the thread; the first one of several. */
static const struct id_table *index_threads(const struct snapshot *snapshot) {
    struct id_table *table = id_table_create(snapshot->arena, snapshot->threads.count);
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        struct snapshot_thread *thread = &snapshot->threads.items[i];
        id_table_add(table, (uint64_t)thread->tid, thread);
    }
    return table;
}

/* The frames that a holder's index counts in, NULL where who holds it is not in the snapshot. */
static const struct snapshot_stack *find_frames(const struct snapshot *snapshot,
                                                const struct task_index *index,
                                                const struct id_table *threads,
                                                const struct snapshot_holder *holder) {
    if (holder->task) {
        size_t place = task_index_find(index, holder->task);
        return place == TASK_INDEX_NONE ? NULL : &snapshot->tasks.items[place].frames;
    }
    const struct snapshot_thread *thread = id_table_find(threads, (uint64_t)holder->tid);
    return thread ? &thread->frames : NULL;
}

static void check_holders(struct json_decoder *decoder, const struct task_index *index,
                          const struct id_table *threads, const struct snapshot_object *object) {
    for (size_t i = 0; i < object->holder_count; i++) {
        const struct snapshot_stack *frames =
            find_frames(decoder->snapshot, index, threads, &object->holders[i]);
        json_enter(decoder, "holders", i);
        if (frames && object->holders[i].frame >= (int64_t)frames->count)
            json_fail(decoder, "frame", "is out of range");
        json_leave(decoder);
    }
}

/* Everybody may look up the frame of a holder without looking at the number. */
static void check_objects(struct json_decoder *decoder, const struct task_index *index) {
    const struct id_table *threads = index_threads(decoder->snapshot);
    for (size_t i = 0; i < decoder->snapshot->objects.count; i++) {
        json_enter(decoder, "objects", i);
        check_holders(decoder, index, threads, &decoder->snapshot->objects.items[i]);
        json_leave(decoder);
    }
}

void json_read_links(struct json_decoder *decoder) {
    struct task_index *index = task_index_create(decoder->snapshot->arena, decoder->snapshot);
    link_threads(decoder, index);
    link_groups(decoder, index);
    check_objects(decoder, index);
}
