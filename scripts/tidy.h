/*
 * For clang-tidy only (make lint includes it first): the analyzer sees one file at a time and would
 * take every error and every allocation for a possible NULL. base promises otherwise.
 */
#pragma once

#include "asyncspy/base/arena.h"
#include "asyncspy/base/error.h"

static inline void *tidy_not_null(void *pointer) {
    if (!pointer)
        __builtin_unreachable();
    return pointer;
}

/* NOLINTBEGIN(readability-identifier-naming) */
#define error_create(...) ((struct error *)tidy_not_null(error_create(__VA_ARGS__)))
#define error_create_os(...) ((struct error *)tidy_not_null(error_create_os(__VA_ARGS__)))
#define arena_alloc(...) tidy_not_null(arena_alloc(__VA_ARGS__))
#define arena_alloc_array(...) tidy_not_null(arena_alloc_array(__VA_ARGS__))
#define memory_alloc(...) tidy_not_null(memory_alloc(__VA_ARGS__))
#define memory_realloc(...) tidy_not_null(memory_realloc(__VA_ARGS__))
/* NOLINTEND(readability-identifier-naming) */
