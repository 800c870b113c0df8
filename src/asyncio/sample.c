/*
 * Tasks again and again. A task that has not changed a byte of what it was read from is what it
 * was, and is not read again. What a parked task waits for is found out when it is parked.
 */
#include <stdlib.h>
#include <string.h>

#include "anyio.h"
#include "wait.h"

struct aio_memo *aio_memo_create(void) {
    struct aio_memo *memo = memory_alloc(sizeof *memo);
    memset(memo, 0, sizeof *memo);
    memo->arena = arena_create();
    memo->objects = id_table_create(memo->arena, 0);
    memo->object_labels = table_create();
    memo->tasks = id_table_create(memo->arena, 0);
    memo->timers = id_table_create(memo->arena, 0);
    return memo;
}

void aio_memo_destroy(struct aio_memo *memo) {
    if (!memo)
        return;
    for (struct aio_sampled_task *it = memo->last; it; it = it->next)
        memory_footprint_free(&it->footprint);
    for (struct aio_timer_memo *it = memo->last_timer; it; it = it->next)
        memory_footprint_free(&it->footprint);
    table_destroy(memo->object_labels);
    arena_destroy(memo->arena);
    free(memo->listed.items);
    free(memo->before.items);
    free(memo->again.items);
    free(memo->fresh.items);
    free(memo);
}

static void append(struct aio_sampled_tasks *list, struct aio_sampled_task *it) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 256;
        list->items = memory_realloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = it;
}

static struct aio_sampled_task *get_task(struct aio_memo *memo, uint64_t address) {
    struct aio_sampled_task *it = id_table_find(memo->tasks, address);
    if (it)
        return it;
    it = arena_alloc(memo->arena, sizeof *it);
    *it = (struct aio_sampled_task){.next = memo->last};
    memo->last = it;
    it->task.id = address;
    id_table_add(memo->tasks, it->task.id, it);
    return it;
}

struct aio_timer_memo *aio_memo_get_timer(struct aio_memo *memo, uint64_t address) {
    struct aio_timer_memo *it = id_table_find(memo->timers, address);
    if (it)
        return it;
    it = arena_alloc(memo->arena, sizeof *it);
    *it = (struct aio_timer_memo){.address = address, .next = memo->last_timer};
    memo->last_timer = it;
    id_table_add(memo->timers, it->address, it);
    return it;
}

/* --- one task --- */

/* Of a running task what changes lies in its thread's stack; what could not be read may have been
 * in the middle of a change elsewhere, in a type or a code object. */
static bool is_as_it_was(const struct aio *aio, const struct aio_sampled_task *it) {
    return it->is_valid && !it->task.note_count && it->task.state != SNAPSHOT_TASK_RUNNING &&
           !it->is_always_read && !py_has_changed(aio->py, &it->footprint);
}

static const struct snapshot_object *find_object(const struct aio *aio,
                                                 const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    const struct aio_object *object =
        wait && wait->object ? id_table_find(aio->objects, wait->object) : NULL;
    return object ? &aio->snapshot->objects.items[object->index] : NULL;
}

/* The objects move when their vector grows. */
static const struct snapshot_object *copy_object(struct aio *aio,
                                                 const struct snapshot_object *object) {
    if (!object)
        return NULL;
    struct snapshot_object *copy = arena_alloc(aio->snapshot->arena, sizeof *copy);
    *copy = *object;
    return copy;
}

static struct error *fill(struct aio *aio, struct aio_sampled_task *it, bool *ret_foreign) {
    uint64_t address = it->task.id;
    size_t queued = aio->queue_count;
    it->footprint.count = 0;
    struct memory_footprint *tracked = py_track(aio->py, &it->footprint);
    struct error *err = aio_task_fill(aio, address, &it->task, ret_foreign);
    py_track(aio->py, tracked);
    it->is_always_read = aio->queue_count > queued;
    it->object = err ? NULL : copy_object(aio, find_object(aio, &it->task));
    return err;
}

/* What is left of a task that was freed after it was listed (TaskObj_clear()), or what took its
 * place since: a lock, a handle, also know their loop; of anything else some word may be taken for
 * a coroutine. */
