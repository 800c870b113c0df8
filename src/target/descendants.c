/* Children of children: /proc/PID/task/TID/children, see proc(5). */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/target/process.h"

struct descendants {
    struct target_descendant *items;
    size_t count;
    struct id_table *seen; /* a pid may be given anew while we look: no cycles */
    bool complete;
};

static void add(struct descendants *found, pid_t pid, pid_t parent) {
    if (id_table_find(found->seen, (uint64_t)pid))
        return;
    if (found->count > PROCESS_DESCENDANTS_MAX) {
        found->complete = false;
        return;
    }
    struct target_descendant *item = &found->items[found->count++];
    *item = (struct target_descendant){pid, parent};
    id_table_add(found->seen, (uint64_t)pid, item);
}

static void add_children_of_thread(struct descendants *found, pid_t pid, int task,
                                   const char *tid) {
    char path[300];
    int child;
    snprintf(path, sizeof path, "%s/children", tid);
    int file = openat(task, path, O_RDONLY | O_CLOEXEC);
    FILE *stream = file < 0 ? NULL : fdopen(file, "r");
    if (!stream) {
        found->complete = false; /* a kernel without CONFIG_PROC_CHILDREN, or the thread ended */
        return;
    }
    while (fscanf(stream, "%d", &child) == 1)
        add(found, child, pid);
    fclose(stream);
}

static void add_children(struct descendants *found, pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *task = opendir(path);
    if (!task)
        return; /* it ended */
    for (struct dirent *entry; (entry = readdir(task));)
        if (entry->d_name[0] != '.')
            add_children_of_thread(found, pid, dirfd(task), entry->d_name);
    closedir(task);
}

bool process_list_descendants(pid_t pid, struct arena *arena, struct target_descendant **ret,
                              size_t *ret_count) {
    struct descendants found = {.complete = true, .seen = id_table_create(arena, 0)};
    /* The process itself stands in front: nobody is its own descendant. */
    found.items = arena_alloc_array(arena, PROCESS_DESCENDANTS_MAX + 1, sizeof *found.items);
    add(&found, pid, 0);
    for (size_t i = 0; i < found.count; i++)
        add_children(&found, found.items[i].pid);
    *ret = found.items + 1;
    *ret_count = found.count - 1;
    return found.complete;
}
