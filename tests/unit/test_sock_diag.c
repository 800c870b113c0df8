/* For how long the TCP sockets of a live child are silent; answers that no kernel gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <math.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/target/sock_diag.h"
#include "../support/child.h"
#include "asyncspy/base/clock.h"

enum { SERVER = 100, CLIENT, ACCEPTED, UNBOUND, V6_SERVER, V6_CLIENT, MAPPED, LAST };

#define WAITED_S 0.3

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

static int listen_at(int family) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int server = socket(family, SOCK_STREAM, 0);
    if (family == AF_INET ? bind(server, (struct sockaddr *)&v4, sizeof v4)
                          : bind(server, (struct sockaddr *)&v6, sizeof v6))
        return -1;
    return listen(server, 10) == 0 ? server : -1;
}

/* To a server's port on the loopback interface. */
static int connect_to(int family, int server) {
    struct sockaddr_in6 v6;
    socklen_t size = sizeof v6;
    int client = socket(family, SOCK_STREAM, 0);
    if (getsockname(server, (struct sockaddr *)&v6, &size) != 0)
        return -1;
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = v6.sin6_port, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    v6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    if (family == AF_INET ? connect(client, (struct sockaddr *)&v4, sizeof v4)
                          : connect(client, (struct sockaddr *)&v6, sizeof v6))
        return -1;
    return client;
}

/* A client sends, waits, and is answered; nobody says anything on the others. Counts then. */
static void talk(void) {
    dup2(listen_at(AF_INET), SERVER);
    dup2(connect_to(AF_INET, SERVER), CLIENT);
    dup2(accept(SERVER, NULL, NULL), ACCEPTED);
    dup2(socket(AF_INET, SOCK_STREAM, 0), UNBOUND);
    dup2(listen_at(AF_INET6), V6_SERVER);
    dup2(connect_to(AF_INET6, V6_SERVER), V6_CLIENT);
    connect_to(AF_INET, V6_SERVER);
    accept(V6_SERVER, NULL, NULL);
    dup2(accept(V6_SERVER, NULL, NULL), MAPPED);
    if (send(CLIENT, "hello", 5, 0) != 5)
        return;
    clock_sleep(WAITED_S);
    if (send(ACCEPTED, "1", 1, 0) == 1)
        child_count_forever();
}

static void talk_apart(void) {
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    if (unshare(CLONE_NEWNET) == 0 &&
        ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &loopback) == 0)
        talk();
}

static struct target_process *start(void (*body)(void), pid_t *ret_pid) {
    *ret_pid = child_start(body);
    while (!child_shared->ticks)
        clock_sleep(0.01);
    return child_open(*ret_pid);
}

static struct target_sockets read_sockets(struct target_process *process) {
    struct target_files files;
    struct target_sockets sockets;
    assert_null(files_list(process, arena, &files));
    sockets_list(process, &files, 1000, arena, &sockets);
    assert_null(sockets_read_tables(process, arena, false, &sockets));
    return sockets;
}

static struct target_socket *find(const struct target_sockets *sockets, int fd) {
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->items[i].fd == fd)
            return &sockets->items[i];
    fail_msg("no socket %d", fd);
    return sockets->items;
}

static void assert_unknown(const struct target_socket *socket) {
    assert_true(isnan(socket->last_received_s) && isnan(socket->last_sent_s));
}

static void assert_near(double value, double expected) {
    if (!(fabs(value - expected) < 0.1))
        fail_msg("%f, not %f", value, expected);
}

/* One that said nothing counts from when it was connected, which is when the client spoke. */
static void assert_times(const struct target_sockets *sockets) {
    const struct target_socket *client = find(sockets, CLIENT), *server = find(sockets, SERVER);
    const struct target_socket *accepted = find(sockets, ACCEPTED);
    assert_true(client->last_sent_s >= WAITED_S - 0.02 && client->last_sent_s < 60);
    assert_near(client->last_received_s, client->last_sent_s - WAITED_S);
    assert_near(accepted->last_sent_s, client->last_received_s);
    assert_near(accepted->last_received_s, client->last_sent_s);
    assert_near(find(sockets, V6_CLIENT)->last_received_s, client->last_sent_s);
    assert_near(find(sockets, MAPPED)->last_sent_s, client->last_sent_s);
    assert_unknown(server);
    assert_unknown(find(sockets, UNBOUND));
    assert_int_equal(server->backlog_max, 10);
    assert_int_equal(find(sockets, V6_SERVER)->backlog_max, 10);
    assert_int_equal(client->backlog_max, -1);
}