static bool is_freed(const struct snapshot_task *task) {
    bool is_nobody = !task->event_loop && !task->name;
    bool is_nowhere = !task->frames.count && !task->awaiting;
    bool is_waiting = task->state == SNAPSHOT_TASK_WAITING;
    return task->coroutine ? is_nobody && is_nowhere : is_nobody || (is_nowhere && is_waiting);
}

static struct error *read_task(struct aio *aio, struct aio_sampled_task *it) {
    struct aio_memo *memo = aio->memo;
    bool is_foreign;
    struct error *err = fill(aio, it, &is_foreign);
    it->is_valid = !err && !is_foreign && !is_freed(&it->task);
    it->is_verified = false;
    if (!it->task.note_count)
        it->noted_since = 0;
    else if (!it->noted_since)
        it->noted_since = memo->sample;
    it->version++;
    append(&memo->again, it);
    if (!it->is_fresh)
        append(&memo->fresh, it);
    it->is_fresh = true;
    if (!err || error_is_fatal(err) || error_get_kind(err) == ERROR_EXHAUSTED)
        return err;
    error_destroy(err);
    return NULL;
}

/* --- which tasks --- */

static struct error *look_at(struct aio *aio, uint64_t address) {
    struct aio_memo *memo = aio->memo;
    struct aio_sampled_task *it = get_task(memo, address);
    bool is_new = it->sample != memo->sample;
    bool was_seen = it->sample + 1 >= memo->sample;
    it->sample = memo->sample;
    if (is_new)
        append(&memo->listed, it);
    if (!was_seen || !is_as_it_was(aio, it))
        return read_task(aio, it);
    it->is_verified = true;
    return NULL;
}

static struct error *look_at_queue(struct aio *aio) {
    struct error *err = NULL;
    for (; !err && aio->queue_done < aio->queue_count; aio->queue_done++)
        err = look_at(aio, aio->queue[aio->queue_done]);
    return err;
}

/* What changes while it is gone through may lose entries: whoever was there the last time is asked.
 */
static void queue_known(struct aio *aio) {
    const struct aio_sampled_tasks *before = &aio->memo->before;
    for (size_t i = 0; i < before->count; i++)
        if (before->items[i]->is_valid)
            aio_queue_task(aio, before->items[i]->task.id);
}

static struct error *collect(struct aio *aio) {
    struct memory_footprint *tracked = py_track(aio->py, NULL);
    struct error *err = aio_registry_collect(aio);
    py_track(aio->py, tracked);
    if (!err && aio->registry == AIO_REGISTRY_TORN)
        queue_known(aio);
    return err;
}

/* --- everything --- */

/* While a program starts, modules are there before what they define. */
static bool is_whole(const struct aio_modules *modules) {
    return modules->tasks && modules->python_task && modules->abstract_loop;
}

static struct error *find_modules(struct aio *aio) {
    struct aio_memo *memo = aio->memo;
    if (is_whole(&memo->modules)) {
        aio->modules = memo->modules;
        aio->folder = memo->folder;
        return NULL;
    }
    struct memory_footprint *tracked = py_track(aio->py, NULL);
    struct error *err = aio_modules_find(aio);
    py_track(aio->py, tracked);
    memo->modules = aio->modules;
    if (aio->folder)
        memo->folder = arena_copy_string(memo->arena, aio->folder, strlen(aio->folder));
    return err;
}

static struct error *read_loops(struct aio *aio) {
    const struct aio_sampled_tasks *listed = &aio->memo->listed;
    struct error *err = NULL;
    uint64_t last = 0;
    for (size_t i = 0; !err && i < aio->thread_count; i++)
        if (aio->threads[i].event_loop)
            err = aio_loop_read(aio, aio->threads[i].event_loop);
    for (size_t i = 0; !err && i < listed->count; i++) {
        uint64_t loop = listed->items[i]->is_valid ? listed->items[i]->task.event_loop : 0;
        if (loop && loop != last)
            err = aio_loop_read(aio, loop);
        last = loop ? loop : last;
    }
    return err;
}

