#include "asyncspy/capture/capture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/log.h"
#include "asyncspy/python/discovery.h"
#include "asyncspy/target/process.h"
#include "asyncspy/target/stop.h"
#include "core.h"
#include "describe.h"
#include "forgotten.h"
#include "network.h"
#include "referrers.h"
#include "save.h"
#include "search.h"
#include "second_look.h"
#include "walk.h"

/* Unstopped tries before a target is stopped: a heartbeat may hit the first, hardly two. */
#define QUIET_TRIES 2
/* Copies of a large busy target; the last one is walked while the target stands still. */
#define PAUSED_TRIES 5
/* Moments at which a small one is stopped. */
#define STOPPED_TRIES 3
/* Walks with --nonblocking; the one with the fewest losses counts. */
#define NONBLOCKING_TRIES 3

#define SMALL_FETCH ((size_t)16 << 10)
/* What nobody copies again need not be kept: fresh memory costs more than a few blocks read twice.
 */
#define QUIET_WINDOW ((size_t)64 << 20)
#define LARGE_FETCH ((size_t)256 << 10)
/* The work of a walk (see memory_set_work) that is done while a busy target stands still: some
 * thousand tasks. */
#define SMALL_WALK 1000000u

struct capture {
    struct capture_options options;
    struct arena *arena; /* what lives as long as the session */
    const char *core;    /* its path, NULL: a live process */
    struct target_process *process;
    struct py_discovery discovery;
    struct py_layout layout;
    struct py *py;
    double shown_now;           /* the target's clock at the last picture */
    double shown_at;            /* ours, when it was begun */
    struct target_runs *runs;   /* between two looks */
    struct forgotten forgotten; /* found since then */
    double runs_since;
    struct save *save;   /* of the picture, or NULL */
    struct saved *saved; /* what a core that was saved says, or NULL */
};

/* One picture being taken. */
struct shot {
    struct capture *capture;
    struct snapshot *snapshot;
    struct target_memory *memory;
    struct arena *arena; /* of the kernel's facts and the search */
    struct walk_search search;
    struct walk_kernel kernel;
    double pause_s;
    const char *mode;
    bool is_to_be_saved;
};

static struct capture *create(const struct capture_options *options) {
    struct capture *capture = memory_alloc(sizeof *capture);
    memset(capture, 0, sizeof *capture);
    capture->options = *options;
    capture->arena = arena_create();
    return capture;
}

static struct error *discover(struct capture *capture) {
    struct py_discovery *discovery = &capture->discovery;
    if (capture->saved)
        return saved_get_discovery(capture->saved, capture->process, capture->arena, discovery);
    struct error *err = py_discover(capture->process, capture->arena, discovery);
    discovery->roots.lacks_files = !process_is_live(capture->process);
    return err;
}

static struct error *find_python(struct capture *capture) {
    struct error *err = discover(capture);
    if (!err)
        err = py_discovery_get_layout(capture->process, &capture->discovery, &capture->layout);
    if (!err)
        capture->py = py_create(process_get_memory(capture->process), &capture->layout,
                                &capture->discovery.roots);
    return err;
}

/* The file is begun early: that it cannot be had is told before anything is stopped. */
static struct error *begin_save(struct capture *capture) {
    memory_keep(process_get_memory(capture->process), capture->options.save != NULL);
    return capture->options.save ? save_open(capture->options.save, &capture->save) : NULL;
}

struct error *capture_open(pid_t pid, const struct capture_options *options, struct capture **ret) {
    struct capture *capture = create(options);
    struct error *err = process_open(pid, &capture->process);
    if (!err)
        err = find_python(capture);
    if (!err)
        err = begin_save(capture);
    if (err)
        capture_close(capture);
    else
        *ret = capture;
    return err;
}

static struct error *open_core(struct capture *capture, const char *path) {
    struct error *err = saved_open(capture->process, &capture->saved);
    if (!err)
        err = find_python(capture);
    return err ? core_explain(capture->process, path, err) : begin_save(capture);
}

struct error *capture_open_core(const char *path, const struct core_options *core,
                                const struct capture_options *options, struct capture **ret) {
    struct capture *capture = create(options);
    capture->core = arena_copy_string(capture->arena, path, strlen(path));
    struct error *err = core_open(path, core, &capture->process);
    if (!err)
        err = open_core(capture, path);
    if (err)
        capture_close(capture);
    else
        *ret = capture;
    return err;
}

