/*
 * Where asyncio keeps its tasks: weak sets (asyncio/tasks.py), linked lists of thread and
 * interpreter states (3.14+, Modules/_asynciomodule.c), and the tables of current tasks.
 */
#include <stdlib.h>

#include "aio.h"

#define TASKS_MAX (1u << 24)
#define QUEUED_UNITS 25

void aio_queue_task(struct aio *aio, uint64_t address) {
    if (!address || aio->queue_count >= TASKS_MAX || !aio_seen_add(aio, aio->seen_tasks, address))
        return;
    py_charge(aio->py, QUEUED_UNITS);
    if (aio->queue_count == aio->queue_capacity) {
        aio->queue_capacity = aio->queue_capacity ? 2 * aio->queue_capacity : 256;
        aio->queue = memory_realloc(aio->queue, aio->queue_capacity * sizeof *aio->queue);
    }
    aio->queue[aio->queue_count++] = address;
}

struct error *aio_registry_note(struct aio *aio, const char *what, struct error *err) {
    if (err && !error_is_fatal(err) && aio->registry == AIO_REGISTRY_READ)
        aio->registry = AIO_REGISTRY_TORN;
    return aio_note_missing(aio, what, err);
}

static struct error *note_absent(struct aio *aio, const char *name) {
    aio->registry = AIO_REGISTRY_ABSENT;
    snapshot_add_missing(
        aio->snapshot, name,
        "asyncio.tasks has no such registry: the tasks in it were looked for among "
        "the objects of the garbage collector");
    return NULL;
}

static struct error *visit_task(void *context, uint64_t item) {
    aio_queue_task(context, item);
    return NULL;
}

static struct error *visit_weakref(void *context, uint64_t item) {
    struct aio *aio = context;
    uint64_t task = 0;
    struct error *err = py_weakref_get(aio->py, item, &task);
    if (!err)
        aio_queue_task(aio, task); /* a dead weak reference is a dead task, nothing is lost */
    return aio_registry_note(aio, "a registered task", err);
}

struct error *aio_weak_set_collect(struct aio *aio, uint64_t weak_set) {
    uint64_t data = 0;
    struct error *err = py_attribute_find(aio->py, weak_set, "data", &data);
    if (!err && !data)
        err = error_create(ERROR_INVALID, "it is no WeakSet");
    return err ? err : py_set_visit(aio->py, data, visit_weakref, aio);
}

static struct error *collect_weak_set(struct aio *aio, const char *name) {
    uint64_t weak_set = 0;
    struct error *err = py_dict_find(aio->py, aio->modules.tasks, name, &weak_set);
    if (!err && !weak_set)
        return note_absent(aio, name);
    if (!err)
        err = aio_weak_set_collect(aio, weak_set);
    return aio_registry_note(aio, name, err);
}

static struct error *collect_set(struct aio *aio, const char *name) {
    uint64_t set = 0;
    struct error *err = py_dict_find(aio->py, aio->modules.tasks, name, &set);
    if (!err && set)
        err = py_set_visit(aio->py, set, visit_task, aio);
    return aio_registry_note(aio, name, err);
}

/* A circular list of llist_node {next, prev} inside the tasks (pycore_llist.h). */
static struct error *walk_list(struct aio *aio, uint64_t head) {
    uint64_t node_offset = (uint64_t)PY_OFFSET(py_get_layout(aio->py), task, node);
    uint64_t node, next, prev, count = 0;
    struct error *err = py_read_u64(aio->py, head, &node);
    for (uint64_t previous = head; !err && node && node != head; node = next) {
        if (count++ >= TASKS_MAX)
            return error_create(ERROR_INVALID, "it has more than %u tasks", TASKS_MAX);
        err = py_read_u64(aio->py, node, &next);
        if (!err)
            err = py_read_u64(aio->py, node + 8, &prev);
        if (!err && prev != previous)
            err = error_create(ERROR_INVALID, "its links do not agree: it changed meanwhile");
        if (!err)
            aio_queue_task(aio, node - node_offset);
        previous = node;
    }
    return err;
}

static struct error *collect_lists(struct aio *aio) {
    const struct py_layout *layout = py_get_layout(aio->py);
    if (!PY_HAS(layout, task, node))
        return NULL;
    for (size_t i = 0; i < aio->thread_count; i++) {
        uint64_t head = aio->threads[i].thread->asyncio_tasks_head;
        struct error *err = head ? walk_list(aio, head) : NULL;
        err = aio_registry_note(aio, "tasks of a thread", err);
        if (err)
            return err;
    }
    uint64_t head =
        aio->interpreter->address + (uint64_t)PY_OFFSET(layout, interpreter, asyncio_tasks_head);
    return aio_registry_note(aio, "tasks of ended threads", walk_list(aio, head));
}

void aio_note_current(struct aio *aio, uint64_t loop, uint64_t task) {
    py_charge(aio->py, aio->thread_count / 8);
    for (size_t i = 0; i < aio->thread_count; i++)
        if (aio->threads[i].event_loop == loop && !aio->threads[i].current_task)
            aio->threads[i].current_task = task;
    aio_queue_task(aio, task);
}

static struct error *visit_current(void *context, uint64_t key, uint64_t value, bool *stop) {
    (void)stop;
    aio_note_current(context, key, value);
    return NULL;
}

struct error *aio_current_tasks_collect(struct aio *aio, uint64_t dict) {
    return py_dict_visit(aio->py, dict, visit_current, aio);
}

/* asyncio.tasks._current_tasks: {loop: task}, filled while a step runs; from 3.14 on for tasks
 * written in Python only, those of C are in the thread state. */
struct error *aio_current_collect(struct aio *aio) {
    uint64_t current = 0;
    for (size_t i = 0; i < aio->thread_count; i++) {
        aio->threads[i].current_task = aio->threads[i].thread->asyncio_running_task;
        aio_queue_task(aio, aio->threads[i].current_task);
    }
    struct error *err = py_dict_find(aio->py, aio->modules.tasks, "_current_tasks", &current);
    if (!err && current)
        err = aio_current_tasks_collect(aio, current);
    return aio_note_missing(aio, "_current_tasks", err);
}

struct error *aio_registry_collect(struct aio *aio) {
    unsigned registry = py_get_layout(aio->py)->traits.task_registry;
    struct error *err = NULL;
    if (registry & PY_TASKS_LINKED_LISTS)
        err = collect_lists(aio);
    if (!err && registry & PY_TASKS_ALL_TASKS)
        err = collect_weak_set(aio, "_all_tasks");
    if (!err && registry & PY_TASKS_SCHEDULED_TASKS)
        err = collect_weak_set(aio, "_scheduled_tasks");
    if (!err && registry & PY_TASKS_SCHEDULED_TASKS)
        err = collect_set(aio, "_eager_tasks");
    if (!err)
        err = aio_foreign_tasks_collect(aio);
    if (!err)
        err = aio_current_collect(aio);
    if (!err && registry & PY_TASKS_TASK_CLASS)
        err = aio_task_class_collect(aio);
    if (!err && registry & PY_TASKS_MODULE_DATA)
        err = aio_module_data_collect(aio);
    return err;
}
