#include "label.h"

#include <inttypes.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/id_table.h"

struct label_index {
    struct id_table *objects; /* from the id */
    struct id_table *threads; /* from the tid */
    struct id_table *sockets; /* from the file */
};

struct label_index *label_index_create(struct arena *arena, const struct snapshot *snapshot) {
    struct label_index *index = arena_alloc(arena, sizeof *index);
    index->objects = id_table_create(arena, snapshot->objects.count);
    index->threads = id_table_create(arena, snapshot->threads.count);
    index->sockets = id_table_create(arena, snapshot->sockets.count);
    for (size_t i = 0; i < snapshot->objects.count; i++)
        id_table_add(index->objects, snapshot->objects.items[i].id, &snapshot->objects.items[i]);
    for (size_t i = 0; i < snapshot->threads.count; i++)
        id_table_add(index->threads, (uint64_t)snapshot->threads.items[i].tid,
                     &snapshot->threads.items[i]);
    for (size_t i = 0; i < snapshot->sockets.count; i++)
        id_table_add(index->sockets, (uint64_t)snapshot->sockets.items[i].fd,
                     &snapshot->sockets.items[i]);
    return index;
}

const struct snapshot_object *label_find_object(const struct report *report, snapshot_id id) {
    return id ? id_table_find(report->labels->objects, id) : NULL;
}

const struct snapshot_socket *label_find_socket(const struct report *report, int64_t fd) {
    return fd == SNAPSHOT_UNKNOWN ? NULL : id_table_find(report->labels->sockets, (uint64_t)fd);
}

const struct snapshot_task *label_find_task(const struct report *report, snapshot_id id) {
    size_t place = id ? task_index_find(report->index, id) : TASK_INDEX_NONE;
    return place == TASK_INDEX_NONE ? NULL : &report->snapshot->tasks.items[place];
}

const struct snapshot_thread *label_find_thread(const struct report *report, int64_t tid) {
    return tid == SNAPSHOT_UNKNOWN ? NULL : id_table_find(report->labels->threads, (uint64_t)tid);
}

const char *label_duration(struct report *report, double seconds) {
    return clock_format_seconds(report->page.scratch, seconds);
}

const char *label_at_least(struct report *report, double seconds) {
    return clock_format_at_least(report->page.scratch, seconds);
}

const char *label_task(struct report *report, const struct snapshot_task *task) {
    if (!task->name)
        return arena_format(report->page.scratch, "task 0x%" PRIx64, task->id);
    return *task->name ? task->name : "''";
}

const char *label_task_id(struct report *report, snapshot_id id) {
    const struct snapshot_task *task = label_find_task(report, id);
    return task ? label_task(report, task)
                : arena_format(report->page.scratch, "task 0x%" PRIx64, id);
}

const char *label_thread_name(const struct snapshot_thread *thread) {
    return thread->name ? thread->name : thread->kernel_name;
}

const char *label_thread(struct report *report, int64_t tid) {
    const struct snapshot_thread *thread = label_find_thread(report, tid);
    const char *name = thread ? label_thread_name(thread) : NULL;
    if (tid == SNAPSHOT_UNKNOWN)
        return "tid unknown";
    return arena_format(report->page.scratch, "tid %" PRId64 "%s%s", tid, name ? " " : "",
                        name ? name : "");
}

const char *label_thread_state(struct report *report, const struct snapshot_thread *thread) {
    static const struct {
        char letter;
        const char *words;
    } states[] = {{'R', "on CPU"},  {'S', "asleep"}, {'D', "uninterruptible"},
                  {'T', "stopped"}, {'t', "traced"}, {'Z', "dead"},
                  {'X', "dead"},    {'I', "idle"}};
    const char *words = "";
    for (size_t i = 0; thread->os_state && i < sizeof states / sizeof *states; i++)
        if (states[i].letter == thread->os_state[0])
            words = states[i].words;
    const char *where = thread->syscall ? thread->syscall : thread->wait_channel;
    if (!where || !*where || (thread->os_state && thread->os_state[0] == 'R'))
        return words;
    return arena_format(report->page.scratch, "%s%sin %s", words, *words ? " " : "", where);
}

const char *label_state(enum snapshot_task_state state) {
    return state == SNAPSHOT_TASK_NOT_STARTED ? "not started" : snapshot_task_state_name(state);
}

const char *label_task_state(const struct snapshot_task *task) {
    bool idle = task->state == SNAPSHOT_TASK_WAITING && task->idle == SNAPSHOT_YES;
    return idle ? "idle" : label_state(task->state);
}

const char *label_wait(struct report *report, const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    if (task->state == SNAPSHOT_TASK_READY)
        return "its turn";
    if (task->state == SNAPSHOT_TASK_NOT_STARTED)
        return "its first turn";
    if (task->state != SNAPSHOT_TASK_WAITING)
        return "-";
    if (wait && wait->kind == SNAPSHOT_WAIT_TASK && wait->task_count == 1)
        return arena_format(report->page.scratch, "task %s", label_task_id(report, *wait->tasks));
    return wait && wait->text ? wait->text : "?";
}

bool label_wait_is_known(const struct snapshot_task *task) {
    return task->state == SNAPSHOT_TASK_WAITING && task->awaiting &&
           task->awaiting->kind != SNAPSHOT_WAIT_FUTURE &&
           task->awaiting->kind != SNAPSHOT_WAIT_UNKNOWN;
}
