#include "process_names.h"

#include <string.h>

#include "label.h"

#define WORKER "worker"

/* How multiprocessing starts processes that are no copies of their parent: python -c CODE, see
 * get_command_line() of Lib/multiprocessing/spawn.py, and the trackers beside it. */
static const struct {
    const char *code, *name, *kind;
} started[] = {
    {"from multiprocessing.spawn ", NULL, WORKER},
    {"from multiprocessing.forkserver ", "fork server", NULL},
    {"from multiprocessing.resource_tracker ", "resource tracker", NULL},
    {"from multiprocessing.semaphore_tracker ", "semaphore tracker", NULL}, /* before 3.8 */
};

/* A copy that never executed anything else has the words of its parent. */
static bool is_copy(const struct snapshot_process *process, const struct snapshot_process *parent) {
    if (!parent || !process->command_line_count ||
        process->command_line_count != parent->command_line_count)
        return false;
    for (size_t i = 0; i < process->command_line_count; i++)
        if (strcmp(process->command_line[i], parent->command_line[i]) != 0)
            return false;
    return true;
}

static void name_started(const struct snapshot_process *process, struct process_name *name) {
    for (size_t i = 0; i + 1 < process->command_line_count; i++) {
        if (strcmp(process->command_line[i], "-c") != 0)
            continue;
        for (size_t j = 0; j < sizeof started / sizeof *started; j++)
            if (strncmp(process->command_line[i + 1], started[j].code, strlen(started[j].code)) ==
                0) {
                name->text = started[j].name;
                name->kind = started[j].kind;
            }
        return;
    }
}

static void name_process(const struct snapshot_process *process,
                         const struct snapshot_process *parent, struct arena *arena,
                         struct process_name *name) {
    if (is_copy(process, parent))
        name->kind = WORKER;
    else
        name_started(process, name);
    if (name->text || name->kind)
        return;
    name->text = label_command(arena, process->command_line, process->command_line_count);
    if (!*name->text)
        name->text = arena_format(arena, "[%s]", process->name ? process->name : "?");
}

struct process_name *process_names_make(const struct snapshot_processes *processes,
                                        struct arena *arena) {
    size_t count = processes->list.count;
    const struct snapshot_process *items = processes->list.items;
    size_t *parents = snapshot_processes_find_parents(processes, arena);
    struct process_name *names = arena_alloc_array(arena, count, sizeof *names);
    size_t *workers = arena_alloc_array(arena, count + 1, sizeof *workers); /* of each parent */
    for (size_t i = 0; i < count; i++) {
        size_t parent = names[i].parent = parents[i + 1];
        name_process(&items[i], parent ? &items[parent - 1] : NULL, arena, &names[i]);
        if (names[i].kind)
            names[i].text = arena_format(arena, "%s %zu", names[i].kind, ++workers[parent]);
        if (parent) {
            names[i].depth = names[parent - 1].depth + 1;
            names[parent - 1].has_children = true;
        }
    }
    return names;
}
