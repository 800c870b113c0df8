#include "graph.h"

#include <string.h>

#include "analysis.h"

uint32_t graph_thread_node(const struct graph *graph, size_t place) {
    return (uint32_t)(graph->task_count + place);
}

uint32_t graph_object_node(const struct graph *graph, size_t place) {
    return (uint32_t)(graph->task_count + graph->thread_count + place);
}

enum graph_node_kind graph_get_kind(const struct graph *graph, uint32_t node, size_t *ret_place) {
    size_t threads = graph->task_count, objects = threads + graph->thread_count;
    *ret_place = node < threads ? node : node < objects ? node - threads : node - objects;
    return node < threads ? GRAPH_TASK : node < objects ? GRAPH_THREAD : GRAPH_OBJECT;
}

/* Edges are counted in one pass and stored in a second. */
struct builder {
    struct analysis *analysis;
    struct graph *graph;
    bool *timed;  /* of each task: a timeout will end its wait, or cancel it from outside */
    size_t *ends; /* of each node */
    bool storing;
};

static void add_edge(struct builder *builder, uint32_t node, uint32_t target) {
    if (builder->storing)
        builder->graph->targets[builder->ends[node]] = target;
    builder->ends[node]++;
}

/* One finished or unknown task is enough to wake who waits for any, or a future that is no task. */
static bool any_can_wake(const struct builder *builder, const struct snapshot_wait *wait) {
    int64_t done = wait->done == SNAPSHOT_UNKNOWN ? 0 : wait->done;
    if (wait->total != SNAPSHOT_UNKNOWN && wait->total - done > (int64_t)wait->task_count)
        return true;
    for (size_t i = 0; i < wait->task_count; i++) {
        const struct snapshot_task *task = find_task(builder->analysis, wait->tasks[i]);
        if (!task || !task_is_alive(task))
            return true;
    }
    return false;
}

static void add_task_edges(struct builder *builder, uint32_t node,
                           const struct snapshot_wait *wait) {
    bool any = wait->any_task == SNAPSHOT_YES ||
               (wait->kind == SNAPSHOT_WAIT_WAIT && wait->any_task != SNAPSHOT_NO);
    if (any && any_can_wake(builder, wait))
        return;
    for (size_t i = 0; i < wait->task_count; i++) {
        const struct snapshot_task *task = find_task(builder->analysis, wait->tasks[i]);
        if (task && task_is_alive(task))
            add_edge(builder, node,
                     (uint32_t)task_place(builder->analysis, task) | (any ? GRAPH_ANY : 0));
    }
}

static void add_object_edge(struct builder *builder, uint32_t node, snapshot_id id) {
    const struct snapshot_object *object = find_object(builder->analysis, id);
    if (object)
        add_edge(builder, node,
                 graph_object_node(builder->graph,
                                   (size_t)(object - builder->analysis->snapshot->objects.items)));
}

static uint32_t find_thread_node(const struct builder *builder, int64_t tid) {
    const struct snapshot_thread *thread = find_thread(builder->analysis, tid);
    if (!thread)
        return GRAPH_NONE;
    return graph_thread_node(builder->graph,
                             (size_t)(thread - builder->analysis->snapshot->threads.items));
}

static void add_thread_edge(struct builder *builder, uint32_t node, int64_t tid) {
    uint32_t target = find_thread_node(builder, tid);
    if (target != GRAPH_NONE)
        add_edge(builder, node, target);
}

