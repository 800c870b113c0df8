/*
 * What the parts of a target's memory speak in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/error.h"

/* A piece of the target's memory and where its bytes are to go. */
struct memory_range {
    uint64_t address;
    size_t size;
    void *buffer;
};

/* Where bytes come from. */
struct memory_source {
    void *context;
    /* Reads the ranges; ranges[i] that could not be read in full has `done[i]` < its size (the
     * bytes before that are good). An error only when the whole source is lost or refused
     * (ERROR_GONE, ERROR_PERMISSION). */
    struct error *(*read)(void *context, const struct memory_range *ranges, size_t count,
                          size_t *done);
    /* Narrows [*start, *end) to the part of it that is mapped around `address`; false when
     * `address` is not mapped. NULL: everything may be mapped. */
    bool (*clamp)(void *context, uint64_t address, uint64_t *start, uint64_t *end);
    /* Whether the bytes that a page is read with are those of the target: else they are not there.
     * NULL: they always are. */
    bool (*holds)(void *context, uint64_t address, size_t size);
};

struct memory_statistics {
    uint64_t reads;      /* system calls that copied */
    uint64_t bytes_read; /* bytes copied from the source */
    uint64_t missed;     /* reads, while frozen, of what was not in the copy */
};

/* What a look fetches beforehand. */
enum memory_look {
    MEMORY_LOOK_AT_ALL,    /* all pages of which something was ever read */
    MEMORY_LOOK_AT_RECENT, /* those tracked since the last look at all, and as AGAIN */
    MEMORY_LOOK_AGAIN,     /* those that one of the last two looks of these two kinds has read */
};

/* Words of 8 bytes in a page, as a look read them; all three by their numbers. */
struct memory_span {
    uint32_t page, look;
    uint16_t word, count;
};

/* From where something was read. Starts zeroed; memory_footprint_free(). */
struct memory_footprint {
    struct memory_span *spans;
    size_t count, capacity;
};
