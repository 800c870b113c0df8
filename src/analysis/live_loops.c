/*
 * Loops: how busy they are, and what is known of each at the end of an interval.
 */
#include <stdlib.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "live_fold.h"

#define LOOPS_MAX 64

static void destroy_loop(struct live_loop_state *loop) {
    free(loop->blocks);
}

void live_loops_destroy(struct live_loops *loops) {
    for (size_t i = 0; i < loops->count; i++)
        destroy_loop(&loops->items[i]);
    free(loops->items);
}

/* NULL: there are too many. `hint` is where it probably is. */
static struct live_loop_state *get_loop(struct live_loops *loops, snapshot_id id, size_t hint) {
    if (hint < loops->count && loops->items[hint].id == id)
        return &loops->items[hint];
    for (size_t i = 0; i < loops->count; i++)
        if (loops->items[i].id == id)
            return &loops->items[i];
    if (loops->count == LOOPS_MAX)
        return NULL;
    if (loops->count == loops->capacity) {
        loops->capacity = loops->capacity ? 2 * loops->capacity : 4;
        loops->items = memory_realloc(loops->items, loops->capacity * sizeof *loops->items);
    }
    struct live_loop_state *loop = &loops->items[loops->count++];
    *loop = (struct live_loop_state){.id = id,
                                     .tid = SNAPSHOT_UNKNOWN,
                                     .ready = SNAPSHOT_UNKNOWN,
                                     .state = SNAPSHOT_LOOP_STATE_UNKNOWN,
                                     .lag_s = NAN,
                                     .last = {.start_s = NAN}};
    return loop;
}

static const struct recording_thread *find_thread_of(const struct recording_sample *sample,
                                                     const struct recording_loop *loop) {
    for (size_t i = 0; i < sample->thread_count && loop->tid != SNAPSHOT_UNKNOWN; i++)
        if (sample->threads[i].tid == loop->tid)
            return &sample->threads[i];
    return NULL;
}

/* Where the state is not known, a thread that runs tells; else it stays unknown. */
static void count_busy(struct live_loop_state *loop, const struct recording_loop *shown,
                       const struct recording_thread *thread) {
    bool is_unknown = shown->state == SNAPSHOT_LOOP_STATE_UNKNOWN;
    bool is_busy = shown->task || shown->state == SNAPSHOT_LOOP_RUNNING ||
                   shown->state == SNAPSHOT_LOOP_BLOCKED ||
                   (is_unknown && thread && thread->on_cpu == SNAPSHOT_YES);
    loop->busy += is_busy;
    loop->known += is_busy || !is_unknown;
}

/* Where the timers are known and none is late, there is no lag. */
static void note_lag(struct live_loop_state *loop, const struct recording_loop *shown) {
    double lag_s = live_is_time(shown->overdue_s) ? shown->overdue_s : 0;
    if (shown->timers != SNAPSHOT_UNKNOWN && !(loop->lag_s >= lag_s))
        loop->lag_s = lag_s;
}

static void add_loop(struct live_fold *fold, const struct recording_sample *sample, size_t place) {
    const struct recording_loop *shown = &sample->loops[place];
    struct live_loop_state *loop = get_loop(&fold->loops, shown->id, place);
    if (!loop)
        return;
    const struct recording_thread *thread = find_thread_of(sample, shown);
    live_text_set(loop->type, shown->type);
    live_text_set(loop->thread, thread ? thread->name : NULL);
    loop->tid = shown->tid;
    loop->state = shown->state;
    loop->ready = shown->ready >= 0 ? shown->ready : SNAPSHOT_UNKNOWN;
    loop->is_shown = true;
    loop->shown++;
    note_lag(loop, shown);
    count_busy(loop, shown, thread);
    live_iteration_add(fold->interval, loop, sample, shown, fold->time_s);
}

void live_loops_add(struct live_fold *fold, const struct recording_sample *sample) {
    for (size_t i = 0; i < sample->loop_count && i < LOOPS_MAX; i++)
        add_loop(fold, sample, i);
}

static const char *find_thread_name(const struct snapshot *snapshot, int64_t tid) {
    for (size_t i = 0; i < snapshot->threads.count && tid != SNAPSHOT_UNKNOWN; i++) {
        const struct snapshot_thread *thread = &snapshot->threads.items[i];
        if (thread->tid == tid)
            return thread->name ? thread->name : thread->kernel_name;
    }
    return NULL;
}

