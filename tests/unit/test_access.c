/* What is said when the kernel refuses a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asyncspy/target/access.h"
#include "asyncspy/target/process.h"
#include "asyncspy/target/stop.h"

#define OTHER_UID 54321 /* nobody's, and without a name */
#define MESSAGE_ROOM 512

static void need_root(void) {
    if (geteuid() != 0) {
        print_message("only root can be another user\n");
        skip();
    }
}

static uid_t uid_of_nobody(void) {
    const struct passwd *entry = getpwnam("nobody");
    if (!entry) {
        print_message("there is no user nobody\n");
        skip();
    }
    return entry ? entry->pw_uid : 0;
}

static void become(uid_t uid) {
    if (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0)
        _exit(9);
}

/* A child of user `uid` that waits; `dumpable` as prctl(2) says. */
static pid_t start(uid_t uid, bool dumpable) {
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (uid != geteuid())
            become(uid);
        prctl(PR_SET_DUMPABLE, dumpable);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
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

/* In a process of user `uid`: opens (and stops) `pid`; writes "kind message" to `output`. */
static void try_as(uid_t uid, pid_t pid, int output) {
    struct target_process *process = NULL;
    struct target_stop *stop = NULL;
    become(uid);
    struct error *err = process_open(pid, &process);
    if (!err)
        err = stop_begin(process, &stop);
    dprintf(output, "%d %s", err ? (int)error_get_kind(err) : -1,
            err ? error_get_message(err) : "no error");
    error_destroy(err);
    stop_end(stop);
    process_close(process);
}

/* What a process of user `uid` is told about `pid`; returns the kind of the error, -1 for none. */
static int ask_as(uid_t uid, pid_t pid, char *message) {
    int result[2], status, kind = -2;
    char text[MESSAGE_ROOM] = "";
    assert_int_equal(pipe(result), 0);
    pid_t asker = fork();
    assert_true(asker >= 0);
    if (asker == 0) {
        alarm(20);
        try_as(uid, pid, result[1]);
        _exit(0);
    }
    close(result[1]);
    for (size_t size = 0; size < sizeof text - 1;) {
        ssize_t got = read(result[0], text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    close(result[0]);
    assert_int_equal(waitpid(asker, &status, 0), asker);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    kind = (int)strtol(text, NULL, 10);
    const char *space = strchr(text, ' ');
    snprintf(message, MESSAGE_ROOM, "%s", space ? space + 1 : "");
    return kind;
}

static void assert_says(const char *message, const char *what) {
    if (!strstr(message, what))
        fail_msg("\"%s\" does not say \"%s\"", message, what);
}

static bool is_yama_on(void) {
    int scope = 0;
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (file) {
        if (fscanf(file, "%d", &scope) != 1)
            scope = 0;
        fclose(file);
    }
    return scope > 0;
}

static void need_no_yama(void) {
    if (is_yama_on()) {
        print_message("Yama's ptrace_scope refuses first\n");
        skip();
    }
}

static void test_process_of_root(void **state) {
    (void)state;
    char message[MESSAGE_ROOM];
    need_root();
    uid_t nobody = uid_of_nobody();
    pid_t pid = start(0, true);
    assert_int_equal(ask_as(nobody, pid, message), ERROR_PERMISSION);
    if (!is_yama_on()) {
        assert_says(message, "belongs to root");
        assert_says(message, "we are nobody");
    }
    assert_says(message, "sudo asyncspy");
    assert_null(strchr(message, '\n'));
    finish(pid);
}

static void test_process_of_another_user(void **state) {
    (void)state;
    char message[MESSAGE_ROOM];
    need_root();
    need_no_yama();
    pid_t pid = start(uid_of_nobody(), true);
    assert_int_equal(ask_as(OTHER_UID, pid, message), ERROR_PERMISSION);
    assert_says(message, "belongs to nobody");
    assert_says(message, "we are uid 54321");
    assert_says(message, "sudo asyncspy");
    finish(pid);
}

static void test_own_process(void **state) {
    (void)state;
    char message[MESSAGE_ROOM];
    need_root();
    need_no_yama();
    pid_t pid = start(OTHER_UID, true);
    assert_int_equal(ask_as(OTHER_UID, pid, message), -1);
    finish(pid);
}

static void test_root_sees_all(void **state) {
    (void)state;
    need_root();
    for (int dumpable = 0; dumpable < 2; dumpable++) {
        struct target_process *process = NULL;
        struct target_stop *stop = NULL;
        pid_t pid = start(OTHER_UID, dumpable);
        assert_null(process_open(pid, &process));
        assert_null(stop_begin(process, &stop));
        stop_end(stop);
        process_close(process);
        finish(pid);
    }
}

static void test_not_dumpable(void **state) {
    (void)state;
    char message[MESSAGE_ROOM];
    need_root();
    need_no_yama();
    pid_t pid = start(OTHER_UID, false);
    assert_int_equal(ask_as(OTHER_UID, pid, message), ERROR_PERMISSION);
    assert_says(message, "not dumpable");
    assert_says(message, "sudo asyncspy");
    finish(pid);
}

/* As a zombie's files are root's, a dead process of our own must not be called forbidden. */
static void test_zombie_of_our_own(void **state) {
    (void)state;
    char message[MESSAGE_ROOM];
    siginfo_t info;
    need_root();
    pid_t pid = start(OTHER_UID, true);
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(ask_as(OTHER_UID, pid, message), ERROR_GONE);
    assert_says(message, "zombie");
    finish(pid);
}

static void assert_explains(pid_t pid, int error_number, bool stopping, enum error_kind kind,
                            const char *what) {
    struct error *err = access_explain(pid, error_number, stopping);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), kind);
    assert_says(error_get_message(err), what);
    assert_null(strchr(error_get_message(err), '\n'));
    error_destroy(err);
}

static void test_explain(void **state) {
    (void)state;
    pid_t pid = start(geteuid(), true);
    assert_explains(pid, ESRCH, false, ERROR_GONE, "there is no process");
    assert_explains(pid, ENOENT, true, ERROR_GONE, "there is no process");
    assert_explains(pid, EPERM, false, ERROR_PERMISSION, "not permitted to read process");
    assert_explains(pid, EACCES, true, ERROR_PERMISSION, "not permitted to");
    assert_explains(pid, EMFILE, false, ERROR_OS, "Too many open files");
    finish(pid);
    assert_explains(pid, EPERM, false, ERROR_GONE, "there is no process");
}

static void test_tracer(void **state) {
    (void)state;
    char number[32];
    int ready[2];
    char byte = 0;
    pid_t pid = start(geteuid(), true);
    assert_int_equal(access_get_tracer(pid), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t tracer = fork();
    if (tracer == 0) {
        prctl(PR_SET_NAME, "some debugger");
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        finish(tracer);
        finish(pid);
        print_message("a sibling may not be traced here\n");
        skip();
    }
    close(ready[0]);
    assert_int_equal(access_get_tracer(pid), tracer);
    snprintf(number, sizeof number, "process %d (some debugger)", (int)tracer);
    assert_explains(pid, EPERM, true, ERROR_PERMISSION, number);
    finish(tracer);
    finish(pid);
    assert_int_equal(access_get_tracer(pid), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_of_root), cmocka_unit_test(test_process_of_another_user),
        cmocka_unit_test(test_own_process),     cmocka_unit_test(test_root_sees_all),
        cmocka_unit_test(test_not_dumpable),    cmocka_unit_test(test_zombie_of_our_own),
        cmocka_unit_test(test_explain),         cmocka_unit_test(test_tracer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
