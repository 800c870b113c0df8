/*
 * The kernel's answers about single TCP sockets, man 7 sock_diag. Private to target, for its tests.
 */
#pragma once

#include "asyncspy/target/socket.h"

/* Takes an answer (a struct inet_diag_msg and what follows it). False: it is none of this socket,
 * or too short. */
bool sock_diag_parse(const void *answer, size_t size, struct target_socket *socket);
