/* Open files, and what an epoll instance watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../src/target/file_text.h"
#include "../support/child.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

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

static void test_links(void **state) {
    (void)state;
    static const struct {
        const char *link;
        enum target_file_kind kind;
        uint64_t inode;
    } cases[] = {
        {"socket:[2915560]", TARGET_FILE_SOCKET, 2915560},
        {"socket:[18446744073709551615]", TARGET_FILE_SOCKET, UINT64_MAX},
        {"socket:[", TARGET_FILE_SOCKET, 0},
        {"pipe:[7]", TARGET_FILE_PIPE, 7},
        {"anon_inode:[eventpoll]", TARGET_FILE_EPOLL, 0},
        {"anon_inode:[pidfd]", TARGET_FILE_PIDFD, 0},
        {"pidfd:[99]", TARGET_FILE_PIDFD, 0},
        {"anon_inode:[eventfd]", TARGET_FILE_OTHER, 0},
        {"/tmp/socket:[5]", TARGET_FILE_OTHER, 0},
        {"/dev/null", TARGET_FILE_OTHER, 0},
        {"", TARGET_FILE_OTHER, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct target_file file = file_parse_link(12, cases[i].link);
        assert_int_equal(file.fd, 12);
        assert_int_equal(file.kind, cases[i].kind);
        assert_int_equal(file.inode, cases[i].inode);
    }
}

static void test_epoll_text(void **state) {
    (void)state;
    struct target_watches watches = file_parse_epoll(
        arena, "pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t26\n"
               "tfd:       13 events:       1d data:                d  pos:0 ino:2c7cf1 sdev:9\n"
               "tfd:        7 events:       18 data: ffffffffffffffff \n"
               "tfd:        3 events: 80000004 data:                3  pos:0 ino:2c7ce8 sdev:9");
    assert_true(watches.complete);
    assert_int_equal(watches.count, 3);
    assert_int_equal(watches.items[0].fd, 13);
    assert_int_equal(watches.items[0].events, 0x1d);
    assert_int_equal(watches.items[0].inode, 0x2c7cf1);
    assert_int_equal(watches.items[1].fd, 7);
    assert_int_equal(watches.items[1].inode, 0); /* before 4.13; not that of the next line */
    assert_int_equal(watches.items[2].events, 0x80000004);
    assert_int_equal(watches.items[2].inode, 0x2c7ce8);
}

static void test_epoll_garbage(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "\n\n\n",
                                        "tfd:",
                                        "tfd: 5",
                                        "tfd: 5 ev",
                                        "tfd: -1 events: 1",
                                        "tfd: 99999999999 events: 1",
                                        "xtfd: 5 events: 1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(file_parse_epoll(arena, texts[i]).count, 0);
    assert_int_equal(file_parse_epoll(arena, "tfd: 5 events:").count, 1);
}

static void test_epoll_bound(void **state) {
    (void)state;
    static const char line[] = "tfd: 1 events: 1\n";
    size_t length = sizeof line - 1;
    char *text = arena_alloc(arena, (FILES_MAX + 1) * length + 1);
    for (size_t i = 0; i < FILES_MAX + 1; i++)
        memcpy(text + i * length, line, length);
    struct target_watches watches = file_parse_epoll(arena, text);
    assert_int_equal(watches.count, FILES_MAX);
    assert_false(watches.complete);
    text[FILES_MAX * length] = '\0';
    assert_true(file_parse_epoll(arena, text).complete);
}

static void test_pidfd_text(void **state) {
    (void)state;
    assert_int_equal(
        file_parse_limits("Max processes  9 9 processes\nMax open files            1024"
                          "                 524288               files\n"),
        1024);
    assert_int_equal(file_parse_limits("Max open files            unlimited   unlimited   files\n"),
                     -1);
    assert_int_equal(file_parse_limits("Max open files            99999999999999999999 1 files\n"),
                     -1);
    assert_int_equal(file_parse_limits(""), -1);
    assert_int_equal(file_parse_pidfd("pos:\t0\nflags:\t02\nPid:\t16226\nNSpid:\t16226\n"), 16226);
    assert_int_equal(file_parse_pidfd("pos:\t0\nNSpid:\t5\nPid:\t-1\n"), 0);
    assert_int_equal(file_parse_pidfd("pos:\t0\nPid:\t0\n"), 0); /* in another pid namespace */
    assert_int_equal(file_parse_pidfd("pos:\t0\nPid:\t99999999999\n"), 0);
    assert_int_equal(file_parse_pidfd(""), 0);
}

