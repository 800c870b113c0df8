/*
 * POOL_EXHAUSTED, LOCK_PILEUP, LEAKED_LOCK: many wait for few. A semaphore that bounds a batch is
 * used up all the time and healthy as long as its holders go on, so what counts is whether they do:
 * a holder that moved between the looks, that a timer will wake soon, or that asked its peer a
 * moment ago, keeps the queue moving.
 */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "finding.h"
#include "root.h"
#include "words.h"

#define PILE 10

struct queue {
    const struct snapshot_object *object;
    bool lends; /* it is a queue; who has what was in it need not be known */
    const uint32_t *waiters;
    size_t waiting;
    size_t holding;               /* tasks that are known to hold it */
    size_t candidates;            /* that may hold it */
    size_t going_on;              /* holders that a timer, a thread, ... lets go on */
    size_t silent;                /* holders whose peer says nothing for long */
    enum snapshot_tristate moved; /* whether a holder or a waiter did; MAYBE: nobody looked twice */
    enum suspicion held;          /* how sure the holders are */
};

static void look_at_holder(const struct analysis *analysis, struct queue *queue,
                           const struct snapshot_holder *holder) {
    const struct snapshot_task *task = find_task(analysis, holder->task);
    if (holder->confidence < SNAPSHOT_LIKELY) {
        queue->candidates++;
        return;
    }
    queue->holding++;
    queue->held = least(queue->held, (enum suspicion)holder->confidence);
    if (!task)
        return;
    struct root root = root_follow(analysis, task);
    const struct snapshot_task *last = root.task;
    if (task->moved == SNAPSHOT_YES || last->moved == SNAPSHOT_YES)
        queue->moved = SNAPSHOT_YES;
    else if (task->moved == SNAPSHOT_MAYBE && queue->moved == SNAPSHOT_NO)
        queue->moved = SNAPSHOT_MAYBE;
    bool is_unknown = task->note_count || last->note_count; /* it may go on */
    queue->going_on += is_unknown || task_goes_on(last) || root.silent_s < SILENT_S;
    queue->silent += root.silent_s >= SILENT_S;
}

static struct queue look_at(const struct analysis *analysis, const struct snapshot_object *object) {
    struct queue queue = {.object = object, .moved = SNAPSHOT_NO, .held = CERTAIN};
    queue.lends = analysis->pools[object - analysis->snapshot->objects.items];
    queue.waiters = get_waiters(analysis, object, &queue.waiting);
    for (size_t i = 0; i < object->holder_count && i < 1000; i++)
        look_at_holder(analysis, &queue, &object->holders[i]);
    for (size_t i = 0; i < queue.waiting && queue.moved == SNAPSHOT_NO; i++)
        queue.moved = analysis->snapshot->tasks.items[queue.waiters[i]].moved;
    return queue;
}

static bool is_pile(const struct queue *queue) {
    size_t twice = 2 * queue->holding;
    return queue->waiting >= (twice > PILE ? twice : PILE);
}

/* Who holds it, and where. */
static const char *describe_holders(struct analysis *analysis, const struct queue *queue) {
    const struct snapshot_task *holder = find_holder(analysis, queue->object);
    const struct snapshot_frame *first = holder ? stack_find_user(&holder->frames) : NULL;
    bool same = true;
    if (!holder)
        return find_thread(analysis, queue->object->holders[0].tid)
                   ? TEXT(analysis, "held by %s",
                          words_thread(analysis, queue->object->holders[0].tid))
                   : "held by a task that has ended or could not be read";
    for (size_t i = 0; i < queue->object->holder_count && same; i++) {
        const struct snapshot_task *task = find_task(analysis, queue->object->holders[i].task);
        same = !task || stack_find_user(&task->frames) == first;
    }
    const char *where = words_frame(analysis, first);
    if (queue->holding == 1)
        return TEXT(analysis, "held by %s%s%s", words_task(analysis, holder), where ? " in " : "",
                    where ? where : "");
    return TEXT(analysis, "held by %s%s%s", words_many(analysis, (int64_t)queue->holding, "task"),
                where ? (same ? ", all in " : ", one in ") : "", where ? where : "");
}

