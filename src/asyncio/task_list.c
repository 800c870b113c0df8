/* The futures in a list, tuple or set that somebody waits for; read once each container. */
#include "wait.h"

#define LIST_UNITS 20 /* of work for an item */

#define NESTED_MAX 1000 /* gather()s inside one another */

struct list_walk {
    struct aio *aio;
    struct aio_task_list *list;
    size_t capacity;
    uint64_t *nested; /* the lists of gather()s that are among the futures */
    size_t nested_count, nested_capacity;
    bool is_nested; /* those count as one future each, for their own list */
};

static void add_task(struct list_walk *walk, uint64_t task) {
    struct aio_task_list *list = walk->list;
    list->tasks = snapshot_vector_grow(walk->aio->snapshot->arena, list->tasks, &list->count,
                                       &walk->capacity, sizeof *list->tasks);
    list->tasks[list->count - 1] = task;
    aio_queue_task(walk->aio, task);
}

/* The tasks of a gather() inside are waited for as well. */
static struct error *add_nested(struct list_walk *walk, const struct py_type *type,
                                uint64_t future) {
    uint64_t children;
    if (!aio_is_gather(type) || walk->nested_count >= NESTED_MAX)
        return NULL;
    struct error *err = aio_attribute_read(walk->aio, future, "_children", &children);
    if (err || !children)
        return err;
    walk->nested = snapshot_vector_grow(walk->aio->arena, walk->nested, &walk->nested_count,
                                        &walk->nested_capacity, sizeof *walk->nested);
    walk->nested[walk->nested_count - 1] = children;
    return NULL;
}

static struct error *visit_future(void *context, uint64_t item) {
    struct list_walk *walk = context;
    struct aio_task_list *list = walk->list;
    struct aio *aio = walk->aio;
    struct py_type *type;
    enum aio_kind kind;
    struct aio_fields fields;
    if (!item)
        return NULL;
    py_charge(aio->py, LIST_UNITS);
    /* What the others do is no change of the one that waits for all. */
    struct memory_footprint *tracked = py_track(aio->py, NULL);
    struct error *err = py_type_of(aio->py, item, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (!err)
        err = aio_fields_read(aio, kind, item, &fields);
    py_track(aio->py, tracked);
    if (err)
        return err;
    bool done = fields.state == 1 || fields.state == 2;
    list->total += !walk->is_nested;
    list->done += !walk->is_nested && done;
    if (done)
        return NULL;
    if (!aio_kind_is_task(kind))
        return add_nested(walk, type, item);
    add_task(walk, item);
    return NULL;
}

static struct error *visit_container(struct aio *aio, struct list_walk *walk, uint64_t container) {
    struct py_type *type;
    struct error *err = py_type_of(aio->py, container, &type);
    if (err)
        return err;
    switch ((int)type->kind) {
    case PY_KIND_LIST:
        return py_list_visit(aio->py, container, visit_future, walk);
    case PY_KIND_TUPLE:
        return py_tuple_visit(aio->py, container, visit_future, walk);
    case PY_KIND_SET:
        return py_set_visit(aio->py, container, visit_future, walk);
    default:
        return error_create(ERROR_INVALID, "what it waits for is a %s", type->full_name);
    }
}

struct error *aio_task_list_read(struct aio *aio, uint64_t container,
                                 const struct aio_task_list **ret) {
    struct aio_task_list *list = id_table_find(aio->task_lists, container);
    *ret = list;
    if (list)
        return NULL;
    list = arena_alloc(aio->arena, sizeof *list);
    list->container = container;
    id_table_add(aio->task_lists, list->container, list);
    struct list_walk walk = {.aio = aio, .list = list};
    *ret = list;
    struct error *err = visit_container(aio, &walk, container);
    walk.is_nested = true;
    list->own_count = list->count;
    for (size_t i = 0; !err && i < walk.nested_count; i++)
        err = visit_container(aio, &walk, walk.nested[i]);
    return err;
}
