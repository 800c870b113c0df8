/* How many tasks there are and what they wait for; what of the limits is used up. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "top_cells.h"
#include "top_header.h"
#include "top_pieces.h"

#define FILES_WARNING 0.9
#define WAITS_LEAST 40 /* columns: else they get a line of their own */

/* Kinds of waits that people think of as one. */
enum family {
    FAMILY_SOCKET,
    FAMILY_LOCK,
    FAMILY_SEMAPHORE,
    FAMILY_EVENT,
    FAMILY_QUEUE,
    FAMILY_SLEEP,
    FAMILY_EXECUTOR,
    FAMILY_TASK,
    FAMILY_GATHER,
    FAMILY_DNS,
    FAMILY_SUBPROCESS,
    FAMILY_OTHER,
    FAMILY_COUNT,
};

static const char *const family_names[FAMILY_COUNT] = {
    [FAMILY_SOCKET] = "socket",     [FAMILY_LOCK] = "lock",
    [FAMILY_QUEUE] = "queue",       [FAMILY_SLEEP] = "sleep",
    [FAMILY_EXECUTOR] = "executor", [FAMILY_TASK] = "task",
    [FAMILY_GATHER] = "gather",     [FAMILY_EVENT] = "event",
    [FAMILY_DNS] = "dns",           [FAMILY_SEMAPHORE] = "semaphore",
    [FAMILY_OTHER] = "other",       [FAMILY_SUBPROCESS] = "subprocess",
};

static const enum family families[SNAPSHOT_WAIT_KIND_COUNT] = {
    [SNAPSHOT_WAIT_TASK] = FAMILY_TASK,
    [SNAPSHOT_WAIT_GATHER] = FAMILY_GATHER,
    [SNAPSHOT_WAIT_WAIT] = FAMILY_GATHER,
    [SNAPSHOT_WAIT_TASK_GROUP] = FAMILY_GATHER,
    [SNAPSHOT_WAIT_SHIELD] = FAMILY_TASK,
    [SNAPSHOT_WAIT_SLEEP] = FAMILY_SLEEP,
    [SNAPSHOT_WAIT_TIMEOUT] = FAMILY_TASK,
    [SNAPSHOT_WAIT_LOCK] = FAMILY_LOCK,
    [SNAPSHOT_WAIT_EVENT] = FAMILY_EVENT,
    [SNAPSHOT_WAIT_CONDITION] = FAMILY_EVENT,
    [SNAPSHOT_WAIT_SEMAPHORE] = FAMILY_SEMAPHORE,
    [SNAPSHOT_WAIT_BARRIER] = FAMILY_EVENT,
    [SNAPSHOT_WAIT_QUEUE_GET] = FAMILY_QUEUE,
    [SNAPSHOT_WAIT_QUEUE_PUT] = FAMILY_QUEUE,
    [SNAPSHOT_WAIT_QUEUE_JOIN] = FAMILY_QUEUE,
    [SNAPSHOT_WAIT_SOCKET_READ] = FAMILY_SOCKET,
    [SNAPSHOT_WAIT_SOCKET_WRITE] = FAMILY_SOCKET,
    [SNAPSHOT_WAIT_SOCKET_ACCEPT] = FAMILY_SOCKET,
    [SNAPSHOT_WAIT_SOCKET_CONNECT] = FAMILY_SOCKET,
    [SNAPSHOT_WAIT_STREAM_READ] = FAMILY_SOCKET,
    [SNAPSHOT_WAIT_STREAM_DRAIN] = FAMILY_SOCKET,
    [SNAPSHOT_WAIT_DNS] = FAMILY_DNS,
    [SNAPSHOT_WAIT_EXECUTOR] = FAMILY_EXECUTOR,
    [SNAPSHOT_WAIT_THREAD] = FAMILY_EXECUTOR,
    [SNAPSHOT_WAIT_SUBPROCESS] = FAMILY_SUBPROCESS,
    [SNAPSHOT_WAIT_ASYNC_GENERATOR] = FAMILY_TASK,
    [SNAPSHOT_WAIT_FUTURE] = FAMILY_OTHER,
    [SNAPSHOT_WAIT_UNKNOWN] = FAMILY_OTHER,
};

