/* A walk over a whole fake program, and how much it found. */
#pragma once

#include "asyncspy/python/object.h"
#include "fake_target.h"

/* How much a snapshot tells. */
struct whole_tally {
    size_t interpreters, threads, loops, tasks, frames;
    uint64_t states; /* of the tasks, mixed */
};

struct whole_walk {
    char *json; /* NULL: the walk ended with an error; free() it */
    enum error_kind error;
    size_t missing;
    uint64_t notes; /* their texts, mixed */
    struct whole_tally tally;
};

/* Builds the program with a task in every state; its runtime. */
uint64_t whole_program(struct fake_target *target);

/* Walks with `py` into `snapshot`, which is reset before. */
struct whole_walk whole_walk_take(struct py *py, struct snapshot *snapshot);

/* Fails if `result` has less than `whole` and neither missing nor the notes say so. */
void whole_walk_check_told(const struct whole_walk *result, const struct whole_walk *whole,
                           uint64_t n);
