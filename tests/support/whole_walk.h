/* A walk over a whole fake program, and how much it found. */
#pragma once

#include "asyncspy/python/object.h"
#include "fake_target.h"

/* How much a snapshot tells; without the names of objects, which are only an aid. */
struct whole_tally {
    size_t interpreters, threads, loops, tasks, frames;
    size_t objects, facts, holders, waiters, holds;
    uint64_t states, waits; /* of the tasks, of tasks and threads; mixed */
    uint64_t runs;          /* what is known of loops, mixed */
};

/* A program in the target's memory. */
struct whole_program {
    const char *name;
    bool is_part; /* of a server */
    uint64_t runtime;
    size_t first_block; /* of a part's own, among those of the fake; else 0 */
    uint64_t futex;     /* where one of its threads sleeps, or 0 */
};

struct whole_walk {
    char *json; /* NULL: the walk ended with an error; free() it */
    enum error_kind error;
    size_t missing;
    size_t gaps;    /* threads that are told of without their id or without frames */
    uint64_t notes; /* their texts, mixed */
    struct whole_tally tally;
};

/* Calls `test` with every version and every program: one with a task in every state, and the parts
 * of fake_server.h. */
void whole_each_program(void (*test)(struct fake_target *target,
                                     const struct whole_program *program));
#define WHOLE_EACH_PROGRAM(test)                                                                   \
    static void test##_of_each_version(void **state) {                                             \
        (void)state;                                                                               \
        whole_each_program(test);                                                                  \
    }

/* Walks with `py` into `snapshot`, which is reset before. */
struct whole_walk whole_walk_take(struct py *py, struct snapshot *snapshot,
                                  const struct whole_program *program);

/* Fails if `result` has less than `whole` and neither missing nor the notes say so. */
void whole_walk_check_told(const struct whole_walk *result, const struct whole_walk *whole,
                           uint64_t n);
