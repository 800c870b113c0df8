#include "trace_slices.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "asyncspy/analysis/wait_words.h"
#include "asyncspy/base/json_text.h"
#include "json_values.h"

/* Of one stack: Perfetto drops slices that lie too deep (255 in older ones), but not their ends. */
#define FUNCTIONS_MAX 250

static size_t count_functions(const struct trace_slices *slices) {
    size_t count = slices->stack ? slices->stack->count : 0;
    return count < FUNCTIONS_MAX ? count : FUNCTIONS_MAX;
}

static size_t count_all(const struct trace_slices *slices) {
    return (slices->root != 0) + count_functions(slices) + (slices->leaf != TRACE_LEAF_NONE);
}

/* The function at a place from the outermost on. */
static const struct snapshot_frame *get_function(const struct trace_slices *slices, size_t index) {
    return slices->stack->frames[slices->stack->count - 1 - index];
}

static bool are_equal(const struct snapshot_frame *one, const struct snapshot_frame *other) {
    return one == other ||
           (one->file == other->file && one->function == other->function &&
            one->qualified_name == other->qualified_name && one->native == other->native);
}

static size_t count_common_functions(const struct trace_slices *one,
                                     const struct trace_slices *other) {
    size_t count = count_functions(one), most = count_functions(other), common = 0;
    count = count < most ? count : most;
    while (common < count && are_equal(get_function(one, common), get_function(other, common)))
        common++;
    return common;
}

/* How many slices of `one` go on in `other`. */
static size_t count_common(const struct trace_slices *one, const struct trace_slices *other) {
    if (one->root != other->root)
        return 0;
    size_t functions = count_common_functions(one, other);
    size_t common = (one->root != 0) + functions;
    bool is_leaf = functions == count_functions(one) && functions == count_functions(other) &&
                   one->leaf != TRACE_LEAF_NONE && one->leaf == other->leaf &&
                   one->wait == other->wait;
    return common + is_leaf;
}

static void begin_function(struct trace_events *events, struct trace_place place,
                           const struct trace_slices *slices, size_t index, const char *category) {
    const struct snapshot_frame *frame = get_function(slices, index);
    trace_open_slice(events, place, category, frame_get_name(frame));
    fputs("\"file\":", events->out);
    json_write_string(events->out, frame_get_short_file(frame));
    if (frame->line >= 0) {
        fputs(",\"line\":", events->out);
        json_write_unsigned(events->out, (uint64_t)frame->line);
    }
    if (index + 1 == FUNCTIONS_MAX)
        fprintf(events->out, ",\"deeper_functions\":%zu", slices->stack->count - FUNCTIONS_MAX);
    trace_close_slice(events);
}

static const char *name_leaf(struct trace_events *events, const struct trace_slices *slices) {
    static const char *const names[] = {
        [TRACE_LEAF_WAITING] = "waiting",         [TRACE_LEAF_READY] = "ready",
        [TRACE_LEAF_NOT_STARTED] = "not started", [TRACE_LEAF_GIL] = "waits for the GIL",
        [TRACE_LEAF_BLOCKED] = "blocked",
    };
    return slices->leaf == TRACE_LEAF_WAIT ? recording_wait_describe(events->scratch, slices->wait)
                                           : names[slices->leaf];
}

static void begin_leaf(struct trace_events *events, struct trace_place place,
                       const struct trace_slices *slices, const struct trace_words *words) {
    static const char *const categories[] = {
        [TRACE_LEAF_WAIT] = "wait",   [TRACE_LEAF_WAITING] = "wait",
        [TRACE_LEAF_READY] = "ready", [TRACE_LEAF_NOT_STARTED] = "ready",
        [TRACE_LEAF_GIL] = "wait",    [TRACE_LEAF_BLOCKED] = "blocked",
    };
    bool is_wait = slices->leaf == TRACE_LEAF_WAIT;
    trace_open_slice(events, place, categories[slices->leaf], name_leaf(events, slices));
    if (is_wait)
        fprintf(events->out, "\"kind\":\"%s\"", snapshot_wait_kind_name(slices->wait->kind));
    if (words->awaited_by) {
        fputs(is_wait ? ",\"awaited_by\":" : "\"awaited_by\":", events->out);
        json_write_string(events->out, words->awaited_by);
    }
    trace_close_slice(events);
}

/* The name of the slice at a place from the outermost on. */
static const char *name_slice(struct trace_events *events, const struct trace_slices *slices,
                              size_t index) {
    size_t root = slices->root != 0;
    if (index < root)
        return slices->root_name;
    if (index - root < count_functions(slices))
        return frame_get_name(get_function(slices, index - root));
    return name_leaf(events, slices);
}

static void begin_slices(struct trace_events *events, struct trace_place place,
                         const struct trace_slices *slices, size_t first,
                         const struct trace_words *words) {
    size_t root = slices->root != 0, functions = count_functions(slices), all = count_all(slices);
    if (root && first == 0) {
        trace_open_slice(events, place, words->category, words->root);
        trace_close_slice(events);
    }
    for (size_t i = first > root ? first - root : 0; i < functions; i++)
        begin_function(events, place, slices, i, words->category);
    if (first < all && slices->leaf != TRACE_LEAF_NONE)
        begin_leaf(events, place, slices, words);
}

static char *copy_name(const char *name) {
    char *copy = strdup(name);
    if (!copy)
        memory_exhausted();
    return copy;
}

void trace_change_slices(struct trace_events *events, struct trace_place place,
                         struct trace_slices *slices, const struct trace_slices *after,
                         const struct trace_words *words) {
    size_t common = count_common(slices, after);
    for (size_t i = count_all(slices); i > common; i--)
        trace_end_slice(events, place, name_slice(events, slices, i - 1));
    begin_slices(events, place, after, common, words);
    char *root_name = slices->root_name;
    if (slices->root != after->root) {
        free(root_name);
        root_name = after->root ? copy_name(words->root) : NULL;
    }
    *slices = *after;
    slices->root_name = root_name;
}

void trace_free_slices(struct trace_slices *slices) {
    free(slices->root_name);
    *slices = (struct trace_slices){0};
}
