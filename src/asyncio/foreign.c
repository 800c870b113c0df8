/*
 * What stands in await chains and is not CPython's own: coroutines that Cython compiled
 * (Cython/Utility/Coroutine.c of 0.29 and 3.x), and objects of Python classes that pass everything
 * on to a coroutine.
 */
#include <string.h>

#include "aio.h"

/* Bytes of Cython's coroutine, and how far from its name its other members are. Where the name is
 * depends on the versions of Cython and Python; what awaits stands one or two words before. */
#define CYTHON_SIZE_MAX 256
#define CYTHON_BODY_AT 16 /* the C function; behind it all are objects but the label */
#define CYTHON_NAME_FIRST 64
#define QUALNAME_AT 8
#define MODULE_AT 16
#define CODE_AT 24
#define LABEL_AT 40                         /* int: where it goes on; 0 not started, -1 finished */
#define RUNNING_MASK (UINT64_C(0xff) << 32) /* the char behind it */
#define CYTHON_END_AT 48

#define WRAPPED_AT 16 /* in Cython's coroutine_wrapper, async_generator_asend and _athrow */

struct wrapper_class {
    const char *type, *attribute;
};

static const struct wrapper_class wrapper_classes[] = {
    {"asyncio.coroutines.CoroWrapper", "gen"},                 /* debug mode up to 3.7 */
    {"types._GeneratorWrapper", "_GeneratorWrapper__wrapped"}, /* types.coroutine() */
};

struct cython_type {
    const char *name;
    bool is_wrapper;
};

static const struct cython_type cython_types[] = {
    {"coroutine", false},
    {"iterable_coroutine", false},
    {"generator", false},
    {"async_generator", false},
    {"coroutine_wrapper", true},
    {"async_generator_asend", true},
    {"async_generator_athrow", true},
};

/* CPython's own types are told by their addresses: Cython's were of the same names up to 0.29. */
bool aio_is_generator(const struct aio *aio, const struct py_type *type) {
    const struct aio_modules *modules = &aio->modules;
    uint64_t own = 0;
    if (type->kind == PY_KIND_COROUTINE)
        own = modules->coroutine;
    else if (type->kind == PY_KIND_GENERATOR)
        own = modules->generator;
    else if (type->kind == PY_KIND_ASYNC_GENERATOR)
        own = modules->async_generator;
    else
        return false;
    return !own || type->address == own;
}

/* "coroutine" of "_cython_3_1_6.coroutine"; before 3.0 there is no module before it, but no class
 * of the program is a static type. */
static const struct cython_type *find_cython_type(const struct py_type *type) {
    const char *name = strrchr(type->tp_name, '.');
    if (!name && py_type_is_heap_type(type))
        return NULL;
    if (name && strncmp(type->tp_name, "_cython_", strlen("_cython_")) != 0)
        return NULL;
    name = name ? name + 1 : type->tp_name;
    for (size_t i = 0; i < sizeof cython_types / sizeof *cython_types; i++)
        if (strcmp(name, cython_types[i].name) == 0)
            return &cython_types[i];
    return NULL;
}

static const struct wrapper_class *find_wrapper_class(const struct py_type *type) {
    for (size_t i = 0; i < sizeof wrapper_classes / sizeof *wrapper_classes; i++)
        if (strcmp(type->full_name, wrapper_classes[i].type) == 0)
            return &wrapper_classes[i];
    return NULL;
}

struct cython {
    uint64_t words[CYTHON_SIZE_MAX / 8];
    size_t size, name_at;
    bool has_code;
};

static uint64_t get_word(const struct cython *cython, size_t at) {
    return cython->words[at / 8];
}

/* The kind of the object that a word refers to; PY_KIND_OTHER for what is none. */
static struct error *get_kind(struct aio *aio, uint64_t word, enum py_kind *ret,
                              struct py_type **ret_type) {
    struct py_type *type = NULL;
    *ret = PY_KIND_OTHER;
    *ret_type = NULL;
    if (!word || word % sizeof word)
        return NULL;
    struct error *err = py_type_of(aio->py, word, &type);
    if (!err) {
        *ret = type->kind;
        *ret_type = type;
    }
    return error_forgive(err);
}

static struct error *is_kind(struct aio *aio, uint64_t word, enum py_kind kind, bool *ret) {
    enum py_kind found;
    struct py_type *type;
    struct error *err = get_kind(aio, word, &found, &type);
    *ret = !err && found == kind;
    return err;
}

/* Whether the name stands at `at`: three strings, then a code object or nothing. */
static struct error *check_name(struct aio *aio, struct cython *cython, size_t at, bool *ret) {
    uint64_t code = get_word(cython, at + CODE_AT);
    struct error *err = is_kind(aio, get_word(cython, at), PY_KIND_STRING, ret);
    if (!err && *ret)
        err = is_kind(aio, get_word(cython, at + QUALNAME_AT), PY_KIND_STRING, ret);
    if (!err && *ret)
        err = is_kind(aio, get_word(cython, at + MODULE_AT), PY_KIND_STRING, ret);
    cython->has_code = code != 0;
    if (!err && *ret && code)
        err = is_kind(aio, code, PY_KIND_CODE, ret);
    return err;
}