void capture_close(struct capture *capture) {
    if (!capture)
        return;
    runs_end(capture->runs);
    save_close(capture->save);
    saved_close(capture->saved);
    py_destroy(capture->py);
    process_close(capture->process);
    arena_destroy(capture->arena);
    free(capture);
}

static struct error *walk(struct shot *shot) {
    snapshot_reset(shot->snapshot);
    *py_get_layout(shot->capture->py) = shot->capture->layout; /* an earlier walk may have cut it */
    return walk_interpreters(shot->capture->py, shot->snapshot, &shot->kernel, &shot->search);
}

/* The moment that a picture shows. */
static void set_time(struct shot *shot) {
    shot->kernel.now = process_get_monotonic(shot->capture->process);
}

/* What the kernel tells, before a walk over memory that is read now. */
static struct error *ask_kernel(struct shot *shot) {
    struct target_thread *threads;
    set_time(shot);
    struct error *err = process_list_threads(shot->capture->process, shot->arena, &threads,
                                             &shot->kernel.thread_count);
    shot->kernel.threads = threads;
    return err;
}

/* What is to be saved is kept all. */
static void limit_memory(struct shot *shot) {
    memory_set_window(shot->memory, shot->capture->save ? 0 : QUIET_WINDOW);
}

/* Reads without stopping; *done if the kernel proves that nothing ran meanwhile. */
static struct error *try_quiet(struct shot *shot, bool *done) {
    struct target_quiet *quiet = NULL;
    bool starts_quiet = false;
    *done = false;
    struct error *err = quiet_begin(shot->capture->process, &quiet, &starts_quiet);
    if (!err && starts_quiet) {
        memory_forget(shot->memory);
        memory_set_fetch_size(shot->memory, SMALL_FETCH);
        limit_memory(shot);
        err = ask_kernel(shot);
        if (!err)
            err = walk(shot);
        memory_set_window(shot->memory, 0);
        *done = !err && quiet_check(quiet);
        shot->mode = "running";
    }
    quiet_end(quiet);
    return err;
}

/* What runs now has not run when the blocks were learnt, so it is read before the threads go on. */
static struct error *add_running(struct shot *shot) {
    struct py *py = shot->capture->py;
    py_set_walk_units(py, SMALL_WALK);
    struct error *err = walk_running(py, shot->snapshot, &shot->kernel);
    py_set_walk_units(py, PY_WALK_UNITS);
    return err;
}

static struct error *copy_stopped(struct shot *shot, bool walk_stopped) {
    struct target_stop *stop;
    double start = clock_monotonic();
    struct error *err = stop_begin(shot->capture->process, &stop);
    if (err) {
        shot->pause_s += clock_monotonic() - start; /* at most */
        return err;
    }
    set_time(shot);
    err = memory_recopy(shot->memory);
    if (!err)
        err = walk_stopped ? walk(shot) : add_running(shot);
    shot->pause_s += stop_end(stop);
    return err;
}

/* Whether the walk over a copy found all it wanted, and nothing in the middle of a switch; one that
 * gave up would do so again. */
static bool is_settled(const struct shot *shot) {
    if (py_is_exhausted(shot->capture->py))
        return true;
    return memory_get_statistics(shot->memory).missed == 0 && !py_is_unsettled(shot->capture->py);
}

/* Walks unstopped, so that it is known which blocks matter. */
static struct error *learn(struct shot *shot, size_t fetch_size) {
    memory_forget(shot->memory);
    memory_set_fetch_size(shot->memory, fetch_size);
    struct error *err = ask_kernel(shot);
    return err ? err : walk(shot);
}

/* Copies what matters while the target stands still, with what is around it: what is new since then
 * is likely to be there. Walks the copy. */
static struct error *take_copy(struct shot *shot) {
    struct error *err = learn(shot, LARGE_FETCH);
    for (int i = 1; !err && i < PAUSED_TRIES; i++) {
        err = copy_stopped(shot, false);
        if (err)
            return err;
        memory_reset_missed(shot->memory);
        memory_freeze(shot->memory, true);
        err = walk(shot);
        memory_freeze(shot->memory, false);
        if (err || is_settled(shot))
            return err;
        log_debug(LOG_CAPTURE, "copy %d missed %llu reads", i,
                  (unsigned long long)memory_get_statistics(shot->memory).missed);
    }
    return err ? err : copy_stopped(shot, true);
}

