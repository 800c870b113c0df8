#include "recording_definitions.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"
#include "asyncspy/base/text.h"
#include "recording_format.h"

#define STACK_BYTES_FREE ((uint64_t)256 << 20)
#define STACK_BYTES_EACH 256 /* for each byte of the file */

/* A stack: one frame more than another one. */
struct path {
    const struct path *outer;
    const struct snapshot_frame *frame;
    struct snapshot_stack *stack; /* NULL: not asked for yet */
    uint32_t index, depth;
};

#define FRAME_KEY_SIZE 8
struct known_frame {
    uint64_t key[FRAME_KEY_SIZE];
    struct snapshot_frame frame;
    uint32_t index;
};

#define WAIT_KEY_SIZE 10
struct known_wait {
    uint64_t key[WAIT_KEY_SIZE];
    struct recording_wait wait;
};

/* What the numbers of the file stand for now. */
struct numbers {
    void **items;
    size_t count, capacity;
};

struct recording_definitions {
    struct arena *arena;
    struct string_pool *strings;
    struct table *frames, *waits; /* by their keys: interned strings and numbers */
    struct id_table *paths;       /* by the index of the outer one << 32 and that of the frame */
    struct path root;
    struct snapshot_stack empty;
    uint32_t frame_count, path_count;
    uint64_t stack_bytes, stack_bytes_max;
    struct numbers numbers[RECORDING_DEFINITION_COUNT];
};

struct recording_definitions *recording_definitions_create(struct arena *arena) {
    struct recording_definitions *definitions = arena_alloc(arena, sizeof *definitions);
    *definitions = (struct recording_definitions){.arena = arena,
                                                  .strings = string_pool_create(arena),
                                                  .frames = table_create(),
                                                  .waits = table_create(),
                                                  .paths = id_table_create(arena, 0),
                                                  .stack_bytes_max = STACK_BYTES_FREE};
    definitions->root.stack = &definitions->empty;
    return definitions;
}

void recording_definitions_destroy(struct recording_definitions *definitions) {
    if (!definitions)
        return;
    string_pool_destroy(definitions->strings);
    table_destroy(definitions->frames);
    table_destroy(definitions->waits);
    for (size_t i = 0; i < RECORDING_DEFINITION_COUNT; i++)
        free(definitions->numbers[i].items);
}

void recording_definitions_reset(struct recording_definitions *definitions) {
    for (size_t i = 0; i < RECORDING_DEFINITION_COUNT; i++)
        definitions->numbers[i].count = 0;
}

const struct snapshot_stack *
recording_definitions_get_empty(const struct recording_definitions *definitions) {
    return &definitions->empty;
}

void recording_definitions_allow(struct recording_definitions *definitions, uint64_t size) {
    definitions->stack_bytes_max = STACK_BYTES_FREE + STACK_BYTES_EACH * size;
}

static void add_number(struct recording_definitions *definitions, enum recording_definition kind,
                       const void *item) {
    struct numbers *numbers = &definitions->numbers[kind];
    numbers->items = pack_reserve(numbers->items, &numbers->capacity, numbers->count + 1,
                                  sizeof *numbers->items);
    numbers->items[numbers->count++] = (void *)(uintptr_t)item;
}

/* What the next number stands for, NULL: 0. */
static void *unpack_known(const struct recording_definitions *definitions,
                          enum recording_definition kind, struct unpack *from) {
    const struct numbers *numbers = &definitions->numbers[kind];
    uint64_t number = unpack_below(from, numbers->count + 1, "what is not defined is spoken of");
    return number ? numbers->items[number - 1] : NULL;
}

const char *recording_unpack_string(struct recording_definitions *definitions,
                                    struct unpack *from) {
    return unpack_known(definitions, RECORDING_STRING, from);
}

const struct recording_wait *recording_unpack_wait(struct recording_definitions *definitions,
                                                   struct unpack *from) {
    return unpack_known(definitions, RECORDING_WAIT, from);
}

