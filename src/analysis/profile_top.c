#include <stdlib.h>
#include <string.h>

#include "asyncspy/analysis/profile.h"
#include "asyncspy/base/arena.h"
#include "asyncspy/base/table.h"

struct tops {
    struct arena *arena;
    struct table *table; /* by name and file */
    struct profile_top *rows;
    size_t count;
};

/* The row of all frames that are called so, whatever their line. */
static struct profile_top *get_row(struct tops *tops, const struct profile_frame *frame) {
    const char *key = arena_format(tops->arena, "%zu %s%s", strlen(frame->name), frame->name,
                                   frame->file ? frame->file : "");
    struct profile_top *row = table_find(tops->table, key, strlen(key));
    if (row)
        return row;
    row = &tops->rows[tops->count++];
    *row = (struct profile_top){.frame = frame};
    table_add(tops->table, key, strlen(key), row);
    return row;
}

static int compare_rows(const void *a, const void *b) {
    const struct profile_top *first = a, *second = b;
    if (first->weight_s != second->weight_s)
        return first->weight_s < second->weight_s ? 1 : -1;
    return first->frame->index < second->frame->index ? -1 : 1;
}

/* The weight of each frame as the leaf of stacks; free() it. */
static double *weigh_leaves(const struct profile *profile) {
    double *weights = memory_alloc(profile->frame_count * sizeof *weights);
    for (size_t i = 0; i < profile->frame_count; i++)
        weights[i] = 0;
    for (size_t i = 0; i < profile->stack_count; i++) {
        const struct profile_stack *stack = &profile->stacks[i];
        weights[stack->frames[stack->frame_count - 1]->index] += stack->weight_s;
    }
    return weights;
}

size_t profile_find_top(const struct profile *profile, enum profile_frame_kind kind,
                        struct profile_top *ret, size_t room) {
    struct tops tops = {.arena = arena_create(), .table = table_create()};
    tops.rows = arena_alloc_array(tops.arena, profile->frame_count, sizeof *tops.rows);
    double *weights = weigh_leaves(profile);
    for (size_t i = 0; i < profile->frame_count; i++)
        if (profile->frames[i]->kind == kind && weights[i] > 0)
            get_row(&tops, profile->frames[i])->weight_s += weights[i];
    qsort(tops.rows, tops.count, sizeof *tops.rows, compare_rows);
    size_t count = tops.count < room ? tops.count : room;
    if (count)
        memcpy(ret, tops.rows, count * sizeof *ret);
    free(weights);
    table_destroy(tops.table);
    arena_destroy(tops.arena);
    return count;
}
