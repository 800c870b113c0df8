/* Lists of processes as JSON: one line for each, and behind it the snapshot where there is one. */
#include <errno.h>
#include <string.h>

#include "asyncspy/snapshot/json.h"
#include "asyncspy/snapshot/processes.h"
#include "json_encode.h"

#define SCHEMA "asyncspy.processes/1"

static cJSON *encode_process(struct json_encoder *encoder, const struct snapshot_process *process) {
    cJSON *object = cJSON_CreateObject();
    json_add_integer(object, "pid", process->pid);
    json_add_integer(object, "user_id", process->user_id);
    json_add_string(encoder, object, "user", process->user);
    json_add_string(encoder, object, "name", process->name);
    json_add_string(encoder, object, "python_version", process->python_version);
    json_add_integer(object, "event_loops", process->loops);
    json_add_integer(object, "tasks", process->tasks);
    json_add_tristate(object, "complete", process->complete ? SNAPSHOT_YES : SNAPSHOT_NO);
    json_add_string(encoder, object, "state", snapshot_process_state_name(process->state));
    json_add_string(encoder, object, "why", process->why);
    json_add_string(encoder, object, "container", process->container);
    json_add_strings(encoder, object, "command_line", process->command_line,
                     process->command_line_count);
    return object;
}

static void write_value(struct json_encoder *encoder, cJSON *value, FILE *out) {
    char *text = cJSON_PrintUnformatted(value);
    fputs(text, out);
    cJSON_free(text);
    cJSON_Delete(value);
    arena_reset(encoder->scratch);
}

static void write_head(struct json_encoder *encoder, const char *schema, const char *captured_at,
                       FILE *out) {
    fprintf(out, "{\"schema\": \"%s\",\n\"asyncspy\": ", schema);
    write_value(encoder, json_encode_string(encoder, ASYNCSPY_VERSION), out);
    fputs(",\n\"captured_at\": ", out);
    write_value(encoder, json_encode_string(encoder, captured_at), out);
}

static struct error *finish(FILE *out) {
    if (fflush(out) == 0 && !ferror(out))
        return NULL;
    return error_create_os(errno, "writing the list of processes");
}

struct error *snapshot_processes_json_write(const struct snapshot_processes *processes, FILE *out) {
    struct json_encoder encoder = {.scratch = arena_create()};
    json_use_memory();
    errno = 0;
    write_head(&encoder, SCHEMA, processes->captured_at, out);
    fputs(",\n\"processes\": [", out);
    for (size_t i = 0; i < processes->list.count; i++) {
        fputs(i ? ",\n" : "\n", out);
        write_value(&encoder, encode_process(&encoder, &processes->list.items[i]), out);
    }
    fputs("]}\n", out);
    arena_destroy(encoder.scratch);
    return finish(out);
}

static struct error *write_member(struct json_encoder *encoder,
                                  const struct snapshot_process *process, FILE *out) {
    struct error *err = NULL;
    cJSON *object = encode_process(encoder, process);
    json_add_integer(object, "parent", process->parent);
    char *text = cJSON_PrintUnformatted(object);
    fprintf(out, "%.*s,\"snapshot\":", (int)strlen(text) - 1, text);
    cJSON_free(text);
    cJSON_Delete(object);
    arena_reset(encoder->scratch);
    if (process->snapshot)
        err = snapshot_json_write(process->snapshot, out);
    else
        fputs("null", out);
    fputc('}', out);
    return err;
}

struct error *snapshot_tree_json_write(const struct snapshot_processes *tree, FILE *out) {
    struct json_encoder encoder = {.scratch = arena_create()};
    struct error *err = NULL;
    json_use_memory();
    errno = 0;
    write_head(&encoder, SNAPSHOT_TREE_SCHEMA, tree->captured_at, out);
    fprintf(out, ",\n\"complete\": %s,\n\"processes\": [", tree->complete ? "true" : "false");
    for (size_t i = 0; !err && i < tree->list.count; i++) {
        fputs(i ? ",\n" : "\n", out);
        err = write_member(&encoder, &tree->list.items[i], out);
    }
    arena_destroy(encoder.scratch);
    if (err)
        return err;
    fputs("]}\n", out);
    return finish(out);
}
