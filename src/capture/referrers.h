/*
 * Who refers to the futures that nobody is known to complete. Private to capture.
 */
#pragma once

#include "asyncspy/base/error.h"
#include "asyncspy/python/object.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/process.h"

/* Fills `referrers` and `referrers_complete` of all waits of `snapshot` that are for a future of
 * unknown owner. Complete means: these and those who wait for it are all that refer to it. The
 * target is not stopped; if it runs meanwhile, nothing is said to be complete. */
struct error *referrers_add(struct target_process *process, const struct py_layout *layout,
                            const struct py_roots *roots, struct snapshot *snapshot) ERROR_CHECK;
