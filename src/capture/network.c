#include "network.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "asyncspy/base/text.h"
#include "asyncspy/target/files.h"
#include "asyncspy/target/socket.h"

#define SOCKETS_MAX 10000
#define EPOLLS_MAX 64 /* instances that are looked at; a loop has one */

struct network {
    const struct target_process *process;
    struct snapshot *snapshot;
    struct arena *arena; /* of what is not kept */
    struct target_files files;
    struct target_sockets sockets;
};

static const char *copy_text(struct arena *arena, const char *text) {
    return text ? text_from_bytes(arena, text, strlen(text)) : NULL;
}

static int64_t count_or_unknown(int64_t count) {
    return count < 0 ? SNAPSHOT_UNKNOWN : count;
}

static const char *family_name(enum target_socket_protocol protocol) {
    switch (protocol) {
    case TARGET_SOCKET_TCP:
    case TARGET_SOCKET_UDP:
        return "inet";
    case TARGET_SOCKET_TCP6:
    case TARGET_SOCKET_UDP6:
        return "inet6";
    case TARGET_SOCKET_UNIX:
        return "unix";
    case TARGET_SOCKET_OTHER:
    case TARGET_SOCKET_UNKNOWN:
        break;
    }
    return NULL;
}

static void add_row(struct snapshot *snapshot, const struct target_socket *socket) {
    struct snapshot_socket *row = SNAPSHOT_APPEND(snapshot, &snapshot->sockets);
    *row = snapshot_socket_blank;
    row->fd = socket->fd;
    row->family = family_name(socket->protocol);
    row->local = copy_text(snapshot->arena, socket->local);
    row->peer = copy_text(snapshot->arena, socket->peer);
    row->state = socket->state;
    row->receive_queue = count_or_unknown(socket->receive_queue);
    row->send_queue = count_or_unknown(socket->send_queue);
    row->retransmits = count_or_unknown(socket->retransmits);
    row->last_received_s = socket->last_received_s;
    row->last_sent_s = socket->last_sent_s;
    row->backlog_max = count_or_unknown(socket->backlog_max);
}

/* The socket of a descriptor, NULL: there is none. */
static const struct target_socket *find_socket(const struct network *network, int64_t fd) {
    const struct target_sockets *sockets = &network->sockets;
    size_t low = 0, high = sockets->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sockets->items[middle].fd < fd)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sockets->count && sockets->items[low].fd == fd ? &sockets->items[low] : NULL;
}

/* The row of a descriptor, NULL: there is none. */
static struct snapshot_socket *find_row(const struct network *network, int64_t fd) {
    const struct target_socket *socket = find_socket(network, fd);
    return socket ? &network->snapshot->sockets.items[socket - network->sockets.items] : NULL;
}

/* What of the walk belongs to the sockets. */
static void add_protocols(struct network *network) {
    const struct snapshot *snapshot = network->snapshot;
    for (size_t i = 0; i < snapshot->protocols.count; i++) {
        const struct snapshot_protocol *protocol = &snapshot->protocols.items[i];
        struct snapshot_socket *row = find_row(network, protocol->fd);
        if (row) {
            row->protocol = protocol->id;
            row->protocol_type = protocol->type;
        }
    }
}

/* A loop has a pair of unix sockets by which it wakes itself (_make_self_pipe of
 * asyncio/selector_events.py). Where there is no other, nobody asks about them. */
static bool has_unix_of_interest(const struct network *network) {
    size_t count = 0;
    for (size_t i = 0; i < network->sockets.count; i++)
        count += network->sockets.items[i].protocol == TARGET_SOCKET_UNIX ||
                 network->sockets.items[i].protocol == TARGET_SOCKET_UNKNOWN;
    return count > 2 * network->snapshot->event_loops.count;
}

