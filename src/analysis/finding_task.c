/*
 * What is wrong with tasks by themselves: LOST_FUTURE, CANCEL_SWALLOWED, TASK_FLOOD,
 * EXC_UNRETRIEVED, and coroutines that never became one, NEVER_AWAITED.
 */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "finding.h"
#include "words.h"

#define LONG_SLEEP_S 10.0

/* Beside the waiting task itself nothing refers to the future: a proof only where all of the
 * memory was looked at. The task's FutureIter belongs to the waiting side. */
static bool is_lost(const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    if (task->state != SNAPSHOT_TASK_WAITING || !wait || wait->kind != SNAPSHOT_WAIT_FUTURE ||
        wait->referrers_complete != SNAPSHOT_YES || wait->has_timeout == SNAPSHOT_YES)
        return false;
    for (size_t i = 0; i < wait->referrer_count; i++) {
        const char *type = wait->referrers[i].type, *dot = type ? strrchr(type, '.') : NULL;
        if (wait->referrers[i].id != task->id &&
            (!type || strcmp(dot ? dot + 1 : type, "FutureIter") != 0))
            return false;
    }
    return true;
}

/* A main that waits for ever is ended by a signal or Ctrl-C. */
static bool is_main(const struct snapshot_task *task) {
    return task->awaited_by_count == 0 &&
           ((task->name && strcmp(task->name, "Task-1") == 0) ||
            (task->coroutine && strcmp(task->coroutine, "main") == 0));
}

static enum suspicion judge_lost(const struct analysis *analysis,
                                 const struct snapshot_task *task) {
    if (!is_lost(task) || task->moved == SNAPSHOT_YES ||
        node_is_stuck(analysis, (uint32_t)task_place(analysis, task)))
        return NOTHING;
    if (is_main(task))
        return SUSPECT;
    return task->moved == SNAPSHOT_NO ? CERTAIN : LIKELY;
}

/* Equal tasks are one finding. */
static void find_lost(struct analysis *analysis, const struct snapshot_group *group) {
    const struct snapshot_task *tasks = analysis->snapshot->tasks.items;
    struct snapshot_finding *finding = NULL;
    const struct snapshot_task *first = NULL;
    enum suspicion worst = NOTHING;
    for (size_t i = 0; i < group->task_count; i++) {
        const struct snapshot_task *task = &tasks[group->tasks[i]];
        enum suspicion suspicion = judge_lost(analysis, task);
        if (suspicion == NOTHING)
            continue;
        if (suspicion > worst) {
            worst = suspicion;
            first = task;
        }
        if (!finding)
            finding = finding_add(analysis, SNAPSHOT_FINDING_LOST_FUTURE, suspicion, NULL);
        finding_add_task(analysis, finding, task);
    }
    if (!finding)
        return;
    finding->confidence = (enum snapshot_confidence)worst;
    finding->summary =
        finding->task_count == 1
            ? TEXT(analysis, "LOST FUTURE - %s: nothing is left that could wake it",
                   words_task(analysis, first))
            : TEXT(analysis, "LOST FUTURE - %s: nothing is left that could wake them",
                   words_many(analysis, (int64_t)finding->task_count, "task"));
    finding->where = words_where(analysis, &first->frames);
    finding_prove(analysis, finding,
                  "nothing in memory refers to the future but the task that waits for it");
    finding->next = is_main(first) ? "if it shall wait for ever, fine: a signal ends it"
                                   : "who should have completed it has dropped it: look there";
}

/* A cleanup waits too, but not long; a parent that its TaskGroup cancels is none. */
static bool is_swallowed(const struct analysis *analysis, const struct snapshot_task *task) {
    return task->state == SNAPSHOT_TASK_WAITING && task->awaiting && task->cancel_requests > 0 &&
           task->must_cancel != SNAPSHOT_YES && task->moved != SNAPSHOT_YES &&
           task->awaiting->kind != SNAPSHOT_WAIT_TASK_GROUP && !task_is_halted(analysis, task) &&
           !analysis->explained[task_place(analysis, task)];
}

/* Timeouts of libraries (async_timeout before 4.0.3) cancel their own task around a read or write
 * and do not take that back. */
static bool may_be_timeout(const struct snapshot_wait *wait) {
    return wait->kind >= SNAPSHOT_WAIT_SOCKET_READ && wait->kind <= SNAPSHOT_WAIT_STREAM_DRAIN;
}

