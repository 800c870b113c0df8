/*
 * A hostile target for the fuzzer: the fake Python of one version with a program in it, whose
 * memory an input changes word by word. Input: one byte that chooses the version, one that says
 * how many changes follow, 12 bytes for each; the rest is the harness's own.
 *
 * A change overwrites, with something of its choice, a word that is not zero in the program as it
 * was built (or one near to it): those are what readers look at. Beside the program lies a desert
 * of a gigabyte in which every word is one of the program's: lists and chains lead nowhere in it,
 * and never end.
 */
#pragma once

#include "../support/fake_server.h"
#include "asyncspy/python/object.h"
#include "fuzz_input.h"

struct fuzz_image {
    struct fake_python *fake;
    struct fake_asyncio aio;
    uint64_t futex; /* where the thread FAKE_SERVER_WAITER sleeps */
    struct target_memory *memory;
    struct snapshot *snapshot;
    struct py *py;
    struct memory_source inner;
    uint64_t *words; /* addresses of those that are not zero */
    size_t word_count;
};

/* Takes the version and the changes from the input, and starts a walk. The image is kept for the
 * next input; fuzz_image_end() undoes the changes. */
struct fuzz_image *fuzz_image_begin(struct fuzz_input *input);
void fuzz_image_change(struct fuzz_image *image, struct fuzz_input *input); /* more of them */
void fuzz_image_end(struct fuzz_image *image);

/* An address of some object, or now and then of something else. */
uint64_t fuzz_image_address(const struct fuzz_image *image, uint64_t choice);

/* How many versions there are; their layouts differ. */
size_t fuzz_count_tables(void);
