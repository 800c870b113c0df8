/*
 * The files that were mapped, for what a core leaves out. A file counts when its build id is that
 * of the ELF header in the core, which a kernel writes down for this (bit 4 of coredump_filter).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core.h"

/* ---- opening ---- */

static int open_regular(const char *path) {
    return file_reopen_regular(open(path, O_PATH | O_CLOEXEC));
}

/* A path inside of a folder that stands for the root, which neither ".." nor a link leaves. */
static int open_below(const char *root, const char *path) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    int file = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    if (file < 0 && (errno == ENOSYS || errno == EPERM) && *path == '/' && !strstr(path, "/.."))
        file = openat(folder, path + 1, O_PATH | O_CLOEXEC);
    close(folder);
    return file_reopen_regular(file);
}

/* Where the user says that it is, or where it was: gcore calls files as they are called outside of
 * a container. */
static int open_candidate(const struct core *core, const struct core_file *file,
                          bool *ret_is_named) {
    *ret_is_named = true;
    if (core->executable && file == core->program)
        return open_regular(core->executable);
    int below = core->sysroot ? open_below(core->sysroot, file->path) : -1;
    if (below >= 0)
        return below;
    *ret_is_named = false;
    return open_regular(file->path);
}

/* ---- is it the one ---- */

static bool read_of_file(void *context, uint64_t offset, void *buffer, size_t size) {
    const int *file = context;
    return offset <= INT64_MAX && pread(*file, buffer, size, (off_t)offset) == (ssize_t)size;
}

struct mapped_file {
    const struct core *core;
    const struct core_file *file;
};

static bool read_of_core(void *context, uint64_t offset, void *buffer, size_t size) {
    const struct mapped_file *mapped = context;
    return offset < mapped->file->size && size <= mapped->file->size - offset &&
           core_read_stored(mapped->core, mapped->file->start + offset, buffer, size) == size;
}

/* Without build ids the first page tells: headers, sizes and places of everything. */
static bool has_same_start(const struct core *core, const struct core_file *file, int opened) {
    unsigned char ours[CORE_PAGE], theirs[CORE_PAGE];
    ssize_t size = pread(opened, ours, sizeof ours, 0);
    return size > 0 && file->size &&
           core_read_stored(core, file->start, theirs, (size_t)size) == (size_t)size &&
           memcmp(ours, theirs, (size_t)size) == 0;
}

static void format_id(const struct build_id *id, char *text, size_t room) {
    snprintf(text, room, "%s", id->size ? "" : "none");
    for (size_t i = 0; i < id->size && 2 * i + 3 <= room; i++)
        snprintf(text + 2 * i, 3, "%02x", id->bytes[i]);
}

static const char *describe_mismatch(const struct core *core, const struct build_id *wanted,
                                     const struct build_id *found) {
    char ours[2 * BUILD_ID_MAX + 1], theirs[2 * BUILD_ID_MAX + 1];
    format_id(wanted, theirs, sizeof theirs);
    format_id(found, ours, sizeof ours);
    return arena_format(core->arena,
                        "the file is of another build: build id %.64s, that of the core %.64s; "
                        "give the right ones with --executable or --sysroot",
                        ours, theirs);
}

/* The core does not hold the build id: its first page tells, where it has that. */
static const char *check_start(const struct core *core, const struct core_file *file, int opened,
                               bool is_named) {
    unsigned char byte;
    if (has_same_start(core, file, opened))
        return NULL;
    if (file->size && core_read_stored(core, file->start, &byte, sizeof byte))
        return "the file does not begin as it did in the core; give the right one with "
               "--executable or --sysroot";
    return is_named ? NULL
                    : "the core does not hold the start of the file, so nothing shows that it is "
                      "the same; give it with --executable or --sysroot";
}

/* NULL, or why the file is not used; "" for data, which nobody misses. One that cannot be compared
 * is used where the user named it. */
static const char *check_file(const struct core *core, const struct core_file *file, int opened,
                              bool is_named) {
    struct build_id wanted, found;
    struct mapped_file mapped = {core, file};
    if (!build_id_find(read_of_file, &opened, &found))
        return file == core->program ? "the file is no program of x86-64" : "";
    if (!build_id_find(read_of_core, &mapped, &wanted))
        return check_start(core, file, opened, is_named);
    if (!wanted.size && !found.size)
        return has_same_start(core, file, opened) ? NULL : describe_mismatch(core, &wanted, &found);
    if (wanted.size == found.size && memcmp(wanted.bytes, found.bytes, found.size) == 0)
        return NULL;
    return describe_mismatch(core, &wanted, &found);
}

int core_file_open(struct core *core, struct core_file *file) {
    bool is_named;
    if (file->is_looked_for)
        return file->descriptor;
    file->is_looked_for = true;
    file->why = "";
    if (file->path[0] != '/')
        return -1; /* "anon_inode:[io_uring]": of no file, and nobody misses it */
    int opened = open_candidate(core, file, &is_named);
    file->why = opened < 0 ? CORE_FILE_ABSENT : check_file(core, file, opened, is_named);
    if (file->why && opened >= 0)
        close(opened);
    file->descriptor = file->why ? -1 : opened;
    return file->descriptor;
}
