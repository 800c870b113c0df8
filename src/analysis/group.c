#include "asyncspy/analysis/group.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"

#define KEY_HEAD 4 /* words of a key before the frames */

struct grouping {
    struct snapshot *snapshot;
    struct arena *scratch;
    struct table *table;      /* from the key to the builder */
    struct builder **members; /* of each task */
    size_t count;
    uintptr_t *key;
    size_t key_capacity;
    const char *last_text, *last_interned;
};

/* A group that is being counted. */
struct builder {
    size_t first; /* its first task */
    size_t count;
    struct snapshot_group *group;
};

/* Equal texts as equal words. Neighbours mostly share the pointer: no search then. */
static uintptr_t intern(struct grouping *grouping, const char *text) {
    if (!text)
        return 0;
    if (text != grouping->last_text) {
        grouping->last_interned = string_pool_add(grouping->snapshot->strings, text, strlen(text));
        grouping->last_text = text;
    }
    return (uintptr_t)grouping->last_interned;
}

/* Puts everything that members of a group have in common into `key`; gives its words. */
static size_t make_key(struct grouping *grouping, const struct snapshot_task *task) {
    size_t count = task->frames.count, size = KEY_HEAD + count;
    if (!grouping->key || size > grouping->key_capacity) {
        grouping->key_capacity = 2 * size;
        grouping->key = arena_alloc_array(grouping->scratch, 2 * size, sizeof *grouping->key);
    }
    grouping->key[0] = (uintptr_t)task->state;
    grouping->key[1] = task->awaiting ? 1 + (uintptr_t)task->awaiting->kind : 0;
    grouping->key[2] = task->awaiting ? intern(grouping, task->awaiting->text) : 0;
    grouping->key[3] = count ? 0 : intern(grouping, task->coroutine);
    if (count)
        memcpy(grouping->key + KEY_HEAD, task->frames.frames, count * sizeof *grouping->key);
    return size * sizeof *grouping->key;
}

static void count_task(struct grouping *grouping, size_t place) {
    size_t size = make_key(grouping, &grouping->snapshot->tasks.items[place]);
    struct builder *builder = table_find(grouping->table, grouping->key, size);
    if (!builder) {
        void *key = memcpy(arena_alloc(grouping->scratch, size), grouping->key, size);
        builder = arena_alloc(grouping->scratch, sizeof *builder);
        builder->first = place;
        table_add(grouping->table, key, size, builder);
        grouping->count++;
    }
    builder->count++;
    grouping->members[place] = builder;
}

static bool is_plain_future(const char *type) {
    return strcmp(type, "_asyncio.Future") == 0 || strcmp(type, "asyncio.futures.Future") == 0;
}

/* What the members wait for, without ids. */
static const char *describe_wait(struct snapshot *snapshot, const struct snapshot_wait *wait) {
    if (!wait)
        return NULL;
    if (wait->kind == SNAPSHOT_WAIT_TASK)
        return "a task";
    if (wait->kind == SNAPSHOT_WAIT_UNKNOWN)
        return wait->text ? wait->text : "an unknown object";
    if (!wait->text || is_plain_future(wait->text))
        return "a future";
    const char *dot = strrchr(wait->text, '.');
    return arena_format(snapshot->arena, "a future (%s)", dot ? dot + 1 : wait->text);
}

static struct snapshot_group *start_group(struct snapshot *snapshot,
                                          const struct builder *builder) {
    const struct snapshot_task *task = &snapshot->tasks.items[builder->first];
    struct snapshot_group *group = SNAPSHOT_APPEND(snapshot, &snapshot->groups);
    *group = (struct snapshot_group){
        .state = task->state,
        .awaiting = describe_wait(snapshot, task->awaiting),
        .frames = task->frames,
        .tasks = arena_alloc_array(snapshot->arena, builder->count, sizeof *group->tasks),
    };
    return group;
}

/* Fills the groups in the order of their first tasks. The vector is big enough from the start, so
 * that the builders can point into it. */
static void fill_groups(struct grouping *grouping) {
    struct snapshot *snapshot = grouping->snapshot;
    snapshot->groups.items =
        arena_alloc_array(snapshot->arena, grouping->count, sizeof *snapshot->groups.items);
    snapshot->groups.capacity = grouping->count;
    snapshot->groups.count = 0;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct builder *builder = grouping->members[i];
        if (!builder->group)
            builder->group = start_group(snapshot, builder);
        builder->group->tasks[builder->group->task_count++] = i;
    }
}

static int compare_groups(const void *a, const void *b) {
    const struct snapshot_group *first = a, *second = b;
    bool first_runs = first->state == SNAPSHOT_TASK_RUNNING;
    bool second_runs = second->state == SNAPSHOT_TASK_RUNNING;
    if (first_runs != second_runs)
        return first_runs ? -1 : 1;
    if (first->task_count != second->task_count)
        return first->task_count > second->task_count ? -1 : 1;
    return first->tasks[0] < second->tasks[0] ? -1 : 1;
}

void group_tasks(struct snapshot *snapshot) {
    struct arena *scratch = arena_create();
    struct grouping grouping = {
        .snapshot = snapshot,
        .scratch = scratch,
        .table = table_create(),
        .members = arena_alloc_array(scratch, snapshot->tasks.count, sizeof *grouping.members),
    };
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        count_task(&grouping, i);
    fill_groups(&grouping);
    if (snapshot->groups.count)
        qsort(snapshot->groups.items, snapshot->groups.count, sizeof *snapshot->groups.items,
              compare_groups);
    table_destroy(grouping.table);
    arena_destroy(scratch);
}
