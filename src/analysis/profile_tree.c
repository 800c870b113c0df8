/*
 * Stacks in the order of a dictionary visit the tree depth first: a node is left for good when the
 * next stack branches off above it. So a light one can be dropped at once, and no more is ever held
 * than what stays and one path.
 */
#include "asyncspy/analysis/profile_tree.h"

#include <stdlib.h>

#define NODES_MOST 150000
#define DEPTH_MOST 25000 /* less than NODES_MOST: one path always has room */

/* A stack as the places of its functions. */
struct path {
    const uint32_t *functions;
    size_t count;
    bool is_cut;
    double weight_s;
    uint64_t samples;
};

struct growing {
    struct profile_node node;
    double small_s; /* of the children that were left out */
    uint64_t small_samples;
};

struct builder {
    struct profile_tree *tree;
    struct path *paths; /* in the order of a dictionary */
    size_t path_count;
    struct growing *nodes;
    size_t *open; /* places of the nodes of the path in hand, by depth */
    size_t depth; /* of the last of them */
};

static int compare_paths(const void *a, const void *b) {
    const struct path *first = a, *second = b;
    size_t count = first->count < second->count ? first->count : second->count;
    for (size_t i = 0; i < count; i++)
        if (first->functions[i] != second->functions[i])
            return first->functions[i] < second->functions[i] ? -1 : 1;
    return (first->count > second->count) - (first->count < second->count);
}

static struct path make_path(struct arena *arena, const struct profile_functions *functions,
                             const struct profile_stack *stack) {
    bool is_cut = stack->frame_count > DEPTH_MOST;
    size_t count = is_cut ? DEPTH_MOST : stack->frame_count;
    uint32_t *places = arena_alloc_array(arena, count, sizeof *places);
    for (size_t i = 0; i < count; i++)
        places[i] = functions->by_frame[stack->frames[i]->index];
    return (struct path){.functions = places,
                         .count = count,
                         .is_cut = is_cut,
                         .weight_s = profile_stack_weigh(stack),
                         .samples = stack->samples};
}

static void make_paths(struct builder *builder, struct arena *arena,
                       const struct profile *profile) {
    builder->path_count = profile->stack_count;
    builder->paths = arena_alloc_array(arena, profile->stack_count, sizeof *builder->paths);
    for (size_t i = 0; i < profile->stack_count; i++)
        builder->paths[i] = make_path(arena, &builder->tree->functions, &profile->stacks[i]);
    if (profile->stack_count)
        qsort(builder->paths, builder->path_count, sizeof *builder->paths, compare_paths);
}

static double weigh_paths(const struct builder *builder) {
    double sum = 0;
    for (size_t i = 0; i < builder->path_count; i++)
        sum += builder->paths[i].weight_s;
    return sum;
}

/* The children that were left out, as one; where that is not light too. */
static void add_small(struct builder *builder, const struct growing *growing) {
    struct profile_tree *tree = builder->tree;
    if (growing->small_s < tree->least_s || growing->small_s <= 0 || tree->node_count == NODES_MOST)
        return;
    size_t place = tree->node_count++;
    builder->nodes[place].node = (struct profile_node){.depth = growing->node.depth + 1,
                                                       .end = place + 1,
                                                       .weight_s = growing->small_s,
                                                       .self_s = growing->small_s,
                                                       .samples = growing->small_samples};
}

/* Leaves the deepest open node: its parent takes the weight, and drops it where it is light. */
static void close_node(struct builder *builder) {
    struct profile_tree *tree = builder->tree;
    struct growing *growing = &builder->nodes[builder->open[builder->depth--]];
    struct growing *parent = &builder->nodes[builder->open[builder->depth]];
    struct profile_node *node = &growing->node;
    parent->node.weight_s += node->weight_s;
    parent->node.samples += node->samples;
    if (node->weight_s > 0 && node->weight_s >= tree->least_s) {
        add_small(builder, growing);
        node->end = tree->node_count;
        return;
    }
    parent->small_s += node->weight_s;
    parent->small_samples += node->samples;
    tree->node_count = (size_t)(growing - builder->nodes); /* what was below it is lighter still */
    tree->small_count++;
}

/* False: there are too many. */
static bool open_node(struct builder *builder, const struct profile_function *function) {
    if (builder->tree->node_count == NODES_MOST)
        return false;
    size_t place = builder->tree->node_count++;
    builder->nodes[place] =
        (struct growing){.node = {.function = function, .depth = ++builder->depth}};
    builder->open[builder->depth] = place;
    return true;
}

static size_t count_common(const struct path *a, const struct path *b) {
    size_t count = 0;
    while (count < a->count && count < b->count && a->functions[count] == b->functions[count])
        count++;
    return count;
}

