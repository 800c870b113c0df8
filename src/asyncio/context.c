/*
 * The context variables of tasks. Their values may be secrets: they are read only where they are
 * asked for. Most tasks share the variables of the one that made them.
 */
#include <stdlib.h>
#include <string.h>

#include "aio.h"
#include "asyncspy/python/context.h"

#define VARIABLE_UNITS 50

/* The variables of one tree, by name. */
struct aio_context {
    uint64_t tree;
    struct snapshot_variable *variables;
    size_t count, capacity;
    const char *why; /* NULL, or why they are not all */
};

struct context_walk {
    struct aio *aio;
    struct aio_context *context;
    struct error *first; /* of a variable that could not be read: it costs that one */
};

static struct error *add_variable(struct context_walk *walk, uint64_t variable, uint64_t value) {
    struct aio_context *context = walk->context;
    struct snapshot_variable found = {0};
    py_charge(walk->aio->py, VARIABLE_UNITS);
    struct error *err = py_context_variable_read(walk->aio->py, variable, &found.name);
    if (!err)
        err = py_repr_read(walk->aio->py, value, &found.value);
    if (err)
        return err;
    context->variables =
        snapshot_vector_grow(walk->aio->snapshot->arena, context->variables, &context->count,
                             &context->capacity, sizeof *context->variables);
    context->variables[context->count - 1] = found;
    return NULL;
}

static struct error *visit_variable(void *context, uint64_t variable, uint64_t value) {
    struct context_walk *walk = context;
    struct error *err = add_variable(walk, variable, value);
    if (!err || error_is_fatal(err))
        return err;
    if (walk->first)
        error_destroy(err);
    else
        walk->first = err;
    return NULL;
}

static int compare(const void *a, const void *b) {
    const struct snapshot_variable *first = a, *second = b;
    int order = strcmp(first->name, second->name);
    return order ? order : strcmp(first->value, second->value);
}

static struct error *read_tree(struct aio *aio, struct aio_context *context) {
    struct context_walk walk = {.aio = aio, .context = context};
    struct error *err =
        py_context_visit(aio->py, context->tree, visit_variable, &walk, &context->why);
    if (context->count)
        qsort(context->variables, context->count, sizeof *context->variables, compare);
    if (!err) {
        err = walk.first;
        walk.first = NULL;
    }
    error_destroy(walk.first);
    if (!err || error_is_fatal(err))
        return err;
    context->why = arena_format(aio->snapshot->arena, "%s", error_get_message(err));
    error_destroy(err);
    return NULL;
}

static struct error *find_context(struct aio *aio, uint64_t tree, struct aio_context **ret) {
    *ret = id_table_find(aio->contexts, tree);
    if (*ret)
        return NULL;
    struct aio_context *context = arena_alloc(aio->arena, sizeof *context);
    *context = (struct aio_context){.tree = tree};
    struct error *err = read_tree(aio, context);
    if (err)
        return err;
    id_table_add(aio->contexts, context->tree, context);
    *ret = context;
    return NULL;
}

struct error *aio_context_read(struct aio *aio, const struct aio_fields *fields,
                               struct snapshot_task *task) {
    struct aio_context *context;
    uint64_t tree;
    if (!aio->want_context || !fields->context || !PY_HAS(py_get_layout(aio->py), hamt, root))
        return NULL;
    struct error *err = py_context_read(aio->py, fields->context, &tree);
    if (!err)
        err = find_context(aio, tree, &context);
    if (err)
        return err;
    task->has_context = true;
    task->context = context->variables;
    task->context_count = context->count;
    if (context->why)
        snapshot_add_note(aio->snapshot, task,
                          arena_format(aio->arena, "context: %s", context->why));
    return NULL;
}
