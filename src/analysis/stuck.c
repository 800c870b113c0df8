/* Which nodes can never go on: all are stuck at first, then whatever something live can wake is
 * taken out, until nothing changes. */
#include <string.h>

#include "analysis.h"

struct stuck {
    struct arena *scratch;
    struct graph *graph;
    size_t *first;     /* of each node, and one more: the edges that lead to it */
    uint32_t *sources; /* of those, maybe with GRAPH_ANY */
    uint32_t *missing; /* of each node: how many of its conditions nothing live meets */
    bool *any_met;     /* of each node: a target of its GRAPH_ANY edges is live */
    uint32_t *queue;
    size_t queued;
};

static void turn_edges(struct stuck *stuck) {
    const struct graph *graph = stuck->graph;
    size_t edges = graph->first[graph->node_count];
    size_t *first = arena_alloc_array(stuck->scratch, graph->node_count + 2, sizeof *first);
    stuck->sources = arena_alloc_array(stuck->scratch, edges + 1, sizeof *stuck->sources);
    for (size_t i = 0; i < edges; i++)
        first[(graph->targets[i] & ~GRAPH_ANY) + 2]++;
    for (size_t i = 2; i < graph->node_count + 2; i++)
        first[i] += first[i - 1];
    for (uint32_t node = 0; node < graph->node_count; node++)
        for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++) {
            uint32_t target = graph->targets[i] & ~GRAPH_ANY;
            stuck->sources[first[target + 1]++] = node | (graph->targets[i] & GRAPH_ANY);
        }
    stuck->first = first;
}

static void set_live(struct stuck *stuck, uint32_t node) {
    stuck->graph->stuck[node] = false;
    stuck->queue[stuck->queued++] = node;
}

/* All GRAPH_ANY edges of a node together are one condition. */
static void count_conditions(struct stuck *stuck, uint32_t node) {
    const struct graph *graph = stuck->graph;
    bool any = false;
    for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++)
        if (graph->targets[i] & GRAPH_ANY)
            any = true;
        else
            stuck->missing[node]++;
    stuck->missing[node] += any;
    graph->stuck[node] = true;
    if (!stuck->missing[node])
        set_live(stuck, node);
}

static void meet(struct stuck *stuck, uint32_t edge) {
    uint32_t node = edge & ~GRAPH_ANY;
    if (edge & GRAPH_ANY) {
        if (stuck->any_met[node])
            return;
        stuck->any_met[node] = true;
    }
    if (--stuck->missing[node] == 0)
        set_live(stuck, node);
}

void graph_find_stuck(struct analysis *analysis) {
    struct arena *scratch = arena_create();
    struct graph *graph = &analysis->graph;
    struct stuck stuck = {
        .scratch = scratch,
        .graph = graph,
        .missing = arena_alloc_array(scratch, graph->node_count, sizeof *stuck.missing),
        .any_met = arena_alloc_array(scratch, graph->node_count, sizeof *stuck.any_met),
        .queue = arena_alloc_array(scratch, graph->node_count + 1, sizeof *stuck.queue),
    };
    graph->stuck = arena_alloc_array(analysis->scratch, graph->node_count, sizeof *graph->stuck);
    turn_edges(&stuck);
    for (uint32_t node = 0; node < graph->node_count; node++)
        count_conditions(&stuck, node);
    while (stuck.queued) {
        uint32_t node = stuck.queue[--stuck.queued];
        for (size_t i = stuck.first[node]; i < stuck.first[node + 1]; i++)
            meet(&stuck, stuck.sources[i]);
    }
    arena_destroy(scratch);
}
