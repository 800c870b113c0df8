/*
 * The inverse of snapshot_tree_json_write; also what tells the two schemas from each other.
 */
#include <string.h>

#include "asyncspy/snapshot/json.h"
#include "asyncspy/snapshot/processes.h"
#include "json_encode.h"
#include "json_read.h"

/* The decoder's strings die with its snapshot: the tree has copies. */
struct tree_reader {
    struct json_decoder decoder;
    struct arena *arena;
};

static const char *get_text(struct tree_reader *reader, const cJSON *object, const char *key) {
    const char *text = json_get_string(&reader->decoder, object, key);
    return text ? arena_copy_string(reader->arena, text, strlen(text)) : NULL;
}

static void read_command(struct tree_reader *reader, const cJSON *object,
                         struct snapshot_process *process) {
    size_t count;
    const char **words = json_get_strings(&reader->decoder, object, "command_line", &count);
    process->command_line = arena_alloc_array(reader->arena, count, sizeof *words);
    process->command_line_count = count;
    for (size_t i = 0; i < count; i++)
        process->command_line[i] = arena_copy_string(reader->arena, words[i], strlen(words[i]));
}

static enum snapshot_process_state read_state(struct json_decoder *decoder, const cJSON *object) {
    const char *name = json_require_string(decoder, object, "state");
    for (int i = 0; i < SNAPSHOT_PROCESS_STATE_COUNT; i++)
        if (strcmp(name, snapshot_process_state_name((enum snapshot_process_state)i)) == 0)
            return (enum snapshot_process_state)i;
    json_fail(decoder, "state", "is no state of a process");
    return SNAPSHOT_PROCESS_UNKNOWN;
}

static void read_snapshot(struct json_decoder *decoder, const cJSON *object,
                          struct snapshot_process *process) {
    const cJSON *root = json_get_object(decoder, object, "snapshot");
    if (!root)
        return;
    process->snapshot = snapshot_create();
    struct error *err = json_read_snapshot(process->snapshot, root);
    if (err)
        json_fail(decoder, "snapshot", error_get_message(err));
    error_destroy(err);
}

static void read_process(struct tree_reader *reader, const cJSON *object,
                         struct snapshot_process *process) {
    struct json_decoder *decoder = &reader->decoder;
    process->pid = json_get_count(decoder, object, "pid");
    process->user_id = json_get_count(decoder, object, "user_id");
    process->user = get_text(reader, object, "user");
    process->name = get_text(reader, object, "name");
    process->python_version = get_text(reader, object, "python_version");
    process->loops = json_get_count(decoder, object, "event_loops");
    process->tasks = json_get_count(decoder, object, "tasks");
    process->complete = json_get_tristate(decoder, object, "complete") == SNAPSHOT_YES;
    process->state = read_state(decoder, object);
    process->why = get_text(reader, object, "why");
    process->container = get_text(reader, object, "container");
    read_command(reader, object, process);
    process->parent = json_get_count(decoder, object, "parent");
    read_snapshot(decoder, object, process);
}

static void read_tree(struct tree_reader *reader, const cJSON *root,
                      struct snapshot_processes *tree) {
    struct json_decoder *decoder = &reader->decoder;
    const cJSON *array = json_get_array(decoder, root, "processes"), *item;
    size_t index = 0;
    tree->captured_at = get_text(reader, root, "captured_at");
    tree->complete = json_get_tristate(decoder, root, "complete") == SNAPSHOT_YES;
    cJSON_ArrayForEach(item, array) {
        json_enter(decoder, "processes", index++);
        if (cJSON_IsObject(item))
            read_process(reader, item, SNAPSHOT_APPEND(tree, &tree->list));
        else
            json_fail(decoder, "record", "is no object");
        json_leave(decoder);
        if (decoder->err)
            return;
    }
}

static struct error *read_whole_tree(struct snapshot_processes *tree, const cJSON *root) {
    struct tree_reader reader = {.decoder = {.snapshot = snapshot_create()}, .arena = tree->arena};
    read_tree(&reader, root, tree);
    snapshot_destroy(reader.decoder.snapshot);
    return reader.decoder.err;
}

static bool is_tree(const cJSON *root) {
    const char *schema = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "schema"));
    return schema && strcmp(schema, SNAPSHOT_TREE_SCHEMA) == 0;
}

struct error *snapshot_tree_json_read(struct snapshot *snapshot, struct snapshot_processes *tree,
                                      const char *text, size_t length, bool *ret_is_tree) {
    cJSON *root = NULL;
    struct error *err = json_parse_object(text, length, &root);
    if (err)
        return err;
    *ret_is_tree = is_tree(root);
    err = *ret_is_tree ? read_whole_tree(tree, root) : json_read_snapshot(snapshot, root);
    cJSON_Delete(root);
    return err;
}
