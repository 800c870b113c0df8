/* Sockets: rows of the kernel's tables, and those of a live child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../src/target/process_private.h"
#include "../../src/target/socket_table.h"
#include "../support/child.h"

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

/* ---- rows ---- */

static struct target_socket parse(enum target_socket_protocol table, const char *row) {
    struct target_socket socket = {.fd = 5};
    assert_true(socket_parse_row(table, row, arena, &socket));
    return socket;
}

#define LISTENS                                                                                    \
    "   1: 0100007F:D087 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 "  \
    "2915560 4 00000000d59afc33 100 0 0 10 0                   "
#define CONNECTED                                                                                  \
    "   3: 0500000A:C86C 0302010A:01BB 01 00000011:00000005 01:00000014 00000004  1000        0 "  \
    "2915564 1 00000000b3607d88 20 4 30 10 -1                  "

static void test_tcp(void **state) {
    (void)state;
    struct target_socket socket = parse(TARGET_SOCKET_TCP, LISTENS);
    assert_int_equal(socket_row_inode(TARGET_SOCKET_TCP, LISTENS), 2915560);
    assert_string_equal(socket.local, "127.0.0.1:53383");
    assert_null(socket.peer);
    assert_string_equal(socket.state, "LISTEN");
    assert_int_equal(socket.receive_queue, 3);
    assert_int_equal(socket.send_queue, -1);
    assert_int_equal(socket.retransmits, -1);
    assert_false(socket.is_retransmitting);

    socket = parse(TARGET_SOCKET_TCP, CONNECTED);
    assert_int_equal(socket_row_inode(TARGET_SOCKET_TCP, CONNECTED), 2915564);
    assert_string_equal(socket.local, "10.0.0.5:51308");
    assert_string_equal(socket.peer, "10.1.2.3:443");
    assert_string_equal(socket.state, "ESTABLISHED");
    assert_int_equal(socket.receive_queue, 5);
    assert_int_equal(socket.send_queue, 17);
    assert_int_equal(socket.retransmits, 4);
    assert_int_equal(socket.ends.local_port, 51308);
    assert_int_equal(socket.ends.peer[0], htonl(0x0A010203));
    assert_int_equal(socket.ends.peer[3], 0);
    assert_true(socket.is_retransmitting);
}

static void test_tcp6(void **state) {
    (void)state;
    struct target_socket socket =
        parse(TARGET_SOCKET_TCP6,
              "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 "
              "0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0 100 0 0 10 0");
    assert_string_equal(socket.local, "[::1]:80");
    assert_null(socket.peer);
    /* A v4 client of a v6 socket. */
    socket =
        parse(TARGET_SOCKET_TCP6,
              "   1: 0000000000000000FFFF00000500000A:0050 B80D0120000000000000000001000000:C000 "
              "01 00000000:00000000 00:00000000 00000000     0        0 18 1 0 20 4 30 10 -1");
    assert_string_equal(socket.local, "10.0.0.5:80");
    assert_int_equal(socket.ends.local[2], htonl(0xFFFF));
    assert_int_equal(socket.ends.peer_port, 49152);
    assert_string_equal(socket.peer, "[2001:db8::1]:49152");
    assert_int_equal(
        socket_row_inode(
            TARGET_SOCKET_TCP6,
            "   1: 0000000000000000FFFF00000500000A:0050 B80D0120000000000000000001000000:C000 "
            "01 00000000:00000000 00:00000000 00000000     0        0 18 1 0 20 4 30 10 -1"),
        18);
}

static struct target_socket parse_state(const char *state, unsigned send, unsigned receive) {
    char row[256];
    snprintf(row, sizeof row,
             "   3: 0500000A:C86C 0302010A:01BB %s %08X:%08X 00:00000000 00000000 0 0 9 1", state,
             send, receive);
    return parse(TARGET_SOCKET_TCP, row);
}

