/* Where to start reading a wait graph. */
#include <stdlib.h>

#include "wait_graph.h"

/* A pass over the graph that remembers where it was. */
struct pass {
    const struct wait_graph *graph;
    bool *reached;
    size_t *stack;
    size_t *stamps; /* of the walk upstream that was here last */
};

static void reach(struct pass *pass, size_t root) {
    size_t depth = 0;
    pass->reached[root] = true;
    pass->stack[depth++] = root;
    while (depth) {
        const struct wait_node *node = &pass->graph->nodes[pass->stack[--depth]];
        for (size_t i = 0; i < node->waiter_count; i++)
            if (!pass->reached[node->waiters[i]]) {
                pass->reached[node->waiters[i]] = true;
                pass->stack[depth++] = node->waiters[i];
            }
    }
}

/* A node of the cycle that `place` waits for, as nothing else is upstream of it. */
static size_t find_cycle(struct pass *pass, size_t place) {
    size_t stamp = place + 1;
    while (pass->stamps[place] != stamp) {
        const struct wait_node *node = &pass->graph->nodes[place];
        pass->stamps[place] = stamp;
        for (size_t i = 0; i < node->blocker_count; i++)
            if (!pass->reached[node->blockers[i]]) {
                place = node->blockers[i];
                break;
            }
    }
    return place;
}

struct weighed {
    uint64_t weight, shape;
    size_t place;
};

static int compare_weights(const void *a, const void *b) {
    const struct weighed *first = a, *second = b;
    if (first->weight != second->weight)
        return first->weight > second->weight ? -1 : 1;
    if (first->shape != second->shape)
        return first->shape < second->shape ? -1 : 1;
    return first->place < second->place ? -1 : 1;
}

static size_t find_free_roots(const struct wait_graph *graph, struct arena *arena, size_t *ret) {
    struct weighed *roots = arena_alloc_array(arena, graph->count, sizeof *roots);
    size_t count = 0;
    for (size_t i = 0; i < graph->count; i++)
        if (!graph->nodes[i].blocker_count && graph->nodes[i].waiter_count)
            roots[count++] = (struct weighed){graph->nodes[i].weight, graph->nodes[i].shape, i};
    if (count)
        qsort(roots, count, sizeof *roots, compare_weights);
    for (size_t i = 0; i < count; i++)
        ret[i] = roots[i].place;
    return count;
}

size_t wait_graph_find_roots(const struct wait_graph *graph, struct arena *arena, size_t *ret) {
    struct pass pass = {
        .graph = graph,
        .reached = arena_alloc_array(arena, graph->count, sizeof *pass.reached),
        .stack = arena_alloc_array(arena, graph->count, sizeof *pass.stack),
        .stamps = arena_alloc_array(arena, graph->count, sizeof *pass.stamps),
    };
    size_t *free_roots = arena_alloc_array(arena, graph->count, sizeof *free_roots);
    size_t free_count = find_free_roots(graph, arena, free_roots), count = 0;
    for (size_t i = 0; i < free_count; i++)
        reach(&pass, free_roots[i]);
    for (size_t i = 0; i < graph->count; i++)
        if (!pass.reached[i] && graph->nodes[i].waiter_count) {
            ret[count] = find_cycle(&pass, i);
            reach(&pass, ret[count++]);
        }
    for (size_t i = 0; i < free_count; i++)
        ret[count++] = free_roots[i];
    return count;
}
