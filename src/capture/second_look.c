#include "second_look.h"

#include <math.h>
#include <string.h>

#include "asyncspy/snapshot/task_index.h"

#define ITERATION_TOLERANCE 0.0001 /* s: one iteration of a loop has one beginning */
#define TIMER_TOLERANCE 0.0001     /* s: one timer has one end */

struct comparison {
    const struct look_at *first, *second;
    const struct target_runs *runs;
    bool runs_cover; /* all the time between the looks */
    struct arena *arena;
    const struct task_index *index; /* of the second picture's tasks */
};

static bool equal_texts(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool equal_functions(const struct snapshot_frame *a, const struct snapshot_frame *b) {
    return equal_texts(a->function, b->function) && equal_texts(a->file, b->file);
}

static bool equal_places(const struct snapshot_frame *a, const struct snapshot_frame *b) {
    return a->line == b->line && a->column == b->column && a->end_column == b->end_column;
}

static bool equal_stacks(const struct snapshot_stack *a, const struct snapshot_stack *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!equal_functions(a->frames[i], b->frames[i]) ||
            !equal_places(a->frames[i], b->frames[i]))
            return false;
    return true;
}

/* How many frames, from the outermost, are the same calls: one that has gone on is the last. */
static size_t count_common_frames(const struct snapshot_stack *a, const struct snapshot_stack *b) {
    size_t count = 0;
    while (count < a->count && count < b->count) {
        const struct snapshot_frame *one = a->frames[a->count - 1 - count];
        const struct snapshot_frame *other = b->frames[b->count - 1 - count];
        if (!equal_functions(one, other))
            break;
        count++;
        if (!equal_places(one, other))
            break;
    }
    return count;
}

static enum snapshot_tristate has_run(const struct comparison *comparison, int64_t tid) {
    bool is_watched = comparison->runs && tid != SNAPSHOT_UNKNOWN;
    int ran = is_watched ? runs_get(comparison->runs, (pid_t)tid) : -1;
    return ran < 0 ? SNAPSHOT_MAYBE : ran ? SNAPSHOT_YES : SNAPSHOT_NO;
}

/* --- event loops --- */

static const struct snapshot_loop *find_loop(const struct snapshot *snapshot, snapshot_id id) {
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        if (snapshot->event_loops.items[i].id == id)
            return &snapshot->event_loops.items[i];
    return NULL;
}

/* That a loop is blocked is what the analysis makes of one that runs; the picture that a next one
 * is compared with has been analyzed. */
static enum snapshot_loop_state get_seen_state(const struct snapshot_loop *loop) {
    return loop->state == SNAPSHOT_LOOP_BLOCKED ? SNAPSHOT_LOOP_RUNNING : loop->state;
}

/* Whether two looks show the same callback of the same iteration, or the same wait in select(). */
static enum snapshot_tristate compare_runs(const struct comparison *comparison,
                                           const struct snapshot_loop *a,
                                           const struct snapshot_loop *b) {
    double passed = comparison->second->now - comparison->first->now;
    if (get_seen_state(a) != get_seen_state(b))
        return SNAPSHOT_YES;
    if (!isnan(a->iteration_age_s) && !isnan(b->iteration_age_s))
        return fabs(a->iteration_age_s + passed - b->iteration_age_s) < ITERATION_TOLERANCE &&
                       a->callback_index == b->callback_index
                   ? SNAPSHOT_NO
               : a->callback_count == SNAPSHOT_UNKNOWN
                   ? SNAPSHOT_MAYBE /* the ages are bounds: the clock was looked at meanwhile */
                   : SNAPSHOT_YES;
    if (!isnan(a->idle_s) && !isnan(b->idle_s))
        return fabs(a->idle_s + passed - b->idle_s) < ITERATION_TOLERANCE ? SNAPSHOT_NO
                                                                          : SNAPSHOT_YES;
    return isnan(a->iteration_age_s) && isnan(b->iteration_age_s) ? SNAPSHOT_MAYBE : SNAPSHOT_YES;
}

