/*
 * A memory source of bytes that a test sets: regions of whole pages, zeroed, that the test writes
 * through a pointer. Counts the reads, can fault at the n-th, can return random bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/target/memory.h"

struct fake_memory;

struct fake_memory *fake_memory_create(void);
void fake_memory_destroy(struct fake_memory *fake); /* NULL-safe */

/* Maps zeroed pages that hold [address, address + size) and returns the byte at `address`. The
 * pointer lives as long as the fake. Regions must not overlap. */
unsigned char *fake_memory_map(struct fake_memory *fake, uint64_t address, size_t size);
/* The byte at a mapped address, NULL where nothing is mapped. */
unsigned char *fake_memory_at(struct fake_memory *fake, uint64_t address);
void fake_memory_unmap(struct fake_memory *fake, uint64_t address);

/* The n-th page read from now on (from 1) faults, and that page with it until the next call of
 * this; 0: none. */
void fake_memory_fail_at(struct fake_memory *fake, uint64_t n);
/* The page of `address` always faults although it is mapped. */
void fake_memory_set_bad_page(struct fake_memory *fake, uint64_t address);
/* Reads return pseudo-random bytes that `seed` determines; 0: the real ones. */
void fake_memory_randomize(struct fake_memory *fake, uint64_t seed);

uint64_t fake_memory_get_reads(const struct fake_memory *fake);      /* calls of the source */
uint64_t fake_memory_get_page_reads(const struct fake_memory *fake); /* pages it was asked for */

/* The source; its context is the fake, which must outlive the memory. */
struct memory_source fake_memory_source(struct fake_memory *fake);
