/* EXECUTOR_FULL: every thread is busy with a job that does not end, and more jobs queue. */
#include <inttypes.h>

#include "asyncspy/analysis/place.h"
#include "finding.h"
#include "words.h"

struct crew {
    const struct snapshot_object *object;
    int64_t busy, most, queued;
    size_t known;                         /* jobs whose thread is known */
    enum snapshot_tristate changed;       /* a job ended or began between the looks */
    bool asleep;                          /* no thread of it ran at all */
    const struct snapshot_thread *thread; /* one of them */
    const struct snapshot_task *first_queued;
};

static void look_at_job(const struct analysis *analysis, struct crew *crew,
                        const struct snapshot_task *task) {
    const struct snapshot_thread *thread = find_thread(analysis, task->awaiting->tid);
    if (!thread) {
        if (task->awaiting->position != SNAPSHOT_UNKNOWN && !crew->first_queued)
            crew->first_queued = task;
        return;
    }
    crew->known++;
    crew->thread = crew->thread ? crew->thread : thread;
    crew->asleep = crew->asleep && thread->moved == SNAPSHOT_NO;
    if (task->moved == SNAPSHOT_YES)
        crew->changed = SNAPSHOT_YES;
    else if (task->moved == SNAPSHOT_MAYBE && crew->changed == SNAPSHOT_NO)
        crew->changed = SNAPSHOT_MAYBE;
}

static struct crew look_at(const struct analysis *analysis, const struct snapshot_object *object) {
    size_t count;
    const uint32_t *waiters = get_waiters(analysis, object, &count);
    struct crew crew = {
        .object = object,
        .busy = get_fact(object, "busy"),
        .most = get_fact(object, "max_workers"),
        .queued = get_fact(object, "queued"),
        .changed = SNAPSHOT_NO,
        .asleep = true,
    };
    for (size_t i = 0; i < count; i++)
        look_at_job(analysis, &crew, &analysis->snapshot->tasks.items[waiters[i]]);
    if (!crew.known)
        crew.changed = SNAPSHOT_MAYBE;
    return crew;
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
    size_t count;
    const uint32_t *waiters = get_waiters(analysis, crew->object, &count);
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_task *task = &analysis->snapshot->tasks.items[waiters[i]];
        finding_add_task(analysis, finding, task);
        finding_add_thread(analysis, finding, task->awaiting->tid);
        analysis->explained[waiters[i]] |= finding->confidence > SNAPSHOT_POSSIBLE;
    }
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
    if (crew->changed == SNAPSHOT_NO)
        finding_prove(analysis, finding,
                      crew->asleep ? "no job ended and no thread ran between two looks"
                                   : "no job ended between two looks");
    if (crew->first_queued)
        finding_add_cost(analysis, finding,
                         TEXT(analysis, "%s waits for %s", words_task(analysis, crew->first_queued),
                              crew->first_queued->awaiting->text));
    finding->next = "raise max_workers, or bound what runs there with a timeout of its own";
}

void find_executor_findings(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t before = snapshot->findings.count;
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        const struct snapshot_object *object = &snapshot->objects.items[i];
        if (object->kind != SNAPSHOT_OBJECT_EXECUTOR || object_is_stuck(analysis, object) ||
            snapshot->findings.count - before >= FINDINGS_MAX)
            continue;
        struct crew crew = look_at(analysis, object);
        enum suspicion suspicion = judge(&crew);
        if (suspicion != NOTHING)
            add(analysis, &crew, suspicion);
    }
}