/* What must happen before a wait can end; no edge: it can end by itself. */
static void add_wait_edges(struct builder *builder, uint32_t node,
                           const struct snapshot_wait *wait) {
    switch ((int)wait->kind) {
    case SNAPSHOT_WAIT_TASK:
    case SNAPSHOT_WAIT_GATHER:
    case SNAPSHOT_WAIT_WAIT:
    case SNAPSHOT_WAIT_TASK_GROUP:
    case SNAPSHOT_WAIT_SHIELD:
    case SNAPSHOT_WAIT_TIMEOUT:
        add_task_edges(builder, node, wait);
        break;
    case SNAPSHOT_WAIT_LOCK:
    case SNAPSHOT_WAIT_SEMAPHORE:
        add_object_edge(builder, node, wait->object);
        break;
    case SNAPSHOT_WAIT_EXECUTOR:
        if (wait->tid != SNAPSHOT_UNKNOWN)
            add_thread_edge(builder, node, wait->tid);
        else if (wait->position != SNAPSHOT_UNKNOWN)
            add_object_edge(builder, node, wait->object);
        break;
    case SNAPSHOT_WAIT_THREAD:
        if (wait->tid != SNAPSHOT_UNKNOWN)
            add_thread_edge(builder, node, wait->tid);
        else
            add_task_edges(builder, node, wait);
        break;
    default: /* the outside world, or anybody, can end it */
        break;
    }
}

static void visit_task(struct builder *builder, size_t place) {
    const struct snapshot_task *task = &builder->analysis->snapshot->tasks.items[place];
    const struct snapshot_loop *loop = find_loop(builder->analysis, task->event_loop);
    if (!task_is_alive(task))
        return;
    if (task->state == SNAPSHOT_TASK_WAITING && task->awaiting && !builder->timed[place])
        add_wait_edges(builder, (uint32_t)place, task->awaiting);
    const struct snapshot_thread *thread = loop ? find_thread(builder->analysis, loop->tid) : NULL;
    if (thread && thread->awaiting) /* nothing of its loop runs as long as the thread waits */
        add_thread_edge(builder, (uint32_t)place, loop->tid);
}

static void visit_thread(struct builder *builder, size_t place) {
    const struct snapshot_wait *wait = builder->analysis->snapshot->threads.items[place].awaiting;
    if (wait && wait->has_timeout != SNAPSHOT_YES)
        add_wait_edges(builder, graph_thread_node(builder->graph, place), wait);
}

static uint32_t find_holder_node(const struct builder *builder,
                                 const struct snapshot_holder *holder) {
    if (holder->confidence < SNAPSHOT_LIKELY)
        return GRAPH_NONE;
    if (!holder->task)
        return find_thread_node(builder, holder->tid);
    const struct snapshot_task *task = find_task(builder->analysis, holder->task);
    if (!task || !task_is_alive(task))
        return GRAPH_NONE;
    return (uint32_t)task_place(builder->analysis, task);
}

static bool is_free(const struct snapshot_object *object) {
    int64_t locked = get_fact(object, "locked"), value = get_fact(object, "value");
    return locked == 0 || (value != SNAPSHOT_UNKNOWN && value > 0);
}

/* Any holder can release it, if all of them are known. */
static void add_holder_edges(struct builder *builder, uint32_t node,
                             const struct snapshot_object *object) {
    if (is_free(object))
        return;
    for (size_t i = 0; i < object->holder_count; i++)
        if (find_holder_node(builder, &object->holders[i]) == GRAPH_NONE)
            return;
    for (size_t i = 0; i < object->holder_count; i++)
        add_edge(builder, node, find_holder_node(builder, &object->holders[i]) | GRAPH_ANY);
}

/* Any worker can take the next job, if all of them are known: those that tasks wait for. */
static void add_worker_edges(struct builder *builder, uint32_t node,
                             const struct snapshot_object *object) {
    size_t count, workers = 0;
    const struct snapshot_task *tasks = builder->analysis->snapshot->tasks.items;
    const uint32_t *waiters = get_waiters(builder->analysis, object, &count);
    for (size_t i = 0; i < count; i++)
        workers += find_thread_node(builder, tasks[waiters[i]].awaiting->tid) != GRAPH_NONE;
    if (!workers || (int64_t)workers != get_fact(object, "max_workers"))
        return;
    for (size_t i = 0; i < count; i++) {
        uint32_t target = find_thread_node(builder, tasks[waiters[i]].awaiting->tid);
        if (target != GRAPH_NONE)
            add_edge(builder, node, target | GRAPH_ANY);
    }
}

