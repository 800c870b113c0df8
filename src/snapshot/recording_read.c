#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/snapshot/recording_file.h"
#include "recording_decode.h"
#include "recording_format.h"
#include "recording_input.h"

struct recording_reader {
    struct recording_input *input;
    struct arena *arena;
    struct recording_definitions *definitions;
    struct recording_decoder *decoder;
    struct recording_info info;
    struct recording_end end; /* as far as the samples tell, until it is read */
    bool is_over;             /* the end, a cut, a damage */
};

/* ---- what was recorded ---- */

static void read_command_line(struct recording_reader *reader, struct unpack *payload) {
    struct snapshot_target *target = &reader->info.target;
    size_t count = unpack_count(payload);
    target->command_line = arena_alloc_array(reader->arena, count, sizeof *target->command_line);
    for (size_t i = 0; i < count && !payload->wrong; i++) {
        const char *argument = unpack_text(payload, reader->arena);
        if (argument)
            target->command_line[target->command_line_count++] = argument;
    }
}

static void read_target(struct recording_reader *reader, struct unpack *payload) {
    struct snapshot_target *target = &reader->info.target;
    target->kind = unpack_text(payload, reader->arena);
    target->pid = unpack_optional(payload);
    target->core = unpack_text(payload, reader->arena);
    target->executable = unpack_text(payload, reader->arena);
    read_command_line(reader, payload);
    target->architecture = unpack_text(payload, reader->arena);
    target->python_version = unpack_text(payload, reader->arena);
    target->debug_build = unpack_tristate(payload);
    target->free_threaded = unpack_tristate(payload);
    target->started_at = unpack_text(payload, reader->arena);
    target->signal = unpack_text(payload, reader->arena);
}

static struct error *read_info(struct recording_reader *reader) {
    struct unpack payload = {0};
    int type;
    struct error *err = recording_input_next(reader->input, &type, &payload);
    if (err)
        return err;
    if (type != RECORDING_INFO)
        return recording_input_blame(reader->input, "it does not say what was recorded");
    const char *asyncspy = unpack_text(&payload, reader->arena);
    const char *started_at = unpack_text(&payload, reader->arena);
    reader->info.asyncspy = asyncspy ? asyncspy : "";
    reader->info.started_at = started_at ? started_at : "";
    reader->info.rate = pack_from_us(unpack_us(&payload));
    read_target(reader, &payload);
    if (payload.at < payload.end)
        unpack_fail(&payload, "more than is known of what was recorded");
    return payload.wrong ? recording_input_blame(reader->input, payload.wrong) : NULL;
}

struct error *recording_read_begin(const char *path, struct recording_reader **ret) {
    struct recording_input *input;
    struct error *err = recording_input_open(path, &input);
    if (err)
        return err;
    struct recording_reader *reader = memory_alloc(sizeof *reader);
    *reader = (struct recording_reader){.input = input, .arena = arena_create()};
    reader->definitions = recording_definitions_create(reader->arena);
    reader->decoder = recording_decoder_create(reader->definitions);
    err = read_info(reader);
    if (!err)
        *ret = reader;
    else
        recording_reader_destroy(reader);
    return err;
}

const struct recording_info *recording_get_info(const struct recording_reader *reader) {
    return &reader->info;
}

void recording_reader_destroy(struct recording_reader *reader) {
    if (!reader)
        return;
    recording_decoder_destroy(reader->decoder);
    recording_definitions_destroy(reader->definitions);
    recording_input_close(reader->input);
    arena_destroy(reader->arena);
    free(reader);
}

/* ---- samples and the end ---- */

static void count_sample(struct recording_reader *reader, const struct recording_sample *sample) {
    struct recording_end *end = &reader->end;
    end->time_s = sample->time_s;
    end->samples++;
    end->pause_s += sample->pause_s;
    end->longest_pause_s = fmax(end->longest_pause_s, sample->pause_s);
    end->late_s += sample->late_s;
}

static struct error *read_end(struct recording_reader *reader, struct unpack *payload) {
    struct recording_end end = {0};
    int64_t us = recording_decoder_get_us(reader->decoder) + unpack_us(payload);
    end.time_s = pack_from_us(us);
    end.reason = unpack_text(payload, reader->arena);
    end.samples = unpack_number(payload);
    end.failed = unpack_number(payload);
    end.pause_s = pack_from_us(unpack_us(payload));
    end.longest_pause_s = pack_from_us(unpack_us(payload));
    end.late_s = pack_from_us(unpack_us(payload));
    const unsigned char *magic = unpack_bytes(payload, strlen(RECORDING_MAGIC_END));
    if (!magic || payload->at < payload->end ||
        memcmp(magic, RECORDING_MAGIC_END, strlen(RECORDING_MAGIC_END)) != 0)
        return recording_input_blame(reader->input, "an end that is none");
    struct error *err = recording_input_check_end(reader->input);
    if (!err)
        reader->end = end;
    return err;
}

/* Takes a chunk; *ret is set if it is a sample. */
static struct error *read_chunk(struct recording_reader *reader, int type, struct unpack *payload,
                                const struct recording_sample **ret) {
    recording_definitions_allow(reader->definitions, recording_input_get_place(reader->input));
    if (type == RECORDING_DEFINITIONS)
        recording_definitions_add(reader->definitions, payload);
    else if (type == RECORDING_RESET)
        recording_definitions_reset(reader->definitions);
    else if (type == RECORDING_SAMPLE)
        *ret = recording_decode_sample(reader->decoder, payload);
    else if (type == RECORDING_END)
        return read_end(reader, payload);
    else
        unpack_fail(payload, "it says twice what was recorded");
    return payload->wrong ? recording_input_blame(reader->input, payload->wrong) : NULL;
}

static struct error *read_sample(struct recording_reader *reader,
                                 const struct recording_sample **ret) {
    struct error *err = NULL;
    while (!err && !reader->is_over && !*ret) {
        struct unpack payload = {0};
        int type;
        err = recording_input_next(reader->input, &type, &payload);
        if (!err && type)
            err = read_chunk(reader, type, &payload, ret);
        reader->is_over = err || type == 0 || type == RECORDING_END;
    }
    return err;
}

struct error *recording_read_next(struct recording_reader *reader,
                                  const struct recording_sample **ret) {
    *ret = NULL;
    struct error *err = read_sample(reader, ret);
    if (*ret)
        count_sample(reader, *ret);
    return err;
}

const struct recording_end *recording_get_end(const struct recording_reader *reader) {
    return &reader->end;
}

double recording_get_progress(const struct recording_reader *reader) {
    double place = (double)recording_input_get_place(reader->input);
    double size = (double)recording_input_get_size(reader->input);
    return place < size ? place / size : 1;
}
