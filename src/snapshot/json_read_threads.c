/* The process and what runs in it: target, capture, interpreters, event loops, threads. */
#include <string.h>

#include "json_read.h"

void json_read_target(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot_target *target = &decoder->snapshot->target;
    const cJSON *object = json_get_object(decoder, root, "target");
    json_enter(decoder, "target", SIZE_MAX);
    target->kind = json_get_string(decoder, object, "kind");
    target->pid = json_get_count(decoder, object, "pid");
    target->core = json_get_string(decoder, object, "core");
    target->executable = json_get_string(decoder, object, "executable");
    target->command_line =
        json_get_strings(decoder, object, "command_line", &target->command_line_count);
    target->architecture = json_get_string(decoder, object, "architecture");
    target->python_version = json_get_string(decoder, object, "python_version");
    target->debug_build = json_get_tristate(decoder, object, "debug_build");
    target->free_threaded = json_get_tristate(decoder, object, "free_threaded");
    target->started_at = json_get_string(decoder, object, "started_at");
    target->signal = json_get_string(decoder, object, "signal");
    json_leave(decoder);
}

void json_read_capture(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot_capture *capture = &decoder->snapshot->capture;
    const cJSON *object = json_get_object(decoder, root, "capture");
    json_enter(decoder, "capture", SIZE_MAX);
    capture->mode = json_get_string(decoder, object, "mode");
    capture->pause_s = json_get_duration(decoder, object, "pause_s");
    capture->duration_s = json_get_duration(decoder, object, "duration_s");
    capture->reads = json_get_count(decoder, object, "reads");
    capture->bytes_read = json_get_count(decoder, object, "bytes_read");
    capture->second_look_s = json_get_duration(decoder, object, "second_look_s");
    json_leave(decoder);
}

void json_read_files(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot_files *files = &decoder->snapshot->files;
    const cJSON *object = json_get_object(decoder, root, "files");
    json_enter(decoder, "files", SIZE_MAX);
    files->open = json_get_count(decoder, object, "open");
    files->limit = json_get_count(decoder, object, "limit");
    json_leave(decoder);
}

void json_read_interpreter(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_interpreter *interpreter = record;
    interpreter->id = json_get_integer(decoder, object, "id");
    interpreter->gil_holder = json_get_count(decoder, object, "gil_holder");
    interpreter->gc_collecting = json_get_tristate(decoder, object, "gc_collecting");
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

/* A loop without one has null, and no numbers. */
static struct snapshot_executor read_executor(struct json_decoder *decoder, const cJSON *loop) {
    const cJSON *object = json_get_object(decoder, loop, "executor");
    struct snapshot_executor executor = snapshot_loop_blank.executor;
    if (!object)
        return executor;
    json_enter(decoder, "executor", SIZE_MAX);
    executor.id = json_require_id(decoder, object, "id");
    executor.max_workers = json_get_count(decoder, object, "max_workers");
    executor.busy = json_get_count(decoder, object, "busy");
    executor.idle = json_get_count(decoder, object, "idle");
    executor.queued = json_get_count(decoder, object, "queued");
    json_leave(decoder);
    return executor;
}

void json_read_loop(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_loop *loop = record;
    loop->id = json_get_id(decoder, object, "id");
    loop->type = json_get_string(decoder, object, "type");
    loop->tid = json_get_count(decoder, object, "tid");
    loop->state = get_loop_state(decoder, object);
    loop->debug = json_get_tristate(decoder, object, "debug");
    loop->iteration_age_s = json_get_duration(decoder, object, "iteration_age_s");
    loop->callback_index = json_get_count(decoder, object, "callback_index");
    loop->callback_count = json_get_count(decoder, object, "callback_count");
    loop->callback = json_get_string(decoder, object, "callback");
    loop->idle_s = json_get_duration(decoder, object, "idle_s");
    loop->ready = json_get_count(decoder, object, "ready");
    loop->timers = json_get_count(decoder, object, "timers");
    loop->overdue_s = json_get_duration(decoder, object, "overdue_s");
    loop->overdue_timers = json_get_count(decoder, object, "overdue_timers");
    loop->next_timer_s = json_get_number(decoder, object, "next_timer_s");
    loop->moved = json_get_tristate(decoder, object, "moved");
    loop->common_frames = json_get_count(decoder, object, "common_frames");
    loop->executor = read_executor(decoder, object);
}

/* 64 bits, of which a JSON number keeps 53: good enough to tell threads apart. */
static uint64_t get_ident(struct json_decoder *decoder, const cJSON *object) {
    double value = json_get_number(decoder, object, "ident");
    if (isnan(value))
        return 0;
    if (value >= 0 && value <= 0x1p64 && trunc(value) == value)
        return value < 0x1p64 ? (uint64_t)value : UINT64_MAX;
    json_fail(decoder, "ident", "is out of range");
    return 0;
}

void json_read_thread(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_thread *thread = record;
    thread->tid = json_get_count(decoder, object, "tid");
    thread->ident = get_ident(decoder, object);
    thread->name = json_get_string(decoder, object, "name");
    thread->kernel_name = json_get_string(decoder, object, "kernel_name");
    thread->interpreter = json_get_integer(decoder, object, "interpreter");
    thread->holds_gil = json_get_tristate(decoder, object, "holds_gil");
    thread->waits_for_gil = json_get_tristate(decoder, object, "waits_for_gil");
    thread->os_state = json_get_string(decoder, object, "os_state");
    thread->syscall = json_get_string(decoder, object, "syscall");
    thread->syscall_fd = json_get_count(decoder, object, "syscall_fd");
    thread->wait_channel = json_get_string(decoder, object, "wait_channel");
    thread->cpu_s = json_get_duration(decoder, object, "cpu_s");
    thread->event_loop = json_get_id(decoder, object, "event_loop");
    thread->current_task = json_get_id(decoder, object, "current_task");
    thread->awaiting = json_read_wait(decoder, object);
    thread->moved = json_get_tristate(decoder, object, "moved");
    thread->frames = json_get_stack(decoder, object, "frames");
}
