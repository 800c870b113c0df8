#include "profile_build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"
#include "profile_frames.h"
#include "wait_kinds.h"

typedef const struct profile_frame *frame_pointer;

struct building {
    struct arena *arena;
    struct profile_frames *frames;
    struct table *table; /* of the stacks, by their frames */
    struct profile_stack *stacks;
    size_t stack_count;
    size_t pushed;       /* frames so far */
    frame_pointer *path; /* of the node that is looked at, innermost first */
    size_t path_count, path_capacity;
};

static void push(struct building *building, frame_pointer frame) {
    if (building->path_count == building->path_capacity) {
        building->path_capacity = 2 * building->path_capacity + 64;
        building->path =
            memory_realloc(building->path, building->path_capacity * sizeof *building->path);
    }
    building->path[building->path_count++] = frame;
}

static void push_named(struct building *building, enum profile_frame_kind kind, const char *name) {
    push(building, profile_frames_get(building->frames, kind, name, NULL, -1));
}

static const char *get_leaf_words(const struct profile_part *part) {
    switch (part->leaf) {
    case LEAF_WORDS:
        return part->words;
    case LEAF_WAIT_KIND:
        return wait_kind_describe(part->wait_kind);
    case LEAF_WAIT_MAYBE:
        return "not known what for";
    case LEAF_READY:
        return "ready";
    case LEAF_NOT_STARTED:
        return "not started";
    case LEAF_NO_GIL:
        return "waits for the GIL";
    case LEAF_OFF_CPU:
        return "idle";
    case LEAF_NONE:
    case LEAF_WAIT: /* never counts itself */
        break;
    }
    return NULL;
}

static const char *describe_thread(struct arena *arena, const struct profile_part *part) {
    const char *name = part->name ? part->name : "";
    const char *gap = *name ? " " : "";
    if (part->tid == SNAPSHOT_UNKNOWN)
        return arena_format(arena, "Thread%s%s", gap, name);
    return arena_format(arena, "Thread%s%s (%" PRId64 ")", gap, name, part->tid);
}

static void push_part(struct building *building, const struct profile_part *part) {
    const char *words = get_leaf_words(part);
    if (words)
        push_named(building, PROFILE_FRAME_WAIT, words);
    switch (part->kind) {
    case PART_STACK:
        for (size_t i = 0; i < part->stack->count; i++)
            push(building, profile_frames_get_code(building->frames, part->stack->frames[i]));
        break;
    case PART_COROUTINE:
        push_named(building, PROFILE_FRAME_TASK, part->name ? part->name : "?");
        break;
    case PART_THREAD:
        push_named(building, PROFILE_FRAME_ROOT, describe_thread(building->arena, part));
        break;
    case PART_LOOP:
        push_named(building, PROFILE_FRAME_ROOT, "an event loop");
        break;
    case PART_MORE:
        push_named(building, PROFILE_FRAME_ROOT, "(more stacks)");
        break;
    }
}

/* The stack of the frames in `path`. */
static struct profile_stack *get_stack(struct building *building) {
    size_t count = building->path_count, size = count * sizeof *building->path;
    for (size_t i = 0; i < count / 2; i++) {
        frame_pointer other = building->path[i];
        building->path[i] = building->path[count - 1 - i];
        building->path[count - 1 - i] = other;
    }
    struct profile_stack *stack = table_find(building->table, building->path, size);
    if (stack)
        return stack;
    frame_pointer *frames = arena_alloc_array(building->arena, count, sizeof *frames);
    memcpy(frames, building->path, size);
    stack = &building->stacks[building->stack_count++];
    *stack = (struct profile_stack){.frames = frames, .frame_count = count};
    table_add(building->table, frames, size, stack);
    return stack;
}

static void add_node(struct building *building, const struct profile_node *node) {
    building->path_count = 0;
    push_part(building, &node->part);
    for (const struct profile_node *at = node->parent; at; at = at->parent)
        push_part(building, &at->part);
    if (!building->path_count)
        push_named(building, PROFILE_FRAME_ROOT, "?");
    building->pushed += building->path_count;
    struct profile_stack *stack = get_stack(building);
    stack->weight_s += node->weight_s;
    stack->samples += node->samples;
}

static int compare_nodes(const void *a, const void *b) {
    const struct profile_node *const *first = a, *const *second = b;
    if ((*first)->weight_s != (*second)->weight_s)
        return (*first)->weight_s < (*second)->weight_s ? 1 : -1;
    return (*first)->index < (*second)->index ? -1 : 1;
}

static int compare_stacks(const void *a, const void *b) {
    const struct profile_stack *first = a, *second = b;
    if (first->weight_s != second->weight_s)
        return first->weight_s < second->weight_s ? 1 : -1;
    size_t i = 0;
    while (i < first->frame_count && i < second->frame_count &&
           first->frames[i] == second->frames[i])
        i++;
    if (i == first->frame_count || i == second->frame_count)
        return first->frame_count < second->frame_count ? -1 : 1;
    return first->frames[i]->index < second->frames[i]->index ? -1 : 1;
}

/* The nodes that count, the heaviest first; free() it. */
static struct profile_node **list_nodes(const struct profile_nodes *nodes, size_t *ret_count) {
    size_t count = profile_nodes_count(nodes);
    struct profile_node **list = memory_alloc(count * sizeof *list);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct profile_node *node = profile_nodes_at(nodes, i);
        if (node->samples)
            list[(*ret_count)++] = node;
    }
    qsort(list, *ret_count, sizeof *list, compare_nodes);
    return list;
}

static void add_nodes(struct building *building, struct profile_nodes *nodes, size_t most) {
    size_t count;
    struct profile_node **list = list_nodes(nodes, &count);
    struct profile_node *more = profile_nodes_get_more(nodes);
    building->stacks = arena_alloc_array(building->arena, count + 1, sizeof *building->stacks);
    for (size_t i = 0; i < count; i++)
        if (building->pushed < most)
            add_node(building, list[i]);
        else
            profile_node_move(list[i], more);
    if (more->samples)
        add_node(building, more);
    free(list);
}

void profile_build(struct arena *arena, struct profile_nodes *nodes, size_t most,
                   struct profile *ret) {
    struct building building = {
        .arena = arena, .frames = profile_frames_create(arena), .table = table_create()};
    add_nodes(&building, nodes, most);
    if (building.stack_count)
        qsort(building.stacks, building.stack_count, sizeof *building.stacks, compare_stacks);
    for (size_t i = 0; i < building.stack_count; i++)
        ret->weight_s += building.stacks[i].weight_s;
    ret->stacks = building.stacks;
    ret->stack_count = building.stack_count;
    ret->frames = profile_frames_list(building.frames, &ret->frame_count);
    profile_frames_destroy(building.frames);
    table_destroy(building.table);
    free(building.path);
}
