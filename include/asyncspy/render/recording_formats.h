/*
 * A recording in forms that keep its course over time; samples are fed one by one.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/analysis/sample_filter.h"
#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/recording.h"

/* The Trace Event format (JSON) of chrome://tracing and Perfetto: a track for each
 * task with slices for its coroutines and what it waits for, one for each thread, counters. Samples
 * have to live as profile_fold_add() says. ERROR_OS when writing fails. `filter` may be NULL. */
struct chrome_trace;
struct error *chrome_trace_begin(const struct recording_info *info, struct sample_filter *filter,
                                 FILE *out, struct chrome_trace **ret) ERROR_CHECK;
struct error *chrome_trace_add(struct chrome_trace *trace,
                               const struct recording_sample *sample) ERROR_CHECK;
struct error *chrome_trace_end(struct chrome_trace *trace,
                               const struct recording_end *end) ERROR_CHECK;
void chrome_trace_destroy(struct chrome_trace *trace); /* NULL-safe */

/* JSON Lines: an object for the recording, one for each sample with what changed, one for the end
 * (include/asyncspy/recording.schema.json). */
struct error *render_recording_info_line(const struct recording_info *info, FILE *out) ERROR_CHECK;
struct error *render_recording_sample_line(const struct recording_sample *sample,
                                           struct sample_filter *filter, FILE *out) ERROR_CHECK;
struct error *render_recording_end_line(const struct recording_end *end, FILE *out) ERROR_CHECK;
