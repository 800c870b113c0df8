/*
 * Instance attributes: instance dicts in every representation, and __slots__.
 * Include/internal/pycore_object.h, Objects/dictobject.c, Objects/descrobject.c.
 */
#include "dict.h"
#include "py.h"

/* Bits of tp_flags (Include/object.h). */
#define FLAG_INLINE_VALUES (1ull << 2)
#define FLAG_MANAGED_DICT (1ull << 4)

/* The words before an object of a type with a managed dict (pycore_object.h). */
#define MANAGED_DICT_AT (-PY_MANAGED_DICT_DISTANCE)
#define MANAGED_VALUES_AT (-32) /* 3.11 only */

#define MEMBER_OBJECT 6     /* T_OBJECT (structmember.h) */
#define MEMBER_OBJECT_EX 16 /* Py_T_OBJECT_EX */

bool py_type_has_managed_dict(const struct py *py, const struct py_type *type) {
    return type->flags & FLAG_MANAGED_DICT && py->layout.traits.instance_kind != PY_INSTANCE_DICT;
}

/* Where an instance keeps its attributes: a dict, or values under the type's shared keys. */
struct instance_storage {
    uint64_t dict, values;
};

static struct error *find_inline_values(struct py *py, const struct py_type *type, uint64_t address,
                                        struct instance_storage *ret) {
    uint64_t header = address + type->basicsize;
    struct py_record values;
    if (!(type->flags & FLAG_INLINE_VALUES))
        return NULL;
    struct error *err = py_record_read(py, PY_STRUCT_dict_values, header, &values);
    if (!err && PY_U8(&values, dict_values, valid))
        ret->values = header + (uint64_t)PY_OFFSET(&py->layout, dict_values, values);
    return err;
}

static struct error *find_managed(struct py *py, const struct py_type *type, uint64_t address,
                                  struct instance_storage *ret) {
    uint64_t dict;
    struct error *err = py_read_u64(py, address + (uint64_t)MANAGED_DICT_AT, &dict);
    if (err)
        return err;
    switch (py->layout.traits.instance_kind) {
    case PY_INSTANCE_DICT:
        break;
    case PY_INSTANCE_VALUES_POINTER:
        err = py_read_u64(py, address + (uint64_t)MANAGED_VALUES_AT, &ret->values);
        ret->dict = ret->values ? 0 : dict;
        return err;
    case PY_INSTANCE_TAGGED_WORD:
        ret->values = dict & 1 ? dict + 1 : 0;
        ret->dict = dict & 1 ? 0 : dict;
        return NULL;
    case PY_INSTANCE_INLINE_VALUES:
        ret->dict = dict;
        return dict ? NULL : find_inline_values(py, type, address, ret);
    }
    return NULL;
}

static struct error *find_storage(struct py *py, const struct py_type *type, uint64_t address,
                                  struct instance_storage *ret) {
    *ret = (struct instance_storage){0, 0};
    if (py_type_has_managed_dict(py, type))
        return find_managed(py, type, address, ret);
    if (type->dictoffset > 0)
        return py_read_u64(py, address + (uint64_t)type->dictoffset, &ret->dict);
    return NULL;
}

/* The extent of values that begin at `start`, 0: there are none. */
static struct error *measure_values(struct py *py, const struct py_type *type, uint64_t start,
                                    struct py_values *ret) {
    struct py_dict_keys keys;
    *ret = (struct py_values){start, start};
    if (!start)
        return NULL;
    struct error *err = py_dict_keys_read(py, type->cached_keys, &keys);
    if (!err && keys.entry_count <= PY_SPLIT_VALUES_MAX)
        ret->end = start + 8 * keys.entry_count;
    return err;
}

struct error *py_values_find(struct py *py, const struct py_type *type, uint64_t address,
                             struct py_values *ret) {
    struct instance_storage storage;
    struct error *err = find_storage(py, type, address, &storage);
    return err ? err : measure_values(py, type, storage.values, ret);
}

struct error *py_inline_values_find(struct py *py, const struct py_type *type, uint64_t address,
                                    struct py_values *ret) {
    struct instance_storage storage = {0};
    struct error *err = NULL;
    if (py->layout.traits.instance_kind == PY_INSTANCE_INLINE_VALUES)
        err = find_inline_values(py, type, address, &storage);
    return err ? err : measure_values(py, type, storage.values, ret);
}

/* The memory of the slot `name` in the dict of one type of an MRO. */
struct slot_search {
    struct py *py;
    const char *name;
    uint64_t offset;
    bool found;
};

