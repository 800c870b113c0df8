/*
 * Threads: CPU time, what they used it for, the GIL.
 *
 * The CPU time of a thread is exact. It is split among the tasks in proportion to the samples that
 * showed the thread running them; what it used without such a sample is nobody's.
 */
#include <math.h>
#include <stdlib.h>

#include "live_fold.h"
#include "live_hash.h"

#define THREADS_MAX 4096
#define USES_MAX 65536 /* of an interval */

static uint64_t get_key(int64_t tid, uint64_t ident) {
    return tid == SNAPSHOT_UNKNOWN ? ident : (uint64_t)tid;
}

/* The table holds pointers that are not NULL: the state itself may move. */
static void index_thread(struct live_fold *fold, size_t place) {
    struct live_threads *threads = &fold->threads;
    size_t *kept = arena_alloc(fold->interval, sizeof *kept);
    *kept = place;
    if (!threads->table)
        threads->table = id_table_create(fold->interval, threads->count);
    id_table_add(threads->table, threads->items[place].key, kept);
}

static struct live_thread_state *find_state(const struct live_threads *threads, uint64_t key) {
    const size_t *place = threads->table ? id_table_find(threads->table, key) : NULL;
    return place ? &threads->items[*place] : NULL;
}

/* NULL: there are too many. */
static struct live_thread_state *get_state(struct live_fold *fold, uint64_t key) {
    struct live_threads *threads = &fold->threads;
    struct live_thread_state *state = find_state(threads, key);
    if (state || threads->count == THREADS_MAX)
        return state;
    if (!threads->items || threads->count == threads->capacity) {
        threads->capacity = threads->capacity ? 2 * threads->capacity : 16;
        threads->items = memory_realloc(threads->items, threads->capacity * sizeof *threads->items);
    }
    threads->items[threads->count++] =
        (struct live_thread_state){.key = key, .was_known = !fold->has_sample};
    index_thread(fold, threads->count - 1);
    return &threads->items[threads->count - 1];
}

/* Of a thread that came or went meanwhile it is a share of all the interval, not of its life. */
double live_thread_get_cpu(const struct live_fold *fold, const struct live_thread_state *state) {
    double interval_s = fold->time_s - fold->start_s;
    bool is_whole = state->was_known && state->cpu_time_s == fold->threads.sample_s;
    if (!(state->over_s > 0))
        return NAN;
    return state->used_s / (is_whole ? state->over_s : fmax(state->over_s, interval_s));
}

static void count_tristate(enum snapshot_tristate value, uint64_t *count, uint64_t *known) {
    *count += value == SNAPSHOT_YES;
    *known += value != SNAPSHOT_MAYBE;
}

/* From one sample to the next; the first one may be of the interval before. */
static void count_cpu(struct live_thread_state *state, double cpu_s, double time_s) {
    if (!live_is_time(cpu_s))
        return;
    if (state->has_cpu && time_s > state->cpu_time_s) {
        state->used_s += live_clamp(cpu_s - state->cpu_s, 0, LIVE_TIME_MAX);
        state->over_s += time_s - state->cpu_time_s;
    }
    state->has_cpu = true;
    state->cpu_s = cpu_s;
    state->cpu_time_s = time_s;
}

static struct live_use *add_use(struct live_fold *fold, size_t thread, uint64_t number) {
    struct live_use *use = arena_alloc(fold->interval, sizeof *use);
    *use = (struct live_use){.next = fold->uses, .thread = thread, .number = number};
    fold->uses = use;
    fold->use_count++;
    return use;
}

/* What the sample points to may be forgotten. */
static void describe_use(struct live_fold *fold, struct live_use *use,
                         const struct recording_sample *sample) {
    size_t hint = 0;
    const struct recording_task *task = live_find_task(sample, use->number, &hint);
    if (!task)
        return;
    use->id = task->id;
    use->identity = live_hash_task(task->name, task->coroutine);
    if (task->coroutine)
        use->coroutine =
            arena_copy_string(fold->interval, task->coroutine, strnlen(task->coroutine, 1000));
}

