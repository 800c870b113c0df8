/*
 * Tasks in 3.6 (Lib/asyncio/tasks.py, Modules/_asynciomodule.c): a Task written in Python is in
 * attributes of its class, one written in C in static variables of the extension, to which no
 * object leads. They are found by what they point to: of the words of the extension's static data
 * only one can be a WeakSet, and only one a dict whose values are tasks.
 */
#include "aio.h"

#define DATA_MAX ((uint64_t)1 << 20)

static struct error *collect_class(struct aio *aio, bool only_current) {
    uint64_t all_tasks = 0, current_tasks = 0;
    struct py_type *type = NULL;
    if (!aio->modules.python_task)
        return NULL;
    struct error *err = py_type_read(aio->py, aio->modules.python_task, &type);
    if (!err && !only_current)
        err = py_dict_find(aio->py, type->dict, "_all_tasks", &all_tasks);
    if (!err && all_tasks)
        err = aio_weak_set_collect(aio, all_tasks);
    if (!err)
        err = py_dict_find(aio->py, type->dict, "_current_tasks", &current_tasks);
    if (!err && current_tasks)
        err = aio_current_tasks_collect(aio, current_tasks);
    return aio_registry_note(aio, "tasks written in Python", err);
}

struct error *aio_task_class_collect(struct aio *aio) {
    return collect_class(aio, false);
}

/* What the words of the static data are compared with. */
struct data_search {
    struct aio *aio;
    uint64_t weak_set_type, dict_type;
    uint64_t tasks, current; /* what was found */
    bool is_current;         /* the dict that is looked at has a task */
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
    struct data_search *search = context;
    enum aio_kind kind = AIO_KIND_OTHER;
    struct error *err = aio_kind_of(search->aio, value, &kind);
    search->is_current = !err && aio_kind_is_task(kind);
    if (search->is_current)
        aio_note_current(search->aio, key, value);
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
        search->tasks = word;
        return aio_weak_set_collect(aio, word);
    }
    search->is_current = false;
    if (!err && type && type == search->dict_type)
        err = py_dict_visit(aio->py, word, visit_task_of_loop, search);
    if (!err && search->is_current)
        search->current = word;
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
    if (err || search->tasks)
        return err;
    search->aio->registry = AIO_REGISTRY_ABSENT;
    return error_create(ERROR_INVALID, "the registry of _asyncio was not found in its memory");
}

static struct error *search_and_remember(struct aio *aio) {
    struct data_search search = {.aio = aio};
    struct error *err = search_data(&search);
    if (!err && aio->memo && search.current) {
        aio->memo->static_tasks = search.tasks;
        aio->memo->static_current = search.current;
    }
    return err;
}

static struct error *collect_data(struct aio *aio, bool only_current) {
    const struct aio_memo *memo = aio->memo;
    if (!aio->modules.c_task) /* the program runs without _asyncio */
        return NULL;
    if (!memo || !memo->static_current)
        return search_and_remember(aio);
    struct error *err = only_current ? NULL : aio_weak_set_collect(aio, memo->static_tasks);
    return err ? err : aio_current_tasks_collect(aio, memo->static_current);
}

struct error *aio_module_data_collect(struct aio *aio) {
    return aio_registry_note(aio, "tasks written in C", collect_data(aio, false));
}

struct error *aio_static_current_collect(struct aio *aio) {
    unsigned registry = py_get_layout(aio->py)->traits.task_registry;
    struct error *err = registry & PY_TASKS_TASK_CLASS ? collect_class(aio, true) : NULL;
    if (!err && registry & PY_TASKS_MODULE_DATA)
        err = aio_registry_note(aio, "tasks written in C", collect_data(aio, true));
    return err;
}
