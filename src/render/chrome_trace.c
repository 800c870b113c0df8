#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "asyncspy/base/json_text.h"
#include "json_values.h"
#include "trace.h"

#define TASKS_PID 90000000

bool trace_wants(const struct chrome_trace *trace, const struct snapshot_stack *stack,
                 const char *task_name) {
    return !trace->filter || sample_filter_wants(trace->filter, stack, task_name);
}

void trace_place_track(struct chrome_trace *trace, struct trace_track *track, enum trace_kind kind,
                       uint64_t first) {
    uint64_t pid = kind == TRACE_TASK ? TASKS_PID + trace->pid : trace->pid;
    track->place = (struct trace_place){pid, first + ++trace->tracks_made[kind]};
}

void trace_name_track(struct chrome_trace *trace, const struct trace_track *track, const char *name,
                      uint64_t sort_index) {
    trace_name(&trace->events, track->place, "thread_name", "name", name);
    trace_sort(&trace->events, track->place, "thread_sort_index", sort_index);
}

/* In one line: what was started. */
static const char *join_command(struct arena *arena, const struct snapshot_target *target) {
    const char *joined = "";
    for (size_t i = 0; i < target->command_line_count && i < 20; i++)
        joined = arena_format(arena, "%s%s%s", joined, i ? " " : "", target->command_line[i]);
    return *joined ? joined : target->executable;
}

static void name_processes(struct chrome_trace *trace, const struct snapshot_target *target) {
    struct trace_events *events = &trace->events;
    struct trace_place threads = {trace->pid, trace->pid};
    struct trace_place tasks = {TASKS_PID + trace->pid, TASKS_PID + trace->pid};
    const char *command = join_command(events->scratch, target);
    trace_name(events, threads, "process_name", "name",
               arena_format(events->scratch, "process %" PRIu64, trace->pid));
    if (command)
        trace_name(events, threads, "process_labels", "labels", command);
    trace_sort(events, threads, "process_sort_index", 0);
    trace_name(events, tasks, "process_name", "name",
               arena_format(events->scratch, "asyncio tasks of %" PRIu64, trace->pid));
    trace_sort(events, tasks, "process_sort_index", 1);
}

/* Perfetto wants the unit before the events. */
static void write_head(struct trace_events *events, const struct recording_info *info) {
    FILE *out = events->out;
    const struct snapshot_target *target = &info->target;
    fputs("{\"displayTimeUnit\":\"ms\",\"otherData\":{\"asyncspy\":", out);
    json_write_string(out, info->asyncspy);
    fputs(",\"started_at\":", out);
    json_write_string(out, info->started_at);
    fputs(",\"command\":", out);
    json_write_string(out, join_command(events->scratch, target));
    fputs(",\"python_version\":", out);
    json_write_string(out, target->python_version);
    fputs(",\"rate\":", out);
    json_write_number(out, info->rate);
    fputs("},\"traceEvents\":[\n", out);
}

static struct error *finish(struct chrome_trace *trace) {
    arena_reset(trace->events.scratch);
    return ferror(trace->events.out) ? error_create_os(errno, "writing the trace") : NULL;
}

struct error *chrome_trace_begin(const struct recording_info *info, struct sample_filter *filter,
                                 FILE *out, struct chrome_trace **ret) {
    struct chrome_trace *trace = memory_alloc(sizeof *trace);
    int64_t pid = info->target.pid;
    *trace = (struct chrome_trace){.events = {.out = out, .scratch = arena_create()},
                                   .filter = filter,
                                   .pid = pid > 0 && pid <= TRACE_KERNEL_MAX ? (uint64_t)pid : 1,
                                   .tasks = trace_tracks_create(),
                                   .others = trace_tracks_create()};
    write_head(&trace->events, info);
    name_processes(trace, &info->target);
    *ret = trace;
    return finish(trace);
}

static void set_time(struct trace_events *events, double time_s) {
    const double longest_us = 9e15; /* nearer than 2^53: a number that JSON readers keep */
    double now_us = time_s * 1e6;
    if (now_us > (double)events->now_us && now_us < longest_us)
        events->now_us = llround(now_us);
}

/* Ends what does not belong to the sample, or all. */
static void end_tracks(struct chrome_trace *trace, struct trace_tracks *tracks, bool all) {
    static const struct trace_slices nothing = {0};
    struct trace_track *next;
    for (struct trace_track *track = trace_tracks_next(tracks, NULL); track; track = next) {
        next = trace_tracks_next(tracks, track);
        if (!all && track->seen == trace->sample)
            continue;
        trace_change_slices(&trace->events, track->place, &track->slices, &nothing, NULL);
        if (!all && track->index)
            trace_end_loop(trace, track);
        trace_tracks_remove(tracks, track);
    }
}

struct error *chrome_trace_add(struct chrome_trace *trace, const struct recording_sample *sample) {
    trace->sample++;
    set_time(&trace->events, sample->time_s);
    trace_show_tasks(trace, sample);
    trace_show_loops(trace, sample);
    trace_show_threads(trace, sample);
    trace_show_collectors(trace, sample);
    end_tracks(trace, trace->others, false);
    return finish(trace);
}

struct error *chrome_trace_end(struct chrome_trace *trace, const struct recording_end *end) {
    set_time(&trace->events, end->time_s);
    trace_count_tasks(trace);
    trace_count_loops(trace);
    end_tracks(trace, trace->tasks, true);
    end_tracks(trace, trace->others, true);
    fputs("\n]}\n", trace->events.out);
    return finish(trace);
}

void chrome_trace_destroy(struct chrome_trace *trace) {
    if (!trace)
        return;
    trace_tracks_destroy(trace->tasks);
    trace_tracks_destroy(trace->others);
    arena_destroy(trace->events.scratch);
    free(trace);
}
