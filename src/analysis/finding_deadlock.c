/*
 * DEADLOCK: tasks, or tasks and threads, that wait for each other in a circle. Whoever else waits
 * for them is its cost.
 */
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "finding.h"
#include "words.h"

#define SHOWN_MAX 6 /* nodes of a circle that is drawn */

/* A shortest circle through one node of a component. */
struct circle {
    const struct graph_component *component;
    uint32_t *nodes; /* in the order in which they wait; an object behind who waits for it */
    size_t count;
    size_t tasks, threads, objects;
    const struct snapshot_task *first_task;
};

/* The first of a component's tasks, else its first thread. */
static uint32_t choose_start(const struct graph_component *component) {
    uint32_t start = component->members[0];
    for (size_t i = 1; i < component->count; i++)
        if (component->members[i] < start)
            start = component->members[i];
    return start;
}

/* Breadth first from `start` back to it; `before` of each node is by whom it was reached. Gives
 * the node that closes the circle. */
static uint32_t search(const struct graph *graph, uint32_t start, uint32_t *before,
                       uint32_t *queue) {
    size_t taken = 0, queued = 0;
    queue[queued++] = start;
    while (taken < queued) {
        uint32_t node = queue[taken++];
        for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++) {
            uint32_t target = graph->targets[i] & ~GRAPH_ANY;
            if (target == start)
                return node;
            if (graph->component[target] != graph->component[start] || before[target] != GRAPH_NONE)
                continue;
            before[target] = node;
            queue[queued++] = target;
        }
    }
    return start; /* not reached: every component is a circle */
}

static void count_nodes(const struct analysis *analysis, struct circle *circle) {
    for (size_t i = 0; i < circle->count; i++) {
        size_t place;
        switch (graph_get_kind(&analysis->graph, circle->nodes[i], &place)) {
        case GRAPH_TASK:
            if (!circle->tasks++)
                circle->first_task = &analysis->snapshot->tasks.items[place];
            break;
        case GRAPH_THREAD:
            circle->threads++;
            break;
        case GRAPH_OBJECT:
        default:
            circle->objects++;
            break;
        }
    }
}

/* `before` is GRAPH_NONE everywhere, and again afterwards. */
static struct circle find_circle(struct analysis *analysis, const struct graph_component *component,
                                 uint32_t *before) {
    struct circle circle = {.component = component};
    uint32_t *queue = arena_alloc_array(analysis->scratch, component->count, sizeof *queue);
    uint32_t start = choose_start(component);
    uint32_t last = search(&analysis->graph, start, before, queue);
    for (uint32_t node = last; node != start; node = before[node])
        circle.count++;
    circle.count++;
    circle.nodes = arena_alloc_array(analysis->scratch, circle.count, sizeof *circle.nodes);
    for (size_t i = circle.count; i > 1; i--, last = before[last])
        circle.nodes[i - 1] = last;
    circle.nodes[0] = start;
    for (size_t i = 0; i < component->count; i++)
        before[component->members[i]] = GRAPH_NONE;
    count_nodes(analysis, &circle);
    return circle;
}

static const char *name_node(struct analysis *analysis, uint32_t node) {
    size_t place;
    switch (graph_get_kind(&analysis->graph, node, &place)) {
    case GRAPH_TASK:
        return words_task(analysis, &analysis->snapshot->tasks.items[place]);
    case GRAPH_THREAD:
        return words_thread(analysis, analysis->snapshot->threads.items[place].tid);
    case GRAPH_OBJECT:
    default:
        return words_label(&analysis->snapshot->objects.items[place]);
    }
}

static const char *draw(struct analysis *analysis, const struct circle *circle) {
    const char *text = TEXT(analysis, "circle: %s", name_node(analysis, circle->nodes[0]));
    for (size_t i = 1; i < circle->count; i++) {
        if (i == SHOWN_MAX) {
            text = TEXT(analysis, "%s -> %zu more", text, circle->count - i);
            break;
        }
        text = TEXT(analysis, "%s -> %s", text, name_node(analysis, circle->nodes[i]));
    }
    return TEXT(analysis, "%s -> %s", text, name_node(analysis, circle->nodes[0]));
}

/* Where a task opened what it holds; NULL: not known. */
static const struct snapshot_frame *find_holding_frame(const struct snapshot_task *task,
                                                       snapshot_id object) {
    for (size_t i = 0; i < task->hold_count; i++) {
        int64_t frame = task->holds[i].frame;
        if (task->holds[i].object == object && frame >= 0 && (size_t)frame < task->frames.count)
            return task->frames.frames[frame];
    }
    return NULL;
}

/* Where all tasks of the circle stand, which the finding says by itself; NULL: not in one place. */
static const struct snapshot_frame *find_common_place(const struct analysis *analysis,
                                                      const struct circle *circle) {
    const struct snapshot_frame *common = NULL;
    for (size_t i = 0; i < circle->count; i++) {
        size_t place;
        if (graph_get_kind(&analysis->graph, circle->nodes[i], &place) != GRAPH_TASK)
            continue;
        const struct snapshot_frame *user =
            stack_find_user(&analysis->snapshot->tasks.items[place].frames);
        if (!user || (common && user != common))
            return NULL;
        common = user;
    }
    return common;
}

