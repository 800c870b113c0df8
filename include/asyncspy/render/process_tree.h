/*
 * A process and its descendants as text for people: one line each with the verdict, then the report
 * of each that has a snapshot.
 */
#pragma once

#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/processes.h"

/* The lines keep the order of the tree; siblings that say the same share one unless `verbose`. The
 * reports come gravest verdict first, and not at all with `verdict_only`. Otherwise as
 * render_text. */
struct error *render_process_tree(const struct snapshot_processes *tree,
                                  const struct text_options *options, FILE *out) ERROR_CHECK;
