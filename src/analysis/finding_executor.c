/*
 * EXECUTOR_FULL: every thread is busy with a job that does not end, and more jobs queue. anyio has
 * no executor: its to_thread.run_sync() takes a token of a limiter for the time of the call, so
 * there the limiter is what is full.
 */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "finding.h"
#include "words.h"

struct crew {
    const struct snapshot_object *object;
    snapshot_id limiter;     /* the same, if it is one */
    const uint32_t *members; /* the places of the tasks whose jobs run or queue */
    size_t member_count;
    int64_t busy, most, queued;
    size_t known;                         /* jobs whose thread is known */
    enum snapshot_tristate changed;       /* a job ended or began between the looks */
    bool asleep;                          /* no thread of it ran at all */
    const struct snapshot_thread *thread; /* one of them */
    const struct snapshot_task *first_queued;
};

static bool waits_for_thread(const struct snapshot_task *task) {
    return task && task->state == SNAPSHOT_TASK_WAITING && task->awaiting &&
           task->awaiting->kind == SNAPSHOT_WAIT_EXECUTOR;
}

/* Whoever waits for such a token has told the function that it wants to call. */
bool object_limits_threads(const struct analysis *analysis, const struct snapshot_object *object) {
    size_t count;
    const uint32_t *waiters = get_waiters(analysis, object, &count);
    if (object->kind != SNAPSHOT_OBJECT_SEMAPHORE || !count || !object->holder_count ||
        !analysis->snapshot->tasks.items[waiters[0]].awaiting->callee)
        return false;
    for (size_t i = 0; i < object->holder_count; i++)
        if (!waits_for_thread(find_task(analysis, object->holders[i].task)))
            return false;
    return true;
}

static void look_at_job(const struct analysis *analysis, struct crew *crew,
                        const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    const struct snapshot_thread *thread = find_thread(analysis, wait->tid);
    if (!thread && (wait->position != SNAPSHOT_UNKNOWN || wait->object == crew->limiter)) {
        crew->first_queued = crew->first_queued ? crew->first_queued : task;
        return;
    }
    if (thread) {
        crew->known++;
        crew->thread = crew->thread ? crew->thread : thread;
        crew->asleep = crew->asleep && thread->moved == SNAPSHOT_NO;
    }
    if (task->moved == SNAPSHOT_YES)
        crew->changed = SNAPSHOT_YES;
    else if (task->moved == SNAPSHOT_MAYBE && crew->changed == SNAPSHOT_NO)
        crew->changed = SNAPSHOT_MAYBE;
}

static struct crew find_crew(const struct analysis *analysis,
                             const struct snapshot_object *object) {
    struct crew crew = {
        .object = object,
        .busy = get_fact(object, "busy"),
        .most = get_fact(object, "max_workers"),
        .queued = get_fact(object, "queued"),
    };
    crew.members = get_waiters(analysis, object, &crew.member_count);
    return crew;
}

/* The tasks that have a token, and those that wait for one. */
static struct crew find_limited_crew(const struct analysis *analysis,
                                     const struct snapshot_object *limiter) {
    size_t waiting, holding = limiter->holder_count;
    const uint32_t *waiters = get_waiters(analysis, limiter, &waiting);
    uint32_t *members = arena_alloc_array(analysis->scratch, holding + waiting, sizeof *members);
    for (size_t i = 0; i < holding; i++)
        members[i] = (uint32_t)task_place(analysis, find_task(analysis, limiter->holders[i].task));
    memcpy(members + holding, waiters, waiting * sizeof *waiters);
    return (struct crew){
        .object = limiter,
        .limiter = limiter->id,
        .members = members,
        .member_count = holding + waiting,
        .busy = (int64_t)holding,
        .most = get_fact(limiter, "bound"),
        .queued = (int64_t)waiting,
    };
}

static void look_at(const struct analysis *analysis, struct crew *crew) {
    crew->changed = SNAPSHOT_NO;
    crew->asleep = true;
    for (size_t i = 0; i < crew->member_count; i++)
        look_at_job(analysis, crew, &analysis->snapshot->tasks.items[crew->members[i]]);
    if (!crew->known && crew->changed == SNAPSHOT_NO)
        crew->changed = SNAPSHOT_MAYBE;
}

