/*
 * A look at one process: is it Python, and what do its event loops do. Private to capture. The
 * result has no pointers, so that it can go through a pipe as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "asyncspy/snapshot/processes.h"

#define LOOK_COMMAND_MAX 4096
#define LOOK_NO_ANSWER "no answer" /* why nothing is known of a process that a look hangs at */

struct look {
    pid_t pid;
    uid_t user_id;
    bool is_python;   /* else nothing below matters */
    bool maps_python; /* it has files of that name mapped: no guess from its own */
    bool complete;    /* nothing of it is known to be missing */
    char os_state;    /* 0: it has ended */
    long threads;
    int64_t loops, tasks;
    enum snapshot_process_state state;
    char name[64], user[64], version[32], why[32], container[64];
    size_t command_size;            /* bytes of `command` */
    char command[LOOK_COMMAND_MAX]; /* arguments, a NUL behind each */
};

/* The three steps of a look. A step may take for ever, and may find that the process is no Python;
 * then the next ones are not to be taken. What is known after each makes a row. */

/* What /proc tells of every process; `is_python` is a guess from the name. False: it is gone. */
bool look_begin(pid_t pid, struct look *ret);

/* Whether it is Python; its user, command and container. */
void look_identify(struct look *look);

/* Whether it has ended, or has no memory any more, as the steps so far have shown. */
bool look_is_ended(const struct look *look);

/* Reads its memory. */
void look_read(struct look *look);

/* Whether a program of this name (its path, argv[0] or comm) is a Python: "/usr/bin/python3.11",
 * "python3-dbg", "pypy3". */
bool look_is_python_name(const char *name);
