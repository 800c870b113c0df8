#include "asyncspy/capture/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/log.h"
#include "asyncspy/python/discovery.h"
#include "asyncspy/target/process.h"
#include "asyncspy/target/stop.h"
#include "describe.h"
#include "sampled.h"
#include "walk.h"

/* Looks at what changes all the time before it is given up, where nothing is stopped: what runs
 * Python code is another one each time. */
#define UNSTOPPED_TRIES 3
#define UNSTOPPED_TRIES_RUNNING 1
/* What is left behind by tasks that were read again and again, and by pages that nothing is in any
 * more; then everything is read anew. */
#define EPOCH_BYTES ((size_t)8 << 20)

struct sampler {
    struct sampler_options options;
    struct arena *arena; /* what lives as long as the sampler */
    struct recording_info info;
    double began;
    struct target_process *process;
    struct py_discovery discovery;
    struct py_layout layout;
    struct py *py;
    /* The one of the epoch, and the one of the epoch before, to which `before` of changes may
     * point. */
    struct snapshot *snapshot, *previous;
    struct walk_looks looks;
    struct sampled *sampled;
    struct peers *peers;
    struct target_quiet *quiet; /* since the last sample; NULL: something ran */
    struct arena *kernel_arena;
    struct walk_kernel kernel;
    struct target_thread *threads; /* those of `kernel` */
    uint64_t epoch;
    size_t epoch_bytes; /* of its first sample */
    bool is_partial;    /* the last sample has only looked at what runs */
    bool is_shown;      /* a sample shows all tasks of the epoch */
    double look_due;    /* the next look at all tasks, in seconds since `began` */
};

static void describe(struct sampler *sampler) {
    struct recording_info *info = &sampler->info;
    sampler->began = clock_monotonic();
    info->asyncspy = ASYNCSPY_VERSION;
    info->started_at = clock_format_stamp(sampler->arena, clock_realtime());
    info->rate = sampler->options.rate;
    target_describe(sampler->process, &sampler->discovery, sampler->arena, &info->target);
}

static struct error *find_python(struct sampler *sampler) {
    struct error *err = py_discover(sampler->process, sampler->arena, &sampler->discovery);
    if (!err)
        err = py_discovery_get_layout(sampler->process, &sampler->discovery, &sampler->layout);
    if (!err)
        sampler->py = py_create(process_get_memory(sampler->process), &sampler->layout,
                                &sampler->discovery.roots);
    return err;
}

struct error *sampler_open(pid_t pid, const struct sampler_options *options, struct sampler **ret) {
    struct sampler *sampler = memory_alloc(sizeof *sampler);
    memset(sampler, 0, sizeof *sampler);
    sampler->options = *options;
    sampler->arena = arena_create();
    sampler->kernel_arena = arena_create();
    sampler->snapshot = snapshot_create();
    sampler->previous = snapshot_create();
    sampler->sampled = sampled_create();
    struct error *err = process_open(pid, &sampler->process);
    if (!err)
        err = find_python(sampler);
    if (err) {
        sampler_close(sampler);
        return err;
    }
    sampler->peers = peers_create(sampler->process);
    describe(sampler);
    *ret = sampler;
    return NULL;
}

void sampler_close(struct sampler *sampler) {
    if (!sampler)
        return;
    quiet_end(sampler->quiet);
    walk_looks_free(&sampler->looks);
    py_destroy(sampler->py);
    peers_destroy(sampler->peers);
    process_close(sampler->process);
    sampled_destroy(sampler->sampled);
    snapshot_destroy(sampler->snapshot);
    snapshot_destroy(sampler->previous);
    arena_destroy(sampler->kernel_arena);
    arena_destroy(sampler->arena);
    free(sampler);
}

const struct recording_info *sampler_get_info(const struct sampler *sampler) {
    return &sampler->info;
}

double sampler_get_time(const struct sampler *sampler) {
    return clock_monotonic() - sampler->began;
}

void sampler_set_nonblocking(struct sampler *sampler, bool nonblocking) {
    sampler->options.nonblocking = nonblocking;
}

/* --- looks --- */

static void swap_snapshots(struct sampler *sampler) {
    struct snapshot *snapshot = sampler->previous;
    sampler->previous = sampler->snapshot;
    sampler->snapshot = snapshot;
}

/* All that was read is forgotten. To an epoch that ended before its first sample nothing points,
 * but still to the one before. */
static void begin_epoch(struct sampler *sampler, const char *why) {
    if (sampler->is_shown)
        swap_snapshots(sampler);
    sampler->is_shown = false;
    snapshot_reset(sampler->snapshot);
    walk_looks_free(&sampler->looks);
    sampled_begin_epoch(sampler->sampled);
    *py_get_layout(sampler->py) = sampler->layout;
    py_begin_looks(sampler->py, sampler->snapshot);
    sampler->epoch++;
    log_debug(LOG_CAPTURE, "everything is read anew: %s", why);
}

