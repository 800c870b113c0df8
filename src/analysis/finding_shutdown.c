/* SHUTDOWN_STUCK: the program wants to end and waits for a task or a thread that does not. */
#include <string.h>

#include "finding.h"
#include "words.h"

/* Functions in which a program that ends waits for the rest. threading._shutdown is none: a main
 * thread stands there as long as a server runs in another thread. */
static const struct phase {
    const char *file, *function, *what;
    bool waits_for_tasks;
    bool needs_closed; /* proves nothing while somebody listens: many serve for ever like that */
} phases[] = {
    {"asyncio/runners.py", "_cancel_all_tasks", "asyncio.run() has cancelled all tasks", true,
     false},
    {"asyncio/base_events.py", "shutdown_default_executor", "the executor is shut down", false,
     false},
    {"asyncio/base_events.py", "shutdown_asyncgens", "async generators are closed", false, false},
    {"asyncio/base_events.py", "wait_closed", "a server is closed", false, true},
    {"concurrent/futures/thread.py", "_python_exit", "the interpreter joins executor threads",
     false, false},
};

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static const struct phase *find_phase(const struct snapshot_stack *stack) {
    for (size_t i = 0; i < stack->count; i++)
        for (size_t j = 0; j < sizeof phases / sizeof *phases; j++) {
            const struct snapshot_frame *frame = stack->frames[i];
            if (frame->function && frame->file &&
                strcmp(frame->function, phases[j].function) == 0 &&
                ends_with(frame->file, phases[j].file))
                return &phases[j];
        }
    return NULL;
}

static bool somebody_listens(const struct snapshot *snapshot) {
    bool is_known = false;
    for (size_t i = 0; i < snapshot->sockets.count; i++) {
        const char *state = snapshot->sockets.items[i].state;
        if (state && strcmp(state, "LISTEN") == 0)
            return true;
        is_known = is_known || state;
    }
    return !is_known;
}

/* A task that is left, and did not move; the one that waits for the rest is none. */
static bool is_left(const struct snapshot_task *task, const struct snapshot_loop *loop) {
    return task->state == SNAPSHOT_TASK_WAITING && task->moved != SNAPSHOT_YES &&
           (!loop || task->event_loop == loop->id) && !find_phase(&task->frames);
}

static void add(struct analysis *analysis, const struct phase *phase,
                const struct snapshot_thread *thread, const struct snapshot_task *waiting) {
    const struct snapshot *snapshot = analysis->snapshot;
    const struct snapshot_loop *loop =
        find_loop(analysis, thread ? thread->event_loop : waiting->event_loop);
    const struct snapshot_task *first = NULL;
    bool twice = waiting ? waiting->moved == SNAPSHOT_NO : !isnan(snapshot->capture.second_look_s);
    struct snapshot_finding *finding =
        finding_add(analysis, SNAPSHOT_FINDING_SHUTDOWN_STUCK, twice ? LIKELY : SUSPECT, NULL);
    for (size_t i = 0; phase->waits_for_tasks && i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (!is_left(task, loop))
            continue;
        first = first ? first : task;
        finding_add_task(analysis, finding, task);
        analysis->explained[i] = true;
    }
    const struct snapshot_task *shown = first ? first : waiting;
    finding->summary = TEXT(analysis, "SHUTDOWN STUCK - %s and %s%s", phase->what,
                            first ? words_task(analysis, first) : "something",
                            finding->task_count > 1 ? TEXT(analysis, " and %zu more do not end",
                                                           finding->task_count - 1)
                                                    : " does not end");
    if (thread)
        finding_add_thread(analysis, finding, thread->tid);
    finding_prove(analysis, finding,
                  TEXT(analysis, "%s stands in %s()%s",
                       thread ? words_thread(analysis, thread->tid) : words_task(analysis, waiting),
                       phase->function, twice ? ", at both looks" : ""));
    finding->where = words_where(analysis, shown ? &shown->frames : &thread->frames);
    if (shown && shown->awaiting)
        finding_prove(
            analysis, finding,
            TEXT(analysis, "%s waits for %s", words_task(analysis, shown), shown->awaiting->text));
    if (first && first->cancel_requests > 0)
        finding_prove(analysis, finding,
                      TEXT(analysis, "it was cancelled %s",
                           words_many(analysis, first->cancel_requests, "time")));
    finding->next = "let it end when it is cancelled, and bound its cleanup with a timeout";
}

/* A thread that waits for tasks is stuck only if some are left that do not move. */
static bool any_is_left(const struct snapshot *snapshot, const struct snapshot_loop *loop) {
    bool found = false;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        bool own = !loop || task->event_loop == loop->id;
        if (own && task->moved == SNAPSHOT_YES)
            return false;
        found = found || is_left(task, loop);
    }
    return found;
}

void find_shutdown_findings(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t before = snapshot->findings.count;
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads.items[i];
        const struct phase *phase = find_phase(&thread->frames);
        const struct snapshot_loop *loop = find_loop(analysis, thread->event_loop);
        if (!phase || thread->moved == SNAPSHOT_YES ||
            (phase->waits_for_tasks && !any_is_left(snapshot, loop)) ||
            (loop && analysis->loop_halted[loop - snapshot->event_loops.items]))
            continue;
        add(analysis, phase, thread, NULL);
        return;
    }
    for (size_t i = 0; i < snapshot->groups.count && snapshot->findings.count == before; i++) {
        const struct snapshot_group *group = &snapshot->groups.items[i];
        const struct snapshot_task *task = &snapshot->tasks.items[group->tasks[0]];
        const struct phase *phase = find_phase(&group->frames);
        if (phase && task->state == SNAPSHOT_TASK_WAITING && task->moved != SNAPSHOT_YES &&
            !(phase->needs_closed && somebody_listens(snapshot)) &&
            !task_is_halted(analysis, task) && !node_is_stuck(analysis, (uint32_t)group->tasks[0]))
            add(analysis, phase, NULL, task);
    }
}
