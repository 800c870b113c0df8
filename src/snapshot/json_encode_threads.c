/* The process and what runs in it: target, capture, interpreters, event loops, threads. */
#include <inttypes.h>
#include <stdio.h>

#include "json_encode.h"

cJSON *json_encode_target(struct json_encoder *encoder, const struct snapshot_target *target) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "kind", target->kind);
    json_add_count(object, "pid", target->pid);
    json_add_string(encoder, object, "core", target->core);
    json_add_string(encoder, object, "executable", target->executable);
    json_add_strings(encoder, object, "command_line", target->command_line,
                     target->command_line_count);
    json_add_string(encoder, object, "architecture", target->architecture);
    json_add_string(encoder, object, "python_version", target->python_version);
    json_add_tristate(object, "debug_build", target->debug_build);
    json_add_tristate(object, "free_threaded", target->free_threaded);
    json_add_string(encoder, object, "started_at", target->started_at);
    json_add_string(encoder, object, "signal", target->signal);
    return object;
}

cJSON *json_encode_capture(struct json_encoder *encoder, const struct snapshot_capture *capture) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "mode", capture->mode);
    json_add_duration(object, "pause_s", capture->pause_s);
    json_add_duration(object, "duration_s", capture->duration_s);
    json_add_count(object, "reads", capture->reads);
    json_add_count(object, "bytes_read", capture->bytes_read);
    json_add_duration(object, "second_look_s", capture->second_look_s);
    return object;
}

cJSON *json_encode_files(struct json_encoder *encoder, const struct snapshot_files *files) {
    (void)encoder; /* has no strings */
    cJSON *object = cJSON_CreateObject();
    json_add_count(object, "open", files->open);
    json_add_count(object, "limit", files->limit);
    return object;
}

cJSON *json_encode_missing(struct json_encoder *encoder, const struct snapshot_missing *missing) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "what", missing->what);
    json_add_string(encoder, object, "why", missing->why);
    return object;
}

cJSON *json_encode_interpreter(struct json_encoder *encoder,
                               const struct snapshot_interpreter *interpreter) {
    (void)encoder; /* has no strings */
    cJSON *object = cJSON_CreateObject();
    json_add_integer(object, "id", interpreter->id);
    json_add_count(object, "gil_holder", interpreter->gil_holder);
    json_add_tristate(object, "gc_collecting", interpreter->gc_collecting);
    return object;
}

static void add_executor(struct json_encoder *encoder, cJSON *loop,
                         const struct snapshot_executor *executor) {
    if (!executor->id) {
        json_add_null(loop, "executor");
        return;
    }
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "id", executor->id);
    json_add_count(object, "max_workers", executor->max_workers);
    json_add_count(object, "busy", executor->busy);
    json_add_count(object, "idle", executor->idle);
    json_add_count(object, "queued", executor->queued);
    json_add(loop, "executor", object);
}

cJSON *json_encode_loop(struct json_encoder *encoder, const struct snapshot_loop *loop) {
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "id", loop->id);
    json_add_string(encoder, object, "type", loop->type);
    json_add_count(object, "tid", loop->tid);
    json_add_string(encoder, object, "state", snapshot_loop_state_name(loop->state));
    json_add_tristate(object, "debug", loop->debug);
    json_add_duration(object, "iteration_age_s", loop->iteration_age_s);
    json_add_count(object, "callback_index", loop->callback_index);
    json_add_count(object, "callback_count", loop->callback_count);
    json_add_string(encoder, object, "callback", loop->callback);
    json_add_duration(object, "idle_s", loop->idle_s);
    json_add_count(object, "ready", loop->ready);
    json_add_count(object, "timers", loop->timers);
    json_add_duration(object, "overdue_s", loop->overdue_s);
    json_add_count(object, "overdue_timers", loop->overdue_timers);
    json_add_number(object, "next_timer_s", loop->next_timer_s);
    json_add_tristate(object, "moved", loop->moved);
    json_add_count(object, "common_frames", loop->common_frames);
    add_executor(encoder, object, &loop->executor);
    return object;
}

/* pthread_self() may be any 64 bits. */
static void add_ident(cJSON *object, uint64_t ident) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, ident);
    json_add(object, "ident", cJSON_CreateRaw(text));
}

cJSON *json_encode_thread(struct json_encoder *encoder, const struct snapshot_thread *thread) {
    cJSON *object = cJSON_CreateObject();
    json_add_count(object, "tid", thread->tid);
    add_ident(object, thread->ident);
    json_add_string(encoder, object, "name", thread->name);
    json_add_string(encoder, object, "kernel_name", thread->kernel_name);
    json_add_integer(object, "interpreter", thread->interpreter);
    json_add_tristate(object, "holds_gil", thread->holds_gil);
    json_add_tristate(object, "waits_for_gil", thread->waits_for_gil);
    json_add_string(encoder, object, "os_state", thread->os_state);
    json_add_string(encoder, object, "syscall", thread->syscall);
    json_add_count(object, "syscall_fd", thread->syscall_fd);
    json_add_string(encoder, object, "wait_channel", thread->wait_channel);
    json_add_duration(object, "cpu_s", thread->cpu_s);
    json_add_id(encoder, object, "event_loop", thread->event_loop);
    json_add_id(encoder, object, "current_task", thread->current_task);
    json_add_wait(encoder, object, thread->awaiting);
    json_add_tristate(object, "moved", thread->moved);
    json_add_stack(encoder, object, "frames", &thread->frames);
    return object;
}
