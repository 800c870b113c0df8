/* The block with a line for each process of a tree. Private to render. */
#pragma once

#include "page.h"
#include "process_names.h"

/* `names` are those of process_names_make. With `verbose` nothing is folded or cut. */
void process_lines_print(struct page *page, const struct snapshot_processes *tree,
                         const struct process_name *names, bool verbose);
