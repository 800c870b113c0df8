/*
 * The parts of the text report, in the order in which they are printed. Private to render.
 */
#pragma once

#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/task_index.h"
#include "page.h"

struct report {
    const struct snapshot *snapshot;
    const struct text_options *options;
    const struct task_index *index;
    struct page page;
};

/* The target, how it was read, and one line each for loops, tasks and threads. */
void report_header(struct report *report);
void report_summary(struct report *report);

/* The running tasks, then all others: folded, or one by one. */
void report_running(struct report *report);
void report_groups(struct report *report);
void report_all_tasks(struct report *report);

void report_threads(struct report *report);
void report_missing(struct report *report);

/* Starts a section: an empty line, and its title. */
void report_title(struct report *report, const char *title);

/* The name of a task, or its id in hex where it has none. In the scratch arena. */
const char *report_task_label(struct report *report, const struct snapshot_task *task);

/* "tid 4242 MainThread"; in the scratch arena. */
const char *report_thread_label(struct report *report, int64_t tid);

/* "asleep in epoll_wait"; "" where nothing is known. In the scratch arena. */
const char *report_thread_state(struct report *report, const struct snapshot_thread *thread);

/* The thread of a tid, or NULL. */
const struct snapshot_thread *report_find_thread(struct report *report, int64_t tid);

/* "waiting", "not started", ... for people. */
const char *report_state_name(enum snapshot_task_state state);
