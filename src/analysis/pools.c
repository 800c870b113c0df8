/*
 * Queues that are pools: asyncpg, redis-py and others keep free connections in a bounded queue and
 * wait for one in its get(). Nothing in the queue says so; that a function takes from it whose name
 * says that it lends something does, and that nobody ever called task_done().
 */
#include <string.h>

#include "analysis.h"
#include "asyncspy/analysis/place.h"

#define LIBRARY_NAME_MAX 64
#define POOLS_MAX 12 /* whose holders are looked for */

static const char *const lending_words[] = {"acquire",   "connection", "get_conn", "checkout",
                                            "check_out", "borrow",     "lease"};

static bool is_lending(const struct snapshot_frame *frame) {
    for (size_t i = 0; frame->function && i < sizeof lending_words / sizeof *lending_words; i++)
        if (strstr(frame->function, lending_words[i]))
            return true;
    return false;
}

/* The function that called Queue.get(). */
static const struct snapshot_frame *find_caller(const struct snapshot_stack *stack) {
    for (size_t i = 0; i < stack->count; i++)
        if (frame_get_origin(stack->frames[i]) != FRAME_STDLIB)
            return stack->frames[i];
    return NULL;
}

/* "asyncpg" of asyncpg/pool.py; false: it is of no package. */
static bool get_library(const struct snapshot_frame *frame, char *ret) {
    const char *file = frame_get_short_file(frame), *end = strchr(file, '/');
    if (frame_get_origin(frame) != FRAME_PACKAGE || !end || end - file >= LIBRARY_NAME_MAX)
        return false;
    memcpy(ret, file, (size_t)(end - file));
    ret[end - file] = '\0';
    return true;
}

static bool is_below(const char *name, const char *library, char separator) {
    size_t length = strlen(library);
    return name && strncmp(name, library, length) == 0 && name[length] == separator;
}

static bool stands_in(const struct snapshot_stack *stack, const char *library, size_t *ret_frame) {
    for (size_t i = 0; i < stack->count; i++) {
        *ret_frame = i;
        if (is_below(frame_get_short_file(stack->frames[i]), library, '/'))
            return true;
    }
    return false;
}

/* It has a manager of the library open, or waits in the library. */
static bool uses(const struct analysis *analysis, const struct snapshot_task *task,
                 const char *library, size_t *ret_frame) {
    for (size_t i = 0; i < task->hold_count; i++) {
        const struct snapshot_object *object = find_object(analysis, task->holds[i].object);
        if (!object || !is_below(object->type, library, '.') || task->holds[i].frame < 0)
            continue;
        *ret_frame = (size_t)task->holds[i].frame;
        return true;
    }
    return stands_in(&task->frames, library, ret_frame);
}

/* Whoever is in the library and does not wait for the queue may have what was lent; if they are as
 * many as there are things to lend, they do. */
static void add_holders(struct analysis *analysis, struct snapshot_object *object,
                        const char *library) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t most = (size_t)get_fact(object, "max_size"), count = 0, frame;
    size_t room = most < snapshot->tasks.count ? most : snapshot->tasks.count;
    struct snapshot_holder *holders = arena_alloc_array(snapshot->arena, room, sizeof *holders);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (!task_is_alive(task) || (task->awaiting && task->awaiting->object == object->id) ||
            !uses(analysis, task, library, &frame))
            continue;
        if (count == most)
            return;
        holders[count++] = (struct snapshot_holder){
            .task = task->id, .tid = SNAPSHOT_UNKNOWN, .frame = (int64_t)frame};
    }
    for (size_t i = 0; i < count; i++)
        holders[i].confidence = count == most ? SNAPSHOT_LIKELY : SNAPSHOT_POSSIBLE;
    object->holders = holders;
    object->holder_count = count;
}

/* Whether those who wait for the queue want to be lent something; by the first of them. */
static bool is_lent_from(const struct analysis *analysis, const struct snapshot_object *object,
                         const struct snapshot_frame **ret_caller) {
    size_t count;
    const uint32_t *waiters = get_waiters(analysis, object, &count);
    if (object->kind != SNAPSHOT_OBJECT_QUEUE || !count || get_fact(object, "size") != 0 ||
        get_fact(object, "max_size") <= 0 ||
        get_fact(object, "unfinished") < get_fact(object, "max_size"))
        return false;
    const struct snapshot_task *first = &analysis->snapshot->tasks.items[waiters[0]];
    *ret_caller = find_caller(&first->frames);
    return first->awaiting->kind == SNAPSHOT_WAIT_QUEUE_GET && *ret_caller &&
           is_lending(*ret_caller);
}

void find_pools(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t looked = 0;
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        struct snapshot_object *object = &snapshot->objects.items[i];
        const struct snapshot_frame *caller = NULL;
        char library[LIBRARY_NAME_MAX];
        analysis->pools[i] = is_lent_from(analysis, object, &caller);
        if (analysis->pools[i] && !object->holder_count && get_library(caller, library) &&
            looked++ < POOLS_MAX) /* each looks at every task */
            add_holders(analysis, object, library);
    }
}
