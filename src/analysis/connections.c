#include "analysis.h"

/* Protocols by their ids; NULL: no socket has one. */
static const struct id_table *index_protocols(struct arena *arena,
                                              const struct snapshot *snapshot) {
    struct id_table *index = NULL;
    for (size_t i = 0; i < snapshot->sockets.count; i++) {
        struct snapshot_socket *socket = &snapshot->sockets.items[i];
        if (!socket->protocol)
            continue;
        if (!index)
            index = id_table_create(arena, snapshot->sockets.count);
        id_table_add(index, socket->protocol, socket);
    }
    return index;
}

static const struct snapshot_socket *find_connection(const struct id_table *protocols,
                                                     const struct snapshot_wait *wait) {
    const struct snapshot_socket *found = NULL;
    for (size_t i = 0; i < wait->referrer_count; i++) {
        const struct snapshot_socket *socket = id_table_find(protocols, wait->referrers[i].id);
        if (socket && found)
            return NULL;
        found = socket ? socket : found;
    }
    return found;
}

/* A transport is watched for writing while it has bytes that the kernel does not take: only then
 * somebody may wait for that. */
static bool may_write(const struct snapshot_socket *socket) {
    return socket->registered == SNAPSHOT_REGISTERED_WRITE ||
           socket->registered == SNAPSHOT_REGISTERED_BOTH;
}

void find_connections(struct snapshot *snapshot) {
    struct arena *scratch = arena_create();
    const struct id_table *protocols = index_protocols(scratch, snapshot);
    for (size_t i = 0; protocols && i < snapshot->tasks.count; i++) {
        struct snapshot_wait *wait = snapshot->tasks.items[i].awaiting;
        const struct snapshot_socket *socket =
            wait && wait->kind == SNAPSHOT_WAIT_FUTURE ? find_connection(protocols, wait) : NULL;
        if (!socket || may_write(socket))
            continue;
        wait->kind = SNAPSHOT_WAIT_STREAM_READ;
        wait->fd = socket->fd;
    }
    arena_destroy(scratch);
}
