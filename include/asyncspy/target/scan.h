/*
 * A scan of all memory that a target may have changed, in large pieces past the block cache: what
 * points to an address, which nothing else tells. It reads about as fast as memory can be copied,
 * so whoever looks at the words has to be as fast.
 *
 * The target is not stopped for it. What it changes meanwhile is seen before or after, or torn.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/error.h"
#include "asyncspy/target/memory.h"
#include "asyncspy/target/process.h"

/* Whole pages of the target. */
struct scan_span {
    uint64_t start, end;
};

/* The memory of `process` that can hold pointers to what it made: writable, private, and touched
 * at least once (/proc/PID/pagemap; where that may not be read, all of it). Sorted; the array lives
 * in `arena`. The mappings are read anew. */
struct error *scan_list_spans(struct target_process *process, struct arena *arena,
                              struct scan_span **ret, size_t *ret_count) ERROR_CHECK;

struct scan_limits {
    uint64_t bytes;
    double seconds;
};

struct scan_summary {
    uint64_t bytes;  /* that were looked at */
    const char *why; /* NULL, or why these are not all; a constant */
};

/* Gets `count` words of the target that stand at `address`. */
typedef void scan_visit(void *context, uint64_t address, const uint64_t *words, size_t count);

/* Calls `visit` for all words of `spans`, in their order. A page that cannot be read is left out,
 * which the summary tells. ERROR_GONE, ERROR_PERMISSION: target lost; ERROR_EXHAUSTED. */
struct error *memory_scan(struct target_memory *memory, const struct scan_span *spans, size_t count,
                          const struct scan_limits *limits, scan_visit *visit, void *context,
                          struct scan_summary *ret) ERROR_CHECK;
