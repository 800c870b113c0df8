/* What the files of the target layer share about a process. */
#pragma once

#include <sys/stat.h>

#include "asyncspy/base/string_pool.h"
#include "asyncspy/target/module.h"
#include "asyncspy/target/process.h"
#include "asyncspy/target/scan.h"

/* Spans while they are gathered; ascending. */
struct span_list {
    struct arena *arena;
    struct scan_span *items;
    size_t count, capacity;
};

/* What a live process and a core do in ways of their own. None may be NULL; what they are to do is
 * said where the function of that name is declared. */
struct process_operations {
    void (*close)(struct target_process *process); /* what is common is not its business */
    struct error *(*refresh_mappings)(struct target_process *process);
    bool (*is_alive)(const struct target_process *process);
    struct error *(*list_tids)(const struct target_process *process, pid_t **ret,
                               size_t *ret_count);
    struct error *(*list_threads)(struct target_process *process, struct arena *arena,
                                  struct target_thread **ret, size_t *ret_count);
    char **(*get_command_line)(const struct target_process *process, struct arena *arena,
                               size_t *ret_count);
    double (*get_start_time)(const struct target_process *process);
    double (*get_monotonic)(const struct target_process *process);
    const uint64_t *(*get_auxiliary)(const struct target_process *process, struct arena *arena,
                                     size_t *ret_count);
    struct memory_source (*get_source)(struct target_process *process);
    int (*open_module)(struct target_process *process, const struct target_module *module,
                       const struct target_mapping *mapping);
    struct error *(*list_spans)(struct target_process *process, struct span_list *list);
};

struct core;

struct target_process {
    const struct process_operations *operations;
    pid_t pid;
    pid_t namespace_pid;
    struct arena *arena; /* what lives as long as the process */
    struct target_mappings mappings;
    char *executable;
    struct target_memory *memory;
    struct core *core; /* NULL: a live process */

    /* Of a live one. */
    pid_t reader;    /* the thread that is read through: the main one, or another if that ended */
    int folder;      /* /proc/READER; -1 of a core */
    bool namespaced; /* it has a pid namespace of its own */
    uint64_t start_ticks;
    double clock_offset; /* what its CLOCK_MONOTONIC is ahead of ours, NaN unknown */
    uint64_t stack;      /* where it starts; tells an exec of the same program */
    double mappings_read_at;
    struct arena *mappings_arenas[2]; /* of the mappings, and of those before them */
    struct string_pool *paths;        /* those that mappings have or had: modules keep them */
};

/* A process without memory yet; process_close() ends it. */
struct target_process *process_create(const struct process_operations *operations);

/* Adds pages behind the others; they continue the last span where they can. */
void span_list_add(struct span_list *list, uint64_t start, uint64_t end);

/* The file of a module; -1: it cannot be had. */
int process_open_module(struct target_process *process, const struct target_module *module,
                        const struct target_mapping *mapping);

/* The words of the auxiliary vector, as getauxval() reads it; in `arena`, or as long as the
 * process.
 */
const uint64_t *process_get_auxiliary(const struct target_process *process, struct arena *arena,
                                      size_t *ret_count);

extern const struct process_operations live_operations;

/* Those of them that stand in files of their own. */
struct error *live_list_tids(const struct target_process *process, pid_t **ret,
                             size_t *ret_count) ERROR_CHECK;
struct error *live_list_threads(struct target_process *process, struct arena *arena,
                                struct target_thread **ret, size_t *ret_count) ERROR_CHECK;
double live_get_monotonic(const struct target_process *process);
struct memory_source live_get_source(struct target_process *process);
int live_open_module(struct target_process *process, const struct target_module *module,
                     const struct target_mapping *mapping);
struct error *live_list_spans(struct target_process *process, struct span_list *list) ERROR_CHECK;

/* Opens what `place` stands for, which O_PATH opened, and closes that; -1: it is no regular file,
 * or one of a kernel's file system, and opening or reading those may have effects: /dev/watchdog.
 */
int file_reopen_regular(int place);

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

/* Narrows [*start, *end) to what is mapped and readable around `address`; false: that is not. */
bool mappings_clamp(const struct target_mappings *mappings, uint64_t address, uint64_t *start,
                    uint64_t *end);

/* Parses the text of /proc/PID/maps; everything lives in `arena`. */
struct target_mappings mappings_parse(struct arena *arena, const char *text);
