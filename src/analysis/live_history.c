/*
 * Since when the tasks of a picture are as they are: as long as the pictures, and the samples
 * between them, show that they did not move.
 */
#include <string.h>

#include "live_fold.h"
#include "live_hash.h"

#define NEWBORN_MAX 100000 /* between two pictures */
#define SURE_S 2           /* where it is not known better than this, an age is a bound */

struct live_entry *live_history_find(const struct live_picture *picture, snapshot_id id,
                                     uint64_t identity) {
    struct live_entry *entry = id_table_find(picture->tasks, id);
    return entry && entry->identity == identity ? entry : NULL;
}

/* --- samples after the picture --- */

static bool is_same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same_frame(const struct snapshot_frame *a, const struct snapshot_frame *b) {
    return a == b || (a->line == b->line && a->column == b->column &&
                      is_same_text(a->function, b->function) && is_same_text(a->file, b->file));
}

static bool is_same_stack(const struct snapshot_stack *a, const struct snapshot_stack *b) {
    if (a == b)
        return true;
    bool is_same = a && b && a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++)
        is_same = is_same_frame(a->frames[i], b->frames[i]);
    return is_same;
}

static bool is_same_wait(const struct recording_wait *a, const struct recording_wait *b) {
    if (a == b)
        return true;
    return a && b && a->kind == b->kind && a->fd == b->fd && a->pid == b->pid &&
           is_same_text(a->object, b->object) && is_same_text(a->peer, b->peer) &&
           is_same_text(a->callee, b->callee);
}

/* Who waits for it, and what others are called, is not its own doing. */
static bool has_moved(const struct recording_change *change) {
    return change->before->state != change->after->state ||
           !is_same_stack(change->before->stack, change->after->stack) ||
           !is_same_wait(change->before->wait, change->after->wait);
}

static void add_newborn(struct live_fold *fold, const struct recording_task *task) {
    struct live_picture *picture = fold->picture;
    struct live_newborn *newborn = id_table_find(picture->newborns, task->id);
    if (!newborn) {
        if (picture->newborn_count == NEWBORN_MAX)
            return;
        newborn = arena_alloc(picture->arena, sizeof *newborn);
        id_table_add(picture->newborns, task->id, newborn);
        picture->newborn_count++;
    }
    *newborn = (struct live_newborn){.identity = live_hash_task(task->name, task->coroutine),
                                     .since_s = fold->time_s,
                                     .is_bound = fold->time_s - fold->births.now.time_s > SURE_S};
}

static void add_change(struct live_fold *fold, const struct recording_change *change) {
    const struct live_picture *picture = fold->picture;
    const struct recording_task *task = change->after;
    if (!task)
        return;
    if (!change->before) {
        add_newborn(fold, task);
        return;
    }
    if (!has_moved(change))
        return;
    uint64_t identity = live_hash_task(task->name, task->coroutine);
    struct live_entry *entry = live_history_find(picture, task->id, identity);
    struct live_newborn *newborn = id_table_find(picture->newborns, task->id);
    if (entry)
        entry->changed_s = fold->time_s;
    if (newborn && newborn->identity == identity)
        newborn->since_s = fold->time_s;
}

void live_history_add(struct live_fold *fold, const struct recording_sample *sample) {
    if (!fold->picture || !fold->has_sample)
        return;
    for (size_t i = 0; i < sample->change_count; i++)
        add_change(fold, &sample->changes[i]);
}

/* --- the next picture --- */

/* One that is new since the picture before: as samples showed it, else since this picture. */
static void begin_new(const struct live_picture *picture, const struct live_picture *before,
                      struct live_entry *entry) {
    const struct live_newborn *newborn = id_table_find(before->newborns, entry->id);
    bool is_known = newborn && newborn->identity == entry->identity;
    entry->since_s = is_known ? newborn->since_s : picture->time_s;
    entry->is_bound = is_known ? newborn->is_bound : picture->time_s - before->time_s > SURE_S;
}

/* Since when it is as the picture shows it. One that moved did so after the last change that is
 * known, and before the picture. */
static void begin_known(const struct live_picture *picture, const struct live_entry *old,
                        const struct live_task *row, struct live_entry *entry) {
    entry->since_s = picture->time_s;
    entry->is_bound = row->moved == SNAPSHOT_MAYBE || picture->time_s - old->changed_s > SURE_S;
    if (row->moved == SNAPSHOT_NO) {
        entry->since_s = old->since_s;
        entry->is_bound = old->is_bound;
    }
}

static void look_at_task(struct live_picture *picture, const struct live_picture *before,
                         size_t place) {
    const struct snapshot_task *task = &picture->snapshot->tasks.items[place];
    struct live_entry *entry = &picture->entries[place];
    struct live_task *row = &picture->task_rows[place];
    *entry = (struct live_entry){.id = task->id,
                                 .identity = live_hash_task(task->name, task->coroutine),
                                 .since_s = picture->time_s,
                                 .changed_s = picture->time_s,
                                 .is_bound = true};
    const struct live_entry *old =
        before ? live_history_find(before, entry->id, entry->identity) : NULL;
    bool has_changed = old && old->changed_s > before->time_s;
    *row = (struct live_task){.moved = has_changed ? SNAPSHOT_YES : task->moved, .cpu = NAN};
    if (old)
        begin_known(picture, old, row, entry);
    else if (before)
        begin_new(picture, before, entry);
    row->age.seconds = picture->time_s - entry->since_s;
    row->age.is_bound = entry->is_bound && !(old && row->moved == SNAPSHOT_YES);
    id_table_add(picture->tasks, entry->id, entry);
}

void live_history_look(struct live_picture *picture, const struct live_picture *before) {
    size_t count = picture->snapshot->tasks.count;
    picture->entry_count = count;
    picture->entries = arena_alloc_array(picture->arena, count, sizeof *picture->entries);
    picture->task_rows = arena_alloc_array(picture->arena, count, sizeof *picture->task_rows);
    picture->tasks = id_table_create(picture->arena, count);
    picture->newborns = id_table_create(picture->arena, 0);
    for (size_t i = 0; i < count; i++)
        look_at_task(picture, before, i);
}
