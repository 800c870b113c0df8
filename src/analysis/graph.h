/*
 * The wait-for graph: tasks, threads and objects as nodes, an edge from whoever waits to what it
 * waits for, and which nodes can never go on. Private to analysis.
 *
 * A node is stuck unless something live can still wake it: the greatest set of nodes that wait only
 * for each other. Whatever is not understood counts as live, so that nothing is called stuck
 * without proof. Flat arrays and indexes; nothing recurses; linear in nodes and edges.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAPH_NONE UINT32_MAX
#define GRAPH_ANY 0x80000000U /* of an edge: one live target of these is enough to go on */

struct analysis;

/* Nodes that wait for each other in a circle: a strongly connected component. */
struct graph_component {
    const uint32_t *members; /* nodes */
    size_t count;
    size_t behind; /* how many tasks that are no members wait for it, directly or not */
};

struct graph {
    size_t task_count, thread_count, node_count; /* nodes: tasks, then threads, then objects */
    size_t *first;                               /* of each node, and one more: its edges */
    uint32_t *targets;                           /* of the edges, maybe with GRAPH_ANY */
    bool *stuck;
    uint32_t *component; /* of each node: in which circle it is, or which it waits for */
    struct graph_component *components;
    size_t component_count;
};

/* Builds it and does what the next two do. */
void graph_build(struct analysis *analysis);

/* Fills `stuck`. */
void graph_find_stuck(struct analysis *analysis);

/* Finds the circles among the stuck nodes and who waits for them: `component` and `components`. */
void graph_find_components(struct analysis *analysis);

/* The nodes of tasks are their places. */
uint32_t graph_thread_node(const struct graph *graph, size_t place);
uint32_t graph_object_node(const struct graph *graph, size_t place);

enum graph_node_kind { GRAPH_TASK, GRAPH_THREAD, GRAPH_OBJECT };

/* What a node is, and its place among those of its kind. */
enum graph_node_kind graph_get_kind(const struct graph *graph, uint32_t node, size_t *ret_place);
