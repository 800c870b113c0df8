#include "json_encode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"

void json_use_memory(void) {
    cJSON_Hooks hooks = {.malloc_fn = memory_alloc, .free_fn = free};
    cJSON_InitHooks(&hooks);
}

static void add(cJSON *object, const char *key, cJSON *value) {
    cJSON_AddItemToObjectCS(object, key, value);
}

/* A string that is no UTF-8 (which should not be) must not make invalid JSON. */
cJSON *json_encode_string(struct json_encoder *encoder, const char *text) {
    if (!text)
        return cJSON_CreateNull();
    size_t length = strlen(text);
    if (!text_is_utf8(text, length))
        text = text_from_bytes(encoder->scratch, text, length);
    return cJSON_CreateStringReference(text);
}

static cJSON *encode_id(struct json_encoder *encoder, snapshot_id id) {
    char *text = arena_alloc(encoder->scratch, sizeof "0x" + 16);
    snprintf(text, sizeof "0x" + 16, "0x%" PRIx64, id);
    return cJSON_CreateStringReference(text);
}

void json_add_string(struct json_encoder *encoder, cJSON *object, const char *key,
                     const char *value) {
    add(object, key, json_encode_string(encoder, value));
}

void json_add_integer(cJSON *object, const char *key, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    add(object, key, value == SNAPSHOT_UNKNOWN ? cJSON_CreateNull() : cJSON_CreateRaw(text));
}

void json_add_number(cJSON *object, const char *key, double value) {
    add(object, key, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

void json_add_tristate(cJSON *object, const char *key, enum snapshot_tristate value) {
    add(object, key,
        value == SNAPSHOT_MAYBE ? cJSON_CreateNull() : cJSON_CreateBool(value == SNAPSHOT_YES));
}

void json_add_id(struct json_encoder *encoder, cJSON *object, const char *key, snapshot_id id) {
    add(object, key, id ? encode_id(encoder, id) : cJSON_CreateNull());
}

void json_add_nulls(cJSON *object, const char *const *keys) {
    for (; *keys; keys++)
        add(object, *keys, cJSON_CreateNull());
}

static void add_ids(struct json_encoder *encoder, cJSON *object, const char *key,
                    const snapshot_id *ids, size_t count) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, encode_id(encoder, ids[i]));
    add(object, key, array);
}

void json_add_strings(struct json_encoder *encoder, cJSON *object, const char *key,
                      const char *const *strings, size_t count) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, json_encode_string(encoder, strings[i]));
    add(object, key, array);
}

static void add_empty_array(cJSON *object, const char *key) {
    add(object, key, cJSON_CreateArray());
}

static void add_position(cJSON *object, const char *key, int32_t value) {
    json_add_integer(object, key, value < 0 ? SNAPSHOT_UNKNOWN : value);
}

static cJSON *encode_frame(struct json_encoder *encoder, const struct snapshot_frame *frame) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "kind", frame->native ? "native" : "python");
    json_add_string(encoder, object, "function", frame->function);
    json_add_string(encoder, object, "qualified_name", frame->qualified_name);
    json_add_string(encoder, object, "file", frame->file);
    add_position(object, "line", frame->line);
    add_position(object, "end_line", frame->end_line);
    add_position(object, "column", frame->column);
    add_position(object, "end_column", frame->end_column);
    json_add_id(encoder, object, "address", frame->address);
    json_add_string(encoder, object, "source", frame->source);
    return object;
}

/* The JSON text of a frame; equal frames are the same pointer, so few are ever encoded. */
static const char *get_frame_text(struct json_encoder *encoder,
                                  const struct snapshot_frame *frame) {
    const char *known = table_find(encoder->frames, &frame, sizeof frame);
    if (known)
        return known;
    cJSON *object = encode_frame(encoder, frame);
    char *printed = cJSON_PrintUnformatted(object);
    char *text = arena_copy_string(encoder->arena, printed, strlen(printed));
    const struct snapshot_frame **key = arena_alloc(encoder->arena, sizeof *key);
    *key = frame;
    table_add(encoder->frames, key, sizeof *key, text);
    cJSON_free(printed);
    cJSON_Delete(object);
    return text;
}

void json_add_stack(struct json_encoder *encoder, cJSON *object, const char *key,
                    const struct snapshot_stack *stack) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < stack->count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateRaw(get_frame_text(encoder, stack->frames[i])));
    add(object, key, array);
}

