/* Types: read once a walk, with the kind of their instances. Include/cpython/object.h. */
#include <stdlib.h>

#include "py.h"

/* Bits of tp_flags (Include/object.h). */
#define FLAG_HEAP_TYPE (1ull << 9)
#define FLAG_INTEGER (1ull << 24)
#define FLAG_LIST (1ull << 25)
#define FLAG_TUPLE (1ull << 26)
#define FLAG_BYTES (1ull << 27)
#define FLAG_STRING (1ull << 28)
#define FLAG_DICT (1ull << 29)

#define TYPE_NAME_MAX 512
#define MRO_MAX 4096
#define TYPE_UNITS 100

struct flag_kind {
    uint64_t flag;
    enum py_kind kind;
};

static const struct flag_kind kinds_by_flag[] = {
    {FLAG_INTEGER, PY_KIND_INTEGER}, {FLAG_LIST, PY_KIND_LIST}, {FLAG_TUPLE, PY_KIND_TUPLE},
    {FLAG_STRING, PY_KIND_STRING},   {FLAG_DICT, PY_KIND_DICT}, {FLAG_BYTES, PY_KIND_BYTES},
};

struct name_kind {
    const char *name;
    enum py_kind kind;
};

static const struct name_kind kinds_by_name[] = {
    {"NoneType", PY_KIND_NONE},
    {"set", PY_KIND_SET},
    {"frozenset", PY_KIND_SET},
    {"code", PY_KIND_CODE},
    {"coroutine", PY_KIND_COROUTINE},
    {"generator", PY_KIND_GENERATOR},
    {"async_generator", PY_KIND_ASYNC_GENERATOR},
    {"coroutine_wrapper", PY_KIND_COROUTINE_WRAPPER},
    {"async_generator_asend", PY_KIND_ASEND},
    {"async_generator_athrow", PY_KIND_ATHROW},
    {"anext_awaitable", PY_KIND_ANEXT_AWAITABLE},
    {"weakref", PY_KIND_WEAKREF},
    {"weakref.ReferenceType", PY_KIND_WEAKREF},
    {"member_descriptor", PY_KIND_MEMBER_DESCRIPTOR},
    {"module", PY_KIND_MODULE},
    {"function", PY_KIND_FUNCTION},
    {"method", PY_KIND_METHOD},
    {"builtin_function_or_method", PY_KIND_BUILTIN},
    {"builtin_method", PY_KIND_BUILTIN},
    {"method_descriptor", PY_KIND_METHOD_DESCRIPTOR},
    {"cell", PY_KIND_CELL},
    {"float", PY_KIND_FLOAT},
    {"Context", PY_KIND_CONTEXT},
    {"_contextvars.Context", PY_KIND_CONTEXT},
    {"ContextVar", PY_KIND_CONTEXT_VARIABLE},
    {"_contextvars.ContextVar", PY_KIND_CONTEXT_VARIABLE},
    {"hamt", PY_KIND_HAMT},
    {"hamt_bitmap_node", PY_KIND_HAMT_BITMAP},
    {"hamt_array_node", PY_KIND_HAMT_ARRAY},
    {"hamt_collision_node", PY_KIND_HAMT_COLLISION},
};

/* Types of extensions, which are heap types in later versions. The tp_name of a class that is
 * written in Python has no module. */
static const struct name_kind kinds_by_dotted_name[] = {
    {"functools.partial", PY_KIND_PARTIAL},       {"collections.deque", PY_KIND_DEQUE},
    {"_queue.SimpleQueue", PY_KIND_SIMPLE_QUEUE}, {"_thread.lock", PY_KIND_THREAD_LOCK},
    {"_thread.RLock", PY_KIND_THREAD_RLOCK},
};

static enum py_kind find_kind(const struct name_kind *kinds, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return kinds[i].kind;
    return PY_KIND_OTHER;
}

/* A class that a program defines is a heap type, so one that is only called like a builtin type
 * is not taken for it. */
static enum py_kind classify(const struct py_type *type) {
    for (size_t i = 0; i < sizeof kinds_by_flag / sizeof *kinds_by_flag; i++)
        if (type->flags & kinds_by_flag[i].flag)
            return kinds_by_flag[i].kind;
    if (strchr(type->tp_name, '.')) {
        enum py_kind kind =
            find_kind(kinds_by_dotted_name, sizeof kinds_by_dotted_name / sizeof *kinds_by_name,
                      type->tp_name);
        if (kind != PY_KIND_OTHER)
            return kind;
    }
    if (type->flags & FLAG_HEAP_TYPE)
        return PY_KIND_OTHER;
    return find_kind(kinds_by_name, sizeof kinds_by_name / sizeof *kinds_by_name, type->tp_name);
}

/* Fills `type` from the part of the structure that static types have too. */
static struct error *read_static_part(struct py *py, uint64_t address, struct py_type *type) {
    struct py_record record = {.layout = &py->layout, .address = address};
    size_t size = (size_t)PY_OFFSET(&py->layout, type, mro) + 8;
    if (size > sizeof record.bytes)
        return error_create(ERROR_INVALID, "impossible layout of types");
    uint32_t first = py->layout.first[PY_STRUCT_type];
    struct error *err =
        memory_read(py->memory, address + first, record.bytes + first, size - first);
    if (err)
        return err;
    type->address = address;
    type->flags = PY_U64(&record, type, flags);
    type->basicsize = PY_U64(&record, type, basicsize);
    type->dict = PY_U64(&record, type, dict);
    type->mro = PY_U64(&record, type, mro);
    type->dictoffset = (int64_t)PY_U64(&record, type, dictoffset);
    err = py_c_string_read(py, PY_U64(&record, type, name), TYPE_NAME_MAX, &type->tp_name);
    if (!err || error_is_fatal(err) || !py->roots.lacks_files || type->flags & FLAG_HEAP_TYPE)
        return err;
    error_destroy(err);
    return py_static_name_find(py, address, &type->tp_name);
}

