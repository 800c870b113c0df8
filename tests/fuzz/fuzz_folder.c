#include "fuzz_folder.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"exe",
                                    "maps",
                                    "stat",
                                    "status",
                                    "cmdline",
                                    "task/1234/stat",
                                    "task/1234/syscall",
                                    "task/1234/wchan",
                                    "task/1234/status",
                                    "net/tcp",
                                    "net/tcp6",
                                    "net/udp",
                                    "net/unix",
                                    "fdinfo/5",
                                    "timens_offsets"};

static const char *const folders[] = {"task", "task/1234", "net", "fdinfo"};
#define FOLDER_COUNT (sizeof folders / sizeof *folders)

static char path[64];
static int folder = -1;

static void remove_all(void) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlinkat(folder, names[i], 0);
    for (size_t i = FOLDER_COUNT; i > 0; i--)
        (void)unlinkat(folder, folders[i - 1], AT_REMOVEDIR);
    (void)rmdir(path);
}

int fuzz_folder_open(void) {
    if (folder >= 0)
        return folder;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof path, "%s/asyncspy-fuzz-XXXXXX", base);
    if (mkdtemp(path))
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool made = folder >= 0;
    for (size_t i = 0; made && i < FOLDER_COUNT; i++)
        made = mkdirat(folder, folders[i], 0700) == 0;
    if (!made) {
        perror(path);
        exit(1);
    }
    atexit(remove_all);
    return folder;
}

void fuzz_folder_write(const char *name, const void *bytes, size_t size) {
    int file = openat(fuzz_folder_open(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size) {
        perror(name);
        exit(1);
    }
    close(file);
}
