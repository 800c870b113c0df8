/* net/core/sock_diag.c, net/ipv4/inet_diag.c, net/ipv4/tcp_diag.c, tcp_get_info() of
 * net/ipv4/tcp.c. */
#include "sock_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asyncspy/base/log.h"
#include "process_private.h"

/* So many answers fit into the smallest receive buffer that is usual; what does not fit is lost. */
#define BATCH 32
#define ANSWER_ROOM 4096

/* include/net/tcp_states.h: in these bytes may have gone both ways, and the times are set. In
 * others they are those of the start of the machine. */
#define STATES_WITH_TIMES (1U << 1 | 1U << 4 | 1U << 5 | 1U << 8 | 1U << 9 | 1U << 11)
#define STATE_LISTEN 10

/* --- requests and answers --- */

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

static bool can_ask(const struct target_socket *socket) {
    bool is_tcp = socket->protocol == TARGET_SOCKET_TCP || socket->protocol == TARGET_SOCKET_TCP6;
    return is_tcp && socket->state && socket->ends.local_port;
}

/* The kernel finds one socket by its ends, without a walk over all. */
static struct request make_request(const struct target_socket *socket, uint32_t number) {
    struct request request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST,
                   .nlmsg_seq = number},
        .body = {.sdiag_family = socket->protocol == TARGET_SOCKET_TCP ? AF_INET : AF_INET6,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_ext = 1U << (INET_DIAG_INFO - 1),
                 .idiag_states = UINT32_MAX,
                 .id = {.idiag_sport = htons(socket->ends.local_port),
                        .idiag_dport = htons(socket->ends.peer_port),
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    memcpy(request.body.id.idiag_src, socket->ends.local, sizeof socket->ends.local);
    memcpy(request.body.id.idiag_dst, socket->ends.peer, sizeof socket->ends.peer);
    return request;
}

/* Kernels know different lengths of tcp_info; what was there first stays where it is. */
static void set_times(struct target_socket *socket, const void *info, size_t size) {
    struct tcp_info facts;
    if (size < offsetof(struct tcp_info, tcpi_last_ack_recv))
        return;
    memset(&facts, 0, sizeof facts);
    memcpy(&facts, info, size < sizeof facts ? size : sizeof facts);
    socket->last_sent_s = facts.tcpi_last_data_sent / 1e3;
    socket->last_received_s = facts.tcpi_last_data_recv / 1e3;
}

bool sock_diag_parse(const void *answer, size_t size, struct target_socket *socket) {
    struct inet_diag_msg head;
    struct rtattr attribute;
    if (size < sizeof head)
        return false;
    memcpy(&head, answer, sizeof head);
    if (head.idiag_inode != (uint32_t)socket->inode || head.idiag_state >= 32)
        return false;
    if (head.idiag_state == STATE_LISTEN)
        socket->backlog_max = head.idiag_wqueue;
    if (!(1U << head.idiag_state & STATES_WITH_TIMES))
        return true;
    for (size_t at = NLMSG_ALIGN(sizeof head); at < size && size - at >= sizeof attribute;
         at += RTA_ALIGN(attribute.rta_len)) {
        const char *start = (const char *)answer + at;
        memcpy(&attribute, start, sizeof attribute);
        if (attribute.rta_len < sizeof attribute || attribute.rta_len > size - at)
            break;
        if (attribute.rta_type == INET_DIAG_INFO)
            set_times(socket, start + RTA_LENGTH(0), attribute.rta_len - RTA_LENGTH(0));
    }
    return true;
}

/* --- the netlink socket --- */

static int open_netlink(void) {
    return socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

struct opener {
    int space; /* the network namespace */
    int file;
};

static void *open_in_space(void *argument) {
    struct opener *opener = argument;
    if (setns(opener->space, CLONE_NEWNET) == 0)
        opener->file = open_netlink();
    return NULL;
}

/* A netlink socket belongs to the network namespace of the thread that made it: one that does
 * nothing else. */
static int open_elsewhere(const struct target_process *process) {
    struct opener opener = {openat(process->folder, "ns/net", O_RDONLY | O_CLOEXEC), -1};
    pthread_t thread;
    if (opener.space < 0)
        return -1;
    if (pthread_create(&thread, NULL, open_in_space, &opener) == 0)
        pthread_join(thread, NULL);
    close(opener.space);
    return opener.file;
}

static int open_for(const struct target_process *process) {
    struct stat own, its;
    if (stat("/proc/thread-self/ns/net", &own) != 0 ||
        fstatat(process->folder, "ns/net", &its, 0) != 0)
        return -1;
    bool is_same = own.st_dev == its.st_dev && own.st_ino == its.st_ino;
    return is_same ? open_netlink() : open_elsewhere(process);
}

/* Asks for the next sockets; how many. */
static size_t ask(int file, const struct target_sockets *sockets, size_t *next) {
    struct request requests[BATCH];
    size_t count = 0;
    for (; *next < sockets->count && count < BATCH; ++*next)
        if (can_ask(&sockets->items[*next]))
            requests[count++] = make_request(&sockets->items[*next], (uint32_t)*next);
    ssize_t size = (ssize_t)(count * sizeof *requests);
    return count && send(file, requests, (size_t)size, 0) == size ? count : 0;
}

/* The kernel has answered when send() returns: nothing is waited for. */
static void take_answers(int file, const struct target_sockets *sockets, size_t count) {
    _Alignas(struct nlmsghdr) char room[ANSWER_ROOM];
    for (size_t i = 0; i < count; i++) {
        struct nlmsghdr header;
        ssize_t got = recv(file, room, sizeof room, MSG_DONTWAIT);
        if (got < (ssize_t)sizeof header)
            return;
        memcpy(&header, room, sizeof header);
        if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY && header.nlmsg_seq < sockets->count &&
            header.nlmsg_len <= (size_t)got && header.nlmsg_len >= NLMSG_HDRLEN)
            sock_diag_parse(room + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN,
                            &sockets->items[header.nlmsg_seq]);
    }
}

void sockets_read_times(const struct target_process *process, struct target_sockets *sockets) {
    size_t next = 0, count;
    while (next < sockets->count && !can_ask(&sockets->items[next]))
        next++;
    if (next == sockets->count)
        return;
    int file = open_for(process);
    if (file < 0) {
        log_debug(LOG_TARGET, "how long sockets are silent is not known: %s", strerror(errno));
        return;
    }
    while ((count = ask(file, sockets, &next)))
        take_answers(file, sockets, count);
    close(file);
}
