/*
 * Loops whose thread runs one callback and nothing else: who blocks it and why. A busy loop that
 * moves on between two looks is healthy, however busy.
 */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "finding.h"
#include "words.h"

#define STALL_S 0.3      /* one callback of this length, seen twice, blocks */
#define STALL_ONCE_S 1.0 /* of this length where there was one look only */

struct stall {
    const struct snapshot_loop *loop;
    const struct snapshot_thread *thread; /* or NULL */
    const struct snapshot_task *task;     /* that runs, or NULL */
    double age;                           /* NaN: not known */
    bool is_starved;                      /* its thread waits for the GIL */
    double looked_s;                      /* between the two looks, 0: there was one */
    bool exact;                           /* else it is at least that long */
};

static bool is_polling(const struct snapshot_thread *thread) {
    return thread && thread->syscall && strncmp(thread->syscall, "epoll_", 6) == 0;
}

static int64_t find_gil_holder(const struct analysis *analysis, int64_t interpreter) {
    const struct snapshot *snapshot = analysis->snapshot;
    for (size_t i = 0; i < snapshot->interpreters.count; i++)
        if (snapshot->interpreters.items[i].id == interpreter &&
            snapshot->interpreters.items[i].gil_holder != SNAPSHOT_UNKNOWN)
            return snapshot->interpreters.items[i].gil_holder;
    for (size_t i = 0; i < snapshot->threads.count; i++)
        if (snapshot->threads.items[i].holds_gil == SNAPSHOT_YES)
            return snapshot->threads.items[i].tid;
    return SNAPSHOT_UNKNOWN;
}

/* Where it is not known what a thread sleeps at: without the GIL, which another has, it woke up
 * between two looks and went on with nothing. Who waits for a lock sleeps on. */
static bool seems_starved(const struct analysis *analysis, const struct snapshot_thread *thread) {
    int64_t holder = find_gil_holder(analysis, thread->interpreter);
    bool sleeps = !thread->syscall || strcmp(thread->syscall, "futex") == 0 ||
                  strcmp(thread->syscall, "restart_syscall") == 0;
    return thread->waits_for_gil == SNAPSHOT_MAYBE && thread->holds_gil == SNAPSHOT_NO &&
           thread->moved == SNAPSHOT_YES && sleeps && holder != SNAPSHOT_UNKNOWN &&
           holder != thread->tid;
}

static bool runs(const struct stall *stall) {
    const struct snapshot_loop *loop = stall->loop;
    if (loop->state == SNAPSHOT_LOOP_STATE_UNKNOWN)
        return stall->thread && stall->thread->current_task;
    return loop->state == SNAPSHOT_LOOP_RUNNING || loop->state == SNAPSHOT_LOOP_BLOCKED;
}

static void measure(struct stall *stall) {
    const struct snapshot_loop *loop = stall->loop;
    bool known = !isnan(loop->iteration_age_s);
    stall->exact = known && loop->callback_count != SNAPSHOT_UNKNOWN;
    stall->age = known ? loop->iteration_age_s : loop->overdue_s;
    if (known && !stall->exact && loop->overdue_s > stall->age)
        stall->age = loop->overdue_s;
}

/* That the loop runs nothing but what it runs now. */
static enum suspicion judge_stall(const struct stall *stall) {
    if (stall->loop->moved == SNAPSHOT_YES || !(runs(stall) || stall->is_starved))
        return NOTHING;
    if (stall->loop->moved == SNAPSHOT_MAYBE)
        return stall->age >= STALL_ONCE_S ? LIKELY : NOTHING;
    if (!isnan(stall->age)) /* as old as that it was at the second look */
        return stall->age + stall->looked_s >= STALL_S ? CERTAIN : NOTHING;
    return runs(stall) && !is_polling(stall->thread) && !stall->is_starved ? LIKELY : NOTHING;
}

static const char *describe_age(const struct analysis *analysis, const struct stall *stall) {
    if (isnan(stall->age))
        return "";
    if (!stall->exact)
        return TEXT(analysis, " for >= %s", words_at_least(analysis, stall->age));
    return TEXT(analysis, " for %s", words_seconds(analysis, stall->age));
}

static size_t count_open_loops(const struct analysis *analysis) {
    size_t count = 0;
    for (size_t i = 0; i < analysis->snapshot->event_loops.count; i++)
        count += analysis->snapshot->event_loops.items[i].tid != SNAPSHOT_UNKNOWN;
    return count;
}

