/*
 * Core files: a process as it was when the kernel, gcore or asyncspy wrote it down. Hides ELF, the
 * notes, and that a core lacks what stands in files: a kernel leaves out pages that were only read.
 * Those are taken from the files, where their build id says that they are the ones.
 *
 * A core may be compressed (gzip, lz4, xz, zstd, as systemd-coredump does): it is then unpacked
 * into a file without a name, in $TMPDIR or /var/tmp. It may come from anybody: nothing in it is
 * trusted.
 */
#pragma once

#include <stdint.h>

#include "asyncspy/base/error.h"
#include "asyncspy/target/process.h"

/* Told while a compressed core is unpacked: bytes read of it, and how many there are. */
struct core_progress {
    void (*report)(void *context, uint64_t done, uint64_t total); /* or NULL */
    void *context;
};

struct core_options {
    const char *executable; /* file of the program; NULL: where the core says that it is */
    const char *sysroot;    /* folder where files of the process are looked for first; or NULL */
    struct core_progress progress;
};

/* Opens a core. `path` may be a pipe. ERROR_OS: the file cannot be read; ERROR_UNSUPPORTED: it is
 * no core of an x86-64 process; ERROR_INVALID: it is damaged beyond use. One that is cut off is
 * opened with what is there. */
struct error *core_open(const char *path, const struct core_options *options,
                        struct target_process **ret) ERROR_CHECK;

/* The text that core_writer_finish() put into it, of `*ret_size` bytes; NULL: asyncspy has not
 * saved it. It lives as long as the process. */
const char *core_get_note(const struct target_process *process, size_t *ret_size);

/* The signal that ended it, as its number; 0: none, or not known. */
int core_get_signal(const struct target_process *process);

/* Something that a core does not hold. */
struct core_loss {
    const char *what, *why;
};

/* What was wanted and is not there, so far: files that cannot be had, the end of a core that is cut
 * off. The array and the texts live in `arena`; the texts may hold any bytes. */
struct core_loss *core_list_losses(const struct target_process *process, struct arena *arena,
                                   size_t *ret_count);
