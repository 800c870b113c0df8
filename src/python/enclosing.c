/*
 * Every object that may refer to others has a PyGC_Head before it whose neighbours know it: four
 * words that nothing else has by chance. So an object is found by trying the places before a word,
 * whatever allocator it comes from. Include/internal/pycore_gc.h.
 */
#include "enclosing.h"

#include "asyncspy/python/frame.h"
#include "asyncspy/python/gc.h"
#include "dict.h"
#include "py.h"

#define FLAG_TUPLE (1ull << 26) /* Include/object.h */
#define ADDRESS_MAX (1ull << 56)
#define TRY_UNITS 2

/* --- words of an object that are alive --- */

struct error *py_frame_get_locals_end(struct py *py, const struct py_record *frame, uint64_t *ret) {
    uint32_t count = 0;
    if (py->layout.traits.frame_kind == PY_FRAME_OBJECT) {
        *ret = PY_U64(frame, frame, valuestack);
        return NULL;
    }
    uint64_t code = PY_U64(frame, frame, code) & ~3ull; /* perhaps a tagged reference */
    struct error *err =
        py_read_u32(py, code + (uint64_t)PY_OFFSET(&py->layout, code, nlocalsplus), &count);
    *ret = frame->address + (uint64_t)PY_OFFSET(&py->layout, frame, localsplus) + 8ull * count;
    return err;
}

/* Of a frame that runs only the variables are known to be alive. */
static struct error *is_live_in_frame(struct py *py, uint64_t address, bool executing,
                                      uint64_t word, bool *ret) {
    struct py_record frame;
    struct error *err = py_record_read(py, PY_STRUCT_frame, address, &frame);
    if (err)
        return err;
    uint64_t end = executing ? 0 : py_frame_get_stack_end(py, &frame);
    if (!end)
        err = py_frame_get_locals_end(py, &frame, &end);
    *ret = !err && word < end;
    return err;
}

/* The head of a frame refers to no such things as are asked for, but has room that is not cleared
 * when its memory is used again (f_blockstack). */
static bool is_in_head(const struct py *py, uint64_t frame, uint64_t word) {
    return word < frame + (uint64_t)PY_OFFSET(&py->layout, frame, localsplus);
}

/* A frame object tells its generator, which is what people know (up to 3.10). */
static struct error *find_generator(struct py *py, uint64_t frame, struct py_enclosing *ret) {
    struct py_type *type;
    uint64_t generator = 0, address = 0;
    if (!PY_HAS(&py->layout, frame, generator))
        return NULL;
    struct error *err =
        py_read_u64(py, frame + (uint64_t)PY_OFFSET(&py->layout, frame, generator), &generator);
    if (err || !generator)
        return err;
    err = py_read_u64(py, generator + (uint64_t)PY_OFFSET(&py->layout, object, type), &address);
    if (!err)
        err = py_type_read_proven(py, address, &type);
    if (!err)
        *ret = (struct py_enclosing){generator, type, true};
    return err;
}

static struct error *check_frame_object(struct py *py, uint64_t object, struct py_type *type,
                                        uint64_t word, struct py_enclosing *ret) {
    bool live = false;
    struct error *err =
        is_in_head(py, object, word) ? NULL : is_live_in_frame(py, object, false, word, &live);
    if (err || !live)
        return err;
    *ret = (struct py_enclosing){object, type, true};
    return find_generator(py, object, ret);
}

static struct error *check_generator_frame(struct py *py, uint64_t object, struct py_type *type,
                                           uint64_t word, struct py_enclosing *ret) {
    struct py_generator generator;
    bool live = false;
    struct error *err = py_generator_read(py, object, &generator);
    if (!err && generator.state != PY_GENERATOR_FINISHED)
        err = is_live_in_frame(py, generator.frame, generator.state == PY_GENERATOR_EXECUTING, word,
                               &live);
    if (!err && live)
        *ret = (struct py_enclosing){object, type, true};
    return err;
}

static struct error *check_generator(struct py *py, uint64_t object, struct py_type *type,
                                     uint64_t word, struct py_enclosing *ret) {
    uint64_t frame = object + (uint64_t)PY_OFFSET(&py->layout, generator, frame);
    if (word < frame)
        *ret = (struct py_enclosing){object, type, true};
    else if (!is_in_head(py, frame, word))
        return check_generator_frame(py, object, type, word, ret);
    return NULL;
}

static struct error *check_tuple(struct py *py, uint64_t object, struct py_type *type,
                                 uint64_t word, struct py_enclosing *ret) {
    uint64_t count, items = object + (uint64_t)PY_OFFSET(&py->layout, tuple, items);
    struct error *err =
        py_read_u64(py, object + (uint64_t)PY_OFFSET(&py->layout, tuple, count), &count);
    if (!err && count <= PY_ITEMS_MAX && word >= items && word < items + 8 * count)
        *ret = (struct py_enclosing){object, type, true};
    return err;
}

/* A small set keeps its table in itself, and leaves it there when it grows. */
static struct error *check_set(struct py *py, uint64_t object, struct py_type *type, uint64_t word,
                               struct py_enclosing *ret) {
    struct py_record set;
    struct error *err = py_record_read(py, PY_STRUCT_set, object, &set);
    uint64_t table = err ? 0 : PY_U64(&set, set, table), mask = err ? 0 : PY_U64(&set, set, mask);
    if (!err && word >= table && (word - table) / 16 <= mask && (word - table) % 16 == 0)
        *ret = (struct py_enclosing){object, type, true};
    return err;
}

