/*
 * Tasks in 3.6 (Lib/asyncio/tasks.py, Modules/_asynciomodule.c): a Task written in Python is in
 * attributes of its class, one written in C in static variables of the extension, to which no
 * object leads. They are found by what they point to: of the words of the extension's static data
 * only one can be a WeakSet, and only one a dict whose values are tasks.
 */
#include "aio.h"

#define DATA_MAX ((uint64_t)1 << 20)

struct error *aio_task_class_collect(struct aio *aio) {
    uint64_t all_tasks = 0, current_tasks = 0;
    struct py_type *type = NULL;
    if (!aio->modules.python_task)
        return NULL;
    struct error *err = py_type_read(aio->py, aio->modules.python_task, &type);
    if (!err)
        err = py_dict_find(aio->py, type->dict, "_all_tasks", &all_tasks);
    if (!err && all_tasks)
        err = aio_weak_set_collect(aio, all_tasks);
    if (!err)
        err = py_dict_find(aio->py, type->dict, "_current_tasks", &current_tasks);
    if (!err && current_tasks)
        err = aio_current_tasks_collect(aio, current_tasks);
    return aio_registry_note(aio, "tasks written in Python", err);
}

/* What the words of the static data are compared with. */
struct data_search {
    struct aio *aio;
    uint64_t weak_set_type, dict_type;
    bool found;
};

static struct error *find_types(struct data_search *search) {
    struct aio *aio = search->aio;
    uint64_t weakref = 0;
    uint64_t type_at = (uint64_t)PY_OFFSET(py_get_layout(aio->py), object, type);
    struct error *err = aio_module_find(aio, "weakref", &weakref);
    if (!err && weakref)
        err = py_dict_find(aio->py, weakref, "WeakSet", &search->weak_set_type);
    if (!err) /* sys.modules is a plain dict */
        err = py_read_u64(aio->py, aio->interpreter->modules + type_at, &search->dict_type);
    return err;
}

static struct error *visit_task_of_loop(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct aio *aio = context;
    enum aio_kind kind = AIO_KIND_OTHER;
    struct error *err = aio_kind_of(aio, value, &kind);
    if (!err && aio_kind_is_task(kind))
        aio_note_current(aio, key, value);
    else
        *stop = true; /* another dict, that of a class for instance */
    return err;
}

/* One word of the static data; most are no objects at all. */
static struct error *examine_word(struct data_search *search, uint64_t word) {
    struct aio *aio = search->aio;
    uint64_t type = 0;
    uint64_t type_at = (uint64_t)PY_OFFSET(py_get_layout(aio->py), object, type);
    struct error *err = word % sizeof word ? NULL : py_read_u64(aio->py, word + type_at, &type);
    if (!err && type && type == search->weak_set_type) {
        search->found = true;
        return aio_weak_set_collect(aio, word);
    }
    if (!err && type && type == search->dict_type)
        err = py_dict_visit(aio->py, word, visit_task_of_loop, aio);
    if (!err || error_is_fatal(err))
        return err;
    error_destroy(err);
    return NULL;
}

static struct error *search_data(struct data_search *search) {
    const struct py_roots *roots = py_get_roots(search->aio->py);
    uint64_t size = roots->asyncio_data_size < DATA_MAX ? roots->asyncio_data_size : DATA_MAX;
    struct error *err = find_types(search);
    for (uint64_t at = 0; !err && at + 8 <= size; at += 8) {
        uint64_t word;
        err = py_read_u64(search->aio->py, roots->asyncio_data + at, &word);
        if (!err && word)
            err = examine_word(search, word);
    }
    if (err || search->found)
        return err;
    search->aio->registry = AIO_REGISTRY_ABSENT;
    return error_create(ERROR_INVALID, "the registry of _asyncio was not found in its memory");
}

struct error *aio_module_data_collect(struct aio *aio) {
    struct data_search search = {.aio = aio};
    if (!aio->modules.c_task) /* the program runs without _asyncio */
        return NULL;
    return aio_registry_note(aio, "tasks written in C", search_data(&search));
}
