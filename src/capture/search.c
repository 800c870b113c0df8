#include "search.h"

#include <string.h>
#include <time.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/log.h"
#include "asyncspy/python/gc.h"
#include "asyncspy/target/stop.h"

/* The lists are long, and not in the order of memory: few large reads, all kept. */
#define FETCH ((size_t)256 << 10)
#define WINDOW ((size_t)256 << 20)
/* Passes over a target that runs; it may be in the middle of a collection. */
#define TRIES 4
#define STOPS 20 /* of a millisecond, but for those that are searched in */
#define PASSES_STOPPED 3
#define INTERVAL_NS 2000000 /* between two tries; each time longer: collections may be long */
#define SECONDS_MAX 20.0
#define SECONDS_STOPPED 2.0
#define UNITS_A_SECOND 1e8 /* of work, see memory_set_work() */

struct search {
    const struct search_request *request;
    struct target_memory *memory;
    struct snapshot *scratch; /* the search itself reports nothing but addresses */
    struct py *py;
    struct walk_search *result;
};

static struct walk_found *find_place(struct search *search, uint64_t interpreter) {
    struct walk_search *result = search->result;
    for (size_t i = 0; i < result->count; i++)
        if (result->items[i].interpreter == interpreter)
            return &result->items[i];
    result->items = snapshot_vector_grow(search->request->arena, result->items, &result->count,
                                         &result->capacity, sizeof *result->items);
    result->items[result->count - 1] = (struct walk_found){.interpreter = interpreter};
    return &result->items[result->count - 1];
}

static struct error *search_interpreter(struct search *search,
                                        const struct py_interpreter *interpreter, double seconds) {
    struct walk_found *place = find_place(search, interpreter->address);
    struct error *err = aio_search(search->py, interpreter, seconds, &place->found);
    if (!err && place->found.why)
        search->result->why = arena_format(search->request->arena, "%s", place->found.why);
    return err;
}

static void begin_pass(struct search *search, double seconds) {
    py_set_walk_units(search->py, (uint64_t)(seconds * UNITS_A_SECOND));
    memory_forget(search->memory);
    memory_set_fetch_size(search->memory, FETCH);
    snapshot_reset(search->scratch);
    py_begin_walk(search->py, search->scratch);
}

/* One pass; result->why is NULL if it came to its end. */
static struct error *search_once(struct search *search, double seconds) {
    struct py_interpreter *interpreters;
    size_t count;
    begin_pass(search, seconds);
    search->result->why = NULL;
    struct error *err = py_interpreters_read(search->py, &interpreters, &count);
    /* The newest comes first; lists that all share are those of the oldest. */
    for (size_t i = py_gc_is_shared(search->py) && count ? count - 1 : 0; !err && i < count; i++)
        err = search_interpreter(search, &interpreters[i], seconds);
    if (!err || error_get_kind(err) != ERROR_EXHAUSTED)
        return err;
    search->result->why = arena_format(search->request->arena, "%s", error_get_message(err));
    error_destroy(err);
    return NULL;
}

/* Whether a collector is at work, which takes objects out of their lists for a while. */
static struct error *is_collecting(struct search *search, bool *ret) {
    struct py_interpreter *interpreters;
    size_t count;
    *ret = false;
    begin_pass(search, SECONDS_STOPPED);
    struct error *err = py_interpreters_read(search->py, &interpreters, &count);
    for (size_t i = 0; !err && i < count; i++)
        *ret |= interpreters[i].gc_collecting == 1;
    return err;
}

static void wait_after(int tries) {
    const struct timespec interval = {.tv_nsec = INTERVAL_NS * (tries + 1L)};
    nanosleep(&interval, NULL);
}

/* One pass over the stopped target; *done is false if it was caught in the middle of a collection,
 * which is told without a pass. */
static struct error *search_stopped(struct search *search, bool *done, double *pause_s) {
    struct target_stop *stop;
    bool collecting = false;
    double start = clock_monotonic();
    struct error *err = stop_begin(search->request->process, &stop);
    if (err) {
        *pause_s += clock_monotonic() - start; /* at most */
        return err;
    }
    err = is_collecting(search, &collecting);
    if (!err && !collecting)
        err = search_once(search, SECONDS_STOPPED);
    *pause_s += stop_end(stop);
    *done = !collecting;
    return err;
}

/* A thread may also be stopped while it links an object into a list. */
static struct error *search_with_stops(struct search *search, double *pause_s) {
    struct error *err = NULL;
    int passes = 0;
    for (int i = 0; !err && passes < PASSES_STOPPED && i < STOPS; i++) {
        bool done = false;
        err = search_stopped(search, &done, pause_s);
        passes += done;
        if (err || (done && !search->result->why))
            return err;
        wait_after(i);
    }
    return err;
}

/* What takes too long once takes too long again, and the more so while the target stands still. */
static struct error *search_repeatedly(struct search *search, double *pause_s) {
    struct error *err = NULL;
    double deadline = clock_monotonic() + SECONDS_MAX;
    for (int i = 0; !err && i < TRIES; i++) {
        err = search_once(search, SECONDS_MAX);
        if (err || !search->result->why || py_is_exhausted(search->py) ||
            !process_is_live(search->request->process) || clock_monotonic() > deadline)
            return err;
        log_debug(LOG_CAPTURE, "search %d: %s", i, search->result->why);
        wait_after(i);
    }
    return err || !search->request->may_stop ? err : search_with_stops(search, pause_s);
}

struct error *search_objects(const struct search_request *request, struct walk_search *ret,
                             double *pause_s) {
    struct search search = {.request = request,
                            .memory = process_create_memory(request->process),
                            .scratch = snapshot_create(),
                            .result = ret};
    double start = clock_monotonic();
    memory_set_window(search.memory, WINDOW);
    search.py = py_create(search.memory, request->layout, request->roots);
    struct error *err = search_repeatedly(&search, pause_s);
    log_debug(LOG_CAPTURE, "searched the garbage collector's objects in %.1f ms",
              1e3 * (clock_monotonic() - start));
    py_destroy(search.py);
    snapshot_destroy(search.scratch);
    memory_destroy(search.memory);
    return err;
}