cJSON *json_encode_target(struct json_encoder *encoder, const struct snapshot_target *target) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "kind", target->kind);
    json_add_integer(object, "pid", target->pid);
    json_add_string(encoder, object, "core", target->core);
    json_add_string(encoder, object, "executable", target->executable);
    json_add_strings(encoder, object, "command_line", target->command_line,
                     target->command_line_count);
    json_add_string(encoder, object, "architecture", target->architecture);
    json_add_string(encoder, object, "python_version", target->python_version);
    json_add_tristate(object, "debug_build", target->debug_build);
    json_add_tristate(object, "free_threaded", target->free_threaded);
    json_add_string(encoder, object, "started_at", target->started_at);
    return object;
}

cJSON *json_encode_capture(struct json_encoder *encoder, const struct snapshot_capture *capture) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "mode", capture->mode);
    json_add_number(object, "pause_s", capture->pause_s);
    json_add_number(object, "duration_s", capture->duration_s);
    json_add_integer(object, "reads", capture->reads);
    json_add_integer(object, "bytes_read", capture->bytes_read);
    json_add_number(object, "second_look_s", capture->second_look_s);
    return object;
}

cJSON *json_encode_loop(struct json_encoder *encoder, const struct snapshot_loop *loop) {
    static const char *const unknown[] = {
        "iteration_age_s", "callback_index", "callback_count", "idle_s",   "ready",
        "timers",          "overdue_s",      "next_timer_s",   "executor", NULL};
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "id", loop->id);
    json_add_string(encoder, object, "type", loop->type);
    json_add_integer(object, "tid", loop->tid);
    json_add_string(encoder, object, "state", snapshot_loop_state_name(loop->state));
    json_add_tristate(object, "debug", loop->debug);
    json_add_nulls(object, unknown);
    return object;
}

/* pthread_self() may be any 64 bits. */
static void add_ident(cJSON *object, uint64_t ident) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, ident);
    add(object, "ident", cJSON_CreateRaw(text));
}

cJSON *json_encode_thread(struct json_encoder *encoder, const struct snapshot_thread *thread) {
    cJSON *object = cJSON_CreateObject();
    json_add_integer(object, "tid", thread->tid);
    add_ident(object, thread->ident);
    json_add_string(encoder, object, "name", thread->name);
    json_add_string(encoder, object, "kernel_name", thread->kernel_name);
    json_add_integer(object, "interpreter", thread->interpreter);
    json_add_tristate(object, "holds_gil", thread->holds_gil);
    json_add_string(encoder, object, "os_state", thread->os_state);
    json_add_string(encoder, object, "syscall", thread->syscall);
    json_add_integer(object, "syscall_fd", SNAPSHOT_UNKNOWN);
    json_add_string(encoder, object, "wait_channel", thread->wait_channel);
    json_add_number(object, "cpu_s", thread->cpu_s);
    json_add_id(encoder, object, "event_loop", thread->event_loop);
    json_add_id(encoder, object, "current_task", thread->current_task);
    json_add_stack(encoder, object, "frames", &thread->frames);
    return object;
}

static void add_wait(struct json_encoder *encoder, cJSON *task, const struct snapshot_wait *wait) {
    static const char *const unknown[] = {"object", "deadline_s", "has_timeout", "fd", "tid",
                                          "pid",    "done",       "total",       NULL};
    if (!wait) {
        add(task, "awaiting", cJSON_CreateNull());
        return;
    }
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "kind", snapshot_wait_kind_name(wait->kind));
    json_add_id(encoder, object, "id", wait->id);
    json_add_string(encoder, object, "text", wait->text);
    add_ids(encoder, object, "tasks", wait->tasks, wait->task_count);
    json_add_nulls(object, unknown);
    add_empty_array(object, "referrers");
    add(object, "referrers_complete", cJSON_CreateNull());
    add(task, "awaiting", object);
}

static void add_exception(struct json_encoder *encoder, cJSON *task,
                          const struct snapshot_exception *exception) {
    if (!exception) {
        add(task, "exception", cJSON_CreateNull());
        return;
    }
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "type", exception->type);
    json_add_string(encoder, object, "text", exception->text);
    add(task, "exception", object);
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
    add_wait(encoder, object, task->awaiting);
    add_ids(encoder, object, "awaited_by", task->awaited_by, task->awaited_by_count);
    add_empty_array(object, "holds");
    if (task->has_created_at)
        json_add_stack(encoder, object, "created_at", &task->created_at);
    else
        add(object, "created_at", cJSON_CreateNull());
    json_add_id(encoder, object, "creator", 0);
    json_add_integer(object, "cancel_requests", task->cancel_requests);
    json_add_tristate(object, "must_cancel", task->must_cancel);
    add_exception(encoder, object, task->exception);
    json_add_nulls(object, (const char *const[]){"context", "moved", NULL});
    json_add_strings(encoder, object, "notes", task->notes, task->note_count);
    return object;
}