static bool add_path(struct builder *builder, const struct path *path, size_t common) {
    while (builder->depth > common)
        close_node(builder);
    for (size_t i = common; i < path->count; i++)
        if (!open_node(builder, &builder->tree->functions.items[path->functions[i]]))
            return false;
    struct growing *leaf = &builder->nodes[builder->open[builder->depth]];
    leaf->node.weight_s += path->weight_s;
    leaf->node.samples += path->samples;
    if (!path->is_cut) {
        leaf->node.self_s += path->weight_s;
        return true;
    }
    leaf->small_s += path->weight_s;
    leaf->small_samples += path->samples;
    builder->tree->small_count++;
    return true;
}

/* False: too many nodes are as heavy as `least_s`. */
static bool build(struct builder *builder, double least_s) {
    struct profile_tree *tree = builder->tree;
    tree->least_s = least_s;
    tree->node_count = 1;
    tree->small_count = 0;
    builder->nodes[0] = (struct growing){0};
    builder->depth = 0;
    for (size_t i = 0; i < builder->path_count; i++) {
        const struct path *path = &builder->paths[i];
        if (!add_path(builder, path, i ? count_common(path - 1, path) : 0))
            return false;
    }
    while (builder->depth)
        close_node(builder);
    add_small(builder, &builder->nodes[0]);
    builder->nodes[0].node.end = tree->node_count;
    return true;
}

/* --- the heaviest child first --- */

struct child {
    size_t parent, place;
    bool is_small;
    double weight_s;
};

static int compare_children(const void *a, const void *b) {
    const struct child *first = a, *second = b;
    if (first->parent != second->parent)
        return first->parent < second->parent ? -1 : 1;
    if (first->is_small != second->is_small)
        return first->is_small ? 1 : -1;
    if (first->weight_s != second->weight_s)
        return first->weight_s > second->weight_s ? -1 : 1;
    return first->place < second->place ? -1 : 1;
}

/* All nodes but the root, those of one parent side by side. */
static struct child *sort_children(struct builder *builder, struct arena *arena) {
    size_t count = builder->tree->node_count;
    struct child *children = arena_alloc_array(arena, count, sizeof *children);
    for (size_t i = 1; i < count; i++) {
        const struct profile_node *node = &builder->nodes[i].node;
        builder->open[node->depth] = i;
        children[i - 1] = (struct child){.parent = builder->open[node->depth - 1],
                                         .place = i,
                                         .is_small = !node->function,
                                         .weight_s = node->weight_s};
    }
    qsort(children, count - 1, sizeof *children, compare_children);
    return children;
}

/* Moves each node to its place: behind the root those of its children in order, each with all that
 * is below it. A parent comes before its children in both orders. */
static const struct profile_node *sort_nodes(struct builder *builder, struct arena *arena,
                                             struct arena *scratch) {
    size_t count = builder->tree->node_count;
    struct profile_node *sorted = arena_alloc_array(arena, count, sizeof *sorted);
    size_t *moved = arena_alloc_array(scratch, count, sizeof *moved);
    const struct child *children = sort_children(builder, scratch);
    sorted[0] = builder->nodes[0].node;
    size_t next = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        const struct child *child = &children[i];
        const struct profile_node *node = &builder->nodes[child->place].node;
        if (i == 0 || children[i - 1].parent != child->parent)
            next = moved[child->parent] + 1;
        moved[child->place] = next;
        sorted[next] = *node;
        next = sorted[next].end = next + (node->end - child->place);
    }
    return sorted;
}

static size_t find_depth(const struct profile_tree *tree) {
    size_t depth = 0;
    for (size_t i = 0; i < tree->node_count; i++)
        depth = tree->nodes[i].depth > depth ? tree->nodes[i].depth : depth;
    return depth;
}

const struct profile_tree *profile_tree_create(struct arena *arena, const struct profile *profile,
                                               double least_share) {
    struct profile_tree *tree = arena_alloc(arena, sizeof *tree);
    struct arena *scratch = arena_create();
    struct builder builder = {.tree = tree};
    tree->functions = profile_functions_find(arena, profile);
    make_paths(&builder, scratch, profile);
    builder.nodes = arena_alloc_array(scratch, NODES_MOST, sizeof *builder.nodes);
    builder.open = arena_alloc_array(scratch, DEPTH_MOST + 2, sizeof *builder.open);
    double weight_s = weigh_paths(&builder);
    while (!build(&builder, weight_s * least_share))
        least_share = least_share > 0 ? least_share * 2 : 1e-6;
    tree->nodes = sort_nodes(&builder, arena, scratch);
    tree->depth = find_depth(tree);
    arena_destroy(scratch);
    return tree;
}
