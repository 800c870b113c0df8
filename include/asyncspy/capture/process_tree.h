/*
 * Pictures of a process and of all its descendants that run asyncio: a server with its workers.
 * One after the other; two looks at each of them wait only once.
 */
#pragma once

#include "asyncspy/capture/capture.h"
#include "asyncspy/snapshot/processes.h"

#define PROCESS_TREE_PICTURES_MAX 256 /* further rows say that there were too many */

/* Fills the empty list with process `pid` and its descendants, and takes a picture of each that
 * has loops or tasks; `once`: one look only. What cannot be read is a row that says why, and what
 * ends before the second look a row of `missing`. An error only when none of all was a Python that
 * could be read: then it is the one of `pid`. */
struct error *capture_process_tree(pid_t pid, const struct capture_options *options, bool once,
                                   struct snapshot_processes *ret) ERROR_CHECK;
