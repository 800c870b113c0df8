#include "asyncspy/snapshot/processes.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/id_table.h"

struct snapshot_processes *snapshot_processes_create(void) {
    struct snapshot_processes *processes = memory_alloc(sizeof *processes);
    *processes = (struct snapshot_processes){.arena = arena_create()};
    return processes;
}

void snapshot_processes_destroy(struct snapshot_processes *processes) {
    if (!processes)
        return;
    for (size_t i = 0; i < processes->list.count; i++)
        snapshot_destroy(processes->list.items[i].snapshot);
    arena_destroy(processes->arena);
    free(processes);
}

bool snapshot_process_is_read(const struct snapshot_process *process) {
    return process->state < SNAPSHOT_PROCESS_NOT_PERMITTED;
}

static int get_rank(const struct snapshot_process *process) {
    if (!snapshot_process_is_read(process))
        return 2;
    return process->loops > 0 || process->tasks > 0 ? 0 : 1;
}

static int compare_processes(const void *a, const void *b) {
    const struct snapshot_process *x = a, *y = b;
    int ranks = get_rank(x) - get_rank(y);
    return ranks ? ranks : (x->pid > y->pid) - (x->pid < y->pid);
}

void snapshot_processes_sort(struct snapshot_processes *processes) {
    if (processes->list.count)
        qsort(processes->list.items, processes->list.count, sizeof *processes->list.items,
              compare_processes);
}

size_t *snapshot_processes_find_parents(const struct snapshot_processes *processes,
                                        struct arena *arena) {
    size_t count = processes->list.count;
    const struct snapshot_process *items = processes->list.items;
    size_t *parents = arena_alloc_array(arena, count + 1, sizeof *parents);
    struct id_table *places = id_table_create(arena, count);
    for (size_t i = 0; i < count; i++) {
        size_t *known = id_table_find(places, (uint64_t)items[i].parent);
        parents[i + 1] = known ? (size_t)(known - parents) : 0;
        id_table_add(places, (uint64_t)items[i].pid, &parents[i + 1]);
    }
    return parents;
}

/* Who belongs to whom, in the numbers of find_parents. */
struct family {
    size_t *parent, *first_child, *next_sibling;
};

/* From the youngest to the eldest, so that the eldest ends up first. */
static void find_children(struct family *family, size_t count) {
    for (size_t i = count; i > 0; i--) {
        size_t parent = family->parent[i];
        family->next_sibling[i] = family->first_child[parent];
        family->first_child[parent] = i;
    }
}

static size_t find_next(const struct family *family, size_t place) {
    if (family->first_child[place])
        return family->first_child[place];
    while (place && !family->next_sibling[place])
        place = family->parent[place];
    return family->next_sibling[place];
}

void snapshot_processes_sort_as_tree(struct snapshot_processes *processes) {
    size_t count = processes->list.count, place = 0;
    struct snapshot_process *items = processes->list.items;
    struct arena *arena = arena_create();
    struct family family = {
        .parent = snapshot_processes_find_parents(processes, arena),
        .first_child = arena_alloc_array(arena, count + 1, sizeof *family.first_child),
        .next_sibling = arena_alloc_array(arena, count + 1, sizeof *family.next_sibling),
    };
    struct snapshot_process *sorted =
        arena_alloc_array(processes->arena, count, sizeof *processes->list.items);
    find_children(&family, count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = items[(place = find_next(&family, place)) - 1];
    processes->list.items = sorted;
    processes->list.capacity = count;
    arena_destroy(arena);
}

const char *snapshot_process_state_name(enum snapshot_process_state state) {
    static const char *const names[SNAPSHOT_PROCESS_STATE_COUNT] = {
        [SNAPSHOT_PROCESS_IDLE] = "idle",
        [SNAPSHOT_PROCESS_BUSY] = "busy",
        [SNAPSHOT_PROCESS_IN_CALL] = "in_call",
        [SNAPSHOT_PROCESS_LOOP_STOPPED] = "loop_stopped",
        [SNAPSHOT_PROCESS_NO_ASYNCIO] = "no_asyncio",
        [SNAPSHOT_PROCESS_NO_INTERPRETER] = "no_interpreter",
        [SNAPSHOT_PROCESS_STOPPED] = "stopped",
        [SNAPSHOT_PROCESS_TRACED] = "traced",
        [SNAPSHOT_PROCESS_UNKNOWN] = "unknown",
        [SNAPSHOT_PROCESS_NOT_PERMITTED] = "not_permitted",
        [SNAPSHOT_PROCESS_NOT_SUPPORTED] = "not_supported",
        [SNAPSHOT_PROCESS_NOT_READ] = "not_read",
        [SNAPSHOT_PROCESS_NOT_PYTHON] = "not_python",
        [SNAPSHOT_PROCESS_ENDED] = "ended",
    };
    return names[state];
}

static bool has_thread_in(const struct snapshot *snapshot, char os_state) {
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        const char *letter = snapshot->threads.items[i].os_state;
        if (letter && *letter == os_state)
            return true;
    }
    return false;
}

