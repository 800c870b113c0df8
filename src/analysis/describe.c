#include "describe.h"

#include <inttypes.h>

#include "tails.h"
#include "wait_kinds.h"
#include "words.h"

#define TEXT(analysis_, ...) arena_format((analysis_)->snapshot->arena, __VA_ARGS__)

static const char *describe_task(struct analysis *analysis, const struct snapshot_wait *wait) {
    if (wait->task_count > 1)
        return words_many(analysis, (int64_t)wait->task_count, "task");
    const struct snapshot_task *task =
        wait->task_count ? find_task(analysis, wait->tasks[0]) : find_task(analysis, wait->id);
    if (!task)
        return "a task";
    const char *name = words_task(analysis, task);
    return task->name ? TEXT(analysis, "task %s", name) : name;
}

static const char *describe_tasks(struct analysis *analysis, const struct snapshot_wait *wait) {
    bool known = wait->total != SNAPSHOT_UNKNOWN;
    return wait_kind_describe_tasks(analysis->snapshot->arena, wait->kind,
                                    known ? wait->total : (int64_t)wait->task_count,
                                    wait->any_task == SNAPSHOT_YES);
}

static const char *describe_group(struct analysis *analysis, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = find_object(analysis, wait->object);
    return object ? words_object(analysis, object) : "TaskGroup";
}

static const char *describe_object(struct analysis *analysis, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = find_object(analysis, wait->object);
    if (!object)
        return describe_wait_kind(wait);
    const char *name = words_object(analysis, object);
    int64_t value = get_fact(object, "value"), bound = get_fact(object, "bound");
    int64_t parties = get_fact(object, "parties"), count = get_fact(object, "count");
    if (wait->kind == SNAPSHOT_WAIT_SEMAPHORE && value != SNAPSHOT_UNKNOWN &&
        bound != SNAPSHOT_UNKNOWN)
        return TEXT(analysis, "%s, %" PRId64 " of %" PRId64 " free", name, value, bound);
    if (wait->kind == SNAPSHOT_WAIT_BARRIER && parties != SNAPSHOT_UNKNOWN &&
        count != SNAPSHOT_UNKNOWN)
        return TEXT(analysis, "%s, %" PRId64 " of %" PRId64 " there", name, count, parties);
    return name;
}

static const char *describe_queue(struct analysis *analysis, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = find_object(analysis, wait->object);
    if (!object)
        return describe_wait_kind(wait);
    const char *name = words_object(analysis, object);
    int64_t size = get_fact(object, "size"), most = get_fact(object, "max_size");
    int64_t unfinished = get_fact(object, "unfinished");
    bool is_join = wait->kind == SNAPSHOT_WAIT_QUEUE_JOIN;
    if ((is_join ? unfinished : size) == SNAPSHOT_UNKNOWN)
        return wait_kind_describe_queue(analysis->snapshot->arena, wait->kind, name);
    if (is_join)
        return TEXT(analysis, "join of %s, %" PRId64 " unfinished", name, unfinished);
    const char *direction = wait->kind == SNAPSHOT_WAIT_QUEUE_GET ? "get" : "put";
    const char *fill = size == 0 ? "empty" : most > 0 && size >= most ? "full" : direction;
    if (most > 0)
        return TEXT(analysis, "%s %s (%" PRId64 " of %" PRId64 ")", name, fill, size, most);
    return size == 0 ? TEXT(analysis, "%s empty", name)
                     : TEXT(analysis, "%s %s (%" PRId64 ")", name, fill, size);
}

static const char *describe_socket(struct analysis *analysis, const struct snapshot_wait *wait) {
    const struct snapshot_socket *socket = find_wait_socket(analysis, wait);
    const char *name = socket && wait->kind == SNAPSHOT_WAIT_SOCKET_ACCEPT ? socket->local
                       : socket                                            ? socket->peer
                                                                           : NULL;
    return wait_kind_describe_file(analysis->snapshot->arena, wait->kind, name, wait->fd);
}