/* "module.qualname" of a class, as its repr() gives it. */
static struct error *read_full_name(struct py *py, struct py_type *type) {
    uint64_t qualname, module = 0;
    const char *name, *module_name = NULL;
    struct error *err = py_read_u64(
        py, type->address + (uint64_t)PY_OFFSET(&py->layout, type, qualname), &qualname);
    if (!err)
        err = py_string_read(py, qualname, &name);
    if (!err)
        err = py_dict_find(py, type->dict, "__module__", &module);
    struct py_type *module_type = NULL;
    if (!err && module)
        err = py_type_of(py, module, &module_type);
    if (!err && module_type && module_type->kind == PY_KIND_STRING)
        err = py_string_read(py, module, &module_name);
    if (err)
        return err;
    if (!module_name || strcmp(module_name, "builtins") == 0)
        type->full_name = name;
    else
        type->full_name = arena_format(py->snapshot->arena, "%s.%s", module_name, name);
    return NULL;
}

static struct error *read_heap_part(struct py *py, struct py_type *type) {
    uint64_t at = type->address + (uint64_t)PY_OFFSET(&py->layout, type, cached_keys);
    struct error *err = py_read_u64(py, at, &type->cached_keys);
    if (err)
        return err;
    err = read_full_name(py, type);
    if (err && error_is_fatal(err))
        return err;
    if (err) /* its short name stands */
        snapshot_add_missing(py->snapshot,
                             arena_format(py->arena, "module of class %s", type->tp_name),
                             error_get_message(err));
    error_destroy(err);
    return NULL;
}

/* The type is findable before its names are read, so that a class in a cycle with them ends. */
static struct error *add_type(struct py *py, uint64_t address, struct py_type **ret) {
    struct py_type found = {0};
    /* What changes while it is looked at leads anywhere, and a wrong type would be kept. */
    struct error *err = py->looks ? py_type_check(py, address) : NULL;
    if (!err)
        err = read_static_part(py, address, &found);
    if (err)
        return error_add_context(err, "type at 0x%llx", (unsigned long long)address);
    bool has_name = found.tp_name; /* else its kind is not for keeps either */
    found.tp_name = has_name ? found.tp_name : "";
    found.full_name = found.tp_name;
    found.kind = classify(&found);
    py_charge(py, TYPE_UNITS);
    struct py_type *type = *ret = arena_alloc(py->arena, sizeof *type);
    *type = found;
    if (!has_name)
        return NULL;
    id_table_add(py->types, type->address, type);
    err = type->flags & FLAG_HEAP_TYPE ? read_heap_part(py, type) : NULL;
    return err ? error_add_context(err, "type %s", type->tp_name) : NULL;
}

struct error *py_type_read(struct py *py, uint64_t type_address, struct py_type **ret) {
    struct py_type **memo = &py->type_memo[(type_address >> 4) & (PY_MEMO_SIZE - 1)];
    if (*memo && (*memo)->address == type_address) {
        *ret = *memo;
        return NULL;
    }
    *ret = id_table_find(py->types, type_address);
    if (!*ret) {
        struct py_lasting lasting = py_lasting_begin(py);
        struct error *err = py_lasting_end(py, &lasting, add_type(py, type_address, ret));
        if (err || !*ret || !(*ret)->tp_name[0])
            return err;
    }
    *memo = *ret;
    return NULL;
}

struct error *py_type_of(struct py *py, uint64_t address, struct py_type **ret) {
    uint64_t type = 0;
    struct error *err =
        py_read_u64(py, address + (uint64_t)PY_OFFSET(&py->layout, object, type), &type);
    return err ? err : py_type_read(py, type, ret);
}

bool py_type_is_heap_type(const struct py_type *type) {
    return type->flags & FLAG_HEAP_TYPE;
}

struct mro_walk {
    struct py *py;
    struct error *(*visit)(void *context, struct py_type *type, bool *stop);
    void *context;
    bool stop;
    size_t count;
};

static struct error *visit_mro_item(void *context, uint64_t item) {
    struct mro_walk *walk = context;
    struct py_type *type = NULL;
    if (walk->count++ >= MRO_MAX) /* also ends the walk over a tuple that lies about its length */
        return error_create(ERROR_INVALID, "a class with more than %d ancestors", MRO_MAX);
    if (walk->stop)
        return NULL;
    struct error *err = py_type_read(walk->py, item, &type);
    return err ? err : walk->visit(walk->context, type, &walk->stop);
}

struct error *py_type_visit_mro(struct py *py, const struct py_type *type,
                                struct error *(*visit)(void *context, struct py_type *type,
                                                       bool *stop),
                                void *context) {
    struct mro_walk walk = {.py = py, .visit = visit, .context = context};
    if (!type->mro) /* a type of C that nobody made ready has no ancestors, but may have instances
                     */
        return visit_mro_item(&walk, type->address);
    return py_tuple_visit(py, type->mro, visit_mro_item, &walk);
}
