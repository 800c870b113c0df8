/*
 * Numbers and texts as bytes and back, as recording_format.h describes them. What is unpacked may
 * be anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/snapshot/snapshot.h"

/* Bytes that grow; all zero: none. Free `bytes` in the end. */
struct pack {
    unsigned char *bytes;
    size_t size, capacity;
};

void pack_bytes(struct pack *pack, const void *bytes, size_t size);
void pack_number(struct pack *pack, uint64_t value);
void pack_signed(struct pack *pack, int64_t value);
void pack_optional(struct pack *pack, int64_t value); /* or SNAPSHOT_UNKNOWN */
void pack_text(struct pack *pack, const char *text);  /* or NULL */
void pack_tristate(struct pack *pack, enum snapshot_tristate value);

/* Appends `payload` as a chunk. */
void pack_chunk(struct pack *pack, int type, const struct pack *payload);

/* Seconds as microseconds within RECORDING_US_MAX; NaN: SNAPSHOT_UNKNOWN; and back. */
int64_t pack_to_us(double seconds);
double pack_from_us(int64_t us);

/* The same of what is never negative: what cannot be, and NaN, is 0. */
uint64_t pack_to_duration(double seconds);

/* `part` where it differs, else 0: a mask is made of them. */
static inline unsigned pack_flag(bool differs, unsigned part) {
    return differs ? part : 0;
}

/* Bytes that are read from the front. After the first mistake there are none left, and everything
 * reads as 0. */
struct unpack {
    const unsigned char *at, *end;
    const char *wrong; /* what is wrong with them, NULL: nothing so far */
};

void unpack_fail(struct unpack *unpack, const char *wrong);
uint64_t unpack_number(struct unpack *unpack);

/* Fails where it is `limit` or more. */
uint64_t unpack_below(struct unpack *unpack, uint64_t limit, const char *wrong);

/* How many things follow, of at least a byte each. */
size_t unpack_count(struct unpack *unpack);
int64_t unpack_signed(struct unpack *unpack);
int64_t unpack_optional(struct unpack *unpack);
int64_t unpack_us(struct unpack *unpack);
enum snapshot_tristate unpack_tristate(struct unpack *unpack);

/* The next `size` bytes, NULL: there are not as many. */
const unsigned char *unpack_bytes(struct unpack *unpack, uint64_t size);
const char *unpack_text(struct unpack *unpack, struct arena *arena);

/* Whether the four bytes behind `size` ones are their check. */
bool unpack_is_intact(const unsigned char *bytes, size_t size);

/* Room for `count` items of `size` bytes, at least doubled; what is new is not cleared. */
void *pack_reserve(void *items, size_t *capacity, size_t count, size_t size);
