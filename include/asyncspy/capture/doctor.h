/*
 * What `asyncspy doctor` tells, as plain data: may this process be read, what was found in it, and
 * from where came each offset.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/error.h"

struct doctor_fact {
    const char *topic; /* "process", "runtime", "version", ... */
    const char *text;
};

struct doctor_offset {
    const char *structure, *field;
    int32_t offset; /* -1: absent */
    const char *source;
};

struct doctor_report {
    struct doctor_fact *facts;
    size_t fact_count, fact_capacity;
    struct doctor_offset *offsets;
    size_t offset_count;
};

/* Examines `pid`; all of the report lives in `arena`. On an error the report holds what was found
 * before it. */
struct error *doctor_examine(pid_t pid, struct arena *arena, struct doctor_report *ret) ERROR_CHECK;
