/*
 * A list of Python processes as a table for people.
 */
#pragma once

#include <stdio.h>

#include "asyncspy/base/error.h"
#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/processes.h"

/* One line for each; nothing for none. The command is cut at the width unless `verbose`, which
 * shows it whole. Who owns them is left out where all are of the user who asks, the container
 * where no process has one. Escaped as in render_text. ERROR_OS when writing fails. */
struct error *render_processes(const struct snapshot_processes *processes,
                               const struct text_options *options, FILE *out) ERROR_CHECK;
