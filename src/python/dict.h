/* The keys of dicts and of classes whose instances share them. Private to the python layer. */
#pragma once

#include "asyncspy/python/object.h"

/* A PyDictKeysObject: `entry_count` entries of `entry_size` bytes from `entries` on. */
struct py_dict_keys {
    uint64_t entries;
    uint64_t entry_count;
    size_t entry_size; /* 24: hash, key, value; 16: key, value */
};

/* Most attributes that instances keep in split values: 30 from 3.11 on (SHARED_KEYS_MAX_SIZE in
 * pycore_dict.h), before as many as the instances of a class have in common. */
#define PY_SPLIT_VALUES_MAX 65536

struct error *py_dict_keys_read(struct py *py, uint64_t address,
                                struct py_dict_keys *ret) ERROR_CHECK;

/* The place of the str key `name` among the entries; *ret is UINT64_MAX when it is not there. */
struct error *py_dict_keys_find(struct py *py, const struct py_dict_keys *keys, const char *name,
                                uint64_t *ret) ERROR_CHECK;

/* Where the dict at `address` has its keys, and its values if these are apart (split), else 0. */
struct error *py_dict_read(struct py *py, uint64_t address, uint64_t *ret_keys,
                           uint64_t *ret_values) ERROR_CHECK;

/* Entries of `keys`; with `values` not 0 the i-th value is the i-th word there (split). */
struct error *py_dict_keys_visit(struct py *py, const struct py_dict_keys *keys, uint64_t values,
                                 py_visit_entry *visit, void *context) ERROR_CHECK;

/* Where an instance of `type` keeps the values of its attributes under the type's shared keys, all
 * that there may be of them; empty: it keeps none there. */
struct py_values {
    uint64_t start, end;
};
struct error *py_values_find(struct py *py, const struct py_type *type, uint64_t address,
                             struct py_values *ret) ERROR_CHECK;

/* The same of values that stand behind the instance itself (3.13+), also where a dict has been made
 * that shares them. */
struct error *py_inline_values_find(struct py *py, const struct py_type *type, uint64_t address,
                                    struct py_values *ret) ERROR_CHECK;

/* Whether the address of an instance's dict stands before the instance (3.11+), and how far. */
bool py_type_has_managed_dict(const struct py *py, const struct py_type *type);
#define PY_MANAGED_DICT_DISTANCE 24
