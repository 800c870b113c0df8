/* What a picture of a core lacks. Private to capture. */
#pragma once

#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/core.h"

/* Fills what the target of `snapshot` is as a core. */
void core_describe(const struct target_process *process, const char *path,
                   struct snapshot *snapshot);

/* Adds to `missing` of `snapshot` what the file lacks that it should have. */
void core_add_losses(const struct target_process *process, struct snapshot *snapshot);

/* Adds to `missing` of `snapshot` what the core does not tell, and takes out what is no fact of it.
 * `now`: the time that the picture takes for that of the core, or NaN. */
void core_add_missing(const struct target_process *process, double now, struct snapshot *snapshot);

/* Adds the sockets of which transports know the ends; what only the kernel knows stays unknown. */
void core_add_sockets(struct snapshot *snapshot);

/* An error about what stands in the core at `path`, with the file that it lacks. */
struct error *core_explain(const struct target_process *process, const char *path,
                           struct error *err) ERROR_CHECK;
