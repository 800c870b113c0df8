/*
 * The parts of the text report, in the order in which they are printed. Private to render.
 */
#pragma once

#include "asyncspy/base/id_table.h"
#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/task_index.h"
#include "page.h"

struct report {
    const struct snapshot *snapshot;
    const struct text_options *options;
    const struct task_index *index;
    const struct label_index *labels;
    struct page page;
    const struct id_table *pools; /* that tasks took something from (report_holds.h) */
    bool *spliced;                /* of each thread: its stack stands with that of a task */
};

/* The target and how it was read; what was found; one line each for loops, tasks and threads, and
 * for locks and sockets that the findings did not tell of. */
void report_header(struct report *report);
void report_verdict(struct report *report);
void report_counts(struct report *report);
void report_locks(struct report *report);
void report_sockets(struct report *report);

/* The running tasks, then all others: folded, one by one, or who waits for whom. */
void report_running(struct report *report);
void report_groups(struct report *report);
void report_all_tasks(struct report *report);
void report_graph(struct report *report);

/* What the tasks of a group wait for; not yet escaped. */
const char *report_group_wait(struct report *report, const struct snapshot_group *group);

/* A finding in at most `lines`; `gravest`: of the first one other things matter. */
void report_finding(struct report *report, const struct snapshot_finding *finding, size_t lines,
                    bool gravest);

void report_threads(struct report *report);
void report_missing(struct report *report);

/* Starts a section: an empty line, and its title. `report_title_with` ends the line behind a hint
 * at the right edge, where there is room for it. */
void report_title(struct report *report, const char *title);
void report_title_with(struct report *report, const char *title, const char *hint);

/* Starts one of the lines of numbers: its label, how many, and the column where the rest stands. */
void report_start_count(struct report *report, const char *label, size_t count);
#define REPORT_COUNT_COLUMN 17