/* A FIN is no data. */
static void test_fin(void **state) {
    (void)state;
    static const struct {
        const char *state, *name;
        int send, receive; /* of 2 bytes, one of them the FIN where there may be one */
    } cases[] = {
        {"01", "ESTABLISHED", 2, 2}, {"04", "FIN_WAIT1", 1, 2}, {"05", "FIN_WAIT2", 2, 2},
        {"08", "CLOSE_WAIT", 2, 1},  {"09", "LAST_ACK", 1, 1},  {"0B", "CLOSING", 1, 1},
        {"02", "SYN_SENT", 2, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct target_socket socket = parse_state(cases[i].state, 2, 2);
        assert_string_equal(socket.state, cases[i].name);
        assert_int_equal(socket.send_queue, cases[i].send);
        assert_int_equal(socket.receive_queue, cases[i].receive);
    }
    assert_int_equal(parse_state("08", 0, 0).receive_queue, 0); /* it was read */
    assert_int_equal(parse_state("01", 0xffffffff, 0).send_queue, UINT32_MAX);
}

static void test_udp(void **state) {
    (void)state;
    struct target_socket socket =
        parse(TARGET_SOCKET_UDP, " 4087: 0100007F:ACCE 00000000:0000 07 00000000:00000300 "
                                 "00:00000000 00000000     0        0 2915567 2 0 0 ");
    assert_string_equal(socket.local, "127.0.0.1:44238");
    assert_null(socket.peer);
    assert_string_equal(socket.state, "UNCONNECTED");
    assert_int_equal(socket.receive_queue, 768);
    assert_int_equal(socket.retransmits, -1);
    socket = parse(TARGET_SOCKET_UDP, " 4087: 0100007F:ACCE 08080808:0035 01 00000000:00000000 "
                                      "00:00000000 00000000     0        0 2915567 2 0 0 ");
    assert_string_equal(socket.state, "CONNECTED");
    assert_string_equal(socket.peer, "8.8.8.8:53");
}

static void test_unix(void **state) {
    (void)state;
    static const char abstract[] =
        "00000000283e9ae8: 00000002 00000000 00010000 0001 01 2915571 @abs one";
    struct target_socket socket = parse(TARGET_SOCKET_UNIX, abstract);
    assert_int_equal(socket_row_inode(TARGET_SOCKET_UNIX, abstract), 2915571);
    assert_string_equal(socket.local, "@abs one");
    assert_string_equal(socket.state, "LISTEN");
    assert_int_equal(socket.receive_queue, -1);
    assert_int_equal(socket.send_queue, -1);
    socket = parse(TARGET_SOCKET_UNIX, "0: 00000003 00000000 00000000 0001 03   117");
    assert_null(socket.local);
    assert_string_equal(socket.state, "CONNECTED");
    socket = parse(TARGET_SOCKET_UNIX, "0: 00000003 00000000 00000000 0002 01   117 /run/x\xff y");
    assert_string_equal(socket.local, "/run/x\xff y");
    assert_string_equal(socket.state, "UNCONNECTED");
}

static void test_garbage(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "\n",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
        "timeout "
        "inode",
        "Num       RefCount Protocol Flags    Type St Inode Path",
        "1:",
        "1: 0100007F",
        "1: 0100007F:1F90 0100007F:1F90 0A",
        "1: 0100007F:1F90 0100007F:1F90 0A 0:0 0:0",
        "1: 0100007F:1F90 0100007F:1F90 00 0:0 0:0 0 0 0 5 ",
        "1: 0100007F:1F90 0100007F:1F90 FF 0:0 0:0 0 0 0 5 ",
        "1: xx00007F:1F90 0100007F:1F90 01 0:0 0:0 0 0 0 5 ",
        "0: 0 0 0 0001 09 117",
        "0: 0 0 0 0001 -1 117",
    };
    struct target_socket socket;
    for (int table = 0; table < TARGET_SOCKET_TABLE_COUNT; table++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            assert_false(
                socket_parse_row((enum target_socket_protocol)table, rows[i], arena, &socket));
            (void)socket_row_inode((enum target_socket_protocol)table, rows[i]);
        }
}

/* Every byte of a row turned into every other: no crash, and what has no state has no address. */
static void test_broken(void **state) {
    (void)state;
    static const char good[] = CONNECTED;
    char row[sizeof good];
    for (size_t i = 0; i < 110; i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            struct target_socket socket = {.fd = 5};
            memcpy(row, good, sizeof good);
            row[i] = (char)byte;
            if (socket_parse_row(TARGET_SOCKET_TCP, row, arena, &socket))
                assert_non_null(socket.state);
            (void)socket_row_inode(TARGET_SOCKET_TCP, row);
            arena_reset(arena);
        }
}

