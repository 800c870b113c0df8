/* Compressed cores, and those that come through a pipe: into a file without a name. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"
#include "decoder.h"

#define IN_SIZE ((size_t)256 << 10)
#define OUT_SIZE ((size_t)1 << 20)
#define START_SIZE 8
#define SIZE_MAX_UNPACKED ((uint64_t)1 << 40) /* a few kilobytes can say that they are more */

struct unpacking {
    int in, out;
    const struct decoder_format *format; /* NULL: it is not compressed */
    void *state;
    unsigned char *in_bytes, *out_bytes;
    size_t in_size; /* of what was read and not taken yet, which starts at in_bytes */
    uint64_t read, total, written;
    const struct core_progress *progress;
    bool ended, in_frame, had_frame;
};

/* ---- reading ---- */

static size_t read_start(int file, unsigned char *start) {
    ssize_t size = pread(file, start, START_SIZE, 0);
    return size < 0 ? 0 : (size_t)size;
}

bool core_is_packed(int descriptor) {
    unsigned char start[START_SIZE];
    struct stat status;
    return fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) ||
           decoder_find(start, read_start(descriptor, start));
}

/* Reads behind what is there already. */
static struct error *read_more(struct unpacking *work) {
    ssize_t got;
    do
        got = read(work->in, work->in_bytes + work->in_size, IN_SIZE - work->in_size);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_create_os(errno, "reading it");
    work->ended = got == 0;
    work->in_size += (size_t)got;
    work->read += (size_t)got;
    if (work->progress->report)
        work->progress->report(work->progress->context, work->read, work->total);
    return NULL;
}

/* ---- writing ---- */