static bool have_no_timeout(const struct analysis *analysis, const struct queue *queue) {
    for (size_t i = 0; i < queue->waiting; i++)
        if (analysis->snapshot->tasks.items[queue->waiters[i]].awaiting->has_timeout != SNAPSHOT_NO)
            return false;
    return true;
}

static void fill(struct analysis *analysis, struct snapshot_finding *finding,
                 const struct queue *queue) {
    const struct snapshot_task *tasks = analysis->snapshot->tasks.items;
    struct root root;
    bool explains = finding->confidence > SNAPSHOT_POSSIBLE;
    finding_add_object(analysis, finding, queue->object);
    for (size_t i = 0; i < queue->object->holder_count; i++) {
        const struct snapshot_task *task = find_task(analysis, queue->object->holders[i].task);
        if (task && queue->object->holders[i].confidence >= SNAPSHOT_LIKELY) {
            const struct snapshot_task *last = root_follow(analysis, task).task;
            finding_add_task(analysis, finding, task);
            analysis->explained[task_place(analysis, last)] |= explains;
        }
    }
    for (size_t i = 0; i < queue->waiting; i++) {
        finding_add_task(analysis, finding, &tasks[queue->waiters[i]]);
        analysis->explained[queue->waiters[i]] |= explains;
    }
    const struct snapshot_task *holder = find_holder(analysis, queue->object);
    finding->where =
        words_where(analysis, holder ? &holder->frames : &tasks[queue->waiters[0]].frames);
    if (queue->holding)
        finding_prove(analysis, finding, describe_holders(analysis, queue));
    finding_prove(analysis, finding, root_describe(analysis, queue->object, &root));
    if (have_no_timeout(analysis, queue))
        finding_prove(analysis, finding, "none of the waiting tasks has a timeout");
}

/* Holders that wait for something open, none of which moved. Two looks are near each other: what is
 * certain takes that all stand still for long, or that nothing happens at all. */
static enum suspicion judge(const struct analysis *analysis, const struct queue *queue) {
    if (queue->moved == SNAPSHOT_YES || (!queue->holding && !queue->lends))
        return NOTHING;
    if (queue->moved == SNAPSHOT_MAYBE)
        return is_pile(queue) ? SUSPECT : NOTHING;
    if (queue->going_on)
        return is_pile(queue) ? SUSPECT : NOTHING;
    if (!queue->holding)
        return is_pile(queue) ? LIKELY : SUSPECT;
    if (is_pile(queue) && (queue->silent == queue->holding || process_stands_still(analysis)))
        return queue->held;
    return queue->waiting >= queue->holding ? LIKELY : SUSPECT;
}

static void judge_pool(struct analysis *analysis, const struct queue *queue) {
    int64_t bound = get_fact(queue->object, queue->lends ? "max_size" : "bound");
    enum suspicion suspicion = judge(analysis, queue);
    if (suspicion == NOTHING)
        return;
    const char *free = bound > 0 ? TEXT(analysis, ", 0 of %s free", words_count(analysis, bound))
                       : queue->holding ? TEXT(analysis, ", all %s taken",
                                               words_count(analysis, (int64_t)queue->holding))
                                        : "";
    int64_t alive = 0;
    for (size_t i = 0; i < analysis->snapshot->tasks.count; i++)
        alive += task_is_alive(&analysis->snapshot->tasks.items[i]);
    struct snapshot_finding *finding = finding_add(
        analysis, SNAPSHOT_FINDING_POOL_EXHAUSTED, suspicion,
        TEXT(analysis, "POOL EXHAUSTED - %s of %s wait for %s%s",
             words_count(analysis, (int64_t)queue->waiting), words_many(analysis, alive, "task"),
             words_object(analysis, queue->object), free));
    fill(analysis, finding, queue);
    finding->next = "see what the holders wait for; bound the wait with asyncio.timeout()";
}

static void judge_lock(struct analysis *analysis, const struct queue *queue) {
    enum suspicion suspicion = queue->waiting >= PILE ? judge(analysis, queue) : NOTHING;
    const struct snapshot_task *holder = find_holder(analysis, queue->object);
    if (suspicion == NOTHING)
        return;
    struct snapshot_finding *finding =
        finding_add(analysis, SNAPSHOT_FINDING_LOCK_PILEUP, suspicion,
                    TEXT(analysis, "LOCK PILEUP - %s queue behind %s, held by %s",
                         words_many(analysis, (int64_t)queue->waiting, "task"),
                         words_object(analysis, queue->object),
                         holder ? words_task(analysis, holder) : "a thread"));
    fill(analysis, finding, queue);
    finding->next = "do not await something slow while the lock is held";
}

