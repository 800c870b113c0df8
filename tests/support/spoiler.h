/*
 * Walks over a program in a fake target whose memory lies: what one read returns is spoilt, each
 * time another one.
 */
#pragma once

#include "whole_walk.h"

enum spoiler_damage {
    SPOILER_NONE,
    SPOILER_ALL_BYTES, /* random ones */
    SPOILER_ONE_WORD,  /* of those that are not zero */
    SPOILER_SHORT,     /* the read ends early */
    SPOILER_GONE,      /* the target ended */
};

#define SPOILER_READS_MAX 10000 /* a walk over one of the programs takes some hundreds */

/* What is kept from walk to walk, as a session does; a new one takes longer than a walk. */
struct spoiler {
    const struct whole_program *program;
    struct fake_python *fake;
    struct target_memory *memory;
    struct snapshot *snapshot;
    struct py *py;
    struct memory_source inner;
    enum spoiler_damage damage;
    uint64_t spoil_at, reads; /* the read from 1 that is spoilt */
    uint64_t seed;
};
void spoiler_open(struct spoiler *ret, struct fake_target *target,
                  const struct whole_program *program);
void spoiler_close(struct spoiler *spoiler);

struct spoiler_result {
    struct whole_walk walk;
    uint64_t page_reads, reads;
};

/* A walk whose read number `at` is spoilt. */
struct spoiler_result spoiler_walk(struct spoiler *spoiler, enum spoiler_damage damage, uint64_t at,
                                   uint64_t seed);

/* Spoils each read in turn, `seeds` times; of the parts of a server only once. Fails when a walk
 * does not end soon, or with an error that is not the damage's. */
void spoiler_spoil_every_read(struct fake_target *target, const struct whole_program *program,
                              enum spoiler_damage damage, uint64_t seeds);