static bool is_zero(const unsigned char *bytes, size_t size) {
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static struct error *write_bytes(struct unpacking *work, const unsigned char *bytes, size_t size) {
    while (size) {
        ssize_t done = pwrite(work->out, bytes, size, (off_t)work->written);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_create_os(done < 0 ? errno : ENOSPC,
                                   "unpacking it (TMPDIR names another folder for that)");
        bytes += done;
        size -= (size_t)done;
        work->written += (size_t)done;
    }
    return NULL;
}

/* How many of `size` bytes up to the end of a page of the file, or of the next ones that are zero,
 * or not zero, as the first one is. */
static size_t find_run(const struct unpacking *work, const unsigned char *bytes, size_t size,
                       bool *ret_zero) {
    size_t end = CORE_PAGE - work->written % CORE_PAGE;
    end = end < size ? end : size;
    *ret_zero = is_zero(bytes, end);
    for (size_t next; end < size; end += next) {
        next = size - end < CORE_PAGE ? size - end : CORE_PAGE;
        if (is_zero(bytes + end, next) != *ret_zero)
            break;
    }
    return end;
}

/* What is no core is not unpacked to its end: it may be a disk, or /dev/zero. */
static struct error *check_start(const struct unpacking *work, size_t size) {
    static const char magic[] = ELFMAG;
    for (size_t i = 0; i < size && work->written + i < SELFMAG; i++)
        if (work->out_bytes[i] != (unsigned char)magic[work->written + i])
            return core_refuse_other();
    return NULL;
}

/* Pages of zeros stay holes: most of what a process reserves was never touched. */
static struct error *write_out(struct unpacking *work, size_t size) {
    struct error *err = check_start(work, size);
    for (size_t at = 0, run; !err && at < size; at += run) {
        bool zero;
        run = find_run(work, work->out_bytes + at, size - at, &zero);
        if (zero)
            work->written += run;
        else
            err = write_bytes(work, work->out_bytes + at, run);
    }
    if (!err && work->written > SIZE_MAX_UNPACKED)
        err = error_create(ERROR_INVALID, "it is more than 1 TiB when it is unpacked");
    return err;
}

/* ---- both ---- */

static struct error *copy_some(struct unpacking *work) {
    memcpy(work->out_bytes, work->in_bytes, work->in_size);
    size_t size = work->in_size;
    work->in_size = 0;
    return write_out(work, size);
}

/* Zeros behind a frame are padding. */
static void skip_padding(const struct unpacking *work, struct decoder_io *io) {
    while (work->had_frame && !work->in_frame && io->in_size && *io->in == 0) {
        io->in++;
        io->in_size--;
    }
}

static struct error *decode_some(struct unpacking *work) {
    struct decoder_io io = {work->in_bytes, work->in_size, work->out_bytes, OUT_SIZE};
    enum decoder_result result = DECODER_MORE;
    struct error *err = NULL;
    /* A decoder that neither takes nor gives wants more. */
    for (bool moves = true; !err && moves && result != DECODER_BAD;) {
        skip_padding(work, &io);
        size_t before = io.in_size;
        io.out = work->out_bytes;
        io.out_size = OUT_SIZE;
        result = io.in_size || work->in_frame ? work->format->step(work->state, &io) : DECODER_MORE;
        size_t made = OUT_SIZE - io.out_size;
        moves = result != DECODER_BAD && (io.in_size != before || made);
        if (moves)
            work->in_frame = result != DECODER_ENDED;
        work->had_frame |= result == DECODER_ENDED;
        err = write_out(work, made);
    }
    if (!err && result == DECODER_BAD)
        err = error_create(ERROR_INVALID, "it is damaged: no valid %s", work->format->name);
    memmove(work->in_bytes, io.in, io.in_size);
    work->in_size = io.in_size;
    return err;
}

static struct error *unpack(struct unpacking *work) {
    struct error *err = NULL;
    while (!err && !work->ended) {
        err = work->format ? decode_some(work) : copy_some(work);
        if (!err && work->in_size == IN_SIZE)
            err = error_create(ERROR_INVALID, "it is damaged: no valid %s", work->format->name);
        if (!err)
            err = read_more(work);
    }
    return err;
}

static int create_file(void) {
    const char *folder = getenv("TMPDIR");
    char name[PATH_MAX];
    folder = folder && *folder == '/' ? folder : "/var/tmp";
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (file >= 0)
        return file;
    snprintf(name, sizeof name, "%s/asyncspy-XXXXXX", folder);
    file = mkostemp(name, O_CLOEXEC);
    if (file >= 0)
        unlink(name);
    return file;
}

static struct error *begin(struct unpacking *work) {
    struct stat status;
    if (fstat(work->in, &status) == 0 && S_ISREG(status.st_mode))
        work->total = (uint64_t)status.st_size;
    struct error *err = NULL;
    while (!err && !work->ended && work->in_size < START_SIZE)
        err = read_more(work);
    if (err)
        return err;
    work->ended = false; /* of a short one what was read is still to be taken */
    work->format = decoder_find(work->in_bytes, work->in_size);
    work->state = work->format ? work->format->create() : NULL;
    if (work->format && !work->state)
        return error_create(ERROR_OS, "there is no memory to unpack %s", work->format->name);
    work->out = create_file();
    return work->out < 0 ? error_create_os(errno, "creating a file to unpack it into") : NULL;
}

struct error *core_unpack(int descriptor, const struct core_progress *progress, int *ret,
                          bool *ret_cut) {
    struct unpacking work = {.in = descriptor,
                             .out = -1,
                             .in_bytes = memory_alloc(IN_SIZE),
                             .out_bytes = memory_alloc(OUT_SIZE),
                             .progress = progress};
    struct error *err = begin(&work);
    if (!err)
        err = unpack(&work);
    if (!err && ftruncate(work.out, (off_t)work.written) != 0) /* it may end in a hole */
        err = error_create_os(errno, "unpacking it");
    if (work.state)
        work.format->destroy(work.state);
    free(work.in_bytes);
    free(work.out_bytes);
    *ret_cut = work.in_frame;
    if (err && work.out >= 0)
        close(work.out);
    else
        *ret = work.out;
    return err;
}
