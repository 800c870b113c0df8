#include "recording_dictionary.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"
#include "recording_format.h"

/* What an entry takes, about: of a table of contents, of one by numbers or addresses. */
#define CONTENT_COST 128
#define ID_COST 80

struct known {
    uint32_t number;
};

struct recording_dictionary {
    struct arena *arena;                    /* what is known, and the keys */
    struct table *contents[RECORDING_PATH]; /* of each kind but that, by what defines it */
    struct known empty;                     /* stack */
    struct id_table *paths; /* other stacks, by the number of that without the last frame << 32
                             * and that frame */
    uint32_t counts[RECORDING_DEFINITION_COUNT];
    struct arena *memo_arena;
    struct id_table *memos[RECORDING_DEFINITION_COUNT]; /* by address, in this epoch */
    uint64_t epoch;
    size_t memory, memo_memory; /* that all this takes, about */
    struct pack scratch, definitions;
};

static void reset_memos(struct recording_dictionary *dictionary) {
    arena_reset(dictionary->memo_arena);
    dictionary->memo_memory = 0;
    for (size_t i = 0; i < RECORDING_DEFINITION_COUNT; i++)
        dictionary->memos[i] = id_table_create(dictionary->memo_arena, 0);
}

struct recording_dictionary *recording_dictionary_create(void) {
    struct recording_dictionary *dictionary = memory_alloc(sizeof *dictionary);
    *dictionary =
        (struct recording_dictionary){.arena = arena_create(), .memo_arena = arena_create()};
    for (size_t i = 0; i < RECORDING_PATH; i++)
        dictionary->contents[i] = table_create();
    dictionary->paths = id_table_create(dictionary->arena, 0);
    reset_memos(dictionary);
    return dictionary;
}

void recording_dictionary_destroy(struct recording_dictionary *dictionary) {
    if (!dictionary)
        return;
    for (size_t i = 0; i < RECORDING_PATH; i++)
        table_destroy(dictionary->contents[i]);
    arena_destroy(dictionary->arena);
    arena_destroy(dictionary->memo_arena);
    free(dictionary->scratch.bytes);
    free(dictionary->definitions.bytes);
    free(dictionary);
}

static void forget_all(struct recording_dictionary *dictionary) {
    for (size_t i = 0; i < RECORDING_PATH; i++)
        table_reset(dictionary->contents[i]);
    arena_reset(dictionary->arena);
    dictionary->paths = id_table_create(dictionary->arena, 0);
    memset(dictionary->counts, 0, sizeof dictionary->counts);
    reset_memos(dictionary);
    dictionary->memory = 0;
}

bool recording_dictionary_begin(struct recording_dictionary *dictionary, uint64_t epoch,
                                size_t memory_max) {
    if (epoch != dictionary->epoch)
        reset_memos(dictionary);
    dictionary->epoch = epoch;
    dictionary->definitions.size = 0;
    bool is_full = dictionary->memory + dictionary->memo_memory > memory_max;
    if (is_full)
        forget_all(dictionary);
    return is_full;
}

const struct pack *recording_dictionary_get_new(const struct recording_dictionary *dictionary) {
    return &dictionary->definitions;
}

/* ---- one table ---- */

static struct known *create_known(struct recording_dictionary *dictionary,
                                  enum recording_definition kind) {
    struct known *known = arena_alloc(dictionary->arena, sizeof *known);
    known->number = ++dictionary->counts[kind];
    return known;
}

static struct known *find_content(struct recording_dictionary *dictionary,
                                  enum recording_definition kind, const void *key, size_t size) {
    return table_find(dictionary->contents[kind], key, size);
}

static struct known *add_content(struct recording_dictionary *dictionary,
                                 enum recording_definition kind, const void *key, size_t size) {
    struct known *known = create_known(dictionary, kind);
    table_add(dictionary->contents[kind], arena_copy_string(dictionary->arena, key, size), size,
              known);
    dictionary->memory += CONTENT_COST + size;
    pack_number(&dictionary->definitions, kind);
    return known;
}

static struct known *find_pointer(struct recording_dictionary *dictionary,
                                  enum recording_definition kind, const void *pointer) {
    return id_table_find(dictionary->memos[kind], (uintptr_t)pointer);
}

static uint32_t remember_pointer(struct recording_dictionary *dictionary,
                                 enum recording_definition kind, const void *pointer,
                                 struct known *known) {
    id_table_add(dictionary->memos[kind], (uintptr_t)pointer, known);
    dictionary->memo_memory += ID_COST;
    return known->number;
}

