/* The circles among the stuck nodes, by Tarjan's algorithm with a stack of its own, and which of
 * them everybody else who is stuck waits for. */
#include <string.h>

#include "analysis.h"

struct search {
    struct graph *graph;
    uint32_t *number, *low; /* of each node: when it was entered (0: not yet), and Tarjan's low */
    size_t *next;           /* of each node: the edge to look at next */
    uint32_t *path;         /* the nodes that are being looked at, outermost first */
    size_t path_count;
    uint32_t *open; /* entered, and not yet in a component */
    size_t open_count;
    bool *is_open;
    uint32_t entered;
    uint32_t *closed; /* all nodes in the order in which their components were found */
    size_t closed_count;
};

static void enter(struct search *search, uint32_t node) {
    search->number[node] = search->low[node] = ++search->entered;
    search->next[node] = search->graph->first[node];
    search->path[search->path_count++] = node;
    search->open[search->open_count++] = node;
    search->is_open[node] = true;
}

static bool waits_for_itself(const struct graph *graph, uint32_t node) {
    for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++)
        if ((graph->targets[i] & ~GRAPH_ANY) == node)
            return true;
    return false;
}

/* Takes the component of `node` off the open nodes. Those on a path to a circle are found behind
 * the circle: they wait for the one that an edge of theirs leads to. */
static void close_component(struct search *search, uint32_t node) {
    struct graph *graph = search->graph;
    uint32_t *members = search->closed + search->closed_count;
    size_t count = 0;
    do {
        members[count] = search->open[--search->open_count];
        search->is_open[members[count]] = false;
    } while (members[count++] != node);
    search->closed_count += count;
    if (count > 1 || waits_for_itself(graph, node)) {
        for (size_t i = 0; i < count; i++)
            graph->component[members[i]] = (uint32_t)graph->component_count;
        graph->components[graph->component_count++] =
            (struct graph_component){.members = members, .count = count};
        return;
    }
    for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++) {
        uint32_t target = graph->targets[i] & ~GRAPH_ANY;
        if (graph->stuck[target] && graph->component[node] == GRAPH_NONE)
            graph->component[node] = graph->component[target];
    }
    if (node < graph->task_count && graph->component[node] != GRAPH_NONE)
        graph->components[graph->component[node]].behind++;
}

static void leave(struct search *search, uint32_t node) {
    search->path_count--;
    if (search->low[node] == search->number[node])
        close_component(search, node);
    if (search->path_count) {
        uint32_t before = search->path[search->path_count - 1];
        if (search->low[node] < search->low[before])
            search->low[before] = search->low[node];
    }
}

/* One edge of the innermost node, or its end. */
static void step(struct search *search) {
    const struct graph *graph = search->graph;
    uint32_t node = search->path[search->path_count - 1];
    if (search->next[node] == graph->first[node + 1]) {
        leave(search, node);
        return;
    }
    uint32_t target = graph->targets[search->next[node]++] & ~GRAPH_ANY;
    if (!graph->stuck[target])
        return;
    if (!search->number[target])
        enter(search, target);
    else if (search->is_open[target] && search->number[target] < search->low[node])
        search->low[node] = search->number[target];
}

void graph_find_components(struct analysis *analysis) {
    struct arena *scratch = arena_create();
    struct graph *graph = &analysis->graph;
    size_t count = graph->node_count;
    struct search search = {
        .graph = graph,
        .number = arena_alloc_array(scratch, count, sizeof *search.number),
        .low = arena_alloc_array(scratch, count, sizeof *search.low),
        .next = arena_alloc_array(scratch, count, sizeof *search.next),
        .path = arena_alloc_array(scratch, count, sizeof *search.path),
        .open = arena_alloc_array(scratch, count, sizeof *search.open),
        .is_open = arena_alloc_array(scratch, count, sizeof *search.is_open),
        .closed = arena_alloc_array(analysis->scratch, count + 1, sizeof *search.closed),
    };
    graph->component = arena_alloc_array(analysis->scratch, count + 1, sizeof *graph->component);
    memset(graph->component, 0xFF, (count + 1) * sizeof *graph->component); /* GRAPH_NONE */
    graph->components = arena_alloc_array(analysis->scratch, count + 1, sizeof *graph->components);
    for (uint32_t node = 0; node < count; node++) {
        if (!graph->stuck[node] || search.number[node])
            continue;
        enter(&search, node);
        while (search.path_count)
            step(&search);
    }
    arena_destroy(scratch);
}
