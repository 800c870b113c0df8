#include "wait_graph.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"

#define WEIGHT_MAX ((uint64_t)1 << 40) /* where ways meet again, waiters count twice */

struct edge {
    size_t blocker, waiter;
};

struct builder {
    struct arena *arena;
    const struct report *report;
    struct table *table; /* from the key of a node that is no task to it */
    struct wait_node *nodes;
    size_t count, capacity;
    struct edge *edges;
    size_t edge_count, edge_capacity;
};

static uint64_t mix(uint64_t value) {
    value ^= value >> 31;
    value *= 0x7FB5D329728EA185U;
    value ^= value >> 27;
    value *= 0x81DADEF4BC2DD44DU;
    return value ^ value >> 33;
}

static size_t append_node(struct builder *builder, struct wait_node node) {
    builder->nodes = snapshot_vector_grow(builder->arena, builder->nodes, &builder->count,
                                          &builder->capacity, sizeof *builder->nodes);
    builder->nodes[builder->count - 1] = node;
    return builder->count - 1;
}

/* The node of a key, which must stay where it is; made where there is none yet. */
static size_t find_node(struct builder *builder, const char *key, const struct wait_node *node) {
    size_t *place = table_find(builder->table, key, strlen(key));
    if (!place) {
        place = arena_alloc(builder->arena, sizeof *place);
        *place = append_node(builder, *node);
        table_add(builder->table, key, strlen(key), place);
    }
    return *place;
}

static void add_edge(struct builder *builder, size_t blocker, size_t waiter) {
    builder->edges = snapshot_vector_grow(builder->arena, builder->edges, &builder->edge_count,
                                          &builder->edge_capacity, sizeof *builder->edges);
    builder->edges[builder->edge_count - 1] = (struct edge){blocker, waiter};
}

/* Objects look alike when they are of one kind and in the same state. */
static uint64_t look_at(const struct snapshot_object *object) {
    uint64_t look = mix(1000 + (uint64_t)object->kind);
    for (size_t i = 0; i < object->fact_count; i++)
        look = mix(look + (uint64_t)object->facts[i].value + i);
    return look;
}

static size_t find_object_node(struct builder *builder, const struct snapshot_object *object) {
    struct wait_node node = {.kind = WAIT_NODE_OBJECT,
                             .object = object,
                             .number = SNAPSHOT_UNKNOWN,
                             .look = look_at(object)};
    return find_node(builder, arena_format(builder->arena, "o%" PRIx64, object->id), &node);
}

static size_t find_numbered_node(struct builder *builder, enum wait_node_kind kind,
                                 const struct snapshot_wait *wait, int64_t number) {
    struct wait_node node = {
        .kind = kind, .wait = wait, .number = number, .look = mix(2000 + (uint64_t)kind)};
    return find_node(builder, arena_format(builder->arena, "%d.%" PRId64, (int)kind, number),
                     &node);
}

/* Sockets of the same peer are one node. */
static size_t find_socket_node(struct builder *builder, const struct snapshot_wait *wait) {
    struct wait_node node = {
        .kind = WAIT_NODE_SOCKET, .wait = wait, .number = wait->fd, .look = mix(3000)};
    const struct snapshot_socket *socket = label_find_socket(builder->report, wait->fd);
    if (!socket || !socket->peer)
        return find_numbered_node(builder, WAIT_NODE_SOCKET, wait, wait->fd);
    return find_node(builder, arena_format(builder->arena, "s%s", socket->peer), &node);
}

/* What a wait is for when that is no task and no object. */
static size_t find_other_node(struct builder *builder, const struct snapshot_wait *wait) {
    struct wait_node node = {.kind = WAIT_NODE_OTHER,
                             .wait = wait,
                             .number = SNAPSHOT_UNKNOWN,
                             .look = mix(4000 + (uint64_t)wait->kind)};
    if (wait->tid != SNAPSHOT_UNKNOWN)
        return find_numbered_node(builder, WAIT_NODE_THREAD, wait, wait->tid);
    if (wait->pid != SNAPSHOT_UNKNOWN)
        return find_numbered_node(builder, WAIT_NODE_PROCESS, wait, wait->pid);
    if (wait->fd != SNAPSHOT_UNKNOWN)
        return find_socket_node(builder, wait);
    if (wait->kind != SNAPSHOT_WAIT_FUTURE && wait->kind != SNAPSHOT_WAIT_UNKNOWN)
        return find_node(builder, snapshot_wait_kind_name(wait->kind), &node);
    node.kind = WAIT_NODE_FUTURE;
    return find_node(builder, arena_format(builder->arena, "f%" PRIx64, wait->id), &node);
}

