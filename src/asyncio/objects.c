/* Locks, semaphores, queues, ... that tasks wait for or hold: asyncio/locks.py, queues.py. */
#include <string.h>

#include "anyio.h"

#define OBJECT_UNITS 100 /* of work, besides the reads */

/* How many objects of a class there are so far. */
struct aio_label {
    const char *name;
    uint64_t count;
};

/* A fact that is an attribute. */
struct attribute_fact {
    enum aio_kind kind;
    const char *attribute, *key;
    enum { FACT_INTEGER, FACT_BOOL, FACT_COUNT } form;
};

static const struct attribute_fact attribute_facts[] = {
    {AIO_KIND_LOCK, "_locked", "locked", FACT_BOOL},
    {AIO_KIND_SEMAPHORE, "_value", "value", FACT_INTEGER},
    {AIO_KIND_SEMAPHORE, "_bound_value", "bound", FACT_INTEGER},
    {AIO_KIND_EVENT, "_value", "set", FACT_BOOL},
    {AIO_KIND_BARRIER, "_parties", "parties", FACT_INTEGER},
    {AIO_KIND_BARRIER, "_count", "count", FACT_INTEGER},
    {AIO_KIND_QUEUE, "_queue", "size", FACT_COUNT},
    {AIO_KIND_QUEUE, "_maxsize", "max_size", FACT_INTEGER},
    {AIO_KIND_QUEUE, "_unfinished_tasks", "unfinished", FACT_INTEGER},
    {AIO_KIND_QUEUE, "_getters", "getters", FACT_COUNT},
    {AIO_KIND_QUEUE, "_putters", "putters", FACT_COUNT},
    {AIO_KIND_TASK_GROUP, "_tasks", "children", FACT_COUNT},
    {AIO_KIND_TASK_GROUP, "_exiting", "exiting", FACT_BOOL},
};

static enum snapshot_object_kind get_object_kind(enum aio_kind kind, enum py_kind py_kind) {
    if (py_kind == PY_KIND_THREAD_LOCK || py_kind == PY_KIND_THREAD_RLOCK)
        return SNAPSHOT_OBJECT_THREAD_LOCK;
    switch ((int)kind) {
    case AIO_KIND_LOCK:
    case AIO_KIND_ANYIO_LOCK:
        return SNAPSHOT_OBJECT_LOCK;
    case AIO_KIND_SEMAPHORE:
    case AIO_KIND_ANYIO_SEMAPHORE:
    case AIO_KIND_ANYIO_LIMITER:
        return SNAPSHOT_OBJECT_SEMAPHORE;
    case AIO_KIND_EVENT:
    case AIO_KIND_ANYIO_EVENT:
        return SNAPSHOT_OBJECT_EVENT;
    case AIO_KIND_CONDITION:
    case AIO_KIND_ANYIO_CONDITION:
        return SNAPSHOT_OBJECT_CONDITION;
    case AIO_KIND_BARRIER:
        return SNAPSHOT_OBJECT_BARRIER;
    case AIO_KIND_QUEUE:
    case AIO_KIND_ANYIO_STREAM:
        return SNAPSHOT_OBJECT_QUEUE;
    case AIO_KIND_TASK_GROUP:
    case AIO_KIND_ANYIO_TASK_GROUP:
        return SNAPSHOT_OBJECT_TASK_GROUP;
    case AIO_KIND_THREAD_EXECUTOR:
        return SNAPSHOT_OBJECT_EXECUTOR;
    default:
        return SNAPSHOT_OBJECT_OTHER;
    }
}

static void add_fact(struct aio *aio, struct snapshot_object *object, const char *key,
                     int64_t value, bool is_bool) {
    if (value == SNAPSHOT_UNKNOWN)
        return;
    if (!object->facts)
        object->facts =
            arena_alloc_array(aio->snapshot->arena, AIO_FACTS_MAX, sizeof *object->facts);
    if (object->fact_count < AIO_FACTS_MAX)
        object->facts[object->fact_count++] =
            (struct snapshot_fact){.key = key, .value = value, .is_bool = is_bool};
}

static struct error *read_fact(struct aio *aio, const struct attribute_fact *fact,
                               struct snapshot_object *object) {
    int64_t value;
    struct error *err = fact->form == FACT_COUNT
                            ? aio_attribute_read_count(aio, object->id, fact->attribute, &value)
                            : aio_attribute_read_integer(aio, object->id, fact->attribute, &value);
    if (err)
        return err;
    if (fact->form == FACT_BOOL && value != SNAPSHOT_UNKNOWN)
        value = value != 0;
    add_fact(aio, object, fact->key, value, fact->form == FACT_BOOL);
    return NULL;
}

