/*
 * A profile in the forms that other tools read, and as pictures. Nothing that was read from the
 * target reaches a page unescaped. ERROR_OS when writing fails.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/analysis/profile.h"
#include "asyncspy/base/error.h"

/* Collapsed stacks, as flamegraph.pl reads them: "outer;inner WEIGHT" with the weight in
 * microseconds. */
struct error *render_collapsed(const struct profile *profile, FILE *out) ERROR_CHECK;

/* The JSON of speedscope (its file-format-spec): a profile for each, weights in seconds. */
struct error *render_speedscope(const struct recording_info *info,
                                const struct profile *const *profiles, size_t count,
                                FILE *out) ERROR_CHECK;

/* The profile.proto of pprof, gzipped: the values are samples and nanoseconds. */
struct error *render_pprof(const struct recording_info *info, const struct profile *profile,
                           FILE *out) ERROR_CHECK;

/* A flame graph as one HTML page that needs nothing else: search, zoom, a button for each of the
 * profiles (its mode). `end` tells how good the recording was. */
struct error *render_flamegraph_html(const struct recording_info *info,
                                     const struct recording_end *end,
                                     const struct profile *const *profiles, size_t count,
                                     FILE *out) ERROR_CHECK;

/* The same as a still picture of one profile. */
struct error *render_flamegraph_svg(const struct recording_info *info,
                                    const struct recording_end *end, const struct profile *profile,
                                    FILE *out) ERROR_CHECK;