/* NULL: there are too many. Numbers count up from 1: they leave room for the thread's place. */
static struct live_use *get_use(struct live_fold *fold, size_t thread, uint64_t number,
                                const struct recording_sample *sample) {
    uint64_t key = number * THREADS_MAX + thread;
    if (!fold->use_table)
        fold->use_table = id_table_create(fold->interval, 64);
    struct live_use *use = id_table_find(fold->use_table, key);
    if (use || fold->use_count == USES_MAX)
        return use;
    use = add_use(fold, thread, number);
    id_table_add(fold->use_table, key, use);
    if (number)
        describe_use(fold, use, sample);
    return use;
}

static bool runs_callbacks(const struct recording_sample *sample, snapshot_id loop) {
    for (size_t i = 0; loop && i < sample->loop_count; i++)
        if (sample->loops[i].id == loop)
            return sample->loops[i].state == SNAPSHOT_LOOP_RUNNING ||
                   sample->loops[i].state == SNAPSHOT_LOOP_BLOCKED;
    return false;
}

static void add_thread(struct live_fold *fold, const struct recording_sample *sample,
                       const struct recording_thread *shown) {
    struct live_thread_state *state = get_state(fold, get_key(shown->tid, shown->ident));
    if (!state)
        return;
    state->is_shown = true;
    count_cpu(state, shown->cpu_s, fold->time_s);
    count_tristate(shown->on_cpu, &state->on_cpu, &state->on_cpu_known);
    count_tristate(shown->holds_gil, &state->gil, &state->gil_known);
    count_tristate(shown->waits_for_gil, &state->gil_wait, &state->gil_wait_known);
    if (shown->on_cpu != SNAPSHOT_YES ||
        !(shown->task || runs_callbacks(sample, shown->event_loop)))
        return;
    size_t place = (size_t)(state - fold->threads.items);
    struct live_use *use = get_use(fold, place, shown->task, sample);
    if (use) {
        use->samples++;
        state->assigned++;
    }
}

static void count_gil(struct live_fold *fold, const struct recording_sample *sample) {
    bool is_known = false, is_held = false, is_of_other = false;
    for (size_t i = 0; i < sample->thread_count; i++) {
        const struct recording_thread *thread = &sample->threads[i];
        is_known |= thread->holds_gil != SNAPSHOT_MAYBE;
        is_held |= thread->holds_gil == SNAPSHOT_YES;
        is_of_other |= thread->holds_gil == SNAPSHOT_YES && !thread->event_loop;
    }
    fold->gil_known += is_known;
    fold->gil += is_held;
    fold->gil_others += is_of_other;
}

void live_threads_add(struct live_fold *fold, const struct recording_sample *sample) {
    fold->threads.sample_s = fold->time_s;
    for (size_t i = 0; i < sample->thread_count && i < THREADS_MAX; i++)
        add_thread(fold, sample, &sample->threads[i]);
    count_gil(fold, sample);
}

void live_threads_end(struct live_fold *fold, struct live *live) {
    const struct snapshot *snapshot = live->snapshot;
    size_t count = snapshot ? snapshot->threads.count : 0;
    struct live_thread *rows = arena_alloc_array(fold->shown, count, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads.items[i];
        const struct live_thread_state *state =
            find_state(&fold->threads, get_key(thread->tid, thread->ident));
        rows[i] = (struct live_thread){NAN, NAN, NAN, NAN};
        if (!state)
            continue;
        rows[i].cpu = live_thread_get_cpu(fold, state);
        rows[i].on_cpu = live_share(state->on_cpu, state->on_cpu_known);
        rows[i].gil = live_share(state->gil, state->gil_known);
        rows[i].gil_wait = live_share(state->gil_wait, state->gil_wait_known);
    }
    live->thread_rows = rows;
}

/* The memory of the interval before is gone. */
void live_threads_begin(struct live_fold *fold) {
    struct live_threads *threads = &fold->threads;
    size_t count = 0;
    threads->table = NULL;
    for (size_t i = 0; i < threads->count; i++) {
        const struct live_thread_state old = threads->items[i];
        if (!old.is_shown && fold->samples)
            continue;
        threads->items[count++] = (struct live_thread_state){.key = old.key,
                                                             .was_known = old.has_cpu,
                                                             .has_cpu = old.has_cpu,
                                                             .cpu_s = old.cpu_s,
                                                             .cpu_time_s = old.cpu_time_s};
    }
    threads->count = count;
    for (size_t i = 0; i < count; i++)
        index_thread(fold, i);
}