/* Whether a condition's own lock is taken. */
static struct error *read_condition(struct aio *aio, struct snapshot_object *object) {
    uint64_t lock = 0;
    int64_t locked = SNAPSHOT_UNKNOWN;
    struct error *err = aio_attribute_read(aio, object->id, "_lock", &lock);
    if (!err && lock)
        err = aio_attribute_read_integer(aio, lock, "_locked", &locked);
    if (!err)
        add_fact(aio, object, "locked", locked == SNAPSHOT_UNKNOWN ? locked : locked != 0, true);
    return err;
}

static struct error *read_thread_lock(struct aio *aio, const struct py_type *type,
                                      struct snapshot_object *object) {
    struct py_thread_lock lock;
    struct error *err = py_thread_lock_read(aio->py, type, object->id, &lock);
    if (!err)
        add_fact(aio, object, "locked", lock.locked, true);
    return err;
}

/* An object that is being read. */
struct fact_target {
    struct aio *aio;
    struct snapshot_object *object;
};

static void visit_fact(void *context, const char *key, int64_t value, bool is_bool) {
    struct fact_target *target = context;
    add_fact(target->aio, target->object, key, value, is_bool);
}

static struct error *read_facts(struct aio *aio, const struct py_type *type, enum aio_kind kind,
                                struct snapshot_object *object) {
    struct fact_target target = {aio, object};
    struct error *err = NULL;
    if (object->kind == SNAPSHOT_OBJECT_THREAD_LOCK)
        return read_thread_lock(aio, type, object);
    if (kind == AIO_KIND_CONDITION)
        return read_condition(aio, object);
    for (size_t i = 0; !err && i < sizeof attribute_facts / sizeof *attribute_facts; i++)
        if (attribute_facts[i].kind == kind)
            err = read_fact(aio, &attribute_facts[i], object);
    return err ? err : aio_anyio_facts_visit(aio, kind, object->id, visit_fact, &target);
}

/* The class without its module; threading's locks by the name that people know, and that no lock of
 * asyncio has. */
static const char *get_class(const char *full_name) {
    const char *dot = strrchr(full_name, '.');
    if (strcmp(full_name, "_thread.lock") == 0)
        return "threading.Lock";
    return strcmp(full_name, "_thread.RLock") == 0 ? "threading.RLock" : dot ? dot + 1 : full_name;
}

/* Of objects and labels. */
static struct arena *get_arena(const struct aio *aio) {
    return aio->memo ? aio->memo->arena : aio->arena;
}

/* What nobody was seen to wait for in the last sample may be another object by now. */
static bool is_current(const struct aio *aio, struct aio_object *object) {
    if (!aio->memo)
        return true;
    bool is_recent = object->sample + 1 >= aio->memo->sample;
    object->sample = aio->memo->sample;
    return is_recent;
}

/* "Lock#3": the class and a number of its own. */
static const char *make_label(struct aio *aio, const struct py_type *type) {
    const char *name = get_class(type->full_name);
    struct aio_label *label = table_find(aio->object_labels, name, strlen(name));
    if (!label) {
        label = arena_alloc(get_arena(aio), sizeof *label);
        label->name = name;
        table_add(aio->object_labels, label->name, strlen(name), label);
    }
    return arena_format(aio->snapshot->arena, "%s#%llu", name, (unsigned long long)++label->count);
}

struct error *aio_object_add(struct aio *aio, uint64_t address, struct aio_object **ret) {
    struct py_type *type;
    enum aio_kind kind;
    struct aio_object *known = *ret = id_table_find(aio->objects, address);
    if (known && is_current(aio, known))
        return NULL;
    struct error *err = py_type_of(aio->py, address, &type);
    if (!err)
        err = aio_classify(aio, type, &kind);
    if (err)
        return err;
    py_charge(aio->py, OBJECT_UNITS);
    struct snapshot_object object = {.id = address,
                                     .kind = get_object_kind(kind, type->kind),
                                     .type = type->full_name,
                                     .label = make_label(aio, type)};
    if (!aio->memo)
        err = aio_note_missing(aio, object.label, read_facts(aio, type, kind, &object));
    if (err)
        return err;
    *SNAPSHOT_APPEND(aio->snapshot, &aio->snapshot->objects) = object;
    *ret = known ? known : arena_alloc(get_arena(aio), sizeof **ret);
    **ret = (struct aio_object){.address = address,
                                .kind = kind,
                                .index = aio->snapshot->objects.count - 1,
                                .sample = aio->memo ? aio->memo->sample : 0};
    id_table_add(aio->objects, address, *ret);
    return NULL;
}

void aio_object_add_fact(struct aio *aio, const struct aio_object *object, const char *key,
                         int64_t value) {
    add_fact(aio, &aio->snapshot->objects.items[object->index], key, value, false);
}

void aio_object_add_holder(struct aio *aio, struct aio_object *object,
                           const struct snapshot_holder *holder) {
    struct snapshot_object *it = &aio->snapshot->objects.items[object->index];
    it->holders = snapshot_vector_grow(aio->snapshot->arena, it->holders, &it->holder_count,
                                       &object->holder_capacity, sizeof *it->holders);
    it->holders[it->holder_count - 1] = *holder;
}
