/* The files that a live process has mapped, opened through /proc/PID alone. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process_private.h"

int file_reopen_regular(int place) {
    char path[64];
    struct stat status;
    int file = -1;
    if (place < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    if (fstat(place, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    close(place);
    return file;
}

/* Opens a path below /proc/PID; only a regular file will do (a FIFO would hang us). */
static int open_regular(const struct target_process *process, const char *path) {
    return file_reopen_regular(openat(process->folder, path, O_PATH | O_CLOEXEC));
}

/* map_files is the mapped file itself, whatever stands at its path now; it needs a privilege. */
int live_open_module(struct target_process *process, const struct target_module *module,
                     const struct target_mapping *mapping) {
    char path[4200];
    struct stat status;
    if (module->is_executable)
        return open_regular(process, "exe");
    snprintf(path, sizeof path, "map_files/%llx-%llx", (unsigned long long)mapping->start,
             (unsigned long long)mapping->end);
    int file = open_regular(process, path);
    if (file >= 0 || mapping->deleted)
        return file;
    snprintf(path, sizeof path, "root%s", module->path);
    file = open_regular(process, path);
    if (file >= 0 && (fstat(file, &status) != 0 || status.st_ino != mapping->inode)) {
        close(file); /* another file stands there now */
        return -1;
    }
    return file;
}
