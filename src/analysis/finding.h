/*
 * What the files that look for findings share. Each of them looks for one family; together they say
 * each cause once: who explains a task or a loop marks it, and later ones leave it alone. Private
 * to analysis.
 */
#pragma once

#include "analysis.h"

#define FINDINGS_MAX 12 /* of one family; the worst come first or the first found */

/* A connection that is silent for less than this may only be slow, and so may a program in which
 * nothing happened for less. */
#define SILENT_S 2.0

/* How likely it is, or that it is not so. */
enum suspicion { NOTHING = -1, SUSPECT = SNAPSHOT_POSSIBLE, LIKELY, CERTAIN };

/* The families, in the order in which they run: causes before their consequences. */
void find_loop_findings(struct analysis *analysis);
void find_deadlocks(struct analysis *analysis);
void find_pool_findings(struct analysis *analysis);
void find_executor_findings(struct analysis *analysis);
void find_shutdown_findings(struct analysis *analysis);
void find_socket_findings(struct analysis *analysis);
void find_queue_findings(struct analysis *analysis);
void find_task_findings(struct analysis *analysis);

/* A finding to be filled; valid until the next is added. `summary` lives on. */
struct snapshot_finding *finding_add(struct analysis *analysis, enum snapshot_finding_code code,
                                     enum suspicion suspicion, const char *summary);
void finding_add_task(struct analysis *analysis, struct snapshot_finding *finding,
                      const struct snapshot_task *task);
void finding_add_thread(struct analysis *analysis, struct snapshot_finding *finding, int64_t tid);
void finding_add_object(struct analysis *analysis, struct snapshot_finding *finding,
                        const struct snapshot_object *object);
void finding_prove(struct analysis *analysis, struct snapshot_finding *finding, const char *text);
void finding_add_cost(struct analysis *analysis, struct snapshot_finding *finding,
                      const char *text);

/* Text in the snapshot's arena. */
#define TEXT(analysis_, ...) arena_format((analysis_)->snapshot->arena, __VA_ARGS__)

static inline enum suspicion least(enum suspicion a, enum suspicion b) {
    return a < b ? a : b;
}

/* The circle is one loop's thread and tasks of that loop: its place; SIZE_MAX: it is another. */
size_t component_find_loop(const struct analysis *analysis,
                           const struct graph_component *component);

/* True when a node waits, directly or not, in a circle. */
bool node_is_stuck(const struct analysis *analysis, uint32_t node);
bool object_is_stuck(const struct analysis *analysis, const struct snapshot_object *object);

/* Who else might act if everybody who waits for `object` is set aside, and whoever waits for
 * them: other tasks that are not idle, idle ones, timers and ready callbacks. */
struct bystanders {
    size_t active, idle;
};
struct bystanders count_bystanders(struct analysis *analysis, const struct snapshot_object *object);

/* True when the task will go on soon by itself: it runs, or a timer that is due soon ends its wait,
 * or a thread of an executor works for it. */
bool task_goes_on(const struct snapshot_task *task);

/* True of a semaphore whose every token is taken by a task that waits for a thread, as anyio's
 * limiters of threads are: what is full there is an executor. */
bool object_limits_threads(const struct analysis *analysis, const struct snapshot_object *object);

/* True when no loop ran between two looks, and none that says so since less than SILENT_S. */
bool process_stands_still(const struct analysis *analysis);
