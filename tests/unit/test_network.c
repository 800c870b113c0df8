/* The sockets of a live child as they come into a snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/capture/network.h"
#include "../support/child.h"

enum {
    SERVER = 100,
    CLIENT,
    READ,
    WRITTEN,
    BOTH,
    NEITHER,
    REUSED,
    UNWATCHED,
    FIRST,
    SECOND,
    KEEPS
};

static void watch(int poll, int file, uint32_t events) {
    struct epoll_event event = {.events = events};
    epoll_ctl(poll, EPOLL_CTL_ADD, file, &event);
}

static void open_server(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&address, size) == 0 && listen(server, 5) == 0 &&
        getsockname(server, (struct sockaddr *)&address, &size) == 0 &&
        connect(client, (struct sockaddr *)&address, size) == 0)
        dup2(client, CLIENT);
    dup2(server, SERVER);
}

/* Two epoll instances, and one socket that is watched under a number that another has now. */
static void open_watched(void) {
    dup2(epoll_create1(0), FIRST);
    dup2(epoll_create1(0), SECOND);
    for (int i = READ; i <= UNWATCHED; i++)
        dup2(socket(AF_INET, SOCK_DGRAM, 0), i);
    watch(FIRST, READ, EPOLLIN);
    watch(FIRST, WRITTEN, EPOLLOUT | EPOLLERR);
    watch(FIRST, BOTH, EPOLLIN);
    watch(SECOND, BOTH, EPOLLOUT | EPOLLET);
    watch(FIRST, NEITHER, 0);
    watch(FIRST, REUSED, EPOLLIN);
    dup2(REUSED, KEEPS);
    dup2(socket(AF_INET, SOCK_DGRAM, 0), REUSED);
}

static void serve(void) {
    open_server();
    open_watched();
    child_count_forever();
}

static void have_only_a_pair(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
        dup2(ends[0], SERVER);
        dup2(ends[1], CLIENT);
        close(ends[0]);
        close(ends[1]);
    }
    child_count_forever();
}

/* A snapshot with that many loops and the sockets of `pid`. */
static struct snapshot *take(pid_t pid, size_t loops) {
    struct snapshot *snapshot = snapshot_create();
    struct target_process *process = child_open(pid);
    for (size_t i = 0; i < loops; i++)
        *SNAPSHOT_APPEND(snapshot, &snapshot->event_loops) = snapshot_loop_blank;
    network_add_sockets(process, snapshot);
    process_close(process);
    assert_int_equal(snapshot->missing.count, 0);
    return snapshot;
}

static const struct snapshot_socket *find(const struct snapshot *snapshot, int fd) {
    for (size_t i = 0; i < snapshot->sockets.count; i++)
        if (snapshot->sockets.items[i].fd == fd)
            return &snapshot->sockets.items[i];
    fail_msg("no socket %d", fd);
    return snapshot->sockets.items;
}

static void test_rows(void **state) {
    (void)state;
    pid_t pid = child_start(serve);
    struct snapshot *snapshot = take(pid, 1);
    const struct snapshot_socket *server = find(snapshot, SERVER), *client = find(snapshot, CLIENT);
    assert_string_equal(server->family, "inet");
    assert_string_equal(server->state, "LISTEN");
    assert_int_equal(server->receive_queue, 1);
    assert_int_equal(server->send_queue, SNAPSHOT_UNKNOWN);
    assert_int_equal(server->moved, SNAPSHOT_MAYBE);
    assert_string_equal(client->peer, server->local);
    assert_int_equal(client->retransmits, 0);
    assert_int_equal(server->backlog_max, 5);
    assert_int_equal(client->backlog_max, SNAPSHOT_UNKNOWN);
    assert_true(client->last_received_s >= 0 && client->last_sent_s >= 0);
    assert_true(isnan(server->last_received_s) && isnan(find(snapshot, READ)->last_sent_s));
    for (size_t i = 1; i < snapshot->sockets.count; i++)
        assert_true(snapshot->sockets.items[i - 1].fd < snapshot->sockets.items[i].fd);
    snapshot_destroy(snapshot);
    child_finish(pid);
}

static void test_registered(void **state) {
    (void)state;
    static const struct {
        int fd;
        enum snapshot_registered registered;
    } cases[] = {{READ, SNAPSHOT_REGISTERED_READ},   {WRITTEN, SNAPSHOT_REGISTERED_WRITE},
                 {BOTH, SNAPSHOT_REGISTERED_BOTH},   {NEITHER, SNAPSHOT_REGISTERED_NONE},
                 {REUSED, SNAPSHOT_REGISTERED_NONE}, {UNWATCHED, SNAPSHOT_REGISTERED_NONE},
                 {SERVER, SNAPSHOT_REGISTERED_NONE}};
    pid_t pid = child_start(serve);
    struct snapshot *snapshot = take(pid, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(find(snapshot, cases[i].fd)->registered, cases[i].registered);
    snapshot_destroy(snapshot);
    child_finish(pid);
}

/* Without epoll nobody knows what a loop watches. */
static void test_pair(void **state) {
    (void)state;
    pid_t pid = child_start(have_only_a_pair);
    struct snapshot *snapshot = take(pid, 1);
    assert_string_equal(find(snapshot, SERVER)->family, "unix");
    assert_int_equal(find(snapshot, SERVER)->registered, SNAPSHOT_REGISTERED_UNKNOWN);
    assert_null(find(snapshot, SERVER)->state); /* the loop's own: the table was not read */
    snapshot_destroy(snapshot);
    snapshot = take(pid, 0);
    assert_int_equal(snapshot->sockets.count, 0);
    *SNAPSHOT_APPEND(snapshot, &snapshot->tasks) = snapshot_task_blank;
    struct target_process *process = child_open(pid);
    network_add_sockets(process, snapshot);
    assert_string_equal(find(snapshot, CLIENT)->state, "CONNECTED");
    process_close(process);
    snapshot_destroy(snapshot);
    child_finish(pid);
}

static void test_gone(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    pid_t pid = child_start(serve);
    struct target_process *process = child_open(pid);
    child_finish(pid);
    *SNAPSHOT_APPEND(snapshot, &snapshot->tasks) = snapshot_task_blank;
    network_add_sockets(process, snapshot);
    assert_int_equal(snapshot->sockets.count, 0);
    assert_int_equal(snapshot->missing.count, 1);
    assert_string_equal(snapshot->missing.items[0].what, "sockets");
    process_close(process);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_registered),
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
