#include "recording_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recording_encode.h"
#include "recording_format.h"

#define MEMORY_MAX ((size_t)64 << 20)
#define BUFFER_KEPT ((size_t)1 << 20) /* the first sample may be much larger than any other */

struct recording_writer {
    int file;
    bool has_failed;
    uint64_t size; /* of what is written */
    struct recording_encoder *encoder;
    struct pack out;
};

static struct error *write_all(struct recording_writer *writer) {
    const unsigned char *at = writer->out.bytes;
    for (size_t left = writer->out.size; left;) {
        ssize_t done = write(writer->file, at, left);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_create_os(done < 0 ? errno : EIO, "writing the recording");
        at += done;
        left -= (size_t)done;
        writer->size += (size_t)done;
    }
    return NULL;
}

/* Writes what stands in `out`. */
static struct error *flush(struct recording_writer *writer) {
    struct error *err = write_all(writer);
    writer->has_failed = err != NULL;
    writer->out.size = 0;
    if (writer->out.capacity > BUFFER_KEPT) {
        free(writer->out.bytes);
        writer->out = (struct pack){0};
    }
    return err;
}

static struct error *check_usable(const struct recording_writer *writer) {
    if (writer->has_failed)
        return error_create(ERROR_OS, "the recording could not be written before");
    return NULL;
}

static void pack_target(struct pack *pack, const struct snapshot_target *target) {
    pack_text(pack, target->kind);
    pack_optional(pack, target->pid);
    pack_text(pack, target->core);
    pack_text(pack, target->executable);
    pack_number(pack, target->command_line_count);
    for (size_t i = 0; i < target->command_line_count; i++)
        pack_text(pack, target->command_line[i]);
    pack_text(pack, target->architecture);
    pack_text(pack, target->python_version);
    pack_tristate(pack, target->debug_build);
    pack_tristate(pack, target->free_threaded);
    pack_text(pack, target->started_at);
    pack_text(pack, target->signal);
}

static void pack_info(struct pack *out, const struct recording_info *info) {
    struct pack payload = {0};
    pack_text(&payload, info->asyncspy);
    pack_text(&payload, info->started_at);
    pack_number(&payload, pack_to_duration(info->rate));
    pack_target(&payload, &info->target);
    pack_chunk(out, RECORDING_INFO, &payload);
    free(payload.bytes);
}

struct error *recording_write_begin_small(int fd, const struct recording_info *info,
                                          size_t memory_max, struct recording_writer **ret) {
    struct recording_writer *writer = memory_alloc(sizeof *writer);
    *writer =
        (struct recording_writer){.file = fd, .encoder = recording_encoder_create(memory_max)};
    const char *magic = RECORDING_MAGIC RECORDING_VERSION_TEXT "\n";
    pack_bytes(&writer->out, magic, strlen(magic));
    pack_info(&writer->out, info);
    struct error *err = flush(writer);
    if (!err)
        *ret = writer;
    else
        recording_writer_destroy(writer);
    return err;
}

struct error *recording_write_begin(int fd, const struct recording_info *info,
                                    struct recording_writer **ret) {
    return recording_write_begin_small(fd, info, MEMORY_MAX, ret);
}

void recording_writer_destroy(struct recording_writer *writer) {
    if (!writer)
        return;
    recording_encoder_destroy(writer->encoder);
    free(writer->out.bytes);
    free(writer);
}

struct error *recording_write_sample(struct recording_writer *writer, uint64_t epoch,
                                     const struct recording_sample *sample) {
    struct error *err = check_usable(writer);
    if (err)
        return err;
    err = recording_encode_sample(writer->encoder, epoch, sample, &writer->out);
    if (!err)
        return flush(writer);
    writer->has_failed = true;
    return err;
}

uint64_t recording_get_size(const struct recording_writer *writer) {
    return writer->size;
}

struct error *recording_write_end(struct recording_writer *writer,
                                  const struct recording_end *end) {
    struct pack payload = {0};
    struct error *err = check_usable(writer);
    if (err)
        return err;
    uint64_t last_us = (uint64_t)recording_encoder_get_us(writer->encoder);
    uint64_t end_us = pack_to_duration(end->time_s);
    pack_number(&payload, end_us > last_us ? end_us - last_us : 0);
    pack_text(&payload, end->reason);
    pack_number(&payload, end->samples);
    pack_number(&payload, end->failed);
    pack_number(&payload, pack_to_duration(end->pause_s));
    pack_number(&payload, pack_to_duration(end->longest_pause_s));
    pack_number(&payload, pack_to_duration(end->late_s));
    pack_bytes(&payload, RECORDING_MAGIC_END, strlen(RECORDING_MAGIC_END));
    pack_chunk(&writer->out, RECORDING_END, &payload);
    free(payload.bytes);
    return flush(writer);
}