static void add_wait(struct builder *builder, size_t waiter, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = label_find_object(builder->report, wait->object);
    size_t before = builder->edge_count;
    if (object && object->kind != SNAPSHOT_OBJECT_TASK_GROUP && wait->tid == SNAPSHOT_UNKNOWN) {
        add_edge(builder, find_object_node(builder, object), waiter);
        return;
    }
    for (size_t i = 0; i < wait->task_count; i++) {
        size_t place = task_index_find(builder->report->index, wait->tasks[i]);
        if (place != TASK_INDEX_NONE)
            add_edge(builder, place, waiter);
    }
    if (builder->edge_count == before)
        add_edge(builder, find_other_node(builder, wait), waiter);
    if (object && object->kind == SNAPSHOT_OBJECT_EXECUTOR && wait->tid != SNAPSHOT_UNKNOWN)
        add_edge(builder, find_other_node(builder, wait), find_object_node(builder, object));
}

/* From the loops that a task blocks to that task. */
static const struct id_table *find_blocking_tasks(struct builder *builder) {
    const struct snapshot *snapshot = builder->report->snapshot;
    struct id_table *blocking = id_table_create(builder->arena, 0);
    for (size_t i = 0; i < snapshot->event_loops.count; i++) {
        const struct snapshot_loop *loop = &snapshot->event_loops.items[i];
        const struct snapshot_thread *thread = loop->state == SNAPSHOT_LOOP_BLOCKED
                                                   ? label_find_thread(builder->report, loop->tid)
                                                   : NULL;
        const struct snapshot_task *task =
            thread ? label_find_task(builder->report, thread->current_task) : NULL;
        if (task)
            id_table_add(blocking, loop->id, (void *)(uintptr_t)task);
    }
    return blocking;
}

/* Who would run waits for what blocks its loop. */
static void add_turns(struct builder *builder) {
    const struct snapshot *snapshot = builder->report->snapshot;
    const struct id_table *blocking = find_blocking_tasks(builder);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        bool ready = task->state == SNAPSHOT_TASK_READY || task->state == SNAPSHOT_TASK_NOT_STARTED;
        const struct snapshot_task *first =
            ready ? id_table_find(blocking, task->event_loop) : NULL;
        if (first)
            add_edge(builder, (size_t)(first - snapshot->tasks.items), i);
    }
}

static void add_holders(struct builder *builder, size_t node,
                        const struct snapshot_object *object) {
    for (size_t i = 0; i < object->holder_count; i++) {
        const struct snapshot_holder *holder = &object->holders[i];
        size_t place =
            holder->task ? task_index_find(builder->report->index, holder->task) : TASK_INDEX_NONE;
        if (place == TASK_INDEX_NONE && holder->tid != SNAPSHOT_UNKNOWN)
            place = find_numbered_node(builder, WAIT_NODE_THREAD, NULL, holder->tid);
        if (place != TASK_INDEX_NONE)
            add_edge(builder, place, node);
    }
}

/* What the tasks and the threads wait for; then, of the objects among that, their holders. */
static void add_edges(struct builder *builder) {
    const struct snapshot *snapshot = builder->report->snapshot;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (task->state == SNAPSHOT_TASK_WAITING && task->awaiting)
            add_wait(builder, i, task->awaiting);
    }
    add_turns(builder);
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads.items[i];
        if (thread->awaiting && thread->tid != SNAPSHOT_UNKNOWN)
            add_wait(builder, find_numbered_node(builder, WAIT_NODE_THREAD, NULL, thread->tid),
                     thread->awaiting);
    }
    for (size_t i = snapshot->tasks.count; i < builder->count; i++)
        if (builder->nodes[i].object)
            add_holders(builder, i, builder->nodes[i].object);
}

