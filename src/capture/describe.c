#include "describe.h"

#include <math.h>
#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/text.h"

void target_describe(const struct target_process *process, const struct py_discovery *discovery,
                     struct arena *arena, struct snapshot_target *target) {
    size_t count;
    char **arguments = process_get_command_line(process, arena, &count);
    const char *executable = process_get_executable(process);
    double started = process_get_start_time(process);
    target->kind = process_is_live(process) ? "process" : "core";
    target->pid = process_get_pid(process);
    target->executable = text_from_bytes(arena, executable, strlen(executable));
    target->command_line = arena_alloc_array(arena, count, sizeof *target->command_line);
    target->command_line_count = count;
    for (size_t i = 0; i < count; i++)
        target->command_line[i] = text_from_bytes(arena, arguments[i], strlen(arguments[i]));
    target->architecture = "x86_64";
    target->python_version =
        arena_copy_string(arena, discovery->version, strlen(discovery->version));
    target->debug_build = discovery->debug_build ? SNAPSHOT_YES : SNAPSHOT_NO;
    target->free_threaded = discovery->free_threaded ? SNAPSHOT_YES : SNAPSHOT_NO;
    target->started_at = isnan(started) ? NULL : clock_format_stamp(arena, started);
}
