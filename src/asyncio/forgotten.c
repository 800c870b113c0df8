/*
 * What a program made and forgot: coroutines that nobody started, tasks that ended with an
 * exception nobody looked at. From 3.14 on no list has tasks that ended, and none has coroutines in
 * any version: they are looked for among all objects of the garbage collector.
 */
#include <stdlib.h>
#include <string.h>

#include "aio.h"
#include "asyncspy/python/gc.h"
#include "asyncspy/snapshot/task_index.h"

#define MEMO_SIZE 1024 /* a power of two */
#define FOUND_MAX ((size_t)1 << 20)
#define ORIGIN_MAX 32 /* frames of the origin of a coroutine */

enum role { ROLE_NONE, ROLE_COROUTINE, ROLE_TASK };

/* What instances of a type are; most objects are of few types. */
struct memo {
    uint64_t type;
    enum role role;
    enum aio_kind kind;
};

struct search {
    struct aio *aio;
    struct aio_forgotten *found;
    struct id_table *started; /* addresses of coroutines that tasks have */
    struct memo memo[MEMO_SIZE];
};

static void add_address(struct aio_forgotten *found, struct aio_addresses *list, uint64_t address) {
    if (list->count == FOUND_MAX) {
        found->is_cut = true;
        return;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->items = memory_realloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = address;
}

static struct error *classify(struct search *search, uint64_t type_address, struct memo *memo) {
    struct py_type *type = NULL;
    *memo = (struct memo){.type = type_address};
    struct error *err = py_type_read(search->aio->py, type_address, &type);
    if (!err)
        err = aio_classify(search->aio, type, &memo->kind);
    if (err)
        return err;
    if (type->kind == PY_KIND_COROUTINE && aio_is_generator(search->aio, type))
        memo->role = ROLE_COROUTINE;
    else if (aio_kind_is_task(memo->kind))
        memo->role = ROLE_TASK;
    return NULL;
}

static struct error *visit_coroutine(struct search *search, uint64_t address) {
    enum py_generator_state state;
    struct error *err = py_generator_read_state(search->aio->py, address, &state);
    if (!err && state == PY_GENERATOR_CREATED)
        add_address(search->found, &search->found->coroutines, address);
    return err;
}

static struct error *visit_task(struct search *search, enum aio_kind kind, uint64_t address) {
    struct aio_fields fields;
    struct error *err = aio_fields_read(search->aio, kind, address, &fields);
    if (err)
        return err;
    if (fields.coroutine && fields.state == 0)
        aio_seen_add(search->aio, search->started, fields.coroutine);
    if (fields.state == 2 && fields.exception && fields.log_traceback == SNAPSHOT_YES)
        add_address(search->found, &search->found->tasks, address);
    return NULL;
}

/* An object that cannot be read is told of, and left. */
static struct error *visit_object(void *context, uint64_t address, uint64_t type) {
    struct search *search = context;
    struct memo *memo = &search->memo[(type >> 4) & (MEMO_SIZE - 1)];
    struct error *err = memo->type == type ? NULL : classify(search, type, memo);
    if (!err && memo->role == ROLE_COROUTINE)
        err = visit_coroutine(search, address);
    else if (!err && memo->role == ROLE_TASK)
        err = visit_task(search, memo->kind, address);
    if (!err || error_is_fatal(err))
        return err;
    search->found->why = "an object cannot be read";
    error_destroy(err);
    return NULL;
}

static void drop_started(struct search *search) {
    struct aio_addresses *list = &search->found->coroutines;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!id_table_find(search->started, list->items[i]))
            list->items[kept++] = list->items[i];
    list->count = kept;
}

static void cut(struct aio_forgotten *found, struct aio_addresses *list) {
    if (list->count <= AIO_FORGOTTEN_MAX)
        return;
    list->count = AIO_FORGOTTEN_MAX;
    found->is_cut = true;
}

struct error *aio_forgotten_find(struct py *py, const struct py_interpreter *interpreter,
                                 double seconds, struct aio_forgotten *ret) {
    struct aio aio;
    struct py_gc_walk walk = {0};
    aio_create(py, &(struct aio_input){.interpreter = interpreter, .now = NAN}, &aio);
    struct search *search = memory_alloc(sizeof *search);
    *search = (struct search){.aio = &aio, .found = ret, .started = id_table_create(aio.arena, 0)};
    struct error *err = aio_modules_try(&aio);
    if (!err && aio.modules.tasks)
        err = py_gc_visit(py, interpreter, seconds, visit_object, search, &walk);
    if (!err && walk.why)
        ret->why = walk.why;
    drop_started(search);
    cut(ret, &ret->coroutines);
    cut(ret, &ret->tasks);
    free(search);
    aio_destroy(&aio);
    return err;
}

