/* The futures in a list, tuple or set that somebody waits for; read once each container. */
#include "wait.h"

#define LIST_UNITS 20 /* of work for an item */

struct list_walk {
    struct aio *aio;
    struct aio_task_list *list;
    size_t capacity;
};

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
    struct error *err = py_type_of(aio->py, item, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (!err)
        err = aio_fields_read(aio, kind, item, &fields);
    if (err)
        return err;
    list->total++;
    if (fields.state == 1 || fields.state == 2) {
        list->done++;
    } else if (aio_kind_is_task(kind)) {
        list->tasks = snapshot_vector_grow(aio->snapshot->arena, list->tasks, &list->count,
                                           &walk->capacity, sizeof *list->tasks);
        list->tasks[list->count - 1] = item;
        aio_queue_task(aio, item);
    }
    return NULL;
}

static struct error *visit_container(struct aio *aio, struct list_walk *walk) {
    struct py_type *type;
    uint64_t container = walk->list->container;
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
    struct aio_task_list *list = table_find(aio->task_lists, &container, sizeof container);
    *ret = list;
    if (list)
        return NULL;
    list = arena_alloc(aio->arena, sizeof *list);
    list->container = container;
    table_add(aio->task_lists, &list->container, sizeof list->container, list);
    struct list_walk walk = {aio, list, 0};
    *ret = list;
    return visit_container(aio, &walk);
}
