/* All findings, gravest first, and the verdict. */
#include <string.h>

#include "finding.h"
#include "words.h"

#define LINES_MAX 4
#define SOON_S 10.0 /* a timer that is due in this time makes progress soon */

struct snapshot_finding *finding_add(struct analysis *analysis, enum snapshot_finding_code code,
                                     enum suspicion suspicion, const char *summary) {
    struct snapshot *snapshot = analysis->snapshot;
    struct snapshot_finding *finding = SNAPSHOT_APPEND(snapshot, &snapshot->findings);
    *finding = (struct snapshot_finding){
        .code = code,
        .confidence = (enum snapshot_confidence)suspicion,
        .summary = summary,
        .proof = arena_alloc_array(snapshot->arena, LINES_MAX, sizeof *finding->proof),
        .cost = arena_alloc_array(snapshot->arena, LINES_MAX, sizeof *finding->cost),
    };
    return finding;
}

/* Makes room for one more of `count`: whenever that is a power of two, the array doubles. */
static void *make_room(struct analysis *analysis, void *items, size_t count, size_t size) {
    if (count & (count - 1))
        return items;
    void *grown = arena_alloc_array(analysis->snapshot->arena, count ? count * 2 : 1, size);
    return count ? memcpy(grown, items, count * size) : grown;
}

void finding_add_task(struct analysis *analysis, struct snapshot_finding *finding,
                      const struct snapshot_task *task) {
    finding->tasks =
        make_room(analysis, finding->tasks, finding->task_count, sizeof *finding->tasks);
    finding->tasks[finding->task_count++] = task->id;
}

void finding_add_thread(struct analysis *analysis, struct snapshot_finding *finding, int64_t tid) {
    if (!find_thread(analysis, tid))
        return;
    finding->threads =
        make_room(analysis, finding->threads, finding->thread_count, sizeof *finding->threads);
    finding->threads[finding->thread_count++] = tid;
}

void finding_add_object(struct analysis *analysis, struct snapshot_finding *finding,
                        const struct snapshot_object *object) {
    finding->objects =
        make_room(analysis, finding->objects, finding->object_count, sizeof *finding->objects);
    finding->objects[finding->object_count++] = object->id;
}

void finding_prove(struct analysis *analysis, struct snapshot_finding *finding, const char *text) {
    (void)analysis;
    if (text && finding->proof_count < LINES_MAX)
        finding->proof[finding->proof_count++] = text;
}

void finding_add_cost(struct analysis *analysis, struct snapshot_finding *finding,
                      const char *text) {
    (void)analysis;
    if (text && finding->cost_count < LINES_MAX)
        finding->cost[finding->cost_count++] = text;
}

size_t component_find_loop(const struct analysis *analysis,
                           const struct graph_component *component) {
    const struct snapshot *snapshot = analysis->snapshot;
    const struct snapshot_loop *loop = NULL;
    for (size_t i = 0; i < component->count; i++) {
        size_t place;
        enum graph_node_kind kind = graph_get_kind(&analysis->graph, component->members[i], &place);
        if (kind == GRAPH_THREAD && loop)
            return SIZE_MAX;
        if (kind == GRAPH_THREAD) {
            loop = find_loop(analysis, snapshot->threads.items[place].event_loop);
            if (!loop)
                return SIZE_MAX;
        }
    }
    for (size_t i = 0; loop && i < component->count; i++) {
        size_t place;
        if (graph_get_kind(&analysis->graph, component->members[i], &place) == GRAPH_TASK &&
            snapshot->tasks.items[place].event_loop != loop->id)
            return SIZE_MAX;
    }
    return loop ? (size_t)(loop - snapshot->event_loops.items) : SIZE_MAX;
}

bool node_is_stuck(const struct analysis *analysis, uint32_t node) {
    return analysis->graph.stuck[node];
}

bool object_is_stuck(const struct analysis *analysis, const struct snapshot_object *object) {
    size_t place = (size_t)(object - analysis->snapshot->objects.items);
    return node_is_stuck(analysis, graph_object_node(&analysis->graph, place));
}