static enum suspicion judge_swallowed(const struct analysis *analysis,
                                      const struct snapshot_task *task) {
    if (!is_swallowed(analysis, task))
        return NOTHING;
    if (may_be_timeout(task->awaiting))
        return SUSPECT;
    bool sleeps = task->awaiting->kind == SNAPSHOT_WAIT_SLEEP;
    bool soon = sleeps && !(task->awaiting->deadline_s > LONG_SLEEP_S);
    return task->moved == SNAPSHOT_NO && !soon && (sleeps || !task_goes_on(task)) ? LIKELY
                                                                                  : SUSPECT;
}

/* One finding about all tasks that `judge` suspects; *ret_worst: the first of those that it
 * suspects most. NULL: there is none. */
static struct snapshot_finding *
find_suspects(struct analysis *analysis, enum snapshot_finding_code code,
              enum suspicion (*judge)(const struct analysis *, const struct snapshot_task *),
              const struct snapshot_task **ret_worst) {
    struct snapshot_finding *finding = NULL;
    enum suspicion worst = NOTHING;
    for (size_t i = 0; i < analysis->snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &analysis->snapshot->tasks.items[i];
        enum suspicion suspicion = judge(analysis, task);
        if (suspicion == NOTHING)
            continue;
        if (!finding)
            finding = finding_add(analysis, code, suspicion, NULL);
        finding_add_task(analysis, finding, task);
        if (suspicion > worst) {
            worst = suspicion;
            *ret_worst = task;
        }
    }
    if (finding)
        finding->confidence = (enum snapshot_confidence)worst;
    return finding;
}

static void find_swallowed(struct analysis *analysis) {
    const struct snapshot_task *first = NULL;
    struct snapshot_finding *finding =
        find_suspects(analysis, SNAPSHOT_FINDING_CANCEL_SWALLOWED, judge_swallowed, &first);
    if (!finding)
        return;
    finding->summary = finding->task_count == 1
                           ? TEXT(analysis, "CANCEL SWALLOWED - %s was cancelled and goes on",
                                  words_task(analysis, first))
                           : TEXT(analysis, "CANCEL SWALLOWED - %s were cancelled and go on",
                                  words_many(analysis, (int64_t)finding->task_count, "task"));
    finding->where = words_where(analysis, &first->frames);
    finding_prove(
        analysis, finding,
        TEXT(analysis, "%s: cancel() called %s, now it waits for %s", words_task(analysis, first),
             words_many(analysis, first->cancel_requests, "time"), first->awaiting->text));
    finding->next = "look for `except CancelledError` without raise, or a slow `finally`";
}

static void find_flood(struct analysis *analysis, const struct snapshot_group *group) {
    const struct snapshot_task *first = &analysis->snapshot->tasks.items[group->tasks[0]];
    bool sleeps = first->awaiting && first->awaiting->kind == SNAPSHOT_WAIT_SLEEP;
    bool idle = first->idle == SNAPSHOT_YES; /* as many clients, or as many timers */
    if (group->task_count < analysis->options.flood || (idle && !sleeps) ||
        analysis->explained[group->tasks[0]] || task_is_halted(analysis, first) ||
        node_is_stuck(analysis, (uint32_t)group->tasks[0]) || !task_is_alive(first))
        return;
    struct snapshot_finding *finding =
        finding_add(analysis, SNAPSHOT_FINDING_TASK_FLOOD, idle ? SUSPECT : LIKELY,
                    TEXT(analysis, "TASK FLOOD - %s in one place, %s%s",
                         words_many(analysis, (int64_t)group->task_count, "task"),
                         group->state == SNAPSHOT_TASK_WAITING ? "waiting for " : "",
                         group->state == SNAPSHOT_TASK_WAITING && group->awaiting
                             ? group->awaiting
                             : snapshot_task_state_name(group->state)));
    for (size_t i = 0; i < group->task_count; i++)
        finding_add_task(analysis, finding, &analysis->snapshot->tasks.items[group->tasks[i]]);
    finding->where = words_where(analysis, &group->frames);
    if (first->has_created_at)
        finding_prove(analysis, finding,
                      TEXT(analysis, "created by %s",
                           words_frame(analysis, stack_find_creator(first->created_at.frames,
                                                                    first->created_at.count))));
    finding->next = "bound how many are started: a worker pool, or a semaphore before each";
}

