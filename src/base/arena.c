#include "asyncspy/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_FIRST ((size_t)16 << 10)
#define CHUNK_LARGEST ((size_t)4 << 20)
#define ALIGNMENT 16

struct chunk {
    struct chunk *next;
    size_t size, used;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

struct arena {
    struct chunk *first, *current;
};

void memory_exhausted(void) {
    static const char message[] = "asyncspy: out of memory\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written;
    _exit(1);
}

void *memory_alloc(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory)
        memory_exhausted();
    return memory;
}

void *memory_realloc(void *old, size_t size) {
    void *memory = realloc(old, size ? size : 1);
    if (!memory)
        memory_exhausted();
    return memory;
}

struct arena *arena_create(void) {
    struct arena *arena = memory_alloc(sizeof *arena);
    *arena = (struct arena){NULL, NULL};
    return arena;
}

void arena_destroy(struct arena *arena) {
    if (!arena)
        return;
    for (struct chunk *chunk = arena->first, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

void arena_reset(struct arena *arena) {
    for (struct chunk *chunk = arena->first; chunk; chunk = chunk->next)
        chunk->used = 0;
    arena->current = arena->first;
}

/* A chunk with room for `size` bytes, put behind the current one. */
static struct chunk *add_chunk(struct arena *arena, size_t size) {
    size_t room = arena->current ? arena->current->size * 2 : CHUNK_FIRST;
    room = room > CHUNK_LARGEST ? CHUNK_LARGEST : room;
    room = room < size ? size : room;
    struct chunk *chunk = memory_alloc(sizeof *chunk + room);
    chunk->size = room;
    chunk->used = 0;
    chunk->next = arena->current ? arena->current->next : NULL;
    if (arena->current)
        arena->current->next = chunk;
    else
        arena->first = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size) {
    if (size > SIZE_MAX / 2)
        memory_exhausted();
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    while (!arena->current || arena->current->size - arena->current->used < size) {
        struct chunk *next = arena->current ? arena->current->next : NULL;
        arena->current = next && next->size >= size ? next : add_chunk(arena, size);
    }
    unsigned char *memory = arena->current->bytes + arena->current->used;
    arena->current->used += size;
    return memset(memory, 0, size);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        memory_exhausted();
    return arena_alloc(arena, total);
}

char *arena_copy_string(struct arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        memory_exhausted();
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}
