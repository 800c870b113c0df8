/* Dicts in all their representations. Include/internal/pycore_dict.h, Objects/dictobject.c. */
#include "dict.h"

#include "py.h"

/* dk_kind: the entries of a general table hold the hash too. */
#define KEYS_GENERAL 0

#define PIECE_BYTES 6144 /* a multiple of 16 and 24 */

#define INDEX_BYTES_MAX (1ull << 40)

/* Bytes of the table of indices, which stands before the entries. Up to 3.10 the slots are counted
 * and how wide one is follows from that (DK_IXSIZE in Objects/dict-common.h, dictobject.c). */
static uint64_t get_index_bytes(const struct py *py, const struct py_record *keys) {
    if (!PY_HAS(&py->layout, dict_keys, table_size)) {
        uint8_t log2 = PY_U8(keys, dict_keys, log2_index_bytes);
        return log2 < 64 ? 1ull << log2 : UINT64_MAX;
    }
    uint64_t slots = PY_U64(keys, dict_keys, table_size);
    if (slots > INDEX_BYTES_MAX)
        return UINT64_MAX;
    return slots * (slots <= UINT8_MAX ? 1 : slots <= UINT16_MAX ? 2 : slots <= UINT32_MAX ? 4 : 8);
}

static size_t get_entry_size(const struct py *py, const struct py_record *keys) {
    bool has_kind = PY_HAS(&py->layout, dict_keys, kind);
    return has_kind && PY_U8(keys, dict_keys, kind) != KEYS_GENERAL ? 16 : 24;
}

struct error *py_dict_keys_read(struct py *py, uint64_t address, struct py_dict_keys *ret) {
    struct py_record keys;
    struct error *err = py_record_read(py, PY_STRUCT_dict_keys, address, &keys);
    if (err)
        return err;
    uint64_t index_bytes = get_index_bytes(py, &keys);
    ret->entry_count = PY_U64(&keys, dict_keys, entry_count);
    ret->entry_size = get_entry_size(py, &keys);
    if (index_bytes > INDEX_BYTES_MAX || ret->entry_count > PY_ITEMS_MAX)
        return error_create(ERROR_INVALID, "no dict keys at 0x%llx", (unsigned long long)address);
    ret->entries = address + (uint64_t)PY_OFFSET(&py->layout, dict_keys, indices) + index_bytes;
    return NULL;
}

static struct error *visit_piece(struct py *py, const struct py_dict_keys *keys, uint64_t first,
                                 uint64_t count, uint64_t values, py_visit_entry *visit,
                                 void *context, bool *stop) {
    unsigned char bytes[PIECE_BYTES];
    struct error *err = memory_read(py->memory, keys->entries + first * keys->entry_size, bytes,
                                    count * keys->entry_size);
    for (uint64_t i = 0; !err && !*stop && i < count; i++) {
        uint64_t pair[2];
        memcpy(pair, bytes + (i + 1) * keys->entry_size - sizeof pair, sizeof pair);
        if (values)
            err = py_read_u64(py, values + 8 * (first + i), &pair[1]);
        if (!err && pair[0] && pair[1])
            err = visit(context, pair[0], pair[1], stop);
    }
    return err;
}

struct error *py_dict_keys_visit(struct py *py, const struct py_dict_keys *keys, uint64_t values,
                                 py_visit_entry *visit, void *context) {
    uint64_t count = keys->entry_count, room = PIECE_BYTES / keys->entry_size;
    bool stop = false;
    if (values && count > PY_SPLIT_VALUES_MAX)
        return error_create(ERROR_INVALID, "a split dict with too many keys");
    for (uint64_t done = 0; done < count && !stop;) {
        uint64_t piece = count - done < room ? count - done : room;
        struct error *err = visit_piece(py, keys, done, piece, values, visit, context, &stop);
        if (err)
            return err;
        done += piece;
    }
    return NULL;
}

struct error *py_dict_read(struct py *py, uint64_t address, uint64_t *ret_keys,
                           uint64_t *ret_values) {
    struct py_record dict;
    struct error *err = py_record_read(py, PY_STRUCT_dict, address, &dict);
    if (err)
        return err;
    *ret_keys = PY_U64(&dict, dict, keys);
    *ret_values = PY_U64(&dict, dict, values);
    if (*ret_values && PY_HAS(&py->layout, dict_values, values))
        *ret_values += (uint64_t)PY_OFFSET(&py->layout, dict_values, values);
    return NULL;
}

struct error *py_dict_visit(struct py *py, uint64_t address, py_visit_entry *visit, void *context) {
    uint64_t address_of_keys, values;
    struct py_dict_keys keys;
    struct error *err = py_dict_read(py, address, &address_of_keys, &values);
    if (!err)
        err = py_dict_keys_read(py, address_of_keys, &keys);
    return err ? err : py_dict_keys_visit(py, &keys, values, visit, context);
}

struct error *py_dict_keys_find(struct py *py, const struct py_dict_keys *keys, const char *name,
                                uint64_t *ret) {
    *ret = UINT64_MAX;
    for (uint64_t i = 0; i < keys->entry_count && i < PY_SPLIT_VALUES_MAX; i++) {
        uint64_t key, end = keys->entries + (i + 1) * keys->entry_size;
        bool equal = false;
        struct error *err = py_read_u64(py, end - 16, &key);
        if (!err && key)
            err = py_string_equals(py, key, name, &equal);
        if (err)
            return err;
        if (equal) {
            *ret = i;
            return NULL;
        }
    }
    return NULL;
}

struct key_search {
    struct py *py;
    const char *text;
    uint64_t found;
};

static struct error *visit_text_key(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct key_search *search = context;
    struct py_type *type;
    struct error *err = py_type_of(search->py, key, &type);
    if (err || type->kind != PY_KIND_STRING)
        return err;
    err = py_string_equals(search->py, key, search->text, stop);
    if (!err && *stop)
        search->found = value;
    return err;
}

struct error *py_dict_find(struct py *py, uint64_t address, const char *key, uint64_t *ret) {
    struct key_search search = {.py = py, .text = key};
    struct error *err = py_dict_visit(py, address, visit_text_key, &search);
    *ret = err ? 0 : search.found;
    return err;
}
