/* The texts of /proc/PID/fd and fdinfo. Private to target. */
#pragma once

#include "asyncspy/target/files.h"

/* What a link of /proc/PID/fd points to. */
struct target_file file_parse_link(int fd, const char *link);

/* The fdinfo of an epoll instance; the files live in `arena`. */
struct target_watches file_parse_epoll(struct arena *arena, const char *text);

/* The soft limit of open files in /proc/PID/limits; -1: none. */
int64_t file_parse_limits(const char *text);

/* The fdinfo of a pidfd; 0 none. */
pid_t file_parse_pidfd(const char *text);
