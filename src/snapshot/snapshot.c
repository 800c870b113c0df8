#include "asyncspy/snapshot/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define MISSING_MAX 1000 /* rows; each new one is compared with all of them */
#define NOTES_MAX 50     /* of one task */
#define CAPACITY_FIRST 8

const struct snapshot_task snapshot_task_blank = {
    .interpreter = SNAPSHOT_UNKNOWN,
    .state = SNAPSHOT_TASK_WAITING,
    .tid = SNAPSHOT_UNKNOWN,
    .cancel_requests = SNAPSHOT_UNKNOWN,
    .must_cancel = SNAPSHOT_MAYBE,
    .exception_retrieved = SNAPSHOT_MAYBE,
    .moved = SNAPSHOT_MAYBE,
    .idle = SNAPSHOT_MAYBE,
};

const struct snapshot_wait snapshot_wait_blank = {
    .kind = SNAPSHOT_WAIT_UNKNOWN,
    .any_task = SNAPSHOT_MAYBE,
    .deadline_s = NAN,
    .has_timeout = SNAPSHOT_MAYBE,
    .fd = SNAPSHOT_UNKNOWN,
    .tid = SNAPSHOT_UNKNOWN,
    .pid = SNAPSHOT_UNKNOWN,
    .done = SNAPSHOT_UNKNOWN,
    .total = SNAPSHOT_UNKNOWN,
    .position = SNAPSHOT_UNKNOWN,
    .referrers_complete = SNAPSHOT_MAYBE,
};

const struct snapshot_loop snapshot_loop_blank = {
    .tid = SNAPSHOT_UNKNOWN,
    .state = SNAPSHOT_LOOP_STATE_UNKNOWN,
    .debug = SNAPSHOT_MAYBE,
    .iteration_age_s = NAN,
    .callback_index = SNAPSHOT_UNKNOWN,
    .callback_count = SNAPSHOT_UNKNOWN,
    .idle_s = NAN,
    .ready = SNAPSHOT_UNKNOWN,
    .timers = SNAPSHOT_UNKNOWN,
    .overdue_s = NAN,
    .overdue_timers = SNAPSHOT_UNKNOWN,
    .next_timer_s = NAN,
    .moved = SNAPSHOT_MAYBE,
    .common_frames = SNAPSHOT_UNKNOWN,
    .executor = {.max_workers = SNAPSHOT_UNKNOWN,
                 .busy = SNAPSHOT_UNKNOWN,
                 .idle = SNAPSHOT_UNKNOWN,
                 .queued = SNAPSHOT_UNKNOWN},
};

const struct snapshot_thread snapshot_thread_blank = {
    .tid = SNAPSHOT_UNKNOWN,
    .interpreter = SNAPSHOT_UNKNOWN,
    .holds_gil = SNAPSHOT_MAYBE,
    .syscall_fd = SNAPSHOT_UNKNOWN,
    .cpu_s = NAN,
    .waits_for_gil = SNAPSHOT_MAYBE,
    .moved = SNAPSHOT_MAYBE,
};

const struct snapshot_socket snapshot_socket_blank = {
    .fd = SNAPSHOT_UNKNOWN,
    .receive_queue = SNAPSHOT_UNKNOWN,
    .send_queue = SNAPSHOT_UNKNOWN,
    .retransmits = SNAPSHOT_UNKNOWN,
    .backlog_max = SNAPSHOT_UNKNOWN,
    .last_received_s = NAN,
    .last_sent_s = NAN,
    .accepted = SNAPSHOT_MAYBE,
    .moved = SNAPSHOT_MAYBE,
};

static void clear(struct snapshot *snapshot) {
    *snapshot = (struct snapshot){
        .arena = snapshot->arena,
        .strings = snapshot->strings,
        .target = {.pid = SNAPSHOT_UNKNOWN,
                   .debug_build = SNAPSHOT_MAYBE,
                   .free_threaded = SNAPSHOT_MAYBE},
        .capture = {.pause_s = NAN,
                    .duration_s = NAN,
                    .reads = SNAPSHOT_UNKNOWN,
                    .bytes_read = SNAPSHOT_UNKNOWN,
                    .second_look_s = NAN},
        .files = {.open = SNAPSHOT_UNKNOWN, .limit = SNAPSHOT_UNKNOWN},
    };
}

struct snapshot *snapshot_create(void) {
    struct snapshot *snapshot = memory_alloc(sizeof *snapshot);
    snapshot->arena = arena_create();
    snapshot->strings = string_pool_create(snapshot->arena);
    clear(snapshot);
    return snapshot;
}