/* Whether something of the tasks could not be read: who is not known to hold a lock may hold it. */
static bool is_task_missing(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->missing.count; i++) {
        const char *what = snapshot->missing.items[i].what;
        if (strstr(what, "task") || strstr(what, "holds") || strstr(what, "frames"))
            return true;
    }
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        if (snapshot->tasks.items[i].note_count && task_is_alive(&snapshot->tasks.items[i]))
            return true;
    return false;
}

/* `await lock.acquire()` leaves no trace of who did it, so a lock without holder is proven to be
 * leaked only where nobody is left that does not wait for it. */
static void judge_leak(struct analysis *analysis, const struct queue *queue) {
    if (queue->moved != SNAPSHOT_NO || queue->candidates || is_task_missing(analysis->snapshot))
        return;
    struct bystanders others = count_bystanders(analysis, queue->object);
    bool nobody = !others.active && !others.idle;
    struct snapshot_finding *finding =
        finding_add(analysis, SNAPSHOT_FINDING_LEAKED_LOCK, nobody ? LIKELY : SUSPECT,
                    TEXT(analysis, "LEAKED LOCK - %s wait%s for %s, which nobody is known to hold",
                         words_many(analysis, (int64_t)queue->waiting, "task"),
                         queue->waiting == 1 ? "s" : "", words_object(analysis, queue->object)));
    finding_prove(analysis, finding, "it is locked, and no frame has it open with `async with`");
    finding_prove(analysis, finding,
                  nobody ? "every task waits for it or for those that do"
                         : TEXT(analysis, "%s could still release it",
                                words_many(analysis, (int64_t)(others.active + others.idle),
                                           "other task or timer")));
    fill(analysis, finding, queue);
    finding->next = "use `async with`, not acquire(); see who was cancelled in between";
}

static bool is_used_up(const struct snapshot_object *object) {
    if (object->kind == SNAPSHOT_OBJECT_QUEUE) /* one that lends */
        return get_fact(object, "size") == 0;
    int64_t value = get_fact(object, "value"), locked = get_fact(object, "locked");
    return object->kind == SNAPSHOT_OBJECT_SEMAPHORE ? value == 0 || locked == 1
                                                     : value <= 0 && locked != 0;
}

static void judge_object(struct analysis *analysis, const struct snapshot_object *object,
                         size_t *leaks) {
    struct queue queue = look_at(analysis, object);
    const struct snapshot_task *first = &analysis->snapshot->tasks.items[queue.waiters[0]];
    analysis->flows[object - analysis->snapshot->objects.items] =
        queue.moved == SNAPSHOT_YES || queue.going_on || !is_used_up(object);
    if (object_is_stuck(analysis, object) || !is_used_up(object) ||
        object_limits_threads(analysis, object) || task_is_halted(analysis, first) ||
        node_is_stuck(analysis, queue.waiters[0]))
        return;
    if (object->kind == SNAPSHOT_OBJECT_LOCK && !queue.holding) {
        if (get_fact(object, "locked") == 1 && (*leaks)++ < FINDINGS_MAX)
            judge_leak(analysis, &queue);
    } else if (object->kind == SNAPSHOT_OBJECT_LOCK)
        judge_lock(analysis, &queue);
    else
        judge_pool(analysis, &queue);
}

void find_pool_findings(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t leaks = 0, before = snapshot->findings.count;
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        const struct snapshot_object *object = &snapshot->objects.items[i];
        size_t waiting;
        bool holds = analysis->pools[i] || object->kind == SNAPSHOT_OBJECT_LOCK ||
                     object->kind == SNAPSHOT_OBJECT_SEMAPHORE ||
                     object->kind == SNAPSHOT_OBJECT_OTHER;
        if (holds && (get_waiters(analysis, object, &waiting), waiting) &&
            snapshot->findings.count - before < FINDINGS_MAX)
            judge_object(analysis, object, &leaks);
    }
}
