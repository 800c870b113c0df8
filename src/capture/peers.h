/*
 * The other ends of the sockets that tasks wait for, from sample to sample. Private to capture.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/target/process.h"

struct peers; /* NULL, where a process is not there to be asked: nothing is known */

/* `process` has to live as long as it does. */
struct peers *peers_create(const struct target_process *process);
void peers_destroy(struct peers *peers); /* NULL-safe */

/* A new sample: so many descriptors are asked about in one. */
#define PEERS_PER_SAMPLE 64
void peers_begin(struct peers *peers);

struct peer {
    const char *local, *peer; /* UTF-8, or NULL */
    bool is_client;           /* whoever is there has connected to a port of the process */
};

/* The ends of the socket that `fd` is now; strings are copied to `arena`. False: it is not known,
 * or there was no time to ask. */
bool peers_find(struct peers *peers, int64_t fd, struct arena *arena, struct peer *ret);