static size_t get_size(const struct sampler *sampler) {
    return arena_get_size(sampler->snapshot->arena) +
           memory_get_watched_size(process_get_memory(sampler->process));
}

/* Why all has to be read anew; NULL: it has not. */
static const char *find_end_of_epoch(struct sampler *sampler) {
    if (!sampler->epoch)
        return "it is the first sample";
    if (py_is_exhausted(sampler->py))
        return "the last one was too much work";
    if (get_size(sampler) > EPOCH_BYTES + 2 * sampler->epoch_bytes)
        return "what was read before takes too much memory";
    return NULL;
}

/* What the kernel tells, of the moment of the first look. */
static struct error *ask_kernel(struct sampler *sampler) {
    struct target_thread *threads;
    arena_reset(sampler->kernel_arena);
    sampler->kernel.now = process_get_monotonic(sampler->process);
    struct error *err = process_list_threads(sampler->process, sampler->kernel_arena, &threads,
                                             &sampler->kernel.thread_count);
    sampler->kernel.threads = sampler->threads = threads;
    if (!err)
        process_refresh_threads(sampler->process, threads, sampler->kernel.thread_count, false);
    return err;
}

static struct error *walk(struct sampler *sampler, walk_sample *sample) {
    return walk_look(sampler->py, sampler->snapshot, &sampler->kernel, &sampler->looks, sample);
}

/* Everything. */
static struct error *look_first(struct sampler *sampler) {
    struct error *err = ask_kernel(sampler);
    if (err)
        return err;
    if (sampler->epoch)
        err = py_look(sampler->py, MEMORY_LOOK_AT_ALL);
    if (err)
        return err;
    const char *why = find_end_of_epoch(sampler);
    if (why)
        begin_epoch(sampler, why);
    else
        (void)py_renew_lasting(sampler->py);
    err = walk(sampler, aio_sample);
    if (why)
        sampler->epoch_bytes = get_size(sampler);
    return err;
}

/* Which tasks a sample looks at, besides those that run. */
struct scope {
    enum memory_look look;
    walk_sample *sample;
    int unstopped_tries;
};
static const struct scope all_again = {MEMORY_LOOK_AT_RECENT, aio_sample_again, UNSTOPPED_TRIES};
static const struct scope running_only = {MEMORY_LOOK_AGAIN, aio_sample_running,
                                          UNSTOPPED_TRIES_RUNNING};

/* What was read in the last look, and what runs. */
static struct error *look_again(struct sampler *sampler, const struct scope *scope) {
    sampler->kernel.now = process_get_monotonic(sampler->process);
    struct error *err = py_look(sampler->py, scope->look);
    if (!err && py_renew_lasting(sampler->py))
        walk_look_distrust(&sampler->looks);
    if (!err)
        err = walk(sampler, scope->sample);
    /* Code objects that are not those that were read in the last look at all. */
    if (!err && py_renew_lasting(sampler->py)) {
        walk_look_distrust(&sampler->looks);
        err = walk(sampler, scope->sample);
    }
    return err;
}

static void forget_quiet(struct sampler *sampler) {
    quiet_end(sampler->quiet);
    sampler->quiet = NULL;
}

static struct error *watch_quiet(struct sampler *sampler, bool *ret_quiet) {
    forget_quiet(sampler);
    return quiet_begin(sampler->process, &sampler->quiet, ret_quiet);
}

/* Keeps watching if nothing has run so far. */
static bool has_been_quiet(struct sampler *sampler, bool was_quiet) {
    if (was_quiet && quiet_check(sampler->quiet))
        return true;
    forget_quiet(sampler);
    return false;
}

static struct error *look_while_quiet(struct sampler *sampler, const struct scope *scope,
                                      bool *done) {
    bool is_quiet = false;
    struct error *err = watch_quiet(sampler, &is_quiet);
    if (!err && is_quiet)
        err = look_again(sampler, scope);
    *done = !err && has_been_quiet(sampler, is_quiet);
    return err;
}

/* Of hundreds of threads most sleep: then those are asked about that ran, or that have a loop. */
#define THREADS_REFRESHED 16

static bool has_loop(const struct sampler *sampler, pid_t tid) {
    const struct snapshot *snapshot = sampler->snapshot;
    for (size_t i = 0; i < snapshot->threads.count; i++)
        if (snapshot->threads.items[i].tid == tid)
            return snapshot->threads.items[i].event_loop != 0;
    return false;
}