/* "EVENT LOOP", with its thread where there are several. */
static const char *name_loop(const struct analysis *analysis, const struct stall *stall) {
    if (count_open_loops(analysis) < 2)
        return "EVENT LOOP";
    return TEXT(analysis, "EVENT LOOP of %s", words_thread(analysis, stall->loop->tid));
}

static const char *describe_iteration(const struct analysis *analysis, const struct stall *stall) {
    const struct snapshot_loop *loop = stall->loop;
    const char *text = "";
    if (!isnan(loop->iteration_age_s))
        text = TEXT(analysis, "loop iteration began %s%s ago", stall->exact ? "" : "at least ",
                    words_seconds(analysis, loop->iteration_age_s));
    if (stall->exact && loop->callback_index >= 0 && loop->callback_index < loop->callback_count)
        text = TEXT(analysis, "%s, at callback %" PRId64 " of %" PRId64, text,
                    loop->callback_index + 1, loop->callback_count);
    if (!isnan(loop->overdue_s) && loop->overdue_s > 0)
        text = TEXT(analysis, "%s%soldest timer %s overdue", text, *text ? "; " : "",
                    words_seconds(analysis, loop->overdue_s));
    if (!*text && stall->task)
        text = TEXT(analysis, "%s runs in its thread", words_task(analysis, stall->task));
    if (loop->moved == SNAPSHOT_NO)
        text = TEXT(analysis, "%s%sthe same at both looks", text, *text ? "; " : "");
    return *text ? text : "its thread runs something and does not poll";
}

/* "in recvfrom on fd 7: 10.0.0.5:51324 -> 10.1.2.3:443". */
static const char *describe_call(const struct analysis *analysis,
                                 const struct snapshot_thread *thread) {
    const struct snapshot_socket *socket =
        thread->syscall_fd >= 0 ? find_socket(analysis, thread->syscall_fd) : NULL;
    const char *text = TEXT(analysis, "in %s", thread->syscall);
    if (thread->syscall_fd >= 0)
        text = TEXT(analysis, "%s on fd %" PRId64, text, thread->syscall_fd);
    if (!socket || !socket->peer)
        return text;
    return TEXT(analysis, "%s: %s -> %s", text, socket->local ? socket->local : "?",
                words_shorten(analysis, socket->peer, 60));
}

static const char *describe_state(const struct snapshot_thread *thread) {
    switch (thread->os_state ? *thread->os_state : 0) {
    case 'R':
        return "on the CPU";
    case 'S':
        return "asleep";
    case 'D':
        return "in an uninterruptible sleep";
    case 'T':
    case 't':
        return "stopped by a signal or a debugger";
    default:
        return "not polling";
    }
}

static const char *describe_thread(const struct analysis *analysis,
                                   const struct snapshot_thread *thread) {
    if (!thread)
        return NULL;
    const char *text =
        TEXT(analysis, "%s is %s", words_thread(analysis, thread->tid), describe_state(thread));
    if (thread->syscall)
        text = TEXT(analysis, "%s %s", text, describe_call(analysis, thread));
    else if (thread->wait_channel && *thread->wait_channel && *thread->wait_channel != '0')
        text = TEXT(analysis, "%s in %s", text, words_shorten(analysis, thread->wait_channel, 40));
    return thread->holds_gil == SNAPSHOT_YES ? TEXT(analysis, "%s, holds the GIL", text) : text;
}

static int64_t count_ready(const struct analysis *analysis, const struct snapshot_loop *loop) {
    int64_t ready = 0;
    for (size_t i = 0; i < analysis->snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &analysis->snapshot->tasks.items[i];
        ready += task->event_loop == loop->id &&
                 (task->state == SNAPSHOT_TASK_READY || task->state == SNAPSHOT_TASK_NOT_STARTED);
    }
    return ready;
}

/* The listening socket with the longest queue. */
static const struct snapshot_socket *find_backlog(const struct analysis *analysis) {
    const struct snapshot_socket *worst = NULL;
    for (size_t i = 0; i < analysis->snapshot->sockets.count; i++) {
        const struct snapshot_socket *socket = &analysis->snapshot->sockets.items[i];
        if (socket->state && strcmp(socket->state, "LISTEN") == 0 && socket->receive_queue > 0 &&
            (!worst || socket->receive_queue > worst->receive_queue))
            worst = socket;
    }
    return worst;
}