/* "t-ab holds Lock#1 'first', waits for Lock#2 'second' in transfer  bank.py:5". */
static const char *describe_member(struct analysis *analysis, const struct circle *circle,
                                   size_t at) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t place, before;
    graph_get_kind(&analysis->graph, circle->nodes[at], &place);
    const struct snapshot_task *task = &snapshot->tasks.items[place];
    const char *text = words_task(analysis, task);
    uint32_t previous = circle->nodes[(at + circle->count - 1) % circle->count];
    const struct snapshot_frame *user = stack_find_user(&task->frames);
    if (graph_get_kind(&analysis->graph, previous, &before) == GRAPH_OBJECT) {
        const struct snapshot_object *held = &snapshot->objects.items[before];
        const struct snapshot_frame *frame = find_holding_frame(task, held->id);
        bool elsewhere = frame && frame != user;
        text = TEXT(analysis, "%s holds %s%s%s,", text, words_object(analysis, held),
                    elsewhere ? " in " : "",
                    elsewhere ? words_shorten(analysis, frame_get_name(frame), 40) : "");
    }
    const char *where =
        user == find_common_place(analysis, circle) ? NULL : words_frame(analysis, user);
    return TEXT(analysis, "%s waits for %s%s%s", text,
                name_node(analysis, circle->nodes[(at + 1) % circle->count]), where ? " in " : "",
                where ? where : "");
}

static const char *summarise(struct analysis *analysis, const struct circle *circle) {
    const char *name = name_node(analysis, circle->nodes[0]);
    const char *tasks = words_many(analysis, (int64_t)circle->tasks, "task");
    if (circle->threads && circle->tasks + circle->threads == 1)
        return TEXT(analysis, "DEADLOCK - %s waits for a lock that it holds itself", name);
    if (circle->threads)
        return TEXT(analysis, "DEADLOCK across threads - %s and %s wait for each other",
                    words_many(analysis, (int64_t)circle->threads, "thread"), tasks);
    if (circle->tasks == 1)
        return circle->objects ? TEXT(analysis, "DEADLOCK - %s waits for %s, which it holds itself",
                                      name, name_node(analysis, circle->nodes[1]))
                               : TEXT(analysis, "DEADLOCK - %s awaits itself", name);
    if (!circle->objects)
        return TEXT(analysis, "DEADLOCK - %s await each other", tasks);
    return TEXT(analysis, "DEADLOCK - %s wait for each other%s", tasks,
                circle->objects == circle->tasks ? "'s lock" : ", by locks and by await");
}

static enum suspicion judge_object(const struct snapshot_object *object) {
    enum suspicion suspicion = CERTAIN;
    for (size_t i = 0; i < object->holder_count; i++)
        suspicion = least(suspicion, (enum suspicion)object->holders[i].confidence);
    bool all_known = object->kind == SNAPSHOT_OBJECT_LOCK ||
                     object->kind == SNAPSHOT_OBJECT_THREAD_LOCK ||
                     object->kind == SNAPSHOT_OBJECT_EXECUTOR ||
                     get_fact(object, "bound") == (int64_t)object->holder_count;
    return all_known ? suspicion : least(suspicion, LIKELY);
}

static enum suspicion judge_wait(const struct snapshot_wait *wait, enum snapshot_tristate moved) {
    if (moved == SNAPSHOT_YES)
        return SUSPECT;
    return wait && wait->has_timeout == SNAPSHOT_MAYBE ? LIKELY : CERTAIN;
}

static enum suspicion judge(const struct analysis *analysis, const struct circle *circle) {
    const struct snapshot *snapshot = analysis->snapshot;
    enum suspicion suspicion = CERTAIN;
    for (size_t i = 0; i < circle->count; i++) {
        size_t place;
        enum graph_node_kind kind = graph_get_kind(&analysis->graph, circle->nodes[i], &place);
        enum suspicion here = kind == GRAPH_TASK ? judge_wait(snapshot->tasks.items[place].awaiting,
                                                              snapshot->tasks.items[place].moved)
                              : kind == GRAPH_THREAD
                                  ? judge_wait(snapshot->threads.items[place].awaiting, SNAPSHOT_NO)
                                  : judge_object(&snapshot->objects.items[place]);
        suspicion = least(suspicion, here);
    }
    return suspicion;
}

static bool is_in(const struct circle *circle, uint32_t node) {
    for (size_t i = 0; i < circle->count && i < 64; i++)
        if (circle->nodes[i] == node)
            return true;
    return false;
}

static size_t count_outside_waiters(struct analysis *analysis, const struct circle *circle,
                                    const struct snapshot_object *object) {
    size_t count, outside = 0;
    const uint32_t *waiters = get_waiters(analysis, object, &count);
    for (size_t i = 0; i < count; i++)
        outside += !is_in(circle, waiters[i]);
    return outside;
}

