/*
 * The stream: one line for each member of the snapshot, and for each record of its arrays.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "asyncspy/snapshot/json.h"
#include "json_encode.h"

#define PRINT_BUFFER 4096

struct writer {
    FILE *out;
    struct json_encoder encoder;
};

/* Prints a value on the current line and destroys it. */
static void write_value(struct writer *writer, cJSON *value) {
    char *text = cJSON_PrintBuffered(value, PRINT_BUFFER, false);
    fputs(text, writer->out);
    cJSON_free(text);
    cJSON_Delete(value);
    arena_reset(writer->encoder.scratch);
}

static void write_key(struct writer *writer, const char *key) {
    fprintf(writer->out, ",\n\"%s\": ", key);
}

static void write_string(struct writer *writer, const char *key, const char *text) {
    write_key(writer, key);
    write_value(writer, json_encode_string(&writer->encoder, text));
}

/* What stands before the record `index` of an array. */
static void write_separator(struct writer *writer, size_t index) {
    fputs(index ? ",\n" : "\n", writer->out);
}

/* An array of records, each of which is written before the next one is encoded. */
#define WRITE_RECORDS(writer_, key_, vector_, encode_)                                             \
    do {                                                                                           \
        write_key(writer_, key_);                                                                  \
        fputc('[', (writer_)->out);                                                                \
        for (size_t i_ = 0; i_ < (vector_)->count; i_++) {                                         \
            write_separator(writer_, i_);                                                          \
            write_value(writer_, encode_(&(writer_)->encoder, &(vector_)->items[i_]));             \
        }                                                                                          \
        fputc(']', (writer_)->out);                                                                \
    } while (0)

/* A group may hold all tasks: their ids are streamed. */
static void write_group(struct writer *writer, const struct snapshot *snapshot,
                        const struct snapshot_group *group) {
    struct json_encoder *encoder = &writer->encoder;
    cJSON *object = cJSON_CreateObject();
    json_add_integer(object, "count", (int64_t)group->task_count);
    json_add_string(encoder, object, "state", snapshot_task_state_name(group->state));
    json_add_string(encoder, object, "awaiting", group->awaiting);
    json_add_stack(encoder, object, "frames", &group->frames);
    char *text = cJSON_PrintUnformatted(object);
    fprintf(writer->out, "%.*s,\"tasks\":[", (int)strlen(text) - 1, text);
    for (size_t i = 0; i < group->task_count; i++)
        fprintf(writer->out, "%s\"0x%" PRIx64 "\"", i ? "," : "",
                snapshot->tasks.items[group->tasks[i]].id);
    fputs("]}", writer->out);
    cJSON_free(text);
    cJSON_Delete(object);
    arena_reset(encoder->scratch);
}

static void write_groups(struct writer *writer, const struct snapshot *snapshot) {
    write_key(writer, "groups");
    fputc('[', writer->out);
    for (size_t i = 0; i < snapshot->groups.count; i++) {
        write_separator(writer, i);
        write_group(writer, snapshot, &snapshot->groups.items[i]);
    }
    fputc(']', writer->out);
}

static void write_all(struct writer *writer, const struct snapshot *snapshot) {
    fputs("{\"schema\": \"" SNAPSHOT_SCHEMA "\"", writer->out);
    write_string(writer, "asyncspy", snapshot->asyncspy);
    write_string(writer, "captured_at", snapshot->captured_at);
    write_key(writer, "target");
    write_value(writer, json_encode_target(&writer->encoder, &snapshot->target));
    write_key(writer, "capture");
    write_value(writer, json_encode_capture(&writer->encoder, &snapshot->capture));
    write_key(writer, "files");
    write_value(writer, json_encode_files(&writer->encoder, &snapshot->files));
    WRITE_RECORDS(writer, "missing", &snapshot->missing, json_encode_missing);
    write_key(writer, "verdict");
    write_value(writer, json_encode_verdict(&writer->encoder, &snapshot->verdict));
    WRITE_RECORDS(writer, "findings", &snapshot->findings, json_encode_finding);
    WRITE_RECORDS(writer, "interpreters", &snapshot->interpreters, json_encode_interpreter);
    WRITE_RECORDS(writer, "event_loops", &snapshot->event_loops, json_encode_loop);
    WRITE_RECORDS(writer, "threads", &snapshot->threads, json_encode_thread);
    WRITE_RECORDS(writer, "tasks", &snapshot->tasks, json_encode_task);
    WRITE_RECORDS(writer, "objects", &snapshot->objects, json_encode_object);
    WRITE_RECORDS(writer, "sockets", &snapshot->sockets, json_encode_socket);
    write_groups(writer, snapshot);
    WRITE_RECORDS(writer, "coroutines", &snapshot->coroutines, json_encode_coroutine);
    write_key(writer, "coroutines_searched");
    fprintf(writer->out, "%s}\n", snapshot->has_coroutines ? "true" : "false");
}

struct error *snapshot_json_write(const struct snapshot *snapshot, FILE *out) {
    struct arena *arena = arena_create();
    struct writer writer = {
        .out = out,
        .encoder = {.scratch = arena_create(),
                    .arena = arena,
                    .frames = id_table_create(arena, 0),
                    .names = table_create()},
    };
    json_use_memory();
    errno = 0;
    write_all(&writer, snapshot);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    table_destroy(writer.encoder.names);
    arena_destroy(arena);
    arena_destroy(writer.encoder.scratch);
    if (!ferror(out))
        return NULL;
    errno = error_number;
    return error_create_os(error_number, "writing the snapshot");
}
