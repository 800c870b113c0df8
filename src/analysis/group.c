#include "asyncspy/analysis/group.h"

#include <stdlib.h>
#include <string.h>

#include "analysis.h"
#include "asyncspy/base/table.h"
#include "describe.h"
#include "tails.h"

#define KEY_HEAD 5 /* words of a key before the frames */
#define KEY_DETAIL 4
#define DETAILS_MAX                                                                                \
    8 /* different objects or peers of otherwise equal tasks that make own groups                  \
       */

struct grouping {
    struct analysis *analysis;
    struct table *table;      /* from the key to the builder */
    struct table *kinds;      /* from the key without the detail to the different details */
    struct builder **members; /* of each task */
    size_t count;
    uintptr_t *key;
    size_t key_capacity;
    const char *last_text, *last_interned;
    struct builder *last; /* the group that was added to last */
};

/* A group that is being counted. */
struct builder {
    const void *key;
    size_t key_size;
    size_t first; /* its first task */
    size_t count;
    struct snapshot_group *group;
    const char *text; /* what all waits have in common so far */
    bool differs;     /* they have nothing in common but the kind */
    struct tails tails;
};

struct details {
    size_t count; /* above DETAILS_MAX: too many */
    uintptr_t values[DETAILS_MAX];
};

/* Equal texts as equal words. Neighbours mostly share the pointer: no search then. */
static uintptr_t intern(struct grouping *grouping, const char *text) {
    if (!text)
        return 0;
    if (text != grouping->last_text) {
        grouping->last_interned =
            string_pool_add(grouping->analysis->snapshot->strings, text, strlen(text));
        grouping->last_text = text;
    }
    return (uintptr_t)grouping->last_interned;
}

/* The object, or the far end of a connection that this process has made. */
static uintptr_t get_detail(struct grouping *grouping, const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    if (!wait)
        return 0;
    if (wait->object)
        return (uintptr_t)wait->object;
    const struct snapshot_socket *socket = find_task_socket(grouping->analysis, task);
    if (!socket || socket_is_accepted(grouping->analysis, socket))
        return 0;
    return intern(grouping, socket->peer);
}

/* What tells waits of one kind apart that have different texts: who is served and who is queued,
 * which class a future is of, a place to work from and a client. */
static uintptr_t get_variant(struct grouping *grouping, const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    if (!wait)
        return 0;
    if (wait->kind == SNAPSHOT_WAIT_EXECUTOR)
        return wait->tid != SNAPSHOT_UNKNOWN;
    if (wait->kind == SNAPSHOT_WAIT_FUTURE || wait->kind == SNAPSHOT_WAIT_UNKNOWN)
        return intern(grouping, wait->type);
    return wait_is_read(wait) && task->idle == SNAPSHOT_YES;
}

/* Puts everything but the detail that members of a group have in common into `key`; gives its
 * bytes. */
static size_t make_key(struct grouping *grouping, const struct snapshot_task *task) {
    size_t count = task->frames.count, size = KEY_HEAD + count;
    if (!grouping->key || size > grouping->key_capacity) {
        grouping->key_capacity = 2 * size;
        grouping->key =
            arena_alloc_array(grouping->analysis->scratch, 2 * size, sizeof *grouping->key);
    }
    grouping->key[0] = (uintptr_t)task->state;
    grouping->key[1] = task->awaiting ? 1 + (uintptr_t)task->awaiting->kind : 0;
    grouping->key[2] = get_variant(grouping, task);
    grouping->key[3] = count ? 0 : intern(grouping, task->coroutine);
    grouping->key[KEY_DETAIL] = 0;
    if (count)
        memcpy(grouping->key + KEY_HEAD, task->frames.frames, count * sizeof *grouping->key);
    return size * sizeof *grouping->key;
}

static void *copy_key(struct grouping *grouping, size_t size) {
    return memcpy(arena_alloc(grouping->analysis->scratch, size), grouping->key, size);
}

static void add_detail(struct details *details, uintptr_t value) {
    for (size_t i = 0; i < details->count && i < DETAILS_MAX; i++)
        if (details->values[i] == value)
            return;
    if (details->count < DETAILS_MAX)
        details->values[details->count] = value;
    if (details->count <= DETAILS_MAX)
        details->count++;
}

static void count_detail(struct grouping *grouping, const struct snapshot_task *task) {
    uintptr_t value = get_detail(grouping, task);
    if (!value)
        return;
    size_t size = make_key(grouping, task);
    struct details *details = table_find(grouping->kinds, grouping->key, size);
    if (!details) {
        details = arena_alloc(grouping->analysis->scratch, sizeof *details);
        table_add(grouping->kinds, copy_key(grouping, size), size, details);
    }
    add_detail(details, value);
}

