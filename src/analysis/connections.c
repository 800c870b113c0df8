#include "analysis.h"

/* The connection of a protocol; NULL: it has several. */
struct connection {
    const struct snapshot_socket *socket;
};

/* Connections by the ids of their protocols; NULL: no socket has one. */
static const struct id_table *index_protocols(struct arena *arena,
                                              const struct snapshot *snapshot) {
    struct id_table *index = NULL;
    for (size_t i = 0; i < snapshot->sockets.count; i++) {
        const struct snapshot_socket *socket = &snapshot->sockets.items[i];
        if (!socket->protocol)
            continue;
        if (!index)
            index = id_table_create(arena, snapshot->sockets.count);
        struct connection *known = id_table_find(index, socket->protocol);
        if (known) {
            known->socket = NULL;
            continue;
        }
        known = arena_alloc(arena, sizeof *known);
        known->socket = socket;
        id_table_add(index, socket->protocol, known);
    }
    return index;
}

/* NULL: no protocol has what is waited for, or one that tells no connection. */
static const struct snapshot_socket *find_connection(const struct id_table *protocols,
                                                     const struct snapshot_wait *wait) {
    const struct connection *found = NULL;
    for (size_t i = 0; i < wait->referrer_count; i++) {
        const struct connection *connection = id_table_find(protocols, wait->referrers[i].id);
        if (connection && found && connection != found)
            return NULL;
        found = connection ? connection : found;
    }
    return found ? found->socket : NULL;
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
