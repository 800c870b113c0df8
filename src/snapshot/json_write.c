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

static void write_missing(struct writer *writer, const struct snapshot *snapshot) {
    write_key(writer, "missing");
    fputc('[', writer->out);
    for (size_t i = 0; i < snapshot->missing.count; i++) {
        cJSON *object = cJSON_CreateObject();
        json_add_string(&writer->encoder, object, "what", snapshot->missing.items[i].what);
        json_add_string(&writer->encoder, object, "why", snapshot->missing.items[i].why);
        write_separator(writer, i);
        write_value(writer, object);
    }
    fputc(']', writer->out);
}

static void write_interpreters(struct writer *writer, const struct snapshot *snapshot) {
    write_key(writer, "interpreters");
    fputc('[', writer->out);
    for (size_t i = 0; i < snapshot->interpreters.count; i++) {
        const struct snapshot_interpreter *it = &snapshot->interpreters.items[i];
        cJSON *object = cJSON_CreateObject();
        json_add_integer(object, "id", it->id);
        json_add_integer(object, "gil_holder", it->gil_holder);
        json_add_tristate(object, "gc_collecting", it->gc_collecting);
        write_separator(writer, i);
        write_value(writer, object);
    }
    fputc(']', writer->out);
}

static void write_loops(struct writer *writer, const struct snapshot *snapshot) {
    write_key(writer, "event_loops");
    fputc('[', writer->out);
    for (size_t i = 0; i < snapshot->event_loops.count; i++) {
        write_separator(writer, i);
        write_value(writer, json_encode_loop(&writer->encoder, &snapshot->event_loops.items[i]));
    }
    fputc(']', writer->out);
}

static void write_threads(struct writer *writer, const struct snapshot *snapshot) {
    write_key(writer, "threads");
    fputc('[', writer->out);
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        write_separator(writer, i);
        write_value(writer, json_encode_thread(&writer->encoder, &snapshot->threads.items[i]));
    }
    fputc(']', writer->out);
}

static void write_tasks(struct writer *writer, const struct snapshot *snapshot) {
    write_key(writer, "tasks");
    fputc('[', writer->out);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        write_separator(writer, i);
        write_value(writer, json_encode_task(&writer->encoder, &snapshot->tasks.items[i]));
    }
    fputc(']', writer->out);
}

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
    write_missing(writer, snapshot);
    fputs(",\n\"verdict\": null,\n\"findings\": []", writer->out);
    write_interpreters(writer, snapshot);
    write_loops(writer, snapshot);
    write_threads(writer, snapshot);
    write_tasks(writer, snapshot);
    fputs(",\n\"objects\": [],\n\"sockets\": []", writer->out);
    write_groups(writer, snapshot);
    fputs(",\n\"coroutines\": []}\n", writer->out);
}

struct error *snapshot_json_write(const struct snapshot *snapshot, FILE *out) {
    struct writer writer = {
        .out = out,
        .encoder = {.scratch = arena_create(), .arena = arena_create(), .frames = table_create()},
    };
    json_use_memory();
    errno = 0;
    write_all(&writer, snapshot);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    table_destroy(writer.encoder.frames);
    arena_destroy(writer.encoder.arena);
    arena_destroy(writer.encoder.scratch);
    if (!ferror(out))
        return NULL;
    errno = error_number;
    return error_create_os(error_number, "writing the snapshot");
}
