/*
 * The open files of a process, as far as they tell what it waits for: sockets, pipes, child
 * processes, and which files an epoll instance watches. Hides /proc/PID/fd and fdinfo. The process
 * runs on meanwhile: a file that is closed under our hands is none, and no error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/error.h"
#include "asyncspy/target/process.h"

/* How many descriptors are looked at, and how many files of an epoll instance. */
#define FILES_MAX 100000

enum target_file_kind {
    TARGET_FILE_OTHER,
    TARGET_FILE_SOCKET,
    TARGET_FILE_PIPE,
    TARGET_FILE_EPOLL,
    TARGET_FILE_PIDFD,
};

struct target_file {
    int fd;
    enum target_file_kind kind;
    uint64_t inode; /* of a socket or pipe: the same for all descriptors of it, else 0 */
};

struct target_files {
    size_t count;
    struct target_file *items; /* by ascending fd */
    bool complete;             /* not more than FILES_MAX */
};

/* Lists the open files; they live in `arena`. ERROR_OS: they may not be seen. */
struct error *files_list(const struct target_process *process, struct arena *arena,
                         struct target_files *ret) ERROR_CHECK;

/* How many descriptors the process may have open (RLIMIT_NOFILE); -1: unknown, or without limit. */
int64_t files_read_limit(const struct target_process *process);

/* The inode of the socket `fd`, 0: it is none, or closed. */
uint64_t files_read_socket(const struct target_process *process, int fd);

/* A file that an epoll instance watches. */
struct target_watch {
    int fd;          /* as it was called when it was added */
    uint64_t inode;  /* of that file; 0: an old kernel does not say */
    uint32_t events; /* EPOLLIN, EPOLLOUT, ... */
};

struct target_watches {
    size_t count;
    struct target_watch *items;
    bool complete;
};

/* Which files the epoll instance `fd` watches; they live in `arena`. While it is read, the kernel
 * lets nobody add or remove files. False: it is gone. */
bool files_read_epoll(const struct target_process *process, int fd, struct arena *arena,
                      struct target_watches *ret);

/* The process that the pidfd `fd` stands for, in our pid namespace; 0: unknown or no longer there.
 */
pid_t files_read_pidfd(const struct target_process *process, int fd);