static struct error *visit_slot_type(void *context, struct py_type *type, bool *stop) {
    struct slot_search *search = context;
    struct py *py = search->py;
    uint64_t descriptor = 0, member;
    struct py_type *descriptor_type;
    struct py_record record;
    if (!type->dict) /* 3.12+: builtin types keep it elsewhere; they have no slots for us */
        return NULL;
    struct error *err = py_dict_find(py, type->dict, search->name, &descriptor);
    if (err || !descriptor)
        return err;
    err = py_type_of(py, descriptor, &descriptor_type);
    if (err || descriptor_type->kind != PY_KIND_MEMBER_DESCRIPTOR)
        return err;
    err = py_read_u64(py, descriptor + (uint64_t)PY_OFFSET(&py->layout, member_descriptor, member),
                      &member);
    if (!err)
        err = py_record_read(py, PY_STRUCT_member, member, &record);
    if (err)
        return err;
    int32_t member_type = PY_I32(&record, member, type);
    search->offset = PY_U64(&record, member, offset);
    search->found = *stop = member_type == MEMBER_OBJECT || member_type == MEMBER_OBJECT_EX;
    return NULL;
}

struct error *py_slot_find(struct py *py, const struct py_type *type, const char *name,
                           uint64_t *ret) {
    struct slot_search search = {.py = py, .name = name};
    struct error *err = py_type_visit_mro(py, type, visit_slot_type, &search);
    *ret = !err && search.found ? search.offset : 0;
    return err;
}

struct error *py_attributes_visit(struct py *py, uint64_t address, py_visit_entry *visit,
                                  void *context) {
    struct py_type *type;
    struct instance_storage storage;
    struct py_dict_keys keys;
    struct error *err = py_type_of(py, address, &type);
    if (!err)
        err = find_storage(py, type, address, &storage);
    if (err)
        return err;
    if (storage.dict)
        return py_dict_visit(py, storage.dict, visit, context);
    if (!storage.values)
        return NULL;
    err = py_dict_keys_read(py, type->cached_keys, &keys);
    return err ? err : py_dict_keys_visit(py, &keys, storage.values, visit, context);
}

/* --- one attribute by name --- */

static struct py_name_memo *find_memo(struct py_name_memo *memos, uint64_t owner,
                                      const char *name) {
    uint64_t hash = owner >> 4;
    for (const char *at = name; *at; at++)
        hash = hash * 31 + (unsigned char)*at;
    return &memos[hash & (PY_MEMO_SIZE - 1)];
}

static bool is_remembered(const struct py_name_memo *memo, uint64_t owner, const char *name) {
    return memo->name && memo->owner == owner && strcmp(memo->name, name) == 0;
}

static void remember(struct py *py, struct py_name_memo *memo, uint64_t owner, const char *name,
                     uint64_t place) {
    *memo = (struct py_name_memo){owner, string_pool_add(py->snapshot->strings, name, strlen(name)),
                                  place};
}

/* Instances of a class share their keys, so that an attribute has one place in all of them. */
static struct error *find_shared(struct py *py, uint64_t address_of_keys, uint64_t values,
                                 const char *name, uint64_t *ret) {
    struct py_name_memo *memo = find_memo(py->key_memo, address_of_keys, name);
    struct py_dict_keys keys;
    uint64_t index = UINT64_MAX;
    if (is_remembered(memo, address_of_keys, name))
        return py_read_u64(py, values + 8 * memo->place, ret);
    struct error *err = py_dict_keys_read(py, address_of_keys, &keys);
    if (!err && keys.entry_count > PY_SPLIT_VALUES_MAX)
        err = error_create(ERROR_INVALID, "a split dict with too many keys");
    if (!err)
        err = py_dict_keys_find(py, &keys, name, &index);
    if (err || index == UINT64_MAX)
        return err;
    remember(py, memo, address_of_keys, name, index);
    return py_read_u64(py, values + 8 * index, ret);
}

static struct error *find_stored(struct py *py, const struct py_type *type, uint64_t address,
                                 const char *name, uint64_t *ret) {
    struct instance_storage storage;
    uint64_t keys;
    struct error *err = find_storage(py, type, address, &storage);
    if (err)
        return err;
    if (!storage.dict)
        return storage.values ? find_shared(py, type->cached_keys, storage.values, name, ret)
                              : NULL;
    err = py_dict_read(py, storage.dict, &keys, &storage.values);
    if (err)
        return err;
    return storage.values ? find_shared(py, keys, storage.values, name, ret)
                          : py_dict_find(py, storage.dict, name, ret);
}

static struct error *find_slot(struct py *py, const struct py_type *type, const char *name,
                               uint64_t *ret) {
    struct py_name_memo *memo = find_memo(py->slot_memo, type->address, name);
    if (is_remembered(memo, type->address, name)) {
        *ret = memo->place;
        return NULL;
    }
    struct error *err = py_slot_find(py, type, name, ret);
    if (!err)
        remember(py, memo, type->address, name, *ret);
    return err;
}

struct error *py_attribute_find(struct py *py, uint64_t address, const char *name, uint64_t *ret) {
    struct py_type *type;
    uint64_t slot;
    *ret = 0;
    struct error *err = py_type_of(py, address, &type);
    if (!err)
        err = find_stored(py, type, address, name, ret);
    if (err || *ret)
        return err;
    err = find_slot(py, type, name, &slot);
    return err || !slot ? err : py_read_u64(py, address + slot, ret);
}
