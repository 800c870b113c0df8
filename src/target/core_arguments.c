/*
 * argv, where the kernel puts it: argc, argv[], NULL, envp[], NULL, then the auxiliary vector, at
 * the start of the stack (create_elf_tables of fs/binfmt_elf.c). The vector is in NT_AUXV too, so
 * it can be looked for.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define VECTOR_ROOM ((uint64_t)4 << 20) /* of stack below AT_RANDOM; arguments may be long */
#define ARGUMENTS_MAX ((size_t)1 << 16)
#define ARGUMENT_BYTES_MAX ((size_t)128 << 10) /* MAX_ARG_STRLEN */
#define BYTES_MAX ((size_t)8 << 20)            /* of all arguments */

struct stack {
    const uint64_t *words;
    size_t count;
};

/* Index of the auxiliary vector, 0: it is not there. */
static size_t find_vector(const struct core *core, const struct stack *stack) {
    size_t length = core->auxiliary_count;
    for (size_t i = stack->count; length && i-- > 0;)
        if (stack->count - i >= length &&
            memcmp(&stack->words[i], core->auxiliary, length * sizeof *stack->words) == 0)
            return i;
    return 0;
}

/* Steps over the pointers below `at`, which follows a NULL. Index of the first of them. */
static size_t skip_pointers(const struct stack *stack, size_t at) {
    while (at > 0 && stack->words[at - 1] != 0)
        at--;
    return at;
}

/* Index of argv[0] and how many there are; false: the stack does not look like this. Below the
 * pointers of argv stands their number, no NULL. */
static bool find_pointers(const struct stack *stack, size_t vector, size_t *first, size_t *count) {
    if (vector < 2 || stack->words[vector - 1] != 0)
        return false;
    size_t environment = skip_pointers(stack, vector - 1);
    if (environment < 2)
        return false;
    size_t end = environment - 1; /* argv[argc] */
    for (*count = 1; *count <= ARGUMENTS_MAX && *count < end; ++*count) {
        *first = end - *count;
        if (stack->words[*first] == 0)
            return false;
        if (stack->words[*first - 1] == *count)
            return true;
    }
    return false;
}

static char *read_argument(const struct core *core, struct arena *arena, uint64_t address,
                           char *room, size_t *left) {
    size_t limit = ARGUMENT_BYTES_MAX < *left ? ARGUMENT_BYTES_MAX : *left;
    size_t size = 0, length = 0;
    while (size < limit && length == size) {
        size_t piece = CORE_PAGE - (address + size) % CORE_PAGE;
        size_t got = core_read_stored(core, address + size, room + size,
                                      piece < limit - size ? piece : limit - size);
        if (!got)
            break;
        length = size + strnlen(room + size, got);
        size += got;
    }
    *left -= length;
    return arena_copy_string(arena, room, length);
}

static char **read_arguments(const struct core *core, struct arena *arena, const uint64_t *pointers,
                             size_t count) {
    char **arguments = arena_alloc_array(arena, count, sizeof *arguments);
    char *room = memory_alloc(ARGUMENT_BYTES_MAX);
    size_t left = BYTES_MAX;
    for (size_t i = 0; i < count; i++)
        arguments[i] = read_argument(core, arena, pointers[i], room, &left);
    free(room);
    return arguments;
}

char **core_find_arguments(const struct core *core, struct arena *arena, size_t *ret_count) {
    uint64_t top = core_get_auxiliary(core, AT_RANDOM) & ~(uint64_t)7;
    const struct core_segment *segment = core_find_segment(core, top);
    char **arguments = NULL;
    size_t vector, first;
    if (!segment || top - segment->start > segment->stored)
        return NULL;
    uint64_t start = top - segment->start > VECTOR_ROOM ? top - VECTOR_ROOM : segment->start;
    uint64_t *words = memory_alloc(top - start + 1);
    size_t size = core_read_stored(core, start, words, top - start);
    struct stack stack = {words, size / sizeof *words};
    vector = find_vector(core, &stack);
    if (vector && find_pointers(&stack, vector, &first, ret_count))
        arguments = read_arguments(core, arena, &words[first], *ret_count);
    free(words);
    return arguments;
}
