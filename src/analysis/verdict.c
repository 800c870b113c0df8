/* The gravest finding in one line, or why there is nothing to say. */
#include "finding.h"
#include "words.h"

static const char *describe_loops(const struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t running = 0;
    const struct snapshot_loop *last = NULL;
    for (size_t i = 0; i < snapshot->event_loops.count; i++) {
        const struct snapshot_loop *loop = &snapshot->event_loops.items[i];
        if (loop->state != SNAPSHOT_LOOP_CLOSED && loop->state != SNAPSHOT_LOOP_STOPPED) {
            running++;
            last = loop;
        }
    }
    if (!last)
        return "no loop runs";
    if (running > 1)
        return TEXT(analysis, "%zu loops healthy", running);
    if (last->state == SNAPSHOT_LOOP_IDLE && !isnan(last->idle_s))
        return TEXT(analysis, "loop healthy, idle for %s", words_seconds(analysis, last->idle_s));
    return last->state == SNAPSHOT_LOOP_IDLE ? "loop healthy, idle"
           : last->moved == SNAPSHOT_YES     ? "loop healthy, busy"
                                             : "loop runs";
}

/* "no problem found: loop healthy, idle for 2.3 s, 0 ready, 331 waiting, all on things that can
 * still happen". */
static const char *describe_health(const struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    int64_t ready = 0, waiting = 0, stuck = 0;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        enum snapshot_task_state state = snapshot->tasks.items[i].state;
        ready += state == SNAPSHOT_TASK_READY || state == SNAPSHOT_TASK_NOT_STARTED;
        waiting += state == SNAPSHOT_TASK_WAITING;
        stuck += state == SNAPSHOT_TASK_WAITING && node_is_stuck(analysis, (uint32_t)i);
    }
    const char *loops = describe_loops(analysis);
    const char *where = snapshot->missing.count ? " in what could be read" : "";
    if (!snapshot->tasks.count)
        return TEXT(analysis, "no problem found%s: %s, no tasks", where, loops);
    return TEXT(analysis, "no problem found%s: %s, %s ready, %s waiting%s", where, loops,
                words_count(analysis, ready), words_count(analysis, waiting),
                waiting && !stuck ? ", all on things that can still happen" : "");
}

void make_verdict(struct analysis *analysis) {
    struct snapshot *snapshot = analysis->snapshot;
    const struct snapshot_finding *first =
        snapshot->findings.count ? &snapshot->findings.items[0] : NULL;
    if (first && first->confidence > SNAPSHOT_POSSIBLE)
        snapshot->verdict = (struct snapshot_verdict){
            .code = first->code, .confidence = first->confidence, .text = first->summary};
    else
        snapshot->verdict = (struct snapshot_verdict){.code = SNAPSHOT_FINDING_OK,
                                                      .confidence = SNAPSHOT_LIKELY,
                                                      .text = describe_health(analysis)};
}