/* The locks of the circle behind which others queue. */
static void add_queues(struct analysis *analysis, struct snapshot_finding *finding,
                       const struct circle *circle) {
    const struct snapshot_object *worst = NULL;
    size_t most = 0;
    for (size_t i = 0; i < circle->count; i++) {
        size_t place;
        if (graph_get_kind(&analysis->graph, circle->nodes[i], &place) != GRAPH_OBJECT)
            continue;
        const struct snapshot_object *object = &analysis->snapshot->objects.items[place];
        size_t count = count_outside_waiters(analysis, circle, object);
        if (count > most) {
            most = count;
            worst = object;
        }
    }
    if (worst)
        finding_add_cost(analysis, finding,
                         TEXT(analysis, "%s %s behind %s",
                              words_many(analysis, (int64_t)most, "task"),
                              most == 1 ? "queues" : "queue", words_object(analysis, worst)));
}

/* Somebody outside who waits for the circle, and how many. */
static void add_behind(struct analysis *analysis, struct snapshot_finding *finding,
                       const struct circle *circle) {
    const struct graph *graph = &analysis->graph;
    const struct snapshot_task *tasks = analysis->snapshot->tasks.items;
    uint32_t own = graph->component[circle->nodes[0]];
    size_t behind = circle->component->behind, members = 0;
    for (size_t i = 0; i < circle->component->count; i++)
        members += circle->component->members[i] < graph->task_count;
    if (members > circle->tasks)
        behind += members - circle->tasks;
    for (uint32_t i = 0; behind == 1 && i < graph->task_count; i++)
        if (graph->component[i] == own && !is_in(circle, i)) {
            finding_add_cost(analysis, finding,
                             TEXT(analysis, "%s (%s) cannot finish",
                                  words_task(analysis, &tasks[i]),
                                  tasks[i].awaiting ? tasks[i].awaiting->text : "ready"));
            return;
        }
    if (behind)
        finding_add_cost(analysis, finding,
                         TEXT(analysis, "%s in all cannot go on because of it",
                              words_many(analysis, (int64_t)behind, "other task")));
}

static void add_members(struct analysis *analysis, struct snapshot_finding *finding,
                        const struct circle *circle) {
    const struct snapshot *snapshot = analysis->snapshot;
    for (size_t i = 0; i < circle->count; i++) {
        size_t place;
        switch (graph_get_kind(&analysis->graph, circle->nodes[i], &place)) {
        case GRAPH_TASK:
            finding_add_task(analysis, finding, &snapshot->tasks.items[place]);
            if (circle->tasks <= 2)
                finding_prove(analysis, finding, describe_member(analysis, circle, i));
            break;
        case GRAPH_THREAD:
            finding_add_thread(analysis, finding, snapshot->threads.items[place].tid);
            break;
        case GRAPH_OBJECT:
        default:
            finding_add_object(analysis, finding, &snapshot->objects.items[place]);
            break;
        }
    }
}

static const char *advise(const struct circle *circle) {
    if (circle->threads)
        return "a loop's thread must not wait for what needs that loop or its executor";
    if (circle->tasks == 1 && circle->objects)
        return "asyncio's locks are not reentrant: release it first, or take it once";
    if (!circle->objects)
        return "one of these awaits must go";
    return circle->objects == circle->tasks ? "always take these locks in the same order"
                                            : "do not await, with the lock held, who needs it";
}

static void explain(struct analysis *analysis, const struct circle *circle) {
    for (size_t i = 0; i < circle->component->count; i++)
        if (circle->component->members[i] < analysis->graph.task_count)
            analysis->explained[circle->component->members[i]] = true;
}

static void add(struct analysis *analysis, const struct circle *circle) {
    struct snapshot_finding *finding = finding_add(
        analysis, SNAPSHOT_FINDING_DEADLOCK, judge(analysis, circle), summarise(analysis, circle));
    add_members(analysis, finding, circle);
    finding_prove(analysis, finding, draw(analysis, circle));
    if (circle->first_task)
        finding->where = words_where(analysis, &circle->first_task->frames);
    add_queues(analysis, finding, circle);
    add_behind(analysis, finding, circle);
    finding->next = advise(circle);
    explain(analysis, circle);
}

void find_deadlocks(struct analysis *analysis) {
    const struct graph *graph = &analysis->graph;
    size_t found = 0;
    if (!graph->component_count)
        return;
    uint32_t *before = arena_alloc_array(analysis->scratch, graph->node_count, sizeof *before);
    memset(before, 0xFF, graph->node_count * sizeof *before); /* GRAPH_NONE */
    for (size_t i = 0; i < graph->component_count; i++) {
        const struct graph_component *component = &graph->components[i];
        if (component_find_loop(analysis, component) != SIZE_MAX)
            continue;
        if (found++ < FINDINGS_MAX) {
            struct circle circle = find_circle(analysis, component, before);
            add(analysis, &circle);
        }
    }
    if (found > FINDINGS_MAX) {
        struct snapshot *snapshot = analysis->snapshot;
        finding_add_cost(analysis, &snapshot->findings.items[snapshot->findings.count - 1],
                         TEXT(analysis, "%zu more deadlocks like these", found - FINDINGS_MAX));
    }
}