static void refresh_threads(struct sampler *sampler) {
    size_t count = sampler->kernel.thread_count;
    if (count <= THREADS_REFRESHED) {
        process_refresh_threads(sampler->process, sampler->threads, count, true);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (sampler->threads[i].on_cpu || has_loop(sampler, sampler->threads[i].tid))
            process_refresh_threads(sampler->process, &sampler->threads[i], 1, true);
}

static struct error *look_stopped(struct sampler *sampler, const struct scope *scope,
                                  double *pause_s) {
    struct target_stop *stop;
    struct error *err = stop_begin(sampler->process, &stop);
    if (err)
        return err;
    refresh_threads(sampler);
    err = look_again(sampler, scope);
    *pause_s = stop_end(stop);
    return err;
}

struct taken {
    double time_s, pause_s;
    bool needs_proof; /* only what is verified is to be shown */
    bool has_threads;
};

/* Until what was read is still there. */
static struct error *look_unstopped(struct sampler *sampler, const struct scope *scope,
                                    struct taken *taken) {
    struct error *err = NULL;
    taken->needs_proof = true;
    for (int i = 0; !err && i < scope->unstopped_tries; i++) {
        err = look_again(sampler, scope);
        if (!err)
            err = py_look(sampler->py, scope->look);
        bool is_renewed = !err && py_renew_lasting(sampler->py);
        if (is_renewed)
            walk_look_distrust(&sampler->looks);
        if (!err && walk_look_verify(sampler->py, &sampler->looks, &taken->has_threads))
            break;
    }
    return err;
}

/* The moment that the sample shows. */
static struct error *look_at_moment(struct sampler *sampler, const struct scope *scope,
                                    struct taken *ret) {
    bool done;
    struct error *err = look_while_quiet(sampler, scope, &done);
    if (err || done)
        return err;
    ret->time_s = sampler_get_time(sampler);
    return sampler->options.nonblocking ? look_unstopped(sampler, scope, ret)
                                        : look_stopped(sampler, scope, &ret->pause_s);
}

/* At all tasks: most of it while the process runs on. */
static struct error *look_at_all(struct sampler *sampler, struct taken *ret) {
    bool is_quiet = false;
    struct error *err = watch_quiet(sampler, &is_quiet);
    if (!err)
        err = look_first(sampler);
    if (err)
        return err;
    if (has_been_quiet(sampler, is_quiet))
        return NULL;
    return look_at_moment(sampler, &all_again, ret);
}

static struct error *look_at_running(struct sampler *sampler, struct taken *ret) {
    struct error *err = ask_kernel(sampler);
    return err ? err : look_at_moment(sampler, &running_only, ret);
}

static double get_cpu(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* All tasks are looked at as often as our share of a CPU allows. */
static struct error *look(struct sampler *sampler, struct taken *ret, bool is_full) {
    *ret = (struct taken){.time_s = sampler_get_time(sampler), .has_threads = true};
    if (!is_full)
        return look_at_running(sampler, ret);
    double start = get_cpu();
    struct error *err = look_at_all(sampler, ret);
    sampler->look_due = ret->time_s + (get_cpu() - start) / sampler->options.cpu_share;
    return err;
}

struct error *sampler_take(struct sampler *sampler, const struct recording_sample **ret,
                           uint64_t *ret_epoch) {
    struct taken taken;
    *ret_epoch = sampler->epoch;
    bool is_full = !sampler->is_shown || sampler_get_time(sampler) >= sampler->look_due;
    /* What only a look at all tasks would show is not there yet, however quiet it is since. */
    bool is_stale = sampler->is_partial && is_full;
    if (!is_stale && sampler->quiet && quiet_check(sampler->quiet)) {
        *ret = sampled_repeat(sampler->sampled, sampler_get_time(sampler));
        return NULL;
    }
    struct error *err = look(sampler, &taken, is_full);
    if (err) {
        forget_quiet(sampler); /* it is no proof for the sample before */
        return err;
    }
    const struct sampled_input input = {.arena = sampler->snapshot->arena,
                                        .snapshot = sampler->snapshot,
                                        .looks = &sampler->looks,
                                        .kernel = &sampler->kernel,
                                        .peers = sampler->peers,
                                        .needs_proof = taken.needs_proof,
                                        .has_threads = taken.has_threads,
                                        .time_s = taken.time_s,
                                        .pause_s = taken.pause_s};
    *ret_epoch = sampler->epoch;
    *ret = is_full ? sampled_add(sampler->sampled, &input)
                   : sampled_add_running(sampler->sampled, &input);
    sampler->is_partial = !is_full;
    sampler->is_shown = true;
    return NULL;
}