static bool some_code_runs(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        if (snapshot->event_loops.items[i].state != SNAPSHOT_LOOP_IDLE &&
            snapshot->event_loops.items[i].tid != SNAPSHOT_UNKNOWN)
            return true;
    return false;
}

/* Whoever awaits a task that ended a moment ago looks at its exception when its turn comes. */
static enum suspicion judge_exception(const struct analysis *analysis,
                                      const struct snapshot_task *task) {
    if (task->state != SNAPSHOT_TASK_DONE || !task->exception ||
        task->exception_retrieved == SNAPSHOT_YES)
        return NOTHING;
    bool is_left = task->exception_retrieved == SNAPSHOT_NO && task->moved == SNAPSHOT_NO;
    return is_left && !some_code_runs(analysis->snapshot) ? LIKELY : SUSPECT;
}

static void find_exceptions(struct analysis *analysis) {
    const struct snapshot_task *first = NULL;
    struct snapshot_finding *finding =
        find_suspects(analysis, SNAPSHOT_FINDING_EXC_UNRETRIEVED, judge_exception, &first);
    if (!finding)
        return;
    const char *type = first->exception->type ? first->exception->type : "an exception";
    const char *text = first->exception->text;
    finding->summary =
        TEXT(analysis, "EXC UNRETRIEVED - %s ended with an exception that nobody looked at",
             words_many(analysis, (int64_t)finding->task_count, "task"));
    finding_prove(analysis, finding,
                  TEXT(analysis, "%s: %s%s%s", words_task(analysis, first),
                       words_shorten(analysis, type, 60), text && *text ? ": " : "",
                       text ? words_shorten(analysis, text, 80) : ""));
    finding->next = "await these tasks, or look at their result() in a done callback";
}

/* While code runs, it may have made them a moment ago, to await them next; and an instance may be
 * what will await them. */
static enum suspicion judge_coroutine(const struct snapshot *snapshot,
                                      const struct snapshot_coroutine *coroutine) {
    bool is_global = coroutine->holder && strcmp(coroutine->holder, "module") == 0;
    return is_global && !some_code_runs(snapshot) ? LIKELY : SUSPECT;
}

static const char *describe_holder(const struct analysis *analysis,
                                   const struct snapshot_coroutine *coroutine) {
    if (!coroutine->holder)
        return NULL;
    if (strcmp(coroutine->holder, "module") == 0)
        return "only global variables lead to it";
    return TEXT(analysis, "only an object leads to it: %s",
                words_shorten(analysis, coroutine->holder, 60));
}

static void find_never_awaited(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t count = snapshot->coroutines.count;
    const struct snapshot_coroutine *first = NULL;
    enum suspicion worst = NOTHING;
    for (size_t i = 0; i < count; i++) {
        enum suspicion suspicion = judge_coroutine(snapshot, &snapshot->coroutines.items[i]);
        if (suspicion > worst) {
            worst = suspicion;
            first = &snapshot->coroutines.items[i];
        }
    }
    if (!first)
        return;
    const char *name = first->name ? words_shorten(analysis, first->name, 48) : "?";
    struct snapshot_finding *finding = finding_add(
        analysis, SNAPSHOT_FINDING_NEVER_AWAITED, worst,
        TEXT(analysis, "NEVER AWAITED - %s made and not awaited so far: %s()%s",
             words_many(analysis, (int64_t)count, "coroutine"), name, count > 1 ? ", ..." : ""));
    finding->where = words_where(analysis, &first->frames);
    finding_prove(analysis, finding, "made by a call, never started, and no task will run it");
    finding_prove(analysis, finding, describe_holder(analysis, first));
    finding->next = "a call of an async function does nothing by itself: await it";
}

void find_task_findings(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t before = snapshot->findings.count;
    for (size_t i = 0; i < snapshot->groups.count; i++) {
        if (snapshot->findings.count - before >= FINDINGS_MAX)
            break;
        find_lost(analysis, &snapshot->groups.items[i]);
        find_flood(analysis, &snapshot->groups.items[i]);
    }
    find_swallowed(analysis);
    find_exceptions(analysis);
    find_never_awaited(analysis);
}
