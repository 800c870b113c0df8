/* The clock of a process in a time namespace of its own: time_namespaces(7). */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asyncspy/base/clock.h"
#include "process_private.h"

double process_parse_clock_offset(const char *text) {
    static const char name[] = "monotonic ";
    const char *line = strstr(text, name);
    char *rest;
    if (!line || (line != text && line[-1] != '\n'))
        return NAN;
    line += sizeof name - 1;
    double seconds = (double)strtoll(line, &rest, 10);
    if (rest == line)
        return NAN;
    return seconds + (double)strtoll(rest, NULL, 10) / 1e9;
}

static bool read_inode(int folder, const char *name, ino_t *ret) {
    struct stat found;
    bool is_there = fstatat(folder, name, &found, 0) == 0;
    if (is_there)
        *ret = found.st_ino;
    return is_there;
}

/* /proc/PID/timens_offsets tells of the namespace that new children get. That is the process's own
 * one, unless it made another for children to come. */
static double read_offset(int folder) {
    ino_t own, of_children;
    char text[256];
    if (!read_inode(folder, "ns/time", &own) ||
        !read_inode(folder, "ns/time_for_children", &of_children) || own != of_children)
        return NAN;
    process_read_small(folder, "timens_offsets", text, sizeof text);
    return process_parse_clock_offset(text);
}

double process_read_clock_offset(int folder) {
    ino_t theirs, ours;
    double offset = NAN;
    int own = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (own < 0)
        return NAN;
    if (!read_inode(own, "ns/time", &ours))
        offset = 0; /* a kernel before 5.6 has one clock for all */
    else if (read_inode(folder, "ns/time", &theirs))
        offset = theirs == ours ? 0 : read_offset(folder) - read_offset(own);
    close(own);
    return offset;
}

double live_get_monotonic(const struct target_process *process) {
    return clock_monotonic() + process->clock_offset;
}