/* A loop of which samples told nothing in this interval is as the picture has it. */
void live_loops_look(struct live_fold *fold, const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->event_loops.count && i < LOOPS_MAX; i++) {
        const struct snapshot_loop *shown = &snapshot->event_loops.items[i];
        struct live_loop_state *loop = get_loop(&fold->loops, shown->id, i);
        if (!loop || loop->is_shown)
            continue;
        live_text_set(loop->type, shown->type);
        live_text_set(loop->thread, find_thread_name(snapshot, shown->tid));
        loop->tid = shown->tid;
        loop->state = shown->state;
        loop->ready = shown->ready >= 0 ? shown->ready : SNAPSHOT_UNKNOWN;
        loop->is_shown = true;
    }
}

static int compare_ages(const void *a, const void *b) {
    const double *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static double find_median(double *ages, size_t count) {
    if (!count)
        return NAN;
    qsort(ages, count, sizeof *ages, compare_ages);
    return count % 2 ? ages[count / 2] : (ages[count / 2 - 1] + ages[count / 2]) / 2;
}

static const char *copy_text(struct arena *arena, const char *text) {
    return *text ? arena_copy_string(arena, text, strlen(text)) : NULL;
}

static const struct snapshot_executor *find_executor(const struct snapshot *snapshot,
                                                     snapshot_id id) {
    for (size_t i = 0; snapshot && i < snapshot->event_loops.count && i < LOOPS_MAX; i++)
        if (snapshot->event_loops.items[i].id == id)
            return &snapshot->event_loops.items[i].executor;
    return &snapshot_loop_blank.executor;
}

/* Samples before it came, and after it went. */
static uint64_t get_absences(const struct live_fold *fold, const struct live_loop_state *loop) {
    return fold->samples > loop->shown ? fold->samples - loop->shown : 0;
}

static struct live_loop show_loop(struct live_fold *fold, struct live_loop_state *loop) {
    struct arena *arena = fold->shown;
    struct live_loop row = {
        .id = loop->id,
        .type = copy_text(arena, loop->type),
        .tid = loop->tid,
        .thread = copy_text(arena, loop->thread),
        .state = loop->state,
        .busy = live_share(loop->busy, loop->known ? loop->known + get_absences(fold, loop) : 0),
        .iteration_worst_s = loop->age_count ? loop->worst_s : NAN,
        .iterations = loop->iterations,
        .lag_s = loop->lag_s,
        .ready = loop->ready,
        .executor = *find_executor(fold->picture ? fold->picture->snapshot : NULL, loop->id),
    };
    row.iteration_median_s = find_median(loop->ages, loop->age_count);
    live_blocks_end(loop, fold->time_s, &row);
    row.worst.task = row.worst.task ? copy_text(arena, row.worst.task) : NULL;
    row.worst.frame = row.worst.frame ? copy_text(arena, row.worst.frame) : NULL;
    row.worst.file = row.worst.file ? copy_text(arena, row.worst.file) : NULL;
    row.worst.callee = row.worst.callee ? copy_text(arena, row.worst.callee) : NULL;
    return row;
}

/* What is not known comes last. */
static int compare_loops(const void *a, const void *b) {
    const struct live_loop *first = a, *second = b;
    double busy = isnan(first->busy) ? -1 : first->busy;
    double other = isnan(second->busy) ? -1 : second->busy;
    if (busy != other)
        return busy > other ? -1 : 1;
    return (first->id > second->id) - (first->id < second->id);
}

/* Without samples and pictures everything may still be there. */
static bool is_gone(const struct live_fold *fold, const struct live_loop_state *loop) {
    return !loop->is_shown && (fold->samples || fold->has_look);
}

void live_loops_end(struct live_fold *fold, struct live *live) {
    struct live_loops *loops = &fold->loops;
    struct live_loop *rows = arena_alloc_array(fold->shown, loops->count, sizeof *rows);
    size_t count = 0;
    for (size_t i = 0; i < loops->count; i++) {
        struct live_loop_state loop = loops->items[i];
        if (is_gone(fold, &loop)) {
            destroy_loop(&loop);
            continue;
        }
        rows[count] = show_loop(fold, &loop);
        loops->items[count++] = loop;
    }
    loops->count = count;
    if (count)
        qsort(rows, count, sizeof *rows, compare_loops);
    live->loops = rows;
    live->loop_count = count;
}

void live_loops_begin(struct live_fold *fold) {
    for (size_t i = 0; i < fold->loops.count; i++) {
        struct live_loop_state *loop = &fold->loops.items[i];
        loop->is_shown = loop->is_counted = false;
        loop->shown = loop->known = loop->busy = loop->iterations = 0;
        loop->lag_s = NAN;
        loop->worst_s = 0;
        loop->ages = NULL;
        loop->age_count = loop->age_capacity = 0;
    }
}