/* Values that stand behind an instance (3.13+). */
static struct error *check_values(struct py *py, uint64_t object, struct py_type *type,
                                  uint64_t word, struct py_enclosing *ret) {
    struct py_values values;
    struct error *err = py_inline_values_find(py, type, object, &values);
    if (!err && word >= values.start && word < values.end)
        *ret = (struct py_enclosing){object, type, true};
    return err;
}

static struct error *visit_ancestor(void *context, struct py_type *type, bool *stop) {
    bool *found = context;
    *found = *stop = type->kind == PY_KIND_WEAKREF;
    return NULL;
}

static bool is_proxy(const struct py_type *type) {
    static const char *const names[] = {"weakproxy", "weakcallableproxy", "weakref.ProxyType",
                                        "weakref.CallableProxyType"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(type->tp_name, names[i]) == 0)
            return true;
    return false;
}

/* The word in which a weak reference, or an instance of a class derived from it, knows its object.
 */
static struct error *is_weak(struct py *py, const struct py_type *type, uint64_t offset,
                             bool *ret) {
    *ret = false;
    if (offset != (uint64_t)PY_OFFSET(&py->layout, weakref, object))
        return NULL;
    *ret = is_proxy(type);
    return *ret ? NULL : py_type_visit_mro(py, type, visit_ancestor, ret);
}

static struct error *check_body(struct py *py, uint64_t object, struct py_type *type, uint64_t word,
                                struct py_enclosing *ret) {
    bool weak;
    if (word - object + 8 > type->basicsize)
        return check_values(py, object, type, word, ret);
    struct error *err = is_weak(py, type, word - object, &weak);
    if (!err)
        *ret = (struct py_enclosing){object, type, !weak};
    return err;
}

static bool is_generator(const struct py_type *type) {
    return type->kind == PY_KIND_COROUTINE || type->kind == PY_KIND_GENERATOR ||
           type->kind == PY_KIND_ASYNC_GENERATOR;
}

static bool is_frame_object(const struct py *py, const struct py_type *type) {
    return py->layout.traits.frame_kind == PY_FRAME_OBJECT && !py_type_is_heap_type(type) &&
           strcmp(type->tp_name, "frame") == 0;
}

bool py_type_has_frame(const struct py *py, const struct py_type *type) {
    return is_frame_object(py, type) ||
           (is_generator(type) && PY_HAS(&py->layout, generator, frame));
}

struct error *py_enclosing_check(struct py *py, uint64_t object, struct py_type *type,
                                 uint64_t word, struct py_enclosing *ret) {
    *ret = (struct py_enclosing){0};
    if (is_generator(type) && PY_HAS(&py->layout, generator, frame))
        return check_generator(py, object, type, word, ret);
    if (is_frame_object(py, type))
        return check_frame_object(py, object, type, word, ret);
    if (type->flags & FLAG_TUPLE && word - object + 8 > type->basicsize)
        return check_tuple(py, object, type, word, ret);
    if (type->kind == PY_KIND_SET)
        return check_set(py, object, type, word, ret);
    return check_body(py, object, type, word, ret);
}

/* --- objects --- */

static bool is_address(uint64_t word, uint64_t alignment) {
    return word >= PY_ADDRESS_MIN && word < ADDRESS_MAX && word % alignment == 0;
}

/* Whether an object may stand at `object`, from its first words alone: most places are told apart
 * here. */
static struct error *looks_like_object(struct py *py, uint64_t object, uint64_t *ret_type,
                                       bool *ret) {
    const struct py_layout *layout = &py->layout;
    unsigned char bytes[64];
    size_t size = (size_t)PY_OFFSET(layout, object, type) + sizeof *ret_type;
    uint32_t count;
    *ret = false;
    if (size > sizeof bytes)
        return error_create(ERROR_INVALID, "impossible layout of objects");
    struct error *err = memory_read(py->memory, object, bytes, size);
    if (err)
        return err;
    memcpy(&count, bytes + PY_OFFSET(layout, object, refcount), sizeof count);
    memcpy(ret_type, bytes + PY_OFFSET(layout, object, type), sizeof *ret_type);
    *ret = count && is_address(*ret_type, 8);
    return NULL;
}

/* The type of the tracked object at `object`; NULL: there is none. */
static struct error *identify(struct py *py, uint64_t object, struct py_type **ret) {
    enum py_gc_tracked tracked;
    uint64_t type;
    bool likely;
    *ret = NULL;
    py_charge(py, TRY_UNITS);
    struct error *err = looks_like_object(py, object, &type, &likely);
    if (err || !likely)
        return error_forgive(err); /* what cannot be read is no object */
    err = py_gc_is_tracked(py, object, &tracked);
    if (!err && tracked == PY_GC_TRACKED)
        err = py_type_read_proven(py, type, ret);
    return error_forgive(err);
}

struct error *py_enclosing_find(struct py *py, uint64_t word, struct py_enclosing *ret) {
    struct py_type *type;
    uint64_t first = (uint64_t)PY_OFFSET(&py->layout, object, type) + 8;
    *ret = (struct py_enclosing){0};
    for (uint64_t distance = first; distance < PY_ENCLOSING_MAX && word > distance; distance += 8) {
        struct error *err = identify(py, word - distance, &type);
        if (!err && type)
            return error_forgive(py_enclosing_check(py, word - distance, type, word, ret));
        if (err)
            return err;
    }
    return NULL;
}

struct error *py_enclosing_find_dict(struct py *py, uint64_t word, struct py_enclosing *ret) {
    struct py_type *type;
    uint64_t object = word + PY_MANAGED_DICT_DISTANCE;
    struct error *err = identify(py, object, &type);
    *ret = (struct py_enclosing){0};
    if (!err && type && py_type_has_managed_dict(py, type))
        *ret = (struct py_enclosing){object, type, true};
    return err;
}