/* A thread may have been stopped between two instructions that belong together: where the frames
 * of one lead nowhere, another moment is looked at. */
static struct error *walk_stopped(struct shot *shot) {
    struct error *err = NULL;
    for (int i = 0; i < STOPPED_TRIES; i++) {
        err = copy_stopped(shot, true);
        if (err || !py_is_unsettled(shot->capture->py))
            break;
    }
    return err;
}

/* A small target is walked while it stands still: no copy could lack anything. */
static struct error *take_paused(struct shot *shot) {
    struct py *py = shot->capture->py;
    shot->mode = "paused";
    py_set_walk_units(py, SMALL_WALK);
    struct error *err = learn(shot, SMALL_FETCH);
    py_set_walk_units(py, PY_WALK_UNITS);
    if (err)
        return err;
    return py_is_exhausted(py) ? take_copy(shot) : walk_stopped(shot);
}

static size_t count_losses(const struct snapshot *snapshot) {
    size_t losses = snapshot->missing.count;
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        losses += snapshot->tasks.items[i].note_count;
    return losses;
}

static struct error *take_nonblocking(struct shot *shot) {
    struct error *err = NULL;
    shot->mode = "nonblocking";
    memory_set_fetch_size(shot->memory, LARGE_FETCH);
    for (int i = 0; !err && i < NONBLOCKING_TRIES; i++) {
        memory_forget(shot->memory);
        err = ask_kernel(shot);
        if (!err)
            err = walk(shot);
        if (!err && (count_losses(shot->snapshot) == 0 || py_is_exhausted(shot->capture->py)))
            break;
    }
    return err;
}

/* Nothing runs in a core. What time it is in it is known once its loops were read. */
static struct error *take_core(struct shot *shot) {
    shot->mode = "core";
    limit_memory(shot);
    struct error *err = ask_kernel(shot);
    if (!err)
        err = walk(shot);
    shot->kernel.now = shot->search.clock;
    if (!err && !isnan(shot->kernel.now))
        err = walk(shot);
    return err;
}

/* One that was saved says all that its memory does not. */
static struct error *take_saved(struct shot *shot) {
    const struct saved *saved = shot->capture->saved;
    shot->mode = "core";
    limit_memory(shot);
    saved_get_kernel(saved, shot->arena, &shot->kernel);
    saved_get_search(saved, shot->arena, &shot->search);
    struct error *err = walk(shot);
    if (!err && shot->capture->options.gc && !saved_is_searched(saved))
        snapshot_add_missing(shot->snapshot, "objects of the garbage collector",
                             "the core was saved without --gc, and does not hold them");
    return err;
}

static struct error *take(struct shot *shot) {
    bool done = false;
    struct error *err = NULL;
    if (shot->capture->saved)
        return take_saved(shot);
    if (!process_is_live(shot->capture->process))
        return take_core(shot);
    for (int i = 0; !err && !done && i < QUIET_TRIES; i++)
        err = try_quiet(shot, &done);
    if (err || done)
        return err;
    return shot->capture->options.nonblocking ? take_nonblocking(shot) : take_paused(shot);
}

static struct error *search(struct shot *shot) {
    const struct search_request request = {.process = shot->capture->process,
                                           .layout = &shot->capture->layout,
                                           .roots = &shot->capture->discovery.roots,
                                           .may_stop = !shot->capture->core &&
                                                       !shot->capture->options.nonblocking,
                                           .arena = shot->arena};
    return search_objects(&request, &shot->search, &shot->pause_s);
}

/* A registry that is torn for a moment is no reason to read all of a running target's memory. */
static bool is_search_needed(const struct shot *shot) {
    return !shot->capture->options.gc && !shot->capture->saved &&
           shot->search.registry >
               (shot->capture->options.nonblocking ? AIO_REGISTRY_TORN : AIO_REGISTRY_READ);
}

static void save_walked(struct shot *shot) {
    const struct save_walk saved = {.process = shot->capture->process,
                                    .discovery = &shot->capture->discovery,
                                    .kernel = &shot->kernel,
                                    .search = &shot->search,
                                    .tasks = shot->snapshot->tasks.count};
    save_memory(shot->capture->save, &saved);
}