static struct error *sample(struct aio *aio, struct error *(*queue)(struct aio *aio)) {
    struct error *err = find_modules(aio);
    if (err || !aio->modules.tasks)
        return err;
    err = aio_running_loops_read(aio);
    if (!err)
        err = queue(aio);
    if (!err)
        err = look_at_queue(aio);
    return err ? err : read_loops(aio);
}

static struct error *run(struct py *py, const struct aio_input *input,
                         struct error *(*queue)(struct aio *aio)) {
    struct aio aio;
    aio_create(py, input, &aio);
    struct error *err = sample(&aio, queue);
    aio_destroy(&aio);
    return err;
}

struct error *aio_sample(struct py *py, const struct aio_input *input) {
    struct aio_memo *memo = input->memo;
    struct aio_sampled_tasks before = memo->before;
    memo->before = memo->listed;
    memo->listed = before;
    memo->listed.count = memo->again.count = 0;
    memo->sample++;
    return run(py, input, collect);
}

static struct error *collect_current(struct aio *aio) {
    struct error *err = aio_current_collect(aio);
    return err ? err : aio_static_current_collect(aio);
}

/* Of those that were read, and those that run now. */
static struct error *queue_again(struct aio *aio) {
    struct aio_sampled_tasks *again = &aio->memo->again;
    for (size_t i = 0; i < again->count; i++)
        aio_queue_task(aio, again->items[i]->task.id);
    again->count = 0;
    return collect_current(aio);
}

struct error *aio_sample_again(struct py *py, const struct aio_input *input) {
    return run(py, input, queue_again);
}

static struct error *queue_running(struct aio *aio) {
    const struct aio_sampled_tasks *listed = &aio->memo->listed;
    for (size_t i = 0; i < listed->count; i++)
        if (listed->items[i]->task.state == SNAPSHOT_TASK_RUNNING)
            aio_queue_task(aio, listed->items[i]->task.id);
    const struct aio_sampled_tasks *fresh = &aio->memo->fresh;
    for (size_t i = 0; i < fresh->count; i++)
        aio_queue_task(aio, fresh->items[i]->task.id);
    aio->memo->again.count = 0;
    return collect_current(aio);
}

struct error *aio_sample_running(struct py *py, const struct aio_input *input) {
    return run(py, input, queue_running);
}

/* What could not be read in one sample may have been in the middle of a change, though nothing of
 * the task itself was; of what can never be read the samples before tell. */
static bool is_doubtful(const struct aio_memo *memo, const struct aio_sampled_task *it) {
    return it->task.note_count && it->noted_since == memo->sample;
}

static bool verify(struct py *py, const struct aio_memo *memo, struct aio_sampled_task *it,
                   bool runs_verified) {
    bool is_running = it->task.state == SNAPSHOT_TASK_RUNNING;
    if (it->is_valid && (!is_running || runs_verified) && !is_doubtful(memo, it) &&
        !py_has_changed(py, &it->footprint))
        it->is_verified = true;
    return it->is_verified;
}

bool aio_sample_verify(struct py *py, const struct aio_memo *memo, bool runs_verified) {
    bool is_verified = true;
    for (size_t i = 0; i < memo->again.count; i++)
        is_verified &= verify(py, memo, memo->again.items[i], runs_verified);
    return is_verified;
}

const struct aio_sampled_tasks *aio_memo_get_tasks(const struct aio_memo *memo,
                                                   uint64_t *ret_failed) {
    *ret_failed = 0;
    for (size_t i = 0; i < memo->again.count; i++)
        *ret_failed += !memo->again.items[i]->is_valid;
    return &memo->listed;
}

const struct aio_sampled_tasks *aio_memo_get_read_tasks(const struct aio_memo *memo) {
    return &memo->fresh;
}

void aio_memo_forget_read(struct aio_memo *memo) {
    for (size_t i = 0; i < memo->fresh.count; i++)
        memo->fresh.items[i]->is_fresh = false;
    memo->fresh.count = 0;
}

void aio_memo_distrust(struct aio_memo *memo) {
    for (size_t i = 0; i < memo->again.count; i++)
        memo->again.items[i]->is_valid = false;
}
