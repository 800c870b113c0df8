/* Tuples, lists, sets, modules, weak references. Include/cpython/{tuple,list,set}object.h. */
#include "asyncspy/python/function.h"
#include "py.h"

#define PIECE 512 /* words that are copied at once */

struct error *py_words_visit(struct py *py, uint64_t address, uint64_t count, py_visit_item *visit,
                             void *context) {
    uint64_t words[PIECE];
    for (uint64_t done = 0; done < count;) {
        uint64_t piece = count - done < PIECE ? count - done : PIECE;
        struct error *err = memory_read(py->memory, address + 8 * done, words, 8 * piece);
        for (uint64_t i = 0; !err && i < piece; i++)
            err = visit(context, words[i]);
        if (err)
            return err;
        done += piece;
    }
    return NULL;
}

static struct error *check_count(uint64_t count, const char *what, uint64_t address) {
    if (count <= PY_ITEMS_MAX)
        return NULL;
    return error_create(ERROR_INVALID, "%s at 0x%llx has an impossible length", what,
                        (unsigned long long)address);
}

struct error *py_list_visit(struct py *py, uint64_t address, py_visit_item *visit, void *context) {
    struct py_record list;
    struct error *err = py_record_read(py, PY_STRUCT_list, address, &list);
    if (err)
        return err;
    uint64_t count = PY_U64(&list, list, count);
    err = check_count(count, "the list", address);
    return err ? err : py_words_visit(py, PY_U64(&list, list, items), count, visit, context);
}

struct error *py_list_get(struct py *py, uint64_t address, size_t index, uint64_t *ret) {
    struct py_record list;
    *ret = 0;
    struct error *err = py_record_read(py, PY_STRUCT_list, address, &list);
    if (err || index >= PY_U64(&list, list, count))
        return err;
    return py_read_u64(py, PY_U64(&list, list, items) + 8 * (uint64_t)index, ret);
}

struct error *py_tuple_visit(struct py *py, uint64_t address, py_visit_item *visit, void *context) {
    uint64_t count;
    struct error *err =
        py_read_u64(py, address + (uint64_t)PY_OFFSET(&py->layout, tuple, count), &count);
    if (!err)
        err = check_count(count, "the tuple", address);
    uint64_t items = address + (uint64_t)PY_OFFSET(&py->layout, tuple, items);
    return err ? err : py_words_visit(py, items, count, visit, context);
}

/* An entry of a set's table (Include/cpython/setobject.h); a deleted one has hash -1. */
struct set_entry {
    uint64_t key, hash;
};

/* A thread that is caught in set_table_resize() (Objects/setobject.c) has put a new table in place
 * and not all entries into it. */
static struct error *check_used(struct py *py, const struct py_record *set, uint64_t used) {
    if (used == PY_U64(set, set, used))
        return NULL;
    py_set_unsettled(py);
    return error_create(ERROR_INVALID,
                        "the set at 0x%llx has %llu items instead of %llu: it is "
                        "just changing",
                        (unsigned long long)set->address, (unsigned long long)used,
                        (unsigned long long)PY_U64(set, set, used));
}

struct error *py_set_visit(struct py *py, uint64_t address, py_visit_item *visit, void *context) {
    struct py_record set;
    struct set_entry entries[PIECE / 2];
    struct error *err = py_record_read(py, PY_STRUCT_set, address, &set);
    if (err)
        return err;
    uint64_t mask = PY_U64(&set, set, mask), table = PY_U64(&set, set, table), used = 0;
    err = check_count(mask, "the set", address);
    for (uint64_t done = 0; !err && done <= mask;) {
        uint64_t piece = mask + 1 - done < PIECE / 2 ? mask + 1 - done : PIECE / 2;
        err = memory_read(py->memory, table + sizeof *entries * done, entries,
                          sizeof *entries * piece);
        for (uint64_t i = 0; !err && i < piece; i++)
            if (entries[i].key && entries[i].hash != UINT64_MAX) {
                used++;
                err = visit(context, entries[i].key);
            }
        done += piece;
    }
    return err ? err : check_used(py, &set, used);
}

struct error *py_module_get_dict(struct py *py, uint64_t address, uint64_t *ret) {
    return py_read_u64(py, address + (uint64_t)PY_OFFSET(&py->layout, module, dict), ret);
}

struct error *py_weakref_get(struct py *py, uint64_t address, uint64_t *ret) {
    uint64_t object;
    struct py_type *type;
    struct error *err =
        py_read_u64(py, address + (uint64_t)PY_OFFSET(&py->layout, weakref, object), &object);
    if (!err)
        err = py_type_of(py, object, &type);
    if (!err)
        *ret = type->kind == PY_KIND_NONE ? 0 : object;
    return err;
}