static enum suspicion judge(const struct crew *crew) {
    if (crew->most <= 0 || crew->busy < crew->most || crew->queued < 1 ||
        crew->changed == SNAPSHOT_YES)
        return NOTHING;
    if (crew->changed == SNAPSHOT_MAYBE)
        return crew->queued >= crew->most ? LIKELY : SUSPECT;
    return crew->asleep && (int64_t)crew->known >= crew->most ? CERTAIN : LIKELY;
}

static void add_members(struct analysis *analysis, struct snapshot_finding *finding,
                        const struct crew *crew) {
    for (size_t i = 0; i < crew->member_count; i++) {
        const struct snapshot_task *task = &analysis->snapshot->tasks.items[crew->members[i]];
        finding_add_task(analysis, finding, task);
        finding_add_thread(analysis, finding, task->awaiting->tid);
        analysis->explained[crew->members[i]] |= finding->confidence > SNAPSHOT_POSSIBLE;
    }
}

static const char *describe_stillness(struct analysis *analysis, const struct crew *crew) {
    if (crew->changed == SNAPSHOT_NO)
        return crew->asleep ? "no job ended and no thread ran between two looks"
                            : "no job ended between two looks";
    return crew->limiter ? TEXT(analysis, "a call in a thread has each token of %s",
                                words_object(analysis, crew->object))
                         : "the executor counts its idle threads: there is none";
}

static void add(struct analysis *analysis, const struct crew *crew, enum suspicion suspicion) {
    struct snapshot_finding *finding = finding_add(
        analysis, SNAPSHOT_FINDING_EXECUTOR_FULL, suspicion,
        TEXT(analysis, "EXECUTOR FULL - %s of %s busy, %s behind them",
             words_count(analysis, crew->busy), words_many(analysis, crew->most, "thread"),
             crew->queued == 1
                 ? "1 job queues"
                 : TEXT(analysis, "%s jobs queue", words_count(analysis, crew->queued))));
    finding_add_object(analysis, finding, crew->object);
    add_members(analysis, finding, crew);
    if (crew->thread) {
        finding->where = words_where(analysis, &crew->thread->frames);
        finding_prove(analysis, finding,
                      TEXT(analysis, "%s: %s%s%s", words_thread(analysis, crew->thread->tid),
                           finding->where ? finding->where : "busy",
                           crew->thread->syscall ? ", in " : "",
                           crew->thread->syscall ? crew->thread->syscall : ""));
    }
    finding_prove(analysis, finding, describe_stillness(analysis, crew));
    if (crew->first_queued)
        finding_add_cost(analysis, finding,
                         TEXT(analysis, "%s waits for %s", words_task(analysis, crew->first_queued),
                              crew->first_queued->awaiting->text));
    finding->next =
        crew->limiter
            ? "raise the limiter's total_tokens, or bound what runs there with a timeout of its own"
            : "raise max_workers, or bound what runs there with a timeout of its own";
}

/* False: it is nothing of that kind, or what is said of its threads does not count. */
static bool find_any_crew(const struct analysis *analysis, const struct snapshot_object *object,
                          struct crew *ret) {
    if (object_is_stuck(analysis, object))
        return false;
    if (object->kind == SNAPSHOT_OBJECT_EXECUTOR) {
        *ret = find_crew(analysis, object);
        return true;
    }
    if (!object_limits_threads(analysis, object))
        return false;
    *ret = find_limited_crew(analysis, object);
    /* Calls that have ended keep their tokens until the loop runs. */
    return !task_is_halted(analysis, &analysis->snapshot->tasks.items[ret->members[0]]);
}

void find_executor_findings(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t before = snapshot->findings.count;
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        struct crew crew;
        if (snapshot->findings.count - before >= FINDINGS_MAX ||
            !find_any_crew(analysis, &snapshot->objects.items[i], &crew))
            continue;
        look_at(analysis, &crew);
        enum suspicion suspicion = judge(&crew);
        if (suspicion != NOTHING)
            add(analysis, &crew, suspicion);
    }
}
