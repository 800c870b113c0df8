/*
 * The inverse of json_write.c. The text may come from anywhere.
 */
#include "asyncspy/snapshot/json.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/snapshot/task_index.h"
#include "json_decode.h"
#include "json_encode.h"

typedef void read_record(struct json_decoder *decoder, const cJSON *object);

/* Calls `read` with every object of an array. */
static void read_records(struct json_decoder *decoder, const cJSON *root, const char *key,
                         read_record *read) {
    const cJSON *array = json_get_array(decoder, root, key), *item;
    size_t index = 0;
    cJSON_ArrayForEach(item, array) {
        if (decoder->err)
            return;
        json_enter(decoder, key, index++);
        if (cJSON_IsObject(item))
            read(decoder, item);
        else
            json_fail(decoder, "record", "is no object");
        json_leave(decoder);
    }
}

/* A string that must be there. */
static const char *require_string(struct json_decoder *decoder, const cJSON *object,
                                  const char *key) {
    const char *text = json_get_string(decoder, object, key);
    if (text)
        return text;
    json_fail(decoder, key, "is missing");
    return "";
}

static void read_target(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot_target *target = &decoder->snapshot->target;
    const cJSON *object = json_get_object(decoder, root, "target");
    json_enter(decoder, "target", SIZE_MAX);
    target->kind = json_get_string(decoder, object, "kind");
    target->pid = json_get_integer(decoder, object, "pid");
    target->core = json_get_string(decoder, object, "core");
    target->executable = json_get_string(decoder, object, "executable");
    target->command_line =
        json_get_strings(decoder, object, "command_line", &target->command_line_count);
    target->architecture = json_get_string(decoder, object, "architecture");
    target->python_version = json_get_string(decoder, object, "python_version");
    target->debug_build = json_get_tristate(decoder, object, "debug_build");
    target->free_threaded = json_get_tristate(decoder, object, "free_threaded");
    target->started_at = json_get_string(decoder, object, "started_at");
    json_leave(decoder);
}

static void read_capture(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot_capture *capture = &decoder->snapshot->capture;
    const cJSON *object = json_get_object(decoder, root, "capture");
    json_enter(decoder, "capture", SIZE_MAX);
    capture->mode = json_get_string(decoder, object, "mode");
    capture->pause_s = json_get_number(decoder, object, "pause_s");
    capture->duration_s = json_get_number(decoder, object, "duration_s");
    capture->reads = json_get_integer(decoder, object, "reads");
    capture->bytes_read = json_get_integer(decoder, object, "bytes_read");
    capture->second_look_s = json_get_number(decoder, object, "second_look_s");
    json_leave(decoder);
}

static void read_missing(struct json_decoder *decoder, const cJSON *object) {
    snapshot_add_missing(decoder->snapshot, require_string(decoder, object, "what"),
                         require_string(decoder, object, "why"));
}

static void read_interpreter(struct json_decoder *decoder, const cJSON *object) {
    *SNAPSHOT_APPEND(decoder->snapshot, &decoder->snapshot->interpreters) =
        (struct snapshot_interpreter){
            .id = json_get_integer(decoder, object, "id"),
            .gil_holder = json_get_integer(decoder, object, "gil_holder"),
            .gc_collecting = json_get_tristate(decoder, object, "gc_collecting"),
        };
}

static enum snapshot_loop_state get_loop_state(struct json_decoder *decoder, const cJSON *object) {
    const char *name = json_get_string(decoder, object, "state");
    if (!name)
        return SNAPSHOT_LOOP_STATE_UNKNOWN;
    for (int i = 0; i < SNAPSHOT_LOOP_STATE_UNKNOWN; i++)
        if (strcmp(name, snapshot_loop_state_name((enum snapshot_loop_state)i)) == 0)
            return (enum snapshot_loop_state)i;
    json_fail(decoder, "state", "is no state of an event loop");
    return SNAPSHOT_LOOP_STATE_UNKNOWN;
}

static void read_loop(struct json_decoder *decoder, const cJSON *object) {
    *SNAPSHOT_APPEND(decoder->snapshot, &decoder->snapshot->event_loops) = (struct snapshot_loop){
        .id = json_get_id(decoder, object, "id"),
        .type = json_get_string(decoder, object, "type"),
        .tid = json_get_integer(decoder, object, "tid"),
        .state = get_loop_state(decoder, object),
        .debug = json_get_tristate(decoder, object, "debug"),
    };
}

