/* asyncio.Handle and TimerHandle: asyncio/events.py. Their attributes are slots. Those of uvloop:
 * uvloop_handle.c. */
#include "uvloop.h"

/* Where the slots of a class are; 0: it has none of that name. */
struct aio_handle_type {
    uint64_t type;
    uint64_t callback, arguments, cancelled, when;
};

static struct error *find_type(struct aio *aio, const struct py_type *type,
                               const struct aio_handle_type **ret) {
    struct aio_handle_type *found = id_table_find(aio->handle_types, type->address);
    struct error *err = NULL;
    *ret = found;
    if (found)
        return NULL;
    found = arena_alloc(aio->arena, sizeof *found);
    found->type = type->address;
    err = py_slot_find(aio->py, type, "_callback", &found->callback);
    if (!err)
        err = py_slot_find(aio->py, type, "_args", &found->arguments);
    if (!err)
        err = py_slot_find(aio->py, type, "_cancelled", &found->cancelled);
    if (!err)
        err = py_slot_find(aio->py, type, "_when", &found->when);
    if (err)
        return err;
    id_table_add(aio->handle_types, found->type, found);
    *ret = found;
    return NULL;
}

static struct error *read_slot(struct aio *aio, uint64_t address, uint64_t offset, uint64_t *ret) {
    *ret = 0;
    if (!offset)
        return NULL;
    struct error *err = py_read_u64(aio->py, address + offset, ret);
    return err || !*ret ? err : aio_drop_none(aio, ret);
}

struct error *aio_number_read(struct aio *aio, uint64_t value, double *ret) {
    struct py_type *type;
    int64_t number = 0;
    *ret = NAN;
    struct error *err = py_type_of(aio->py, value, &type);
    if (err)
        return err;
    if (type->kind == PY_KIND_FLOAT)
        return py_float_read(aio->py, value, ret);
    if (type->kind != PY_KIND_INTEGER)
        return NULL;
    err = py_integer_read(aio->py, value, &number);
    *ret = (double)number;
    return err;
}

static struct error *read_slots(struct aio *aio, const struct aio_handle_type *type,
                                uint64_t address, struct aio_handle *ret) {
    uint64_t cancelled, when;
    int64_t flag = 0;
    struct error *err = read_slot(aio, address, type->callback, &ret->callback);
    if (!err)
        err = read_slot(aio, address, type->arguments, &ret->arguments);
    if (!err)
        err = read_slot(aio, address, type->cancelled, &cancelled);
    if (!err && cancelled)
        err = py_integer_read(aio->py, cancelled, &flag);
    if (!err)
        err = read_slot(aio, address, type->when, &when);
    if (!err && when)
        err = aio_number_read(aio, when, &ret->when);
    ret->cancelled = flag != 0;
    return err;
}

struct error *aio_handle_read(struct aio *aio, uint64_t address, struct aio_handle *ret) {
    const struct aio_handle_type *handle_type;
    struct py_type *type;
    enum aio_kind kind;
    *ret = (struct aio_handle){.when = NAN};
    struct error *err = py_type_of(aio->py, address, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (!err && (kind == AIO_KIND_UVLOOP_TIMER || kind == AIO_KIND_UVLOOP_HANDLE))
        return aio_uvloop_handle_read(aio, kind, address, ret);
    if (!err && kind != AIO_KIND_HANDLE && kind != AIO_KIND_TIMER_HANDLE)
        err = error_create(ERROR_INVALID, "a %s is no handle", type->full_name);
    if (!err)
        err = find_type(aio, type, &handle_type);
    return err ? err : read_slots(aio, handle_type, address, ret);
}

struct error *aio_timer_read(struct aio *aio, uint64_t handle, double *ret) {
    struct aio_handle it;
    struct error *err = aio_handle_read(aio, handle, &it);
    *ret = err ? NAN : it.when;
    return err;
}
