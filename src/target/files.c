/* Links of /proc/PID/fd; fs/eventpoll.c (ep_show_fdinfo) and kernel/fork.c (pidfd_show_fdinfo). */
#include "asyncspy/target/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file_text.h"
#include "process_private.h"

struct target_file file_parse_link(int fd, const char *link) {
    static const struct {
        const char *text;
        enum target_file_kind kind;
        bool numbered;
    } kinds[] = {
        {"socket:[", TARGET_FILE_SOCKET, true},
        {"pipe:[", TARGET_FILE_PIPE, true},
        {"anon_inode:[eventpoll]", TARGET_FILE_EPOLL, false},
        {"anon_inode:[pidfd]", TARGET_FILE_PIDFD, false},
        {"pidfd:[", TARGET_FILE_PIDFD, false},
    };
    struct target_file file = {.fd = fd};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].text);
        if (strncmp(link, kinds[i].text, length) != 0)
            continue;
        file.kind = kinds[i].kind;
        file.inode = kinds[i].numbered ? strtoull(link + length, NULL, 10) : 0;
    }
    return file;
}

/* False when it was closed meanwhile. */
static bool read_file(int folder, const char *name, struct target_file *ret) {
    char link[64]; /* what matters is shorter */
    ssize_t length = readlinkat(folder, name, link, sizeof link - 1);
    if (length < 0)
        return false;
    link[length] = '\0';
    const char *number = strrchr(name, '/');
    *ret = file_parse_link((int)strtol(number ? number + 1 : name, NULL, 10), link);
    return true;
}

/* The kernel lists them by ascending number. */
static struct target_file *read_files(DIR *folder, size_t *ret_count, bool *ret_complete) {
    size_t room = 64, count = 0;
    struct target_file *files = memory_alloc(room * sizeof *files);
    struct dirent *entry;
    while (count < FILES_MAX && (entry = readdir(folder))) {
        if (count == room)
            files = memory_realloc(files, (room *= 2) * sizeof *files);
        if (entry->d_name[0] != '.' && read_file(dirfd(folder), entry->d_name, &files[count]))
            count++;
    }
    *ret_complete = count < FILES_MAX;
    *ret_count = count;
    return files;
}

struct error *files_list(const struct target_process *process, struct arena *arena,
                         struct target_files *ret) {
    int number = openat(process->folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = number < 0 ? NULL : fdopendir(number);
    if (!folder)
        return error_create_os(errno, "/proc/%d/fd", (int)process->pid);
    struct target_file *files = read_files(folder, &ret->count, &ret->complete);
    closedir(folder);
    ret->items = arena_alloc_array(arena, ret->count, sizeof *files);
    memcpy(ret->items, files, ret->count * sizeof *files);
    free(files);
    return NULL;
}

/* "Max open files            1024                 524288               files" */
int64_t file_parse_limits(const char *text) {
    static const char mark[] = "Max open files";
    const char *line = strstr(text, mark);
    char *rest = NULL;
    int64_t limit = line ? strtoll(line + sizeof mark - 1, &rest, 10) : 0;
    return line && rest != line + sizeof mark - 1 && limit >= 0 && limit < INT64_MAX ? limit : -1;
}

int64_t files_read_limit(const struct target_process *process) {
    char text[4096];
    process_read_small(process->folder, "limits", text, sizeof text);
    return file_parse_limits(text);
}

uint64_t files_read_socket(const struct target_process *process, int fd) {
    char name[32];
    struct target_file file;
    snprintf(name, sizeof name, "fd/%d", fd);
    if (!read_file(process->folder, name, &file) || file.kind != TARGET_FILE_SOCKET)
        return 0;
    return file.inode;
}

/* "tfd:        5 events:       19 data:                5  pos:0 ino:64 sdev:a" */
static bool parse_watch(const char *line, struct target_watch *ret) {
    static const char first[] = "tfd:", second[] = " events:", third[] = " ino:";
    char *rest;
    if (strncmp(line, first, sizeof first - 1) != 0)
        return false;
    long fd = strtol(line + sizeof first - 1, &rest, 10);
    if (strncmp(rest, second, sizeof second - 1) != 0 || fd < 0 || fd > INT32_MAX)
        return false;
    uint32_t events = (uint32_t)strtoul(rest + sizeof second - 1, &rest, 16);
    const char *inode = memmem(rest, strcspn(rest, "\n"), third, sizeof third - 1);
    *ret = (struct target_watch){.fd = (int)fd,
                                 .inode = inode ? strtoull(inode + sizeof third - 1, NULL, 16) : 0,
                                 .events = events};
    return true;
}

static const char *next_line(const char *line) {
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

struct target_watches file_parse_epoll(struct arena *arena, const char *text) {
    struct target_watches watches = {.complete = true};
    size_t lines = 1;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    watches.items =
        arena_alloc_array(arena, lines < FILES_MAX ? lines : FILES_MAX, sizeof *watches.items);
    for (const char *line = text; *line && watches.complete; line = next_line(line)) {
        struct target_watch watch;
        if (!parse_watch(line, &watch))
            continue;
        watches.complete = watches.count < FILES_MAX;
        if (watches.complete)
            watches.items[watches.count++] = watch;
    }
    return watches;
}

pid_t file_parse_pidfd(const char *text) {
    static const char mark[] = "\nPid:";
    const char *line = strstr(text, mark);
    long pid = line ? strtol(line + sizeof mark - 1, NULL, 10) : 0;
    return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0; /* -1: it has ended */
}

bool files_read_epoll(const struct target_process *process, int fd, struct arena *arena,
                      struct target_watches *ret) {
    char path[64], *text;
    size_t size;
    snprintf(path, sizeof path, "fdinfo/%d", fd);
    struct error *err = process_read_file(process, path, &text, &size);
    if (err) {
        error_destroy(err);
        return false;
    }
    *ret = file_parse_epoll(arena, text);
    free(text);
    return true;
}

pid_t files_read_pidfd(const struct target_process *process, int fd) {
    char path[64], text[512];
    snprintf(path, sizeof path, "fdinfo/%d", fd);
    process_read_small(process->folder, path, text, sizeof text);
    return file_parse_pidfd(text);
}
