/*
 * QUEUE_NO_CONSUMER, QUEUE_NO_PRODUCER. Who puts into a queue, or gets from it, need not stand in
 * any list: a worker that is busy with a job gets again later. So these are found only where
 * nobody is left: every task waits for this queue, or for those who do.
 */
#include <inttypes.h>
#include <string.h>

#include "finding.h"
#include "words.h"

/* A core has none, unless they were saved with it. */
static bool has_kernel_facts(const struct snapshot *snapshot) {
    if (!snapshot->target.kind || strcmp(snapshot->target.kind, "core") != 0)
        return true;
    for (size_t i = 0; i < snapshot->threads.count; i++)
        if (snapshot->threads.items[i].os_state)
            return true;
    return false;
}

/* What somebody outside of the tasks might do: other threads, and protocols whose callbacks run
 * when bytes or clients come. */
static bool outside_can_act(const struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    for (size_t i = 0; i < snapshot->threads.count; i++)
        if (!snapshot->threads.items[i].event_loop)
            return true;
    if (!has_kernel_facts(snapshot))
        return true; /* nothing is known of sockets */
    for (size_t i = 0; i < snapshot->sockets.count; i++) {
        const struct snapshot_socket *socket = &snapshot->sockets.items[i];
        bool named = socket->peer || (socket->local && *socket->local);
        if (named && socket->registered != SNAPSHOT_REGISTERED_NONE)
            return true; /* the loop's own pair of sockets has no names */
    }
    return false;
}

struct users {
    size_t get, put, join;
    const struct snapshot_task *first;
    bool moved;
};

static struct users count_users(const struct analysis *analysis,
                                const struct snapshot_object *object) {
    size_t count;
    struct users users = {0};
    const uint32_t *waiters = get_waiters(analysis, object, &count);
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_task *task = &analysis->snapshot->tasks.items[waiters[i]];
        users.first = users.first ? users.first : task;
        users.get += task->awaiting->kind == SNAPSHOT_WAIT_QUEUE_GET;
        users.put += task->awaiting->kind == SNAPSHOT_WAIT_QUEUE_PUT;
        users.join += task->awaiting->kind == SNAPSHOT_WAIT_QUEUE_JOIN;
        users.moved = users.moved || task->moved == SNAPSHOT_YES ||
                      task_is_halted(analysis, task) || task->awaiting->has_timeout == SNAPSHOT_YES;
    }
    return users;
}

static struct snapshot_finding *add(struct analysis *analysis, const struct snapshot_object *object,
                                    enum snapshot_finding_code code, enum suspicion suspicion,
                                    const char *summary) {
    size_t count;
    const uint32_t *waiters = get_waiters(analysis, object, &count);
    struct snapshot_finding *finding = finding_add(analysis, code, suspicion, summary);
    finding_add_object(analysis, finding, object);
    for (size_t i = 0; i < count; i++) {
        struct snapshot_task *task = &analysis->snapshot->tasks.items[waiters[i]];
        finding_add_task(analysis, finding, task);
        if (suspicion == SUSPECT)
            continue;
        task->idle = SNAPSHOT_NO;
        analysis->explained[waiters[i]] = true;
    }
    finding->where = words_where(analysis, &analysis->snapshot->tasks.items[waiters[0]].frames);
    finding_prove(analysis, finding,
                  suspicion == SUSPECT
                      ? "all tasks wait for it or for those that do, but for idle ones"
                      : "every task waits for it or for those that do; no timer, nothing ready");
    return finding;
}

static void judge(struct analysis *analysis, const struct snapshot_object *object) {
    struct users users = count_users(analysis, object);
    int64_t size = get_fact(object, "size"), most = get_fact(object, "max_size");
    int64_t unfinished = get_fact(object, "unfinished");
    struct bystanders others = count_bystanders(analysis, object);
    const char *name = words_object(analysis, object);
    if (users.moved || others.active)
        return;
    enum suspicion suspicion = others.idle ? SUSPECT : LIKELY;
    if (users.put && !users.get && most > 0 && size >= most) {
        add(analysis, object, SNAPSHOT_FINDING_QUEUE_NO_CONSUMER, suspicion,
            TEXT(analysis, "QUEUE NO CONSUMER - %s put into full %s, nobody is left to get",
                 words_many(analysis, (int64_t)users.put, "task"), name))
            ->next = "see which worker ended: a consumer that failed leaves its queue full";
    } else if (users.join && unfinished > 0 &&
               (size > 0 ? !users.get : users.get > 0 || size == 0)) {
        add(analysis, object, SNAPSHOT_FINDING_QUEUE_NO_CONSUMER, suspicion,
            TEXT(analysis,
                 "QUEUE NO CONSUMER - join() of %s waits for %" PRId64 " unfinished items", name,
                 unfinished))
            ->next = size > 0 ? "see which worker ended: nobody gets what is in the queue"
                              : "a worker got an item and never called task_done()";
    } else if (users.get && !users.put && size == 0 && !others.idle && !outside_can_act(analysis)) {
        add(analysis, object, SNAPSHOT_FINDING_QUEUE_NO_PRODUCER, LIKELY,
            TEXT(analysis, "QUEUE NO PRODUCER - %s get from empty %s, nobody is left to put",
                 words_many(analysis, (int64_t)users.get, "task"), name))
            ->next = "see which producer ended; let it tell the workers (None, shutdown())";
    }
}

void find_queue_findings(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t looked = 0;
    for (size_t i = 0; i < snapshot->objects.count && looked < FINDINGS_MAX; i++) {
        const struct snapshot_object *object = &snapshot->objects.items[i];
        size_t waiting;
        if (object->kind != SNAPSHOT_OBJECT_QUEUE || analysis->pools[i] ||
            (get_waiters(analysis, object, &waiting), !waiting))
            continue;
        looked++; /* each looks at every task */
        judge(analysis, object);
    }
}
