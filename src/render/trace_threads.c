/* Threads, who holds the GIL, and garbage collectors on the tracks of a trace. */
#include "trace.h"

#include <inttypes.h>

#define COLLECTORS_MAX 64

static const char *describe_thread(const struct chrome_trace *trace,
                                   const struct recording_thread *thread) {
    if (thread->name)
        return thread->name;
    return thread->tid < 0 ? "a thread"
                           : arena_format(trace->events.scratch, "thread %" PRId64, thread->tid);
}

static struct trace_track *get_thread(struct chrome_trace *trace,
                                      const struct recording_thread *thread) {
    bool is_known = thread->tid > 0 && thread->tid <= TRACE_KERNEL_MAX;
    enum trace_kind kind = is_known ? TRACE_THREAD : TRACE_UNNAMED;
    struct trace_track *track =
        trace_tracks_get(trace->others, kind, is_known ? (uint64_t)thread->tid : thread->ident);
    if (track->place.tid)
        return track;
    trace_place_track(trace, track, kind, TRACE_THREADS);
    if (is_known)
        track->place.tid = (uint64_t)thread->tid;
    trace_name_track(trace, track, describe_thread(trace, thread), track->place.tid);
    return track;
}

static void show_thread(struct chrome_trace *trace, const struct recording_thread *thread) {
    if (!trace_wants(trace, thread->stack, NULL))
        return;
    struct trace_track *track = get_thread(trace, thread);
    track->seen = trace->sample;
    struct trace_slices slices = {.stack = thread->stack,
                                  .leaf = thread->waits_for_gil == SNAPSHOT_YES ? TRACE_LEAF_GIL
                                                                                : TRACE_LEAF_NONE};
    struct trace_words words = {.category = "thread"};
    trace_change_slices(&trace->events, track->place, &track->slices, &slices, &words);
}

static struct trace_track *get_interpreter(struct chrome_trace *trace, enum trace_kind kind,
                                           uint64_t number, const char *name) {
    struct trace_track *track = trace_tracks_get(trace->others, kind, number);
    if (track->place.tid)
        return track;
    trace_place_track(trace, track, kind, TRACE_INTERPRETERS);
    track->place.tid += kind == TRACE_GC ? COLLECTORS_MAX : 0;
    trace_name_track(trace, track, name, 1);
    return track;
}

/* Where several interpreters, or threads without a GIL, have one each, nobody is named. */
static void show_gil(struct chrome_trace *trace, const struct recording_sample *sample) {
    const struct recording_thread *holder = NULL;
    size_t holders = 0;
    for (size_t i = 0; i < sample->thread_count; i++)
        if (sample->threads[i].holds_gil == SNAPSHOT_YES && holders++ == 0)
            holder = &sample->threads[i];
    struct trace_track *track = trace_tracks_find(trace->others, TRACE_GIL, 0);
    if (!track && !holder)
        return;
    track = get_interpreter(trace, TRACE_GIL, 0, "GIL");
    track->seen = trace->sample;
    struct trace_words words = {.category = "gil", .root = "several threads"};
    if (holders == 1)
        words.root = describe_thread(trace, holder);
    struct trace_slices slices = {.root = holders == 1 ? holder->ident + 2 : holders > 1};
    trace_change_slices(&trace->events, track->place, &track->slices, &slices, &words);
}

void trace_show_threads(struct chrome_trace *trace, const struct recording_sample *sample) {
    for (size_t i = 0; i < sample->thread_count; i++)
        show_thread(trace, &sample->threads[i]);
    show_gil(trace, sample);
}

static void show_collector(struct chrome_trace *trace, uint64_t interpreter, bool is_busy) {
    static const struct trace_words words = {.category = "gc", .root = "collecting garbage"};
    if (!is_busy && !trace_tracks_find(trace->others, TRACE_GC, interpreter))
        return;
    const char *name = "garbage collector";
    if (interpreter)
        name = arena_format(trace->events.scratch, "%s of interpreter %" PRIu64, name, interpreter);
    struct trace_track *track = get_interpreter(trace, TRACE_GC, interpreter, name);
    struct trace_slices slices = {.root = is_busy};
    track->seen = trace->sample;
    trace_change_slices(&trace->events, track->place, &track->slices, &slices, &words);
}

void trace_show_collectors(struct chrome_trace *trace, const struct recording_sample *sample) {
    for (uint64_t i = 0; i < COLLECTORS_MAX; i++)
        show_collector(trace, i, sample->gc >> i & 1);
}