/* ---- definitions ---- */

static void add_string(struct recording_definitions *definitions, struct unpack *payload) {
    uint64_t length = unpack_number(payload);
    const char *text = (const char *)unpack_bytes(payload, length);
    if (!text)
        return;
    if (memchr(text, 0, (size_t)length) || !text_is_utf8(text, (size_t)length)) {
        text = text_from_bytes(definitions->arena, text, (size_t)length);
        length = strlen(text);
    }
    add_number(definitions, RECORDING_STRING,
               string_pool_add(definitions->strings, text, (size_t)length));
}

/* A line or column, -1: not known; after another one that it is counted from. */
static int32_t unpack_position(struct unpack *payload, int32_t base) {
    int64_t value = unpack_signed(payload);
    if (__builtin_add_overflow(value, base, &value) || value > INT32_MAX)
        unpack_fail(payload, "a line or column that cannot be");
    return payload->wrong || value < -1 ? -1 : (int32_t)value;
}

static struct snapshot_frame unpack_frame(struct recording_definitions *definitions,
                                          struct unpack *payload) {
    struct snapshot_frame frame = {0};
    frame.native = unpack_below(payload, 2, "an unknown kind of frame") != 0;
    frame.function = recording_unpack_string(definitions, payload);
    frame.qualified_name = recording_unpack_string(definitions, payload);
    frame.file = recording_unpack_string(definitions, payload);
    frame.source = recording_unpack_string(definitions, payload);
    frame.line = unpack_position(payload, 0);
    frame.end_line = unpack_position(payload, frame.line);
    frame.column = unpack_position(payload, 0);
    frame.end_column = unpack_position(payload, frame.column);
    frame.address = unpack_number(payload);
    return frame;
}

static uint64_t join(int32_t high, int32_t low) {
    return (uint64_t)(uint32_t)high << 32 | (uint32_t)low;
}

static void add_frame(struct recording_definitions *definitions, struct unpack *payload) {
    const struct snapshot_frame frame = unpack_frame(definitions, payload);
    const uint64_t key[FRAME_KEY_SIZE] = {
        frame.native,
        (uintptr_t)frame.function,
        (uintptr_t)frame.qualified_name,
        (uintptr_t)frame.file,
        (uintptr_t)frame.source,
        join(frame.line, frame.end_line),
        join(frame.column, frame.end_column),
        frame.address,
    };
    struct known_frame *known = table_find(definitions->frames, key, sizeof key);
    if (!known && !payload->wrong) {
        known = arena_alloc(definitions->arena, sizeof *known);
        memcpy(known->key, key, sizeof key);
        known->frame = frame;
        known->index = ++definitions->frame_count;
        table_add(definitions->frames, known->key, sizeof known->key, known);
    }
    add_number(definitions, RECORDING_FRAME, known);
}

static struct recording_wait unpack_wait(struct recording_definitions *definitions,
                                         struct unpack *payload) {
    struct recording_wait wait = {0};
    uint64_t kind =
        unpack_below(payload, (uint64_t)SNAPSHOT_WAIT_KIND_COUNT * 2, "an unknown kind of wait");
    wait.kind = (enum snapshot_wait_kind)(kind / 2);
    wait.is_client = kind % 2;
    wait.object = recording_unpack_string(definitions, payload);
    wait.name = recording_unpack_string(definitions, payload);
    wait.type = recording_unpack_string(definitions, payload);
    wait.peer = recording_unpack_string(definitions, payload);
    wait.callee = recording_unpack_string(definitions, payload);
    wait.task = recording_unpack_string(definitions, payload);
    wait.tasks = unpack_optional(payload);
    wait.fd = unpack_optional(payload);
    wait.pid = unpack_optional(payload);
    return wait;
}