/* 64 bits, of which a JSON number keeps 53: good enough to tell threads apart. */
static uint64_t get_ident(struct json_decoder *decoder, const cJSON *object) {
    double value = json_get_number(decoder, object, "ident");
    if (isnan(value))
        return 0;
    if (value >= 0 && value < 18446744073709551616.0)
        return (uint64_t)value;
    json_fail(decoder, "ident", "is out of range");
    return 0;
}

static void read_thread(struct json_decoder *decoder, const cJSON *object) {
    *SNAPSHOT_APPEND(decoder->snapshot, &decoder->snapshot->threads) = (struct snapshot_thread){
        .tid = json_get_integer(decoder, object, "tid"),
        .ident = get_ident(decoder, object),
        .name = json_get_string(decoder, object, "name"),
        .kernel_name = json_get_string(decoder, object, "kernel_name"),
        .interpreter = json_get_integer(decoder, object, "interpreter"),
        .holds_gil = json_get_tristate(decoder, object, "holds_gil"),
        .os_state = json_get_string(decoder, object, "os_state"),
        .syscall = json_get_string(decoder, object, "syscall"),
        .wait_channel = json_get_string(decoder, object, "wait_channel"),
        .cpu_s = json_get_number(decoder, object, "cpu_s"),
        .event_loop = json_get_id(decoder, object, "event_loop"),
        .current_task = json_get_id(decoder, object, "current_task"),
        .frames = json_get_stack(decoder, object, "frames"),
    };
}

static enum snapshot_task_state get_task_state(struct json_decoder *decoder, const cJSON *object) {
    const char *name = require_string(decoder, object, "state");
    for (int i = 0; i < SNAPSHOT_TASK_STATE_COUNT; i++)
        if (strcmp(name, snapshot_task_state_name((enum snapshot_task_state)i)) == 0)
            return (enum snapshot_task_state)i;
    json_fail(decoder, "state", "is no state of a task");
    return SNAPSHOT_TASK_WAITING;
}

/* A kind that this version does not tell yet is "unknown"; its text is kept. */
static enum snapshot_wait_kind get_wait_kind(struct json_decoder *decoder, const cJSON *object) {
    const char *name = require_string(decoder, object, "kind");
    for (int i = 0; i < SNAPSHOT_WAIT_KIND_COUNT; i++)
        if (strcmp(name, snapshot_wait_kind_name((enum snapshot_wait_kind)i)) == 0)
            return (enum snapshot_wait_kind)i;
    return SNAPSHOT_WAIT_UNKNOWN;
}

static struct snapshot_wait *read_wait(struct json_decoder *decoder, const cJSON *task) {
    const cJSON *object = json_get_object(decoder, task, "awaiting");
    if (!object)
        return NULL;
    struct snapshot_wait *wait = arena_alloc(decoder->snapshot->arena, sizeof *wait);
    json_enter(decoder, "awaiting", SIZE_MAX);
    wait->kind = get_wait_kind(decoder, object);
    wait->id = json_get_id(decoder, object, "id");
    wait->text = json_get_string(decoder, object, "text");
    wait->tasks = json_get_ids(decoder, object, "tasks", &wait->task_count);
    json_leave(decoder);
    return wait;
}

static struct snapshot_exception *read_exception(struct json_decoder *decoder, const cJSON *task) {
    const cJSON *object = json_get_object(decoder, task, "exception");
    if (!object)
        return NULL;
    struct snapshot_exception *exception = arena_alloc(decoder->snapshot->arena, sizeof *exception);
    json_enter(decoder, "exception", SIZE_MAX);
    exception->type = require_string(decoder, object, "type");
    exception->text = json_get_string(decoder, object, "text");
    json_leave(decoder);
    return exception;
}

static void read_task(struct json_decoder *decoder, const cJSON *object) {
    struct snapshot_task *task = SNAPSHOT_APPEND(decoder->snapshot, &decoder->snapshot->tasks);
    task->id = json_get_id(decoder, object, "id");
    if (!task->id)
        json_fail(decoder, "id", "is missing");
    task->name = json_get_string(decoder, object, "name");
    task->type = json_get_string(decoder, object, "type");
    task->interpreter = json_get_integer(decoder, object, "interpreter");
    task->event_loop = json_get_id(decoder, object, "event_loop");
    task->state = get_task_state(decoder, object);
    task->coroutine = json_get_string(decoder, object, "coroutine");
    task->frames = json_get_stack(decoder, object, "frames");
    task->awaiting = read_wait(decoder, object);
    task->awaited_by = json_get_ids(decoder, object, "awaited_by", &task->awaited_by_count);
    task->has_created_at = json_get_array(decoder, object, "created_at") != NULL;
    task->created_at = json_get_stack(decoder, object, "created_at");
    task->tid = SNAPSHOT_UNKNOWN;
    task->cancel_requests = json_get_integer(decoder, object, "cancel_requests");
    task->must_cancel = json_get_tristate(decoder, object, "must_cancel");
    task->exception = read_exception(decoder, object);
    task->notes = json_get_strings(decoder, object, "notes", &task->note_count);
}

