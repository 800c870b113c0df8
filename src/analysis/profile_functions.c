#include "asyncspy/analysis/profile_functions.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHT_MOST 1e12 /* seconds; above it sums lose what is small */

double profile_stack_weigh(const struct profile_stack *stack) {
    return stack->weight_s > 0 && stack->weight_s < WEIGHT_MOST ? stack->weight_s : 0;
}

static int compare_texts(const char *a, const char *b) {
    if (a == b)
        return 0;
    return !a ? -1 : !b ? 1 : strcmp(a, b);
}

static int compare_functions(const struct profile_frame *a, const struct profile_frame *b) {
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = compare_texts(a->name, b->name);
    return order ? order : compare_texts(a->file, b->file);
}

static int compare_frames(const void *a, const void *b) {
    return compare_functions(*(const struct profile_frame *const *)a,
                             *(const struct profile_frame *const *)b);
}

/* Equal functions stand side by side. */
static const struct profile_frame **sort_frames(struct arena *arena,
                                                const struct profile *profile) {
    const struct profile_frame **sorted =
        arena_alloc_array(arena, profile->frame_count, sizeof *sorted);
    if (!profile->frame_count)
        return sorted;
    memcpy(sorted, profile->frames, profile->frame_count * sizeof *sorted);
    qsort(sorted, profile->frame_count, sizeof *sorted, compare_frames);
    return sorted;
}

static void add_line(struct profile_function *function, int32_t line, double weight_s) {
    if (line < 0 || weight_s <= 0)
        return;
    size_t at = function->line_count;
    while (at > 0 && function->lines[at - 1].weight_s < weight_s)
        at--;
    if (at == PROFILE_FUNCTION_LINES)
        return;
    if (function->line_count < PROFILE_FUNCTION_LINES)
        function->line_count++;
    memmove(&function->lines[at + 1], &function->lines[at],
            (function->line_count - at - 1) * sizeof *function->lines);
    function->lines[at] = (struct profile_line){.line = line, .weight_s = weight_s};
}

/* What was seen in the stack in hand, so that a function that calls itself counts once. */
struct weights {
    struct profile_functions *functions;
    double *by_frame;
    size_t *function_seen, *frame_seen; /* number of the last stack that showed it, from 1 */
};

static void weigh_frame(struct weights *weights, size_t frame, size_t number, double weight_s) {
    uint32_t function = weights->functions->by_frame[frame];
    if (weights->function_seen[function] != number)
        weights->functions->items[function].total_s += weight_s;
    weights->function_seen[function] = number;
    if (weights->frame_seen[frame] != number)
        weights->by_frame[frame] += weight_s;
    weights->frame_seen[frame] = number;
}

static void weigh_stacks(struct weights *weights, const struct profile *profile) {
    for (size_t i = 0; i < profile->stack_count; i++) {
        const struct profile_stack *stack = &profile->stacks[i];
        double weight_s = profile_stack_weigh(stack);
        for (size_t k = 0; k < stack->frame_count; k++)
            weigh_frame(weights, stack->frames[k]->index, i + 1, weight_s);
        if (stack->frame_count) {
            size_t leaf = stack->frames[stack->frame_count - 1]->index;
            weights->functions->items[weights->functions->by_frame[leaf]].self_s += weight_s;
        }
    }
}

static void number_functions(struct profile_functions *functions,
                             const struct profile_frame *const *sorted, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_functions(sorted[i - 1], sorted[i]) != 0)
            functions->items[functions->count++].frame = sorted[i];
        functions->by_frame[sorted[i]->index] = (uint32_t)(functions->count - 1);
    }
}

struct profile_functions profile_functions_find(struct arena *arena,
                                                const struct profile *profile) {
    size_t count = profile->frame_count;
    const struct profile_frame **sorted = sort_frames(arena, profile);
    struct profile_functions functions = {
        .items = arena_alloc_array(arena, count, sizeof *functions.items),
        .by_frame = arena_alloc_array(arena, count, sizeof *functions.by_frame)};
    number_functions(&functions, sorted, count);
    struct weights weights = {.functions = &functions,
                              .by_frame = arena_alloc_array(arena, count, sizeof *weights.by_frame),
                              .function_seen =
                                  arena_alloc_array(arena, functions.count, sizeof(size_t)),
                              .frame_seen = arena_alloc_array(arena, count, sizeof(size_t))};
    weigh_stacks(&weights, profile);
    for (size_t i = 0; i < count; i++)
        add_line(&functions.items[functions.by_frame[sorted[i]->index]], sorted[i]->line,
                 weights.by_frame[sorted[i]->index]);
    return functions;
}
