#include "profile_nodes.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/analysis/wait_words.h"
#include "asyncspy/base/id_table.h"
#include "wait_kinds.h"

#define WORDS_KEPT 256 /* different waits of a kind in one place that are told apart at first */
#define WORDS_SHOWN 16 /* and in the end, unless they have their share: */
#define SHARE_SHOWN 0.05

struct profile_nodes {
    struct arena *arena;
    struct id_table *table; /* from a hash to the first node that has it */
    struct arena *scratch;
    struct string_pool *words;
    struct profile_node **all; /* that can have a weight */
    size_t count, capacity;
    size_t waits; /* that are remembered */
    size_t most;  /* of each of both */
    struct profile_node more;
    double now_s;
    uint64_t now_sample;
};

struct profile_nodes *profile_nodes_create(size_t most) {
    struct profile_nodes *nodes = memory_alloc(sizeof *nodes);
    *nodes =
        (struct profile_nodes){.arena = arena_create(), .scratch = arena_create(), .most = most};
    nodes->table = id_table_create(nodes->arena, 0);
    nodes->words = string_pool_create(nodes->arena);
    nodes->more.part.kind = PART_MORE;
    return nodes;
}

void profile_nodes_destroy(struct profile_nodes *nodes) {
    if (!nodes)
        return;
    string_pool_destroy(nodes->words);
    arena_destroy(nodes->arena);
    arena_destroy(nodes->scratch);
    free(nodes->all);
    free(nodes);
}

struct profile_node *profile_nodes_get_more(struct profile_nodes *nodes) {
    return &nodes->more;
}

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static uint64_t hash_part(const struct profile_node *parent, const struct profile_part *part) {
    uint64_t hash =
        mix((uint64_t)part->kind << 16 | (uint64_t)part->leaf << 8 | (uint64_t)part->wait_kind,
            (uintptr_t)parent);
    hash = mix(hash, (uintptr_t)part->stack ^ (uintptr_t)part->name);
    return mix(hash, (uintptr_t)part->wait ^ (uintptr_t)part->words ^ (uint64_t)part->tid);
}

static bool is_part(const struct profile_node *node, const struct profile_node *parent,
                    const struct profile_part *part) {
    const struct profile_part *own = &node->part;
    return own->stack == part->stack && own->wait == part->wait && own->leaf == part->leaf &&
           own->kind == part->kind && own->name == part->name && node->parent == parent &&
           (part->leaf == LEAF_WAIT || (own->words == part->words && own->tid == part->tid &&
                                        own->wait_kind == part->wait_kind));
}

static struct profile_node *find(const struct profile_nodes *nodes,
                                 const struct profile_node *parent, const struct profile_part *part,
                                 uint64_t hash) {
    struct profile_node *node = id_table_find(nodes->table, hash);
    while (node && !is_part(node, parent, part))
        node = node->next;
    return node;
}

static struct profile_node *add(struct profile_nodes *nodes, const struct profile_node *parent,
                                const struct profile_part *part, uint64_t hash) {
    struct profile_node *node = arena_alloc(nodes->arena, sizeof *node);
    *node = (struct profile_node){.parent = parent, .part = *part};
    struct profile_node *first = id_table_find(nodes->table, hash);
    if (first) {
        node->next = first->next;
        first->next = node;
    } else {
        id_table_add(nodes->table, hash, node);
    }
    return node;
}

/* A node that is made once; `more` where it does not fit. */
static struct profile_node *get_plain(struct profile_nodes *nodes,
                                      const struct profile_node *parent,
                                      const struct profile_part *part) {
    uint64_t hash = hash_part(parent, part);
    struct profile_node *node = find(nodes, parent, part, hash);
    if (node)
        return node;
    if (nodes->count == nodes->most)
        return &nodes->more;
    if (nodes->count == nodes->capacity) {
        nodes->capacity = nodes->capacity ? 2 * nodes->capacity : 64;
        nodes->all = memory_realloc(nodes->all, nodes->capacity * sizeof *nodes->all);
    }
    node = add(nodes, parent, part, hash);
    node->index = nodes->count;
    return nodes->all[nodes->count++] = node;
}

