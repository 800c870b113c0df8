#include "referrers.h"

#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/log.h"
#include "asyncspy/python/referrers.h"
#include "asyncspy/snapshot/task_index.h"
#include "asyncspy/target/scan.h"
#include "asyncspy/target/stop.h"

#define TRIES 2
#define BYTES_MAX ((uint64_t)2 << 30)
#define SECONDS_MAX 1.0
#define UNITS_MAX 500000000u /* of work, see memory_set_work() */
#define TOLD_MAX 32          /* referrers of one future that are told */

/* A future, and what its waits are to tell. */
struct wanted_future {
    size_t tasks, seen; /* that wait for it; that were seen to refer to it */
    struct snapshot_referrer *referrers;
    size_t referrer_count;
    enum snapshot_tristate complete;
};

struct referrers {
    struct target_process *process;
    struct snapshot *snapshot;
    struct target_memory *memory; /* a cache of its own */
    struct snapshot *scratch;
    struct py *py;
    struct id_table *by_address; /* of `items` */
    struct py_referred *items;
    struct wanted_future *futures; /* in the same order */
    size_t count;
    struct py_referrers_summary summary;
    bool is_quiet; /* nothing ran while it was read */
};

/* --- which futures --- */

static struct snapshot_wait *get_wait(const struct snapshot_task *task) {
    struct snapshot_wait *wait = task->awaiting;
    return wait && wait->kind == SNAPSHOT_WAIT_FUTURE && wait->id ? wait : NULL;
}

/* Place of a future, from 1; 0: there is none. */
static size_t find_place(const struct referrers *state, const snapshot_id *id) {
    const struct py_referred *item = id_table_find(state->by_address, *id);
    return item ? (size_t)(item - state->items) + 1 : 0;
}

static size_t add_future(struct referrers *state, const snapshot_id *id) {
    if (state->count == PY_REFERRED_MAX)
        return 0;
    struct py_referred *item = &state->items[state->count++];
    *item = (struct py_referred){.address = *id};
    id_table_add(state->by_address, *id, item);
    return state->count;
}

static void list_futures(struct referrers *state) {
    struct arena *arena = state->scratch->arena;
    const struct snapshot *snapshot = state->snapshot;
    size_t room = snapshot->tasks.count < PY_REFERRED_MAX ? snapshot->tasks.count : PY_REFERRED_MAX;
    state->by_address = id_table_create(arena, 0);
    state->items = arena_alloc_array(arena, room, sizeof *state->items);
    state->futures = arena_alloc_array(arena, room, sizeof *state->futures);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_wait *wait = get_wait(&snapshot->tasks.items[i]);
        size_t place = wait ? find_place(state, &wait->id) : 0;
        if (wait && !place)
            place = add_future(state, &wait->id);
        if (place)
            state->futures[place - 1].tasks++;
    }
}

/* --- the scan --- */

static struct error *search_once(struct referrers *state) {
    struct py_referrers_request request = {
        .limits = {.bytes = BYTES_MAX, .seconds = SECONDS_MAX},
    };
    struct scan_span *spans = NULL;
    memory_forget(state->memory);
    py_set_walk_units(state->py, UNITS_MAX);
    py_begin_walk(state->py, state->scratch);
    struct error *err =
        scan_list_spans(state->process, state->scratch->arena, &spans, &request.span_count);
    request.spans = spans;
    return err ? err
               : py_referrers_find(state->py, &request, state->items, state->count,
                                   &state->summary);
}

/* --- what is told of it --- */

static void tell_referrer(struct referrers *state, struct wanted_future *future,
                          const struct py_referrer *referrer) {
    const char *type = referrer->type ? referrer->type->full_name : "frame";
    if (future->referrer_count == TOLD_MAX)
        return;
    if (!future->referrers)
        future->referrers =
            arena_alloc_array(state->snapshot->arena, TOLD_MAX, sizeof *future->referrers);
    future->referrers[future->referrer_count++] = (struct snapshot_referrer){
        .id = referrer->object,
        .type = string_pool_add(state->snapshot->strings, type, strlen(type)),
    };
}

/* The tasks that wait for the future hold it, as do all who await it: none of them completes it. */
static struct error *examine_referrer(struct referrers *state, const struct task_index *index,
                                      const struct py_referred *item,
                                      const struct py_referrer *referrer,
                                      struct wanted_future *future) {
    bool waits = false;
    size_t task = task_index_find(index, referrer->object);
    const struct snapshot_wait *wait =
        task == TASK_INDEX_NONE ? NULL : state->snapshot->tasks.items[task].awaiting;
    if (wait && wait->id == item->address) {
        future->seen++;
        return NULL;
    }
    struct error *err = py_referrer_awaits(state->py, referrer, item->address, &waits);
    if (!err && !waits)
        tell_referrer(state, future, referrer);
    return err;
}

/* Whether what was found is all that there is: as many references as the object itself counts, and
 * among them those of the picture that was taken before. */
static bool is_complete(const struct referrers *state, const struct py_referred *item,
                        const struct wanted_future *future) {
    return state->is_quiet && item->found == item->reference_count &&
           future->seen == future->tasks && future->referrer_count < TOLD_MAX;
}

