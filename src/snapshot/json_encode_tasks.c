/* Tasks and what tasks and threads wait for. */
#include "json_encode.h"

#include <string.h>

static cJSON *encode_referrers(struct json_encoder *encoder, const struct snapshot_wait *wait) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < wait->referrer_count; i++) {
        cJSON *object = cJSON_CreateObject();
        json_add_id(encoder, object, "id", wait->referrers[i].id);
        json_add_string(encoder, object, "type", wait->referrers[i].type);
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

void json_add_referrers(struct json_encoder *encoder, cJSON *object,
                        const struct snapshot_wait *wait) {
    json_add(object, "referrers", encode_referrers(encoder, wait));
    json_add_tristate(object, "referrers_complete", wait->referrers_complete);
}

static cJSON *encode_wait(struct json_encoder *encoder, const struct snapshot_wait *wait) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "kind", snapshot_wait_kind_name(wait->kind));
    json_add_id(encoder, object, "id", wait->id);
    json_add_string(encoder, object, "type", wait->type);
    json_add_string(encoder, object, "text", wait->text);
    json_add_ids(encoder, object, "tasks", wait->tasks, wait->task_count);
    json_add_tristate(object, "any_task", wait->any_task);
    json_add_id(encoder, object, "object", wait->object);
    json_add_number(object, "deadline_s", wait->deadline_s);
    json_add_tristate(object, "has_timeout", wait->has_timeout);
    json_add_count(object, "fd", wait->fd);
    json_add_count(object, "tid", wait->tid);
    json_add_count(object, "pid", wait->pid);
    json_add_count(object, "done", wait->done);
    json_add_count(object, "total", wait->total);
    json_add_count(object, "position", wait->position);
    json_add_string(encoder, object, "callee", wait->callee);
    json_add_referrers(encoder, object, wait);
    return object;
}

void json_add_wait(struct json_encoder *encoder, cJSON *object, const struct snapshot_wait *wait) {
    json_add(object, "awaiting", wait ? encode_wait(encoder, wait) : cJSON_CreateNull());
}

static void add_holds(struct json_encoder *encoder, cJSON *task, const struct snapshot_hold *holds,
                      size_t count) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++) {
        cJSON *object = cJSON_CreateObject();
        json_add_id(encoder, object, "object", holds[i].object);
        json_add_count(object, "frame", holds[i].frame);
        cJSON_AddItemToArray(array, object);
    }
    json_add(task, "holds", array);
}

static void add_exception(struct json_encoder *encoder, cJSON *task,
                          const struct snapshot_exception *exception) {
    if (!exception) {
        json_add_null(task, "exception");
        return;
    }
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "type", exception->type);
    json_add_string(encoder, object, "text", exception->text);
    json_add(task, "exception", object);
}

/* Several variables may have one name, keys of JSON should not: "name", "name (2)", ... */
static const char *make_key(struct json_encoder *encoder, const char *name) {
    const char *key = name = json_encode_text(encoder, name ? name : "?");
    size_t *number = table_find(encoder->names, name, strlen(name));
    while (number && table_find(encoder->names, key, strlen(key)))
        key = arena_format(encoder->scratch, "%s (%zu)", name, ++*number);
    number = arena_alloc(encoder->scratch, sizeof *number);
    *number = 1;
    table_add(encoder->names, key, strlen(key), number);
    return key;
}

static void add_context(struct json_encoder *encoder, cJSON *object,
                        const struct snapshot_task *task) {
    if (!task->has_context) {
        json_add_null(object, "context");
        return;
    }
    cJSON *context = cJSON_CreateObject();
    table_reset(encoder->names); /* its keys are in the scratch arena */
    for (size_t i = 0; i < task->context_count; i++) {
        const char *value = task->context[i].value;
        json_add_string(encoder, context, make_key(encoder, task->context[i].name),
                        value ? value : "?");
    }
    table_reset(encoder->names);
    json_add(object, "context", context);
}

cJSON *json_encode_task(struct json_encoder *encoder, const struct snapshot_task *task) {
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "id", task->id);
    json_add_string(encoder, object, "name", task->name);
    json_add_string(encoder, object, "type", task->type);
    json_add_integer(object, "interpreter", task->interpreter);
    json_add_id(encoder, object, "event_loop", task->event_loop);
    json_add_string(encoder, object, "state", snapshot_task_state_name(task->state));
    json_add_string(encoder, object, "coroutine", task->coroutine);
    json_add_stack(encoder, object, "frames", &task->frames);
    json_add_wait(encoder, object, task->awaiting);
    json_add_ids(encoder, object, "awaited_by", task->awaited_by, task->awaited_by_count);
    add_holds(encoder, object, task->holds, task->hold_count);
    if (task->has_created_at)
        json_add_stack(encoder, object, "created_at", &task->created_at);
    else
        json_add_null(object, "created_at");
    json_add_id(encoder, object, "creator", task->creator);
    json_add_count(object, "cancel_requests", task->cancel_requests);
    json_add_tristate(object, "must_cancel", task->must_cancel);
    add_exception(encoder, object, task->exception);
    json_add_tristate(object, "exception_retrieved", task->exception_retrieved);
    add_context(encoder, object, task);
    json_add_tristate(object, "moved", task->moved);
    json_add_tristate(object, "idle", task->idle);
    json_add_strings(encoder, object, "notes", task->notes, task->note_count);
    return object;
}
