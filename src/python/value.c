/* Numbers, lengths, items of tuples, deques, queues of executors. Include/floatobject.h,
 * Modules/_collectionsmodule.c, Modules/_queuemodule.c. */
#include "asyncspy/python/function.h"
#include "py.h"

/* No container has as many items as there are words in an address space. */
#define COUNT_MAX (INT64_C(1) << 44)

struct error *py_float_read(struct py *py, uint64_t address, double *ret) {
    struct py_record record;
    struct error *err = py_object_read(py, PY_STRUCT_float, PY_KIND_FLOAT, address, &record);
    if (err)
        return err;
    uint64_t bits = PY_U64(&record, float, value);
    memcpy(ret, &bits, sizeof *ret);
    return NULL;
}

static int32_t find_count(const struct py_layout *layout, enum py_kind kind) {
    if (kind == PY_KIND_LIST)
        return PY_OFFSET(layout, list, count);
    if (kind == PY_KIND_TUPLE)
        return PY_OFFSET(layout, tuple, count);
    if (kind == PY_KIND_DICT)
        return PY_OFFSET(layout, dict, used);
    if (kind == PY_KIND_SET)
        return PY_OFFSET(layout, set, used);
    if (kind == PY_KIND_DEQUE)
        return PY_OFFSET(layout, deque, count);
    return PY_ABSENT;
}

struct error *py_count_read(struct py *py, uint64_t address, int64_t *ret) {
    enum py_kind kind;
    uint64_t count;
    struct error *err = py_kind_find(py, address, &kind);
    if (err)
        return err;
    int32_t offset = find_count(&py->layout, kind);
    if (offset == PY_ABSENT)
        return error_create(ERROR_INVALID, "the object at 0x%llx has no length",
                            (unsigned long long)address);
    err = py_read_u64(py, address + (uint64_t)offset, &count);
    if (!err && count > COUNT_MAX)
        err = error_create(ERROR_INVALID, "the object at 0x%llx has an impossible length",
                           (unsigned long long)address);
    *ret = err ? 0 : (int64_t)count;
    return err;
}

struct error *py_tuple_get(struct py *py, uint64_t address, size_t index, uint64_t *ret) {
    const struct py_layout *layout = &py->layout;
    enum py_kind kind;
    uint64_t count = 0;
    *ret = 0;
    struct error *err = py_kind_find(py, address, &kind);
    if (!err && kind != PY_KIND_TUPLE)
        err =
            error_create(ERROR_INVALID, "there is no tuple at 0x%llx", (unsigned long long)address);
    if (!err)
        err = py_read_u64(py, address + (uint64_t)PY_OFFSET(layout, tuple, count), &count);
    if (err || count > COUNT_MAX || index >= count)
        return err;
    return py_read_u64(py, address + (uint64_t)PY_OFFSET(layout, tuple, items) + 8 * index, ret);
}

/* --- deque --- */

/* Goes through the blocks of a deque, the first of which is used from `index` on. */
static struct error *visit_blocks(struct py *py, uint64_t block, uint64_t index, uint64_t count,
                                  py_visit_item *visit, void *context) {
    const struct py_layout *layout = &py->layout;
    uint64_t items = (uint64_t)PY_OFFSET(layout, deque_block, items);
    uint64_t next = (uint64_t)PY_OFFSET(layout, deque_block, next);
    uint64_t room = (next - items) / 8; /* BLOCKLEN */
    struct error *err = NULL;
    if (index >= room)
        return error_create(ERROR_INVALID, "a deque that begins behind its first block");
    while (!err && count > 0) {
        uint64_t here = count < room - index ? count : room - index;
        err = py_words_visit(py, block + items + 8 * index, here, visit, context);
        count -= here;
        index = 0;
        if (!err && count > 0)
            err = py_read_u64(py, block + next, &block);
    }
    return err;
}

struct error *py_deque_visit(struct py *py, uint64_t address, py_visit_item *visit, void *context) {
    struct py_record deque;
    struct error *err = py_object_read(py, PY_STRUCT_deque, PY_KIND_DEQUE, address, &deque);
    if (err)
        return err;
    uint64_t count = PY_U64(&deque, deque, count);
    if (count > PY_ITEMS_MAX)
        return error_create(ERROR_INVALID, "the deque at 0x%llx has an impossible length",
                            (unsigned long long)address);
    return visit_blocks(py, PY_U64(&deque, deque, first_block), PY_U64(&deque, deque, first_index),
                        count, visit, context);
}

/* --- SimpleQueue --- */

struct skipping_visit {
    uint64_t skip;
    py_visit_item *visit;
    void *context;
};

static struct error *visit_unless_skipped(void *context, uint64_t item) {
    struct skipping_visit *skipping = context;
    if (!skipping->skip)
        return skipping->visit(skipping->context, item);
    skipping->skip--;
    return NULL;
}

/* From 3.13 on: `count` items from `first` on, behind the last comes the first. */
static struct error *visit_ring(struct py *py, const struct py_record *queue, py_visit_item *visit,
                                void *context) {
    uint64_t items = PY_U64(queue, simple_queue, ring_items);
    uint64_t size = PY_U64(queue, simple_queue, ring_size);
    uint64_t first = PY_U64(queue, simple_queue, ring_first);
    uint64_t count = PY_U64(queue, simple_queue, ring_count);
    if (size > PY_ITEMS_MAX || count > size || (first >= size && count > 0))
        return error_create(ERROR_INVALID, "the queue at 0x%llx has an impossible length",
                            (unsigned long long)queue->address);
    uint64_t straight = count < size - first ? count : size - first;
    struct error *err = py_words_visit(py, items + 8 * first, straight, visit, context);
    return err ? err : py_words_visit(py, items, count - straight, visit, context);
}

struct error *py_simple_queue_visit(struct py *py, uint64_t address, py_visit_item *visit,
                                    void *context) {
    struct py_record queue;
    struct error *err =
        py_object_read(py, PY_STRUCT_simple_queue, PY_KIND_SIMPLE_QUEUE, address, &queue);
    if (err)
        return err;
    if (PY_HAS(&py->layout, simple_queue, ring_items))
        return visit_ring(py, &queue, visit, context);
    struct skipping_visit skipping = {PY_U64(&queue, simple_queue, list_position), visit, context};
    return py_list_visit(py, PY_U64(&queue, simple_queue, list), visit_unless_skipped, &skipping);
}