static void add_costs(struct analysis *analysis, struct snapshot_finding *finding,
                      const struct snapshot_loop *loop) {
    const struct snapshot_socket *socket = find_backlog(analysis);
    int64_t ready = count_ready(analysis, loop);
    const char *text = "";
    if (ready)
        text = TEXT(analysis, "%s ready but not run", words_many(analysis, ready, "task"));
    else if (loop->ready > 0)
        text =
            TEXT(analysis, "%s ready but not run", words_many(analysis, loop->ready, "callback"));
    if (socket)
        text = TEXT(analysis, "%s%s%s in the accept queue of %s", text, *text ? "; " : "",
                    words_many(analysis, socket->receive_queue, "client"),
                    socket->local ? words_shorten(analysis, socket->local, 50) : "a socket");
    if (*text)
        finding_add_cost(analysis, finding, text);
}

static const struct snapshot_stack *get_stack(const struct stall *stall) {
    static const struct snapshot_stack none = {0};
    if (stall->task && stall->task->frames.count)
        return &stall->task->frames;
    return stall->thread ? &stall->thread->frames : &none;
}

/* The frame to blame: of those that the thread did not leave between two looks, what somebody
 * wrote. */
static const struct snapshot_frame *find_culprit(const struct stall *stall) {
    struct snapshot_stack stack = *get_stack(stall);
    int64_t common = stall->loop->common_frames;
    if (common > 0 && (uint64_t)common < stack.count) {
        stack.frames += stack.count - (size_t)common;
        stack.count = (size_t)common;
    }
    return stack_find_user(&stack);
}

static const char *describe_place(const struct analysis *analysis, const struct stall *stall) {
    const struct snapshot_stack *stack = get_stack(stall);
    return words_call(analysis, stack->count ? stack->frames[0] : NULL, find_culprit(stall));
}

/* What is the same in all findings about a loop. */
static void halt(struct analysis *analysis, size_t place) {
    struct snapshot_loop *loop = &analysis->snapshot->event_loops.items[place];
    analysis->loop_halted[place] = true;
    if (loop->state == SNAPSHOT_LOOP_RUNNING)
        loop->state = SNAPSHOT_LOOP_BLOCKED;
}

static struct snapshot_finding *add(struct analysis *analysis, const struct stall *stall,
                                    enum snapshot_finding_code code, enum suspicion suspicion,
                                    const char *summary) {
    struct snapshot_finding *finding = finding_add(analysis, code, suspicion, summary);
    if (stall->task)
        finding_add_task(analysis, finding, stall->task);
    if (stall->thread)
        finding_add_thread(analysis, finding, stall->thread->tid);
    finding->where = describe_place(analysis, stall);
    if (!stall->task && stall->loop->callback)
        finding->where = words_shorten(analysis, stall->loop->callback, 100);
    finding_prove(analysis, finding, describe_iteration(analysis, stall));
    add_costs(analysis, finding, stall->loop);
    if (suspicion >= LIKELY)
        halt(analysis, (size_t)(stall->loop - analysis->snapshot->event_loops.items));
    return finding;
}

/* The task of the same loop that the thread waits for. */
static const struct snapshot_task *find_own_task(const struct analysis *analysis,
                                                 const struct stall *stall) {
    const struct snapshot_wait *wait = stall->thread ? stall->thread->awaiting : NULL;
    for (size_t i = 0; wait && i < wait->task_count; i++) {
        const struct snapshot_task *task = find_task(analysis, wait->tasks[i]);
        if (task && task_is_alive(task) && task->event_loop == stall->loop->id)
            return task;
    }
    return NULL;
}

/* Whether the thread waits for what a callback of the same loop has still to begin. */
static bool waits_for_callback(const struct stall *stall) {
    const struct snapshot_wait *wait = stall->thread ? stall->thread->awaiting : NULL;
    return wait && wait->kind == SNAPSHOT_WAIT_THREAD && wait->object == stall->loop->id;
}

static bool find_sync_over_async(struct analysis *analysis, const struct stall *stall) {
    const struct snapshot_task *awaited = find_own_task(analysis, stall);
    if ((!awaited && !waits_for_callback(stall)) || stall->loop->moved == SNAPSHOT_YES)
        return false;
    bool timeout = stall->thread->awaiting->has_timeout == SNAPSHOT_YES;
    if (timeout && judge_stall(stall) == NOTHING)
        return false;
    bool sure =
        stall->loop->moved == SNAPSHOT_NO || stall->thread->awaiting->has_timeout == SNAPSHOT_NO;
    const char *name = awaited ? words_task(analysis, awaited) : "the coroutine";
    struct snapshot_finding *finding =
        add(analysis, stall, SNAPSHOT_FINDING_SYNC_OVER_ASYNC, sure ? CERTAIN : LIKELY,
            TEXT(analysis, "%s BLOCKED%s - its thread waits for %s%s", name_loop(analysis, stall),
                 describe_age(analysis, stall), awaited ? name : "a coroutine",
                 awaited ? ", a task of its own" : " of its own"));
    if (awaited)
        finding_add_task(analysis, finding, awaited);
    finding_prove(analysis, finding,
                  TEXT(analysis, "%s waits in result(); %s can only run in that thread%s",
                       words_thread(analysis, stall->thread->tid), name,
                       timeout ? ", so it will time out" : ""));
    finding->next = "await it instead of result(), or call from a thread without this loop";
    return true;
}

