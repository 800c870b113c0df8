/*
 * A process that is watched: samples all the time, and a full picture at the end of each interval.
 * Together they stop it for no more than their share of the time. Samples are taken without a stop
 * while that is used up; pictures wait for their turn.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "asyncspy/analysis/analyze.h"
#include "asyncspy/base/arena.h"
#include "asyncspy/capture/capture.h"
#include "asyncspy/capture/sampler.h"
#include "pace.h"
#include "top.h"

#define STOPPED_SHARE 0.009   /* of the time at most */
#define STOPPED_CREDIT_S 0.02 /* that may be saved up */
#define PICTURE_STOPPED_SHARE 0.006
#define PICTURE_SHARE 0.2   /* of our time */
#define SAMPLES_SHARE 0.008 /* of a CPU for looks at all tasks */
#define FIRST_INTERVAL_S 0.2
#define WATCH_S 0.05     /* that is known of threads at a picture */
#define FAILURES_MAX 100 /* in a row */

struct top_session {
    pid_t pid;
    bool nonblocking;
    struct sampler *sampler;
    struct capture *capture;
    struct live_fold *fold;
    const struct live *live;
    struct snapshot *picture, *other; /* the last one, and the one to be filled next */
    uint64_t pictures;
    double rate, interval_s;
    struct pace pace;
    double picture_share;               /* of our time */
    double update_due, picture_free_at; /* times of the sampler; no picture before that */
    double credit_s, credited_at;       /* it may be stopped for so long */
    bool is_frozen, is_watching;
    double own_cpu_s; /* at the last update */
    unsigned failures;
    struct error *end, *trouble;
    time_t ended_at;
};

static double get_time(const struct top_session *session) {
    return sampler_get_time(session->sampler);
}

