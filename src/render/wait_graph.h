/*
 * Who waits for what, as a graph: tasks, objects, sockets, threads and whatever else is waited for.
 * Private to render.
 *
 * An edge goes from what is waited for (the blocker) to who waits (the waiter). What an object's
 * waiters really wait for are its holders: the object is itself a waiter of them.
 */
#pragma once

#include "asyncspy/snapshot/task_index.h"
#include "label.h"

enum wait_node_kind {
    WAIT_NODE_TASK,
    WAIT_NODE_OBJECT,
    WAIT_NODE_THREAD,
    WAIT_NODE_SOCKET,  /* one end of a connection, whatever the number of sockets */
    WAIT_NODE_PROCESS, /* a child */
    WAIT_NODE_FUTURE,  /* of unknown owner */
    WAIT_NODE_OTHER,   /* timers and the like: all waits of one kind */
};

struct wait_node {
    enum wait_node_kind kind;
    const struct snapshot_task *task;
    const struct snapshot_object *object;
    int64_t number;                   /* of a thread, a file, a process; or SNAPSHOT_UNKNOWN */
    const struct snapshot_wait *wait; /* the first wait for it, where it is none of the above */
    const size_t *waiters, *blockers; /* places of nodes */
    size_t waiter_count, blocker_count;
    uint64_t look;   /* what it is called when it is folded with others: its state and place */
    uint64_t shape;  /* equal where nodes look alike, and all that wait for them do too */
    uint64_t weight; /* how many wait for it, directly or not; some may count twice */
    bool in_cycle;   /* or upstream of one: it has no shape but its own */
};

struct wait_graph {
    struct wait_node *nodes;
    size_t count;
};

/* In `arena`. O(n log n) at worst in tasks and edges. */
struct wait_graph *wait_graph_create(struct arena *arena, const struct report *report);

/* The nodes from which every other is reached that somebody waits for or that waits: those that
 * wait for nothing, the heaviest first and those of equal shape together, behind one node of each
 * cycle that is reached from none of them. Gives how many; `ret` has room for all nodes. */
size_t wait_graph_find_roots(const struct wait_graph *graph, struct arena *arena, size_t *ret);
