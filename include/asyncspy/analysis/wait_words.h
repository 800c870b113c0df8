/*
 * A recorded wait in words.
 */
#pragma once

#include "asyncspy/base/arena.h"
#include "asyncspy/snapshot/recording.h"

/* "Lock#1 'pool.sem'", "sleep", "socket 10.0.0.3:5432 (read)": in the words of a snapshot's
 * `awaiting.text`, without what changes from moment to moment. In `arena`; never NULL. */
const char *recording_wait_describe(struct arena *arena, const struct recording_wait *wait);
