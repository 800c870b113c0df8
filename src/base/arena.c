/*
 * Chunks that grow, so that 100 MB cost a dozen allocations. They come from calloc, which hands
 * out untouched pages of the kernel without clearing them again; only memory that was in use before
 * a reset is cleared, and only when it is handed out again.
 */
#include "asyncspy/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "asyncspy/base/last_act.h"

#if defined(__SANITIZE_ADDRESS__) /* gcc */
#define HAS_SANITIZER
#elif defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER
#endif
#endif

#ifdef HAS_SANITIZER
#include <sanitizer/asan_interface.h>
#define POISON(address, size) __asan_poison_memory_region(address, size)
#define UNPOISON(address, size) __asan_unpoison_memory_region(address, size)
#else
#define POISON(address, size) ((void)(address), (void)(size))
#define UNPOISON(address, size) ((void)(address), (void)(size))
#endif

#define ALIGNMENT 16
#define CHUNK_FIRST ((size_t)32 << 10)
#define CHUNK_MAX ((size_t)16 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

struct chunk {
    struct chunk *next; /* towards newer, bigger chunks */
    size_t size;        /* bytes of `bytes` */
    size_t used;
    size_t dirty; /* bytes from here on were never handed out and are zero */
    _Alignas(ALIGNMENT) char bytes[];
};

struct arena {
    struct chunk *first, *last;
    struct chunk *current; /* allocations come from here; those behind it are empty */
};

void memory_exhausted(void) {
    static const char message[] = "asyncspy: out of memory\n";
    last_act_do();
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
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

/* Page faults are most of the cost of a big arena: huge pages where a chunk holds whole ones. */
static void ask_for_huge_pages(struct chunk *chunk) {
    uintptr_t start = ((uintptr_t)chunk + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)chunk->bytes + chunk->size) & ~(HUGE_PAGE - 1);
    if (start < end)
        madvise((char *)chunk + (start - (uintptr_t)chunk), end - start, MADV_HUGEPAGE);
}

/* A chunk with room for `size` bytes. */
static struct chunk *create_chunk(const struct arena *arena, size_t size) {
    size_t capacity = arena->last ? arena->last->size * 2 : CHUNK_FIRST;
    if (capacity > CHUNK_MAX)
        capacity = CHUNK_MAX;
    if (capacity < size)
        capacity = size;
    struct chunk *chunk = calloc(1, sizeof *chunk + capacity);
    if (!chunk)
        memory_exhausted();
    chunk->size = capacity;
    ask_for_huge_pages(chunk);
    POISON(chunk->bytes, capacity);
    return chunk;
}

struct arena *arena_create(void) {
    struct arena *arena = memory_alloc(sizeof *arena);
    *arena = (struct arena){0};
    return arena;
}

void arena_destroy(struct arena *arena) {
    if (!arena)
        return;
    for (struct chunk *chunk = arena->first, *next; chunk; chunk = next) {
        next = chunk->next;
        UNPOISON(chunk->bytes, chunk->size);
        free(chunk);
    }
    free(arena);
}

void arena_reset(struct arena *arena) {
    for (struct chunk *chunk = arena->first; chunk; chunk = chunk->next) {
        chunk->used = 0;
        POISON(chunk->bytes, chunk->size);
    }
    arena->current = arena->first;
}

size_t arena_get_size(const struct arena *arena) {
    size_t size = 0;
    for (const struct chunk *chunk = arena->first; chunk; chunk = chunk->next)
        size += chunk->used;
    return size;
}

/* Makes `current` a chunk that has room for `size` bytes. */
static struct chunk *find_chunk(struct arena *arena, size_t size) {
    while (arena->current && arena->current->size - arena->current->used < size)
        arena->current = arena->current->next;
    if (arena->current)
        return arena->current;
    struct chunk *chunk = create_chunk(arena, size);
    if (arena->last)
        arena->last->next = chunk;
    else
        arena->first = chunk;
    arena->last = arena->current = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size) {
    if (size > PTRDIFF_MAX - CHUNK_MAX)
        memory_exhausted();
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct chunk *chunk = arena->current;
    if (!chunk || chunk->size - chunk->used < rounded)
        chunk = find_chunk(arena, rounded);
    char *memory = chunk->bytes + chunk->used;
    UNPOISON(memory, size);
    if (chunk->used < chunk->dirty) {
        size_t stale = chunk->dirty - chunk->used;
        memset(memory, 0, stale < size ? stale : size);
    }
    chunk->used += rounded;
    if (chunk->dirty < chunk->used)
        chunk->dirty = chunk->used;
    return memory;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        memory_exhausted();
    return arena_alloc(arena, bytes);
}

char *arena_copy_string(struct arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...) {
    char text[256]; /* nearly all fit, and are made without malloc */
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length < 0)
        memory_exhausted();
    char *copy = arena_alloc(arena, (size_t)length + 1);
    if ((size_t)length < sizeof text)
        memcpy(copy, text, (size_t)length);
    else
        vsnprintf(copy, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return copy;
}