/* ---- a live child: what it opens has the numbers from 100 on ---- */

enum { PAIR = 100, OTHER_END, PIPE, WATCHER, CHILD, ZERO };

static void watch(int file, uint32_t events) {
    struct epoll_event event = {.events = events};
    epoll_ctl(WATCHER, EPOLL_CTL_ADD, file, &event);
}

static void open_files(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
        dup2(ends[0], PAIR);
        dup2(ends[1], OTHER_END);
    }
    if (pipe(ends) == 0)
        dup2(ends[0], PIPE);
    dup2(epoll_create1(0), WATCHER);
    dup2((int)syscall(SYS_pidfd_open, getpid(), 0), CHILD);
    dup2(open("/dev/zero", O_RDONLY), ZERO);
    watch(PAIR, EPOLLIN);
    watch(OTHER_END, EPOLLIN | EPOLLOUT);
    child_count_forever();
}

static const struct target_file *find_file(const struct target_files *files, int fd) {
    for (size_t i = 0; i < files->count; i++)
        if (files->items[i].fd == fd)
            return &files->items[i];
    fail_msg("no file %d", fd);
    return files->items;
}

static void test_live(void **state) {
    (void)state;
    struct target_files files;
    struct target_watches watches;
    pid_t pid = child_start(open_files);
    struct target_process *process = child_open(pid);
    assert_null(files_list(process, arena, &files));
    assert_true(files.complete);
    for (size_t i = 1; i < files.count; i++)
        assert_true(files.items[i - 1].fd < files.items[i].fd);
    assert_int_equal(find_file(&files, PAIR)->kind, TARGET_FILE_SOCKET);
    assert_int_equal(find_file(&files, PIPE)->kind, TARGET_FILE_PIPE);
    assert_int_equal(find_file(&files, WATCHER)->kind, TARGET_FILE_EPOLL);
    assert_int_equal(find_file(&files, ZERO)->kind, TARGET_FILE_OTHER);
    assert_true(files_read_epoll(process, WATCHER, arena, &watches));
    assert_int_equal(watches.count, 2);
    for (size_t i = 0; i < watches.count; i++) {
        uint32_t events = watches.items[i].events & (EPOLLIN | EPOLLOUT);
        assert_int_equal(events, watches.items[i].fd == PAIR ? EPOLLIN : EPOLLIN | EPOLLOUT);
        assert_int_equal(watches.items[i].inode, find_file(&files, watches.items[i].fd)->inode);
    }
    assert_false(files_read_epoll(process, 9999, arena, &watches));
    assert_int_equal(files_read_pidfd(process, ZERO), 0);
    process_close(process);
    child_finish(pid);
}

static void test_live_pidfd(void **state) {
    (void)state;
    struct target_files files;
    pid_t pid = child_start(open_files);
    struct target_process *process = child_open(pid);
    assert_null(files_list(process, arena, &files));
    int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (own >= 0) {
        close(own);
        assert_int_equal(find_file(&files, CHILD)->kind, TARGET_FILE_PIDFD);
        assert_int_equal(files_read_pidfd(process, CHILD), pid);
    }
    process_close(process);
    child_finish(pid);
    if (own < 0)
        skip();
}

static void test_gone(void **state) {
    (void)state;
    struct target_files files;
    struct target_watches watches;
    pid_t pid = child_start(open_files);
    struct target_process *process = child_open(pid);
    child_finish(pid);
    struct error *err = files_list(process, arena, &files);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_OS);
    error_destroy(err);
    assert_false(files_read_epoll(process, WATCHER, arena, &watches));
    assert_int_equal(files_read_pidfd(process, CHILD), 0);
    process_close(process);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_links),       TEST(test_epoll_text), TEST(test_epoll_garbage),
        TEST(test_epoll_bound), TEST(test_pidfd_text), TEST(test_live),
        TEST(test_live_pidfd),  TEST(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