void aio_forgotten_free(struct aio_forgotten *forgotten) {
    free(forgotten->coroutines.items);
    free(forgotten->tasks.items);
    *forgotten = (struct aio_forgotten){.why = NULL};
}

/* --- who refers to them --- */

static bool is_of_asyncio(const struct py_type *type) {
    static const char *const modules[] = {"asyncio.", "_asyncio.", "concurrent.", "uvloop."};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (strncmp(type->full_name, modules[i], strlen(modules[i])) == 0)
            return true;
    return false;
}

enum aio_holder aio_holder_classify(const struct py_type *type) {
    bool is_container = type->kind == PY_KIND_LIST || type->kind == PY_KIND_TUPLE ||
                        type->kind == PY_KIND_DICT || type->kind == PY_KIND_SET;
    if (type->kind == PY_KIND_MODULE)
        return AIO_HOLDER_OWNER;
    if (is_container)
        return AIO_HOLDER_CONTAINER;
    return type->kind == PY_KIND_OTHER && py_type_is_heap_type(type) && !is_of_asyncio(type)
               ? AIO_HOLDER_OWNER
               : AIO_HOLDER_USER;
}

/* --- what is told of them --- */

/* A tuple of file, line, function. */
static struct error *read_origin_frame(struct aio *aio, uint64_t tuple,
                                       const struct snapshot_frame **ret) {
    struct aio_frame_key key;
    uint64_t items[3] = {0};
    int64_t line = -1;
    struct error *err = NULL;
    memset(&key, 0, sizeof key);
    for (size_t i = 0; !err && i < 3; i++)
        err = py_tuple_get(aio->py, tuple, i, &items[i]);
    if (!err)
        err = py_string_read(aio->py, items[0], &key.file);
    if (!err)
        err = py_integer_read(aio->py, items[1], &line);
    if (!err)
        err = py_string_read(aio->py, items[2], &key.function);
    if (err)
        return err;
    key.line = line >= 0 && line <= INT32_MAX ? (int32_t)line : -1;
    key.end_line = key.column = key.end_column = -1;
    *ret = aio_frame_intern(aio, &key);
    return NULL;
}

/* The frame of the coroutine itself stands where it is defined. */
static struct error *read_frames(struct aio *aio, const struct py_generator *coroutine,
                                 struct snapshot_stack *ret) {
    uint64_t origin;
    int64_t count = 0;
    struct error *err = py_coroutine_get_origin(aio->py, coroutine->address, &origin);
    if (!err && origin)
        err = py_count_read(aio->py, origin, &count);
    count = count < ORIGIN_MAX ? count : ORIGIN_MAX;
    ret->frames = arena_alloc_array(aio->snapshot->arena, 1 + (size_t)count, sizeof *ret->frames);
    if (coroutine->decoded)
        ret->frames[ret->count++] = coroutine->decoded;
    for (int64_t i = 0; !err && i < count; i++) {
        uint64_t tuple;
        err = py_tuple_get(aio->py, origin, (size_t)i, &tuple);
        if (!err)
            err = read_origin_frame(aio, tuple, &ret->frames[ret->count]);
        ret->count += !err;
    }
    return err;
}

static struct error *add_coroutine(struct aio *aio, uint64_t address, const char *holder) {
    struct snapshot_coroutine found = {.id = address, .holder = holder};
    struct py_generator coroutine;
    struct error *err = py_generator_read(aio->py, address, &coroutine);
    if (!err && coroutine.name_address)
        err = py_string_read(aio->py, coroutine.name_address, &found.name);
    if (!err)
        err = read_frames(aio, &coroutine, &found.frames);
    if (!err)
        *SNAPSHOT_APPEND(aio->snapshot, &aio->snapshot->coroutines) = found;
    return aio_note_missing(aio, "a coroutine that was never awaited", err);
}

struct error *aio_forgotten_add(struct py *py, const struct py_interpreter *interpreter,
                                const struct aio_forgotten *forgotten, const char *const *holders) {
    struct aio aio;
    struct snapshot *snapshot = py_get_snapshot(py);
    aio_create(py, &(struct aio_input){.interpreter = interpreter, .now = NAN}, &aio);
    const struct task_index *index = task_index_create(aio.arena, snapshot);
    struct error *err = aio_modules_try(&aio);
    for (size_t i = 0; !err && i < forgotten->coroutines.count; i++)
        if (holders[i])
            err = add_coroutine(&aio, forgotten->coroutines.items[i], holders[i]);
    for (size_t i = 0; !err && i < forgotten->tasks.count; i++)
        if (task_index_find(index, forgotten->tasks.items[i]) == TASK_INDEX_NONE)
            err = aio_task_read(&aio, forgotten->tasks.items[i]);
    aio_destroy(&aio);
    return err;
}
