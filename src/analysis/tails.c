#include "tails.h"

#include <string.h>

#include "words.h"

#define TEXT(analysis_, ...) arena_format((analysis_)->snapshot->arena, __VA_ARGS__)

static void widen(int64_t value, size_t *count, int64_t *least, int64_t *most) {
    if (!*count || value < *least)
        *least = value;
    if (!*count || value > *most)
        *most = value;
    ++*count;
}

static int64_t count_children(const struct analysis *analysis, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = find_object(analysis, wait->object);
    int64_t children = object ? get_fact(object, "children") : SNAPSHOT_UNKNOWN;
    return children == SNAPSHOT_UNKNOWN ? (int64_t)wait->task_count : children;
}

static int64_t count_queued(const struct analysis *analysis, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = find_object(analysis, wait->object);
    return object ? get_fact(object, "queued") : SNAPSHOT_UNKNOWN;
}

void tails_add(const struct analysis *analysis, struct tails *tails,
               const struct snapshot_wait *wait) {
    if (!isnan(wait->deadline_s)) {
        if (!tails->deadlines || wait->deadline_s < tails->soonest)
            tails->soonest = wait->deadline_s;
        if (!tails->deadlines || wait->deadline_s > tails->latest)
            tails->latest = wait->deadline_s;
        tails->deadlines++;
    }
    if (wait->done != SNAPSHOT_UNKNOWN)
        widen(wait->done, &tails->dones, &tails->least_done, &tails->most_done);
    if (wait->kind == SNAPSHOT_WAIT_TASK_GROUP)
        widen(count_children(analysis, wait), &tails->children, &tails->least_children,
              &tails->most_children);
    if (wait->kind == SNAPSHOT_WAIT_EXECUTOR && wait->position != SNAPSHOT_UNKNOWN) {
        widen(wait->position, &tails->positions, &tails->first_position, &tails->last_position);
        tails->queued = count_queued(analysis, wait);
    }
    tails->count++;
}

/* "3.0 s" or "3.0 s .. 58.1 s". */
static const char *describe_seconds(const struct analysis *analysis, double from, double to) {
    const char *first = words_seconds(analysis, from), *last = words_seconds(analysis, to);
    return strcmp(first, last) == 0 ? first : TEXT(analysis, "%s .. %s", first, last);
}

static const char *describe_counts(const struct analysis *analysis, int64_t from, int64_t to) {
    const char *first = words_count(analysis, from);
    return from == to ? first : TEXT(analysis, "%s .. %s", first, words_count(analysis, to));
}

static const char *describe_deadline(const struct analysis *analysis, const struct tails *tails,
                                     enum snapshot_wait_kind kind) {
    bool sleeps = kind == SNAPSHOT_WAIT_SLEEP;
    if (tails->latest < 0)
        return TEXT(analysis, ", %s overdue",
                    describe_seconds(analysis, -tails->latest, -tails->soonest));
    if (tails->soonest < 0)
        return TEXT(analysis, sleeps ? ", %s overdue .. due in %s" : ", %s overdue .. %s left",
                    words_seconds(analysis, -tails->soonest),
                    words_seconds(analysis, tails->latest));
    const char *left = describe_seconds(analysis, tails->soonest, tails->latest);
    if (kind == SNAPSHOT_WAIT_TIMEOUT)
        return TEXT(analysis, ", %s left", left);
    return TEXT(analysis, sleeps ? ", due in %s" : ", timeout in %s", left);
}

static const char *describe_position(const struct analysis *analysis, const struct tails *tails) {
    const char *place = words_ordinal(analysis, tails->first_position);
    if (tails->last_position != tails->first_position)
        place = TEXT(analysis, "%s .. %s", place, words_ordinal(analysis, tails->last_position));
    if (tails->queued == SNAPSHOT_UNKNOWN)
        return TEXT(analysis, ": %s in the queue", place);
    return TEXT(analysis, ": %s of %s queued", place, words_count(analysis, tails->queued));
}

const char *tails_describe(const struct analysis *analysis, const struct tails *tails,
                           enum snapshot_wait_kind kind) {
    const char *text = "";
    if (tails->positions)
        text = describe_position(analysis, tails);
    else if (tails->children)
        text = TEXT(analysis, ", %s %s left",
                    describe_counts(analysis, tails->least_children, tails->most_children),
                    tails->least_children == 1 && tails->most_children == 1 ? "child" : "children");
    else if (tails->dones)
        text = TEXT(analysis, ", %s done",
                    describe_counts(analysis, tails->least_done, tails->most_done));
    if (tails->deadlines)
        text = TEXT(analysis, "%s%s", text, describe_deadline(analysis, tails, kind));
    return text;
}