/* What `scratch` says is its definition. */
static uint32_t define_scratch(struct recording_dictionary *dictionary,
                               enum recording_definition kind, const void *pointer) {
    const struct pack *scratch = &dictionary->scratch;
    struct known *known = find_content(dictionary, kind, scratch->bytes, scratch->size);
    if (!known) {
        known = add_content(dictionary, kind, scratch->bytes, scratch->size);
        pack_bytes(&dictionary->definitions, scratch->bytes, scratch->size);
    }
    return remember_pointer(dictionary, kind, pointer, known);
}

/* ---- what is defined ---- */

uint32_t recording_dictionary_string(struct recording_dictionary *dictionary, const char *text) {
    if (!text)
        return 0;
    struct known *known = find_pointer(dictionary, RECORDING_STRING, text);
    if (known)
        return known->number;
    size_t length = strlen(text);
    known = find_content(dictionary, RECORDING_STRING, text, length);
    if (!known) {
        known = add_content(dictionary, RECORDING_STRING, text, length);
        pack_number(&dictionary->definitions, length);
        pack_bytes(&dictionary->definitions, text, length);
    }
    return remember_pointer(dictionary, RECORDING_STRING, text, known);
}

static void pack_string(struct recording_dictionary *dictionary, const char *text) {
    pack_number(&dictionary->scratch, recording_dictionary_string(dictionary, text));
}

static uint32_t get_frame(struct recording_dictionary *dictionary,
                          const struct snapshot_frame *frame) {
    const struct known *known = find_pointer(dictionary, RECORDING_FRAME, frame);
    struct pack *scratch = &dictionary->scratch;
    if (known)
        return known->number;
    scratch->size = 0;
    pack_number(scratch, frame->native);
    pack_string(dictionary, frame->function);
    pack_string(dictionary, frame->qualified_name);
    pack_string(dictionary, frame->file);
    pack_string(dictionary, frame->source);
    pack_signed(scratch, frame->line);
    pack_signed(scratch, (int64_t)frame->end_line - frame->line);
    pack_signed(scratch, frame->column);
    pack_signed(scratch, (int64_t)frame->end_column - frame->column);
    pack_number(scratch, frame->address);
    return define_scratch(dictionary, RECORDING_FRAME, frame);
}

uint32_t recording_dictionary_wait(struct recording_dictionary *dictionary,
                                   const struct recording_wait *wait) {
    const struct known *known = wait ? find_pointer(dictionary, RECORDING_WAIT, wait) : NULL;
    struct pack *scratch = &dictionary->scratch;
    if (!wait || known)
        return known ? known->number : 0;
    scratch->size = 0;
    pack_number(scratch, (uint64_t)wait->kind * 2 + wait->is_client);
    pack_string(dictionary, wait->object);
    pack_string(dictionary, wait->name);
    pack_string(dictionary, wait->type);
    pack_string(dictionary, wait->peer);
    pack_string(dictionary, wait->callee);
    pack_string(dictionary, wait->task);
    pack_optional(scratch, wait->tasks);
    pack_optional(scratch, wait->fd);
    pack_optional(scratch, wait->pid);
    return define_scratch(dictionary, RECORDING_WAIT, wait);
}

/* ---- stacks ---- */

static uint64_t get_path_key(const struct known *outer, uint32_t frame) {
    return (uint64_t)outer->number << 32 | frame;
}

/* `count` frames more, the last one the outermost of them. */
static struct known *define_path(struct recording_dictionary *dictionary, struct known *outer,
                                 const struct snapshot_frame *const *frames, size_t count) {
    struct pack *definitions = &dictionary->definitions;
    for (size_t i = count; i-- > 0;)
        get_frame(dictionary, frames[i]); /* their definitions come first */
    pack_number(definitions, RECORDING_PATH);
    pack_number(definitions, outer->number);
    pack_number(definitions, count);
    while (count-- > 0) {
        uint32_t frame = get_frame(dictionary, frames[count]);
        struct known *known = create_known(dictionary, RECORDING_PATH);
        id_table_add(dictionary->paths, get_path_key(outer, frame), known);
        pack_number(definitions, frame);
        outer = known;
    }
    return outer;
}

uint32_t recording_dictionary_stack(struct recording_dictionary *dictionary,
                                    const struct snapshot_stack *stack) {
    if (!stack || stack->count == 0)
        return 0;
    struct known *next, *known = find_pointer(dictionary, RECORDING_PATH, stack);
    if (known)
        return known->number;
    known = &dictionary->empty;
    size_t left = stack->count < RECORDING_DEPTH_MAX ? stack->count : RECORDING_DEPTH_MAX;
    for (; left; left--, known = next) {
        uint32_t frame = get_frame(dictionary, stack->frames[left - 1]);
        next = id_table_find(dictionary->paths, get_path_key(known, frame));
        if (!next)
            break;
    }
    if (left)
        known = define_path(dictionary, known, stack->frames, left);
    dictionary->memory += left * ID_COST;
    return remember_pointer(dictionary, RECORDING_PATH, stack, known);
}
