#include "peers.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/text.h"
#include "asyncspy/target/files.h"
#include "asyncspy/target/socket.h"

#define SOCKETS_MAX 10000
/* Between two looks at the tables of the kernel, which know all sockets of the machine: so many
 * times what such a look takes, and at least that. */
#define TABLE_SHARE 50
#define TABLE_INTERVAL_S 0.5

/* A socket of the table that was read last. */
struct end {
    uint64_t inode;
    struct peer peer;
};

struct peers {
    const struct target_process *process;
    struct arena *arena; /* of the table */
    struct id_table *table;
    double due; /* the next look at the tables */
    unsigned asked;
};

struct peers *peers_create(const struct target_process *process) {
    struct peers *peers = memory_alloc(sizeof *peers);
    *peers = (struct peers){.process = process, .arena = arena_create()};
    peers->table = id_table_create(peers->arena, 0);
    return peers;
}

void peers_destroy(struct peers *peers) {
    if (!peers)
        return;
    arena_destroy(peers->arena);
    free(peers);
}

void peers_begin(struct peers *peers) {
    if (peers)
        peers->asked = 0;
}

/* ":80" of "10.0.0.5:80". */
static const char *get_port(const char *address) {
    const char *colon = address ? strrchr(address, ':') : NULL;
    return colon ? colon : "";
}

static bool is_listening(const struct target_socket *socket) {
    return socket->state && strcmp(socket->state, "LISTEN") == 0;
}

/* Its own port is one that the process listens at. */
static bool is_client(const struct target_sockets *sockets, const struct target_socket *socket) {
    const char *port = get_port(socket->local);
    for (size_t i = 0; *port && !is_listening(socket) && i < sockets->count; i++)
        if (is_listening(&sockets->items[i]) &&
            strcmp(get_port(sockets->items[i].local), port) == 0)
            return true;
    return false;
}

static const char *copy_text(struct arena *arena, const char *text) {
    return text ? text_from_bytes(arena, text, strlen(text)) : NULL;
}

static void add_end(struct peers *peers, const struct target_sockets *sockets,
                    const struct target_socket *socket) {
    struct end *end = arena_alloc(peers->arena, sizeof *end);
    *end = (struct end){.inode = socket->inode,
                        .peer = {.local = copy_text(peers->arena, socket->local),
                                 .peer = copy_text(peers->arena, socket->peer),
                                 .is_client = is_client(sockets, socket)}};
    id_table_add(peers->table, end->inode, end);
}

static void read_tables(struct peers *peers) {
    struct target_files files;
    struct target_sockets sockets;
    double start = clock_monotonic();
    arena_reset(peers->arena);
    peers->table = id_table_create(peers->arena, 0);
    struct error *err = files_list(peers->process, peers->arena, &files);
    if (!err) {
        sockets_list(peers->process, &files, SOCKETS_MAX, peers->arena, &sockets);
        (void)sockets_read_tables(peers->process, peers->arena, false, &sockets);
        for (size_t i = 0; i < sockets.count; i++)
            add_end(peers, &sockets, &sockets.items[i]);
    }
    error_destroy(err);
    double now = clock_monotonic(), pause = TABLE_SHARE * (now - start);
    peers->due = now + (pause > TABLE_INTERVAL_S ? pause : TABLE_INTERVAL_S);
}

static const struct end *find_end(struct peers *peers, uint64_t inode) {
    const struct end *end = id_table_find(peers->table, inode);
    if (end || clock_monotonic() < peers->due)
        return end;
    read_tables(peers);
    return id_table_find(peers->table, inode);
}

bool peers_find(struct peers *peers, int64_t fd, struct arena *arena, struct peer *ret) {
    if (!peers || fd < 0 || fd > INT32_MAX || peers->asked++ >= PEERS_PER_SAMPLE)
        return false;
    uint64_t inode = files_read_socket(peers->process, (int)fd);
    const struct end *end = inode ? find_end(peers, inode) : NULL;
    if (!end)
        return false;
    *ret = (struct peer){.local = copy_text(arena, end->peer.local),
                         .peer = copy_text(arena, end->peer.peer),
                         .is_client = end->peer.is_client};
    return true;
}
