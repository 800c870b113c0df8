/*
 * Samples without what nobody asked for: as if there were no other tasks and threads.
 */
#pragma once

#include "asyncspy/analysis/sample_filter.h"

struct filtered_samples;

/* `filter` has to live as long as it does. */
struct filtered_samples *filtered_samples_create(struct sample_filter *filter);
void filtered_samples_destroy(struct filtered_samples *samples); /* NULL-safe */

/* What of the sample is wanted; lives until the next call. Its `tasks` are left as they are: the
 * changes count. Another `epoch` than before: memory of stacks may have been reused. */
const struct recording_sample *filtered_sample(struct filtered_samples *samples, uint64_t epoch,
                                               const struct recording_sample *sample);
