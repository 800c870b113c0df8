/* Why a process is refused to us. ptrace(2), "Ptrace access mode checking". */
#include "asyncspy/target/access.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAPABILITY_SYS_PTRACE 19

/* What /proc/PID/status says of a process. */
struct status {
    bool found;
    char name[64];
    long uid, tracer;
    unsigned long long effective_capabilities;
};

static void read_status(pid_t pid, struct status *ret) {
    char path[64], line[512];
    *ret = (struct status){.uid = -1};
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    ret->found = true;
    while (fgets(line, sizeof line, file)) {
        char *value = strchr(line, '\t');
        if (!value)
            continue;
        value[strcspn(value, "\n")] = '\0';
        if (strncmp(line, "Name:", 5) == 0)
            snprintf(ret->name, sizeof ret->name, "%.63s", value + 1);
        else if (strncmp(line, "Uid:", 4) == 0)
            ret->uid = strtol(value, NULL, 10);
        else if (strncmp(line, "TracerPid:", 10) == 0)
            ret->tracer = strtol(value, NULL, 10);
        else if (strncmp(line, "CapEff:", 7) == 0)
            ret->effective_capabilities = strtoull(value, NULL, 16);
    }
    fclose(file);
}

pid_t access_get_tracer(pid_t pid) {
    struct status status;
    read_status(pid, &status);
    return (pid_t)status.tracer;
}

static int read_ptrace_scope(void) {
    int scope = -1;
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (file && fscanf(file, "%d", &scope) != 1)
        scope = -1;
    if (file)
        fclose(file);
    return scope;
}

static const char *user_name(long uid, char *buffer, size_t room) {
    struct passwd *entry = uid < 0 ? NULL : getpwuid((uid_t)uid);
    if (entry)
        snprintf(buffer, room, "%s", entry->pw_name);
    else
        snprintf(buffer, room, "uid %ld", uid);
    return buffer;
}

/* A process that made itself non-dumpable (prctl, or a set-user-id program) belongs to root. */
static bool is_non_dumpable(pid_t pid, const struct status *status) {
    char path[64];
    struct stat owner;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    return stat(path, &owner) == 0 && status->uid > 0 && owner.st_uid == 0;
}

static struct error *explain_tracer(pid_t pid, pid_t tracer) {
    struct status status;
    read_status(tracer, &status);
    return error_create(ERROR_PERMISSION,
                        "not permitted to stop process %d: process %d (%s) traces it already; end "
                        "that, or use --nonblocking",
                        (int)pid, (int)tracer, status.found ? status.name : "unknown");
}

static struct error *explain_scope(pid_t pid, int scope) {
    if (scope == 3)
        return error_create(
            ERROR_PERMISSION,
            "not permitted to read process %d: kernel.yama.ptrace_scope is 3, which "
            "forbids it to everybody until the next boot",
            (int)pid);
    return error_create(ERROR_PERMISSION,
                        "not permitted to read process %d: kernel.yama.ptrace_scope is %d; run "
                        "`sudo asyncspy ...`, or allow it with `sudo sysctl "
                        "kernel.yama.ptrace_scope=0`",
                        (int)pid, scope);
}

/* Why the kernel refuses us a process that is there. */
enum reason {
    REASON_SCOPE,      /* Yama */
    REASON_CAPABILITY, /* root without CAP_SYS_PTRACE */
    REASON_ROOT,       /* root with it */
    REASON_USER,
    REASON_DUMPABLE,
    REASON_OTHER,
};

static enum reason find_reason(pid_t pid, const struct status *status, int scope) {
    if (scope == 3)
        return REASON_SCOPE;
    if (geteuid() == 0) {
        struct status own;
        read_status(getpid(), &own);
        return own.effective_capabilities >> CAPABILITY_SYS_PTRACE & 1 ? REASON_ROOT
                                                                       : REASON_CAPABILITY;
    }
    if (status->uid != (long)geteuid())
        return REASON_USER;
    if (is_non_dumpable(pid, status))
        return REASON_DUMPABLE;
    return scope > 0 ? REASON_SCOPE : REASON_OTHER;
}

static struct error *explain_user(pid_t pid, long uid) {
    char owner[64], own[64];
    return error_create(ERROR_PERMISSION,
                        "not permitted to read process %d: it belongs to %s and we are %s; run "
                        "`sudo asyncspy ...`",
                        (int)pid, user_name(uid, owner, sizeof owner),
                        user_name((long)geteuid(), own, sizeof own));
}

static struct error *explain_reason(pid_t pid, enum reason reason, long uid, int scope) {
    switch (reason) {
    case REASON_SCOPE:
        return explain_scope(pid, scope);
    case REASON_USER:
        return explain_user(pid, uid);
    case REASON_CAPABILITY:
        return error_create(
            ERROR_PERMISSION,
            "not permitted to read process %d: this root has no CAP_SYS_PTRACE; in a "
            "container, start it with `--cap-add SYS_PTRACE`",
            (int)pid);
    case REASON_ROOT:
        return error_create(
            ERROR_PERMISSION,
            "not permitted to read process %d although we are root with CAP_SYS_PTRACE: a "
            "security module or a user namespace forbids it",
            (int)pid);
    case REASON_DUMPABLE:
        return error_create(ERROR_PERMISSION,
                            "not permitted to read process %d: it is not dumpable (prctl(2) "
                            "PR_SET_DUMPABLE); run `sudo asyncspy ...`",
                            (int)pid);
    case REASON_OTHER:
        break;
    }
    return error_create(ERROR_PERMISSION,
                        "not permitted to read process %d: it has capabilities that we lack, or a "
                        "security module forbids it; run `sudo asyncspy ...`",
                        (int)pid);
}

struct error *access_explain(pid_t pid, int error_number, bool stopping) {
    struct status status;
    int scope = read_ptrace_scope();
    read_status(pid, &status);
    if (error_number == ESRCH || error_number == ENOENT || !status.found)
        return error_create(ERROR_GONE, "there is no process %d", (int)pid);
    if (error_number != EPERM && error_number != EACCES)
        return error_create(ERROR_OS, "process %d cannot be read: %s", (int)pid,
                            strerror(error_number));
    if (stopping && status.tracer)
        return explain_tracer(pid, (pid_t)status.tracer);
    return explain_reason(pid, find_reason(pid, &status, scope), status.uid, scope);
}

void access_name_refusal(pid_t pid, char *text, size_t room) {
    static const char *const words[] = {
        [REASON_SCOPE] = "ptrace_scope",    [REASON_CAPABILITY] = "no CAP_SYS_PTRACE",
        [REASON_ROOT] = "denied",           [REASON_USER] = "not yours",
        [REASON_DUMPABLE] = "not dumpable", [REASON_OTHER] = "denied"};
    struct status status;
    int scope = read_ptrace_scope();
    read_status(pid, &status);
    enum reason reason = find_reason(pid, &status, scope);
    if (reason == REASON_SCOPE)
        snprintf(text, room, "%s %d", words[reason], scope);
    else
        snprintf(text, room, "%s", words[reason]);
}
