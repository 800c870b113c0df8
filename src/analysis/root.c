#include "root.h"

#include <inttypes.h>
#include <string.h>

#include "finding.h"
#include "words.h"

#define STEPS_MAX 64
#define HOLDERS_MAX 1000

const struct snapshot_task *find_holder(const struct analysis *analysis,
                                        const struct snapshot_object *object) {
    for (size_t i = 0; i < object->holder_count; i++) {
        const struct snapshot_task *task = find_task(analysis, object->holders[i].task);
        if (task && object->holders[i].confidence >= SNAPSHOT_LIKELY && task_is_alive(task))
            return task;
    }
    return NULL;
}

/* Whom the task waits for; NULL: nobody that is a task. */
static const struct snapshot_task *find_next(const struct analysis *analysis,
                                             const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    if (!wait || task->state != SNAPSHOT_TASK_WAITING)
        return NULL;
    for (size_t i = 0; i < wait->task_count; i++) {
        const struct snapshot_task *next = find_task(analysis, wait->tasks[i]);
        if (next && task_is_alive(next))
            return next;
    }
    const struct snapshot_object *object = find_object(analysis, wait->object);
    return object ? find_holder(analysis, object) : NULL;
}

struct root root_follow(const struct analysis *analysis, const struct snapshot_task *task) {
    struct root root = {.task = task, .silent_s = NAN, .tid = SNAPSHOT_UNKNOWN};
    for (size_t i = 0; i < STEPS_MAX; i++) {
        const struct snapshot_task *next = find_next(analysis, root.task);
        if (!next)
            break;
        root.task = next;
    }
    const struct snapshot_wait *wait = root.task->awaiting;
    const struct snapshot_socket *socket = find_task_socket(analysis, root.task);
    if (root.task->state == SNAPSHOT_TASK_WAITING && socket) {
        root.peer = socket->peer;
        root.silent_s = snapshot_socket_get_silence(socket);
    }
    if (root.task->state == SNAPSHOT_TASK_WAITING && wait && wait->kind == SNAPSHOT_WAIT_EXECUTOR)
        root.tid = wait->tid;
    return root;
}

/* A sum of what is known, SNAPSHOT_UNKNOWN of nothing. */
static void add_bytes(int64_t *sum, int64_t bytes) {
    if (bytes >= 0 && __builtin_add_overflow(*sum == SNAPSHOT_UNKNOWN ? 0 : *sum, bytes, sum))
        *sum = INT64_MAX;
}

static const char *describe_bytes(const struct analysis *analysis, int64_t bytes,
                                  const char *what) {
    return bytes == SNAPSHOT_UNKNOWN ? "" : TEXT(analysis, ", %" PRId64 " B %s", bytes, what);
}

/* `silent_s` is that of the connection on which something happened last. */
static const char *describe_silence(const struct analysis *analysis, int64_t unread,
                                    double silent_s) {
    if (unread || silent_s < SILENT_S)
        return "";
    return isnan(silent_s) ? " is silent"
                           : TEXT(analysis, " is silent for %s", words_seconds(analysis, silent_s));
}

const char *root_describe_peer(const struct analysis *analysis, const char *peer) {
    const struct snapshot *snapshot = analysis->snapshot;
    int64_t count = 0, unread = SNAPSHOT_UNKNOWN, unacked = SNAPSHOT_UNKNOWN;
    const char *state = NULL;
    double silent_s = NAN;
    for (size_t i = 0; i < snapshot->sockets.count; i++) {
        const struct snapshot_socket *socket = &snapshot->sockets.items[i];
        if (!socket->peer || strcmp(socket->peer, peer) != 0)
            continue;
        count++;
        add_bytes(&unread, socket->receive_queue);
        add_bytes(&unacked, socket->send_queue);
        silent_s = fmin(silent_s, snapshot_socket_get_silence(socket)); /* NaN counts for nothing */
        state = socket->state;
    }
    return TEXT(analysis, "%s%s: %s %s%s%s", words_shorten(analysis, peer, 60),
                describe_silence(analysis, unread, silent_s), words_many(analysis, count, "socket"),
                state ? state : "open", describe_bytes(analysis, unread, "unread"),
                describe_bytes(analysis, unacked, "unacked"));
}

static const char *describe_state(const struct snapshot_task *task) {
    switch (task->state) {
    case SNAPSHOT_TASK_RUNNING:
        return "runs";
    case SNAPSHOT_TASK_READY:
    case SNAPSHOT_TASK_NOT_STARTED:
        return "is ready to run";
    case SNAPSHOT_TASK_WAITING:
        return "waits";
    case SNAPSHOT_TASK_DONE:
    case SNAPSHOT_TASK_CANCELLED:
    case SNAPSHOT_TASK_STATE_COUNT:
    default:
        return "has ended";
    }
}

static const char *describe(struct analysis *analysis, const struct root *root) {
    const char *name = words_task(analysis, root->task);
    const char *where = words_where(analysis, &root->task->frames);
    if (root->peer)
        return TEXT(analysis, "root: %s", root_describe_peer(analysis, root->peer));
    if (root->tid != SNAPSHOT_UNKNOWN) {
        const struct snapshot_thread *thread = find_thread(analysis, root->tid);
        const char *runs = thread ? words_where(analysis, &thread->frames) : NULL;
        return TEXT(analysis, "root: %s%s%s", words_thread(analysis, root->tid), runs ? " in " : "",
                    runs ? runs : "");
    }
    if (root->task->state == SNAPSHOT_TASK_WAITING && root->task->awaiting)
        return TEXT(analysis, "root: %s waits for %s%s%s", name, root->task->awaiting->text,
                    where ? " in " : "", where ? where : "");
    return TEXT(analysis, "root: %s %s%s%s", name, describe_state(root->task), where ? " in " : "",
                where ? where : "");
}

static bool is_same(const struct root *a, const struct root *b) {
    if (a->peer && b->peer)
        return strcmp(a->peer, b->peer) == 0;
    if (a->tid != SNAPSHOT_UNKNOWN)
        return a->tid == b->tid;
    return a->task == b->task;
}

/* The root that most of the first holders share: a majority is found by voting, else the first. */
const char *root_describe(struct analysis *analysis, const struct snapshot_object *object,
                          struct root *ret) {
    size_t votes = 0;
    *ret = (struct root){.silent_s = NAN, .tid = SNAPSHOT_UNKNOWN};
    for (size_t i = 0; i < object->holder_count && i < HOLDERS_MAX; i++) {
        const struct snapshot_task *task = find_task(analysis, object->holders[i].task);
        if (!task || !task_is_alive(task) || object->holders[i].confidence < SNAPSHOT_LIKELY)
            continue;
        struct root root = root_follow(analysis, task);
        if (!votes)
            *ret = root;
        if (is_same(&root, ret))
            votes++;
        else
            votes--;
    }
    return ret->task ? describe(analysis, ret) : NULL;
}
