/* A recording as JSON Lines: include/asyncspy/recording.schema.json. */
#include <errno.h>
#include <inttypes.h>

#include "asyncspy/analysis/wait_words.h"
#include "asyncspy/base/json_text.h"
#include "asyncspy/render/recording_formats.h"
#include "json_values.h"

#define SCHEMA "asyncspy.recording/1"

/* Of a member that is not the first of its object. */
static void begin_member(FILE *out, const char *key) {
    fputs(",\"", out);
    fputs(key, out);
    fputs("\":", out);
}

static void write_text(FILE *out, const char *key, const char *text) {
    begin_member(out, key);
    json_write_string(out, text);
}

static void write_number(FILE *out, const char *key, double value) {
    begin_member(out, key);
    json_write_number(out, value);
}

static void write_duration(FILE *out, const char *key, double value) {
    write_number(out, key, value >= 0 ? value : NAN);
}

static void write_count(FILE *out, const char *key, int64_t value) {
    begin_member(out, key);
    json_write_count(out, value);
}

static void write_tristate(FILE *out, const char *key, enum snapshot_tristate value) {
    begin_member(out, key);
    json_write_tristate(out, value);
}

static void write_id(FILE *out, const char *key, snapshot_id id) {
    begin_member(out, key);
    json_write_id(out, id);
}

/* The number of a task, null for none. */
static void write_task_number(FILE *out, const char *key, uint64_t number) {
    begin_member(out, key);
    if (number)
        json_write_unsigned(out, number);
    else
        fputs("null", out);
}

static void write_target(const struct snapshot_target *target, FILE *out) {
    fputs(",\"target\":{\"pid\":", out);
    json_write_count(out, target->pid);
    write_text(out, "executable", target->executable);
    fputs(",\"command_line\":[", out);
    for (size_t i = 0; i < target->command_line_count; i++) {
        fputs(i ? "," : "", out);
        json_write_string(out, target->command_line[i]);
    }
    putc(']', out);
    write_text(out, "architecture", target->architecture);
    write_text(out, "python_version", target->python_version);
    write_tristate(out, "debug_build", target->debug_build);
    write_tristate(out, "free_threaded", target->free_threaded);
    write_text(out, "started_at", target->started_at);
    putc('}', out);
}

static struct error *end_line(FILE *out) {
    fputs("}}\n", out);
    return ferror(out) ? error_create_os(errno, "writing the recording") : NULL;
}

struct error *render_recording_info_line(const struct recording_info *info, FILE *out) {
    fputs("{\"recording\":{\"schema\":\"" SCHEMA "\"", out);
    write_text(out, "asyncspy", info->asyncspy);
    write_text(out, "started_at", info->started_at);
    write_duration(out, "rate", info->rate);
    write_target(&info->target, out);
    return end_line(out);
}

static void write_frame(const struct snapshot_frame *frame, FILE *out) {
    fputs("{\"function\":", out);
    json_write_string(out, frame->function);
    write_text(out, "qualified_name", frame->qualified_name);
    write_text(out, "file", frame->file);
    write_count(out, "line", frame->line);
    putc('}', out);
}

static void write_stack(const struct snapshot_stack *stack, FILE *out) {
    fputs(",\"frames\":[", out);
    for (size_t i = 0; i < stack->count; i++) {
        fputs(i ? "," : "", out);
        write_frame(stack->frames[i], out);
    }
    putc(']', out);
}

static void write_wait(struct arena *scratch, const struct recording_wait *wait, FILE *out) {
    begin_member(out, "awaiting");
    if (!wait) {
        fputs("null", out);
        return;
    }
    fprintf(out, "{\"kind\":\"%s\"", snapshot_wait_kind_name(wait->kind));
    write_text(out, "text", recording_wait_describe(scratch, wait));
    write_text(out, "object", wait->object);
    write_text(out, "name", wait->name);
    write_text(out, "type", wait->type);
    write_text(out, "peer", wait->peer);
    write_text(out, "callee", wait->callee);
    write_text(out, "task", wait->task);
    write_count(out, "tasks", wait->tasks);
    write_count(out, "fd", wait->fd);
    write_count(out, "pid", wait->pid);
    fprintf(out, ",\"is_client\":%s}", wait->is_client ? "true" : "false");
}

static void write_task(struct arena *scratch, const struct recording_task *task, FILE *out) {
    fprintf(out, "{\"number\":%" PRIu64, task->number);
    write_id(out, "id", task->id);
    write_text(out, "name", task->name);
    write_text(out, "coroutine", task->coroutine);
    write_id(out, "event_loop", task->event_loop);
    write_text(out, "state", snapshot_task_state_name(task->state));
    write_count(out, "tid", task->tid);
    write_stack(task->stack, out);
    write_wait(scratch, task->wait, out);
    write_task_number(out, "awaited_by", task->awaited_by);
    write_duration(out, "since_s", task->since_s);
    putc('}', out);
}

static bool wants(struct sample_filter *filter, const struct recording_task *task) {
    return task && (!filter || sample_filter_wants(filter, task->stack, task->name));
}

