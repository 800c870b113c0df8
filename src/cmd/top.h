/* The live screen. Private to cmd. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "asyncspy/analysis/live.h"
#include "asyncspy/base/error.h"
#include "asyncspy/render/top.h"

struct top_options {
    int pid;
    double delay_s, rate;
    double updates; /* INFINITY: until it is ended */
    bool is_batch, children, nonblocking, ascii, quiet, logs;
    const char *color;
};

/* Shows it until something ends that; *ret_status: the exit status, where there is no error. */
struct error *top_run(const struct top_options *options, int *ret_status) ERROR_CHECK;

/* --- top_session.c: a process that is watched --- */

struct top_session;

struct error *top_session_open(pid_t pid, const struct top_options *options,
                               struct top_session **ret) ERROR_CHECK;
void top_session_close(struct top_session *session); /* NULL-safe */

pid_t top_session_get_pid(const struct top_session *session);

/* From now on so many samples a second, and new numbers every `interval_s`. Pictures take no more
 * than `part` (1: all) of the time that there is for those of one process. */
void top_session_set_pace(struct top_session *session, double rate, double interval_s, double part);

/* While it is frozen samples are taken, but what is shown stays; then it is renewed at once. */
void top_session_freeze(struct top_session *session, bool is_frozen);

/* Seconds until there is something to do, 0 or less: now; INFINITY once it has ended. */
double top_session_get_wait(const struct top_session *session);

/* Does one thing of what is due. True: there are new numbers. */
bool top_session_work(struct top_session *session);

/* Never NULL. Lives until the next top_session_work. */
const struct live *top_session_get_live(const struct top_session *session);

/* Why it ended, and when (`ret_when` may be NULL); NULL: it has not. */
const struct error *top_session_get_end(const struct top_session *session, time_t *ret_when);

/* Why there is no newer picture, or NULL. */
const struct error *top_session_get_trouble(const struct top_session *session);

/* --- top_children.c: a process and its descendants --- */

struct top_children;

struct error *top_children_open(const struct top_options *options,
                                struct top_children **ret) ERROR_CHECK;
void top_children_close(struct top_children *children); /* NULL-safe */

/* Which one is looked at; NULL: the list of them. The others have less of our time. */
void top_children_look_at(struct top_children *children, const struct top_session *session);
void top_children_freeze(struct top_children *children, bool is_frozen);

double top_children_get_wait(const struct top_children *children);

/* Does one thing of what is due. Returns the session that has new numbers, or NULL. */
struct top_session *top_children_work(struct top_children *children);

/* The rows; they live until the next top_children_work. */
const struct top_process *top_children_get_rows(struct top_children *children, size_t *ret_count);

/* The session of process `pid`; NULL: it is not watched. */
struct top_session *top_children_find(struct top_children *children, int64_t pid);

/* Whether the first process has ended, and all that were watched. */
bool top_children_are_over(const struct top_children *children);

/* --- top_dump.c --- */

#define TOP_DUMP_NAME_MAX 64

/* Writes the picture as JSON into a new file of the current folder; `name` becomes its name. */
struct error *top_dump_write(const struct snapshot *snapshot,
                             char name[TOP_DUMP_NAME_MAX]) ERROR_CHECK;
