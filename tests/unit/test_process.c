/* What is read of a process in /proc: this one, live children, text that nobody would write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/target/process_private.h"

/* ---- mappings ---- */

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

static void test_maps_plain(void **state) {
    (void)state;
    struct target_mappings maps = mappings_parse(
        arena, "00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/dbus-daemon\n"
               "7f0000000000-7f0000004000 rw-p 00000000 00:00 0 \n"
               "7ffc00000000-7ffc00021000 ---s 00000000 00:00 0                    [stack]\n"
               "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n");
    assert_int_equal(maps.count, 4);
    const struct target_mapping *first = &maps.items[0];
    assert_int_equal(first->start, 0x400000);
    assert_int_equal(first->end, 0x452000);
    assert_int_equal(first->file_offset, 0x1000);
    assert_int_equal(first->inode, 173521);
    assert_true(first->readable && first->executable && !first->writable && !first->deleted);
    assert_string_equal(first->path, "/usr/bin/dbus-daemon");
    assert_string_equal(maps.items[1].path, "");
    assert_true(maps.items[1].writable && !maps.items[1].shared);
    assert_true(maps.items[2].shared);
    assert_false(maps.items[2].readable);
    assert_string_equal(maps.items[2].path, "[stack]");
    assert_int_equal(maps.items[3].start, UINT64_C(0xffffffffff600000));
}

static void assert_path(const char *printed, const char *path, bool deleted) {
    char text[512];
    snprintf(text, sizeof text, "1000-2000 r--p 00000000 08:02 17                 %s\n", printed);
    struct target_mappings maps = mappings_parse(arena, text);
    assert_int_equal(maps.count, 1);
    assert_string_equal(maps.items[0].path, path);
    assert_int_equal(maps.items[0].deleted, deleted);
    assert_int_equal(maps.items[0].inode, 17);
}

static void test_maps_paths(void **state) {
    (void)state;
    assert_path("/tmp/a  b/lib c.so", "/tmp/a  b/lib c.so", false);
    assert_path("/tmp/lib c.so (deleted)", "/tmp/lib c.so", true);
    assert_path("/tmp/x (deleted) (deleted)", "/tmp/x (deleted)", true);
    assert_path("/tmp/x (deleted).so", "/tmp/x (deleted).so", false);
    assert_path("/tmp/a\\012b", "/tmp/a\\012b", false);
    assert_path("/tmp/\xff\xfe\x1b[31m", "/tmp/\xff\xfe\x1b[31m", false);
    assert_path("/memfd:name (deleted)", "/memfd:name", true);
    assert_path(" (deleted)", "(deleted)", false);
}

static void test_maps_garbage(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "\n\n\n",
        "garbage\n",
        "12\n",
        "12-34\n",
        "1000-2000\n",
        "1000-2000 r\n",
        "2000-1000 r--p 0 0:0 0 x\n",
        "1000-1000 r--p 0 0:0 0 x\n",
        "1000-2000 r--p 00000000 08:02 17 no-newline",
        "-----------\n",
        "ffffffffffffffffffffffff\n",
        "1000-2000 r--p\n1000",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct target_mappings maps = mappings_parse(arena, texts[i]);
        for (size_t k = 0; k < maps.count; k++)
            assert_non_null(maps.items[k].path);
    }
    assert_int_equal(mappings_parse(arena, "garbage\n1000-2000 r--p 0 0:0 0 x\n").count, 1);
}

/* Every prefix, and every byte turned into another: no crash, no path that is NULL. */
static void test_maps_broken(void **state) {
    (void)state;
    static const char good[] = "1000-2000 r-xp 00001000 08:02 17 /a b (deleted)\n"
                               "3000-4000 rw-p 00000000 00:00 0 \n";
    char text[sizeof good];
    for (size_t i = 0; i < sizeof good; i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(text, good, sizeof good);
            text[i] = (char)byte;
            text[sizeof good - 1] = '\0';
            struct target_mappings maps = mappings_parse(arena, text);
            for (size_t k = 0; k < maps.count; k++) {
                assert_non_null(maps.items[k].path);
                assert_true(maps.items[k].start < maps.items[k].end);
            }
            arena_reset(arena);
        }
}

