/* Tasks on the tracks of a trace, and how many there are. */
#include "trace.h"

#include <string.h>

#include "asyncspy/analysis/place.h"

/* Without the functions around a local one. */
static const char *describe_coroutine(const char *coroutine) {
    struct snapshot_frame frame = {.qualified_name = coroutine};
    return frame_get_name(&frame);
}

static const char *describe_task(const struct chrome_trace *trace,
                                 const struct trace_track *track) {
    if (!track->coroutine)
        return track->name ? track->name : "a task";
    return arena_format(trace->events.scratch, "%s%s%s()", track->name ? track->name : "",
                        track->name ? " " : "", describe_coroutine(track->coroutine));
}

const char *trace_task_name(const struct chrome_trace *trace, uint64_t number) {
    const struct trace_track *track =
        number ? trace_tracks_find(trace->tasks, TRACE_TASK, number) : NULL;
    return track ? describe_task(trace, track) : NULL;
}

static bool is_alive(const struct recording_task *task) {
    return task->state != SNAPSHOT_TASK_DONE && task->state != SNAPSHOT_TASK_CANCELLED;
}

static void end_task(struct chrome_trace *trace, uint64_t number) {
    static const struct trace_slices nothing = {0};
    struct trace_track *track = trace_tracks_find(trace->tasks, TRACE_TASK, number);
    if (!track)
        return;
    trace_change_slices(&trace->events, track->place, &track->slices, &nothing, NULL);
    trace->states[track->state]--;
    trace_tracks_remove(trace->tasks, track);
}

/* Before any is shown, since others name it. */
static void meet_task(struct chrome_trace *trace, const struct recording_task *task) {
    struct trace_track *track = trace_tracks_find(trace->tasks, TRACE_TASK, task->number);
    if (track)
        trace->states[track->state]--;
    else
        track = trace_tracks_get(trace->tasks, TRACE_TASK, task->number);
    bool is_renamed = track->name != task->name || track->coroutine != task->coroutine;
    track->state = task->state;
    track->name = task->name;
    track->coroutine = task->coroutine;
    trace->states[track->state]++;
    if (is_renamed && track->place.tid)
        trace_name_track(trace, track, describe_task(trace, track), task->number);
}

static enum trace_leaf choose_leaf(const struct recording_task *task) {
    switch ((int)task->state) {
    case SNAPSHOT_TASK_READY:
        return TRACE_LEAF_READY;
    case SNAPSHOT_TASK_NOT_STARTED:
        return TRACE_LEAF_NOT_STARTED;
    case SNAPSHOT_TASK_WAITING:
        return task->wait ? TRACE_LEAF_WAIT : TRACE_LEAF_WAITING;
    default:
        return TRACE_LEAF_NONE;
    }
}

static struct trace_slices choose_slices(const struct chrome_trace *trace,
                                         const struct recording_task *task) {
    if (!is_alive(task) || !trace_wants(trace, task->stack, task->name))
        return (struct trace_slices){0};
    enum trace_leaf leaf = choose_leaf(task);
    return (struct trace_slices){.root = task->stack->count == 0 && task->coroutine,
                                 .stack = task->stack,
                                 .leaf = leaf,
                                 .wait = leaf == TRACE_LEAF_WAIT ? task->wait : NULL};
}

static void show_task(struct chrome_trace *trace, const struct recording_task *task) {
    struct trace_track *track = trace_tracks_find(trace->tasks, TRACE_TASK, task->number);
    if (!track) /* one sample says that it came and went: a recording that lies */
        return;
    struct trace_slices slices = choose_slices(trace, task);
    if (!track->place.tid && slices.stack) {
        trace_place_track(trace, track, TRACE_TASK, TRACE_TASKS);
        trace_name_track(trace, track, describe_task(trace, track), task->number);
    }
    struct trace_words words = {"coroutine", describe_coroutine(task->coroutine),
                                trace_task_name(trace, task->awaited_by)};
    trace_change_slices(&trace->events, track->place, &track->slices, &slices, &words);
}

void trace_count_tasks(struct chrome_trace *trace) {
    memcpy(trace->written_states, trace->states, sizeof trace->states);
    const uint64_t *states = trace->states;
    const struct trace_value values[] = {
        {"waiting", (double)states[SNAPSHOT_TASK_WAITING]},
        {"ready", (double)(states[SNAPSHOT_TASK_READY] + states[SNAPSHOT_TASK_NOT_STARTED])},
        {"running", (double)states[SNAPSHOT_TASK_RUNNING]}};
    trace_count(&trace->events, (struct trace_place){trace->pid, trace->pid}, "tasks", values,
                sizeof values / sizeof *values);
}

void trace_show_tasks(struct chrome_trace *trace, const struct recording_sample *sample) {
    for (size_t i = 0; i < sample->change_count; i++)
        if (sample->changes[i].after)
            meet_task(trace, sample->changes[i].after);
    for (size_t i = 0; i < sample->change_count; i++) {
        const struct recording_change *change = &sample->changes[i];
        if (change->after)
            show_task(trace, change->after);
        else if (change->before)
            end_task(trace, change->before->number);
    }
    if (trace->sample == 1 ||
        memcmp(trace->states, trace->written_states, sizeof trace->states) != 0)
        trace_count_tasks(trace);
}
