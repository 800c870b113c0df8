/*
 * A profile as text, for tests to compare.
 */
#pragma once

#include "asyncspy/analysis/profile.h"

/* A line "outer file:1;inner file:2;[wait] 1.500 3" for each stack: its frames, its weight, its
 * samples. Waits stand in [], tasks in <>, roots in {}. free() it. */
char *profile_text(const struct profile *profile);

/* Those frames alone. free() it. */
char *profile_stack_text(const struct profile_stack *stack);