struct family_count {
    enum family family;
    size_t tasks;
};

static int compare_counts(const void *a, const void *b) {
    const struct family_count *first = a, *second = b;
    if (first->tasks != second->tasks)
        return first->tasks > second->tasks ? -1 : 1;
    return first->family < second->family ? -1 : 1;
}

/* The most frequent first. */
static void count_families(const struct live *live, struct family_count ret[FAMILY_COUNT]) {
    for (int i = 0; i < FAMILY_COUNT; i++)
        ret[i] = (struct family_count){.family = (enum family)i};
    for (size_t i = 0; i < live->wait_count; i++)
        if (live->waits[i].kind < SNAPSHOT_WAIT_KIND_COUNT)
            ret[families[live->waits[i].kind]].tasks += live->waits[i].tasks;
    qsort(ret, FAMILY_COUNT, sizeof *ret, compare_counts);
}

static struct top_pieces make_waits(struct top_words *words) {
    struct family_count counts[FAMILY_COUNT];
    struct top_pieces pieces = {0};
    count_families(words->input->live, counts);
    if (counts[0].tasks)
        top_pieces_add(&pieces, SCREEN_BOLD, 0, "Wait");
    for (size_t i = 0; i < FAMILY_COUNT && counts[i].tasks; i++)
        top_pieces_add(&pieces, SCREEN_PLAIN, i ? 0 : 1,
                       arena_format(words->report.page.scratch, "[%s %zu]",
                                    family_names[counts[i].family], counts[i].tasks));
    return pieces;
}

/* "12"; "0.2", because none at all is something else. */
static const char *format_rate(struct arena *arena, double rate) {
    return arena_format(arena, "%.*f", rate > 0 && rate < 1 ? 1 : 0, rate);
}

/* "(+12/s -11/s)"; what is not known is left out. */
static const char *describe_flow(struct top_words *words) {
    const struct live *live = words->input->live;
    struct arena *arena = words->report.page.scratch;
    if (!(live->births >= 0 && live->deaths >= 0))
        return "";
    return arena_format(arena, "(+%s/s -%s/s)", format_rate(arena, live->births),
                        format_rate(arena, live->deaths));
}

static void add_tasks(struct top_words *words, struct top_pieces *pieces) {
    const struct live *live = words->input->live;
    const size_t *states = live->states;
    struct arena *arena = words->report.page.scratch;
    if (!words->report.snapshot)
        return;
    top_pieces_add(pieces, SCREEN_BOLD, 0, arena_format(arena, "Tasks %zu", live->tasks));
    top_pieces_add(pieces, SCREEN_PLAIN, 1, describe_flow(words));
    top_pieces_add(pieces, SCREEN_PLAIN, TOP_GAP,
                   arena_format(arena, "run %zu", states[SNAPSHOT_TASK_RUNNING]));
    top_pieces_add(pieces, SCREEN_PLAIN, TOP_GAP,
                   arena_format(arena, "ready %zu",
                                states[SNAPSHOT_TASK_READY] + states[SNAPSHOT_TASK_NOT_STARTED]));
    top_pieces_add(pieces, SCREEN_PLAIN, TOP_GAP,
                   arena_format(arena, "wait %zu", states[SNAPSHOT_TASK_WAITING]));
}

static bool is_known(const struct snapshot_executor *executor) {
    return executor->id && executor->busy != SNAPSHOT_UNKNOWN &&
           executor->max_workers != SNAPSHOT_UNKNOWN;
}

static int64_t get_queued(const struct snapshot_executor *executor) {
    return executor->queued == SNAPSHOT_UNKNOWN ? 0 : executor->queued;
}

/* Of several loops the one that is the most behind. */
static const struct snapshot_executor *find_executor(const struct live *live) {
    const struct snapshot_executor *found = NULL;
    for (size_t i = 0; i < live->loop_count; i++) {
        const struct snapshot_executor *it = &live->loops[i].executor;
        if (is_known(it) && (!found || get_queued(it) > get_queued(found) ||
                             (get_queued(it) == get_queued(found) && it->busy > found->busy)))
            found = it;
    }
    return found;
}