static size_t make_whole_key(struct grouping *grouping, const struct snapshot_task *task) {
    size_t size = make_key(grouping, task);
    uintptr_t value = get_detail(grouping, task);
    const struct details *details = value ? table_find(grouping->kinds, grouping->key, size) : NULL;
    if (details && details->count <= DETAILS_MAX)
        grouping->key[KEY_DETAIL] = value;
    return size;
}

static void count_wait(struct grouping *grouping, struct builder *builder,
                       const struct snapshot_task *task) {
    if (!task->awaiting)
        return;
    tails_add(grouping->analysis, &builder->tails, task->awaiting);
    if (builder->differs)
        return;
    const char *text = describe_wait(grouping->analysis, task, task->awaiting);
    if (!builder->text)
        builder->text = text;
    builder->differs = text != builder->text && strcmp(text, builder->text) != 0;
}

/* The group of the key; neighbours are mostly of one. */
static struct builder *get_builder(struct grouping *grouping, size_t size, size_t place) {
    struct builder *last = grouping->last;
    if (last && last->key_size == size && memcmp(last->key, grouping->key, size) == 0)
        return last;
    struct builder *builder = table_find(grouping->table, grouping->key, size);
    if (!builder) {
        builder = arena_alloc(grouping->analysis->scratch, sizeof *builder);
        *builder =
            (struct builder){.key = copy_key(grouping, size), .key_size = size, .first = place};
        table_add(grouping->table, builder->key, size, builder);
        grouping->count++;
    }
    return grouping->last = builder;
}

static void count_task(struct grouping *grouping, size_t place) {
    const struct snapshot_task *task = &grouping->analysis->snapshot->tasks.items[place];
    struct builder *builder = get_builder(grouping, make_whole_key(grouping, task), place);
    builder->count++;
    grouping->members[place] = builder;
    count_wait(grouping, builder, task);
}

static const char *describe_group(struct grouping *grouping, const struct builder *builder,
                                  const struct snapshot_wait *wait) {
    if (!wait)
        return NULL;
    const char *text = builder->differs ? describe_wait_kind(wait) : builder->text;
    const char *tail = tails_describe(grouping->analysis, &builder->tails, wait->kind);
    return *tail ? arena_format(grouping->analysis->snapshot->arena, "%s%s", text, tail) : text;
}

static struct snapshot_group *start_group(struct grouping *grouping,
                                          const struct builder *builder) {
    struct snapshot *snapshot = grouping->analysis->snapshot;
    const struct snapshot_task *task = &snapshot->tasks.items[builder->first];
    struct snapshot_group *group = SNAPSHOT_APPEND(snapshot, &snapshot->groups);
    *group = (struct snapshot_group){
        .state = task->state,
        .awaiting = describe_group(grouping, builder, task->awaiting),
        .frames = task->frames,
        .tasks = arena_alloc_array(snapshot->arena, builder->count, sizeof *group->tasks),
    };
    return group;
}

/* Fills the groups in the order of their first tasks. The vector is big enough from the start, so
 * that the builders can point into it. */
static void fill_groups(struct grouping *grouping) {
    struct snapshot *snapshot = grouping->analysis->snapshot;
    snapshot->groups.items =
        arena_alloc_array(snapshot->arena, grouping->count, sizeof *snapshot->groups.items);
    snapshot->groups.capacity = grouping->count;
    snapshot->groups.count = 0;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct builder *builder = grouping->members[i];
        if (!builder->group)
            builder->group = start_group(grouping, builder);
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

void find_groups(struct analysis *analysis) {
    struct snapshot *snapshot = analysis->snapshot;
    struct grouping grouping = {
        .analysis = analysis,
        .table = table_create(),
        .kinds = table_create(),
        .members =
            arena_alloc_array(analysis->scratch, snapshot->tasks.count, sizeof *grouping.members),
    };
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        count_detail(&grouping, &snapshot->tasks.items[i]);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        count_task(&grouping, i);
    fill_groups(&grouping);
    if (snapshot->groups.count)
        qsort(snapshot->groups.items, snapshot->groups.count, sizeof *snapshot->groups.items,
              compare_groups);
    table_destroy(grouping.table);
    table_destroy(grouping.kinds);
}

void group_tasks(struct snapshot *snapshot) {
    struct analysis analysis;
    analysis_open(&analysis, snapshot, NULL);
    find_groups(&analysis);
    analysis_close(&analysis);
}
