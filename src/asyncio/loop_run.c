/*
 * What a loop is doing: asyncio/base_events.py. _run_once() keeps in its local variables when it
 * came back from select() (end_time), and which of the callbacks that were ready then it is at (i
 * of ntodo, handle). The heap _scheduled has the timers; of uvloop it is a
 * set.
 */
#include <stdlib.h>
#include <string.h>

#include "executor.h"
#include "loop_run.h"

#define TIMER_UNITS 10
#define SELECT_TIMEOUT_MAX 86400.0 /* MAXIMUM_SELECT_TIMEOUT: then the timeout tells no timer */

/* --- timers --- */

struct heap {
    struct aio *aio;
    uint64_t *items; /* of a set */
    size_t count, capacity;
    uint64_t list; /* or the list, of which few are looked at */
    size_t *open;  /* indexes that are to be looked at */
    size_t open_count;
    bool is_sorted; /* false: a set, of uvloop's */
    double first;   /* when the first that is not cancelled is due, or NaN */
    int64_t overdue;
    struct error *first_error; /* of a timer that cannot be read, or is none of asyncio's */
};

static struct error *visit_item(void *context, uint64_t item) {
    struct heap *heap = context;
    py_charge(heap->aio->py, TIMER_UNITS);
    heap->items = snapshot_vector_grow(heap->aio->arena, heap->items, &heap->count, &heap->capacity,
                                       sizeof *heap->items);
    heap->items[heap->count - 1] = item;
    return NULL;
}

static void open_children(struct heap *heap, size_t index) {
    if (!heap->is_sorted)
        return;
    for (size_t child = 2 * index + 1; child <= 2 * index + 2 && child < heap->count; child++)
        heap->open[heap->open_count++] = child;
}

/* No timer is due before its parent: behind one that is in time there is none that is late. */
static struct error *look_at(struct heap *heap, size_t index) {
    struct aio_handle handle = {.cancelled = true};
    uint64_t item = heap->list ? 0 : heap->items[index];
    struct error *err = heap->list ? py_list_get(heap->aio->py, heap->list, index, &item) : NULL;
    if (!err && item)
        err = aio_handle_read(heap->aio, item, &handle);
    err = error_keep_first(&heap->first_error, err);
    if (err)
        return err;
    if (!handle.cancelled && !isnan(handle.when)) {
        bool is_late = handle.when < heap->aio->now;
        if (isnan(heap->first) || handle.when < heap->first)
            heap->first = handle.when;
        heap->overdue += is_late;
        if (!is_late)
            return NULL;
    }
    if (!heap->aio->memo || isnan(heap->first)) /* a sample tells of the first one only */
        open_children(heap, index);
    return NULL;
}

static struct error *count_items(struct heap *heap, uint64_t scheduled) {
    int64_t count;
    struct error *err = py_count_read(heap->aio->py, scheduled, &count);
    if (err)
        return err;
    heap->list = scheduled;
    heap->count = count > 0 && count < (int64_t)PY_ITEMS_MAX ? (size_t)count : 0;
    heap->open = arena_alloc_array(heap->aio->arena, heap->count + 1, sizeof *heap->open);
    heap->open_count = heap->count > 0;
    return NULL;
}

/* A set is looked at all. */
static struct error *collect_items(struct heap *heap, uint64_t scheduled) {
    struct py *py = heap->aio->py;
    struct py_type *type;
    struct error *err = py_type_of(py, scheduled, &type);
    heap->is_sorted = !err && type->kind == PY_KIND_LIST;
    if (heap->is_sorted)
        return count_items(heap, scheduled);
    if (err || type->kind != PY_KIND_SET)
        return err;
    err = py_set_visit(py, scheduled, visit_item, heap);
    heap->open = arena_alloc_array(heap->aio->arena, heap->count + 1, sizeof *heap->open);
    heap->open_count = heap->count;
    for (size_t i = 0; i < heap->open_count; i++)
        heap->open[i] = i;
    return err;
}

static struct error *read_timers(struct aio *aio, int64_t cancelled, struct aio_loop_run *run) {
    struct heap heap = {.aio = aio, .first = NAN};
    bool is_wanted = run->scheduled && !aio->want_running;
    struct error *err = is_wanted ? collect_items(&heap, run->scheduled) : NULL;
    if (err || !heap.open)
        return err;
    while (!err && heap.open_count)
        err = look_at(&heap, heap.open[--heap.open_count]);
    run->loop->timers = (int64_t)heap.count - (cancelled > 0 ? cancelled : 0);
    run->first_timer = heap.first;
    if (!isnan(aio->now)) {
        run->loop->overdue_timers = heap.overdue;
        if (heap.first < aio->now)
            run->loop->overdue_s = aio->now - heap.first;
        else
            run->loop->next_timer_s = heap.first - aio->now;
    }
    return error_or_first(err, heap.first_error);
}

/* --- the iteration --- */

