/*
 * The memory of a target, seen through a block cache.
 *
 * Where the bytes come from is a `memory_source`: a live process, a fake built by a test, later a
 * core. The cache reads whole blocks of 16 KiB, clamped to the source's mappings, into one
 * huge-page arena; every read of an object is a copy out of a block. So a whole dump costs few
 * system calls, and the set of blocks that a walk touched can be copied again in one go
 * (memory_recopy) while the target stands still, and then be walked frozen.
 *
 * Addresses of the target are integers, never pointers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/error.h"
#include "asyncspy/target/memory_types.h"

struct target_memory;

/* `source` is copied; its context must outlive the memory. */
struct target_memory *memory_create(const struct memory_source *source);
void memory_destroy(struct target_memory *memory); /* NULL-safe */

/*
 * The work that a hostile target can make us do is limited: every read costs units of it, about
 * 10 ns each, and so does whatever else the readers charge for. When they are spent every read
 * fails with ERROR_EXHAUSTED. At first there is no limit.
 */
#define MEMORY_NO_LIMIT UINT64_MAX
void memory_set_work(struct target_memory *memory, uint64_t units);
void memory_charge(struct target_memory *memory, uint64_t units);
bool memory_is_exhausted(const struct target_memory *memory);

/* Copies `size` bytes at `address` into `buffer`, through the cache.
 * ERROR_FAULT: not mapped or not readable. ERROR_EXHAUSTED: see memory_set_work. ERROR_GONE,
 * ERROR_PERMISSION: target lost. */
struct error *memory_read(struct target_memory *memory, uint64_t address, void *buffer,
                          size_t size) ERROR_CHECK;

/* The same for one word. */
struct error *memory_read_word(struct target_memory *memory, uint64_t address,
                               uint64_t *ret) ERROR_CHECK;

/* The same past the cache, for long texts that are used once. */
struct error *memory_read_uncached(struct target_memory *memory, uint64_t address, void *buffer,
                                   size_t size) ERROR_CHECK;

/* How much one cache miss fetches: 16 KiB (the default) or a multiple of it, a power of two. */
void memory_set_fetch_size(struct target_memory *memory, size_t size);

/* Forgets all blocks whenever they hold `size` bytes, for a pass that reads everything once;
 * 0 (the default): never. */
void memory_set_window(struct target_memory *memory, size_t size);

/* From now on it is known what was read since the last memory_recopy or memory_forget, in pieces of
 * 64 bytes; what is wanted past the cache goes through it. A window of memory_set_window forgets.
 */
#define MEMORY_PIECE 64
void memory_keep(struct target_memory *memory, bool keeps);

/* Gets a page of 4 KiB that stands at `address`, and a bit for each piece of it that was read. */
typedef struct error *memory_visit(void *context, uint64_t address, const unsigned char *page,
                                   uint64_t pieces);

/* Calls `visit` for the pages that were read while they were kept, as they are in the cache, by
 * ascending address; an error of it ends that. */
struct error *memory_visit_kept(struct target_memory *memory, memory_visit *visit,
                                void *context) ERROR_CHECK;

/* Copies all blocks that were read or missed so far again from the source, in few system calls.
 * Where several of them lie in one region of the fetch size, the whole region is copied. */
struct error *memory_recopy(struct target_memory *memory) ERROR_CHECK;

/* While frozen, what the copy lacks is missed: counted, and read as it is now, so that one walk
 * over a copy learns all that the next one needs. What the copy could not get is a fault. */
void memory_freeze(struct target_memory *memory, bool frozen);

/* Forgets all blocks; keeps the arena. `memory_release` gives that back too, until it is needed. */
void memory_forget(struct target_memory *memory);
void memory_release(struct target_memory *memory);

/* --- the same memory again and again --- */

/* Gives its spans back. */
void memory_footprint_free(struct memory_footprint *footprint);

/* From now on (until it is called with false; each call forgets everything) the memory is looked at
 * again and again: what was read is kept, a look fetches it again, and it is known what changed.
 * Nothing can be kept, frozen or copied meanwhile. */
void memory_watch(struct target_memory *memory, bool watches);

/* A new look: what is read from now on is as it is now. */
struct error *memory_refresh(struct target_memory *memory, enum memory_look look) ERROR_CHECK;

/* Bytes of our own memory that this takes. */
size_t memory_get_watched_size(const struct target_memory *memory);

/* From now on adds what is read to `footprint` (NULL: to none); returns the one before. */
struct memory_footprint *memory_track(struct target_memory *memory,
                                      struct memory_footprint *footprint);

/* Adds bytes that were read in this look while nothing was tracked. */
void memory_note(struct target_memory *memory, uint64_t address, size_t size);

/* Whether a look since those that the footprint is of found other bytes there. */
bool memory_has_changed(const struct target_memory *memory,
                        const struct memory_footprint *footprint);

struct memory_statistics memory_get_statistics(const struct target_memory *memory);
void memory_reset_missed(struct target_memory *memory);
