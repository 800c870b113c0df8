/* net/ipv4/tcp_ipv4.c (get_tcp4_sock), net/ipv6/tcp_ipv6.c, net/ipv4/udp.c, net/unix/af_unix.c
 * (unix_seq_show). */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "socket_table.h"

/* include/net/tcp_states.h */
enum { TCP_ESTABLISHED_STATE = 1, TCP_LISTEN_STATE = 10, TCP_TIMER_RETRANSMIT = 1 };
static const char *const tcp_states[] = {
    NULL,    "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};

/* enum socket_state of include/uapi/linux/net.h; UNIX_ACCEPTS is __SO_ACCEPTCON. */
static const char *const unix_states[] = {NULL, "UNCONNECTED", "CONNECTING", "CONNECTED",
                                          "DISCONNECTING"};
#define UNIX_ACCEPTS 0x10000

#define INET_FIELDS_BEFORE_INODE 9
#define UNIX_FIELDS_BEFORE_INODE 6

enum target_socket_protocol socket_parse_protocol(const char *name) {
    static const struct {
        const char *name;
        enum target_socket_protocol protocol;
    } names[] = {{"TCP", TARGET_SOCKET_TCP},   {"TCPv6", TARGET_SOCKET_TCP6},
                 {"UDP", TARGET_SOCKET_UDP},   {"UDPv6", TARGET_SOCKET_UDP6},
                 {"UNIX", TARGET_SOCKET_UNIX}, {"UNIX-STREAM", TARGET_SOCKET_UNIX}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i].name) == 0)
            return names[i].protocol;
    return TARGET_SOCKET_OTHER;
}

/* What is left to read of a row. */
struct cursor {
    const char *at; /* NULL: something was not as it should be */
};

/* A number and the character behind it. */
static uint64_t take(struct cursor *cursor, int base, char end) {
    char *rest = NULL;
    if (!cursor->at)
        return 0;
    uint64_t number = strtoull(cursor->at, &rest, base);
    cursor->at = rest != cursor->at && *rest == end ? rest + 1 : NULL;
    return number;
}

static void skip_fields(struct cursor *cursor, size_t count) {
    const char *at = cursor->at;
    for (size_t i = 0; at && i < count; i++) {
        at += strspn(at, " ");
        at += strcspn(at, " ");
    }
    cursor->at = at;
}

uint64_t socket_row_inode(enum target_socket_protocol table, const char *row) {
    struct cursor cursor = {row};
    skip_fields(&cursor,
                table == TARGET_SOCKET_UNIX ? UNIX_FIELDS_BEFORE_INODE : INET_FIELDS_BEFORE_INODE);
    return strtoull(cursor.at, NULL, 10);
}

struct address {
    bool is_v6;
    struct in6_addr v6;
    struct in_addr v4;
    unsigned port;
};

/* Words of eight digits, each four bytes in the order of the machine. */
static void take_words(struct cursor *cursor, uint32_t *words, size_t count) {
    for (size_t i = 0; i < count && cursor->at; i++) {
        char digits[9] = "", *rest;
        memcpy(digits, cursor->at, strnlen(cursor->at, 8));
        words[i] = (uint32_t)strtoul(digits, &rest, 16);
        cursor->at = rest == digits + 8 ? cursor->at + 8 : NULL;
    }
}

/* Also gives the words as they stand there: of an address that is mapped, too. */
static struct address take_address(struct cursor *cursor, bool is_v6, uint32_t words[4]) {
    struct address address = {.is_v6 = is_v6};
    if (cursor->at)
        cursor->at += strspn(cursor->at, " ");
    take_words(cursor, words, is_v6 ? 4 : 1);
    if (is_v6)
        memcpy(&address.v6, words, sizeof address.v6);
    else
        address.v4.s_addr = words[0];
    if (cursor->at && *cursor->at == ':')
        cursor->at++;
    else
        cursor->at = NULL;
    address.port = (unsigned)take(cursor, 16, ' ') & 0xffff;
    if (is_v6 && IN6_IS_ADDR_V4MAPPED(&address.v6)) {
        address.is_v6 = false;
        address.v4.s_addr = words[3];
    }
    return address;
}

/* NULL for no address at all. */
static const char *format_address(struct arena *arena, const struct address *address) {
    char text[INET6_ADDRSTRLEN];
    bool is_any =
        address->is_v6 ? IN6_IS_ADDR_UNSPECIFIED(&address->v6) : address->v4.s_addr == INADDR_ANY;
    if (is_any && address->port == 0)
        return NULL;
    if (!inet_ntop(address->is_v6 ? AF_INET6 : AF_INET,
                   address->is_v6 ? (const void *)&address->v6 : &address->v4, text, sizeof text))
        return NULL;
    return arena_format(arena, address->is_v6 ? "[%s]:%u" : "%s:%u", text, address->port);
}