void snapshot_destroy(struct snapshot *snapshot) {
    if (!snapshot)
        return;
    string_pool_destroy(snapshot->strings);
    arena_destroy(snapshot->arena);
    free(snapshot);
}

void snapshot_reset(struct snapshot *snapshot) {
    string_pool_reset(snapshot->strings);
    arena_reset(snapshot->arena);
    clear(snapshot);
}

static void *set_capacity(struct arena *arena, const void *items, size_t count, size_t capacity,
                          size_t size) {
    char *grown = arena_alloc_array(arena, capacity, size);
    if (count)
        memcpy(grown, items, count * size);
    return grown;
}

void *snapshot_vector_grow(struct arena *arena, void *items, size_t *count, size_t *capacity,
                           size_t size) {
    if (*count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : CAPACITY_FIRST;
        items = set_capacity(arena, items, *count, *capacity, size);
    }
    ++*count;
    return items;
}

void *snapshot_vector_reserve(struct arena *arena, void *items, size_t count, size_t *capacity,
                              size_t more, size_t size) {
    if (more <= *capacity - count)
        return items;
    *capacity = count + more;
    return set_capacity(arena, items, count, *capacity, size);
}

static const char *intern(struct snapshot *snapshot, const char *text) {
    return string_pool_add(snapshot->strings, text, strlen(text));
}

void snapshot_add_missing_always(struct snapshot *snapshot, const char *what, const char *why) {
    what = intern(snapshot, what);
    why = intern(snapshot, why);
    for (size_t i = 0; i < snapshot->missing.count; i++)
        if (snapshot->missing.items[i].what == what && snapshot->missing.items[i].why == why)
            return;
    *SNAPSHOT_APPEND(snapshot, &snapshot->missing) =
        (struct snapshot_missing){.what = what, .why = why};
}

void snapshot_add_missing(struct snapshot *snapshot, const char *what, const char *why) {
    if (snapshot->missing.count > MISSING_MAX)
        return;
    if (snapshot->missing.count == MISSING_MAX) {
        what = "more";
        why = "only the first 1,000 of these are listed";
    }
    snapshot_add_missing_always(snapshot, what, why);
}

void snapshot_add_note(struct snapshot *snapshot, struct snapshot_task *task, const char *note) {
    note = intern(snapshot, note);
    for (size_t i = 0; i < task->note_count; i++)
        if (task->notes[i] == note || strcmp(task->notes[i], note) == 0)
            return;
    if (task->note_count == NOTES_MAX)
        return;
    /* Notes are rare: the array is copied for each. */
    const char **notes = arena_alloc_array(snapshot->arena, task->note_count + 1, sizeof *notes);
    for (size_t i = 0; i < task->note_count; i++)
        notes[i] = task->notes[i];
    notes[task->note_count++] = note;
    task->notes = notes;
}

const char *snapshot_task_state_name(enum snapshot_task_state state) {
    static const char *const names[SNAPSHOT_TASK_STATE_COUNT] = {
        [SNAPSHOT_TASK_RUNNING] = "running",
        [SNAPSHOT_TASK_READY] = "ready",
        [SNAPSHOT_TASK_NOT_STARTED] = "not_started",
        [SNAPSHOT_TASK_WAITING] = "waiting",
        [SNAPSHOT_TASK_DONE] = "done",
        [SNAPSHOT_TASK_CANCELLED] = "cancelled",
    };
    return names[state];
}

const char *snapshot_loop_state_name(enum snapshot_loop_state state) {
    static const char *const names[SNAPSHOT_LOOP_STATE_UNKNOWN + 1] = {
        [SNAPSHOT_LOOP_IDLE] = "idle",       [SNAPSHOT_LOOP_RUNNING] = "running",
        [SNAPSHOT_LOOP_BLOCKED] = "blocked", [SNAPSHOT_LOOP_STOPPED] = "stopped",
        [SNAPSHOT_LOOP_CLOSED] = "closed",   [SNAPSHOT_LOOP_STATE_UNKNOWN] = NULL,
    };
    return names[state];
}