static void test_protocols(void **state) {
    (void)state;
    assert_int_equal(socket_parse_protocol("TCP"), TARGET_SOCKET_TCP);
    assert_int_equal(socket_parse_protocol("TCPv6"), TARGET_SOCKET_TCP6);
    assert_int_equal(socket_parse_protocol("UDP"), TARGET_SOCKET_UDP);
    assert_int_equal(socket_parse_protocol("UDPv6"), TARGET_SOCKET_UDP6);
    assert_int_equal(socket_parse_protocol("UNIX"), TARGET_SOCKET_UNIX);
    assert_int_equal(socket_parse_protocol("UNIX-STREAM"), TARGET_SOCKET_UNIX);
    assert_int_equal(socket_parse_protocol("NETLINK"), TARGET_SOCKET_OTHER);
    assert_int_equal(socket_parse_protocol(""), TARGET_SOCKET_OTHER);
}

/* ---- rows and their sockets ---- */

static void test_join(void **state) {
    (void)state;
    struct target_socket items[] = {
        {.fd = 3, .inode = 2915564, .protocol = TARGET_SOCKET_TCP},
        {.fd = 4, .inode = 2915560, .protocol = TARGET_SOCKET_UNKNOWN},
        {.fd = 5, .inode = 2915564, .protocol = TARGET_SOCKET_TCP}, /* a duplicate */
        {.fd = 6, .inode = 2915560, .protocol = TARGET_SOCKET_UDP}, /* of another table */
        {.fd = 7, .inode = 0, .protocol = TARGET_SOCKET_OTHER},
    };
    struct target_sockets sockets = {.count = 5, .items = items};
    struct socket_join join;
    socket_join_create(&join, arena, &sockets);
    assert_true(socket_join_begin(&join, TARGET_SOCKET_TCP));
    assert_int_equal(join.left, 3);
    assert_true(socket_join_row(&join, "  sl  local_address rem_address   st tx_queue rx_queue"));
    assert_true(socket_join_row(&join, CONNECTED));
    assert_false(socket_join_row(&join, LISTENS));
    assert_string_equal(items[0].state, "ESTABLISHED");
    assert_string_equal(items[2].state, "ESTABLISHED");
    assert_string_equal(items[1].state, "LISTEN");
    assert_int_equal(items[1].protocol, TARGET_SOCKET_TCP);
    assert_int_equal(items[1].fd, 4);
    assert_null(items[3].state);
    assert_null(items[4].state);
    assert_false(socket_join_begin(&join, TARGET_SOCKET_TCP6));
    assert_true(socket_join_begin(&join, TARGET_SOCKET_UDP));
}

/* A name with a line end in it makes a second row for an inode. */
static void test_forged(void **state) {
    (void)state;
    struct target_socket items[] = {{.fd = 3, .inode = 117, .protocol = TARGET_SOCKET_UNIX},
                                    {.fd = 4, .inode = 118, .protocol = TARGET_SOCKET_TCP}};
    struct target_sockets sockets = {.count = 2, .items = items};
    struct socket_join join;
    socket_join_create(&join, arena, &sockets);
    assert_true(socket_join_begin(&join, TARGET_SOCKET_UNIX));
    assert_true(socket_join_row(&join, "0: 0 0 00010000 0001 01 117 /forged"));
    assert_true(socket_join_row(&join, "0: 0 0 00000000 0001 03 118 /forged"));
    assert_string_equal(items[0].local, "/forged");
    assert_true(socket_join_row(&join, "0: 0 0 00010000 0001 01 117 /run/true"));
    assert_null(items[0].local);
    assert_true(socket_join_row(&join, "0: 0 0 00010000 0001 01 117 /forged"));
    assert_null(items[0].local);
    assert_null(items[1].state);
}

/* ---- tables as files, below a folder of our own ---- */

static char folder[64];

static FILE *create_table(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/net/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    return file;
}