static void test_maps_find(void **state) {
    (void)state;
    struct target_mappings maps = mappings_parse(arena, "1000-2000 r--p 0 0:0 1 a\n"
                                                        "2000-3000 r--p 0 0:0 1 b\n"
                                                        "5000-6000 r--p 0 0:0 1 c\n");
    static const struct {
        uint64_t address;
        int index;
    } cases[] = {{0, -1},     {0xfff, -1},  {0x1000, 0}, {0x1fff, 0},  {0x2000, 1},
                 {0x2fff, 1}, {0x3000, -1}, {0x5000, 2}, {0x6000, -1}, {UINT64_MAX, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct target_mapping *found = mappings_find(&maps, cases[i].address);
        assert_ptr_equal(found, cases[i].index < 0 ? NULL : &maps.items[cases[i].index]);
    }
    struct target_mappings none = {0, NULL};
    assert_null(mappings_find(&none, 0x1000));
}

/* ---- processes ---- */

/* A child that runs `body` and then waits; it has said that it is ready. */
static pid_t start(void (*body)(void)) {
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (body)
            body();
        if (write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void finish(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static struct target_process *open_process(pid_t pid) {
    struct target_process *process = NULL;
    struct error *err = process_open(pid, &process);
    if (err)
        fail_msg("%s", error_get_message(err));
    return process;
}

static void assert_refused(pid_t pid, enum error_kind kind, const char *why) {
    struct target_process *process = NULL;
    struct error *err = process_open(pid, &process);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), kind);
    if (!strstr(error_get_message(err), why))
        fail_msg("\"%s\" does not say \"%s\"", error_get_message(err), why);
    error_destroy(err);
}

static void test_open_itself(void **state) {
    (void)state;
    static const char text[] = "the bytes of this process";
    char copy[sizeof text], path[4096];
    struct target_process *process = open_process(getpid());
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(length > 0);
    path[length] = '\0';
    assert_int_equal(process_get_pid(process), getpid());
    assert_string_equal(process_get_executable(process), path);
    assert_null(memory_read(process_get_memory(process), (uintptr_t)text, copy, sizeof copy));
    assert_string_equal(copy, text);
    assert_true(process_is_alive(process));
    process_close(process);
}

static void test_open_child(void **state) {
    (void)state;
    size_t count;
    pid_t pid = start(NULL);
    struct target_process *process = open_process(pid);
    struct target_mappings maps = process_get_mappings(process);
    assert_true(maps.count > 5);
    for (size_t i = 1; i < maps.count; i++)
        assert_true(maps.items[i - 1].end <= maps.items[i].start);
    char **arguments = process_get_command_line(process, arena, &count);
    assert_true(count >= 1);
    assert_non_null(strstr(arguments[0], "test_process"));
    assert_null(process_refresh_mappings(process));
    process_close(process);
    finish(pid);
}

static void test_open_zombie(void **state) {
    (void)state;
    siginfo_t info;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_refused(pid, ERROR_GONE, "zombie");
    assert_false(process_exists(pid));
    finish(pid);
    assert_false(process_exists(pid));
    assert_refused(pid, ERROR_GONE, "there is no process");
}

static void test_open_nothing(void **state) {
    (void)state;
    assert_true(process_exists(getpid()));
    assert_false(process_exists(0));
    assert_refused(0, ERROR_GONE, "there is no process 0");
    assert_refused(-1, ERROR_GONE, "there is no process -1");
    assert_refused(INT32_MAX, ERROR_GONE, "there is no process");
    assert_refused(INT32_MIN, ERROR_GONE, "there is no process");
    process_close(NULL);
}

static void test_open_kernel_thread(void **state) {
    (void)state;
    char name[32] = "";
    FILE *file = fopen("/proc/2/comm", "re");
    if (file) {
        if (!fgets(name, sizeof name, file))
            name[0] = '\0';
        fclose(file);
    }
    if (strcmp(name, "kthreadd\n") != 0) {
        print_message("no kernel thread to be seen as process 2\n");
        skip();
    }
    if (geteuid() != 0) {
        print_message("only root may look at a kernel thread\n");
        skip();
    }
    assert_refused(2, ERROR_UNSUPPORTED, "kernel thread");
    assert_false(process_exists(2));
}

static void assert_not_alive(const struct target_process *process, const char *words) {
    struct error *err = process_check_alive(process);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_GONE);
    assert_non_null(strstr(error_get_message(err), words));
    error_destroy(err);
}

static void test_ends(void **state) {
    (void)state;
    siginfo_t info;
    char byte;
    pid_t pid = start(NULL);
    struct target_process *process = open_process(pid);
    assert_true(process_is_alive(process));
    assert_null(process_check_alive(process));
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(process_is_alive(process));
    assert_not_alive(process, "ended");
    finish(pid);
    assert_false(process_is_alive(process));
    assert_not_alive(process, "ended");
    struct error *err =
        memory_read(process_get_memory(process), (uintptr_t)&info & ~UINT64_C(7), &byte, 1);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_GONE);
    error_destroy(err);
    process_close(process);
}

static void exec_at_signal(int number) {
    (void)number;
    execl("/proc/self/exe", "test_process", "--wait", (char *)NULL);
    _exit(1);
}

static void exec_another_at_signal(int number) {
    (void)number;
    execl("/bin/sleep", "sleep", "60", (char *)NULL);
    _exit(1);
}

static void expect_exec(void) {
    signal(SIGUSR1, exec_at_signal);
    signal(SIGUSR2, exec_another_at_signal);
}

static void assert_exec_is_seen(int number) {
    pid_t pid = start(expect_exec);
    struct target_process *process = open_process(pid);
    assert_true(process_is_alive(process));
    kill(pid, number);
    for (int i = 0; i < 300 && process_is_alive(process); i++)
        usleep(10000);
    assert_false(process_is_alive(process));
    assert_not_alive(process, "became another program");
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    process_close(process);
    finish(pid);
}

