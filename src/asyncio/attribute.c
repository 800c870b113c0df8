/* Attributes of small instances, where "not there" is an answer. */
#include "wait.h"

struct error *aio_attribute_read(struct aio *aio, uint64_t address, const char *name,
                                 uint64_t *ret) {
    struct error *err = py_attribute_find(aio->py, address, name, ret);
    return err ? err : aio_drop_none(aio, ret);
}

struct error *aio_attribute_read_integer(struct aio *aio, uint64_t address, const char *name,
                                         int64_t *ret) {
    struct py_type *type;
    uint64_t value;
    *ret = SNAPSHOT_UNKNOWN;
    struct error *err = py_attribute_find(aio->py, address, name, &value);
    if (err || !value)
        return err;
    err = py_type_of(aio->py, value, &type);
    if (err || type->kind != PY_KIND_INTEGER)
        return err;
    return py_integer_read(aio->py, value, ret);
}

struct error *aio_attribute_read_count(struct aio *aio, uint64_t address, const char *name,
                                       int64_t *ret) {
    struct py_type *type;
    uint64_t value;
    *ret = SNAPSHOT_UNKNOWN;
    struct error *err = py_attribute_find(aio->py, address, name, &value);
    if (!err && value)
        err = py_type_of(aio->py, value, &type);
    if (err || !value)
        return err;
    switch ((int)type->kind) {
    case PY_KIND_NONE:
        *ret = 0;
        return NULL;
    case PY_KIND_LIST:
    case PY_KIND_TUPLE:
    case PY_KIND_SET:
    case PY_KIND_DICT:
    case PY_KIND_DEQUE:
        return py_count_read(aio->py, value, ret);
    default:
        return NULL;
    }
}
