/* The sockets of a target. Private to capture. */
#pragma once

#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/process.h"

/* Fills sockets of `snapshot`, which has all its loops and tasks. The target is not stopped, and
 * nothing of it runs because of it; the state is that of now. What cannot be known is in
 * `missing`. */
void network_add_sockets(const struct target_process *process, struct snapshot *snapshot);
