#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "record.h"

#define NOT_STARTED 127

struct record_child {
    pid_t pid;
    bool has_ended;
    int status;
};

/* An errno value comes through the pipe if exec fails; nothing if it does not. */
static void run_child(char **command, const sigset_t *mask, int report) {
    sigprocmask(SIG_SETMASK, mask, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    execvp(command[0], command);
    int error_number = errno;
    ssize_t ignored = write(report, &error_number, sizeof error_number);
    (void)ignored;
    _exit(NOT_STARTED);
}

struct error *record_child_start(char **command, const sigset_t *mask, struct record_child **ret) {
    int report[2], error_number = 0;
    if (pipe2(report, O_CLOEXEC) != 0)
        return error_create_os(errno, "making a pipe");
    pid_t pid = fork();
    if (pid == 0)
        run_child(command, mask, report[1]);
    int fork_error = errno;
    close(report[1]);
    ssize_t got = pid > 0 ? read(report[0], &error_number, sizeof error_number) : 0;
    close(report[0]);
    if (pid < 0)
        return error_create_os(fork_error, "starting a process");
    if (got > 0) {
        (void)waitpid(pid, NULL, 0);
        return error_create_os(error_number, "%s", command[0]);
    }
    struct record_child *child = memory_alloc(sizeof *child);
    *child = (struct record_child){.pid = pid};
    *ret = child;
    return NULL;
}

pid_t record_child_get_pid(const struct record_child *child) {
    return child->pid;
}

static void reap(struct record_child *child, int flags) {
    pid_t got;
    while (!child->has_ended && (got = waitpid(child->pid, &child->status, flags)) != 0)
        child->has_ended =
            got == child->pid && (WIFEXITED(child->status) || WIFSIGNALED(child->status));
}

bool record_child_has_ended(struct record_child *child) {
    reap(child, WNOHANG);
    return child->has_ended;
}

void record_child_pass(struct record_child *child, int signals) {
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL && !child->has_ended)
            (void)kill(child->pid, (int)info.ssi_signo);
}

void record_child_destroy(struct record_child *child) {
    free(child);
}

int record_child_wait(struct record_child *child, int signals) {
    struct pollfd poll_file = {.fd = signals, .events = POLLIN};
    while (!record_child_has_ended(child)) {
        (void)poll(&poll_file, 1, -1);
        record_child_pass(child, signals);
    }
    return WIFEXITED(child->status) ? WEXITSTATUS(child->status) : 128 + WTERMSIG(child->status);
}
