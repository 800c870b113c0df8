/*
 * What the parts of the analysis share: a snapshot with indexes over it, and what the earlier parts
 * found. It lives in a scratch arena that dies when the analysis ends. Private to analysis.
 */
#pragma once

#include "asyncspy/analysis/analyze.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/snapshot/task_index.h"
#include "graph.h"

struct analysis {
    struct snapshot *snapshot;
    struct analysis_options options;
    struct arena *scratch;
    const struct task_index *tasks;
    const struct id_table *objects, *threads, *loops, *sockets;
    const bool *accepted;         /* of each socket: a listening one of this process made it */
    const bool *own_sockets;      /* of each socket: this process has the other end too */
    const uint32_t *task_sockets; /* of each task: the place of the socket that it waits for */
    const char **object_words;    /* of each object, made when first asked for */
    size_t *waiter_ends;          /* of each object: where its part of `waiters` ends */
    uint32_t *waiters;            /* places of the tasks that wait, by object */
    struct graph graph;
    bool *loop_halted;               /* of each loop: a finding says that it runs nothing */
    bool *pools;                     /* of each object: a queue of things that are lent */
    bool *flows;                     /* of each object that tasks wait for: its holders go on */
    bool *explained;                 /* of each task: a finding says why it waits */
    struct stack_facts *stack_facts; /* idle.c: of the stacks looked at last */
};

void analysis_open(struct analysis *analysis, struct snapshot *snapshot,
                   const struct analysis_options *options);
void analysis_close(struct analysis *analysis);

/* NULL: the snapshot has none of that id. */
struct snapshot_task *find_task(const struct analysis *analysis, snapshot_id id);
const struct snapshot_object *find_object(const struct analysis *analysis, snapshot_id id);
const struct snapshot_thread *find_thread(const struct analysis *analysis, int64_t tid);
const struct snapshot_loop *find_loop(const struct analysis *analysis, snapshot_id id);
const struct snapshot_socket *find_socket(const struct analysis *analysis, int64_t fd);

/* Of the socket that the wait is about; NULL where it is about none. */
const struct snapshot_socket *find_wait_socket(const struct analysis *analysis,
                                               const struct snapshot_wait *wait);

/* The same of a task, without a search. */
const struct snapshot_socket *find_task_socket(const struct analysis *analysis,
                                               const struct snapshot_task *task);

static inline size_t task_place(const struct analysis *analysis, const struct snapshot_task *task) {
    return (size_t)(task - analysis->snapshot->tasks.items);
}

/* The places of the tasks that say they wait for an object. */
const uint32_t *get_waiters(const struct analysis *analysis, const struct snapshot_object *object,
                            size_t *ret_count);

/* A fact of an object, SNAPSHOT_UNKNOWN where it is not known. */
int64_t get_fact(const struct snapshot_object *object, const char *key);

/* True for running, ready, waiting ones, ...: not for those that have ended. */
bool task_is_alive(const struct snapshot_task *task);

/* The connection was accepted by a listening socket of this process: the peer is a client. */
bool socket_is_accepted(const struct analysis *analysis, const struct snapshot_socket *socket);
/* A connection of this process to itself. */
bool socket_is_own(const struct analysis *analysis, const struct snapshot_socket *socket);

/* True of the kinds whose fd is a socket that the task reads from, or writes to. */
bool wait_is_read(const struct snapshot_wait *wait);
bool wait_is_write(const struct snapshot_wait *wait);

/* True when the loop's thread runs nothing, or a finding says so. */
bool task_is_halted(const struct analysis *analysis, const struct snapshot_task *task);

/* The parts, in the order in which they run. */

/* A future that the protocol of a connection keeps: the task waits for bytes. Runs before anything
 * looks at the kinds of waits. */
void find_connections(struct snapshot *snapshot);
/* Which queues are pools; who holds what such a pool has lent is added to its holders. */
void find_pools(struct analysis *analysis);
void find_idle(struct analysis *analysis);   /* behind the graph */
void find_groups(struct analysis *analysis); /* behind `idle` */
void find_findings(struct analysis *analysis);
void make_verdict(struct analysis *analysis);