static double get_own_cpu(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct error *open_both(struct top_session *session, const struct top_options *options) {
    const struct sampler_options sampler_options = {
        .nonblocking = options->nonblocking, .rate = options->rate, .cpu_share = SAMPLES_SHARE};
    const struct capture_options capture_options = {.nonblocking = options->nonblocking};
    struct error *err = sampler_open(session->pid, &sampler_options, &session->sampler);
    return err ? err : capture_open(session->pid, &capture_options, &session->capture);
}

struct error *top_session_open(pid_t pid, const struct top_options *options,
                               struct top_session **ret) {
    struct top_session *session = memory_alloc(sizeof *session);
    *session = (struct top_session){.pid = pid,
                                    .nonblocking = options->nonblocking,
                                    .rate = options->rate,
                                    .interval_s = options->delay_s,
                                    .picture_share = PICTURE_SHARE,
                                    .fold = live_fold_create(),
                                    .picture = snapshot_create(),
                                    .other = snapshot_create()};
    struct error *err = open_both(session, options);
    if (err) {
        top_session_close(session);
        return err;
    }
    pace_begin(&session->pace);
    session->pace.catches_up = true;
    session->own_cpu_s = get_own_cpu();
    session->live = live_fold_update(session->fold, get_time(session), 0);
    *ret = session;
    return NULL;
}

void top_session_close(struct top_session *session) {
    if (!session)
        return;
    live_fold_destroy(session->fold);
    capture_close(session->capture);
    sampler_close(session->sampler);
    snapshot_destroy(session->picture);
    snapshot_destroy(session->other);
    error_destroy(session->end);
    error_destroy(session->trouble);
    free(session);
}

pid_t top_session_get_pid(const struct top_session *session) {
    return session->pid;
}

const struct live *top_session_get_live(const struct top_session *session) {
    return session->live;
}

const struct error *top_session_get_end(const struct top_session *session, time_t *ret_when) {
    if (ret_when)
        *ret_when = session->ended_at;
    return session->end;
}

const struct error *top_session_get_trouble(const struct top_session *session) {
    return session->trouble;
}

void top_session_set_pace(struct top_session *session, double rate, double interval_s,
                          double part) {
    double now = get_time(session);
    session->rate = rate;
    session->interval_s = interval_s;
    session->picture_share = PICTURE_SHARE * part;
    session->pace.due = fmin(session->pace.due, now + 1 / rate);
    session->update_due = fmin(session->update_due, now + interval_s);
}

/* The threads are watched anew before the picture that follows. */
void top_session_freeze(struct top_session *session, bool is_frozen) {
    if (session->is_frozen && !is_frozen)
        session->update_due = get_time(session) + WATCH_S;
    session->is_frozen = is_frozen;
    session->is_watching = false;
}

/* --- errors --- */

static bool is_gone(const struct top_session *session) {
    return kill(session->pid, 0) != 0 && errno == ESRCH;
}

static bool is_end(const struct top_session *session, const struct error *err) {
    enum error_kind kind = error_get_kind(err);
    return kind == ERROR_GONE || kind == ERROR_PERMISSION || kind == ERROR_UNSUPPORTED ||
           session->failures > FAILURES_MAX || is_gone(session);
}

/* An error that does not mean the end is returned. */
static struct error *end_by(struct top_session *session, struct error *err) {
    if (!err || !is_end(session, err))
        return err;
    session->end = err;
    session->ended_at = time(NULL);
    return NULL;
}

/* --- samples --- */

static void count_pause(struct top_session *session, double pause_s) {
    double now = get_time(session);
    session->credit_s += (now - session->credited_at) * STOPPED_SHARE - pause_s;
    session->credit_s = fmin(session->credit_s, STOPPED_CREDIT_S);
    session->credited_at = now;
}

/* Of one that fails is not known how long the process was stopped: no longer than it took. */
static void sample(struct top_session *session) {
    const struct recording_sample *taken;
    struct recording_sample stamped;
    uint64_t epoch;
    double start = get_time(session);
    double late_s = pace_step(&session->pace, start, 1 / session->rate);
    count_pause(session, 0);
    bool may_stop = !session->nonblocking && !session->is_watching && session->credit_s >= 0;
    sampler_set_nonblocking(session->sampler, !may_stop);
    struct error *err = sampler_take(session->sampler, &taken, &epoch);
    if (err) {
        count_pause(session, may_stop ? get_time(session) - start : 0);
        session->failures++;
        live_fold_add_failed(session->fold);
        error_destroy(end_by(session, err));
        return;
    }
    session->failures = 0;
    count_pause(session, taken->pause_s);
    stamped = *taken;
    stamped.late_s = late_s;
    live_fold_add(session->fold, &stamped);
}

/* --- pictures --- */

/* The first two are needed for anything to be shown; where one fails, the next has to wait. */
static bool is_picture_free(const struct top_session *session, double now) {
    return (session->pictures < 2 && !session->trouble) || now >= session->picture_free_at;
}

/* So that pictures take no more than their share, the next one has to wait. */
static void charge_picture(struct top_session *session, double start, double pause_s) {
    double now = get_time(session);
    double wait_s = fmax(pause_s / PICTURE_STOPPED_SHARE, (now - start) / session->picture_share);
    session->picture_free_at = fmax(now, session->picture_free_at) + wait_s;
    count_pause(session, pause_s);
}

static void swap_pictures(struct top_session *session) {
    struct snapshot *picture = session->other;
    session->other = session->picture;
    session->picture = picture;
}

static void show_picture(struct top_session *session, double start) {
    swap_pictures(session);
    session->pictures++;
    analyze(session->picture, NULL);
    live_fold_add_picture(session->fold, session->picture, start);
}

/* One that fails leaves the one before as it is, and costs as much. */
static void take_picture(struct top_session *session) {
    double start = get_time(session);
    struct error *err = capture_take_next(
        session->capture, session->pictures ? session->picture : NULL, session->other);
    double pause_s = session->other->capture.pause_s;
    session->is_watching = false;
    error_destroy(session->trouble);
    session->trouble = end_by(session, err);
    if (!err)
        show_picture(session, start);
    charge_picture(session, start, pause_s);
}

static void watch_threads(struct top_session *session) {
    session->is_watching = true;
    error_destroy(end_by(session, capture_watch_threads(session->capture)));
}

/* --- the course --- */

static void renew(struct top_session *session) {
    double cpu_s = get_own_cpu();
    session->live = live_fold_update(session->fold, get_time(session), cpu_s - session->own_cpu_s);
    session->own_cpu_s = cpu_s;
}

/* Behind the first picture the numbers are none yet: a second one follows soon. */
static bool update(struct top_session *session) {
    double now = get_time(session);
    if (is_picture_free(session, now))
        take_picture(session);
    if (session->end)
        return false;
    renew(session);
    bool is_first = session->pictures == 1 && session->update_due <= 0;
    double next = session->update_due + session->interval_s;
    session->update_due = next > now ? next : now + session->interval_s;
    if (is_first)
        session->update_due = get_time(session) + fmin(FIRST_INTERVAL_S, session->interval_s);
    return !is_first;
}

static double get_watch_due(const struct top_session *session) {
    bool is_wanted =
        !session->is_watching && session->pictures && is_picture_free(session, session->update_due);
    return is_wanted ? session->update_due - WATCH_S : INFINITY;
}

double top_session_get_wait(const struct top_session *session) {
    if (session->end)
        return INFINITY;
    double due = session->pace.due;
    if (!session->is_frozen)
        due = fmin(due, fmin(session->update_due, get_watch_due(session)));
    return due - get_time(session);
}

bool top_session_work(struct top_session *session) {
    double now = get_time(session);
    if (session->end)
        return false;
    if (!session->is_frozen && now >= session->update_due)
        return update(session);
    if (!session->is_frozen && now >= get_watch_due(session))
        watch_threads(session);
    else if (now >= session->pace.due)
        sample(session);
    return false;
}