/* The frame of _run_once() of this loop in a thread; loops can be nested. */
static struct error *find_run_once(struct aio *aio, const struct aio_loop_run *run,
                                   size_t *ret_index) {
    const struct aio_thread *thread = run->thread;
    struct error *err = NULL;
    uint64_t self = 0;
    *ret_index = thread->frame_count;
    for (size_t i = 0; !err && i < thread->frame_count; i++) {
        if (!aio_place_is(thread->frames[i].decoded, "base_events.py", "_run_once"))
            continue;
        err = py_local_find(aio->py, thread->frames[i].address, "self", &self);
        if (!err && self == run->loop->id) {
            *ret_index = i;
            break;
        }
    }
    return err;
}

static struct error *get_number(struct aio *aio, uint64_t frame, const char *name, double *ret) {
    uint64_t value;
    *ret = NAN;
    struct error *err = py_local_find(aio->py, frame, name, &value);
    return err || !value ? err : aio_number_read(aio, value, ret);
}

/* The clock of a loop counts from when the machine was started: nothing sane is beyond that. */
void aio_note_clock(struct aio *aio, double reading) {
    if (reading > 0 && reading < 1e10 && !(reading <= aio->newest))
        aio->newest = reading;
}

static int64_t to_integer(double number) {
    return number >= 0 && number < 1e15 ? (int64_t)number : SNAPSHOT_UNKNOWN;
}

/* What the handle calls, where that is no step of a task. */
static struct error *read_callback(struct aio *aio, uint64_t frame, const char **ret) {
    struct aio_handle handle;
    struct aio_callable callable;
    uint64_t address, task = 0;
    struct error *err = py_local_find(aio->py, frame, "handle", &address);
    if (err || !address)
        return err;
    err = aio_handle_read(aio, address, &handle);
    if (err || !handle.callback)
        return err;
    err = aio_callable_read(aio, handle.callback, &callable);
    if (!err)
        err = aio_callable_get_task(aio, handle.callback, &callable, &task);
    return err || task ? err : aio_callable_describe(aio, handle.callback, ret);
}

static struct error *read_running(struct aio *aio, uint64_t frame, struct snapshot_loop *loop) {
    double end_time, index, count;
    struct error *err = get_number(aio, frame, "end_time", &end_time);
    if (!err)
        err = get_number(aio, frame, "i", &index);
    if (!err)
        err = get_number(aio, frame, "ntodo", &count);
    if (err)
        return err;
    aio_note_clock(aio, end_time);
    if (aio->now >= end_time)
        loop->iteration_age_s = aio->now - end_time;
    loop->callback_index = to_integer(index);
    loop->callback_count = to_integer(count);
    return read_callback(aio, frame, &loop->callback);
}

/* select() was called with the time that was left until the first timer. */
static struct error *read_waiting(struct aio *aio, uint64_t frame, const struct aio_loop_run *run) {
    double timeout;
    struct error *err = get_number(aio, frame, "timeout", &timeout);
    if (err || !(timeout > 0 && timeout < SELECT_TIMEOUT_MAX))
        return err;
    double since = run->first_timer - timeout;
    aio_note_clock(aio, since);
    if (aio->now >= since)
        run->loop->idle_s = aio->now - since;
    return NULL;
}

static struct error *read_iteration(struct aio *aio, const struct aio_loop_run *run) {
    const struct aio_thread *thread = run->thread;
    size_t index;
    struct error *err = find_run_once(aio, run, &index);
    if (err || index == thread->frame_count || index == 0)
        return err;
    uint64_t frame = thread->frames[index].address;
    if (aio_place_is(thread->frames[index - 1].decoded, "events.py", "_run"))
        return read_running(aio, frame, run->loop);
    if (run->loop->state == SNAPSHOT_LOOP_IDLE)
        return read_waiting(aio, frame, run);
    return NULL;
}

static struct error *read_executor(struct aio *aio, uint64_t executor, struct snapshot_loop *loop) {
    struct error *err = aio_executor_add(aio, executor, &loop->executor);
    if (!err)
        loop->executor.id = executor;
    return err;
}

static struct error *read_ready(struct aio *aio, struct aio_loop_run *run) {
    struct py_type *type;
    struct error *err = run->ready ? py_type_of(aio->py, run->ready, &type) : NULL;
    return err || !run->ready || type->kind != PY_KIND_DEQUE
               ? err
               : py_count_read(aio->py, run->ready, &run->loop->ready);
}

/* An error costs the fact that it is about. */
struct error *aio_loop_run_read(struct aio *aio, struct aio_loop_run *run) {
    struct error *err = NULL, *first = NULL;
    int64_t cancelled = 0;
    run->first_timer = NAN;
    if (run->timer_cancelled_count)
        err = error_keep_first(&first,
                               py_integer_read(aio->py, run->timer_cancelled_count, &cancelled));
    if (!err)
        err = error_keep_first(&first, read_ready(aio, run));
    if (!err)
        err = error_keep_first(&first, read_timers(aio, cancelled, run));
    if (!err && run->thread)
        err = error_keep_first(&first, read_iteration(aio, run));
    if (!err && run->default_executor)
        err = error_keep_first(&first, read_executor(aio, run->default_executor, run->loop));
    return error_or_first(err, first);
}
