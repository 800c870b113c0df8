#include "asyncspy/capture/find.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asyncspy/capture/capture.h"

#define LINE_MAX_BYTES 4400

/* Processes of others are not looked at: the kernel would refuse them. */
static bool is_ours(pid_t pid) {
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    return stat(path, &status) == 0 && (geteuid() == 0 || status.st_uid == geteuid());
}

/* A cheap look that spares most processes the full one: Python maps files of that name. */
static bool may_be_python(pid_t pid) {
    char path[64], line[LINE_MAX_BYTES];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    while (maps && !found && fgets(line, sizeof line, maps))
        found = strstr(line, "python") != NULL;
    if (maps)
        fclose(maps);
    return found;
}

static const char *join_command(struct arena *arena, const struct snapshot_target *target) {
    const char *text = "";
    for (size_t i = 0; i < target->command_line_count; i++)
        text = arena_format(arena, "%s%s%s", text, i ? " " : "", target->command_line[i]);
    return text;
}

/* Fills `ret` when the process has an event loop. */
static bool examine(pid_t pid, struct arena *arena, struct found_process *ret) {
    struct capture_options options = {.nonblocking = true};
    struct capture *capture = NULL;
    struct snapshot *snapshot = snapshot_create();
    struct error *err = capture_open(pid, &options, &capture);
    if (!err)
        err = capture_take(capture, snapshot);
    bool found = !err && snapshot->event_loops.count > 0;
    if (found)
        *ret = (struct found_process){
            .pid = pid,
            .python_version = arena_format(arena, "%s", snapshot->target.python_version),
            .loops = snapshot->event_loops.count,
            .tasks = snapshot->tasks.count,
            .command = join_command(arena, &snapshot->target),
        };
    error_destroy(err);
    capture_close(capture);
    snapshot_destroy(snapshot);
    return found;
}

static int compare_pids(const void *a, const void *b) {
    const struct found_process *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

struct found_process *find_asyncio_processes(struct arena *arena, size_t *ret_count) {
    struct found_process *items = NULL;
    size_t count = 0, capacity = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct found_process found;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid() || !is_ours(pid) || !may_be_python(pid) ||
            !examine(pid, arena, &found))
            continue;
        items = snapshot_vector_grow(arena, items, &count, &capacity, sizeof *items);
        items[count - 1] = found;
    }
    if (folder)
        closedir(folder);
    if (count)
        qsort(items, count, sizeof *items, compare_pids);
    *ret_count = count;
    return items;
}