static struct target_process make_folder(void) {
    char path[128];
    snprintf(folder, sizeof folder, "/tmp/asyncspy-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/net", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(opened >= 0);
    return (struct target_process){.folder = opened};
}

static void remove_folder(const struct target_process *process) {
    static const char *const names[] = {"net/tcp", "net/unix"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlinkat(process->folder, names[i], 0);
    assert_int_equal(unlinkat(process->folder, "net", AT_REMOVEDIR), 0);
    assert_int_equal(rmdir(folder), 0);
    close(process->folder);
}

static void write_rows(FILE *file, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++)
        fprintf(file,
                "%4zu: 0500000A:C86C 0302010A:01BB 01 00000000:%08zX 00:00000000 00000000 0 0 %zu "
                "1 0 20 4 30 10 -1\n",
                i, i, i);
}

/* Rows that lie across what is read at once, one that is longer than that, and no line end. */
static void test_long_table(void **state) {
    (void)state;
    struct target_socket items[] = {
        {.fd = 1, .inode = 1, .protocol = TARGET_SOCKET_TCP},
        {.fd = 2, .inode = 4000, .protocol = TARGET_SOCKET_TCP},
        {.fd = 3, .inode = 4001, .protocol = TARGET_SOCKET_UNKNOWN},
        {.fd = 4, .inode = 99999, .protocol = TARGET_SOCKET_TCP},
    };
    struct target_sockets sockets = {.count = 4, .items = items};
    struct target_process process = make_folder();
    FILE *file = create_table("tcp");
    write_rows(file, 1, 4000);
    for (int i = 0; i < 100000; i++)
        fputc('x', file);
    fputc('\n', file);
    write_rows(file, 4001, 1);
    fputs("no line end", file);
    fclose(file);
    assert_null(sockets_read_tables(&process, arena, true, &sockets));
    assert_int_equal(items[0].receive_queue, 1);
    assert_int_equal(items[1].receive_queue, 4000);
    assert_int_equal(items[2].receive_queue, 4001);
    assert_int_equal(items[2].protocol, TARGET_SOCKET_TCP);
    assert_null(items[3].state);
    remove_folder(&process);
}

static void test_too_long_table(void **state) {
    (void)state;
    struct target_socket items[] = {
        {.fd = 1, .inode = SOCKET_ROWS_MAX, .protocol = TARGET_SOCKET_TCP},
        {.fd = 2, .inode = SOCKET_ROWS_MAX + 1, .protocol = TARGET_SOCKET_TCP},
    };
    struct target_sockets sockets = {.count = 2, .items = items};
    struct target_process process = make_folder();
    FILE *file = create_table("tcp");
    write_rows(file, 1, SOCKET_ROWS_MAX + 5);
    fclose(file);
    assert_non_null(sockets_read_tables(&process, arena, true, &sockets));
    assert_string_equal(items[0].state, "ESTABLISHED");
    assert_null(items[1].state);
    /* It is not read further than to the last socket that is looked for. */
    items[0].state = NULL;
    sockets.count = 1;
    assert_null(sockets_read_tables(&process, arena, true, &sockets));
    remove_folder(&process);
}

/* ---- a live child ---- */

enum { SERVER = 100, ACCEPTED, CLIENT, DATAGRAM, PATH, PAIR, V6, UNBOUND, DUPLICATE, CLOSED };

static int connect_to(int server) {
    struct sockaddr_in6 address;
    socklen_t size = sizeof address;
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (getsockname(server, (struct sockaddr *)&address, &size) != 0 ||
        connect(client, (struct sockaddr *)&address, size) != 0)
        return -1;
    return client;
}

static void listen_at(int family, int number) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int server = socket(family, SOCK_STREAM, 0);
    bool is_v4 = family == AF_INET;
    if (bind(server, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
             is_v4 ? sizeof v4 : sizeof v6) == 0 &&
        listen(server, 10) == 0)
        dup2(server, number);
}

static void listen_at_path(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "asyncspy-test-%d",
                          (int)getpid());
    if (bind(server, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0 &&
        listen(server, 10) == 0)
        dup2(server, PATH);
}

/* One connection with 5 bytes that nobody read, one whose client has closed it, and 3 that nobody
 * accepted. */
static void connect_clients(void) {
    dup2(connect_to(SERVER), CLIENT);
    dup2(accept(SERVER, NULL, NULL), ACCEPTED);
    int closed = connect_to(SERVER);
    dup2(accept(SERVER, NULL, NULL), CLOSED);
    if (send(CLIENT, "hello", 5, 0) != 5 || send(closed, "12", 2, 0) != 2)
        return;
    close(closed);
    for (int i = 0; i < 3; i++)
        connect_to(SERVER);
}

static void open_sockets(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int ends[2], datagram = socket(AF_INET, SOCK_DGRAM, 0);
    listen_at(AF_INET, SERVER);
    listen_at(AF_INET6, V6);
    listen_at_path();
    connect_clients();
    if (bind(datagram, (struct sockaddr *)&address, sizeof address) == 0)
        dup2(datagram, DATAGRAM);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0)
        dup2(ends[0], PAIR);
    dup2(socket(AF_INET, SOCK_STREAM, 0), UNBOUND);
    dup2(ACCEPTED, DUPLICATE);
    child_count_forever();
}

