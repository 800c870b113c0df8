/* What the files of the target layer share about a process. */
#pragma once

#include <sys/stat.h>

#include "asyncspy/target/process.h"

struct target_process {
    pid_t pid;
    pid_t reader;    /* the thread that is read through: the main one, or another if that ended */
    int folder;      /* /proc/READER */
    bool namespaced; /* it has a pid namespace of its own */
    pid_t namespace_pid;
    uint64_t start_ticks;
    double clock_offset; /* what its CLOCK_MONOTONIC is ahead of ours, NaN unknown */
    uint64_t stack;      /* where it starts; tells an exec of the same program */
    struct arena *arena; /* of the mappings; two, so that a refresh can build the next ones */
    struct target_mappings mappings;
    double mappings_read_at;
    char *executable;
    struct target_memory *memory;
};

/* Reads a file below /proc/PID whole, NUL-terminated; *ret belongs to the caller. ERROR_OS. */
struct error *process_read_file(const struct target_process *process, const char *name, char **ret,
                                size_t *ret_size) ERROR_CHECK;

/* Reads the start of a small file below `folder` into `text`; "" where that is not possible. */
void process_read_small(int folder, const char *name, char *text, size_t room);

/* The thread ids now, sorted; *ret belongs to the caller. ERROR_GONE. */
struct error *process_list_tids(const struct target_process *process, pid_t **ret,
                                size_t *ret_count) ERROR_CHECK;

/* The last number of a line of a status file ("NSpid", "NStgid"): what the target itself calls a
 * thread or process; `fallback` where there is no such line. */
pid_t process_parse_namespace_id(const char *status, const char *line, pid_t fallback);

/* Seconds that CLOCK_MONOTONIC of the process in `folder` (/proc/PID) is ahead of ours: another one
 * only in a time namespace of its own. NaN unknown. */
double process_read_clock_offset(int folder);
/* The offset in the text of /proc/PID/timens_offsets, NaN: none. */
double process_parse_clock_offset(const char *text);

/* The mapping that holds `address`, NULL none. */
const struct target_mapping *mappings_find(const struct target_mappings *mappings,
                                           uint64_t address);

/* Parses the text of /proc/PID/maps; everything lives in `arena`. */
struct target_mappings mappings_parse(struct arena *arena, const char *text);

/* The source of target/memory.h for a process; its context is the process. */
struct memory_source process_memory_source(struct target_process *process);