static void add_executor(struct top_words *words, struct top_pieces *pieces) {
    const struct snapshot_executor *executor = find_executor(words->input->live);
    struct arena *arena = words->report.page.scratch;
    if (!executor)
        return;
    const char *text = arena_format(arena, "Executor %" PRId64 "/%" PRId64 " busy", executor->busy,
                                    executor->max_workers);
    if (get_queued(executor) > 0)
        text = arena_format(arena, "%s, %" PRId64 " queued", text, get_queued(executor));
    top_pieces_add(pieces, get_queued(executor) > 0 ? SCREEN_WARNING : SCREEN_PLAIN, 3, text);
}

static void add_gil(struct top_words *words, struct top_pieces *pieces) {
    const struct live *live = words->input->live;
    struct arena *arena = words->report.page.scratch;
    if (live->gil >= 0) {
        const char *others = live->gil_others > 0 ? arena_format(arena, " (other threads %s)",
                                                                 top_share(words, live->gil_others))
                                                  : "";
        top_pieces_add(pieces, SCREEN_PLAIN, 3,
                       arena_format(arena, "GIL %s%s", top_share(words, live->gil), others));
    }
    if (live->gc >= 0)
        top_pieces_add(pieces, SCREEN_PLAIN, TOP_GAP,
                       arena_format(arena, "GC %s", top_share(words, live->gc)));
}

/* "fds 88/1024": the number and its limit together. */
static void add_limited(struct top_words *words, struct top_pieces *pieces, const char *what,
                        int64_t number, int64_t limit) {
    struct arena *arena = words->report.page.scratch;
    if (number == SNAPSHOT_UNKNOWN)
        return;
    bool limited = limit != SNAPSHOT_UNKNOWN && limit > 0;
    bool is_near = limited && (double)number > (double)limit * FILES_WARNING;
    const char *text = arena_format(arena, "%s %" PRId64, what, number);
    if (limited)
        text = arena_format(arena, "%s/%" PRId64, text, limit);
    top_pieces_add(pieces, is_near ? SCREEN_WARNING : SCREEN_PLAIN, TOP_GAP, text);
}

static struct top_pieces make_counts(struct top_words *words) {
    struct top_pieces pieces = {0};
    const struct live *live = words->input->live;
    add_tasks(words, &pieces);
    add_executor(words, &pieces);
    add_gil(words, &pieces);
    add_limited(words, &pieces, "accept queue", live->accept_queue, live->accept_max);
    if (words->report.snapshot)
        add_limited(words, &pieces, "fds", words->report.snapshot->files.open,
                    words->report.snapshot->files.limit);
    return pieces;
}

/* The waits that fit. */
static void put_waits(struct top_header *header, struct top_pieces *waits, int row, int columns) {
    struct arena *arena = header->words->report.page.scratch;
    size_t shown = top_pieces_fit(waits, 0, columns);
    if (shown < waits->count && shown > 1) {
        shown = top_pieces_fit(waits, 0, columns - (int)strlen(" +99"));
        waits->items[shown] =
            (struct top_piece){arena_format(arena, "+%zu", waits->count - shown), SCREEN_DIM, 1};
        shown++;
    }
    top_pieces_put(waits, 0, shown, header->screen, row, 0);
}

void top_draw_counts(struct top_header *header) {
    struct top_pieces counts = make_counts(header->words), waits = make_waits(header->words);
    int columns = header->screen->columns, rest = 0;
    size_t first = 0;
    while (first < counts.count && top_header_has_room(header)) {
        size_t shown = top_pieces_fit(&counts, first, columns);
        size_t end = first + (shown ? shown : 1);
        rest = top_pieces_width(&counts, first, end);
        if (first && end == counts.count && waits.count && rest + 3 + WAITS_LEAST <= columns)
            break; /* they stand at the end of the line of waits */
        int row = top_header_add_row(header);
        top_pieces_put(&counts, first, end, header->screen, row, 0);
        first = end;
    }
    if ((!waits.count && first == counts.count) || !top_header_has_room(header))
        return;
    int row = top_header_add_row(header);
    bool shared = first < counts.count;
    put_waits(header, &waits, row, shared ? columns - rest - 3 : columns);
    if (shared)
        top_pieces_put(&counts, first, counts.count, header->screen, row, columns - rest);
}
