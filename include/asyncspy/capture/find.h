/*
 * Which processes of this machine run asyncio: what a command without --pid looks at.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "asyncspy/base/arena.h"

struct found_process {
    pid_t pid;
    const char *python_version;
    size_t loops, tasks;
    const char *command; /* arguments joined by spaces; raw text of the target */
};

/* The processes of this user (of everybody for root) with an event loop, by pid. Those that may
 * not be read are left out. None is stopped. The array lives in `arena`. */
struct found_process *find_asyncio_processes(struct arena *arena, size_t *ret_count);
