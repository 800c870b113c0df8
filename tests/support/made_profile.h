/*
 * A profile, made by a test stack by stack.
 */
#pragma once

#include "asyncspy/analysis/profile.h"

struct made_profile;

struct made_profile *made_profile_create(enum profile_mode mode);
void made_profile_destroy(struct made_profile *made); /* NULL-safe */

/* A stack, outermost first. The index of the frames is of no account; texts are copied. */
void made_profile_add_frames(struct made_profile *made, const struct profile_frame *frames,
                             size_t count, double weight_s, uint64_t samples);

/* The same of "^MainThread; main app.py:3; *Task-1; ~Lock#1 'pool'": a function with its file and
 * line, a root, a task, a wait. A sample is 10 ms. */
void made_profile_add(struct made_profile *made, const char *stack, double weight_s);

/* After the last stack. Lives as long as `made`. */
const struct profile *made_profile_end(struct made_profile *made, double duration_s);
