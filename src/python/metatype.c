/*
 * Whether something is a type. The type of a type is a metatype, its type another one, and the last
 * of them is `type`, which is its own (Objects/typeobject.c). Heads of lists and freed memory look
 * like a type at first sight, but do not lead there.
 */
#include "py.h"

#define FLAG_TYPE_SUBCLASS (1ull << 31) /* instances are types (Include/object.h) */
#define METATYPES_MAX 8

/* The types of `address`, of that, ... up to one that is its own. */
struct metatypes {
    uint64_t items[METATYPES_MAX];
    size_t count;
};

static struct error *refuse(uint64_t address) {
    return error_create(ERROR_INVALID, "no type at 0x%llx", (unsigned long long)address);
}

static struct error *follow(struct py *py, uint64_t address, struct metatypes *ret) {
    uint64_t at = address, type = 0;
    for (ret->count = 0; ret->count < METATYPES_MAX; at = type) {
        struct error *err =
            py_read_u64(py, at + (uint64_t)PY_OFFSET(&py->layout, object, type), &type);
        if (err || type == at)
            return err;
        if (type < PY_ADDRESS_MIN || type % 8)
            break;
        ret->items[ret->count++] = type;
    }
    return refuse(address);
}

static bool is_printable(const char *name) {
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            return false;
    return *name;
}

/* The last one is asked first: what does not lead to `type` is not read as one. */
static struct error *check_metatypes(struct py *py, uint64_t address) {
    struct metatypes metatypes;
    struct py_type *type;
    struct error *err = follow(py, address, &metatypes);
    if (!err && !metatypes.count) /* it is its own: `type`, if it is any */
        metatypes.items[metatypes.count++] = address;
    for (size_t i = metatypes.count; !err && i-- > 0;) {
        bool is_last = i + 1 == metatypes.count;
        err = py_type_read(py, metatypes.items[i], &type);
        if (!err && (!(type->flags & FLAG_TYPE_SUBCLASS) ||
                     (is_last && strcmp(type->tp_name, "type") != 0)))
            err = refuse(address);
    }
    return err;
}

struct error *py_type_check(struct py *py, uint64_t address) {
    if (py->checks_type)
        return NULL;
    py->checks_type = true;
    struct error *err = check_metatypes(py, address);
    py->checks_type = false;
    return err;
}

struct error *py_type_read_proven(struct py *py, uint64_t address, struct py_type **ret) {
    struct py_type *type = id_table_find(py->types, address);
    struct error *err = type && type->proven ? NULL : check_metatypes(py, address);
    if (!err)
        err = py_type_read(py, address, &type);
    if (!err && !is_printable(type->full_name))
        err = refuse(address);
    if (err)
        return err;
    type->proven = true;
    *ret = type;
    return NULL;
}
