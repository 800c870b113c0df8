/*
 * Recording files. Input: what is read: a file as it is (0), or else its chunks, whose lengths and
 * checksums are made right: a type, 2 bytes of length, so many bytes; the first is what was
 * recorded. What could be read is written and read again, twice: both must be the same file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/snapshot/pack.h"
#include "../../src/snapshot/recording_format.h"
#include "../../src/snapshot/recording_write.h"
#include "fuzz_input.h"

static void add_chunk(struct pack *file, struct fuzz_input *input) {
    struct pack payload = {0};
    int type = (int)fuzz_take(input, 1);
    size_t size = fuzz_take(input, 2);
    size = size < input->left ? size : input->left;
    pack_bytes(&payload, input->bytes, size);
    input->bytes += size;
    input->left -= size;
    pack_chunk(file, type, &payload);
    free(payload.bytes);
}

static int create_file(const struct pack *content) {
    int file = memfd_create("recording", MFD_CLOEXEC);
    if (file < 0 || write(file, content->bytes, content->size) != (ssize_t)content->size)
        abort();
    return file;
}

static int make_file(struct fuzz_input input) {
    struct pack content = {0};
    if (fuzz_take(&input, 1) == 0) {
        pack_bytes(&content, input.bytes, input.left);
    } else {
        pack_bytes(&content, RECORDING_MAGIC RECORDING_VERSION_TEXT "\n",
                   strlen(RECORDING_MAGIC RECORDING_VERSION_TEXT "\n"));
        while (input.left)
            add_chunk(&content, &input);
    }
    int file = create_file(&content);
    free(content.bytes);
    return file;
}

/* What whoever reads a sample may rely on. */
static void check_sample(const struct recording_sample *sample) {
    for (size_t i = 0; i < sample->task_count; i++)
        if (sample->tasks[i]->number == 0 || !sample->tasks[i]->stack)
            abort();
    for (size_t i = 0; i < sample->thread_count; i++)
        if (!sample->threads[i].stack)
            abort();
    for (size_t i = 0; i < sample->change_count; i++) {
        const struct recording_change *change = &sample->changes[i];
        if (!change->before && !change->after)
            abort();
        if (change->before && change->after && change->before->number != change->after->number)
            abort();
        if (change->after && change->after->since_s != sample->time_s)
            abort();
    }
}

static void copy_samples(struct recording_reader *reader, struct recording_writer *writer) {
    const struct recording_sample *sample;
    struct error *err;
    while (!(err = recording_read_next(reader, &sample)) && sample) {
        check_sample(sample);
        error_destroy(recording_write_sample(writer, sample->number / 4, sample));
    }
    error_destroy(err);
    error_destroy(recording_write_end(writer, recording_get_end(reader)));
}

/* What can be read of the recording in `from`, as another one. -1: nothing. */
static int copy(int from, bool must_be_whole) {
    char path[64];
    struct recording_reader *reader;
    struct recording_writer *writer;
    snprintf(path, sizeof path, "/proc/self/fd/%d", from);
    struct error *err = recording_read_begin(path, &reader);
    if (err && must_be_whole)
        abort();
    error_destroy(err);
    if (err)
        return -1;
    int file = create_file(&(struct pack){0});
    if (recording_write_begin_small(file, recording_get_info(reader), 2000, &writer))
        abort();
    copy_samples(reader, writer);
    recording_writer_destroy(writer);
    recording_reader_destroy(reader);
    return file;
}

static void expect_same(int first, int second) {
    struct stat one, other;
    if (fstat(first, &one) != 0 || fstat(second, &other) != 0 || one.st_size != other.st_size)
        abort();
    char *bytes = malloc((size_t)one.st_size * 2);
    if (!bytes || pread(first, bytes, (size_t)one.st_size, 0) != one.st_size ||
        pread(second, bytes + one.st_size, (size_t)one.st_size, 0) != one.st_size ||
        memcmp(bytes, bytes + one.st_size, (size_t)one.st_size) != 0)
        abort();
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int file = make_file((struct fuzz_input){data, size}), first = copy(file, false);
    close(file);
    if (first < 0)
        return 0;
    int second = copy(first, true);
    expect_same(first, second);
    close(first);
    close(second);
    return 0;
}
