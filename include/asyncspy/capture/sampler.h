/*
 * Samples of a process, one after the other, fast: what did not change since the last one is not
 * read again, and a process that did not run is not read at all.
 *
 * A sample is first taken without stopping the process. What was read anew is then looked at once
 * more: while the process proves to be quiet, else while it is stopped, for as long as that takes.
 * Tasks that had not changed when they were looked at are shown as they were then, some
 * milliseconds before at most; no stack is shown that did not exist.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "asyncspy/base/error.h"
#include "asyncspy/snapshot/recording.h"

struct sampler_options {
    bool nonblocking; /* never stop the process: what changes while it is read is shown
                       * as it was, and counted */
    double rate;      /* samples a second that are asked for; for recording_info */
    double cpu_share; /* of a CPU that looks at all tasks may take; between them samples look at
                       * what runs */
};

struct sampler;

/* Opens process `pid` and finds its Python. Errors say what to do. */
struct error *sampler_open(pid_t pid, const struct sampler_options *options,
                           struct sampler **ret) ERROR_CHECK;
void sampler_close(struct sampler *sampler); /* NULL-safe; nothing is left stopped */

/* Lives as long as the sampler. Time 0 is when it was opened. */
const struct recording_info *sampler_get_info(const struct sampler *sampler);

/* Seconds since then. */
double sampler_get_time(const struct sampler *sampler);

/* From the next sample on. */
void sampler_set_nonblocking(struct sampler *sampler, bool nonblocking);

/* Takes a sample. It lives until the next one, and what it points to as long as *ret_epoch stays
 * the same. `late_s` is the caller's. ERROR_GONE: the process has ended. */
struct error *sampler_take(struct sampler *sampler, const struct recording_sample **ret,
                           uint64_t *ret_epoch) ERROR_CHECK;
