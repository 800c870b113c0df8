/*
 * Containers whose items are elsewhere: which one a word belongs to, only a walk over all of them
 * tells. Objects/listobject.c, dictobject.c, setobject.c,
 * Modules/_collectionsmodule.c.
 */
#include "asyncspy/python/frame.h"
#include "asyncspy/python/gc.h"
#include "dict.h"
#include "hits.h"
#include "py.h"

#define OBJECT_MAX (UINT64_C(1) << 24) /* bytes of an object itself */
#define SET_ENTRY 16
#define OBJECT_UNITS 3

/* The storage of a container: `period` bytes an entry, the pointers in it from `first` on. */
struct storage {
    uint64_t start, end;
    uint64_t period, first;
};

/* The first hit at or behind `address`. */
static size_t find_hit(const struct py_hits *hits, uint64_t address) {
    size_t low = 0, high = hits->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (hits->items[middle].word < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void own(struct py_hit *hit, uint64_t object, struct py_type *type) {
    hit->owner = (struct py_enclosing){object, type, true};
    hit->wanted = false;
}

static void own_storage(struct py_owner_search *search, const struct storage *storage,
                        uint64_t object, struct py_type *type) {
    struct py_hits *hits = search->hits;
    for (size_t i = find_hit(hits, storage->start);
         i < hits->count && hits->items[i].word < storage->end; i++)
        if (hits->items[i].wanted &&
            (hits->items[i].word - storage->start) % storage->period >= storage->first)
            own(&hits->items[i], object, type);
}

static struct error *search_list(struct py_owner_search *search, uint64_t object,
                                 struct py_type *type) {
    struct py_record list;
    struct error *err = py_record_read(search->py, PY_STRUCT_list, object, &list);
    if (err)
        return err;
    uint64_t items = PY_U64(&list, list, items), count = PY_U64(&list, list, count);
    if (count <= PY_ITEMS_MAX)
        own_storage(search, &(struct storage){items, items + 8 * count, 8, 0}, object, type);
    return NULL;
}

static struct error *search_dict(struct py_owner_search *search, uint64_t object,
                                 struct py_type *type) {
    struct py_record dict;
    struct py_dict_keys keys;
    struct error *err = py_record_read(search->py, PY_STRUCT_dict, object, &dict);
    if (!err)
        err = py_dict_keys_read(search->py, PY_U64(&dict, dict, keys), &keys);
    if (err)
        return err;
    uint64_t size = keys.entry_size, values = PY_U64(&dict, dict, values);
    own_storage(
        search,
        &(struct storage){keys.entries, keys.entries + size * keys.entry_count, size, size - 16},
        object, type);
    if (values && PY_HAS(&search->py->layout, dict_values, values))
        values += (uint64_t)PY_OFFSET(&search->py->layout, dict_values, values);
    if (values && keys.entry_count <= PY_SPLIT_VALUES_MAX)
        own_storage(search, &(struct storage){values, values + 8 * keys.entry_count, 8, 0}, object,
                    type);
    return NULL;
}

static struct error *search_set(struct py_owner_search *search, uint64_t object,
                                struct py_type *type) {
    struct py_record set;
    struct error *err = py_record_read(search->py, PY_STRUCT_set, object, &set);
    if (err)
        return err;
    uint64_t table = PY_U64(&set, set, table), mask = PY_U64(&set, set, mask);
    if (mask < PY_ITEMS_MAX)
        own_storage(search, &(struct storage){table, table + SET_ENTRY * (mask + 1), SET_ENTRY, 0},
                    object, type);
    return NULL;
}

static struct error *search_deque(struct py_owner_search *search, uint64_t object,
                                  struct py_type *type) {
    const struct py_layout *layout = &search->py->layout;
    struct py_record deque;
    struct error *err = py_record_read(search->py, PY_STRUCT_deque, object, &deque);
    if (err)
        return err;
    uint64_t items = (uint64_t)PY_OFFSET(layout, deque_block, items);
    uint64_t next = (uint64_t)PY_OFFSET(layout, deque_block, next), room = (next - items) / 8;
    uint64_t block = PY_U64(&deque, deque, first_block), index = PY_U64(&deque, deque, first_index);
    uint64_t count = PY_U64(&deque, deque, count);
    if (count > PY_ITEMS_MAX || index >= room)
        return NULL;
    while (!err && count > 0) {
        uint64_t here = count < room - index ? count : room - index;
        uint64_t start = block + items + 8 * index;
        own_storage(search, &(struct storage){start, start + 8 * here, 8, 0}, object, type);
        count -= here;
        index = 0;
        if (count > 0)
            err = py_read_u64(search->py, block + next, &block);
    }
    return err;
}

static struct error *search_values(struct py_owner_search *search, uint64_t object,
                                   struct py_type *type) {
    struct py_values values;
    struct error *err = py_values_find(search->py, type, object, &values);
    if (!err && values.start)
        own_storage(search, &(struct storage){values.start, values.end, 8, 0}, object, type);
    return err;
}

/* Whether an object may reach further than anybody looks from the word. */
static bool may_be_large(const struct py *py, const struct py_type *type) {
    return type->kind == PY_KIND_TUPLE || type->basicsize > PY_ENCLOSING_MAX ||
           py_type_has_frame(py, type);
}

static struct error *search_body(struct py_owner_search *search, uint64_t object,
                                 struct py_type *type) {
    struct py_hits *hits = search->hits;
    struct py_enclosing owner = {.object = object};
    struct error *err = NULL;
    for (size_t i = find_hit(hits, object + PY_ENCLOSING_MAX);
         !err && owner.object && i < hits->count && hits->items[i].word < object + OBJECT_MAX;
         i++) {
        err = py_enclosing_check(search->py, object, type, hits->items[i].word, &owner);
        if (!err && owner.counted && hits->items[i].wanted)
            own(&hits->items[i], owner.object, owner.type);
    }
    return err;
}

static struct error *search_object(struct py_owner_search *search, uint64_t object,
                                   struct py_type *type) {
    if (type->kind == PY_KIND_LIST)
        return search_list(search, object, type);
    if (type->kind == PY_KIND_SET)
        return search_set(search, object, type);
    if (type->kind == PY_KIND_DEQUE)
        return search_deque(search, object, type);
    struct error *err = NULL;
    if (may_be_large(search->py, type))
        err = search_body(search, object, type);
    if (!err && type->kind == PY_KIND_DICT)
        err = search_dict(search, object, type);
    if (!err && py_type_has_managed_dict(search->py, type))
        err = search_values(search, object, type);
    return err;
}

static struct error *visit_object(void *context, uint64_t address, uint64_t type_address) {
    struct py_owner_search *search = context;
    struct py_type *type;
    py_charge(search->py, OBJECT_UNITS);
    struct error *err = py_type_read_proven(search->py, type_address, &type);
    if (!err)
        err = search_object(search, address, type);
    if (!err || error_is_fatal(err))
        return err;
    error_destroy(err); /* costs this object */
    return NULL;
}

/* --- frames that run: on a stack of their own, or objects that are not tracked --- */

static struct error *search_frame(struct py_owner_search *search, uint64_t address) {
    struct py_record frame;
    uint64_t end;
    uint64_t start = address + (uint64_t)PY_OFFSET(&search->py->layout, frame, localsplus);
    struct error *err = py_record_read(search->py, PY_STRUCT_frame, address, &frame);
    if (!err)
        err = py_frame_get_locals_end(search->py, &frame, &end);
    if (!err)
        own_storage(search, &(struct storage){start, end, 8, 0}, address, NULL);
    return err;
}

static struct error *search_frames(struct py_owner_search *search,
                                   const struct py_interpreter *interpreter) {
    struct py_thread *threads;
    struct py_frame *frames;
    size_t count, frame_count;
    const char *why;
    struct error *err = py_threads_read(search->py, interpreter, &threads, &count);
    for (size_t i = 0; !err && i < count; i++) {
        err = py_frames_read(search->py, threads[i].top_frame, &frames, &frame_count, &why);
        for (size_t j = 0; !err && j < frame_count; j++)
            err = search_frame(search, frames[j].address);
    }
    return err;
}

struct error *py_owners_search(struct py_owner_search *search) {
    struct py_interpreter *interpreters;
    struct py_gc_walk walk;
    size_t count;
    struct error *err = py_interpreters_read(search->py, &interpreters, &count);
    for (size_t i = 0; !err && i < count; i++) {
        bool has_lists = !py_gc_is_shared(search->py) || i + 1 == count;
        err = search_frames(search, &interpreters[i]);
        if (!err && has_lists)
            err = py_gc_visit(search->py, &interpreters[i], search->seconds, visit_object, search,
                              &walk);
        if (!err && has_lists && walk.why)
            search->why = walk.why;
    }
    return err;
}
