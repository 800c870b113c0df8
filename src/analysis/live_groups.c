/*
 * Groups and objects of a picture, compared with those of the one before.
 */
#include "analysis.h"
#include "live_fold.h"
#include "live_hash.h"

/* --- the key of a group --- */

/* What of the state lasts: who runs now was ready a moment ago. */
static uint64_t get_state_class(enum snapshot_task_state state) {
    if (state == SNAPSHOT_TASK_DONE || state == SNAPSHOT_TASK_CANCELLED)
        return 2;
    return state == SNAPSHOT_TASK_WAITING;
}

static uint64_t hash_frames(uint64_t hash, const struct snapshot_stack *stack) {
    for (size_t i = 0; i < stack->count; i++) {
        const struct snapshot_frame *frame = stack->frames[i];
        hash = live_hash_text(hash, frame->function);
        hash = live_hash_text(hash, frame->file);
        hash = live_hash_number(hash, (uint64_t)frame->line);
    }
    return hash;
}

struct places {
    const struct id_table *objects, *sockets;
};

/* Labels are numbers of one picture: they do not tell. */
static uint64_t hash_object(const struct snapshot_object *object) {
    return live_hash_text(live_hash_number(LIVE_HASH, object->id), object->type);
}

/* The object, or the far end of a connection that this process has made; 0: neither. */
static uint64_t get_detail(const struct places *places, const struct snapshot_wait *wait) {
    if (!wait)
        return 0;
    const struct snapshot_object *object =
        wait->object ? id_table_find(places->objects, wait->object) : NULL;
    if (object)
        return hash_object(object);
    const struct snapshot_socket *socket =
        wait->fd >= 0 ? id_table_find(places->sockets, (uint64_t)wait->fd) : NULL;
    return socket && socket->peer && socket->accepted != SNAPSHOT_YES
               ? live_hash_text(LIVE_HASH, socket->peer)
               : 0;
}

/* What all members have; 0: they differ. */
static uint64_t get_common_detail(const struct places *places, const struct snapshot *snapshot,
                                  const struct snapshot_group *group) {
    uint64_t common = 0;
    for (size_t i = 0; i < group->task_count; i++) {
        if (group->tasks[i] >= snapshot->tasks.count)
            return 0;
        uint64_t detail = get_detail(places, snapshot->tasks.items[group->tasks[i]].awaiting);
        if (!detail || (common && common != detail))
            return 0;
        common = detail;
    }
    return common;
}

/* Nothing of it changes while its members wait. */
static uint64_t make_key(const struct places *places, const struct snapshot *snapshot,
                         const struct snapshot_group *group) {
    uint64_t hash = live_hash_number(LIVE_HASH, get_state_class(group->state));
    hash = hash_frames(hash, &group->frames);
    if (!group->task_count || group->tasks[0] >= snapshot->tasks.count)
        return hash;
    const struct snapshot_task *task = &snapshot->tasks.items[group->tasks[0]];
    const struct snapshot_wait *wait = task->awaiting;
    if (!group->frames.count)
        hash = live_hash_text(hash, task->coroutine);
    if (!wait)
        return hash;
    hash = live_hash_number(hash, 1 + (uint64_t)wait->kind);
    if (wait->kind == SNAPSHOT_WAIT_FUTURE || wait->kind == SNAPSHOT_WAIT_UNKNOWN)
        hash = live_hash_text(hash, wait->type);
    if (wait->kind == SNAPSHOT_WAIT_EXECUTOR)
        hash = live_hash_number(hash, wait->tid != SNAPSHOT_UNKNOWN);
    if (wait_is_read(wait)) /* a place to work from, and a client */
        hash = live_hash_number(hash, task->idle == SNAPSHOT_YES);
    return live_hash_number(hash, get_common_detail(places, snapshot, group));
}

/* --- rows --- */

/* Adds the row by its key. The few groups that have a key in common are numbered, in their order:
 * each row has a key of its own. */
static void index_row(struct live_picture *picture, struct id_table *repeated,
                      struct live_group *row) {
    if (id_table_add(picture->groups, row->key, row))
        return;
    uint64_t *count = id_table_find(repeated, row->key);
    if (!count) {
        count = arena_alloc(picture->arena, sizeof *count);
        id_table_add(repeated, row->key, count);
    }
    row->key = live_hash_number(row->key, ++*count);
    id_table_add(picture->groups, row->key, row);
}

/* Of equal ones that which is a bound. */
static bool is_older(struct live_age a, struct live_age b) {
    return isnan(b.seconds) || a.seconds > b.seconds ||
           (a.seconds == b.seconds && a.is_bound && !b.is_bound);
}