static const struct snapshot_object *find_awaited_lock(const struct analysis *analysis,
                                                       const struct stall *stall) {
    const struct snapshot_wait *wait = stall->thread ? stall->thread->awaiting : NULL;
    const struct snapshot_object *object = wait ? find_object(analysis, wait->object) : NULL;
    return object && object->kind == SNAPSHOT_OBJECT_THREAD_LOCK ? object : NULL;
}

static const struct snapshot_task *find_suspended_holder(const struct analysis *analysis,
                                                         const struct snapshot_object *lock,
                                                         enum suspicion *ret_suspicion) {
    for (size_t i = 0; lock && i < lock->holder_count; i++) {
        const struct snapshot_task *task = find_task(analysis, lock->holders[i].task);
        *ret_suspicion = (enum suspicion)lock->holders[i].confidence;
        if (task && task_is_alive(task) && task->state != SNAPSHOT_TASK_RUNNING)
            return task;
    }
    return NULL;
}

static bool is_stuck_thread(const struct analysis *analysis, const struct snapshot_thread *thread) {
    return thread &&
           node_is_stuck(analysis,
                         graph_thread_node(&analysis->graph,
                                           (size_t)(thread - analysis->snapshot->threads.items)));
}

static bool find_lock_across_await(struct analysis *analysis, const struct stall *stall) {
    enum suspicion suspicion = NOTHING, blocked = judge_stall(stall);
    const struct snapshot_object *lock = find_awaited_lock(analysis, stall);
    const struct snapshot_task *holder = find_suspended_holder(analysis, lock, &suspicion);
    if (!holder || stall->loop->moved == SNAPSHOT_YES)
        return false;
    if (!is_stuck_thread(analysis, stall->thread))
        suspicion = least(suspicion, blocked);
    if (suspicion == NOTHING)
        return false;
    const char *name = words_task(analysis, holder), *label = words_label(lock);
    struct snapshot_finding *finding =
        add(analysis, stall, SNAPSHOT_FINDING_THREAD_LOCK_ACROSS_AWAIT, suspicion,
            TEXT(analysis, "%s BLOCKED%s by %s, which suspended %s holds",
                 name_loop(analysis, stall), describe_age(analysis, stall), label, name));
    finding_add_task(analysis, finding, holder);
    finding_add_object(analysis, finding, lock);
    finding_prove(analysis, finding,
                  TEXT(analysis, "%s holds %s across an await: %s", name,
                       words_object(analysis, lock), words_where(analysis, &holder->frames)));
    if (holder->event_loop == stall->loop->id)
        finding_prove(analysis, finding, "the holder can only go on in the thread that it blocks");
    finding->next = "use asyncio.Lock, or release the threading lock before every await";
    return true;
}

static bool is_collecting(const struct analysis *analysis, const struct snapshot_thread *thread) {
    const struct snapshot *snapshot = analysis->snapshot;
    for (size_t i = 0; thread && i < snapshot->interpreters.count; i++)
        if (snapshot->interpreters.items[i].id == thread->interpreter)
            return snapshot->interpreters.items[i].gc_collecting == SNAPSHOT_YES;
    return false;
}

static void find_gc_pause(struct analysis *analysis, const struct stall *stall) {
    struct snapshot_finding *finding =
        add(analysis, stall, SNAPSHOT_FINDING_GC_PAUSE, judge_stall(stall),
            TEXT(analysis, "%s PAUSED%s by the garbage collector", name_loop(analysis, stall),
                 describe_age(analysis, stall)));
    finding_prove(analysis, finding, "the interpreter is inside a collection");
    finding_prove(analysis, finding, describe_thread(analysis, stall->thread));
    finding->next = "see what is collected: gc.freeze() after start, fewer reference cycles";
}