/* A FIN counts as a byte in the queues that it stands at the end of: in the one to us from when it
 * came until it was read, in the one to the peer from when it was sent. */
static int64_t without_fin(uint64_t queue, uint64_t tcp_state, const char *states) {
    bool has_fin = strstr(states, tcp_states[tcp_state]) != NULL;
    return (int64_t)(has_fin && queue > 0 ? queue - 1 : queue);
}

static void set_tcp(struct target_socket *socket, uint64_t state, uint64_t retransmits) {
    socket->state = tcp_states[state];
    socket->retransmits = (int64_t)retransmits;
    socket->receive_queue =
        without_fin((uint64_t)socket->receive_queue, state, "CLOSE_WAIT LAST_ACK CLOSING");
    socket->send_queue =
        without_fin((uint64_t)socket->send_queue, state, "FIN_WAIT1 LAST_ACK CLOSING");
    if (state == TCP_LISTEN_STATE) { /* it sends nothing */
        socket->send_queue = -1;
        socket->retransmits = -1;
    }
}

/* "  1: 0100007F:D087 00000000:0000 0A 00000000:00000003 00:00000000 00000000 0 0 1234 ..." */
static bool parse_inet(enum target_socket_protocol table, const char *row, struct arena *arena,
                       struct target_socket *ret) {
    bool is_v6 = table == TARGET_SOCKET_TCP6 || table == TARGET_SOCKET_UDP6;
    bool is_tcp = table == TARGET_SOCKET_TCP || table == TARGET_SOCKET_TCP6;
    struct cursor cursor = {row};
    take(&cursor, 10, ':');
    struct address local = take_address(&cursor, is_v6, ret->ends.local);
    struct address peer = take_address(&cursor, is_v6, ret->ends.peer);
    uint64_t state = take(&cursor, 16, ' ');
    ret->send_queue = (int64_t)(take(&cursor, 16, ':') & UINT32_MAX);
    ret->receive_queue = (int64_t)(take(&cursor, 16, ' ') & UINT32_MAX);
    uint64_t timer = take(&cursor, 16, ':');
    take(&cursor, 16, ' ');
    uint64_t retransmits = take(&cursor, 16, ' ') & UINT32_MAX;
    if (!cursor.at || state >= sizeof tcp_states / sizeof *tcp_states || !tcp_states[state])
        return false;
    ret->is_retransmitting = is_tcp && timer == TCP_TIMER_RETRANSMIT;
    if (is_tcp)
        set_tcp(ret, state, retransmits);
    else
        ret->state = state == TCP_ESTABLISHED_STATE ? "CONNECTED" : "UNCONNECTED";
    ret->ends.local_port = (uint16_t)local.port;
    ret->ends.peer_port = (uint16_t)peer.port;
    ret->local = format_address(arena, &local);
    ret->peer = format_address(arena, &peer);
    return true;
}

/* "00000000283e9ae8: 00000002 00000000 00010000 0001 01 29155 @abstract" */
static bool parse_unix(const char *row, struct arena *arena, struct target_socket *ret) {
    struct cursor cursor = {row};
    skip_fields(&cursor, 3);
    uint64_t flags = take(&cursor, 16, ' ');
    take(&cursor, 16, ' '); /* type */
    uint64_t state = take(&cursor, 16, ' ');
    if (!cursor.at || state >= sizeof unix_states / sizeof *unix_states || !unix_states[state])
        return false;
    ret->state = flags & UNIX_ACCEPTS ? "LISTEN" : unix_states[state];
    cursor.at += strspn(cursor.at, " ");
    cursor.at += strspn(cursor.at, "0123456789"); /* inode */
    if (cursor.at[0] == ' ' && cursor.at[1])
        ret->local = arena_copy_string(arena, cursor.at + 1, strlen(cursor.at + 1));
    return true;
}

bool socket_parse_row(enum target_socket_protocol table, const char *row, struct arena *arena,
                      struct target_socket *ret) {
    ret->local = ret->peer = ret->state = NULL;
    ret->receive_queue = ret->send_queue = ret->retransmits = ret->backlog_max = -1;
    ret->is_retransmitting = false;
    ret->ends = (struct target_socket_ends){0};
    ret->last_received_s = ret->last_sent_s = NAN;
    return table == TARGET_SOCKET_UNIX ? parse_unix(row, arena, ret)
                                       : parse_inet(table, row, arena, ret);
}
