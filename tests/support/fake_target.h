/*
 * What a test of a reader needs: a fake Python of each version in turn, the memory over it, a walk
 * that has begun.
 */
#pragma once

#include "asyncspy/python/object.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/memory.h"
#include "fake_python.h"

struct fake_target {
    struct fake_python *fake;
    struct target_memory *memory;
    struct snapshot *snapshot;
    struct py *py; /* of runtime address 0 until fake_target_open() */
};

/* A target of one version. */
struct fake_target fake_target_create(const struct py_table *table);
void fake_target_free(struct fake_target *target);

/* Calls `test` with a fake of every version that has a table. */
void fake_each_version(void (*test)(struct fake_target *target));

/* Reads the fake from now on as the process whose runtime is at `runtime`. */
void fake_target_open(struct fake_target *target, uint64_t runtime);

void fake_expect_success(struct error *err);
void fake_expect_error(struct error *err, enum error_kind kind);

/* A cmocka test that runs `test` for every version. */
#define FAKE_EACH_VERSION(test)                                                                    \
    static void test##_of_each_version(void **state) {                                             \
        (void)state;                                                                               \
        fake_each_version(test);                                                                   \
    }
#define FAKE_TEST(test)                                                                            \
    { #test, test##_of_each_version, NULL, NULL, NULL }