/* `after` may be NULL: it is gone. */
static void write_change(struct arena *scratch, uint64_t number, const char *change,
                         const struct recording_task *after, FILE *out) {
    fprintf(out, "{\"change\":\"%s\",\"number\":%" PRIu64 ",\"task\":", change, number);
    if (after)
        write_task(scratch, after, out);
    else
        fputs("null", out);
    putc('}', out);
}

/* What the filter lets through comes and goes as if there was nothing else. */
static bool write_wanted_change(struct arena *scratch, const struct recording_change *change,
                                struct sample_filter *filter, const char *comma, FILE *out) {
    bool was_there = wants(filter, change->before), is_there = wants(filter, change->after);
    if (!was_there && !is_there)
        return false;
    fputs(comma, out);
    if (is_there)
        write_change(scratch, change->after->number, was_there ? "changed" : "new", change->after,
                     out);
    else
        write_change(scratch, change->before->number, "gone", NULL, out);
    return true;
}

static void write_changes(const struct recording_sample *sample, struct sample_filter *filter,
                          FILE *out) {
    struct arena *scratch = arena_create();
    const char *comma = "";
    fputs(",\"changes\":[", out);
    for (size_t i = 0; i < sample->change_count; i++)
        if (write_wanted_change(scratch, &sample->changes[i], filter, comma, out))
            comma = ",";
    putc(']', out);
    arena_destroy(scratch);
}

static void write_thread(const struct recording_thread *thread, FILE *out) {
    fputs("{\"tid\":", out);
    json_write_count(out, thread->tid);
    fprintf(out, ",\"ident\":%" PRIu64, thread->ident);
    write_text(out, "name", thread->name);
    write_tristate(out, "holds_gil", thread->holds_gil);
    write_tristate(out, "waits_for_gil", thread->waits_for_gil);
    write_tristate(out, "on_cpu", thread->on_cpu);
    write_duration(out, "cpu_s", thread->cpu_s);
    write_id(out, "event_loop", thread->event_loop);
    write_task_number(out, "task", thread->task);
    write_stack(thread->stack, out);
    putc('}', out);
}

static void write_threads(const struct recording_sample *sample, struct sample_filter *filter,
                          FILE *out) {
    const char *comma = "";
    fputs(",\"threads\":[", out);
    for (size_t i = 0; i < sample->thread_count; i++) {
        if (filter && !sample_filter_wants(filter, sample->threads[i].stack, NULL))
            continue;
        fputs(comma, out);
        write_thread(&sample->threads[i], out);
        comma = ",";
    }
    putc(']', out);
}

static void write_loop(const struct recording_loop *loop, FILE *out) {
    fputs("{\"id\":", out);
    json_write_id(out, loop->id);
    write_text(out, "type", loop->type);
    write_count(out, "tid", loop->tid);
    write_text(out, "state", snapshot_loop_state_name(loop->state));
    write_task_number(out, "task", loop->task);
    write_count(out, "ready", loop->ready);
    write_count(out, "timers", loop->timers);
    write_duration(out, "overdue_s", loop->overdue_s);
    write_duration(out, "blocked_s", loop->blocked_s);
    putc('}', out);
}

static void write_loops(const struct recording_sample *sample, FILE *out) {
    fputs(",\"loops\":[", out);
    for (size_t i = 0; i < sample->loop_count; i++) {
        fputs(i ? "," : "", out);
        write_loop(&sample->loops[i], out);
    }
    putc(']', out);
}

/* The interpreters that collected garbage. */
static void write_collectors(uint64_t interpreters, FILE *out) {
    const char *comma = "";
    fputs(",\"gc\":[", out);
    for (int i = 0; i < 64; i++)
        if (interpreters >> i & 1) {
            fprintf(out, "%s%d", comma, i);
            comma = ",";
        }
    putc(']', out);
}

struct error *render_recording_sample_line(const struct recording_sample *sample,
                                           struct sample_filter *filter, FILE *out) {
    fprintf(out, "{\"sample\":{\"number\":%" PRIu64, sample->number);
    write_duration(out, "time_s", sample->time_s);
    write_duration(out, "pause_s", sample->pause_s);
    write_duration(out, "late_s", sample->late_s);
    fprintf(out, ",\"torn\":%" PRIu64 ",\"reads_failed\":%" PRIu64, sample->torn,
            sample->reads_failed);
    write_collectors(sample->gc, out);
    write_changes(sample, filter, out);
    write_threads(sample, filter, out);
    write_loops(sample, out);
    return end_line(out);
}

struct error *render_recording_end_line(const struct recording_end *end, FILE *out) {
    fputs("{\"end\":{\"time_s\":", out);
    json_write_number(out, end->time_s >= 0 ? end->time_s : NAN);
    write_text(out, "reason", end->reason);
    fprintf(out, ",\"samples\":%" PRIu64 ",\"failed\":%" PRIu64, end->samples, end->failed);
    write_duration(out, "pause_s", end->pause_s);
    write_duration(out, "longest_pause_s", end->longest_pause_s);
    write_duration(out, "late_s", end->late_s);
    return end_line(out);
}