static void test_live(void **state) {
    (void)state;
    pid_t pid;
    struct target_process *process = start(talk, &pid);
    struct target_sockets sockets = read_sockets(process);
    assert_unknown(find(&sockets, CLIENT));
    sockets_read_times(process, &sockets);
    assert_times(&sockets);
    process_close(process);
    child_finish(pid);
}

/* In a network namespace of its own; we stay in ours. */
static void test_apart(void **state) {
    (void)state;
    struct stat before, after;
    pid_t pid;
    if (geteuid() != 0)
        skip();
    struct target_process *process = start(talk_apart, &pid);
    struct target_sockets sockets = read_sockets(process);
    assert_int_equal(stat("/proc/thread-self/ns/net", &before), 0);
    sockets_read_times(process, &sockets);
    assert_times(&sockets);
    assert_int_equal(stat("/proc/thread-self/ns/net", &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    process_close(process);
    child_finish(pid);
}

/* More than are asked for at once; one is another socket by now, one is gone. */
static void test_many(void **state) {
    (void)state;
    pid_t pid;
    struct target_process *process = start(talk, &pid);
    struct target_sockets few = read_sockets(process), many = {.count = 500};
    many.items = arena_alloc_array(arena, many.count, sizeof *many.items);
    for (size_t i = 0; i < many.count; i++)
        many.items[i] = *find(&few, i % 2 ? CLIENT : SERVER);
    many.items[7].inode++;
    many.items[9].ends.peer_port = 1;
    sockets_read_times(process, &many);
    for (size_t i = 0; i < many.count; i++) {
        if (i % 2 == 0)
            assert_int_equal(many.items[i].backlog_max, 10);
        else
            assert_int_equal(isnan(many.items[i].last_sent_s), i == 7 || i == 9);
    }
    process_close(process);
    child_finish(pid);
}

struct answer {
    struct inet_diag_msg head;
    struct rtattr other;
    uint32_t value;
    struct rtattr attribute;
    struct tcp_info info;
} __attribute__((packed));

static struct answer make_answer(uint8_t tcp_state) {
    struct answer answer = {
        .head = {.idiag_inode = 17, .idiag_state = tcp_state, .idiag_wqueue = 128},
        .other = {.rta_len = RTA_LENGTH(4), .rta_type = INET_DIAG_SKMEMINFO},
        .attribute = {.rta_len = RTA_LENGTH(sizeof answer.info), .rta_type = INET_DIAG_INFO}};
    answer.info.tcpi_last_data_sent = 41200;
    answer.info.tcpi_last_data_recv = 500;
    return answer;
}

/* Cut anywhere, of a state without times, of another socket, of lengths that lie. */
static void test_answers(void **state) {
    (void)state;
    const struct target_socket blank = {
        .inode = 17, .last_received_s = NAN, .last_sent_s = NAN, .backlog_max = -1};
    struct answer answer = make_answer(1);
    struct target_socket socket = blank;
    assert_true(sock_diag_parse(&answer, sizeof answer, &socket));
    assert_true(socket.last_sent_s == 41.2 && socket.last_received_s == 0.5);
    assert_int_equal(socket.backlog_max, -1);
    for (size_t size = 0; size < sizeof answer; size++) {
        void *cut = malloc(size ? size : 1);
        memcpy(cut, &answer, size);
        socket = blank;
        assert_int_equal(sock_diag_parse(cut, size, &socket), size >= sizeof answer.head);
        assert_true(isnan(socket.last_sent_s) && isnan(socket.last_received_s));
        free(cut);
    }
    static const uint16_t lengths[] = {0, 3, RTA_LENGTH(4) + 1, 40, UINT16_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        answer = make_answer(1);
        answer.other.rta_len = lengths[i];
        socket = blank;
        assert_true(sock_diag_parse(&answer, sizeof answer, &socket));
        assert_true(isnan(socket.last_sent_s));
    }
    answer = make_answer(1);
    answer.attribute.rta_len = RTA_LENGTH(40);
    assert_true(sock_diag_parse(&answer, sizeof answer, &socket));
    assert_true(isnan(socket.last_sent_s));
    answer = make_answer(2); /* SYN_SENT */
    assert_true(sock_diag_parse(&answer, sizeof answer, &socket));
    assert_true(isnan(socket.last_sent_s) && isnan(socket.last_received_s));
    answer = make_answer(200);
    assert_false(sock_diag_parse(&answer, sizeof answer, &socket));
    answer = make_answer(10); /* LISTEN */
    assert_true(sock_diag_parse(&answer, sizeof answer, &socket));
    assert_int_equal(socket.backlog_max, 128);
    assert_true(isnan(socket.last_sent_s));
    answer.head.idiag_inode = 18;
    assert_false(sock_diag_parse(&answer, sizeof answer, &socket));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(test_live), TEST(test_apart), TEST(test_many),
                                       TEST(test_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