static struct error *take_with_search(struct shot *shot) {
    bool is_wanted = shot->capture->options.gc && !shot->capture->saved;
    struct error *err = is_wanted ? search(shot) : NULL;
    if (!err)
        err = take(shot);
    if (!err && is_search_needed(shot)) {
        err = search(shot);
        if (!err)
            err = take(shot);
    }
    if (!err && shot->search.why)
        snapshot_add_missing(shot->snapshot, "objects of the garbage collector", shot->search.why);
    if (shot->pause_s > 0)
        shot->mode = "paused";
    if (!err && shot->is_to_be_saved)
        save_walked(shot);
    walk_search_free(&shot->search);
    return err;
}

static void describe_target(struct capture *capture, struct snapshot *snapshot) {
    if (capture->core)
        core_describe(capture->process, capture->core, snapshot);
    target_describe(capture->process, &capture->discovery, snapshot->arena, &snapshot->target);
}

static void describe_capture(struct shot *shot, double start, double stamp) {
    struct snapshot *snapshot = shot->snapshot;
    struct memory_statistics statistics = memory_get_statistics(shot->memory);
    snapshot->asyncspy = ASYNCSPY_VERSION;
    snapshot->captured_at = clock_format_stamp(snapshot->arena, stamp);
    snapshot->capture = (struct snapshot_capture){
        .mode = shot->mode,
        .pause_s = shot->pause_s,
        .duration_s = clock_monotonic() - start,
        .reads = (int64_t)statistics.reads,
        .bytes_read = (int64_t)statistics.bytes_read,
        .second_look_s = NAN,
    };
}

static void start_shot(struct shot *shot, struct capture *capture, struct snapshot *snapshot) {
    *shot = (struct shot){.capture = capture,
                          .snapshot = snapshot,
                          .memory = process_get_memory(capture->process),
                          .arena = arena_create(),
                          .search = {.want_context = capture->options.context,
                                     .want_addresses = capture->core && !capture->saved},
                          .mode = ""};
}

#define FORGOTTEN_SECONDS 0.1 /* there is time while the second look is waited for */
#define FORGOTTEN_SECONDS_MAX 10.0

static struct error *search_forgotten(struct capture *capture, struct snapshot *snapshot,
                                      struct forgotten *ret) {
    bool is_asked_for = capture->options.forgotten || capture->options.gc;
    const struct forgotten_request request = {.process = capture->process,
                                              .layout = &capture->layout,
                                              .roots = &capture->discovery.roots,
                                              .seconds = is_asked_for ? FORGOTTEN_SECONDS_MAX
                                                                      : FORGOTTEN_SECONDS};
    return forgotten_search(&request, snapshot, ret);
}

static struct error *add_forgotten(struct capture *capture, struct snapshot *snapshot) {
    struct forgotten forgotten = {.searched = false};
    struct error *err = search_forgotten(capture, snapshot, &forgotten);
    if (!err)
        forgotten_add(&forgotten, snapshot);
    return err;
}

/* Nobody is asked about one that was saved. */
static struct error *take_whole_saved(struct shot *shot) {
    struct error *err = take_with_search(shot);
    if (!err)
        core_add_losses(shot->capture->process, shot->snapshot);
    return err;
}

/* The picture, and what is around it. */
static struct error *take_whole(struct shot *shot) {
    struct capture *capture = shot->capture;
    struct error *err = take_with_search(shot);
    if (!err && capture->options.referrers)
        err = referrers_add(capture->process, &capture->layout, &capture->discovery.roots,
                            shot->snapshot);
    if (!err && capture->options.forgotten)
        err = add_forgotten(capture, shot->snapshot);
    if (!err)
        err = process_check_alive(capture->process);
    if (!err && !capture->core)
        network_add_sockets(capture->process, shot->snapshot);
    if (!err && capture->core) {
        core_add_sockets(shot->snapshot);
        core_add_missing(capture->process, shot->kernel.now, shot->snapshot);
    }
    return err;
}

