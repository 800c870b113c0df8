/*
 * Where the engines put their containers: docker and podman of both cgroup versions, the kubelet's
 * cgroupfs and systemd drivers, lxc's payload groups, systemd-machined's scopes; cgroups(7),
 * pid_namespaces(7).
 */
#include "asyncspy/target/container.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_LENGTH 64
#define TASK_ID_LENGTH 32
#define SHOWN_ID_LENGTH 12
#define NAME_MAX_LENGTH 63
#define FILE_ROOM 16384

/* A piece of the path of a control group. */
struct piece {
    const char *text;
    size_t length;
};

static bool is_equal(struct piece piece, const char *text) {
    return piece.length == strlen(text) && memcmp(piece.text, text, piece.length) == 0;
}

static bool skip_prefix(struct piece *piece, const char *prefix) {
    size_t length = strlen(prefix);
    if (piece->length <= length || memcmp(piece->text, prefix, length) != 0)
        return false;
    piece->text += length;
    piece->length -= length;
    return true;
}

static bool drop_suffix(struct piece *piece, const char *suffix) {
    size_t length = strlen(suffix);
    if (piece->length <= length ||
        memcmp(piece->text + piece->length - length, suffix, length) != 0)
        return false;
    piece->length -= length;
    return true;
}

static bool is_all_of(const char *text, size_t length, const char *digits) {
    for (size_t i = 0; i < length; i++)
        if (!text[i] || !strchr(digits, text[i]))
            return false;
    return true;
}

static bool is_hex(const char *text, size_t length) {
    return is_all_of(text, length, "0123456789abcdef");
}

/* "<id>", "docker-<id>", "kubepods-pod1:cri-containerd:<id>"; a task of ECS is "<id>-<number>". */
static bool find_id(struct piece piece, struct piece *ret) {
    const char *task = piece.text;
    if (piece.length > TASK_ID_LENGTH + 1 && task[TASK_ID_LENGTH] == '-' &&
        is_hex(task, TASK_ID_LENGTH) &&
        is_all_of(task + TASK_ID_LENGTH + 1, piece.length - TASK_ID_LENGTH - 1, "0123456789")) {
        *ret = (struct piece){task, SHOWN_ID_LENGTH};
        return true;
    }
    if (piece.length < ID_LENGTH)
        return false;
    const char *id = piece.text + piece.length - ID_LENGTH;
    *ret = (struct piece){id, SHOWN_ID_LENGTH};
    return is_hex(id, ID_LENGTH) && (id == piece.text || id[-1] == '-' || id[-1] == ':');
}

/* A name, which the one or other engine puts behind a word or into a group of its own. */
static bool find_name(struct piece before, struct piece piece, struct piece *ret) {
    *ret = piece;
    if (is_equal(before, "lxc") || is_equal(before, "lxc.payload"))
        return true;
    if (skip_prefix(ret, "lxc.payload."))
        return true;
    if (drop_suffix(ret, ".service") && skip_prefix(ret, "systemd-nspawn@"))
        return true;
    *ret = piece;
    return drop_suffix(ret, ".scope") && skip_prefix(ret, "machine-") &&
           !skip_prefix(ret, "qemu\\x2d");
}

/* A container's monitor stands outside of it. */
static bool is_monitor(struct piece piece) {
    return skip_prefix(&piece, "libpod-conmon-") || skip_prefix(&piece, "crio-conmon-");
}

/* systemd writes what may not stand in a unit's name as \xNN. */
static char *unescape(struct arena *arena, struct piece piece) {
    size_t length = piece.length < NAME_MAX_LENGTH ? piece.length : NAME_MAX_LENGTH;
    char *copy = arena_copy_string(arena, piece.text, length), *end = copy;
    for (const char *at = copy; *at; at++) {
        if (at[0] == '\\' && at[1] == 'x' && at[2] && at[3] && is_hex(at + 2, 2)) {
            const char digits[] = {at[2], at[3], '\0'};
            *end++ = (char)strtoul(digits, NULL, 16);
            at += 3;
        } else {
            *end++ = *at;
        }
    }
    *end = '\0';
    return copy;
}

/* The last piece of a path that names a container. */
static const char *parse_path(struct arena *arena, const char *path, const char *end) {
    const char *found = NULL;
    struct piece before = {"", 0}, part;
    for (const char *at = path; at < end;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        struct piece piece = {at, (size_t)((slash ? slash : end) - at)}, bare = piece;
        drop_suffix(&bare, ".scope");
        if (piece.length && !is_monitor(piece) &&
            (find_id(bare, &part) || find_name(before, piece, &part)))
            found = unescape(arena, part);
        before = piece;
        at = slash ? slash + 1 : end;
    }
    return found;
}

/* Lines of "number:controllers:path". */
const char *container_parse(struct arena *arena, const char *cgroup) {
    const char *found = NULL;
    for (const char *line = cgroup; *line && !found;) {
        const char *end = line + strcspn(line, "\n");
        const char *colon = memchr(line, ':', (size_t)(end - line));
        if (colon)
            colon = memchr(colon + 1, ':', (size_t)(end - colon - 1));
        if (colon)
            found = parse_path(arena, colon + 1, end);
        line = *end ? end + 1 : end;
    }
    return found;
}

static void read_file(pid_t pid, const char *name, char *text, size_t room) {
    char path[64];
    size_t size = 0;
    ssize_t got = -1;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && size < room - 1 && (got = read(file, text + size, room - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = '\0';
    if (file >= 0)
        close(file);
}

static bool stat_link(pid_t pid, const char *name, struct stat *ret) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return stat(path, ret) == 0;
}

/* Whether a file below /proc/PID is another one than ours; false where we may not know. */
static bool is_other(pid_t pid, const char *name, unsigned long *ret_inode) {
    struct stat theirs, ours;
    if (!stat_link(pid, name, &theirs) || !stat_link(getpid(), name, &ours))
        return false;
    *ret_inode = (unsigned long)theirs.st_ino;
    return theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev;
}

/* NSpid lists the process's ids in our pid namespace and those inside of it. */
static bool has_inner_pid(pid_t pid) {
    char text[FILE_ROOM];
    read_file(pid, "status", text, sizeof text);
    const char *line = strstr(text, "\nNSpid:\t");
    if (!line)
        return false;
    line += strlen("\nNSpid:\t");
    return strcspn(line, "\t") < strcspn(line, "\n");
}

static const char *find_namespace(pid_t pid, struct arena *arena) {
    unsigned long inode, root;
    if (is_other(pid, "ns/pid", &inode))
        return arena_format(arena, "pidns-%lu", inode);
    if (has_inner_pid(pid))
        return "pidns";
    if (!is_other(pid, "root", &root))
        return NULL;
    /* Many services have mounts of their own and the same root: no containers. */
    if (is_other(pid, "ns/mnt", &inode))
        return arena_format(arena, "mntns-%lu", inode);
    return "chroot";
}

const char *container_find(pid_t pid, struct arena *arena) {
    char text[FILE_ROOM];
    read_file(pid, "cgroup", text, sizeof text);
    const char *found = container_parse(arena, text);
    return found ? found : find_namespace(pid, arena);
}