static void visit_object(struct builder *builder, size_t place) {
    const struct snapshot_object *object = &builder->analysis->snapshot->objects.items[place];
    uint32_t node = graph_object_node(builder->graph, place);
    switch ((int)object->kind) {
    case SNAPSHOT_OBJECT_LOCK:
    case SNAPSHOT_OBJECT_SEMAPHORE:
    case SNAPSHOT_OBJECT_THREAD_LOCK:
    case SNAPSHOT_OBJECT_OTHER:
        add_holder_edges(builder, node, object);
        break;
    case SNAPSHOT_OBJECT_EXECUTOR:
        add_worker_edges(builder, node, object);
        break;
    default: /* anybody may set an event, fill a queue, ... */
        break;
    }
}

static void visit_all(struct builder *builder) {
    const struct snapshot *snapshot = builder->analysis->snapshot;
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        visit_task(builder, i);
    for (size_t i = 0; i < snapshot->threads.count; i++)
        visit_thread(builder, i);
    for (size_t i = 0; i < snapshot->objects.count; i++)
        visit_object(builder, i);
}

/* A task that is cancelled cancels what it waits for, but through shield() and wait(). */
static bool passes_cancel(const struct snapshot_wait *wait) {
    return wait->kind == SNAPSHOT_WAIT_TASK || wait->kind == SNAPSHOT_WAIT_GATHER ||
           wait->kind == SNAPSHOT_WAIT_TASK_GROUP || wait->kind == SNAPSHOT_WAIT_TIMEOUT;
}

/* A timeout ends the wait of its task and, by cancelling, of those below. */
static bool *find_timed(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t todo = 0;
    bool *timed = arena_alloc_array(analysis->scratch, snapshot->tasks.count, sizeof *timed);
    uint32_t *queue =
        arena_alloc_array(analysis->scratch, snapshot->tasks.count + 1, sizeof *queue);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_wait *wait = snapshot->tasks.items[i].awaiting;
        timed[i] = wait && wait->has_timeout == SNAPSHOT_YES;
        if (timed[i])
            queue[todo++] = (uint32_t)i;
    }
    while (todo) {
        const struct snapshot_wait *wait = snapshot->tasks.items[queue[--todo]].awaiting;
        for (size_t i = 0; wait && passes_cancel(wait) && i < wait->task_count; i++) {
            size_t place = task_index_find(analysis->tasks, wait->tasks[i]);
            if (place != TASK_INDEX_NONE && !timed[place]) {
                timed[place] = true;
                queue[todo++] = (uint32_t)place;
            }
        }
    }
    return timed;
}

/* Counts become starts, with the whole sum behind the last; then `ends` counts up again. */
static void store_edges(struct builder *builder) {
    struct graph *graph = builder->graph;
    struct arena *scratch = builder->analysis->scratch;
    graph->first = arena_alloc_array(scratch, graph->node_count + 1, sizeof *graph->first);
    for (size_t i = 0; i < graph->node_count; i++)
        graph->first[i + 1] = graph->first[i] + builder->ends[i];
    memcpy(builder->ends, graph->first, graph->node_count * sizeof *builder->ends);
    graph->targets =
        arena_alloc_array(scratch, graph->first[graph->node_count] + 1, sizeof *graph->targets);
    builder->storing = true;
    visit_all(builder);
}

void graph_build(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    struct graph *graph = &analysis->graph;
    *graph = (struct graph){
        .task_count = snapshot->tasks.count,
        .thread_count = snapshot->threads.count,
        .node_count = snapshot->tasks.count + snapshot->threads.count + snapshot->objects.count,
    };
    struct builder builder = {
        .analysis = analysis,
        .graph = graph,
        .timed = find_timed(analysis),
        .ends = arena_alloc_array(analysis->scratch, graph->node_count + 1, sizeof *builder.ends),
    };
    visit_all(&builder);
    store_edges(&builder);
    graph_find_stuck(analysis);
    graph_find_components(analysis);
}