static struct error *examine_future(struct referrers *state, const struct task_index *index,
                                    size_t place) {
    const struct py_referred *item = &state->items[place];
    struct wanted_future *future = &state->futures[place];
    struct error *err = NULL;
    future->seen = future->referrer_count = 0;
    for (size_t i = 0; !err && i < item->referrer_count; i++)
        err = examine_referrer(state, index, item, &item->referrers[i], future);
    future->complete = is_complete(state, item, future) ? SNAPSHOT_YES : SNAPSHOT_NO;
    if (future->seen) /* else the task went on, and this may be another object */
        return err;
    future->referrer_count = 0;
    future->complete = SNAPSHOT_MAYBE;
    return err;
}

static void log_future(const struct referrers *state, size_t place) {
    static const char *const words[] = {"not complete", "complete"};
    const struct py_referred *item = &state->items[place];
    const struct wanted_future *future = &state->futures[place];
    const char *complete = future->complete == SNAPSHOT_MAYBE ? "gone" : words[future->complete];
    log_debug(LOG_CAPTURE, "future 0x%llx: %llu of %llu references, %zu tasks, %s",
              (unsigned long long)item->address, (unsigned long long)item->found,
              (unsigned long long)item->reference_count, future->seen, complete);
    for (size_t i = 0; i < future->referrer_count; i++)
        log_debug(LOG_CAPTURE, "  %s at 0x%llx", future->referrers[i].type,
                  (unsigned long long)future->referrers[i].id);
}

static struct error *examine_all(struct referrers *state, const struct task_index *index) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < state->count; i++)
        err = examine_future(state, index, i);
    return err;
}

static void fill_waits(struct referrers *state) {
    for (size_t i = 0; i < state->snapshot->tasks.count; i++) {
        struct snapshot_wait *wait = get_wait(&state->snapshot->tasks.items[i]);
        size_t place = wait ? find_place(state, &wait->id) : 0;
        if (!place)
            continue;
        const struct wanted_future *future = &state->futures[place - 1];
        wait->referrers = future->referrers;
        wait->referrer_count = future->referrer_count;
        wait->referrers_complete = future->complete;
    }
}

/* --- when --- */

/* One try; where the target runs it is the last one that counts. */
static struct error *try_once(struct referrers *state, const struct task_index *index, bool last) {
    struct target_quiet *quiet = NULL;
    bool starts_quiet = false;
    struct error *err = quiet_begin(state->process, &quiet, &starts_quiet);
    if (!err && (starts_quiet || last)) {
        err = search_once(state);
        state->is_quiet = starts_quiet;
        if (!err)
            err = examine_all(state, index);
        if (!err && !(starts_quiet && quiet_check(quiet)))
            state->is_quiet = false;
    }
    quiet_end(quiet);
    return err;
}

static void withdraw_proof(struct referrers *state) {
    for (size_t i = 0; i < state->count; i++)
        if (state->futures[i].complete == SNAPSHOT_YES)
            state->futures[i].complete = SNAPSHOT_NO;
}

static struct error *search_all(struct referrers *state) {
    const struct task_index *index = task_index_create(state->scratch->arena, state->snapshot);
    struct error *err = NULL;
    for (int i = 1; !err && !state->is_quiet && i <= TRIES; i++)
        err = try_once(state, index, i == TRIES);
    if (!err && !state->is_quiet)
        withdraw_proof(state);
    if (!err)
        fill_waits(state);
    for (size_t i = 0; !err && log_enabled(LOG_CAPTURE) && i < state->count; i++)
        log_future(state, i);
    if (!err && state->is_quiet && state->summary.why) /* else it is not complete in any case */
        snapshot_add_missing(state->snapshot, "who refers to futures", state->summary.why);
    return err;
}

/* That it took too much work costs the referrers alone. */
static struct error *forgive(struct snapshot *snapshot, struct error *err) {
    if (!err || (error_is_fatal(err) && error_get_kind(err) != ERROR_EXHAUSTED))
        return err;
    snapshot_add_missing(snapshot, "who refers to futures", error_get_message(err));
    error_destroy(err);
    return NULL;
}

struct error *referrers_add(struct target_process *process, const struct py_layout *layout,
                            const struct py_roots *roots, struct snapshot *snapshot) {
    struct referrers state = {.process = process,
                              .snapshot = snapshot,
                              .memory = process_create_memory(process),
                              .scratch = snapshot_create()};
    double start = clock_monotonic();
    struct error *err = NULL;
    state.py = py_create(state.memory, layout, roots);
    list_futures(&state);
    if (state.count)
        err = forgive(snapshot, search_all(&state));
    log_debug(LOG_CAPTURE, "searched %.1f MiB for who refers to %zu futures in %.1f ms%s",
              (double)state.summary.bytes / (1 << 20), state.count,
              1e3 * (clock_monotonic() - start), state.is_quiet ? "" : " while it ran");
    py_destroy(state.py);
    snapshot_destroy(state.scratch);
    memory_destroy(state.memory);
    return err;
}