bool task_goes_on(const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    if (task->state != SNAPSHOT_TASK_WAITING || !wait)
        return true;
    if (wait->kind == SNAPSHOT_WAIT_SLEEP || wait->has_timeout == SNAPSHOT_YES)
        return !(wait->deadline_s > SOON_S);
    return wait->kind == SNAPSHOT_WAIT_EXECUTOR || wait->kind == SNAPSHOT_WAIT_SUBPROCESS ||
           wait->kind == SNAPSHOT_WAIT_DNS;
}

bool process_stands_still(const struct analysis *analysis) {
    size_t still = 0;
    for (size_t i = 0; i < analysis->snapshot->event_loops.count; i++) {
        const struct snapshot_loop *loop = &analysis->snapshot->event_loops.items[i];
        if (loop->state == SNAPSHOT_LOOP_CLOSED || loop->state == SNAPSHOT_LOOP_STOPPED)
            continue;
        if (loop->moved != SNAPSHOT_NO || loop->idle_s < SILENT_S) /* NaN: not known */
            return false;
        still++;
    }
    return still > 0;
}

/* Marks who awaits marked tasks and needs them. */
static void mark_awaiters(struct analysis *analysis, bool *marked, uint32_t *queue, size_t todo) {
    const struct snapshot *snapshot = analysis->snapshot;
    while (todo) {
        const struct snapshot_task *task = &snapshot->tasks.items[queue[--todo]];
        for (size_t i = 0; i < task->awaited_by_count; i++) {
            size_t place = task_index_find(analysis->tasks, task->awaited_by[i]);
            const struct snapshot_wait *wait = snapshot->tasks.items[place].awaiting;
            bool needs = wait && (wait->any_task != SNAPSHOT_YES || wait->task_count == 1) &&
                         wait->has_timeout != SNAPSHOT_YES;
            if (marked[place] || !needs)
                continue;
            marked[place] = true;
            queue[todo++] = (uint32_t)place;
        }
    }
}

struct bystanders count_bystanders(struct analysis *analysis,
                                   const struct snapshot_object *object) {
    const struct snapshot *snapshot = analysis->snapshot;
    struct arena *scratch = arena_create();
    size_t waiting, count = snapshot->tasks.count;
    bool *marked = arena_alloc_array(scratch, count, sizeof *marked);
    uint32_t *queue = arena_alloc_array(scratch, count + 1, sizeof *queue);
    const uint32_t *waiters = get_waiters(analysis, object, &waiting);
    struct bystanders result = {0};
    for (size_t i = 0; i < waiting; i++) {
        marked[waiters[i]] = true;
        queue[i] = waiters[i];
    }
    mark_awaiters(analysis, marked, queue, waiting);
    for (size_t i = 0; i < count; i++)
        if (!marked[i] && !node_is_stuck(analysis, (uint32_t)i) &&
            task_is_alive(&snapshot->tasks.items[i])) {
            if (snapshot->tasks.items[i].idle == SNAPSHOT_YES)
                result.idle++;
            else
                result.active++;
        }
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        result.active +=
            snapshot->event_loops.items[i].ready > 0 || snapshot->event_loops.items[i].timers > 0;
    arena_destroy(scratch);
    return result;
}

static bool is_worse(const struct snapshot_finding *a, const struct snapshot_finding *b) {
    if (a->confidence != b->confidence)
        return a->confidence > b->confidence;
    return a->code < b->code;
}

/* By insertion, which keeps the order of equals; there are never many. */
static void sort(struct snapshot *snapshot) {
    struct snapshot_finding *items = snapshot->findings.items;
    for (size_t i = 1; i < snapshot->findings.count; i++) {
        struct snapshot_finding moved = items[i];
        size_t at = i;
        for (; at && is_worse(&moved, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = moved;
    }
}

void find_findings(struct analysis *analysis) {
    analysis->snapshot->findings.count = 0;
    find_loop_findings(analysis);
    find_deadlocks(analysis);
    find_shutdown_findings(analysis);
    find_pool_findings(analysis);
    find_executor_findings(analysis);
    find_socket_findings(analysis);
    find_queue_findings(analysis);
    find_task_findings(analysis);
    sort(analysis->snapshot);
}
