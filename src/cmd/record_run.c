/* The loop of a recording: when samples are due, and what ends it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "asyncspy/analysis/filtered_sample.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/capture/sampler.h"
#include "asyncspy/snapshot/recording_file.h"
#include "pace.h"
#include "record.h"

#define STOPPED_SHARE 0.1   /* of the time at most */
#define CPU_SHARE 0.06      /* that we take ourselves for looks at all tasks */
#define CPU_SHARE_ASKED 0.7 /* the same where a rate is asked for */
#define FAILURES_MAX 100    /* in a row */
#define PROGRESS_S 0.2
#define PYTHON_WAIT_S 0.01 /* between looks whether the child is a Python yet */

struct error *record_stop_open(struct record_stop *ret) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGHUP);
    sigaddset(&wanted, SIGUSR1);
    sigaddset(&wanted, SIGUSR2);
    sigaddset(&wanted, SIGCHLD);
    *ret = (struct record_stop){.signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
    sigprocmask(SIG_BLOCK, &wanted, &ret->before);
    return ret->signals < 0 ? error_create_os(errno, "waiting for signals") : NULL;
}

/* Signals end a recording; with a child they are for it, and its end ends the recording. */
static bool take_signals(struct record_stop *stop) {
    struct signalfd_siginfo info;
    bool stops = false;
    if (stop->child) {
        record_child_pass(stop->child, stop->signals);
        return record_child_has_ended(stop->child);
    }
    while (read(stop->signals, &info, sizeof info) == (ssize_t)sizeof info)
        stops |= info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP;
    return stops;
}

bool record_stop_wait(struct record_stop *stop, double seconds) {
    struct pollfd file = {.fd = stop->signals, .events = POLLIN};
    double until = clock_monotonic() + seconds;
    for (;;) {
        double left = until - clock_monotonic();
        if (left < 0)
            left = 0;
        struct timespec timeout = {(time_t)left, (long)((left - floor(left)) * 1e9)};
        if (ppoll(&file, 1, &timeout, NULL) > 0 && take_signals(stop))
            return true;
        if (clock_monotonic() >= until)
            return false;
    }
}

/* --- the course of a recording --- */

struct course {
    const struct record_options *options;
    struct sampler *sampler;
    struct recording_writer *writer;
    struct filtered_samples *filtered;
    struct recording_end end;
    uint64_t failures; /* in a row */
    uint64_t torn;
    struct pace pace;
    double free_at; /* time of the sampler: no sample before that */
    double told;
};

static void show_progress(struct course *course) {
    double now = sampler_get_time(course->sampler);
    if (course->options->quiet || !isatty(STDERR_FILENO) || now < course->told + PROGRESS_S)
        return;
    course->told = now;
    fprintf(stderr,
            "\rasyncspy: %.0f s, %" PRIu64 " samples, %" PRIu64 " errors, %.1f MB; %s\033[K", now,
            course->end.samples, course->end.failed,
            (double)recording_get_size(course->writer) / 1e6,
            course->options->command ? "until it ends" : "Ctrl-C ends it");
}

static void hide_progress(const struct course *course) {
    if (course->told > 0)
        fputs("\r\033[K", stderr);
}

static void count(struct course *course, const struct recording_sample *sample) {
    course->failures = 0;
    course->end.samples++;
    course->end.pause_s += sample->pause_s;
    course->end.late_s += sample->late_s;
    if (sample->pause_s > course->end.longest_pause_s)
        course->end.longest_pause_s = sample->pause_s;
    /* So much later that the process is not stopped for more than its share. */
    course->free_at =
        sampler_get_time(course->sampler) + sample->pause_s * (1 - STOPPED_SHARE) / STOPPED_SHARE;
}

static const char *explain_end(const struct error *err) {
    return error_get_kind(err) == ERROR_GONE ? "it ended" : "an error";
}

/* An error of one sample is counted, unless it means the end. */
static struct error *forgive(struct course *course, struct error *err) {
    course->end.failed++;
    bool is_end = error_is_fatal(err) || ++course->failures > FAILURES_MAX;
    if (is_end)
        return err;
    error_destroy(err);
    return NULL;
}

static struct error *take(struct course *course, double late_s, bool *ret_full) {
    const struct recording_sample *sample;
    struct recording_sample stamped;
    uint64_t epoch;
    *ret_full = false;
    struct error *err = sampler_take(course->sampler, &sample, &epoch);
    if (err)
        return forgive(course, err);
    stamped = *sample;
    stamped.late_s = late_s;
    count(course, &stamped);
    err = recording_write_sample(course->writer, epoch,
                                 filtered_sample(course->filtered, epoch, &stamped));
    *ret_full = err != NULL;
    return err;
}

static struct error *sample(struct course *course, struct record_stop *stop, bool *ret_full) {
    struct error *err = NULL;
    *ret_full = false;
    course->end.reason = "interrupted";
    for (;;) {
        double now = sampler_get_time(course->sampler);
        if (now >= course->options->duration_s) {
            course->end.reason = "the time was over";
            return NULL;
        }
        double at = fmax(course->pace.due, course->free_at);
        if (at > course->options->duration_s)
            at = course->options->duration_s;
        if (record_stop_wait(stop, at - now)) {
            if (stop->child)
                course->end.reason = "it ended";
            return NULL;
        }
        now = sampler_get_time(course->sampler);
        if (now >= course->options->duration_s)
            continue;
        double late = pace_step(&course->pace, now, 1 / course->options->rate);
        err = take(course, late, ret_full);
        if (err)
            return err;
        show_progress(course);
    }
}

/* The end of the process is no error, if there was a sample before. */
static struct error *finish(struct course *course, struct error *err, bool is_full) {
    if (err)
        course->end.reason = is_full ? "the disk was full" : explain_end(err);
    course->end.time_s = sampler_get_time(course->sampler);
    if (err && error_get_kind(err) == ERROR_GONE && course->end.samples) {
        error_destroy(err);
        err = NULL;
    }
    struct error *end_error = is_full ? NULL : recording_write_end(course->writer, &course->end);
    return error_or_first(err, end_error);
}

/* A child is a Python only some time after it was started. */
static struct error *open_sampler(const struct record_options *options, pid_t pid,
                                  struct record_stop *stop, struct sampler **ret) {
    const struct sampler_options sampler_options = {
        .nonblocking = options->nonblocking,
        .rate = options->rate,
        .cpu_share = options->is_rate_given ? CPU_SHARE_ASKED : CPU_SHARE};
    for (;;) {
        struct error *err = sampler_open(pid, &sampler_options, ret);
        if (!err || !stop->child || error_get_kind(err) == ERROR_PERMISSION)
            return err;
        if (record_stop_wait(stop, PYTHON_WAIT_S))
            return error_add_context(err, "it ended before it could be recorded");
        error_destroy(err);
    }
}

struct error *record_run(const struct record_options *options, pid_t pid, int file,
                         struct record_stop *stop) {
    struct course course = {.options = options,
                            .filtered = filtered_samples_create(options->filter)};
    bool is_full = false;
    pace_begin(&course.pace);
    pace_prefer(true);
    struct error *err = open_sampler(options, pid, stop, &course.sampler);
    if (!err)
        err = recording_write_begin(file, sampler_get_info(course.sampler), &course.writer);
    if (!err) {
        err = sample(&course, stop, &is_full);
        hide_progress(&course);
        err = finish(&course, err, is_full);
    }
    pace_prefer(false);
    recording_writer_destroy(course.writer);
    filtered_samples_destroy(course.filtered);
    sampler_close(course.sampler);
    return err;
}
