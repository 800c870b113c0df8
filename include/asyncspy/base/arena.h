/*
 * An arena: memory that is taken piece by piece and given back all at once. What a snapshot holds
 * lives in one. Running out of memory ends the process with one line on stderr and exit status 1
 * (a traced target runs on: the kernel detaches it).
 */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_create(void);

/* NULL-safe. */
void arena_destroy(struct arena *arena);

/* Forgets everything that was allocated and keeps the memory for reuse. */
void arena_reset(struct arena *arena);

/* Bytes that were handed out since it was made or reset. */
size_t arena_get_size(const struct arena *arena);

/* `size` zeroed bytes, aligned to 16. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((alloc_size(2), malloc));

/* `count` zeroed elements of `size` bytes; an overflow is out of memory. Never NULL. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

/* A copy of `length` bytes with a NUL behind them. */
char *arena_copy_string(struct arena *arena, const char *text, size_t length);

/* Formatted text. */
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the process with its one line: memory is out. */
void memory_exhausted(void) __attribute__((noreturn, cold));

/* malloc and realloc that end the process when memory is out; free with free(). */
void *memory_alloc(size_t size) __attribute__((alloc_size(1), malloc));
void *memory_realloc(void *old, size_t size) __attribute__((alloc_size(2)));
