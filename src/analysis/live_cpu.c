/*
 * The CPU that tasks and their groups used: that of the threads, split as the samples showed them.
 */
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"
#include "live_fold.h"
#include "live_hash.h"

#define ENDED_MAX 32 /* rows */
#define CPU_LEAST 0.001

/* Tasks that are not in the picture, of one coroutine. */
struct ended {
    const char *coroutine; /* NULL: of unknown ones, and of those that have no row of their own */
    double cpu;
};

struct split {
    struct live_fold *fold;
    struct live_task *tasks; /* NULL: there is no picture */
    struct table *table;     /* from coroutines to `ended` */
    struct ended **ended;
    size_t ended_count;
    struct ended rest;
    double callbacks;
};

static struct ended *get_ended(struct split *split, const char *coroutine) {
    if (!coroutine)
        return &split->rest;
    struct ended *ended = table_find(split->table, coroutine, strlen(coroutine));
    if (ended)
        return ended;
    ended = arena_alloc(split->fold->shown, sizeof *ended);
    ended->coroutine = arena_copy_string(split->fold->shown, coroutine, strlen(coroutine));
    table_add(split->table, ended->coroutine, strlen(coroutine), ended);
    split->ended[split->ended_count++] = ended;
    return ended;
}

static double get_cpu(const struct live_fold *fold, const struct live_use *use) {
    const struct live_thread_state *thread = &fold->threads.items[use->thread];
    double cpu = live_thread_get_cpu(fold, thread);
    return isnan(cpu) ? 0 : cpu * (double)use->samples / (double)thread->assigned;
}

static void charge(struct split *split, const struct live_use *use) {
    const struct live_picture *picture = split->fold->picture;
    const struct live_entry *entry = live_history_find(picture, use->id, use->identity);
    double cpu = get_cpu(split->fold, use);
    if (!use->number)
        split->callbacks += cpu;
    else if (use->id && entry)
        split->tasks[entry - picture->entries].cpu += cpu;
    else
        get_ended(split, use->coroutine)->cpu += cpu;
}

static bool is_cpu_known(const struct live_fold *fold) {
    for (size_t i = 0; i < fold->threads.count; i++)
        if (fold->threads.items[i].over_s > 0)
            return true;
    return false;
}

static void split_cpu(struct split *split) {
    struct live_fold *fold = split->fold;
    bool is_known = is_cpu_known(fold);
    for (size_t i = 0; i < fold->picture->entry_count; i++)
        split->tasks[i].cpu = is_known ? 0 : NAN;
    for (const struct live_use *use = fold->uses; use && is_known; use = use->next)
        charge(split, use);
}

static double sum_cpu(const struct live_task *tasks, size_t task_count,
                      const struct snapshot_group *group) {
    double sum = 0;
    for (size_t i = 0; i < group->task_count; i++)
        if (group->tasks[i] < task_count)
            sum += tasks[group->tasks[i]].cpu;
    return sum;
}

static int compare_ended(const void *a, const void *b) {
    const struct ended *const *first = a, *const *second = b;
    if ((*first)->cpu != (*second)->cpu)
        return (*first)->cpu > (*second)->cpu ? -1 : 1;
    return strcmp((*first)->coroutine, (*second)->coroutine);
}

static struct live_group make_row(enum live_group_kind kind, const char *coroutine, double cpu) {
    return (struct live_group){
        .kind = kind,
        .key = live_hash_text(live_hash_number(LIVE_HASH, (uint64_t)kind), coroutine),
        .index = SIZE_MAX,
        .coroutine = coroutine,
        .change = NAN,
        .oldest = {.seconds = NAN},
        .moved = NAN,
        .cpu = cpu};
}

/* The rows of what is not in the picture: the greatest ones, and one of all that is left. */
static size_t add_rows(struct split *split, struct live_group *rows) {
    size_t count = 0;
    if (split->ended_count)
        qsort(split->ended, split->ended_count, sizeof(*split->ended), compare_ended);
    for (size_t i = 0; i < split->ended_count; i++) {
        const struct ended *ended = split->ended[i];
        if (count < ENDED_MAX - 1 && ended->cpu >= CPU_LEAST)
            rows[count++] = make_row(LIVE_GROUP_ENDED, ended->coroutine, ended->cpu);
        else
            split->rest.cpu += ended->cpu;
    }
    if (split->rest.cpu >= CPU_LEAST)
        rows[count++] = make_row(LIVE_GROUP_ENDED, NULL, split->rest.cpu);
    if (split->callbacks >= CPU_LEAST)
        rows[count++] = make_row(LIVE_GROUP_CALLBACKS, NULL, split->callbacks);
    return count;
}

void live_cpu_end(struct live_fold *fold, struct live *live) {
    const struct live_picture *picture = fold->picture;
    if (!picture)
        return;
    struct split split = {.fold = fold, .tasks = picture->task_rows, .table = table_create()};
    split.ended = arena_alloc_array(fold->shown, fold->use_count, sizeof(*split.ended));
    split_cpu(&split);
    size_t count = picture->snapshot->groups.count;
    struct live_group *rows = arena_alloc_array(fold->shown, count + ENDED_MAX + 1, sizeof *rows);
    if (count)
        memcpy(rows, picture->group_rows, count * sizeof *rows);
    for (size_t i = 0; i < count; i++)
        rows[i].cpu =
            sum_cpu(split.tasks, picture->entry_count, &picture->snapshot->groups.items[i]);
    live->groups = rows;
    live->group_count = count + add_rows(&split, rows + count);
    live->task_rows = picture->task_rows;
    live->object_rows = picture->object_rows;
    table_destroy(split.table);
}
