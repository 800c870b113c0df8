/* The walk over the asyncio of one interpreter. */
#include <stdlib.h>

#include "anyio.h"
#include "executor.h"

bool aio_seen_add(struct aio *aio, struct id_table *seen, uint64_t address) {
    return id_table_add(seen, address, aio); /* any value: that it is there tells all */
}

struct error *aio_note_missing(struct aio *aio, const char *what, struct error *err) {
    if (!err || error_is_fatal(err))
        return err;
    snapshot_add_missing(aio->snapshot, what, error_get_message(err));
    error_destroy(err);
    return NULL;
}

struct error *aio_drop_none(struct aio *aio, uint64_t *address) {
    struct py_type *type;
    if (!*address)
        return NULL;
    struct error *err = *address == aio->none ? NULL : py_type_of(aio->py, *address, &type);
    if (!err && (*address == aio->none || type->kind == PY_KIND_NONE)) {
        aio->none = *address;
        *address = 0;
    }
    return err;
}

/* A task that only the garbage collector knows; a finished one is of no interest to asyncio. */
static void note_unregistered(struct aio *aio) {
    struct snapshot_task *task = &aio->snapshot->tasks.items[aio->snapshot->tasks.count - 1];
    if (task->state != SNAPSHOT_TASK_DONE && task->state != SNAPSHOT_TASK_CANCELLED &&
        aio->registry == AIO_REGISTRY_READ)
        snapshot_add_note(aio->snapshot, task, "no registry has it: all_tasks() does not show it");
}

/* Most of what is queued turns out to be a task; more of a registry than this has to be read before
 * it is believed. */
#define RESERVED_MAX (1u << 18)

/* Reads what is queued; the entries from `first_found` to `end_found` a search brought. */
static struct error *read_tasks(struct aio *aio, size_t first_found, size_t end_found) {
    struct error *err = NULL;
    size_t queued = aio->queue_count - aio->queue_done;
    SNAPSHOT_RESERVE(aio->snapshot, &aio->snapshot->tasks,
                     queued < RESERVED_MAX ? queued : RESERVED_MAX);
    for (; !err && aio->queue_done < aio->queue_count;
         aio->queue_done++) { /* it grows on the way */
        size_t i = aio->queue_done;
        size_t count = aio->snapshot->tasks.count;
        err = aio_task_read(aio, aio->queue[i]);
        if (i >= first_found && i < end_found && aio->snapshot->tasks.count > count)
            note_unregistered(aio);
    }
    return err;
}

static struct error *read_loops_of_tasks(struct aio *aio, size_t first_task) {
    struct error *err = NULL;
    for (size_t i = first_task; !err && i < aio->snapshot->tasks.count; i++)
        if (aio->snapshot->tasks.items[i].event_loop)
            err = aio_loop_read(aio, aio->snapshot->tasks.items[i].event_loop);
    return err;
}

static struct error *read_loops(struct aio *aio, const struct aio_found *found, size_t first_task) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < aio->thread_count; i++)
        if (aio->threads[i].event_loop)
            err = aio_loop_read(aio, aio->threads[i].event_loop);
    if (!err)
        err = read_loops_of_tasks(aio, first_task);
    return err || !found ? err : aio_found_read_loops(aio, found);
}

/* What threads wait for may bring more tasks. */
static struct error *read_threads(struct aio *aio) {
    struct error *err = aio_running_holds_read(aio);
    if (!err)
        err = aio_thread_waits_read(aio);
    if (!err)
        err = read_tasks(aio, 0, 0);
    return err ? err : aio_running_holds_read(aio);
}

static struct error *walk(struct aio *aio, const struct aio_found *found) {
    size_t first_task = aio->snapshot->tasks.count;
    struct error *err = aio_modules_find(aio);
    if (err || !aio->modules.tasks)
        return err;
    err = aio_running_loops_read(aio);
    if (!err)
        err = aio_registry_collect(aio);
    size_t registered = aio->queue_count;
    if (!err && found)
        err = aio_found_collect_tasks(aio, found);
    if (!err)
        err = read_tasks(aio, registered, aio->queue_count);
    if (!err)
        err = read_loops(aio, found, first_task);
    if (!err)
        err = read_threads(aio);
    if (!err)
        err = aio_late_waits_fill(aio);
    if (!err)
        err = aio_protocols_add(aio);
    aio_anyio_check_creators(aio);
    aio_holders_check(aio);
    if (!err)
        err = aio_anyio_owners_add(aio);
    return err ? err : aio_objects_finish(aio);
}

static struct error *walk_running(struct aio *aio) {
    struct error *err = aio_modules_find(aio);
    if (err || !aio->modules.tasks)
        return err;
    err = aio_running_loops_read(aio);
    return err ? err : read_loops(aio, NULL, aio->snapshot->tasks.count);
}

void aio_create(struct py *py, const struct aio_input *input, struct aio *ret) {
    struct arena *arena = arena_create();
    *ret = (struct aio){.py = py,
                        .snapshot = py_get_snapshot(py),
                        .arena = arena,
                        .memo = input->memo,
                        .interpreter = input->interpreter,
                        .threads = input->threads,
                        .thread_count = input->thread_count,
                        .seen_tasks = id_table_create(arena, 0),
                        .seen_loops = id_table_create(arena, 0),
                        .places = id_table_create(arena, 0),
                        .plain_frames = table_create(),
                        .now = input->now,
                        .newest = NAN,
                        .want_context = input->want_context,
                        .want_addresses = input->want_addresses,
                        .contexts = id_table_create(arena, 0),
                        .late = id_table_create(arena, 0),
                        .uvloops = id_table_create(arena, 0),
                        .anyio_states = id_table_create(arena, 0),
                        .anyio_scopes = id_table_create(arena, 0),
                        .objects = input->memo ? input->memo->objects : id_table_create(arena, 0),
                        .object_labels = input->memo ? input->memo->object_labels : table_create(),
                        .task_lists = id_table_create(arena, 0),
                        .handle_types = id_table_create(arena, 0),
                        .mapped_loops = id_table_create(arena, 0),
                        .timers = id_table_create(arena, 0),
                        .watches = id_table_create(arena, 0)};
}

void aio_destroy(struct aio *aio) {
    table_destroy(aio->plain_frames);
    if (!aio->memo)
        table_destroy(aio->object_labels);
    arena_destroy(aio->arena);
    free(aio->queue);
    free(aio->stack);
    free(aio->links);
}

struct error *aio_walk(struct py *py, const struct aio_input *input,
                       enum aio_registry *ret_registry) {
    struct aio aio;
    aio_create(py, input, &aio);
    struct error *err = walk(&aio, input->found);
    *ret_registry = aio.registry;
    if (input->newest && !(aio.newest <= *input->newest))
        *input->newest = aio.newest;
    aio_destroy(&aio);
    return err;
}

struct error *aio_walk_running(struct py *py, const struct aio_input *input) {
    struct aio aio;
    aio_create(py, input, &aio);
    aio.want_running = true;
    struct error *err = walk_running(&aio);
    aio_destroy(&aio);
    return err;
}
