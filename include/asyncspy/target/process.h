/*
 * A process, live or as a core shows it (target/core.h): its mappings, its ELF modules, its
 * threads, and its memory (target/memory.h). Hides /proc and process_vm_readv, and what a core is
 * made of. Files of a live one are opened only through /proc/PID (exe, map_files, root); none is
 * ever executed. Read-only.
 *
 * A core does not change, and of some things it does not tell: they are unknown, as said at each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/error.h"
#include "asyncspy/target/memory.h"

/* One line of /proc/PID/maps. */
struct target_mapping {
    uint64_t start, end;
    uint64_t file_offset;
    bool readable, writable, executable;
    bool shared;      /* what is written to it, others see */
    const char *path; /* "" for anonymous memory; as the kernel prints it, " (deleted)" cut off */
    bool deleted;
    uint64_t inode; /* of a core: 1 for a file */
};

/* Mappings sorted by address. */
struct target_mappings {
    size_t count;
    const struct target_mapping *items;
};

/* A fact of one thread from /proc/PID/task/TID, as it is before anything was stopped. Of a core:
 * what its registers tell, the rest is unknown. */
struct target_thread {
    pid_t tid;             /* in our pid namespace */
    pid_t namespace_tid;   /* innermost NSpid: what the target itself calls it */
    char name[64];         /* comm */
    char state;            /* 'R', 'S', 'D', 'T', 't', 'Z'; 0 unknown */
    bool on_cpu;           /* its syscall file says "running"; of a core: in no system call */
    int64_t syscall;       /* number, or -1: none or unknown */
    uint64_t arguments[6]; /* of that system call, as they stand in the registers */
    uint64_t stack_pointer, program_counter; /* 0 unknown */
    char wait_channel[64];                   /* "" unknown */
    double cpu_s;                            /* user + system; NaN unknown */
};

struct target_process;

/* Opens process `pid`: checks that it exists, is not a zombie or kernel thread, and that we may
 * read it. The error says which of the reasons applies and what would help (see access.h).
 * Copies nothing of the target yet but its mappings. */
struct error *process_open(pid_t pid, struct target_process **ret) ERROR_CHECK;
void process_close(struct target_process *process); /* NULL-safe */

/* Whether there is a process `pid` that goes on: not a zombie, nor one that is about to be, which
 * has no memory any more (a kernel thread never had). */
bool process_exists(pid_t pid);

/* False: it is a core. Nothing in it runs, and no kernel tells of it (target/stop.h: it is quiet;
 * target/files.h and target/socket.h: an error). */
bool process_is_live(const struct target_process *process);

pid_t process_get_pid(const struct target_process *process);
/* What the target itself calls its pid. */
pid_t process_get_namespace_pid(const struct target_process *process);
struct target_memory *process_get_memory(struct target_process *process);

/* Its memory once more, with a cache of its own; whose memory_destroy() is the caller's. */
struct target_memory *process_create_memory(struct target_process *process);
struct target_mappings process_get_mappings(const struct target_process *process);

/* Reads the mappings anew (a miss may come from memory mapped since). */
struct error *process_refresh_mappings(struct target_process *process) ERROR_CHECK;

/* True while the process exists and is not a zombie, and is the same that was opened (start
 * time) running the same program. */
bool process_is_alive(const struct target_process *process);

/* The same as an error that says what became of it. ERROR_GONE. */
struct error *process_check_alive(const struct target_process *process) ERROR_CHECK;

/* The threads now, sorted by tid; the array lives in `arena`. */
struct error *process_list_threads(struct target_process *process, struct arena *arena,
                                   struct target_thread **ret, size_t *ret_count) ERROR_CHECK;

/* Brings the system calls and `cpu_s` of listed threads up to date, the latter to the nanosecond
 * where the kernel counts so. `is_stopped`: none can run; on_cpu: it was not in a system call. */
void process_refresh_threads(const struct target_process *process, struct target_thread *threads,
                             size_t count, bool is_stopped);

/* Path of the executable as the target's namespace sees it, without " (deleted)"; "" unknown. */
const char *process_get_executable(const struct target_process *process);

/* argv; the array and its strings live in `arena`. Bytes are as they are (not checked). */
char **process_get_command_line(const struct target_process *process, struct arena *arena,
                                size_t *ret_count);

/* Start as seconds since the epoch (float), NaN unknown. */
double process_get_start_time(const struct target_process *process);

/* CLOCK_MONOTONIC now as the process itself sees it, which in a time namespace of its own is
 * another one than ours: what time.monotonic() would give. NaN unknown. */
double process_get_monotonic(const struct target_process *process);

/* A process that another one has started. */
struct target_descendant {
    pid_t pid, parent;
};

/* The descendants of process `pid` now, the nearest first; at most PROCESS_DESCENDANTS_MAX. Those
 * whose parent ended belong to init, and are not among them. *ret lives in `arena`. False: there
 * may be more. */
#define PROCESS_DESCENDANTS_MAX 10000
bool process_list_descendants(pid_t pid, struct arena *arena, struct target_descendant **ret,
                              size_t *ret_count);

/* Name of an x86-64 system call, NULL when unknown. */
const char *process_syscall_name(int64_t number);

/* The file that the system call of `thread` is about, as a file descriptor; -1: none, or not in its
 * arguments alone. That of a poll(2) of one file is in memory: _poll. */
int64_t process_syscall_fd(const struct target_thread *thread);

/* The address of the only struct pollfd of a poll(2), as a call to a socket with a timeout makes it
 * (sock_call_impl of Modules/socketmodule.c); 0: there is none. */
uint64_t process_syscall_poll(const struct target_thread *thread);

/* The address that the thread waits at in futex(2), 0: it does not. */
uint64_t process_syscall_futex(const struct target_thread *thread);
