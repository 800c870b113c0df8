/* The walk's context, records and single words. */
#include "asyncspy/python/object.h"

#include <math.h>
#include <stdlib.h>

#include "py.h"

struct py *py_create(struct target_memory *memory, const struct py_layout *layout,
                     const struct py_roots *roots) {
    struct py *py = memory_alloc(sizeof *py);
    memset(py, 0, sizeof *py);
    py->memory = memory;
    py->layout = *layout;
    py->roots = *roots;
    py->walk_units = PY_WALK_UNITS;
    py->arena = arena_create();
    py->positions = table_create();
    return py;
}

/* What is kept by address alone: within a look nothing is freed. */
static void forget_addresses(struct py *py) {
    memset(py->key_memo, 0, sizeof py->key_memo);
    memset(py->slot_memo, 0, sizeof py->slot_memo);
    memset(py->text_memo, 0, sizeof py->text_memo);
}

static void forget_caches(struct py *py) {
    table_reset(py->positions);
    memset(py->type_memo, 0, sizeof py->type_memo);
    memset(py->position_memo, 0, sizeof py->position_memo);
    forget_addresses(py);
    arena_reset(py->arena);
    py->types = id_table_create(py->arena, 0);
    py->codes = id_table_create(py->arena, 0);
    py->static_names = NULL;
    py->finds_static_names = false;
    py->lasting.count = 0;
    py->has_met_other_code = false;
}

void py_destroy(struct py *py) {
    if (!py)
        return;
    memory_footprint_free(&py->lasting);
    table_destroy(py->positions);
    arena_destroy(py->arena);
    free(py);
}

void py_begin_walk(struct py *py, struct snapshot *snapshot) {
    forget_caches(py);
    py->snapshot = snapshot;
    py->unsettled = false;
    memory_set_work(py->memory, py->walk_units);
}

void py_begin_looks(struct py *py, struct snapshot *snapshot) {
    memory_watch(py->memory, true);
    py_begin_walk(py, snapshot);
    py->looks = true;
}

struct error *py_look(struct py *py, enum memory_look look) {
    forget_addresses(py);
    py->unsettled = false;
    py->look++;
    py->look_is_full = look == MEMORY_LOOK_AT_ALL;
    memory_set_work(py->memory, py->walk_units);
    return memory_refresh(py->memory, look);
}

bool py_renew_lasting(struct py *py) {
    if (!py->has_met_other_code && !memory_has_changed(py->memory, &py->lasting))
        return false;
    forget_caches(py);
    return true;
}

struct memory_footprint *py_track(struct py *py, struct memory_footprint *footprint) {
    return memory_track(py->memory, footprint);
}

struct py_lasting py_lasting_begin(struct py *py) {
    return (struct py_lasting){memory_track(py->memory, py->looks ? &py->lasting : NULL),
                               py->lasting.count};
}

/* What could not be read was mostly no such thing, and changes. */
struct error *py_lasting_end(struct py *py, const struct py_lasting *lasting, struct error *err) {
    memory_track(py->memory, lasting->tracked);
    if (err)
        py->lasting.count = lasting->count;
    return err;
}

bool py_has_changed(const struct py *py, const struct memory_footprint *footprint) {
    return memory_has_changed(py->memory, footprint);
}

void py_set_walk_units(struct py *py, uint64_t units) {
    py->walk_units = units;
}

void py_charge(struct py *py, uint64_t units) {
    memory_charge(py->memory, units);
}

bool py_is_exhausted(const struct py *py) {
    return memory_is_exhausted(py->memory);
}

void py_set_unsettled(struct py *py) {
    py->unsettled = true;
}

bool py_is_unsettled(const struct py *py) {
    return py->unsettled;
}

struct py_layout *py_get_layout(struct py *py) {
    return &py->layout;
}

const struct py_roots *py_get_roots(const struct py *py) {
    return &py->roots;
}

struct snapshot *py_get_snapshot(struct py *py) {
    return py->snapshot;
}

/* Between the fields may be what changes all the time, and tells nothing here. */
static struct error *read_fields(struct py *py, enum py_struct struct_, uint64_t address,
                                 struct py_record *ret) {
    uint32_t first = py->layout.first[struct_], span = py->layout.span[struct_];
    struct memory_footprint *tracked = memory_track(py->memory, NULL);
    struct error *err = memory_read(py->memory, address + first, ret->bytes + first, span - first);
    memory_track(py->memory, tracked);
    const struct py_run *runs = py->layout.runs[struct_];
    for (uint32_t i = 0; !err && tracked && i < py->layout.run_count[struct_]; i++)
        memory_note(py->memory, address + 8 * (uint64_t)runs[i].first, 8 * (size_t)runs[i].count);
    return err;
}

struct error *py_record_read(struct py *py, enum py_struct struct_, uint64_t address,
                             struct py_record *ret) {
    uint32_t span = py->layout.span[struct_], first = py->layout.first[struct_];
    if (span > sizeof ret->bytes)
        return error_create(ERROR_INVALID, "a structure of %u bytes is larger than any known",
                            span);
    ret->layout = &py->layout;
    ret->address = address;
    if (py->looks)
        return read_fields(py, struct_, address, ret);
    return memory_read(py->memory, address + first, ret->bytes + first, span - first);
}

struct error *py_read_u64(struct py *py, uint64_t address, uint64_t *ret) {
    return memory_read_word(py->memory, address, ret);
}

struct error *py_read_u32(struct py *py, uint64_t address, uint32_t *ret) {
    return memory_read(py->memory, address, ret, sizeof *ret);
}

bool py_cycle_found(struct py_cycle_check *check, uint64_t address) {
    if (check->steps && address == check->seen)
        return true;
    if (check->steps++ >= check->limit) {
        check->limit = check->limit ? check->limit * 2 : 1;
        check->seen = address;
    }
    return false;
}

static struct error *visit_kind(void *context, struct py_type *type, bool *stop) {
    enum py_kind *kind = context;
    *kind = type->kind;
    *stop = type->kind != PY_KIND_OTHER;
    return NULL;
}

struct error *py_kind_find(struct py *py, uint64_t address, enum py_kind *ret) {
    struct py_type *type;
    struct error *err = py_type_of(py, address, &type);
    if (err)
        return err;
    *ret = type->kind;
    return *ret == PY_KIND_OTHER ? py_type_visit_mro(py, type, visit_kind, ret) : NULL;
}

struct error *py_object_read(struct py *py, enum py_struct struct_, enum py_kind kind,
                             uint64_t address, struct py_record *ret) {
    enum py_kind found = PY_KIND_OTHER;
    struct py_type *type;
    struct error *err = py_type_of(py, address, &type);
    if (!err)
        err = py_kind_find(py, address, &found);
    if (!err && (found != kind || type->basicsize < py->layout.span[struct_]))
        err = error_create(ERROR_INVALID, "the object at 0x%llx is of another type",
                           (unsigned long long)address);
    return err ? err : py_record_read(py, struct_, address, ret);
}