static enum snapshot_tristate compare_loop(const struct comparison *comparison,
                                           const struct snapshot_loop *a) {
    const struct snapshot_loop *b = find_loop(comparison->second->snapshot, a->id);
    if (!b)
        return SNAPSHOT_YES;
    if (comparison->runs_cover && has_run(comparison, a->tid) == SNAPSHOT_NO)
        return SNAPSHOT_NO;
    return compare_runs(comparison, a, b);
}

/* What runs in a loop: a task, or a callback of its thread. NULL: nothing. */
static const struct snapshot_stack *find_running_stack(const struct snapshot *snapshot,
                                                       const struct snapshot_loop *loop,
                                                       snapshot_id *ret_task) {
    const struct snapshot_thread *thread = NULL;
    for (size_t i = 0; i < snapshot->threads.count && !thread; i++)
        if (snapshot->threads.items[i].tid == loop->tid)
            thread = &snapshot->threads.items[i];
    *ret_task = thread ? thread->current_task : 0;
    for (size_t i = 0; *ret_task && i < snapshot->tasks.count; i++)
        if (snapshot->tasks.items[i].id == *ret_task && snapshot->tasks.items[i].frames.count)
            return &snapshot->tasks.items[i].frames;
    return thread ? &thread->frames : NULL;
}

static int64_t compare_running(const struct comparison *comparison, const struct snapshot_loop *a) {
    const struct snapshot_loop *b = find_loop(comparison->second->snapshot, a->id);
    if (a->moved != SNAPSHOT_NO || a->state == SNAPSHOT_LOOP_IDLE || !b ||
        a->tid == SNAPSHOT_UNKNOWN || a->tid != b->tid)
        return SNAPSHOT_UNKNOWN;
    snapshot_id first_task, second_task;
    const struct snapshot_stack *first =
        find_running_stack(comparison->first->snapshot, a, &first_task);
    const struct snapshot_stack *second =
        find_running_stack(comparison->second->snapshot, b, &second_task);
    if (!first || !second || first_task != second_task)
        return SNAPSHOT_UNKNOWN;
    return (int64_t)count_common_frames(first, second);
}

/* --- tasks --- */

static bool has_changed(const struct snapshot_task *a, const struct snapshot_task *b) {
    if (a->state != b->state || !a->awaiting != !b->awaiting)
        return true;
    if (a->awaiting &&
        (a->awaiting->id != b->awaiting->id || a->awaiting->kind != b->awaiting->kind ||
         a->awaiting->object != b->awaiting->object))
        return true;
    return !equal_stacks(&a->frames, &b->frames);
}

/* Its deadline is that of the sleep itself, and of nothing around it. */
static bool is_plain_sleep(const struct snapshot_wait *wait) {
    return wait && wait->kind == SNAPSHOT_WAIT_SLEEP && wait->has_timeout != SNAPSHOT_YES &&
           isfinite(wait->deadline_s);
}

/* Who sleeps again and again does so at the same place, often on futures of the same address. */
static enum snapshot_tristate compare_sleeps(const struct comparison *comparison,
                                             const struct snapshot_wait *a,
                                             const struct snapshot_wait *b) {
    double passed = comparison->second->now - comparison->first->now;
    return fabs(a->deadline_s - passed - b->deadline_s) < TIMER_TOLERANCE ? SNAPSHOT_NO
                                                                          : SNAPSHOT_YES;
}

/* Another future may stand at the address of the one before; its links tell. */
static enum snapshot_tristate compare_task(const struct comparison *comparison,
                                           const struct snapshot_task *a,
                                           const struct snapshot_loop *loop) {
    size_t place = task_index_find(comparison->index, a->id);
    if (place == TASK_INDEX_NONE)
        return SNAPSHOT_YES;
    const struct snapshot_task *b = &comparison->second->snapshot->tasks.items[place];
    if (has_changed(a, b))
        return SNAPSHOT_YES;
    if (loop && loop->moved == SNAPSHOT_NO && loop->tid != SNAPSHOT_UNKNOWN)
        return SNAPSHOT_NO;
    if (is_plain_sleep(a->awaiting) && is_plain_sleep(b->awaiting))
        return compare_sleeps(comparison, a->awaiting, b->awaiting);
    if (!a->awaiting || !a->awaiting->links || !b->awaiting->links)
        return SNAPSHOT_MAYBE;
    return a->awaiting->links == b->awaiting->links ? SNAPSHOT_NO : SNAPSHOT_MAYBE;
}