static const char *describe(struct profile_nodes *nodes, const struct recording_wait *wait) {
    arena_reset(nodes->scratch);
    const char *text = recording_wait_describe(nodes->scratch, wait);
    return string_pool_add(nodes->words, text, strlen(text));
}

/* The node of what the wait is called; that of its kind where this says no more. */
static struct profile_node *get_words(struct profile_nodes *nodes,
                                      const struct profile_node *parent,
                                      const struct profile_part *part, struct profile_node *group) {
    struct profile_part other = *part;
    other.leaf = LEAF_WORDS;
    other.wait = NULL;
    other.words = describe(nodes, part->wait);
    if (strcmp(other.words, wait_kind_describe(part->wait->kind)) == 0)
        return group;
    struct profile_node *node = get_plain(nodes, parent, &other);
    if (node != &nodes->more && !node->group) {
        node->group = group;
        group->words++;
    }
    return node;
}

/* Whoever leaves must find where he entered: a wait that is remembered counts where it did first;
 * one that is not counts for its kind, and ever will. */
static struct profile_node *get_wait(struct profile_nodes *nodes, const struct profile_node *parent,
                                     const struct profile_part *part) {
    uint64_t hash = hash_part(parent, part);
    struct profile_node *known = find(nodes, parent, part, hash);
    if (known)
        return known->same;
    struct profile_part kind = *part;
    kind.leaf = LEAF_WAIT_KIND;
    kind.wait = NULL;
    kind.wait_kind = part->wait->kind;
    struct profile_node *group = get_plain(nodes, parent, &kind);
    if (group == &nodes->more || group->words >= WORDS_KEPT || nodes->waits == nodes->most)
        return group;
    struct profile_node *same = get_words(nodes, parent, part, group);
    add(nodes, parent, part, hash)->same = same;
    nodes->waits++;
    return same;
}

struct profile_node *profile_nodes_get(struct profile_nodes *nodes, struct profile_node *parent,
                                       const struct profile_part *part) {
    if (parent == &nodes->more)
        return parent;
    return part->leaf == LEAF_WAIT ? get_wait(nodes, parent, part) : get_plain(nodes, parent, part);
}

void profile_nodes_set_time(struct profile_nodes *nodes, double time_s, uint64_t samples) {
    nodes->now_s = time_s;
    nodes->now_sample = samples;
}

static void count(const struct profile_nodes *nodes, struct profile_node *node) {
    node->weight_s += (double)node->present * (nodes->now_s - node->since_s);
    node->samples += node->present * (nodes->now_sample - node->since_sample);
    node->since_s = nodes->now_s;
    node->since_sample = nodes->now_sample;
}

void profile_nodes_enter(struct profile_nodes *nodes, struct profile_node *node) {
    count(nodes, node);
    node->present++;
}

void profile_nodes_leave(struct profile_nodes *nodes, struct profile_node *node) {
    count(nodes, node);
    node->present -= node->present > 0;
}

void profile_node_charge(struct profile_node *node, double weight_s) {
    node->weight_s += weight_s;
    node->samples++;
}

void profile_node_move(struct profile_node *from, struct profile_node *to) {
    to->weight_s += from->weight_s;
    to->samples += from->samples;
    from->weight_s = 0;
    from->samples = 0;
}

/* Of a place with many different waits those remain that have their share. */
static void fold_waits(struct profile_nodes *nodes) {
    for (size_t i = 0; i < nodes->count; i++)
        nodes->all[i]->group_s = nodes->all[i]->weight_s;
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->all[i]->group)
            nodes->all[i]->group->group_s += nodes->all[i]->weight_s;
    for (size_t i = 0; i < nodes->count; i++) {
        struct profile_node *node = nodes->all[i], *group = node->group;
        if (group && group->words > WORDS_SHOWN && node->weight_s < SHARE_SHOWN * group->group_s)
            profile_node_move(node, group);
    }
}

void profile_nodes_finish(struct profile_nodes *nodes) {
    for (size_t i = 0; i < nodes->count; i++)
        count(nodes, nodes->all[i]);
    count(nodes, &nodes->more);
    fold_waits(nodes);
}

size_t profile_nodes_count(const struct profile_nodes *nodes) {
    return nodes->count;
}

struct profile_node *profile_nodes_at(const struct profile_nodes *nodes, size_t index) {
    return nodes->all[index];
}