struct error *capture_take(struct capture *capture, struct snapshot *snapshot) {
    double start = clock_monotonic(), stamp = clock_realtime();
    struct shot shot;
    start_shot(&shot, capture, snapshot);
    shot.is_to_be_saved = capture->save != NULL;
    struct error *err = capture->saved ? take_whole_saved(&shot) : take_whole(&shot);
    snapshot->capture.pause_s = shot.pause_s;
    if (!err) {
        describe_target(capture, snapshot);
        describe_capture(&shot, start, stamp);
        capture->shown_now = shot.kernel.now;
    }
    if (!err && capture->saved)
        err = saved_complete(capture->saved, snapshot);
    arena_destroy(shot.arena);
    return err;
}

static void end_runs(struct capture *capture) {
    runs_end(capture->runs);
    capture->runs = NULL;
}

struct error *capture_watch_threads(struct capture *capture) {
    end_runs(capture);
    return runs_begin(capture->process, &capture->runs);
}

struct error *capture_take_next(struct capture *capture, struct snapshot *before,
                                struct snapshot *snapshot) {
    double before_now = capture->shown_now, before_at = capture->shown_at;
    if (capture->runs)
        runs_update(capture->runs);
    double began = clock_monotonic();
    struct error *err = capture_take(capture, snapshot);
    if (!err)
        capture->shown_at = began;
    if (!err && before) {
        second_look_compare(&(struct look_at){snapshot, capture->shown_now},
                            &(struct look_at){before, before_now}, capture->runs, false);
        snapshot->capture.second_look_s = began - before_at;
    }
    end_runs(capture);
    return err;
}

struct error *capture_save(struct capture *capture, const struct snapshot *snapshot,
                           uint64_t *ret_size) {
    return save_finish(capture->save, capture->process, snapshot, ret_size);
}

/* --- the second look --- */

/* The sockets alone, of a target that stood still. */
static void look_at_sockets(struct capture *capture, struct snapshot *first,
                            struct snapshot *second) {
    second->event_loops.items = first->event_loops.items; /* the network asks how many there are */
    second->event_loops.count = first->event_loops.count;
    second->tasks.items = first->tasks.items;
    second->tasks.count = first->tasks.count;
    network_add_sockets(capture->process, second);
    second_look_stood_still(&(struct look_at){first, capture->shown_now},
                            &(struct look_at){second, process_get_monotonic(capture->process)});
}

static struct error *look_at_all(struct capture *capture, struct snapshot *first,
                                 struct snapshot *second) {
    struct shot shot;
    start_shot(&shot, capture, second);
    struct error *err = take_with_search(&shot);
    if (!err)
        err = process_check_alive(capture->process);
    if (!err) {
        network_add_sockets(capture->process, second);
        second_look_compare(&(struct look_at){first, capture->shown_now},
                            &(struct look_at){second, shot.kernel.now}, capture->runs, true);
        first->capture.pause_s += shot.pause_s;
        if (shot.pause_s > 0)
            first->capture.mode = shot.mode;
    }
    arena_destroy(shot.arena);
    return err;
}

struct error *capture_begin_second_look(struct capture *capture, struct snapshot *snapshot) {
    end_runs(capture);
    capture->runs_since = clock_monotonic();
    capture->forgotten = (struct forgotten){.searched = false};
    memory_release(process_get_memory(capture->process));
    struct error *err = runs_begin(capture->process, &capture->runs);
    if (!err && snapshot && !snapshot->has_coroutines)
        err = search_forgotten(capture, snapshot, &capture->forgotten);
    return err;
}

struct error *capture_finish_second_look(struct capture *capture, struct snapshot *snapshot) {
    struct error *err = NULL;
    runs_update(capture->runs);
    double passed = clock_monotonic() - capture->runs_since;
    struct snapshot *second = snapshot_create();
    if (runs_are_none(capture->runs))
        look_at_sockets(capture, snapshot, second);
    else
        err = look_at_all(capture, snapshot, second);
    if (!err) {
        forgotten_add(&capture->forgotten, snapshot);
        snapshot->capture.second_look_s = passed;
    }
    snapshot_destroy(second);
    return err;
}

struct error *capture_look_again(struct capture *capture, struct snapshot *snapshot) {
    struct error *err = capture_begin_second_look(capture, snapshot);
    if (err)
        return err;
    double left = CAPTURE_SECOND_LOOK_S - (clock_monotonic() - capture->runs_since);
    if (left > 0)
        clock_sleep(left);
    return capture_finish_second_look(capture, snapshot);
}