static void add_rows(struct network *network) {
    struct snapshot *snapshot = network->snapshot;
    sockets_list(network->process, &network->files, SOCKETS_MAX, network->arena, &network->sockets);
    const char *why = sockets_read_tables(network->process, network->arena,
                                          has_unix_of_interest(network), &network->sockets);
    sockets_read_times(network->process, &network->sockets);
    if (why)
        snapshot_add_missing(snapshot, "states of sockets", why);
    if (!network->sockets.complete || !network->files.complete)
        snapshot_add_missing(snapshot, "sockets", "there are very many of them, or of open files");
    for (size_t i = 0; i < network->sockets.count; i++)
        add_row(snapshot, &network->sockets.items[i]);
    add_protocols(network);
}

static enum snapshot_registered add_events(enum snapshot_registered before, uint32_t events) {
    bool both = before == SNAPSHOT_REGISTERED_BOTH;
    bool reads = both || before == SNAPSHOT_REGISTERED_READ || events & EPOLLIN;
    bool writes = both || before == SNAPSHOT_REGISTERED_WRITE || events & EPOLLOUT;
    if (reads && writes)
        return SNAPSHOT_REGISTERED_BOTH;
    if (reads)
        return SNAPSHOT_REGISTERED_READ;
    return writes ? SNAPSHOT_REGISTERED_WRITE : SNAPSHOT_REGISTERED_NONE;
}

/* A file stays watched when its descriptor was closed and another shares it: only a watch that
 * names what the descriptor is now counts. */
static void add_watches(struct network *network, const struct target_watches *watches) {
    for (size_t i = 0; i < watches->count; i++) {
        const struct target_watch *watch = &watches->items[i];
        const struct target_socket *socket = find_socket(network, watch->fd);
        if (!socket || (watch->inode && watch->inode != socket->inode))
            continue;
        struct snapshot_socket *row = find_row(network, watch->fd);
        row->registered = add_events(row->registered, watch->events);
    }
}

/* False when some of what is watched is not known. */
static bool read_epolls(struct network *network, size_t *ret_count) {
    bool complete = true;
    *ret_count = 0;
    for (size_t i = 0; i < network->files.count; i++) {
        struct target_watches watches;
        if (network->files.items[i].kind != TARGET_FILE_EPOLL)
            continue;
        if (++*ret_count > EPOLLS_MAX)
            return false;
        if (!files_read_epoll(network->process, network->files.items[i].fd, network->arena,
                              &watches))
            continue; /* closed meanwhile */
        add_watches(network, &watches);
        complete &= watches.complete;
    }
    return complete;
}

static void add_registered(struct network *network) {
    size_t count;
    bool complete = read_epolls(network, &count) && network->files.complete;
    if (count == 0)
        return; /* its loops do not use epoll: select(), io_uring */
    for (size_t i = 0; complete && i < network->snapshot->sockets.count; i++) {
        struct snapshot_socket *row = &network->snapshot->sockets.items[i];
        if (row->registered == SNAPSHOT_REGISTERED_UNKNOWN)
            row->registered = SNAPSHOT_REGISTERED_NONE;
    }
    if (!complete)
        snapshot_add_missing(network->snapshot, "files watched by epoll",
                             "there are very many of them");
}

static void count_files(const struct network *network) {
    int64_t limit = files_read_limit(network->process);
    if (network->files.complete)
        network->snapshot->files.open = (int64_t)network->files.count;
    if (limit >= 0)
        network->snapshot->files.limit = limit;
}

void network_add_sockets(const struct target_process *process, struct snapshot *snapshot) {
    struct network network = {.process = process, .snapshot = snapshot};
    bool has_asyncio = snapshot->tasks.count > 0 || snapshot->event_loops.count > 0;
    network.arena = arena_create();
    struct error *err = files_list(process, network.arena, &network.files);
    if (!err)
        count_files(&network);
    if (err && has_asyncio)
        snapshot_add_missing(snapshot, "sockets", error_get_message(err));
    if (!err && has_asyncio) {
        add_rows(&network);
        add_registered(&network);
    }
    error_destroy(err);
    arena_destroy(network.arena);
}