static void sum_members(const struct live_picture *picture, const struct snapshot_group *group,
                        struct live_group *row) {
    uint64_t moved = 0, known = 0;
    row->oldest = (struct live_age){NAN, false};
    for (size_t i = 0; i < group->task_count; i++) {
        if (group->tasks[i] >= picture->entry_count)
            continue;
        const struct live_task *task = &picture->task_rows[group->tasks[i]];
        moved += task->moved == SNAPSHOT_YES;
        known += task->moved != SNAPSHOT_MAYBE;
        if (is_older(task->age, row->oldest))
            row->oldest = task->age;
    }
    row->moved = live_share(moved, known);
}

static double get_change(double now, double then, const struct live_picture *picture,
                         const struct live_picture *before) {
    double passed_s = picture->time_s - before->time_s;
    return passed_s > 0 ? (now - then) / passed_s : NAN;
}

static struct live_group make_row(const struct live_picture *picture, const struct places *places,
                                  size_t place) {
    const struct snapshot *snapshot = picture->snapshot;
    const struct snapshot_group *group = &snapshot->groups.items[place];
    struct live_group row = {.kind = LIVE_GROUP_TASKS,
                             .key = make_key(places, snapshot, group),
                             .index = place,
                             .count = group->task_count,
                             .change = NAN,
                             .cpu = NAN};
    sum_members(picture, group, &row);
    return row;
}

static struct places make_places(struct arena *arena, const struct snapshot *snapshot) {
    struct id_table *objects = id_table_create(arena, snapshot->objects.count);
    struct id_table *sockets = id_table_create(arena, snapshot->sockets.count);
    for (size_t i = 0; i < snapshot->objects.count; i++)
        id_table_add(objects, snapshot->objects.items[i].id, &snapshot->objects.items[i]);
    for (size_t i = 0; i < snapshot->sockets.count; i++)
        id_table_add(sockets, (uint64_t)snapshot->sockets.items[i].fd, &snapshot->sockets.items[i]);
    return (struct places){objects, sockets};
}

void live_groups_look(struct live_picture *picture, const struct live_picture *before) {
    const struct snapshot *snapshot = picture->snapshot;
    struct places places = make_places(picture->arena, snapshot);
    struct id_table *repeated = id_table_create(picture->arena, 0);
    size_t count = snapshot->groups.count;
    picture->groups = id_table_create(picture->arena, count);
    picture->group_rows = arena_alloc_array(picture->arena, count, sizeof *picture->group_rows);
    for (size_t i = 0; i < count; i++) {
        struct live_group *row = &picture->group_rows[i];
        *row = make_row(picture, &places, i);
        index_row(picture, repeated, row);
        const struct live_group *old = before ? id_table_find(before->groups, row->key) : NULL;
        if (before)
            row->change =
                get_change((double)row->count, old ? (double)old->count : 0, picture, before);
    }
}

/* --- objects --- */

struct live_object_state {
    uint64_t identity;
    size_t waiters;
};

static void keep_count(struct live_picture *picture, const struct snapshot_object *object) {
    struct live_object_state *state = arena_alloc(picture->arena, sizeof *state);
    *state = (struct live_object_state){hash_object(object), object->waiter_count};
    id_table_add(picture->object_counts, object->id, state);
}

static struct live_age find_oldest_waiter(const struct live_picture *picture,
                                          const struct snapshot_object *object) {
    struct live_age oldest = {NAN, false};
    for (size_t i = 0; i < object->waiter_count; i++) {
        const struct live_entry *entry = id_table_find(picture->tasks, object->waiters[i]);
        if (entry && is_older(picture->task_rows[entry - picture->entries].age, oldest))
            oldest = picture->task_rows[entry - picture->entries].age;
    }
    return oldest;
}

/* One that was not there had no waiters. */
static double find_object_change(const struct live_picture *picture,
                                 const struct live_picture *before,
                                 const struct snapshot_object *object) {
    const struct live_object_state *old = id_table_find(before->object_counts, object->id);
    bool is_same = old && old->identity == hash_object(object);
    return get_change((double)object->waiter_count, is_same ? (double)old->waiters : 0, picture,
                      before);
}

void live_objects_look(struct live_picture *picture, const struct live_picture *before) {
    const struct snapshot *snapshot = picture->snapshot;
    size_t count = snapshot->objects.count;
    picture->object_counts = id_table_create(picture->arena, count);
    picture->object_rows = arena_alloc_array(picture->arena, count, sizeof *picture->object_rows);
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_object *object = &snapshot->objects.items[i];
        picture->object_rows[i] = (struct live_object){
            .oldest = find_oldest_waiter(picture, object),
            .change = before ? find_object_change(picture, before, object) : NAN};
        keep_count(picture, object);
    }
}
