/*
 * Random samples in which everything changes, comes and goes: from one seed always the same.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"

struct recorded_play;

struct recorded_play *recorded_play_create(uint32_t seed);
void recorded_play_destroy(struct recorded_play *play);

/* The next sample; lives until the one after it. */
const struct recording_sample *recorded_play_next(struct recorded_play *play);

/* Writes so many of them to an empty file, with an end. `memory_max`:
 * recording_write_begin_small(). */
void recorded_play_write(int file, uint32_t seed, size_t count, size_t memory_max);
