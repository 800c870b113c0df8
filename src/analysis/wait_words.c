#include "asyncspy/analysis/wait_words.h"

#include "wait_kinds.h"
#include "words.h"

static const char *describe_task(struct arena *arena, const struct recording_wait *wait) {
    if (wait->task && *wait->task)
        return arena_format(arena, "task %s", words_shorten_in(arena, wait->task, WORDS_NAME));
    return wait->tasks > 1 ? words_many_in(arena, wait->tasks, "task") : "a task";
}

static const char *describe_file(struct arena *arena, const struct recording_wait *wait) {
    if (wait->is_client)
        return arena_format(arena, "client socket (%s)", wait_kind_get_direction(wait->kind));
    return wait_kind_describe_file(arena, wait->kind, wait->peer, wait->fd);
}

static const char *describe_executor(struct arena *arena, const struct recording_wait *wait) {
    if (!wait->callee || !*wait->callee)
        return wait_kind_describe(wait->kind);
    return arena_format(arena, "executor: %s", words_shorten_in(arena, wait->callee, WORDS_NAME));
}

static const char *describe_object(struct arena *arena, const struct recording_wait *wait) {
    if (!wait->object)
        return wait_kind_describe(wait->kind);
    const char *object = words_labelled(arena, wait->object, wait->name);
    bool is_queue = wait->kind == SNAPSHOT_WAIT_QUEUE_GET ||
                    wait->kind == SNAPSHOT_WAIT_QUEUE_PUT || wait->kind == SNAPSHOT_WAIT_QUEUE_JOIN;
    return is_queue ? wait_kind_describe_queue(arena, wait->kind, object) : object;
}

const char *recording_wait_describe(struct arena *arena, const struct recording_wait *wait) {
    bool has_tasks = wait->task || wait->tasks > 0;
    if (wait_kind_is_file(wait->kind))
        return describe_file(arena, wait);
    switch ((int)wait->kind) {
    case SNAPSHOT_WAIT_TASK:
        return describe_task(arena, wait);
    case SNAPSHOT_WAIT_SHIELD:
        return arena_format(arena, "shield of %s",
                            has_tasks ? describe_task(arena, wait) : "a future");
    case SNAPSHOT_WAIT_TIMEOUT:
        return arena_format(arena, "wait_for(%s)", has_tasks ? describe_task(arena, wait) : "");
    case SNAPSHOT_WAIT_GATHER:
    case SNAPSHOT_WAIT_WAIT:
        return wait_kind_describe_tasks(arena, wait->kind, wait->tasks > 0 ? wait->tasks : 0,
                                        false);
    case SNAPSHOT_WAIT_DNS:
        return wait_kind_describe_lookup(arena, wait->callee);
    case SNAPSHOT_WAIT_SUBPROCESS:
        return wait_kind_describe_process(arena, wait->pid);
    case SNAPSHOT_WAIT_EXECUTOR:
        return describe_executor(arena, wait);
    case SNAPSHOT_WAIT_FUTURE:
    case SNAPSHOT_WAIT_UNKNOWN:
        return wait_kind_describe_type(arena, wait->kind, wait->type);
    default:
        return describe_object(arena, wait);
    }
}
