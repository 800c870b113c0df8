/*
 * The variables of a context: a hash array mapped trie of at most seven levels, with nodes of three
 * kinds. Python/context.c, Include/internal/pycore_hamt.h, Python/hamt.c.
 */
#include "asyncspy/python/context.h"

#include "py.h"

#define DEPTH_MAX 8 /* _Py_HAMT_MAX_TREE_DEPTH; a node of collisions counts */
#define NODES_MAX 4096
#define WORDS_MAX 64 /* of a bitmap: 32 pairs */
#define CHILDREN 32  /* of an array */
#define COLLISIONS_MAX ((uint64_t)2 * PY_CONTEXT_VARIABLES_MAX)

struct tree_walk {
    struct py *py;
    py_visit_variable *visit;
    void *context;
    const char *why;
    uint64_t nodes[DEPTH_MAX * CHILDREN]; /* that are to be visited, and how deep they are */
    unsigned depths[DEPTH_MAX * CHILDREN];
    size_t count;
    size_t nodes_done, variables;
    unsigned depth; /* of the node that is visited */
    uint64_t key;   /* of a pair, when its value comes next */
    bool has_key;
};

struct error *py_context_read(struct py *py, uint64_t address, uint64_t *ret_tree) {
    struct py_record record;
    struct error *err = py_object_read(py, PY_STRUCT_context, PY_KIND_CONTEXT, address, &record);
    if (!err)
        *ret_tree = PY_U64(&record, context, variables);
    return err;
}

struct error *py_context_variable_read(struct py *py, uint64_t address, const char **ret_name) {
    struct py_record record;
    struct error *err =
        py_object_read(py, PY_STRUCT_context_variable, PY_KIND_CONTEXT_VARIABLE, address, &record);
    return err ? err : py_string_read(py, PY_U64(&record, context_variable, name), ret_name);
}

static void add_node(struct tree_walk *walk, uint64_t node) {
    if (walk->depth + 1 >= DEPTH_MAX)
        walk->why = "its tree is deeper than any";
    else if (walk->count < sizeof walk->nodes / sizeof *walk->nodes) {
        walk->nodes[walk->count] = node;
        walk->depths[walk->count++] = walk->depth + 1;
    }
}

static struct error *add_pair(struct tree_walk *walk, uint64_t key, uint64_t value) {
    if (!key) { /* another node */
        if (value)
            add_node(walk, value);
        return NULL;
    }
    if (walk->variables == PY_CONTEXT_VARIABLES_MAX) {
        walk->why = "it has more than 1000 variables";
        return NULL;
    }
    walk->variables++;
    return walk->visit(walk->context, key, value);
}

static struct error *visit_word(void *context, uint64_t word) {
    struct tree_walk *walk = context;
    walk->has_key = !walk->has_key;
    if (!walk->has_key)
        return add_pair(walk, walk->key, word);
    walk->key = word;
    return NULL;
}

static struct error *visit_child(void *context, uint64_t node) {
    struct tree_walk *walk = context;
    if (node)
        add_node(walk, node);
    return NULL;
}

static struct error *visit_pairs(struct tree_walk *walk, uint64_t count, uint64_t most,
                                 uint64_t items) {
    if (count > most || count % 2)
        return error_create(ERROR_INVALID, "the tree of a context has an impossible node");
    walk->has_key = false;
    return py_words_visit(walk->py, items, count, visit_word, walk);
}

static struct error *visit_node(struct tree_walk *walk, uint64_t address) {
    const struct py_layout *layout = &walk->py->layout;
    struct py_record node;
    struct py_type *type;
    struct error *err = py_type_of(walk->py, address, &type);
    if (err)
        return err;
    if (type->kind == PY_KIND_HAMT_ARRAY)
        return py_words_visit(walk->py, address + (uint64_t)PY_OFFSET(layout, hamt_array, items),
                              CHILDREN, visit_child, walk);
    if (type->kind == PY_KIND_HAMT_BITMAP) {
        err = py_record_read(walk->py, PY_STRUCT_hamt_bitmap, address, &node);
        return err ? err
                   : visit_pairs(walk, PY_U64(&node, hamt_bitmap, count), WORDS_MAX,
                                 address + (uint64_t)PY_OFFSET(layout, hamt_bitmap, items));
    }
    if (type->kind != PY_KIND_HAMT_COLLISION)
        return error_create(ERROR_INVALID, "the tree of a context has a node that is a %s",
                            type->tp_name);
    err = py_record_read(walk->py, PY_STRUCT_hamt_collision, address, &node);
    return err ? err
               : visit_pairs(walk, PY_U64(&node, hamt_collision, count), COLLISIONS_MAX,
                             address + (uint64_t)PY_OFFSET(layout, hamt_collision, items));
}

/* A bound on the nodes also ends a tree that has itself for a branch. */
struct error *py_context_visit(struct py *py, uint64_t tree, py_visit_variable *visit,
                               void *context, const char **ret_why) {
    struct tree_walk walk = {.py = py, .visit = visit, .context = context};
    struct py_record record;
    struct error *err = py_object_read(py, PY_STRUCT_hamt, PY_KIND_HAMT, tree, &record);
    if (err)
        return err;
    walk.nodes[walk.count++] = PY_U64(&record, hamt, root);
    while (!err && walk.count && walk.nodes_done++ < NODES_MAX) {
        uint64_t node = walk.nodes[--walk.count];
        walk.depth = walk.depths[walk.count];
        err = visit_node(&walk, node);
    }
    if (walk.count && !walk.why)
        walk.why = "its tree has more nodes than any";
    *ret_why = walk.why;
    return err;
}