static void read_group(struct json_decoder *decoder, const cJSON *object) {
    struct snapshot_group *group = SNAPSHOT_APPEND(decoder->snapshot, &decoder->snapshot->groups);
    size_t count;
    snapshot_id *ids = json_get_ids(decoder, object, "tasks", &count);
    group->state = get_task_state(decoder, object);
    group->awaiting = json_get_string(decoder, object, "awaiting");
    group->frames = json_get_stack(decoder, object, "frames");
    group->tasks = arena_alloc_array(decoder->snapshot->arena, count, sizeof *group->tasks);
    group->task_count = count;
    for (size_t i = 0; i < count; i++)
        group->tasks[i] = (size_t)ids[i]; /* until link_groups */
}

/* From the ids of the tasks of groups to their places. */
static void link_groups(struct json_decoder *decoder, const struct task_index *index) {
    for (size_t i = 0; i < decoder->snapshot->groups.count; i++) {
        struct snapshot_group *group = &decoder->snapshot->groups.items[i];
        for (size_t j = 0; j < group->task_count; j++) {
            group->tasks[j] = task_index_find(index, group->tasks[j]);
            if (group->tasks[j] == TASK_INDEX_NONE)
                json_fail(decoder, "groups", "a group has a task that is not in tasks");
        }
    }
}

/* A running task runs in the thread whose current task it is. */
static void link_threads(struct json_decoder *decoder, const struct task_index *index) {
    struct snapshot *snapshot = decoder->snapshot;
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        size_t place = task_index_find(index, snapshot->threads.items[i].current_task);
        if (place != TASK_INDEX_NONE && snapshot->tasks.items[place].state == SNAPSHOT_TASK_RUNNING)
            snapshot->tasks.items[place].tid = snapshot->threads.items[i].tid;
    }
}

static void read_root(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot *snapshot = decoder->snapshot;
    if (strcmp(require_string(decoder, root, "schema"), SNAPSHOT_SCHEMA) != 0)
        json_fail(decoder, "schema", "is not \"" SNAPSHOT_SCHEMA "\"");
    snapshot->asyncspy = json_get_string(decoder, root, "asyncspy");
    snapshot->captured_at = json_get_string(decoder, root, "captured_at");
    read_target(decoder, root);
    read_capture(decoder, root);
    read_records(decoder, root, "missing", read_missing);
    read_records(decoder, root, "interpreters", read_interpreter);
    read_records(decoder, root, "event_loops", read_loop);
    read_records(decoder, root, "threads", read_thread);
    read_records(decoder, root, "tasks", read_task);
    read_records(decoder, root, "groups", read_group);
    if (decoder->err)
        return;
    struct task_index *index = task_index_create(snapshot->arena, snapshot);
    link_threads(decoder, index);
    link_groups(decoder, index);
}

/* Anything but white space behind the value. */
static bool has_rest(const char *rest, const char *end) {
    while (rest < end && strchr(" \t\r\n", *rest) && *rest)
        rest++;
    return rest < end;
}

static struct error *parse(const char *text, size_t length, cJSON **ret) {
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (!root)
        return error_create(ERROR_INVALID, "this is no JSON: byte %zu makes no sense",
                            end ? (size_t)(end - text) : 0);
    if (cJSON_IsObject(root) && !has_rest(end, text + length)) {
        *ret = root;
        return NULL;
    }
    cJSON_Delete(root);
    return error_create(ERROR_INVALID, "this is no snapshot: it must be one JSON object");
}

struct error *snapshot_json_read(struct snapshot *snapshot, const char *text, size_t length) {
    cJSON *root = NULL;
    json_use_memory();
    struct error *err = parse(text, length, &root);
    if (err)
        return err;
    struct json_decoder decoder = {.snapshot = snapshot, .frames = table_create()};
    read_root(&decoder, root);
    table_destroy(decoder.frames);
    cJSON_Delete(root);
    return decoder.err;
}
