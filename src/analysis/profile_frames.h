/*
 * The frames of a profile, each kept once. Private to analysis.
 */
#pragma once

#include "asyncspy/analysis/profile.h"

struct profile_frames;

/* The frames live in `arena`; their names are the caller's. */
struct profile_frames *profile_frames_create(struct arena *arena);
void profile_frames_destroy(struct profile_frames *frames); /* NULL-safe; the frames stay */

const struct profile_frame *profile_frames_get(struct profile_frames *frames,
                                               enum profile_frame_kind kind, const char *name,
                                               const char *file, int32_t line);

/* The same of a frame of the recording. */
const struct profile_frame *profile_frames_get_code(struct profile_frames *frames,
                                                    const struct snapshot_frame *frame);

/* All of them by index, in the arena. */
const struct profile_frame *const *profile_frames_list(const struct profile_frames *frames,
                                                       size_t *ret_count);