static const struct target_socket *find_socket(const struct target_sockets *sockets, int fd) {
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->items[i].fd == fd)
            return &sockets->items[i];
    fail_msg("no socket %d", fd);
    return sockets->items;
}

static struct target_sockets read_sockets(struct target_process *process, bool with_unix) {
    struct target_files files;
    struct target_sockets sockets;
    assert_null(files_list(process, arena, &files));
    sockets_list(process, &files, 1000, arena, &sockets);
    assert_true(sockets.complete);
    assert_null(sockets_read_tables(process, arena, with_unix, &sockets));
    return sockets;
}

static void assert_tcp(const struct target_sockets *sockets) {
    const struct target_socket *server = find_socket(sockets, SERVER);
    const struct target_socket *accepted = find_socket(sockets, ACCEPTED);
    const struct target_socket *client = find_socket(sockets, CLIENT);
    assert_int_equal(server->protocol, TARGET_SOCKET_TCP);
    assert_string_equal(server->state, "LISTEN");
    assert_int_equal(server->receive_queue, 3);
    assert_string_equal(accepted->state, "ESTABLISHED");
    assert_string_equal(accepted->local, server->local);
    assert_string_equal(accepted->peer, client->local);
    assert_string_equal(client->peer, server->local);
    assert_int_equal(accepted->receive_queue, 5);
    assert_int_equal(client->receive_queue, 0);
    assert_int_equal(client->send_queue, 0);
    assert_string_equal(find_socket(sockets, DUPLICATE)->peer, client->local);
    assert_string_equal(find_socket(sockets, CLOSED)->state, "CLOSE_WAIT");
    assert_int_equal(find_socket(sockets, CLOSED)->receive_queue, 2);
    assert_null(find_socket(sockets, UNBOUND)->state);
    assert_int_equal(find_socket(sockets, UNBOUND)->receive_queue, -1);
}

static void test_live(void **state) {
    (void)state;
    char name[64];
    pid_t pid = child_start(open_sockets);
    struct target_process *process = child_open(pid);
    struct target_sockets sockets = read_sockets(process, true);
    assert_tcp(&sockets);
    snprintf(name, sizeof name, "@asyncspy-test-%d", (int)pid);
    assert_string_equal(find_socket(&sockets, PATH)->local, name);
    assert_string_equal(find_socket(&sockets, PATH)->state, "LISTEN");
    assert_string_equal(find_socket(&sockets, PAIR)->state, "CONNECTED");
    assert_null(find_socket(&sockets, PAIR)->local);
    assert_string_equal(find_socket(&sockets, DATAGRAM)->state, "UNCONNECTED");
    if (access("/proc/net/tcp6", R_OK) == 0) {
        assert_string_equal(find_socket(&sockets, V6)->state, "LISTEN");
        assert_memory_equal(find_socket(&sockets, V6)->local, "[::1]:", 6);
    }
    sockets = read_sockets(process, false);
    assert_tcp(&sockets);
    assert_int_equal(find_socket(&sockets, PAIR)->protocol, TARGET_SOCKET_UNIX);
    assert_null(find_socket(&sockets, PAIR)->state);
    process_close(process);
    child_finish(pid);
}

/* More sockets than are wanted. */
static void test_cut(void **state) {
    (void)state;
    struct target_files files;
    struct target_sockets sockets;
    pid_t pid = child_start(open_sockets);
    struct target_process *process = child_open(pid);
    assert_null(files_list(process, arena, &files));
    sockets_list(process, &files, 2, arena, &sockets);
    assert_int_equal(sockets.count, 2);
    assert_false(sockets.complete);
    child_finish(pid);
    (void)sockets_read_tables(process, arena, true, &sockets); /* it is gone: no facts */
    assert_null(sockets.items[0].state);
    process_close(process);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_tcp),  TEST(test_tcp6),    TEST(test_fin),        TEST(test_udp),
        TEST(test_unix), TEST(test_garbage), TEST(test_broken),     TEST(test_protocols),
        TEST(test_join), TEST(test_forged),  TEST(test_long_table), TEST(test_too_long_table),
        TEST(test_live), TEST(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
