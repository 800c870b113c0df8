/*
 * The functions of a profile: its frames without their lines, because people look for the function
 * first; which lines they were, the function tells.
 */
#pragma once

#include "asyncspy/analysis/profile.h"
#include "asyncspy/base/arena.h"

#define PROFILE_FUNCTION_LINES 3

struct profile_line {
    int32_t line;
    double weight_s; /* of the stacks that show it */
};

/* Frames of one kind, name and file. */
struct profile_function {
    const struct profile_frame *frame; /* one of them */
    double self_s;                     /* as the leaf */
    double total_s;                    /* of all stacks that show it, each counted once */
    struct profile_line lines[PROFILE_FUNCTION_LINES]; /* the heaviest first */
    size_t line_count;
};

struct profile_functions {
    struct profile_function *items; /* by kind, name and file */
    size_t count;
    uint32_t *by_frame; /* place of the function of a frame, by the frame's index */
};

/* Lives in `arena`; points to the profile's frames. */
struct profile_functions profile_functions_find(struct arena *arena, const struct profile *profile);

/* The stack's weight; 0 where it makes no sense. */
double profile_stack_weigh(const struct profile_stack *stack);