static void add_wait(struct recording_definitions *definitions, struct unpack *payload) {
    const struct recording_wait wait = unpack_wait(definitions, payload);
    const uint64_t key[WAIT_KEY_SIZE] = {
        (uint64_t)wait.kind << 1 | wait.is_client,
        (uintptr_t)wait.object,
        (uintptr_t)wait.name,
        (uintptr_t)wait.type,
        (uintptr_t)wait.peer,
        (uintptr_t)wait.callee,
        (uintptr_t)wait.task,
        (uint64_t)wait.tasks,
        (uint64_t)wait.fd,
        (uint64_t)wait.pid,
    };
    struct known_wait *known = table_find(definitions->waits, key, sizeof key);
    if (!known) {
        known = arena_alloc(definitions->arena, sizeof *known);
        memcpy(known->key, key, sizeof key);
        known->wait = wait;
        table_add(definitions->waits, known->key, sizeof known->key, known);
    }
    add_number(definitions, RECORDING_WAIT, &known->wait);
}

/* ---- stacks ---- */

static struct path *get_path(struct recording_definitions *definitions, const struct path *outer,
                             const struct known_frame *frame) {
    uint64_t key = (uint64_t)outer->index << 32 | frame->index;
    struct path *path = id_table_find(definitions->paths, key);
    if (path)
        return path;
    path = arena_alloc(definitions->arena, sizeof *path);
    *path = (struct path){.outer = outer,
                          .frame = &frame->frame,
                          .index = ++definitions->path_count,
                          .depth = outer->depth + 1};
    id_table_add(definitions->paths, key, path);
    return path;
}

static void add_path(struct recording_definitions *definitions, struct unpack *payload) {
    const struct path *outer = unpack_known(definitions, RECORDING_PATH, payload);
    size_t count = unpack_count(payload);
    outer = outer ? outer : &definitions->root;
    if (count > RECORDING_DEPTH_MAX - outer->depth)
        unpack_fail(payload, "a stack that is too deep");
    for (size_t i = 0; i < count && !payload->wrong; i++) {
        const struct known_frame *frame = unpack_known(definitions, RECORDING_FRAME, payload);
        if (!frame || definitions->path_count == UINT32_MAX) {
            unpack_fail(payload, "a stack with a frame that is none");
            return;
        }
        outer = get_path(definitions, outer, frame);
        add_number(definitions, RECORDING_PATH, outer);
    }
}

/* False: all stacks together take too much. */
static bool make_stack(struct recording_definitions *definitions, struct path *path) {
    uint64_t size = sizeof *path->stack + path->depth * sizeof *path->stack->frames;
    if (definitions->stack_bytes + size > definitions->stack_bytes_max)
        return false;
    definitions->stack_bytes += size;
    path->stack = arena_alloc(definitions->arena, sizeof *path->stack);
    path->stack->frames =
        arena_alloc_array(definitions->arena, path->depth, sizeof *path->stack->frames);
    for (const struct path *outer = path; outer->depth; outer = outer->outer)
        path->stack->frames[path->stack->count++] = outer->frame;
    return true;
}

const struct snapshot_stack *recording_unpack_stack(struct recording_definitions *definitions,
                                                    struct unpack *from) {
    struct path *path = unpack_known(definitions, RECORDING_PATH, from);
    if (path && (path->stack || make_stack(definitions, path)))
        return path->stack;
    if (path)
        unpack_fail(from, "its stacks take more memory than a file of this size may ask for");
    return &definitions->empty;
}

void recording_definitions_add(struct recording_definitions *definitions, struct unpack *payload) {
    static void (*const adders[])(struct recording_definitions *, struct unpack *) = {
        [RECORDING_STRING] = add_string,
        [RECORDING_FRAME] = add_frame,
        [RECORDING_WAIT] = add_wait,
        [RECORDING_PATH] = add_path,
    };
    while (payload->at < payload->end)
        adders[unpack_below(payload, RECORDING_DEFINITION_COUNT, "an unknown definition")](
            definitions, payload);
}
