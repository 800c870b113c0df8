/* Event loops on the tracks of a trace, and their counters. */
#include "trace.h"

#include <inttypes.h>
#include <string.h>

static struct trace_track *get_loop(struct chrome_trace *trace, const struct recording_loop *loop) {
    struct trace_track *track = trace_tracks_get(trace->others, TRACE_LOOP, loop->id);
    if (track->place.tid)
        return track;
    trace_place_track(trace, track, TRACE_LOOP, TRACE_LOOPS);
    const char *dot = loop->type ? strrchr(loop->type, '.') : NULL;
    const char *type = dot ? dot + 1 : loop->type;
    track->index = track->place.tid - TRACE_LOOPS;
    trace_name_track(trace, track,
                     arena_format(trace->events.scratch, "event loop %" PRIu64 "%s%s", track->index,
                                  type ? ": " : "", type ? type : ""),
                     0);
    for (size_t i = 0; i < TRACE_LAG_COUNT; i++)
        track->lag[i] = NAN;
    return track;
}

/* The task that it runs, or "callbacks", and in it that this takes too long; "idle". */
static void show_state(struct chrome_trace *trace, struct trace_track *track,
                       const struct recording_loop *loop) {
    enum { IDLE = 1, CALLBACKS, TASKS };
    bool is_busy = loop->state == SNAPSHOT_LOOP_RUNNING || loop->state == SNAPSHOT_LOOP_BLOCKED;
    struct trace_slices slices = {0};
    struct trace_words words = {.category = "loop", .root = "idle"};
    if (is_busy) {
        slices.root = loop->task ? TASKS + loop->task : CALLBACKS;
        words.root = loop->task ? trace_task_name(trace, loop->task) : "callbacks";
        slices.leaf = loop->state == SNAPSHOT_LOOP_BLOCKED ? TRACE_LEAF_BLOCKED : TRACE_LEAF_NONE;
    } else if (loop->state == SNAPSHOT_LOOP_IDLE) {
        slices.root = IDLE;
    }
    if (!words.root)
        words.root = "a task";
    trace_change_slices(&trace->events, track->place, &track->slices, &slices, &words);
}

/* A counter of its own for each number: they change independently. */
static void write_lag(struct chrome_trace *trace, const struct trace_track *track,
                      enum trace_lag kind) {
    static const struct {
        const char *name, *key;
    } counters[] = {[TRACE_LAG_READY] = {"ready callbacks", "count"},
                    [TRACE_LAG_OVERDUE] = {"lag", "ms"},
                    [TRACE_LAG_BLOCKED] = {"blocked", "ms"}};
    struct trace_value value = {counters[kind].key, track->lag[kind]};
    const char *name = arena_format(trace->events.scratch, "event loop %" PRIu64 ": %s",
                                    track->index, counters[kind].name);
    trace_count(&trace->events, (struct trace_place){trace->pid, trace->pid}, name, &value, 1);
}

static void set_lag(struct chrome_trace *trace, struct trace_track *track, enum trace_lag kind,
                    double value) {
    if (!isfinite(value) || value < 0)
        value = 0;
    if (track->lag[kind] == value)
        return;
    track->lag[kind] = value;
    write_lag(trace, track, kind);
}

static void show_loop(struct chrome_trace *trace, const struct recording_loop *loop) {
    struct trace_track *track = get_loop(trace, loop);
    track->seen = trace->sample;
    show_state(trace, track, loop);
    set_lag(trace, track, TRACE_LAG_READY, (double)loop->ready);
    set_lag(trace, track, TRACE_LAG_OVERDUE, loop->overdue_s * 1e3);
    set_lag(trace, track, TRACE_LAG_BLOCKED, loop->blocked_s * 1e3);
}

void trace_show_loops(struct chrome_trace *trace, const struct recording_sample *sample) {
    for (size_t i = 0; i < sample->loop_count; i++)
        show_loop(trace, &sample->loops[i]);
}

void trace_end_loop(struct chrome_trace *trace, struct trace_track *track) {
    for (size_t i = 0; i < TRACE_LAG_COUNT; i++)
        set_lag(trace, track, (enum trace_lag)i, 0);
}

void trace_count_loops(struct chrome_trace *trace) {
    for (struct trace_track *track = trace_tracks_next(trace->others, NULL); track;
         track = trace_tracks_next(trace->others, track))
        for (size_t i = 0; track->index && i < TRACE_LAG_COUNT; i++)
            write_lag(trace, track, (enum trace_lag)i);
}
