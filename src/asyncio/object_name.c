/* What the program calls an object: the variable or attribute of a frame that reaches it. */
#include <string.h>

#include "wait.h"

#define TRIES_MAX 3        /* frames that are asked about one object */
#define VARIABLES_MAX 64   /* of a frame, whose attributes are looked through */
#define CONTAINER_MAX 1000 /* entries of a dict that is looked through */
#define NAME_UNITS 200

struct name_search {
    struct aio *aio;
    uint64_t wanted;
    const char *attribute; /* that was found in the instance looked through */
    const char *name;      /* the answer */
    const char *container; /* the dict that is looked through, as the program calls it */
    size_t variables;
};

static struct error *visit_attribute(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct name_search *search = context;
    if (value != search->wanted)
        return NULL;
    *stop = true;
    return py_string_read(search->aio->py, key, &search->attribute);
}

/* "Pool.sem" for an attribute of self, else "pool.sem". */
static const char *join(struct name_search *search, const char *variable,
                        const struct py_type *type) {
    const char *dot = strrchr(type->full_name, '.');
    const char *class = dot ? dot + 1 : type->full_name;
    return arena_format(search->aio->snapshot->arena, "%s.%s",
                        strcmp(variable, "self") == 0 ? class : variable, search->attribute);
}

/* "['alice']", "[7]"; NULL of keys that are something else. */
static struct error *describe_key(struct name_search *search, uint64_t key, const char **ret) {
    struct py *py = search->aio->py;
    struct py_type *type;
    const char *text;
    int64_t number;
    *ret = NULL;
    struct error *err = py_type_of(py, key, &type);
    if (!err && type->kind == PY_KIND_STRING) {
        err = py_string_read(py, key, &text);
        if (!err)
            *ret = arena_format(search->aio->arena, "['%.60s']", text);
    } else if (!err && type->kind == PY_KIND_INTEGER) {
        err = py_integer_read(py, key, &number);
        if (!err)
            *ret = arena_format(search->aio->arena, "[%lld]", (long long)number);
    }
    return err;
}

static struct error *visit_entry(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct name_search *search = context;
    const char *text = NULL;
    if (value != search->wanted)
        return NULL;
    *stop = true;
    struct error *err = describe_key(search, key, &text);
    if (!err && text)
        search->name = arena_format(search->aio->snapshot->arena, "%s%s", search->container, text);
    return err;
}

/* An entry of a dict that `container` names. */
static struct error *look_into_dict(struct name_search *search, const char *container,
                                    uint64_t dict) {
    struct py_type *type;
    int64_t count = 0;
    struct error *err = dict ? py_type_of(search->aio->py, dict, &type) : NULL;
    if (err || !dict || type->kind != PY_KIND_DICT)
        return err;
    err = py_count_read(search->aio->py, dict, &count);
    if (err || count <= 0 || count > CONTAINER_MAX)
        return err;
    search->container = container;
    return py_dict_visit(search->aio->py, dict, visit_entry, search);
}

/* The dicts among the attributes of an instance. */
struct attribute_dicts {
    struct name_search *search;
    const char *variable;
    const struct py_type *type;
};

static struct error *visit_attribute_dict(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct attribute_dicts *dicts = context;
    struct name_search *search = dicts->search;
    struct py_type *type;
    struct error *err = value ? py_type_of(search->aio->py, value, &type) : NULL;
    if (err || !value || type->kind != PY_KIND_DICT)
        return err;
    err = py_string_read(search->aio->py, key, &search->attribute);
    if (!err)
        err = look_into_dict(search, join(search, dicts->variable, dicts->type), value);
    *stop = search->name != NULL;
    return err;
}

static struct error *look_inside(struct name_search *search, const char *variable,
                                 uint64_t instance, bool *stop) {
    struct py_type *type;
    struct error *err = py_type_of(search->aio->py, instance, &type);
    if (err || !py_type_is_heap_type(type) || search->variables++ >= VARIABLES_MAX)
        return err;
    search->attribute = NULL;
    err = py_attributes_visit(search->aio->py, instance, visit_attribute, search);
    if (!err && search->attribute)
        search->name = join(search, variable, type);
    struct attribute_dicts dicts = {search, variable, type};
    if (!err && !search->name)
        err = py_attributes_visit(search->aio->py, instance, visit_attribute_dict, &dicts);
    *stop = search->name != NULL;
    return err;
}

static struct error *visit_variable(void *context, const char *name, uint64_t value, bool *stop) {
    struct name_search *search = context;
    if (value == search->wanted) {
        search->name = name;
        *stop = true;
    }
    return NULL;
}

static struct error *visit_instance(void *context, const char *name, uint64_t value, bool *stop) {
    struct name_search *search = context;
    struct error *err = look_into_dict(search, name, value);
    if (!err && !search->name)
        err = look_inside(search, name, value, stop);
    *stop = search->name != NULL;
    return error_forgive(err); /* no instance that could be read: the next one, then */
}

static struct error *find_global(struct name_search *search, uint64_t frame) {
    uint64_t globals;
    struct error *err = py_globals_find(search->aio->py, frame, &globals);
    search->attribute = NULL;
    if (!err && globals)
        err = py_dict_visit(search->aio->py, globals, visit_attribute, search);
    if (!err)
        search->name = search->attribute;
    return err;
}

static struct error *find_name(struct name_search *search, uint64_t frame) {
    struct error *err = py_locals_visit(search->aio->py, frame, visit_variable, search);
    if (!err && !search->name)
        err = py_locals_visit(search->aio->py, frame, visit_instance, search);
    if (!err && !search->name)
        err = find_global(search, frame);
    return err;
}

struct error *aio_object_find_name(struct aio *aio, struct aio_object *object, uint64_t frame) {
    struct name_search search = {.aio = aio,
                                 .wanted = object->known_as ? object->known_as : object->address};
    if (!frame || object->name_tries >= TRIES_MAX ||
        aio->snapshot->objects.items[object->index].name)
        return NULL;
    object->name_tries++;
    py_charge(aio->py, NAME_UNITS);
    struct error *err =
        error_forgive(find_name(&search, frame)); /* a name is an aid, nothing is lost without it */
    aio->snapshot->objects.items[object->index].name = search.name;
    return err;
}
