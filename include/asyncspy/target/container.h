/*
 * The container that a process runs in, as its control groups and namespaces show it.
 */
#pragma once

#include <sys/types.h>

#include "asyncspy/base/arena.h"

/* The innermost container that the text of /proc/PID/cgroup names: the first 12 digits of the id
 * (docker, podman, containerd, cri-o, Kubernetes, ECS) or the name (lxc, systemd-nspawn, other
 * registered machines). NULL none. */
const char *container_parse(struct arena *arena, const char *cgroup);

/* The container of process `pid`. Where its control groups name none: "pidns-N" or "mntns-N", the
 * inode of its namespace, when it has a pid namespace or a root of its own; "pidns" when that may
 * not be read; "chroot". NULL: none, or it may not be known. Bytes of the target as they are. */
const char *container_find(pid_t pid, struct arena *arena);