/* Whether the thread of a loop sleeps in the kernel. */
static bool is_asleep(const struct snapshot *snapshot, int64_t tid) {
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads.items[i];
        if (thread->tid == tid && tid != SNAPSHOT_UNKNOWN && thread->os_state)
            return *thread->os_state == 'S' || *thread->os_state == 'D';
    }
    return false;
}

static enum snapshot_process_state judge_loop(const struct snapshot *snapshot,
                                              const struct snapshot_loop *loop) {
    switch (loop->state) {
    case SNAPSHOT_LOOP_RUNNING:
    case SNAPSHOT_LOOP_BLOCKED:
        return is_asleep(snapshot, loop->tid) ? SNAPSHOT_PROCESS_IN_CALL : SNAPSHOT_PROCESS_BUSY;
    case SNAPSHOT_LOOP_IDLE:
        return SNAPSHOT_PROCESS_IDLE;
    case SNAPSHOT_LOOP_STOPPED:
    case SNAPSHOT_LOOP_CLOSED:
        return SNAPSHOT_PROCESS_LOOP_STOPPED;
    case SNAPSHOT_LOOP_STATE_UNKNOWN:
        break;
    }
    return SNAPSHOT_PROCESS_UNKNOWN;
}

/* The one of several loops that tells most decides. */
static enum snapshot_process_state judge_loops(const struct snapshot *snapshot) {
    static const enum snapshot_process_state order[] = {
        SNAPSHOT_PROCESS_BUSY, SNAPSHOT_PROCESS_IN_CALL, SNAPSHOT_PROCESS_UNKNOWN,
        SNAPSHOT_PROCESS_IDLE, SNAPSHOT_PROCESS_LOOP_STOPPED};
    bool seen[SNAPSHOT_PROCESS_STATE_COUNT] = {false};
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        seen[judge_loop(snapshot, &snapshot->event_loops.items[i])] = true;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (seen[order[i]])
            return order[i];
    return SNAPSHOT_PROCESS_UNKNOWN;
}

enum snapshot_process_state snapshot_process_find_state(const struct snapshot *snapshot,
                                                        char os_state) {
    if (os_state == 't' || has_thread_in(snapshot, 't'))
        return SNAPSHOT_PROCESS_TRACED;
    if (os_state == 'T' || has_thread_in(snapshot, 'T'))
        return SNAPSHOT_PROCESS_STOPPED;
    if (snapshot->event_loops.count || snapshot->tasks.count)
        return judge_loops(snapshot);
    if (snapshot->missing.count)
        return SNAPSHOT_PROCESS_UNKNOWN;
    return snapshot->interpreters.count ? SNAPSHOT_PROCESS_NO_ASYNCIO
                                        : SNAPSHOT_PROCESS_NO_INTERPRETER;
}