static void find_gil_starved(struct analysis *analysis, const struct stall *stall) {
    int64_t tid = find_gil_holder(analysis, stall->thread->interpreter);
    const struct snapshot_thread *holder = find_thread(analysis, tid);
    const char *name = holder ? words_thread(analysis, tid) : "another thread";
    enum suspicion suspicion = least(judge_stall(stall), holder ? CERTAIN : LIKELY);
    struct snapshot_finding *finding =
        add(analysis, stall, SNAPSHOT_FINDING_GIL_STARVED, suspicion,
            TEXT(analysis, "%s STARVED%s - %s holds the GIL", name_loop(analysis, stall),
                 describe_age(analysis, stall), name));
    if (holder) {
        finding_add_thread(analysis, finding, tid);
        finding->where = words_where(analysis, &holder->frames);
        finding_prove(analysis, finding, describe_thread(analysis, holder));
    }
    finding->next = "it must release the GIL: do the work in a process, or in C without it";
}

static const char *advise(const struct analysis *analysis, const struct stall *stall) {
    const struct snapshot_frame *user = find_culprit(stall);
    const char *name = user ? words_shorten(analysis, frame_get_name(user), 40) : "the call";
    const struct snapshot_thread *thread = stall->thread;
    if (thread && thread->os_state && *thread->os_state == 'R')
        return TEXT(analysis, "run %s%s in a process pool, or let others run in between", name,
                    user ? "()" : "");
    if (thread && thread->syscall && strstr(thread->syscall, "nanosleep"))
        return TEXT(analysis, "use await asyncio.sleep(), or run %s%s in an executor", name,
                    user ? "()" : "");
    return TEXT(analysis, "await an async version, or run %s%s with loop.run_in_executor()", name,
                user ? "()" : "");
}

static void find_blocked(struct analysis *analysis, const struct stall *stall) {
    const struct snapshot_object *lock = find_awaited_lock(analysis, stall);
    struct snapshot_finding *finding =
        add(analysis, stall, SNAPSHOT_FINDING_LOOP_BLOCKED, judge_stall(stall),
            TEXT(analysis, "%s BLOCKED%s - nothing else can run", name_loop(analysis, stall),
                 describe_age(analysis, stall)));
    finding_prove(analysis, finding, describe_thread(analysis, stall->thread));
    if (lock && lock->holder_count && lock->holders[0].tid != SNAPSHOT_UNKNOWN) {
        finding_prove(analysis, finding,
                      TEXT(analysis, "it waits for %s, held by %s", words_object(analysis, lock),
                           words_thread(analysis, lock->holders[0].tid)));
        finding_add_thread(analysis, finding, lock->holders[0].tid);
    }
    if (lock)
        finding_add_object(analysis, finding, lock);
    finding->next = advise(analysis, stall);
}

/* True when the thread waits in a circle, or behind one, that is no matter of this loop alone. */
static bool is_part_of_deadlock(const struct analysis *analysis, const struct stall *stall) {
    const struct graph *graph = &analysis->graph;
    if (!is_stuck_thread(analysis, stall->thread))
        return false;
    size_t place = (size_t)(stall->thread - analysis->snapshot->threads.items);
    uint32_t component = graph->component[graph_thread_node(graph, place)];
    return component != GRAPH_NONE &&
           component_find_loop(analysis, &graph->components[component]) !=
               (size_t)(stall->loop - analysis->snapshot->event_loops.items);
}

static void judge(struct analysis *analysis, size_t place) {
    const struct snapshot_loop *loop = &analysis->snapshot->event_loops.items[place];
    struct stall stall = {.loop = loop, .thread = find_thread(analysis, loop->tid)};
    if (!isnan(analysis->snapshot->capture.second_look_s))
        stall.looked_s = analysis->snapshot->capture.second_look_s;
    if (stall.thread)
        stall.task = find_task(analysis, stall.thread->current_task);
    if (stall.thread)
        stall.is_starved =
            stall.thread->waits_for_gil == SNAPSHOT_YES || seems_starved(analysis, stall.thread);
    measure(&stall);
    if (is_part_of_deadlock(analysis, &stall)) {
        halt(analysis, place);
        return;
    }
    if (find_sync_over_async(analysis, &stall) || find_lock_across_await(analysis, &stall) ||
        judge_stall(&stall) == NOTHING)
        return;
    if (is_collecting(analysis, stall.thread))
        find_gc_pause(analysis, &stall);
    else if (stall.is_starved)
        find_gil_starved(analysis, &stall);
    else
        find_blocked(analysis, &stall);
}

void find_loop_findings(struct analysis *analysis) {
    size_t before = analysis->snapshot->findings.count;
    for (size_t i = 0; i < analysis->snapshot->event_loops.count &&
                       analysis->snapshot->findings.count - before < FINDINGS_MAX;
         i++)
        judge(analysis, i);
}
