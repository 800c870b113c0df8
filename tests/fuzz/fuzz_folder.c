#include "fuzz_folder.h"

#include <fcntl.h>
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
                                    "task/1234/status"};

static char path[64];
static int folder = -1;

static void remove_all(void) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlinkat(folder, names[i], 0);
    (void)unlinkat(folder, "task/1234", AT_REMOVEDIR);
    (void)unlinkat(folder, "task", AT_REMOVEDIR);
    (void)rmdir(path);
}

int fuzz_folder_open(void) {
    if (folder >= 0)
        return folder;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof path, "%s/asyncspy-fuzz-XXXXXX", base);
    if (mkdtemp(path))
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || mkdirat(folder, "task", 0700) || mkdirat(folder, "task/1234", 0700)) {
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