static void test_exec(void **state) {
    (void)state;
    assert_exec_is_seen(SIGUSR2);
}

/* A server that loads its code anew runs the same program again, in memory of its own. */
static void test_exec_of_itself(void **state) {
    (void)state;
    assert_exec_is_seen(SIGUSR1);
}

/* ---- threads ---- */

static void *wait_for_events(void *unused) {
    struct epoll_event event;
    (void)unused;
    pthread_setname_np(pthread_self(), "a) R (b");
    int poll = epoll_create1(EPOLL_CLOEXEC);
    for (;;)
        epoll_wait(poll, &event, 1, -1);
    return NULL;
}

static void *sleep_long(void *unused) {
    const struct timespec hour = {3600, 0};
    (void)unused;
    pthread_setname_np(pthread_self(), "sleeper");
    for (;;)
        nanosleep(&hour, NULL);
    return NULL;
}

static void *spin(void *unused) {
    (void)unused;
    pthread_setname_np(pthread_self(), "spinner 9");
    for (volatile unsigned long i = 0;; i++)
        continue;
    return NULL;
}

static void start_threads(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_events, NULL);
    pthread_create(&thread, NULL, sleep_long, NULL);
    pthread_create(&thread, NULL, spin, NULL);
    usleep(100000);
}

static const struct target_thread *find_thread(const struct target_thread *threads, size_t count,
                                               const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(threads[i].name, name) == 0)
            return &threads[i];
    fail_msg("no thread \"%s\"", name);
    return threads;
}

static void test_threads(void **state) {
    (void)state;
    struct target_thread *threads;
    size_t count;
    pid_t pid = start(start_threads);
    struct target_process *process = open_process(pid);
    usleep(50000);
    assert_null(process_list_threads(process, arena, &threads, &count));
    assert_int_equal(count, 4);
    assert_int_equal(threads[0].tid, pid);
    for (size_t i = 1; i < count; i++)
        assert_true(threads[i - 1].tid < threads[i].tid);
    assert_int_equal(threads[0].state, 'S');
    assert_string_equal(process_syscall_name(threads[0].syscall), "pause");
    const struct target_thread *thread = find_thread(threads, count, "a) R (b");
    assert_int_equal(thread->state, 'S');
    assert_false(thread->on_cpu);
    assert_string_equal(process_syscall_name(thread->syscall), "epoll_wait");
    thread = find_thread(threads, count, "sleeper");
    assert_string_equal(process_syscall_name(thread->syscall), "clock_nanosleep");
    assert_true(thread->cpu_s >= 0 && thread->cpu_s < 0.1);
    thread = find_thread(threads, count, "spinner 9");
    assert_int_equal(thread->state, 'R');
    assert_int_equal(thread->syscall, -1);
    assert_true(thread->cpu_s > 0);
    process_close(process);
    finish(pid);
}

static void test_syscall_names(void **state) {
    (void)state;
    assert_string_equal(process_syscall_name(0), "read");
    assert_string_equal(process_syscall_name(SYS_epoll_wait), "epoll_wait");
    assert_string_equal(process_syscall_name(SYS_futex), "futex");
    assert_string_equal(process_syscall_name(SYS_process_vm_readv), "process_vm_readv");
    assert_null(process_syscall_name(-1));
    assert_null(process_syscall_name(INT64_MIN));
    assert_null(process_syscall_name(INT64_MAX));
    assert_null(process_syscall_name(400));
}

static void test_start_time(void **state) {
    (void)state;
    struct timespec now;
    pid_t pid = start(NULL);
    struct target_process *process = open_process(pid);
    clock_gettime(CLOCK_REALTIME, &now);
    double age = (double)now.tv_sec - process_get_start_time(process);
    assert_true(age > -2 && age < 5);
    process_close(process);
    finish(pid);
}

/* A comm that ends every field early. */
static void name_itself(void) {
    prctl(PR_SET_NAME, ") Z 1 1 1 1\n1");
}

static void test_hostile_name(void **state) {
    (void)state;
    struct target_thread *threads;
    size_t count;
    pid_t pid = start(name_itself);
    struct target_process *process = open_process(pid);
    assert_true(process_is_alive(process));
    usleep(20000);
    assert_null(process_list_threads(process, arena, &threads, &count));
    assert_int_equal(count, 1);
    assert_int_equal(threads[0].state, 'S');
    assert_string_equal(threads[0].name, ") Z 1 1 1 1\n1");
    process_close(process);
    finish(pid);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--wait") == 0) { /* what test_exec_of_itself becomes */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(60);
        for (;;)
            pause();
    }
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_maps_plain),         TEST(test_maps_paths),   TEST(test_maps_garbage),
        TEST(test_maps_broken),        TEST(test_maps_find),    TEST(test_open_itself),
        TEST(test_open_child),         TEST(test_open_zombie),  TEST(test_open_nothing),
        TEST(test_open_kernel_thread), TEST(test_ends),         TEST(test_exec),
        TEST(test_exec_of_itself),     TEST(test_threads),      TEST(test_syscall_names),
        TEST(test_start_time),         TEST(test_hostile_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