static const char *describe_executor(struct analysis *analysis, const struct snapshot_wait *wait) {
    if (wait->tid == SNAPSHOT_UNKNOWN)
        return describe_wait_kind(wait);
    const struct snapshot_thread *thread = find_thread(analysis, wait->tid);
    if (!thread || !thread->name)
        return TEXT(analysis, "thread with tid %" PRId64, wait->tid);
    return TEXT(analysis, "%s %s",
                wait->kind == SNAPSHOT_WAIT_EXECUTOR ? "executor thread" : "thread",
                words_shorten(analysis, thread->name, 48));
}

const char *describe_wait_kind(const struct snapshot_wait *wait) {
    if (wait->kind != SNAPSHOT_WAIT_EXECUTOR)
        return wait_kind_describe(wait->kind);
    if (wait->position != SNAPSHOT_UNKNOWN)
        return "a free executor thread";
    return wait->tid == SNAPSHOT_UNKNOWN ? wait_kind_describe(wait->kind)
                                         : "a call in an executor thread";
}

static const char *describe_by_kind(struct analysis *analysis, const struct snapshot_wait *wait) {
    struct arena *arena = analysis->snapshot->arena;
    if (wait_kind_is_file(wait->kind))
        return describe_socket(analysis, wait);
    switch ((int)wait->kind) {
    case SNAPSHOT_WAIT_TASK:
        return describe_task(analysis, wait);
    case SNAPSHOT_WAIT_SHIELD:
        return TEXT(analysis, "shield of %s",
                    wait->task_count ? describe_task(analysis, wait) : "a future");
    case SNAPSHOT_WAIT_TIMEOUT:
        return TEXT(analysis, "wait_for(%s)",
                    wait->task_count ? describe_task(analysis, wait) : "");
    case SNAPSHOT_WAIT_GATHER:
    case SNAPSHOT_WAIT_WAIT:
        return describe_tasks(analysis, wait);
    case SNAPSHOT_WAIT_TASK_GROUP:
        return describe_group(analysis, wait);
    case SNAPSHOT_WAIT_LOCK:
    case SNAPSHOT_WAIT_EVENT:
    case SNAPSHOT_WAIT_CONDITION:
    case SNAPSHOT_WAIT_SEMAPHORE:
    case SNAPSHOT_WAIT_BARRIER:
        return describe_object(analysis, wait);
    case SNAPSHOT_WAIT_QUEUE_GET:
    case SNAPSHOT_WAIT_QUEUE_PUT:
    case SNAPSHOT_WAIT_QUEUE_JOIN:
        return describe_queue(analysis, wait);
    case SNAPSHOT_WAIT_DNS:
        return wait_kind_describe_lookup(arena, wait->callee);
    case SNAPSHOT_WAIT_SUBPROCESS:
        return wait_kind_describe_process(arena, wait->pid);
    case SNAPSHOT_WAIT_EXECUTOR:
    case SNAPSHOT_WAIT_THREAD:
        return describe_executor(analysis, wait);
    case SNAPSHOT_WAIT_FUTURE:
    case SNAPSHOT_WAIT_UNKNOWN:
        return wait_kind_describe_type(arena, wait->kind, wait->type);
    default:
        return describe_wait_kind(wait);
    }
}

const char *describe_wait(struct analysis *analysis, const struct snapshot_task *task,
                          const struct snapshot_wait *wait) {
    if (task && task->idle == SNAPSHOT_YES && wait_is_read(wait)) {
        const struct snapshot_socket *socket = find_task_socket(analysis, task);
        if (socket && socket_is_accepted(analysis, socket))
            return "next request (keep-alive socket)";
    }
    return describe_by_kind(analysis, wait);
}

static const char *describe_whole(struct analysis *analysis, const struct snapshot_task *task,
                                  const struct snapshot_wait *wait) {
    struct tails tails = {0};
    const char *text = describe_wait(analysis, task, wait);
    tails_add(analysis, &tails, wait);
    const char *tail = tails_describe(analysis, &tails, wait->kind);
    return *tail ? TEXT(analysis, "%s%s", text, tail) : text;
}

void describe_waits(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (task->awaiting)
            task->awaiting->text = describe_whole(analysis, task, task->awaiting);
    }
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        struct snapshot_wait *wait = snapshot->threads.items[i].awaiting;
        if (wait)
            wait->text = describe_whole(analysis, NULL, wait);
    }
}