static struct error *find_name(struct aio *aio, struct cython *cython) {
    bool found = false;
    size_t at = CYTHON_NAME_FIRST;
    for (; !found && at + CYTHON_END_AT <= cython->size; at += 8) {
        struct error *err = check_name(aio, cython, at, &found);
        if (err)
            return err;
        cython->name_at = at;
    }
    return found ? NULL
                 : error_create(ERROR_INVALID, "a coroutine of an unknown version of Cython");
}

/* Whether the chain leads through an object of that type. */
static bool is_awaitable(const struct aio *aio, const struct py_type *type) {
    if (aio_is_generator(aio, type) || type->kind == PY_KIND_COROUTINE_WRAPPER ||
        type->kind == PY_KIND_ASEND || type->kind == PY_KIND_ATHROW ||
        type->kind == PY_KIND_ANEXT_AWAITABLE)
        return true;
    return find_cython_type(type) || find_wrapper_class(type);
}

/* What it awaits: of the two words before its name the one that a chain can lead through. */
static struct error *find_awaited(struct aio *aio, const struct cython *cython, uint64_t *ret) {
    *ret = 0;
    for (size_t i = 1; !*ret && i <= 2; i++) {
        uint64_t word = get_word(cython, cython->name_at - 8 * i);
        enum py_kind kind;
        struct py_type *type;
        struct error *err = get_kind(aio, word, &kind, &type);
        if (err)
            return err;
        if (type && is_awaitable(aio, type))
            *ret = word;
    }
    return NULL;
}

/* One that has come to its end has let go of all, its names too: only the label is left. */
static bool is_empty(const struct cython *cython) {
    size_t labels = 0;
    for (size_t at = CYTHON_BODY_AT + 8; at < cython->size; at += 8) {
        if (!get_word(cython, at))
            continue;
        if ((int32_t)(uint32_t)get_word(cython, at) != -1 || labels++)
            return false;
    }
    return labels == 1;
}

static enum py_generator_state get_state(const struct cython *cython) {
    uint64_t word = get_word(cython, cython->name_at + LABEL_AT);
    int32_t label = (int32_t)(uint32_t)word;
    if (word & RUNNING_MASK)
        return PY_GENERATOR_EXECUTING;
    if (label == 0)
        return PY_GENERATOR_CREATED;
    return label > 0 ? PY_GENERATOR_SUSPENDED : PY_GENERATOR_FINISHED;
}

/* Its frame: names and the file. A line it does not have: the code object is made for tracebacks
 * only and stands still at the first line. */
static struct error *make_frame(struct aio *aio, const struct cython *cython,
                                const struct snapshot_frame **ret) {
    struct aio_frame_key key;
    uint64_t file = 0;
    memset(&key, 0, sizeof key);
    key.line = key.end_line = key.column = key.end_column = -1;
    struct error *err = py_string_read(aio->py, get_word(cython, cython->name_at), &key.function);
    if (!err)
        err = py_string_read(aio->py, get_word(cython, cython->name_at + QUALNAME_AT),
                             &key.qualified_name);
    if (!err && cython->has_code)
        err = py_read_u64(aio->py,
                          get_word(cython, cython->name_at + CODE_AT) +
                              (uint64_t)PY_OFFSET(py_get_layout(aio->py), code, filename),
                          &file);
    if (!err && file)
        err = py_string_read(aio->py, file, &key.file);
    if (!err)
        *ret = aio_frame_intern(aio, &key);
    return err;
}

static struct error *read_cython(struct aio *aio, const struct py_type *type, uint64_t address,
                                 struct py_generator *ret) {
    struct cython cython = {.size = type->basicsize};
    if (cython.size < CYTHON_NAME_FIRST + CYTHON_END_AT || cython.size > sizeof cython.words)
        return error_create(ERROR_INVALID, "a coroutine of an unknown version of Cython");
    struct error *err = NULL;
    for (size_t at = 0; !err && at + 8 <= cython.size; at += 8)
        err = py_read_u64(aio->py, address + at, &cython.words[at / 8]);
    if (!err && is_empty(&cython)) {
        ret->state = PY_GENERATOR_FINISHED;
        return NULL;
    }
    if (!err)
        err = find_name(aio, &cython);
    if (err)
        return err;
    ret->state = get_state(&cython);
    ret->name_address = get_word(&cython, cython.name_at + QUALNAME_AT);
    if (ret->state == PY_GENERATOR_FINISHED)
        return NULL;
    err = make_frame(aio, &cython, &ret->decoded);
    return err ? err : find_awaited(aio, &cython, &ret->awaited);
}

struct error *aio_foreign_read(struct aio *aio, const struct py_type *type, uint64_t address,
                               bool *ret_is_coroutine, struct py_generator *ret) {
    const struct cython_type *cython = find_cython_type(type);
    const struct wrapper_class *wrapper = find_wrapper_class(type);
    *ret_is_coroutine = cython && !cython->is_wrapper;
    *ret = (struct py_generator){.address = address, .state = PY_GENERATOR_FINISHED};
    if (*ret_is_coroutine)
        return read_cython(aio, type, address, ret);
    if (cython)
        return py_read_u64(aio->py, address + WRAPPED_AT, &ret->awaited);
    return wrapper ? py_attribute_find(aio->py, address, wrapper->attribute, &ret->awaited) : NULL;
}