static void add_tasks(struct builder *builder) {
    const struct snapshot *snapshot = builder->report->snapshot;
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        append_node(builder, (struct wait_node){.kind = WAIT_NODE_TASK,
                                                .task = &snapshot->tasks.items[i],
                                                .number = SNAPSHOT_UNKNOWN});
    for (size_t i = 0; builder->nodes && i < snapshot->groups.count; i++)
        for (size_t j = 0; j < snapshot->groups.items[i].task_count; j++)
            builder->nodes[snapshot->groups.items[i].tasks[j]].look = mix(5000 + i);
}

/* Hands every node its neighbours: one array for all of them, cut into pieces. */
static void link_nodes(struct builder *builder) {
    size_t *waiters = arena_alloc_array(builder->arena, builder->edge_count, sizeof *waiters);
    size_t *blockers = arena_alloc_array(builder->arena, builder->edge_count, sizeof *blockers);
    size_t *ends = arena_alloc_array(builder->arena, builder->count, 2 * sizeof *ends);
    size_t waiters_used = 0, blockers_used = 0;
    for (size_t i = 0; i < builder->edge_count; i++) {
        builder->nodes[builder->edges[i].blocker].waiter_count++;
        builder->nodes[builder->edges[i].waiter].blocker_count++;
    }
    for (size_t i = 0; i < builder->count; i++) {
        struct wait_node *node = &builder->nodes[i];
        node->waiters = waiters + waiters_used;
        node->blockers = blockers + blockers_used;
        ends[2 * i] = waiters_used;
        ends[2 * i + 1] = blockers_used;
        waiters_used += node->waiter_count;
        blockers_used += node->blocker_count;
    }
    for (size_t i = 0; i < builder->edge_count; i++) {
        const struct edge *edge = &builder->edges[i];
        waiters[ends[2 * edge->blocker]++] = edge->waiter;
        blockers[ends[2 * edge->waiter + 1]++] = edge->blocker;
    }
}

static void set_shape(struct wait_graph *graph, struct wait_node *node) {
    node->shape = mix(node->look + 1);
    for (size_t i = 0; i < node->waiter_count; i++) {
        const struct wait_node *waiter = &graph->nodes[node->waiters[i]];
        node->shape += mix(waiter->shape ^ 0x9E3779B97F4A7C15U);
        node->weight += waiter->weight + 1;
    }
    node->weight = node->weight < WEIGHT_MAX ? node->weight : WEIGHT_MAX;
    node->shape = mix(node->shape);
}

/* Gives the nodes their shapes, from those that nobody waits for upwards. Whatever is left then has
 * a cycle behind it: each of these looks like no other. */
static void set_shapes(struct wait_graph *graph, struct arena *arena) {
    size_t *left = arena_alloc_array(arena, graph->count, sizeof *left);
    size_t *queue = arena_alloc_array(arena, graph->count, sizeof *queue);
    size_t queued = 0;
    for (size_t i = 0; i < graph->count; i++) {
        left[i] = graph->nodes[i].waiter_count;
        if (!left[i])
            queue[queued++] = i;
    }
    for (size_t i = 0; i < queued; i++) {
        struct wait_node *node = &graph->nodes[queue[i]];
        set_shape(graph, node);
        for (size_t j = 0; j < node->blocker_count; j++)
            if (--left[node->blockers[j]] == 0)
                queue[queued++] = node->blockers[j];
    }
    for (size_t i = 0; i < graph->count; i++)
        if (left[i]) {
            graph->nodes[i].in_cycle = true;
            graph->nodes[i].shape = mix(i + 1) | 1;
        }
}

struct wait_graph *wait_graph_create(struct arena *arena, const struct report *report) {
    struct builder builder = {.arena = arena, .report = report, .table = table_create()};
    add_tasks(&builder);
    add_edges(&builder);
    link_nodes(&builder);
    table_destroy(builder.table);
    struct wait_graph *graph = arena_alloc(arena, sizeof *graph);
    *graph = (struct wait_graph){.nodes = builder.nodes, .count = builder.count};
    set_shapes(graph, arena);
    return graph;
}
