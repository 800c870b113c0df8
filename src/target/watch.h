/*
 * Memory that is looked at again and again: whole pages, what of them changed between two looks,
 * and which bytes something was read from. Internal to target/memory.
 *
 * A page that was read once is fetched with all others at each look, in few system calls. What is
 * read of a page that was not fetched since the last look is fetched then.
 */
#pragma once

#include "asyncspy/target/memory_types.h"

struct watch;

/* `source` and `statistics` have to live as long as it does. */
struct watch *watch_create(const struct memory_source *source,
                           struct memory_statistics *statistics);
void watch_destroy(struct watch *watch); /* NULL-safe */

/* As memory_read(), without the limits of work. */
struct error *watch_read(struct watch *watch, uint64_t address, void *buffer,
                         size_t size) ERROR_CHECK;

/* Bytes that its pages take. */
size_t watch_get_size(const struct watch *watch);

/* As the functions of memory.h with these names. */
struct error *watch_refresh(struct watch *watch, enum memory_look look) ERROR_CHECK;
struct memory_footprint *watch_track(struct watch *watch, struct memory_footprint *footprint);
bool watch_has_changed(const struct watch *watch, const struct memory_footprint *footprint);
void watch_note(struct watch *watch, uint64_t address, size_t size);
