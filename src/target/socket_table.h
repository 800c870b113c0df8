/*
 * The rows of /proc/PID/net/{tcp,tcp6,udp,udp6,unix} and how they find their sockets. Private to
 * target. The name of a unix socket may hold anything, line ends as well, so a row may be
 * somebody's forgery; it can claim a name and a state, no more.
 */
#pragma once

#include "asyncspy/base/table.h"
#include "asyncspy/target/socket.h"

/* "TCPv6", as the kernel calls a protocol (struct proto). */
enum target_socket_protocol socket_parse_protocol(const char *name);

/* The inode of a row; 0: it has none (a connection that nobody accepted yet), or it is no row. */
uint64_t socket_row_inode(enum target_socket_protocol table, const char *row);

/* The facts of a row; texts live in `arena`. False: it is none of that table. Sets all members but
 * fd, inode and protocol. */
bool socket_parse_row(enum target_socket_protocol table, const char *row, struct arena *arena,
                      struct target_socket *ret);

/* Sockets that look for their rows. */
struct socket_join {
    struct arena *arena;
    struct target_socket **by_inode; /* sorted */
    size_t count;
    enum target_socket_protocol table; /* that is being read */
    size_t left;                       /* sockets that may be in it and were not found yet */
};

void socket_join_create(struct socket_join *join, struct arena *arena,
                        struct target_sockets *sockets);

/* Begins a table; false: no socket can be in it. */
bool socket_join_begin(struct socket_join *join, enum target_socket_protocol table);

/* Takes a row. False: no further one is needed. */
bool socket_join_row(struct socket_join *join, const char *row);
