/* Reading much memory once. */
#include "asyncspy/target/scan.h"

#include <stdlib.h>

#include "asyncspy/base/clock.h"

/* Small enough to be still in the cache of the processor when its words are looked at. */
#define PIECE ((size_t)256 << 10)
#define PAGE ((size_t)4096)

struct scan {
    struct target_memory *memory;
    const struct scan_limits *limits;
    scan_visit *visit;
    void *context;
    uint64_t *words;
    double deadline;
    struct scan_summary *summary;
};

/* Reads [address, address + size); *done is false where some of it cannot be read. */
static struct error *scan_whole(struct scan *scan, uint64_t address, size_t size, bool *done) {
    struct error *err = memory_read_uncached(scan->memory, address, scan->words, size);
    *done = !err;
    if (err && !error_is_fatal(err)) {
        error_destroy(err);
        return NULL;
    }
    if (err)
        return err;
    scan->visit(scan->context, address, scan->words, size / sizeof *scan->words);
    scan->summary->bytes += size;
    return NULL;
}

/* The same page by page, so that a bad one costs only itself. */
static struct error *scan_pages(struct scan *scan, uint64_t address, size_t size) {
    struct error *err = NULL;
    bool done;
    for (size_t at = 0; !err && at < size; at += PAGE) {
        err = scan_whole(scan, address + at, PAGE, &done);
        if (!err && !done)
            scan->summary->why = "some of its memory cannot be read";
    }
    return err;
}

static bool is_over(struct scan *scan) {
    if (scan->summary->bytes >= scan->limits->bytes)
        scan->summary->why = "it has more memory than is searched";
    else if (clock_monotonic() > scan->deadline)
        scan->summary->why = "searching its memory takes too long";
    else
        return false;
    return true;
}

static struct error *scan_span(struct scan *scan, const struct scan_span *span, bool *stop) {
    struct error *err = NULL;
    for (uint64_t at = span->start; !err && at < span->end; at += PIECE) {
        bool done;
        size_t size = span->end - at < PIECE ? span->end - at : PIECE;
        *stop = is_over(scan);
        if (*stop)
            return NULL;
        err = scan_whole(scan, at, size, &done);
        if (!err && !done)
            err = scan_pages(scan, at, size);
    }
    return err;
}

struct error *memory_scan(struct target_memory *memory, const struct scan_span *spans, size_t count,
                          const struct scan_limits *limits, scan_visit *visit, void *context,
                          struct scan_summary *ret) {
    struct scan scan = {.memory = memory,
                        .limits = limits,
                        .visit = visit,
                        .context = context,
                        .words = memory_alloc(PIECE),
                        .deadline = clock_monotonic() + limits->seconds,
                        .summary = ret};
    struct error *err = NULL;
    bool stop = false;
    *ret = (struct scan_summary){0};
    for (size_t i = 0; !err && !stop && i < count; i++)
        err = scan_span(&scan, &spans[i], &stop);
    free(scan.words);
    return err;
}
