#include "wait_kinds.h"

#include <inttypes.h>
#include <string.h>

#include "words.h"

#define END_MOST 60 /* of a socket; a host */

const char *wait_kind_describe(enum snapshot_wait_kind kind) {
    static const char *const texts[SNAPSHOT_WAIT_KIND_COUNT] = {
        [SNAPSHOT_WAIT_TASK] = "a task",
        [SNAPSHOT_WAIT_GATHER] = "gather",
        [SNAPSHOT_WAIT_WAIT] = "wait for tasks",
        [SNAPSHOT_WAIT_TASK_GROUP] = "TaskGroup",
        [SNAPSHOT_WAIT_SHIELD] = "shield",
        [SNAPSHOT_WAIT_SLEEP] = "sleep",
        [SNAPSHOT_WAIT_TIMEOUT] = "wait_for()",
        [SNAPSHOT_WAIT_LOCK] = "a lock",
        [SNAPSHOT_WAIT_EVENT] = "an event",
        [SNAPSHOT_WAIT_CONDITION] = "a condition",
        [SNAPSHOT_WAIT_SEMAPHORE] = "a semaphore",
        [SNAPSHOT_WAIT_BARRIER] = "a barrier",
        [SNAPSHOT_WAIT_QUEUE_GET] = "a queue (get)",
        [SNAPSHOT_WAIT_QUEUE_PUT] = "a queue (put)",
        [SNAPSHOT_WAIT_QUEUE_JOIN] = "a queue (join)",
        [SNAPSHOT_WAIT_SOCKET_READ] = "a socket (read)",
        [SNAPSHOT_WAIT_SOCKET_WRITE] = "a socket (write)",
        [SNAPSHOT_WAIT_SOCKET_ACCEPT] = "a socket (accept)",
        [SNAPSHOT_WAIT_SOCKET_CONNECT] = "a socket (connect)",
        [SNAPSHOT_WAIT_STREAM_READ] = "a stream (read)",
        [SNAPSHOT_WAIT_STREAM_DRAIN] = "a stream (drain)",
        [SNAPSHOT_WAIT_DNS] = "DNS lookup",
        [SNAPSHOT_WAIT_EXECUTOR] = "an executor",
        [SNAPSHOT_WAIT_THREAD] = "a future of another thread",
        [SNAPSHOT_WAIT_SUBPROCESS] = "a child process",
        [SNAPSHOT_WAIT_ASYNC_GENERATOR] = "an async generator",
        [SNAPSHOT_WAIT_FUTURE] = "a future of unknown owner",
        [SNAPSHOT_WAIT_UNKNOWN] = "an unknown object",
    };
    return texts[kind];
}

const char *wait_kind_describe_queue(struct arena *arena, enum snapshot_wait_kind kind,
                                     const char *queue) {
    if (kind == SNAPSHOT_WAIT_QUEUE_JOIN)
        return arena_format(arena, "join of %s", queue);
    return arena_format(arena, "%s (%s)", queue, kind == SNAPSHOT_WAIT_QUEUE_GET ? "get" : "put");
}

const char *wait_kind_describe_tasks(struct arena *arena, enum snapshot_wait_kind kind,
                                     int64_t count, bool is_any) {
    if (!count)
        return wait_kind_describe(kind);
    const char *tasks = words_many_in(arena, count, "task");
    if (kind == SNAPSHOT_WAIT_WAIT)
        return arena_format(arena, "wait for %s%s", is_any ? "any of " : "", tasks);
    return arena_format(arena, "gather of %s", tasks);
}

const char *wait_kind_get_direction(enum snapshot_wait_kind kind) {
    switch ((int)kind) {
    case SNAPSHOT_WAIT_SOCKET_ACCEPT:
        return "accept";
    case SNAPSHOT_WAIT_SOCKET_CONNECT:
        return "connect";
    case SNAPSHOT_WAIT_SOCKET_WRITE:
    case SNAPSHOT_WAIT_STREAM_DRAIN:
        return "write";
    default:
        return "read";
    }
}

bool wait_kind_is_file(enum snapshot_wait_kind kind) {
    switch ((int)kind) {
    case SNAPSHOT_WAIT_SOCKET_READ:
    case SNAPSHOT_WAIT_SOCKET_WRITE:
    case SNAPSHOT_WAIT_SOCKET_ACCEPT:
    case SNAPSHOT_WAIT_SOCKET_CONNECT:
    case SNAPSHOT_WAIT_STREAM_READ:
    case SNAPSHOT_WAIT_STREAM_DRAIN:
        return true;
    default:
        return false;
    }
}

const char *wait_kind_describe_file(struct arena *arena, enum snapshot_wait_kind kind,
                                    const char *end, int64_t fd) {
    const char *direction = wait_kind_get_direction(kind);
    if (end && *end)
        return arena_format(arena, "socket %s (%s)", words_shorten_in(arena, end, END_MOST),
                            direction);
    if (fd != SNAPSHOT_UNKNOWN)
        return arena_format(arena, "fd %" PRId64 " (%s)", fd, direction);
    return wait_kind_describe(kind);
}

const char *wait_kind_describe_lookup(struct arena *arena, const char *host) {
    return host && *host
               ? arena_format(arena, "DNS lookup of %s", words_shorten_in(arena, host, END_MOST))
               : wait_kind_describe(SNAPSHOT_WAIT_DNS);
}

const char *wait_kind_describe_process(struct arena *arena, int64_t pid) {
    return pid != SNAPSHOT_UNKNOWN ? arena_format(arena, "process %" PRId64, pid)
                                   : wait_kind_describe(SNAPSHOT_WAIT_SUBPROCESS);
}

static bool is_plain_future(const char *type) {
    return strcmp(type, "_asyncio.Future") == 0 || strcmp(type, "asyncio.futures.Future") == 0 ||
           strcmp(type, "Future") == 0;
}

const char *wait_kind_describe_type(struct arena *arena, enum snapshot_wait_kind kind,
                                    const char *type) {
    if (!type || (kind == SNAPSHOT_WAIT_FUTURE && is_plain_future(type)))
        return wait_kind_describe(kind);
    const char *dot = strrchr(type, '.');
    const char *name = words_shorten_in(arena, dot ? dot + 1 : type, WORDS_NAME);
    return arena_format(arena,
                        kind == SNAPSHOT_WAIT_FUTURE ? "a future of unknown owner (%s)"
                                                     : "an object of type %s",
                        name);
}
