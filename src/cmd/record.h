/* Recording a process. Private to cmd. */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "asyncspy/snapshot/recording.h"
#include "report.h"

struct record_options {
    int pid;
    char **command; /* to be started and recorded, NULL: there is a pid */
    const char *output;
    const char *format_name;
    const struct output_format *format;
    int mode;
    struct sample_filter *filter;
    double rate, duration_s; /* INFINITY: until it is stopped */
    bool is_rate_given, nonblocking, keeps_raw, force, quiet;
};

/* --- record_child.c: a program that is started to be recorded --- */

struct record_child;

/* Starts `command`; `mask`: the signals that were blocked before asyncspy blocked some. */
struct error *record_child_start(char **command, const sigset_t *mask,
                                 struct record_child **ret) ERROR_CHECK;
pid_t record_child_get_pid(const struct record_child *child);

/* Whether it has ended. */
bool record_child_has_ended(struct record_child *child);

/* Waits until it ends, passing signals on. Returns the exit status that stands for it: its own, or
 * 128 + the number of the signal that ended it. */
int record_child_wait(struct record_child *child, int signals);

/* Passes on a signal that was sent to asyncspy alone; Ctrl-C reaches both. */
void record_child_pass(struct record_child *child, int signals);
void record_child_destroy(struct record_child *child); /* NULL-safe; it runs on */

/* --- record_run.c --- */

/* What makes a recording end: a file of signals (signalfd(2)), or the child. */
struct record_stop {
    int signals;
    sigset_t before;            /* the mask of before */
    struct record_child *child; /* or NULL */
};

/* Blocks SIGINT, SIGTERM, SIGHUP, SIGCHLD and opens a file that tells of them. */
struct error *record_stop_open(struct record_stop *ret) ERROR_CHECK;

/* Waits `seconds` or until a signal says to stop. */
bool record_stop_wait(struct record_stop *stop, double seconds);

/* Samples `pid` into `file` until something ends that; *ret_failed: what ended it early, besides
 * the end of the process. Whatever ends it, the file is whole. */
struct error *record_run(const struct record_options *options, pid_t pid, int file,
                         struct record_stop *stop) ERROR_CHECK;