const char *snapshot_wait_kind_name(enum snapshot_wait_kind kind) {
    static const char *const names[SNAPSHOT_WAIT_KIND_COUNT] = {
        [SNAPSHOT_WAIT_TASK] = "task",
        [SNAPSHOT_WAIT_GATHER] = "gather",
        [SNAPSHOT_WAIT_WAIT] = "wait",
        [SNAPSHOT_WAIT_TASK_GROUP] = "task_group",
        [SNAPSHOT_WAIT_SHIELD] = "shield",
        [SNAPSHOT_WAIT_SLEEP] = "sleep",
        [SNAPSHOT_WAIT_TIMEOUT] = "timeout",
        [SNAPSHOT_WAIT_LOCK] = "lock",
        [SNAPSHOT_WAIT_EVENT] = "event",
        [SNAPSHOT_WAIT_CONDITION] = "condition",
        [SNAPSHOT_WAIT_SEMAPHORE] = "semaphore",
        [SNAPSHOT_WAIT_BARRIER] = "barrier",
        [SNAPSHOT_WAIT_QUEUE_GET] = "queue_get",
        [SNAPSHOT_WAIT_QUEUE_PUT] = "queue_put",
        [SNAPSHOT_WAIT_QUEUE_JOIN] = "queue_join",
        [SNAPSHOT_WAIT_SOCKET_READ] = "socket_read",
        [SNAPSHOT_WAIT_SOCKET_WRITE] = "socket_write",
        [SNAPSHOT_WAIT_SOCKET_ACCEPT] = "socket_accept",
        [SNAPSHOT_WAIT_SOCKET_CONNECT] = "socket_connect",
        [SNAPSHOT_WAIT_STREAM_READ] = "stream_read",
        [SNAPSHOT_WAIT_STREAM_DRAIN] = "stream_drain",
        [SNAPSHOT_WAIT_DNS] = "dns",
        [SNAPSHOT_WAIT_EXECUTOR] = "executor",
        [SNAPSHOT_WAIT_THREAD] = "thread",
        [SNAPSHOT_WAIT_SUBPROCESS] = "subprocess",
        [SNAPSHOT_WAIT_ASYNC_GENERATOR] = "async_generator",
        [SNAPSHOT_WAIT_FUTURE] = "future",
        [SNAPSHOT_WAIT_UNKNOWN] = "unknown",
    };
    return names[kind];
}

const char *snapshot_confidence_name(enum snapshot_confidence confidence) {
    static const char *const names[SNAPSHOT_CONFIDENCE_COUNT] = {
        [SNAPSHOT_POSSIBLE] = "possible",
        [SNAPSHOT_LIKELY] = "likely",
        [SNAPSHOT_CERTAIN] = "certain",
    };
    return names[confidence];
}

const char *snapshot_object_kind_name(enum snapshot_object_kind kind) {
    static const char *const names[SNAPSHOT_OBJECT_KIND_COUNT] = {
        [SNAPSHOT_OBJECT_LOCK] = "lock",
        [SNAPSHOT_OBJECT_SEMAPHORE] = "semaphore",
        [SNAPSHOT_OBJECT_EVENT] = "event",
        [SNAPSHOT_OBJECT_CONDITION] = "condition",
        [SNAPSHOT_OBJECT_BARRIER] = "barrier",
        [SNAPSHOT_OBJECT_QUEUE] = "queue",
        [SNAPSHOT_OBJECT_TASK_GROUP] = "task_group",
        [SNAPSHOT_OBJECT_EXECUTOR] = "executor",
        [SNAPSHOT_OBJECT_THREAD_LOCK] = "thread_lock",
        [SNAPSHOT_OBJECT_OTHER] = "other",
    };
    return names[kind];
}

const char *snapshot_registered_name(enum snapshot_registered registered) {
    static const char *const names[SNAPSHOT_REGISTERED_BOTH + 1] = {
        [SNAPSHOT_REGISTERED_NONE] = "none",
        [SNAPSHOT_REGISTERED_READ] = "read",
        [SNAPSHOT_REGISTERED_WRITE] = "write",
        [SNAPSHOT_REGISTERED_BOTH] = "both",
    };
    return names[registered];
}

double snapshot_socket_get_silence(const struct snapshot_socket *socket) {
    if (isnan(socket->last_received_s) || isnan(socket->last_sent_s))
        return NAN;
    return fmin(socket->last_received_s, socket->last_sent_s);
}

bool snapshot_object_get_fact(const struct snapshot_object *object, const char *key, int64_t *ret) {
    for (size_t i = 0; i < object->fact_count; i++)
        if (strcmp(object->facts[i].key, key) == 0) {
            *ret = object->facts[i].value;
            return true;
        }
    return false;
}
