/*
 * Looks for tasks and loops among all objects of the garbage collector: those that no registry
 * knows, or all of them where the registry cannot be had.
 */
#include <stdlib.h>

#include "aio.h"
#include "asyncspy/python/gc.h"

#define FOUND_MAX (1u << 24)
#define MEMO_SIZE 1024 /* a power of two */

/* What instances of a type are; most objects are of few types. */
struct memo {
    uint64_t type;
    enum aio_kind kind;
};

struct search {
    struct aio *aio;
    struct aio_found *found;
    struct memo memo[MEMO_SIZE];
};

static void add_address(struct aio_addresses *list, uint64_t address) {
    if (list->count >= FOUND_MAX)
        return;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->items = memory_realloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = address;
}

static struct error *classify(struct search *search, uint64_t type_address, enum aio_kind *ret) {
    struct py_type *type = NULL;
    *ret = AIO_KIND_OTHER;
    struct error *err = py_type_read(search->aio->py, type_address, &type);
    if (!err)
        err = aio_classify(search->aio, type, ret);
    if (!err || error_is_fatal(err))
        return err;
    search->found->why = "the type of an object cannot be read";
    error_destroy(err);
    return NULL;
}

static struct error *visit_object(void *context, uint64_t address, uint64_t type) {
    struct search *search = context;
    struct memo *memo = &search->memo[(type >> 4) & (MEMO_SIZE - 1)];
    if (memo->type != type) {
        struct error *err = classify(search, type, &memo->kind);
        if (err)
            return err;
        memo->type = type;
    }
    if (memo->kind == AIO_KIND_LOOP)
        add_address(&search->found->loops, address);
    else if (aio_kind_is_task(memo->kind))
        add_address(&search->found->tasks, address);
    return NULL;
}

struct error *aio_search(struct py *py, const struct py_interpreter *interpreter, double seconds,
                         struct aio_found *ret) {
    struct aio aio = {.py = py,
                      .snapshot = py_get_snapshot(py),
                      .arena = py_get_snapshot(py)->arena,
                      .interpreter = interpreter};
    struct search *search = memory_alloc(sizeof *search);
    struct py_gc_walk walk = {0};
    *search = (struct search){.aio = &aio, .found = ret};
    ret->why = NULL;
    struct error *err = aio_modules_try(&aio);
    if (err && !error_is_fatal(err)) {
        ret->why = arena_format(aio.arena, "%s", error_get_message(err));
        error_destroy(err);
        err = NULL;
    }
    if (!err && aio.modules.tasks)
        err = py_gc_visit(py, interpreter, seconds, visit_object, search, &walk);
    if (!err && walk.why)
        ret->why = walk.why;
    free(search);
    return err;
}

void aio_found_free(struct aio_found *found) {
    free(found->tasks.items);
    free(found->loops.items);
    *found = (struct aio_found){.why = NULL};
}

/* In the middle of a collection it is better looked at again. */
static struct error *check_tracked(struct aio *aio, uint64_t address, bool *ret) {
    enum py_gc_tracked tracked;
    bool collecting = aio->interpreter->gc_collecting == 1;
    struct error *err = py_gc_is_tracked(aio->py, address, &tracked);
    if (tracked != PY_GC_TRACKED && collecting)
        py_set_unsettled(aio->py);
    *ret = !err && (tracked == PY_GC_TRACKED || (tracked == PY_GC_MARKED && collecting));
    return err;
}

/* The target ran since the search: whether the object is still there, and still what it was. What
 * does not stand in the lists any more is freed memory, whose type may be anything. One that went
 * away meanwhile is none that is missing. */
static struct error *check_object(struct aio *aio, uint64_t address, bool want_loop, bool *ret) {
    uint32_t references = 0;
    struct py_type *type = NULL;
    enum aio_kind kind = AIO_KIND_OTHER;
    uint64_t at = address + (uint64_t)PY_OFFSET(py_get_layout(aio->py), object, refcount);
    struct error *err = check_tracked(aio, address, ret);
    if (err || !*ret)
        return error_forgive(err);
    err = py_read_u32(aio->py, at, &references);
    if (!err && references)
        err = py_type_of(aio->py, address, &type);
    if (!err && type)
        err = aio_classify(aio, type, &kind);
    *ret = !err && (want_loop ? kind == AIO_KIND_LOOP : aio_kind_is_task(kind));
    return error_forgive(err);
}

/* Those that another interpreter's registry knew: before 3.9 all share their lists. */
static void note_known(struct aio *aio) {
    for (size_t i = 0; i < aio->snapshot->tasks.count; i++)
        aio_seen_add(aio, aio->seen_tasks, aio->snapshot->tasks.items[i].id);
    for (size_t i = 0; i < aio->snapshot->event_loops.count; i++)
        aio_seen_add(aio, aio->seen_loops, aio->snapshot->event_loops.items[i].id);
}

struct error *aio_found_collect_tasks(struct aio *aio, const struct aio_found *found) {
    struct error *err = NULL;
    note_known(aio);
    for (size_t i = 0; !err && i < found->tasks.count; i++) {
        bool is_there;
        if (id_table_find(aio->seen_tasks, found->tasks.items[i]))
            continue;
        err = check_object(aio, found->tasks.items[i], false, &is_there);
        if (!err && is_there)
            aio_queue_task(aio, found->tasks.items[i]);
    }
    return err;
}

struct error *aio_found_read_loops(struct aio *aio, const struct aio_found *found) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < found->loops.count; i++) {
        bool is_there;
        if (id_table_find(aio->seen_loops, found->loops.items[i]))
            continue;
        err = check_object(aio, found->loops.items[i], true, &is_there);
        if (!err && is_there)
            err = aio_loop_read(aio, found->loops.items[i]);
    }
    return err;
}
