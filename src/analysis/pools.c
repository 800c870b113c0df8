/*
 * Queues that are pools: asyncpg, redis-py and others keep free connections in a bounded queue and
 * wait for one in its get(). Nothing in the queue says so; that a function takes from it whose name
 * says that it lends something does, and that nobody ever called task_done(). A program may call
 * its workers so too, but those do not wait in what others call, and are of no pool.
 */
#include <string.h>

#include "analysis.h"
#include "asyncspy/analysis/place.h"

#define LIBRARY_NAME_MAX 64
#define POOLS_MAX 12 /* whose holders are looked for */

/* With these a part of the name begins ("_acquire_impl", but not "release"). */
static const char *const lending_words[] = {"acquire",   "get_conn", "checkout",
                                            "check_out", "borrow",   "lease"};

static bool is_lending(const struct snapshot_frame *frame) {
    const char *name = frame->function;
    for (size_t i = 0; name && i < sizeof lending_words / sizeof *lending_words; i++) {
        const char *found = strstr(name, lending_words[i]);
        if (found && (found == name || found[-1] == '_'))
            return true;
    }
    return name && strcmp(name, "connection") == 0;
}

/* The place of the function that called Queue.get(); the count: there is none. */
static size_t find_caller(const struct snapshot_stack *stack) {
    size_t i = 0;
    while (i < stack->count && frame_get_origin(stack->frames[i]) == FRAME_STDLIB)
        i++;
    return i;
}

static bool is_named_pool(const struct snapshot_object *object,
                          const struct snapshot_frame *caller) {
    return (object->name && strcasestr(object->name, "pool")) ||
           strcasestr(frame_get_name(caller), "pool");
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
    size_t frame;
    struct snapshot_holder *holders =
        arena_alloc_array(snapshot->arena, snapshot->tasks.count, sizeof *holders);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (task_is_alive(task) && (!task->awaiting || task->awaiting->object != object->id) &&
            uses(analysis, task, library, &frame))
            holders[object->holder_count++] = (struct snapshot_holder){
                .task = task->id, .tid = SNAPSHOT_UNKNOWN, .frame = (int64_t)frame};
    }
    bool known = (int64_t)object->holder_count == get_fact(object, "max_size");
    for (size_t i = 0; i < object->holder_count; i++)
        holders[i].confidence = known ? SNAPSHOT_LIKELY : SNAPSHOT_POSSIBLE;
    object->holders = holders;
}

/* It is empty, and as much was put into it as it takes, or more. */
static bool is_empty(const struct snapshot_object *object) {
    int64_t most = get_fact(object, "max_size");
    return object->kind == SNAPSHOT_OBJECT_QUEUE && most > 0 && get_fact(object, "size") == 0 &&
           get_fact(object, "unfinished") >= most;
}

/* The function by which the first of those who wait for the queue wants to be lent something; NULL:
 * they want something else. */
static const struct snapshot_frame *find_lender(const struct analysis *analysis,
                                                const struct snapshot_object *object) {
    size_t count;
    const uint32_t *waiters = get_waiters(analysis, object, &count);
    if (!count || !is_empty(object))
        return NULL;
    const struct snapshot_task *first = &analysis->snapshot->tasks.items[waiters[0]];
    size_t place = find_caller(&first->frames);
    if (first->awaiting->kind != SNAPSHOT_WAIT_QUEUE_GET || place == first->frames.count)
        return NULL;
    const struct snapshot_frame *caller = first->frames.frames[place];
    bool is_called = place + 1 < first->frames.count || first->awaited_by_count;
    bool is_known = frame_get_origin(caller) == FRAME_PACKAGE || is_named_pool(object, caller);
    return is_called && is_known && is_lending(caller) ? caller : NULL;
}

void find_pools(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t looked = 0;
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        struct snapshot_object *object = &snapshot->objects.items[i];
        const struct snapshot_frame *lender = find_lender(analysis, object);
        char library[LIBRARY_NAME_MAX];
        analysis->pools[i] = lender != NULL;
        if (lender && !object->holder_count && get_library(lender, library) &&
            looked++ < POOLS_MAX) /* each looks at every task */
            add_holders(analysis, object, library);
    }
}
