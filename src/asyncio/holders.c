/*
 * Who holds a lock, looked at again when all tasks are read: that a frame stands in `async with
 * lock` does not tell that it has the lock now. It may have released it in between, or the wait()
 * of a condition, which another task calls for it, has done so (asyncio.wait_for(condition.wait())
 * up to 3.11).
 */
#include "anyio.h"
#include "asyncspy/snapshot/task_index.h"

#define LENT_TASKS_MAX 64 /* that a task waits for, and that may wait for its condition */
#define LOAN_UNITS 20

void aio_loan_note(struct aio *aio, uint64_t task, uint64_t condition, uint64_t lock) {
    aio->loans = snapshot_vector_grow(aio->arena, aio->loans, &aio->loan_count, &aio->loan_capacity,
                                      sizeof *aio->loans);
    aio->loans[aio->loan_count - 1] = (struct aio_loan){task, condition, lock};
}

static struct snapshot_object *find_object(const struct aio *aio, uint64_t address) {
    const struct aio_object *object = id_table_find(aio->objects, address);
    return object ? &aio->snapshot->objects.items[object->index] : NULL;
}

static void drop_holder(struct snapshot_object *object, uint64_t task) {
    size_t kept = 0;
    for (size_t i = 0; i < object->holder_count; i++)
        if (object->holders[i].task != task)
            object->holders[kept++] = object->holders[i];
    object->holder_count = kept;
}

static void drop_hold(struct snapshot_task *task, uint64_t object) {
    size_t kept = 0;
    for (size_t i = 0; i < task->hold_count; i++)
        if (task->holds[i].object != object)
            task->holds[kept++] = task->holds[i];
    task->hold_count = kept;
}

/* --- locks that were lent to the wait() of a condition --- */

/* It waits for the condition, or comes out of its wait() and takes the lock again. */
static bool waits_for(struct aio *aio, const struct snapshot_task *task,
                      const struct aio_loan *loan) {
    const struct snapshot_wait *wait = task->awaiting;
    if (!wait || wait->object == loan->condition)
        return wait;
    for (size_t i = 0; wait->object == loan->lock && i < task->frames.count; i++)
        if (aio_rule_is_condition_wait(aio, task->frames.frames[i]))
            return true;
    return false;
}

static bool is_lent(struct aio *aio, const struct task_index *index,
                    const struct snapshot_task *task, const struct aio_loan *loan) {
    const struct snapshot *snapshot = aio->snapshot;
    const struct snapshot_wait *wait = task->awaiting;
    for (size_t i = 0; wait && i < wait->task_count && i < LENT_TASKS_MAX; i++) {
        size_t place = task_index_find(index, wait->tasks[i]);
        py_charge(aio->py, LOAN_UNITS);
        if (place != TASK_INDEX_NONE && waits_for(aio, &snapshot->tasks.items[place], loan))
            return true;
    }
    return false;
}

static void drop_lent(struct aio *aio) {
    const struct task_index *index = task_index_create(aio->arena, aio->snapshot);
    for (size_t i = 0; i < aio->loan_count; i++) {
        const struct aio_loan *loan = &aio->loans[i];
        size_t place = task_index_find(index, loan->task);
        struct snapshot_object *lock = find_object(aio, loan->lock);
        if (place == TASK_INDEX_NONE || !lock ||
            !is_lent(aio, index, &aio->snapshot->tasks.items[place], loan))
            continue;
        drop_holder(lock, loan->task);
        drop_hold(&aio->snapshot->tasks.items[place], loan->lock);
    }
}

/* --- locks that nobody has, or that several seem to have --- */

static bool is_unlocked(const struct snapshot_object *object) {
    int64_t locked;
    return (object->kind == SNAPSHOT_OBJECT_LOCK || object->kind == SNAPSHOT_OBJECT_THREAD_LOCK) &&
           snapshot_object_get_fact(object, "locked", &locked) && !locked;
}

static void drop_unlocked_holds(const struct aio *aio, struct snapshot_task *task) {
    size_t kept = 0;
    for (size_t i = 0; i < task->hold_count; i++) {
        const struct snapshot_object *object = find_object(aio, task->holds[i].object);
        if (!object || !is_unlocked(object))
            task->holds[kept++] = task->holds[i];
    }
    task->hold_count = kept;
}

/* A lock has one holder, but nothing tells which of these it is. */
static void doubt(struct snapshot_object *object) {
    for (size_t i = 0; object->holder_count > 1 && i < object->holder_count; i++)
        if (object->holders[i].confidence == SNAPSHOT_CERTAIN)
            object->holders[i].confidence = SNAPSHOT_LIKELY;
}

void aio_holders_check(struct aio *aio) {
    struct snapshot *snapshot = aio->snapshot;
    if (aio->loan_count)
        drop_lent(aio);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        if (snapshot->tasks.items[i].hold_count)
            drop_unlocked_holds(aio, &snapshot->tasks.items[i]);
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        struct snapshot_object *object = &snapshot->objects.items[i];
        if (is_unlocked(object))
            object->holder_count = 0;
        else if (object->kind == SNAPSHOT_OBJECT_LOCK)
            doubt(object);
    }
}