static void compare_tasks(const struct comparison *comparison) {
    struct snapshot *snapshot = comparison->first->snapshot;
    const struct snapshot_loop *loop = NULL;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct snapshot_task *task = &snapshot->tasks.items[i];
        if (!loop || loop->id != task->event_loop) /* most tasks have the same */
            loop = find_loop(snapshot, task->event_loop);
        task->moved = compare_task(comparison, task, loop);
    }
}

/* --- sockets --- */

static const struct snapshot_socket *find_socket(const struct snapshot *snapshot, size_t near,
                                                 int64_t fd) {
    if (near < snapshot->sockets.count && snapshot->sockets.items[near].fd == fd)
        return &snapshot->sockets.items[near];
    for (size_t i = 0; i < snapshot->sockets.count; i++)
        if (snapshot->sockets.items[i].fd == fd)
            return &snapshot->sockets.items[i];
    return NULL;
}

static bool has_received(const struct snapshot_socket *earlier,
                         const struct snapshot_socket *later) {
    return later->last_received_s < earlier->last_received_s; /* false of what is not known */
}

static bool equal_sockets(const struct snapshot_socket *a, const struct snapshot_socket *b) {
    return a->receive_queue == b->receive_queue && a->send_queue == b->send_queue &&
           equal_texts(a->state, b->state) && equal_texts(a->local, b->local) &&
           equal_texts(a->peer, b->peer);
}

static void compare_sockets(const struct look_at *marked, const struct look_at *other) {
    bool is_later = marked->now > other->now;
    for (size_t i = 0; i < marked->snapshot->sockets.count; i++) {
        struct snapshot_socket *a = &marked->snapshot->sockets.items[i];
        const struct snapshot_socket *b = find_socket(other->snapshot, i, a->fd);
        bool is_same =
            b && equal_sockets(a, b) && !(is_later ? has_received(b, a) : has_received(a, b));
        a->moved = is_same ? SNAPSHOT_NO : SNAPSHOT_YES;
    }
}

/* Who waits for the GIL wakes up every few milliseconds to ask for it; one of two looks may miss
 * that. */
static void compare_thread(const struct comparison *comparison, struct snapshot_thread *thread) {
    const struct snapshot *second = comparison->second->snapshot;
    thread->moved = has_run(comparison, thread->tid);
    for (size_t i = 0; i < second->threads.count; i++)
        if (second->threads.items[i].ident == thread->ident &&
            thread->waits_for_gil == SNAPSHOT_MAYBE)
            thread->waits_for_gil = second->threads.items[i].waits_for_gil;
}

void second_look_compare(const struct look_at *first, const struct look_at *second,
                         const struct target_runs *runs, bool runs_cover) {
    struct snapshot *snapshot = first->snapshot;
    struct comparison comparison = {.first = first,
                                    .second = second,
                                    .runs = runs,
                                    .runs_cover = runs_cover,
                                    .arena = arena_create()};
    comparison.index = task_index_create(comparison.arena, second->snapshot);
    for (size_t i = 0; i < snapshot->threads.count; i++)
        compare_thread(&comparison, &snapshot->threads.items[i]);
    for (size_t i = 0; i < snapshot->event_loops.count; i++) {
        struct snapshot_loop *loop = &snapshot->event_loops.items[i];
        loop->moved = compare_loop(&comparison, loop);
        loop->common_frames = compare_running(&comparison, loop);
    }
    compare_tasks(&comparison);
    compare_sockets(first, second);
    arena_destroy(comparison.arena);
}

void second_look_stood_still(const struct look_at *looked_at, const struct look_at *second) {
    struct snapshot *first = looked_at->snapshot;
    for (size_t i = 0; i < first->threads.count; i++)
        first->threads.items[i].moved = SNAPSHOT_NO;
    for (size_t i = 0; i < first->event_loops.count; i++)
        first->event_loops.items[i].moved = SNAPSHOT_NO;
    for (size_t i = 0; i < first->tasks.count; i++)
        first->tasks.items[i].moved = SNAPSHOT_NO;
    compare_sockets(looked_at, second);
}
