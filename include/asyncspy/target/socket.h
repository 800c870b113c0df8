/*
 * The sockets of a process as the kernel tells of them: addresses, states, queues, and for how long
 * they are silent. Hides the tables of /proc/PID/net and netlink; both are asked about the network
 * namespace of the process, whatever ours is.
 *
 * A table has a row for every socket of that namespace and costs some microseconds a row; only the
 * tables that are needed are read, and not further than needed. A socket that is in none of them
 * (never bound, of another family, closed meanwhile) has no state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/target/files.h"
#include "asyncspy/target/process.h"

/* The rows that are read of one table. */
#define SOCKET_ROWS_MAX 200000

/* The first ones are those that have a table. */
enum target_socket_protocol {
    TARGET_SOCKET_TCP,
    TARGET_SOCKET_TCP6,
    TARGET_SOCKET_UDP,
    TARGET_SOCKET_UDP6,
    TARGET_SOCKET_UNIX,
    TARGET_SOCKET_TABLE_COUNT,
    TARGET_SOCKET_OTHER = TARGET_SOCKET_TABLE_COUNT,
    TARGET_SOCKET_UNKNOWN, /* the kernel does not say, and it is in no table */
};

/* Of a TCP socket, by which the kernel finds it: addresses as the network has them, an IPv4 one in
 * the first word; a port of 0: none. */
struct target_socket_ends {
    uint32_t local[4], peer[4];
    uint16_t local_port, peer_port;
};

struct target_socket {
    int fd;
    uint64_t inode;
    enum target_socket_protocol protocol;

    /* "10.0.0.5:51324", "[::1]:80"; of a unix socket its path as it is (any bytes), or "@" and an
     * abstract name. NULL: none, or not known. */
    const char *local, *peer;

    /* TCP: a name of include/net/tcp_states.h ("ESTABLISHED"); others: "CONNECTED", "UNCONNECTED",
     * "LISTEN", "CONNECTING", "DISCONNECTING". NULL: it is in no table that was read. */
    const char *state;

    /* Bytes that the process has not read; of a listening one, connections that it has not
     * accepted. UDP: memory, which is more than what is in the datagrams. -1 unknown. */
    int64_t receive_queue;
    int64_t send_queue;     /* bytes that the peer has not acknowledged; -1 unknown */
    int64_t retransmits;    /* TCP: how often the oldest of them was sent again; -1 unknown */
    bool is_retransmitting; /* TCP: the timer of the next retransmission runs */
    struct target_socket_ends ends;

    /* TCP: since bytes came last, and since some were sent last or again; since it was connected
     * where none were. NaN unknown. */
    double last_received_s, last_sent_s;
    int64_t backlog_max; /* of a listening one: connections that may wait; -1 unknown */
};

struct target_sockets {
    size_t count;
    struct target_socket *items; /* by ascending fd; a socket of two descriptors is there twice */
    bool complete;               /* all sockets of the files */
};

/* The sockets among `files`, the first `max`: descriptor, inode and protocol. They live in
 * `arena`. */
void sockets_list(const struct target_process *process, const struct target_files *files,
                  size_t max, struct arena *arena, struct target_sockets *ret);

/* Fills in what the tables say; that of unix sockets is left out without `with_unix`. NULL, or why
 * something may not be known. */
const char *sockets_read_tables(const struct target_process *process, struct arena *arena,
                                bool with_unix, struct target_sockets *sockets);

/* Fills in what only NETLINK_SOCK_DIAG tells of TCP sockets that have a state: last_received_s,
 * last_sent_s, backlog_max; some microseconds a socket. For a target in another network namespace
 * a thread of ours enters that for a moment, which takes CAP_SYS_ADMIN. What is not told stays
 * unknown. */
void sockets_read_times(const struct target_process *process, struct target_sockets *sockets);
