/*
 * What the writer of a recording has defined so far: numbers of strings, frames, waits and stacks
 * (recording_format.h). Private to snapshot. Known by content; by pointer too, as long as an epoch
 * lasts, which costs a look into one table.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"
#include "pack.h"

struct recording_dictionary;

struct recording_dictionary *recording_dictionary_create(void);
void recording_dictionary_destroy(struct recording_dictionary *dictionary); /* NULL-safe */

/* Before a sample. Forgets the definitions of the last one, pointers of another epoch; and
 * everything where that takes more than about `memory_max` bytes: true, all numbers are void. */
bool recording_dictionary_begin(struct recording_dictionary *dictionary, uint64_t epoch,
                                size_t memory_max);

/* The number of a string, a wait, a stack (any of them may be NULL). */
uint32_t recording_dictionary_string(struct recording_dictionary *dictionary, const char *text);
uint32_t recording_dictionary_wait(struct recording_dictionary *dictionary,
                                   const struct recording_wait *wait);
uint32_t recording_dictionary_stack(struct recording_dictionary *dictionary,
                                    const struct snapshot_stack *stack);

/* The payload of a chunk that defines what is new since the sample began. */
const struct pack *recording_dictionary_get_new(const struct recording_dictionary *dictionary);
